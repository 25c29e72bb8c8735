"""Cracks that look like cracks: dark or bright, soft at their rims, of varying depth, some with a bright rim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError, ImageTypeError, MaskError, MaskTypeError, ParameterError
from restauro.mask import grow_mask
from restauro.numerics import crack_profile

_CONTRASTS = (15, 60)  # of 255, between which one is drawn
_BRIGHT, _RIMMED = 1 / 3, 1 / 3  # of all pictures
_REACH = 4  # pixels from the rim of a crack to where it is darkest
_WAVES = 16  # of depth along the shorter side
_SHORTEST_WAVE = 12  # pixels
_DEPTHS = (0.5, 1.5)
_RIM = (0.6, 0.35)  # of the contrast, in the first and the second pixel beside a crack


def render_cracks(
    image: NDArray[Any],
    hole: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    contrast: float | None = None,
    bright: bool | None = None,
    rim: bool | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Paint cracks over a picture so that they look like cracks, and return it with the mask of what was changed.

    A dark crack takes from a pixel's lightness (the mean of its bands) as much as the contrast says, where the pixel
    has as much, and keeps its hue: colours are multiplied. A bright one, as where pale ground shows, blends the colour
    with white until it is so much lighter.

    Parameters
    ----------
    image
        uint8, uint16 or floats with a full scale of 0 to 1, [H, W] or [H, W, C]; every band is taken for a colour. It
        isn't modified.
    hole
        bool [H, W], for instance of `cracks`.
    rng
        What is drawn; the result is the same for the same generator in the same state.
    contrast
        How much darker or brighter cracks are along their middle, in 255ths of the full scale, above 0, at most 255. It
        is the mean: along the cracks it varies smoothly between half and one and a half of it. By default drawn from 15
        to 60.
    bright
        Cracks brighter than the picture rather than darker. By default drawn, one time in three.
    rim
        A bright rim one or two pixels wide beside the cracks, as cupped paint has. By default drawn, one time in three.

    Returns
    -------
    rendered
        As `image`; every pixel outside `truth` is the same bit for bit.
    truth
        bool [H, W], the hole and, where there is one, the rim.

    Raises
    ------
    ImageTypeError, ImageError, MaskTypeError, MaskError, ParameterError
        The image, the mask or the contrast isn't as it is described above.

    Notes
    -----
    Cracks wider than two pixels have half the contrast in their outermost pixel. Time and memory are in proportion to
    the picture plus the hole: 10 ms for 512 x 512 pixels of which 3 % are hole.

    Examples
    --------
    >>> hole = np.zeros((32, 32), bool)
    >>> hole[10:13] = True
    >>> panel = np.full((32, 32, 3), (200, 150, 100), np.uint8)
    >>> rendered, truth = render_cracks(panel, hole, np.random.default_rng(7), contrast=30, bright=False, rim=False)
    >>> (truth == hole).all(), (rendered[~truth] == panel[~truth]).all()
    (np.True_, np.True_)
    >>> rendered[11, 7], rendered[10, 7]  # the middle of the crack and its rim
    (array([167, 125,  83], dtype=uint8), array([184, 138,  92], dtype=uint8))
    """
    _check(image, hole, contrast)
    drawn = rng.random(4)  # in any case, so that a choice changes nothing else
    low, high = _CONTRASTS
    strength = (low + (high - low) * drawn[0] if contrast is None else contrast) / 255
    is_bright = drawn[1] < _BRIGHT if bright is None else bright
    rim_width = (1 + int(drawn[3] < 0.5)) * bool(drawn[2] < _RIMMED if rim is None else rim)
    depths = _Depths(hole.shape, rng)
    rendered, truth = image.copy(order="C"), grow_mask(hole, rim_width)
    rows, columns = np.nonzero(hole)
    hole = np.ascontiguousarray(hole)
    shares = crack_profile.profile(hole, rows, columns, _REACH) * depths.at(rows, columns)
    _shift(rendered, rows, columns, strength * shares, is_bright)
    for beside in range(rim_width):
        ring = grow_mask(hole, beside + 1)
        ring &= ~(grow_mask(hole, beside) if beside else hole)
        rows, columns = np.nonzero(ring)
        _shift(rendered, rows, columns, _RIM[beside] * strength * depths.at(rows, columns), True)
    return rendered, truth


class _Depths:
    """How deep cracks are, as a field over the picture that varies smoothly; 1 on average."""

    def __init__(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self.wave = max(_SHORTEST_WAVE, min(shape) / _WAVES)
        self.values = rng.standard_normal((int(shape[0] / self.wave) + 2, int(shape[1] / self.wave) + 2))

    def at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        top, down = _smooth_parts(rows / self.wave)
        left, right = _smooth_parts(columns / self.wave)
        above = self.values[top, left] * (1 - right) + self.values[top, left + 1] * right
        below = self.values[top + 1, left] * (1 - right) + self.values[top + 1, left + 1] * right
        return np.clip(1 + 0.3 * (above * (1 - down) + below * down), *_DEPTHS)


def _smooth_parts(places: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return whole parts, and what is left over, smooth at both ends."""
    whole = places.astype(np.int64)
    rest = places - whole
    return whole, rest * rest * (3 - 2 * rest)


def _shift(
    image: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64], by: NDArray[np.float64], brighter: bool
) -> None:
    """Make the pixels at rows and columns [n] brighter or darker by a part of the full scale, as far as it goes."""
    is_integer = image.dtype.kind == "u"
    full = np.iinfo(image.dtype).max if is_integer else 1
    colours = image[rows, columns].reshape(len(rows), math.prod(image.shape[2:])) / full
    lightness = colours.mean(axis=1)
    room = 1 - lightness if brighter else lightness
    share = (by / np.maximum(room, by))[:, None]
    colours += share * (float(brighter) - colours)
    image[rows, columns] = (np.rint(colours * full) if is_integer else colours).reshape(-1, *image.shape[2:])


def _check(image: NDArray[Any], hole: NDArray[np.bool_], contrast: float | None) -> None:
    if not isinstance(image, np.ndarray) or not (image.dtype in (np.uint8, np.uint16) or image.dtype.kind == "f"):
        what = f"dtype {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageTypeError(f"The image must be an array of uint8, uint16 or floats, not {what}: convert it first.")
    if image.ndim not in (2, 3) or 0 in image.shape[2:]:
        raise ImageError(f"The image has the shape {image.shape}: it must be [H, W] or [H, W, C].")
    if not isinstance(hole, np.ndarray) or hole.dtype != bool:
        what = f"dtype {hole.dtype}" if isinstance(hole, np.ndarray) else type(hole).__name__
        raise MaskTypeError(f"The mask of the cracks must be an array of bools, not {what}: use mask != 0.")
    if hole.shape != image.shape[:2]:
        raise MaskError(
            f"The mask has the shape {hole.shape} and the image [H, W] = {image.shape[:2]}: make them equal."
        )
    if contrast is not None and not 0 < contrast <= 255:
        raise ParameterError(f"The contrast {contrast:g} is out of range: it is above 0, at most 255.")
