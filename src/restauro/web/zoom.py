"""Tiles of a picture at every zoom: made when they are asked for, in proportion to the tile and not to the picture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import ParameterError
from restauro.files.images import pixels_of
from restauro.holes import Box
from restauro.mask import full_scale
from restauro.picture import Picture
from restauro.viewing import in_srgb

TILE = 256  # pixels
_COARSE = 8  # a copy of the picture so many times smaller is kept, and those twice, four times, ... as small
_GAMMA = 2.2  # exposure multiplies light, and stored values go with its root
_PROFILE = "icc-profile-data"

Read = Callable[[Box], NDArray[Any]]  # the pixels of a box
Shrink = Callable[[NDArray[Any], int], NDArray[Any]]


@dataclass(frozen=True)
class Look:
    """How a picture is looked at; the file knows nothing of it.

    Attributes
    ----------
    exposure
        Stops, -8 to 8; light is multiplied by a power of two.
    gamma
        0.2 to 5; above 1 makes darks lighter.
    band
        Number of the one band to show, as grey; None: the picture in colour.
    inverted
        Whether light is dark.
    difference
        Show what restoring has changed, instead of the picture.
    """

    exposure: float = 0.0
    gamma: float = 1.0
    band: int | None = None
    inverted: bool = False
    difference: bool = False


class Pyramid:
    """An array [H, W] or [H, W, C] at every level of zoom, each half as large as the next.

    At level `top` a pixel is a pixel, at level 0 the whole is one tile.
    """

    def __init__(self, size: tuple[int, int], read: Read, shrink: Shrink) -> None:
        self.size = size
        self.top = max(max(size) - 1, 1).bit_length() - (TILE - 1).bit_length()
        self.top = max(self.top, 0)
        self._read, self._shrink = read, shrink
        self._coarse: list[NDArray[Any]] = []  # none yet, or one for each level from top - 3 down
        self._lock = threading.Lock()

    def tile(self, level: int, column: int, row: int) -> NDArray[Any]:
        """Return a tile; ParameterError where there is none."""
        times = 1 << (self.top - level) if 0 <= level <= self.top else 0
        height, width = (-(-side // times) for side in self.size) if times else (0, 0)
        top, left = row * TILE, column * TILE
        if not (0 <= top < height and 0 <= left < width):
            raise ParameterError(f"There is no tile {column}, {row} at level {level}.")
        if times >= _COARSE:
            whole = self._copies()[(times // _COARSE).bit_length() - 1]
            return whole[top : top + TILE, left : left + TILE]
        return self._shrink(self._read(self._box(top, left, times, self.size)), times)

    def changed(self, box: Box) -> None:
        """Look at a box of the array anew."""
        with self._lock:
            for k, copy in enumerate(self._coarse):
                times = _COARSE << k
                rows, columns = (slice(box[side] // times, -(-box[side + 1] // times)) for side in (0, 2))
                by, size = (2, self._coarse[k - 1].shape) if k else (times, self.size)
                around = self._box(rows.start, columns.start, by, size, rows.stop, columns.stop)
                finer = self._coarse[k - 1][around[0] : around[1], around[2] : around[3]] if k else self._read(around)
                copy[rows, columns] = self._shrink(finer, by)

    def _copies(self) -> list[NDArray[Any]]:
        with self._lock:
            if not self._coarse:
                height, width = self.size
                rows = _COARSE * TILE
                parts = [
                    self._shrink(self._read((top, min(top + rows, height), 0, width)), _COARSE)
                    for top in range(0, height, rows)
                ]
                copies = [np.concatenate(parts)]
                while len(copies) <= self.top - (_COARSE.bit_length() - 1):
                    copies.append(np.array(self._shrink(copies[-1], 2)))  # a copy that can be written to
                self._coarse = copies
            return self._coarse

    @staticmethod
    def _box(
        top: int, left: int, times: int, size: tuple[int, ...], bottom: int | None = None, right: int | None = None
    ) -> Box:
        """Return a tile's box, or another's, in an array so many times larger."""
        bottom, right = top + TILE if bottom is None else bottom, left + TILE if right is None else right
        return top * times, min(bottom * times, size[0]), left * times, min(right * times, size[1])


class Zoom:
    """Tiles of a picture as people see it, as PNGs in sRGB.

    Parameters
    ----------
    picture
        Whose profile and kind of bands count.
    size
        Height and width as it is seen.
    now, before
        What give a box of its pixels as they are, and as they were in the file.
    """

    def __init__(self, picture: Picture, size: tuple[int, int], now: Read, before: Read) -> None:
        self._picture = picture
        self._now = Pyramid(size, now, shrunk)
        self._before = Pyramid(size, before, shrunk)
        self.top = self._now.top

    def changed(self, box: Box) -> None:
        """Look at a box of the picture anew."""
        self._now.changed(box)

    def tile(self, level: int, column: int, row: int, look: Look, *, untouched: bool = False) -> bytes:
        """Return a tile of the picture, or of it as it was before anything was restored."""
        where = level, column, row
        if look.difference:
            now, before = (self._seen(pyramid.tile(*where), Look()) for pyramid in (self._now, self._before))
            apart = np.abs(now.astype(np.int16) - before).astype(np.float32) * np.float32(2**look.exposure)
            return png(np.minimum(apart, 255).astype(np.uint8))
        return png(self._seen((self._before if untouched else self._now).tile(*where), look))

    def _seen(self, pixels: NDArray[Any], look: Look) -> NDArray[np.uint8]:
        """Return a tile in 8 bits and sRGB, [h, w] or [h, w, 3]."""
        picture = self._picture
        if pixels.ndim == 3 and look.band is not None:
            if not 0 <= look.band < pixels.shape[2]:
                raise ParameterError(f"There is no band {look.band}: the picture has {pixels.shape[2]}.")
            return _in_srgb(_adjusted(pixels[..., look.band], look))
        profile = picture.metadata.get(_PROFILE)
        if picture.is_cmyk:  # light comes of inks only after they have been converted
            return _adjusted(_in_srgb(pixels, profile, is_cmyk=True), look)
        return _in_srgb(_adjusted(pixels, look), profile)


def shrunk(pixels: NDArray[Any], times: int) -> NDArray[Any]:
    """Return an array that is so many times smaller, each value the mean of a square; at the rim of what there is."""
    if times == 1:
        return pixels
    if abs(pixels.strides[0]) < abs(pixels.strides[1]):  # a turned picture, whose rows lie in memory as columns
        turned: NDArray[Any] = shrunk(pixels.swapaxes(0, 1), times).swapaxes(0, 1)
        return turned
    image = _image(pixels).shrink(times, times, ceil=True)
    found = pixels_of(image.cast(_image(pixels[:1, :1]).format))
    return found if found.ndim == pixels.ndim else found[..., np.newaxis]


def shrunk_marks(levels: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Return marks [h, w] so many times smaller, each the most of a square: a thin one is seen from afar.

    times: a power of two.
    """
    height, width = (-(-side // times) for side in levels.shape)
    if not levels.any():  # as nearly everywhere
        return np.zeros((height, width), np.uint8)
    padded = np.zeros((height * times, width * times), np.uint8)
    padded[: levels.shape[0], : levels.shape[1]] = levels
    while times > 1:
        padded = np.maximum(padded[0::2], padded[1::2])
        padded = np.maximum(padded[:, 0::2], padded[:, 1::2])
        times //= 2
    return padded


def painted_png(levels: NDArray[np.uint8], colours: dict[int, tuple[int, int, int, int]]) -> bytes:
    """Return a tile of levels [h, w] as a PNG: what has a level of those that are given has its colour and opacity.

    Where the level is 0 nothing is shown.
    """
    if not levels.any():
        return _empty_png(levels.shape)
    table = np.zeros((256, 4), np.uint8)
    for level, colour in colours.items():
        table[level] = colour
    return png(table[levels], level=1)


@lru_cache(maxsize=16)
def _empty_png(shape: tuple[int, ...]) -> bytes:
    return png(np.zeros((*shape, 4), np.uint8), level=1)


def marks_png(levels: NDArray[np.uint8], colour: tuple[int, int, int]) -> bytes:
    """Return a tile of marks [h, w] as a PNG: a colour, as opaque as they are strong."""
    return painted_png(levels, {level: (*colour, level) for level in range(1, 256)})


def png(pixels: NDArray[np.uint8], *, level: int = 0) -> bytes:
    """Return pixels, [h, w] or [h, w, C], as a PNG; not packed, as that takes longest and it goes nowhere far."""
    bands = 1 if pixels.ndim == 2 else pixels.shape[2]
    image = _image(pixels).copy(interpretation="b-w" if bands < 3 else "srgb")
    encoded: bytes = image.pngsave_buffer(compression=level, filter="none")
    return encoded


def check_shown(picture: Picture) -> None:
    """Raise ImageError for pixels that have no black and white to go by; see `restauro.viewing`. NaN is shown black."""
    _in_srgb(picture.pixels[:1, :1])
    if picture.pixels.dtype.kind == "f":
        from restauro.viewing import check_floats

        check_floats(picture.pixels, np.isnan(picture.pixels).reshape(*picture.pixels.shape[:2], -1).any(axis=2))


def _adjusted(pixels: NDArray[Any], look: Look) -> NDArray[Any]:
    """Return pixels lighter or darker, as a look has it, in 8 bits or 16."""
    if look.exposure == 0 and look.gamma == 1 and not look.inverted:
        return pixels
    values = pixels.astype(np.float32) * np.float32(2 ** (look.exposure / _GAMMA) / full_scale(pixels.dtype))
    values = np.clip(values, 0, 1) ** np.float32(1 / look.gamma)
    values = 1 - values if look.inverted else values
    dtype = np.uint8 if pixels.dtype == np.uint8 else np.uint16
    rounded: NDArray[Any] = np.rint(np.nan_to_num(values) * np.float32(full_scale(np.dtype(dtype)))).astype(dtype)
    return rounded


def _in_srgb(
    pixels: NDArray[Any], profile: tuple[int, Any] | None = None, *, is_cmyk: bool = False
) -> NDArray[np.uint8]:
    image = _image(pixels).copy(interpretation="cmyk" if is_cmyk else "multiband")
    if profile is not None:
        image.set_type(profile[0], _PROFILE, profile[1])
    return pixels_of(in_srgb(image))


def _image(pixels: NDArray[Any]) -> pyvips.Image:
    pixels = pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels
    return pyvips.Image.new_from_array(np.ascontiguousarray(np.atleast_3d(pixels)))
