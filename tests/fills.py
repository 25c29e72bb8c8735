"""Pictures filled with windows of other sizes, or in parts by several methods: what `inpaint` has no argument for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from restauro.filling import Holed, fill
from restauro.guidance import NO_PICTURE_GUIDANCE, PictureGuidance
from restauro.holes import find_holes
from restauro.method import Method
from restauro.windows import SIZES, Part, Sizes


def filled(
    image: np.ndarray,
    hole: np.ndarray,
    method: Method,
    sizes: Sizes = SIZES,
    workers: int = 2,
    seed: int = 0,
    guidance: PictureGuidance = NO_PICTURE_GUIDANCE,
) -> np.ndarray:
    """Return what `inpaint` would, if windows were of such sizes."""
    return filled_in_parts(image, [(hole, method)], sizes=sizes, workers=workers, seed=seed, guidance=guidance)


def filled_in_parts(
    image: np.ndarray,
    parts: Sequence[tuple[np.ndarray, Method]],
    *,
    others: np.ndarray | None = None,
    sizes: Sizes = SIZES,
    workers: int = 2,
    seed: int = 0,
    guidance: PictureGuidance = NO_PICTURE_GUIDANCE,
) -> np.ndarray:
    """Fill masks, each by its method, one part after the other; `others` is a mask of what stays unknown."""
    restored = image.copy()
    bands = restored if restored.ndim == 3 else restored[:, :, np.newaxis]
    damaged = Holed(
        bands,
        [Part(find_holes(mask), method, guidance) for mask, method in parts],
        None if others is None else find_holes(others),
    )
    fill([damaged], workers=workers, seed=seed, sizes=sizes)
    return restored
