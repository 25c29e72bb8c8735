"""Marks of one colour: what is surely of it, and the blurred edges that hang on to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.detection import tiles
from restauro.errors import ImageError, ParameterError, ParameterTypeError
from restauro.mask import full_scale, of_colour, parse_colour

TOLERANCE = 24  # of 255: JPEG's noise on a mark of one colour
_NEARLY = 3  # tolerances that a mark's edge may be off
_EDGE = 2  # pixels that edges reach: an antialiased or JPEG-blurred one
_SPECK = 4  # pixels: smaller marks are chance


def find_colour(
    image: NDArray[Any],
    colour: str,
    tolerance: int | None = None,
    workers: int | None = None,
    progress: tiles.Progress | None = None,
) -> NDArray[np.bool_]:
    """Return marks of a colour: their surely coloured pixels, and nearly coloured ones up to 2 pixels beside those.

    Surely coloured is where every band is within the tolerance; nearly, within three times as much. Marks of fewer than
    4 pixels are left out. To mark exactly the pixels of a colour, `restauro restore` has `--mask color:#rrggbb`.

    Parameters
    ----------
    image
        [H, W] or [H, W, 3], uint8, uint16, or float of 0 to 1; see `restauro.detection.tiles.checked_picture`.
    colour
        "#rrggbb"; of grey pictures a grey one.
    tolerance
        0 to 85, of 255; None is 24.
    workers, progress
        See `restauro.detection.detecting.detect`.

    Returns
    -------
    bool [H, W]

    Examples
    --------
    >>> image = np.full((8, 8, 3), 90, np.uint8)
    >>> image[2:6, 2:6] = 255, 0, 0
    >>> image[2:6, 6] = 205, 40, 40  # a blurred edge
    >>> int(find_colour(image, "#ff0000").sum())
    20
    """
    bands, off = checked_options(colour, tolerance)
    picture = tiles.checked_picture(image)
    if picture.ndim == 2 and len(set(bands)) > 1:
        raise ImageError(f"The picture is grey and the colour {colour} isn't: give a grey one, as #ffffff.")

    def find(tile: NDArray[Any], core: tuple[slice, slice]) -> NDArray[np.bool_]:
        pixels = np.atleast_3d(tile)
        if pixels.dtype.kind == "f":
            pixels = np.rint(pixels * full_scale(np.dtype(np.uint16))).astype(np.uint16)
        sure = _without_specks(of_colour(pixels, bands, off))
        if not sure.any():
            return sure[core]
        nearly = of_colour(pixels, bands, _NEARLY * off)
        for _ in range(_EDGE):
            sure |= filters.grown(sure) & nearly
        return sure[core]

    return tiles.find_in_tiles(picture, find, halo=2 * _SPECK, workers=workers, progress=progress)


def checked_options(colour: str, tolerance: int | None) -> tuple[tuple[int, int, int], int]:
    """Return red, green and blue of a colour and the tolerance, or raise ParameterError or ParameterTypeError."""
    bands = parse_colour(colour)
    if bands is None:
        raise ParameterError(f"The colour {colour!r} isn't of the form #rrggbb: white is #ffffff, pure red #ff0000.")
    if tolerance is None:
        return bands, TOLERANCE
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, np.integer)):
        raise ParameterTypeError(f"The tolerance {tolerance!r} isn't a whole number: it is 0 to {255 // _NEARLY}.")
    if not 0 <= tolerance <= 255 // _NEARLY:
        raise ParameterError(
            f"The tolerance {tolerance} is out of range: it must be 0 to {255 // _NEARLY} (of 255 a band)."
        )
    return bands, int(tolerance)


def _without_specks(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out connected marks of a few pixels; of larger ones enough lies in a tile to be seen."""
    marks = filters.pieces(found)
    return marks.those(marks.pixels >= _SPECK)
