"""One view of all pictures, 8 bits in sRGB: what previews and sheets show, what is trained on and evaluated."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import ImageError
from restauro.files.images import pixels_of
from restauro.mask import strips
from restauro.picture import Picture, as_seen

_PROFILE = "icc-profile-data"
_FULL_SCALE = {"uint": 4294967295, "float": 1}  # of samples that become 16 bits first


def view(picture: Picture, hole: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """Return a picture as people see it: turned, 8 bits, in sRGB, without its transparency.

    Parameters
    ----------
    picture
        Of any depth and bands; see `in_srgb`.
    hole
        bool [H, W], turned as the pixels are stored: floats under it may hold anything.

    Returns
    -------
    uint8 [H, W] of a grey picture, else [H, W, 3].

    Raises
    ------
    ImageError
        Signed samples, or floats outside of 0 to 1, which have no black and white to go by.

    Examples
    --------
    >>> from pathlib import Path
    >>> deep = np.array([[0, 129, 65535]], np.uint16)
    >>> view(Picture(deep, Path("deep.png"), "png", orientation=1, has_alpha=False))
    array([[  0,   1, 255]], dtype=uint8)
    """
    check_floats(picture.pixels, hole)
    pixels = np.atleast_3d(picture.pixels)
    image = pyvips.Image.new_from_array(pixels, interpretation="cmyk" if picture.is_cmyk else "multiband")
    if _PROFILE in picture.metadata:
        gtype, profile = picture.metadata[_PROFILE]
        image.set_type(gtype, _PROFILE, profile)
    return as_seen(pixels_of(in_srgb(image)), picture.orientation)


def in_srgb(image: pyvips.Image) -> pyvips.Image:
    """Return an image in 8 bits and sRGB, of one band where it is grey, else of three.

    - An embedded profile is heeded; without one, inks go by libvips' CMYK profile, and other samples are sRGB already.
    - 16 and 32 bits are divided by 257 or its like and rounded, so that white stays white. Floats are 0 to 1, as
      `check_floats` has it.
    - Bands beyond the first of grey, the first three of colour, the first four of inks are left out: transparency, or
      whatever else they are.

    Raises
    ------
    ImageError
        Signed samples.

    Examples
    --------
    >>> in_srgb(pyvips.Image.new_from_array([[0.0, 0.5]]).cast("float")).numpy()
    array([[  0, 128]], dtype=uint8)
    """
    is_cmyk, is_grey = image.interpretation == "cmyk", image.bands < 3
    shown = image[0] if is_grey else image[:4] if is_cmyk else image[:3]
    if shown.format in _FULL_SCALE:
        shown = (shown == shown).ifthenelse(shown, 0)  # NaN, which stands in holes only
        shown = (shown * (65535 / _FULL_SCALE[shown.format])).rint().cast("ushort")
    if shown.format not in ("uchar", "ushort"):
        raise ImageError(f"Samples of type {shown.format} can't be shown: convert them to 8 or 16 bits.")
    if is_cmyk:
        return shown.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=8)
    is_deep = shown.format == "ushort"
    shown = shown.copy(interpretation=("grey16" if is_deep else "b-w") if is_grey else ("rgb16" if is_deep else "srgb"))
    if _PROFILE in image.get_fields():
        shown = shown.icc_transform("srgb", embedded=True, depth=8)
    elif is_deep:
        shown = shown.maplut(_rounded())
    return shown[0] if is_grey else shown.copy(interpretation="srgb")


@cache
def _rounded() -> pyvips.Image:
    """Return what 16 bits are in 8, as a table: a fifth of the time that dividing and rounding takes."""
    return (pyvips.Image.identity(ushort=True) / 257).rint().cast("uchar").copy_memory()


def check_floats(pixels: NDArray[Any], hole: NDArray[np.bool_] | None = None) -> None:
    """Raise ImageError where floats outside of a hole aren't 0 to 1, so that nobody knows what is white."""
    if pixels.dtype.kind != "f":
        return
    low, high = np.inf, -np.inf
    for rows in strips(pixels):
        known = pixels[rows] if hole is None else pixels[rows][~hole[rows]]
        if known.size:
            low, high = np.minimum(low, known.min()), np.maximum(high, known.max())  # which pass on NaN
    if np.isnan(low):
        raise ImageError("The picture holds NaN, which can't be shown: mark these pixels in the mask.")
    if low < 0 or high > 1:
        raise ImageError(
            f"Floats are shown from 0, black, to 1, white, and the picture's go from {low:g} to {high:g}: divide them "
            "by white's value."
        )
