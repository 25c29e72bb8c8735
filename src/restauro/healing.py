"""`heal`: a hole filled from another place, as retouchers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro.arrays import checked_image, not_finite
from restauro.donor import Donor
from restauro.errors import ImageError, ParameterTypeError
from restauro.inpainting import fill_and_count
from restauro.mask import marked
from restauro.methods.heal import Heal


def heal(
    image: ArrayLike,
    mask: ArrayLike,
    offset: tuple[int, int] = (0, 0),
    *,
    source: ArrayLike | None = None,
    mirror: str = "none",
    turn: int = 0,
    unknown: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> NDArray[Any]:
    """Fill holes with the detail of another place and the tone of what is around them.

    The gradients in a hole become those of its donor, the values at its rim stay: Poisson's equation (P. Pérez, M.
    Gangnet, A. Blake, "Poisson image editing", ACM Trans. Graphics 22 (3), 2003, doi:10.1145/882262.882269), solved as
    method `harmonic` does. The wrong choice where the rim crosses an edge and the donor's doesn't: the difference
    spreads into the hole.

    Parameters
    ----------
    image, mask, unknown, out, workers, progress
        See `restauro.inpaint`; no stacks.
    offset
        Rows and columns from a hole to its donor: (40, -12) is 40 pixels further down and 12 to the left.
    source
        Another picture to copy from, registered to this one, of its shape and dtype; by default the picture itself. NaN
        and infinity in it count as unknown.
    mirror
        "left-right" or "up-down": the donor is mirrored, about the middle of the box around the mask's pixels.
    turn
        0, 90, 180 or 270: degrees by which the donor is turned anticlockwise after that. Nothing is resampled.

    Returns
    -------
    The restored picture; outside the holes every value is the same bit for bit.

    Raises
    ------
    ParameterError, ParameterTypeError
        No such offset, mirroring or turn.
    MaskError
        The donor lies outside of the picture, or isn't known there.
    ImageError
        The source doesn't fit.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.tile([[10, 30], [30, 10]], (20, 20)) + np.arange(40)     # a weave, lighter to the right
    >>> mask = np.zeros(image.shape, bool)
    >>> mask[10:20, 10:20] = True
    >>> healed = restauro.heal(np.where(mask, 0, image).astype(np.uint8), mask, (0, 12))
    >>> bool((healed == image).all())
    True
    """
    method = healing(offset, mirror, turn)
    picture = checked_image(image)
    told: dict[str, Any] = {}
    if source is not None:
        other, hole = _checked_source(source, picture), marked(mask, picture.shape)
        stray = not_finite(other, np.zeros(hole.shape, np.bool_))
        told["donor"] = Donor.at((method.down, method.right), mirror, turn, hole, other, stray)
    return fill_and_count(image, mask, method, told, unknown=unknown, out=out, workers=workers, progress=progress)[0]


def healing(offset: Any, mirror: str, turn: int) -> Heal:
    """Return the method that heals from an offset, rows and columns."""
    if not isinstance(offset, (tuple, list)) or len(offset) != 2:
        raise ParameterTypeError(f"offset must be rows and columns, such as (40, -12), not {offset!r}.")
    return Heal(down=offset[0], right=offset[1], mirror=mirror, turn=turn)


def _checked_source(source: ArrayLike, picture: NDArray[Any]) -> NDArray[Any]:
    """Return another picture to copy from, [H, W, C], of this machine's byte order."""
    other = checked_image(source)
    if other.shape != picture.shape or other.dtype != picture.dtype:
        raise ImageError(
            f"The source has shape {other.shape} and dtype {other.dtype}; it must have the image's, {picture.shape} "
            f"and {picture.dtype}: convert it, and register it to the image."
        )
    native = other.astype(other.dtype.newbyteorder("="), copy=False)
    return native if native.ndim == 3 else native[:, :, np.newaxis]
