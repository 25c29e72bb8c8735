"""`inpaint`: checks the arrays, has the windows filled on all cores, keeps the promises of docs/design.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro.errors import ImageError, ImageTypeError, ParameterError, ParameterTypeError
from restauro.filling import Damaged, fill
from restauro.holes import find_holes
from restauro.mask import hole_from_array
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.numerics.threads import checked_workers
from restauro.numerics.threads import usable_cores as usable_cores
from restauro.windows import Part

DTYPES = ("bool", "uint8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64")


def inpaint(
    image: ArrayLike,
    mask: ArrayLike,
    method: str | Method = DEFAULT_METHOD,
    *,
    out: NDArray[Any] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    **parameters: Any,
) -> NDArray[Any]:
    """Fill the holes of a picture; return it with all else unchanged.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], any number of bands C, not modified. uint8, uint16, float32, float64 as they are; int16,
        int32, uint32 and float16 are filled as real numbers and rounded to the nearest value they hold; bool is filled
        as 0 and 1 and cut at a half. Floats may have any range up to 1e150; NaN and infinity may stand in holes only.
    mask
        [H, W]: bool, or integers where non-zero is hole, or floats that are 0 or 1. Not modified.
    method
        A name, with its parameters as keywords, or a `Method` instance. `restauro.method_names()` lists the names.
    out
        Array of the image's shape and dtype for the result; `out=image` works in place. By default a new one.
    workers
        Threads to use; by default every core that this process may use. The result doesn't depend on it.
    seed
        For methods that use random numbers: the same seed gives the same result.
    progress
        Called with the fraction done, rising to 1.0, several times a second, in the caller's thread. An exception
        raised in it stops the work and reaches the caller.
    **parameters
        The method's parameters; `restauro methods NAME` describes them.

    Returns
    -------
    The restored picture, of the image's shape and dtype. Outside the holes every value is the same bit for bit.

    Raises
    ------
    RestauroError
        A subclass that is also a ValueError or a TypeError, with a sentence that says what to do.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.full((6, 8, 3), 200, np.uint16)
    >>> mask = np.zeros((6, 8), bool)
    >>> mask[2:4, 1:6] = True
    >>> image[mask] = 0
    >>> restored = restauro.inpaint(image, mask, "telea", radius=3)
    >>> int(restored.min()), restored.dtype
    (200, dtype('uint16'))
    """
    chosen = make_method(method, parameters)
    picture = _checked_image(image)
    hole = hole_from_array(mask, picture.shape[:2])
    threads = checked_workers(workers)
    _check_seed(seed)
    result = _result_array(picture, out)
    holes = find_holes(hole, threads)
    _check_finite(picture, hole)
    if out is not image:
        np.copyto(result, picture)
    bands = result if result.ndim == 3 else result[:, :, np.newaxis]
    fill([Damaged(bands, [Part(holes, chosen)])], workers=threads, seed=seed, progress=progress)
    if progress is not None:
        progress(1.0)
    return result


def _checked_image(image: ArrayLike) -> NDArray[Any]:
    try:
        picture = np.asarray(image)
    except ValueError as error:
        raise ImageTypeError(
            f"The image can't be made an array ({error}); pass an array [H, W] or [H, W, C]."
        ) from None
    if picture.dtype.name not in DTYPES or not picture.dtype.isnative:
        raise ImageTypeError(
            f"The image has dtype {picture.dtype}, which has no rule; convert it to one of {', '.join(DTYPES)}."
        )
    if picture.ndim not in (2, 3):
        raise ImageError(f"The image has shape {picture.shape}; it must be [H, W] or [H, W, C].")
    if picture.size == 0:
        raise ImageError(f"The image has shape {picture.shape}, so it has no pixels; there is nothing to restore.")
    return picture


def _result_array(picture: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None:
        return np.empty_like(picture, subok=False)
    if not isinstance(out, np.ndarray):
        raise ImageTypeError(f"out must be an array of the image's shape and dtype, not {type(out).__name__}.")
    if out.shape != picture.shape or out.dtype != picture.dtype:
        raise ImageError(
            f"out has shape {out.shape} and dtype {out.dtype}; it must have the image's, {picture.shape} and "
            f"{picture.dtype}."
        )
    if not out.flags.writeable:
        raise ImageError("out can't be written to (it is read-only); pass a writable array, or leave it out.")
    return out


def _check_finite(picture: NDArray[Any], hole: NDArray[np.bool_]) -> None:
    """Refuse NaN and infinity among known pixels. A sum is the quickest way to see that there are none at all."""
    if picture.dtype.kind != "f":
        return
    rows = max(1, (1 << 20) // max(picture[0].size, 1))
    for top in range(0, picture.shape[0], rows):
        block = picture[top : top + rows]
        with np.errstate(all="ignore"):
            if math.isfinite(block.sum(dtype=np.float64)):
                continue
        bad = ~np.isfinite(block)
        if bad.ndim == 3:
            bad = bad.any(axis=2)
        bad &= ~hole[top : top + rows]
        if bad.any():
            y, x = np.argwhere(bad)[0]
            raise ImageError(
                f"The image has NaN or infinity among its known pixels (the first at row {top + y}, column {x}); mark "
                "such pixels in the mask, for example mask | ~np.isfinite(image), or replace them."
            )


def _check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ParameterTypeError(f"seed must be a whole number, not {seed!r}.")
    if seed < 0:
        raise ParameterError(f"seed={seed} is out of range: it must be 0 or more.")


def load_kernels(method: Method) -> None:
    """Load a method's kernels, or compile them the first time, by filling a pixel.

    It takes a third of a second from the disk, which a caller can spend on reading files meanwhile.
    """
    hole = np.zeros((96, 96), np.bool_)
    hole[48, 48] = True
    inpaint(np.arange(hole.size * 3).astype(np.uint8).reshape(96, 96, 3), hole, method)  # a flat one skips steps
