"""Masks as arrays: which pixels are hole, by one rule for each dtype, and how much of them is damage; growing them.

Masks of files, transparency, NaN or a colour: `restauro.picture_mask`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro import scratch
from restauro.arrays import without_palette
from restauro.errors import MaskError, MaskTypeError, ParameterError, Remedy
from restauro.notes import counted

MAX_GROW = 1000  # pixels
OPAQUE = 0.9  # weight from which on too little is left of a pixel to correct it
PARTIAL = ("cover", "tone")  # what values of a mask between 0 and 1 can mean: see `inpaint`
BRIGHTNESS = (0.299, 0.587, 0.114)  # what red, green and blue add to it (BT.601)
_LARGE_HOLES = 0.6  # share of a picture from which a mask looks inverted
MOST_BANDS = 4  # of images whose bands might be taken for something else
_STRIP = 1 << 20  # values looked at together: small enough to stay in the processor's cache


@dataclass(frozen=True)
class Mask:
    """Which pixels are hole, and how much of each is damage where the mask says so.

    Attributes
    ----------
    hole
        bool [H, W].
    weights
        float32 [H, W], 0 to 1: 0 is known, 1 wholly damaged; over 0 in the hole alone. None: the mask says of no pixel
        that it is damaged in part.
    """

    hole: NDArray[np.bool_]
    weights: NDArray[np.float32] | None = None


def hole_from_array(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the holes that a mask means, in a picture of a given shape.

    Parameters
    ----------
    mask
        [H, W] or [H, W, 1], or nested lists of numbers. Bool: True is hole, and nothing is copied. Integers: all but
        zero is hole; more than two values that cover over 60 % are refused, as they are a JPEG's grey. Floats: 0 is
        known and 1 is hole; values between mean partial damage (`weighted`) and are refused here. A Pillow picture with
        a palette: the lighter of two colours is hole, of more all but black.
    shape
        [H, W] or [H, W, C] of the picture.

    Returns
    -------
    bool [H, W]; it may be `mask` itself.

    Raises
    ------
    MaskTypeError
        Not an array of bools, integers or floats.
    MaskError
        Another size than the picture, floats other than 0 and 1, a mask that hardly can be one, or no known pixel left
        to fill from.

    Examples
    --------
    >>> hole_from_array([[0, 255], [0, 0]], (2, 2, 3))
    array([[False,  True],
           [False, False]])
    """
    hole = marked(mask, shape)
    check_known(hole)
    return hole


def check_known(hole: NDArray[np.bool_], unknown: NDArray[np.bool_] | None = None) -> None:
    """Raise MaskError where there is something to fill, and nothing to fill it from."""
    if hole.size and hole.all():
        raise MaskError(
            f"The mask covers the whole picture, [H, W] = {hole.shape}, so there is no known pixel to fill from: "
            f"if it marks what is intact, invert it."
        )
    if unknown is not None and hole.any() and (hole | unknown).all():
        raise MaskError(
            "All pixels are hole or unknown, so there is no known pixel to fill from: name fewer pixels as unknown, "
            "or leave the holes out of the mask."
        )


def marked(mask: ArrayLike, shape: tuple[int, ...], what: str = "mask") -> NDArray[np.bool_]:
    """Return the pixels that a mask marks, as `hole_from_array` does; they may be all."""
    array = mask_array(mask)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    _check_shape(array.shape, shape, what)
    hole = _as_bool(array)
    if array.dtype.kind in "iu" and np.count_nonzero(hole) > _LARGE_HOLES * hole.size:
        values = np.unique(array)
        if len(values) > 2:
            raise MaskError(
                f"The mask marks {hole.mean():.1%} of the picture, with {len(values)} values from {values[0]} to "
                f"{values[-1]}, so it seems to be a grey picture, as JPEG makes of black and white: cut it, for "
                "instance mask > 127."
            )
    return hole


def weighted(mask: ArrayLike, shape: tuple[int, ...]) -> Mask:
    """Return what a mask of partial damage marks, [H, W] for a picture of a given shape.

    Floats are shares from 0 (known) to 1 (wholly damaged). Bools and integers say nothing of shares; integers of more
    than two values, as grey pictures have them, are refused.

    >>> weighted(np.array([[0, 0.25, 1]]), (1, 3)).weights
    array([[0.  , 0.25, 1.  ]], dtype=float32)
    """
    array = mask_array(mask)
    if array.dtype.kind != "f":
        hole = marked(mask, shape)
        if array.dtype.kind in "iu" and len(values := np.unique(array)) > 2:
            raise MaskError(
                f"A mask of partial damage has floats from 0 to 1, or two values, and this one has {len(values)} whole "
                f"numbers from {values[0]} to {values[-1]}: divide it by what is wholly damaged, such as mask / 255."
            )
        return Mask(hole)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    _check_shape(array.shape, shape)
    if array.size and not (array.min() >= 0 and array.max() <= 1):  # NaN is neither
        wrong = array[~((array >= 0) & (array <= 1))][0]
        raise MaskError(
            f"A mask of partial damage has values from 0 to 1, and this one holds {wrong:g}: divide it by what is "
            "wholly damaged, for instance mask / 255."
        )
    weights = np.ascontiguousarray(array, np.float32)
    hole = weights > 0
    return Mask(hole, weights if (weights[hole] < 1).any() else None)


def check_partial(partial: object) -> None:
    """Raise ParameterError for what values between 0 and 1 can't mean."""
    if partial is not None and partial not in PARTIAL:
        raise ParameterError(f"partial={partial!r} isn't known: it must be {' or '.join(PARTIAL)}.")


def check_amount(
    share: float,
    polarity: str | None,
    *,
    accept_large_holes: bool = False,
    grow: int = 0,
    before: Callable[[], float] | None = None,
) -> None:
    """Refuse a mask that leaves nothing to fill from, looks inverted, or has been grown too far.

    Parameters
    ----------
    share
        Of the picture that is hole, 0 to 1; above 0.6 it looks inverted.
    polarity
        What is hole in the mask's file, "white" or "black"; None where it says nothing.
    accept_large_holes
        Take it as it is, unless it leaves nothing.
    grow, before
        By how many pixels it has been grown, and what gives the share as it was before.

    Raises
    ------
    MaskError
        The mask is refused.

    Examples
    --------
    >>> check_amount(0.97, None)
    Traceback (most recent call last):
    restauro.errors.MaskError: 97.0% of the picture is hole: use accept_large_holes=True if that is meant.
    """
    if share <= _LARGE_HOLES or (accept_large_holes and share < 1):
        return
    ungrown = before() if grow and before else share
    ways: list[Remedy | str] = []
    fact = f"{share:.1%} of the picture is hole" if share < 1 else "All of the picture is hole"
    if ungrown <= _LARGE_HOLES:
        fact += f" when the mask is grown by {counted(grow, 'pixel')} (it is {ungrown:.1%} before)"
        ways.append(Remedy("grow", ..., "with less"))
    elif polarity:
        other = "white" if polarity == "black" else "black"
        ways.append(Remedy("polarity", other, f"where {other} marks the damage"))
    if share == 1:
        raise MaskError(f"{fact}, so there is nothing to fill it from", *ways, "take a mask that leaves known pixels")
    inverted = ", so the mask looks inverted" if polarity and ungrown > _LARGE_HOLES else ""
    raise MaskError(f"{fact}{inverted}", *ways, Remedy("accept_large_holes", True, "if that is meant"))


def grow_mask(mask: ArrayLike, pixels: int) -> NDArray[np.bool_]:
    """Return a mask grown by a disc: every pixel at most so far from a hole pixel, centre to centre, becomes hole.

    Growing by 1 adds the four side neighbours; by 2, a disc of 13 pixels around each. Time is in proportion to the
    mask plus the damage times `pixels`; the result is the only memory taken.

    Parameters
    ----------
    mask
        [H, W] as `hole_from_array` takes it; it isn't modified.
    pixels
        The disc's radius, 0 to 1000 pixels.

    Returns
    -------
    bool [H, W], a new array.

    Raises
    ------
    MaskTypeError, MaskError
        The mask is no mask; the radius is no whole number from 0 to 1000.

    Examples
    --------
    >>> grow_mask([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], 1).astype(int)
    array([[0, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 0, 0]])
    """
    check_grow(pixels)
    from restauro.numerics import discs

    array = mask_array(mask)
    if array.ndim != 2:
        raise MaskError(f"The mask has the shape {array.shape}: it must be [H, W].")
    hole = np.ascontiguousarray(_as_bool(array))
    grown: NDArray[np.bool_] = scratch.zeros(hole.shape, bool)
    radius = int(pixels)
    half_widths = np.array([math.isqrt(radius**2 - dy**2) for dy in range(radius + 1)])
    discs.draw_discs(hole, half_widths, grown)
    return grown


def check_grow(pixels: object) -> None:
    """Raise MaskTypeError or MaskError for what is no number of pixels to grow a mask by; see `grow_mask`."""
    if isinstance(pixels, (bool, np.bool_)) or not isinstance(pixels, (int, np.integer)):
        raise MaskTypeError(f"A mask grows by a whole number of pixels (0 to {MAX_GROW}), not by {pixels!r}.")
    if not 0 <= pixels <= MAX_GROW:
        raise MaskError(f"A mask can't grow by {pixels} pixels: it must be 0 to {MAX_GROW}.")


def parse_colour(text: str) -> tuple[int, int, int] | None:
    """Return red, green and blue of a colour written as #rrggbb, 0 to 255; None where it isn't of that form.

    >>> parse_colour("#ff8000")
    (255, 128, 0)
    """
    if not re.fullmatch("#?[0-9a-fA-F]{6}", text):
        return None
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def parse_value(text: str) -> float:
    """Return the number of a mask by value; raise MaskError for what equals no pixel.

    >>> parse_value("-9999")
    -9999.0
    """
    try:
        value = float(text)
    except ValueError:
        raise MaskError(f"{text!r} isn't a number: a mask by value is, for instance, value:-9999.") from None
    if math.isnan(value):
        raise MaskError("NaN equals nothing", Remedy("mask", "nan", "for what is NaN"))
    return value


def of_colour(pixels: NDArray[Any], colour: Sequence[int], tolerance: int) -> NDArray[np.bool_]:
    """Return where the bands of pixels, uint8 or uint16 [H, W, 1 or 3], are all within a tolerance of a colour.

    Colour and tolerance are of the scale 0 to 255 for both.

    >>> of_colour(np.array([[[250, 0, 0], [200, 0, 0]]], np.uint8), (255, 0, 0), 8)
    array([[ True, False]])
    """
    scale = full_scale(pixels.dtype) // 255
    lowest = [max(band - tolerance, 0) * scale for band in colour]
    highest = [min(band + tolerance, 255) * scale for band in colour]
    hole: NDArray[np.bool_] = scratch.zeros(pixels.shape[:2], bool)
    for rows in strips(pixels):
        hole[rows] = True
        for band in range(pixels.shape[2]):
            values = pixels[rows][..., band]
            hole[rows] &= (values >= lowest[band]) & (values <= highest[band])
    return hole


def full_scale(dtype: np.dtype[Any]) -> int:
    """White, or opaque: the largest value of an integer dtype, 1 of a float."""
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)


def strips(array: NDArray[Any]) -> Iterator[slice]:
    """Rows of an array, so many at a time that working on them takes little memory."""
    height = array.shape[0]
    step = max(1, _STRIP * height // max(array.size, 1))
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def mask_array(mask: ArrayLike) -> NDArray[Any]:
    """Return the array that a mask is, of bools, integers or floats and any shape."""
    if isinstance(mask, np.ma.MaskedArray) and np.ma.is_masked(mask):
        raise MaskTypeError(
            "The mask is a masked array with masked values: say what these mean, mask.filled(True) where they are hole "
            "or mask.filled(False) where not."
        )
    try:
        coloured = without_palette(mask)
        array = np.asarray(mask) if coloured is mask else _of_palette(np.asarray(coloured))
    except ValueError:  # lists of unequal length
        raise MaskTypeError("The mask's rows are of unequal length: it must be an array [H, W].") from None
    if array.dtype.kind in "biuf":
        return array
    if isinstance(mask, str) or hasattr(mask, "__fspath__"):
        raise MaskTypeError(f"The mask must be an array, not a file name ({mask!r}): read it with restauro.read_mask.")
    what = f"dtype {array.dtype}" if isinstance(mask, np.ndarray) else type(mask).__name__
    raise MaskTypeError(f"The mask must be an array [H, W] of bools, integers or floats, not {what}.")


def _of_palette(colours: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return what a picture with a palette, uint8 [H, W, 3 or 4], marks: its indices say nothing of it.

    Of two colours it is the lighter, as in a file; of more all but black. What is transparent isn't hole; of one colour
    on a transparent ground all that isn't is.
    """
    opaque: NDArray[np.bool_] = colours[..., 3] > 127 if colours.shape[2] == 4 else np.ones(colours.shape[:2], np.bool_)
    shades = colours[..., :3].astype(np.int64) @ (1 << 16, 1 << 8, 1)
    found = np.unique(shades[opaque])
    if len(found) == 1 and not opaque.all():
        return opaque
    hole: NDArray[np.bool_] = shades != 0
    if len(found) == 2:
        brighter = max(
            found.tolist(), key=lambda shade: np.dot(BRIGHTNESS, (shade >> 16, shade >> 8 & 255, shade & 255))
        )
        hole = shades == brighter
    hole &= opaque
    return hole


def check_bands_last(mask: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Raise MaskError where a mask would fit an image whose bands stand first."""
    if len(image) > 2 and image[-3] <= MOST_BANDS and mask in (image[-2:], (1, *image[-2:]), (image[0], *image[-2:])):
        raise MaskError(
            f"The image has the shape {image} and the mask {mask}, so the bands stand first, as PyTorch has them: pass "
            "the image with its bands last, numpy.moveaxis(image, -3, -1), of a tensor image.movedim(-3, -1)."
        )


def _check_shape(mask: tuple[int, ...], image: tuple[int, ...], what: str = "mask") -> None:
    """Raise MaskError unless a mask has the size of an image, [H, W] or [H, W, C]."""
    picture = image[:2]
    if mask == picture:
        return
    sizes = f"The {what} has the shape {mask} and the picture [H, W] = {picture}"
    if mask == picture[::-1]:
        raise MaskError(f"{sizes}: it seems to be turned by 90 degrees; turn it back with numpy.rot90(mask).")
    check_bands_last(mask, image)
    if len(mask) != 2:
        raise MaskError(f"{sizes}: a mask has one value a pixel, for instance mask[..., 0] or mask.any(axis=-1).")
    raise MaskError(f"{sizes}: they must be equal, so make the mask on this very picture or resize it.")


def _as_bool(array: NDArray[Any]) -> NDArray[np.bool_]:
    if array.dtype == bool:
        return array
    if array.dtype.kind in "iu":
        nonzero: NDArray[np.bool_] = array != 0
        return nonzero
    hole: NDArray[np.bool_] = array == 1
    if np.count_nonzero(hole) != np.count_nonzero(array):  # NaN counts as non-zero
        other = array[~hole & (array != 0)][0]
        ways: list[Remedy | str] = ["cut it, for instance mask > 0.5"]
        if 0 < other < 1:
            ways.append(Remedy("partial", "cover", "where it says how much of a pixel is damage"))
        raise MaskError(f"A mask of floats may hold only 0 and 1, and this one holds {other:g}", *ways)
    return hole
