"""Images as arrays: what is taken for one, and sentences for what isn't; pixels that are no values."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro.errors import ImageError, ImageTypeError

DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64")

_LONGEST = np.iinfo(np.int32).max  # pixels of a side: columns are counted in 32 bits


def checked_image(image: ArrayLike) -> NDArray[Any]:
    """Return the array that an image is, [H, W], [H, W, C] or a stack of such; nothing is copied that is one.

    A Pillow picture with a palette becomes one of colours. A masked array gives its data: see `masked_pixels`.

    Raises
    ------
    ImageTypeError, ImageError
        No array, a dtype that has no rule, a shape that is none of a picture, no pixels, or too many in a row.
    """
    picture = _as_array(image)
    if picture.dtype.name not in DTYPES:
        raise ImageTypeError(
            f"The image has dtype {picture.dtype}, which has no rule; convert it to one of {', '.join(DTYPES)}."
        )
    if picture.ndim not in (2, 3, 4):
        raise ImageError(f"The image has shape {picture.shape}; it must be [H, W] or [H, W, C].")
    if picture.size == 0:
        raise ImageError(f"The image has shape {picture.shape}, so it has no pixels; there is nothing to restore.")
    if max(picture.shape) > _LONGEST:
        raise ImageError(
            f"The image has shape {picture.shape}: no side may have more than {_LONGEST} pixels; restore it in parts."
        )
    return picture


def _as_array(image: ArrayLike) -> NDArray[Any]:
    if image is None:
        raise ImageTypeError(
            "The image is None: cv2.imread returns that where it can't read a file, so look at the path it was given."
        )
    if isinstance(image, (str, bytes, os.PathLike)):
        raise ImageTypeError(
            f"The image is a path ({os.fspath(image)!r}), not an array: read it (restauro.read_picture(path).pixels), "
            "or restore the file with restauro.restore_file."
        )
    try:
        return np.asarray(without_palette(image))
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # unequal lengths; tensors of a GPU
        raise ImageTypeError(
            f"The image can't be made an array ({error}); pass an array [H, W] or [H, W, C]."
        ) from None


def without_palette(image: Any) -> Any:
    """Return a Pillow picture with a palette as one of colours, and anything else as it is.

    Neighbouring indices of a palette may be any colours, so they can't be filled.
    """
    if getattr(image, "mode", None) not in ("P", "PA") or not hasattr(image, "convert"):
        return image
    return image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")


def masked_pixels(image: ArrayLike) -> NDArray[np.bool_] | None:
    """Return what a masked array masks, bool of the image's shape, or None if nothing."""
    return np.ma.getmaskarray(image) if isinstance(image, np.ma.MaskedArray) and np.ma.is_masked(image) else None


def in_any_band(bad: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels of a mask of values, [H, W] or [H, W, C], have one."""
    return np.asarray(bad.any(axis=2)) if bad.ndim > len(shape) else bad


def not_finite(picture: NDArray[Any], hole: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return where a picture, [H, W] or [H, W, C], is NaN or infinite outside a mask; None where nowhere.

    A sum is the quickest way to see that there are none at all.
    """
    if picture.dtype.kind != "f":
        return None
    found = None
    rows = max(1, (1 << 20) // max(picture[0].size, 1))
    for top in range(0, picture.shape[0], rows):
        block = picture[top : top + rows]
        with np.errstate(all="ignore"):
            if math.isfinite(block.sum(dtype=np.float64)):
                continue
        bad = in_any_band(~np.isfinite(block), hole.shape) & ~hole[top : top + rows]
        if bad.any():
            found = np.zeros(hole.shape, np.bool_) if found is None else found
            found[top : top + rows] = bad
    return found


def result_array(picture: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    """Return the array for a result: `out`, if it is of the picture's shape and dtype, or a new one."""
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
    return np.asarray(out)
