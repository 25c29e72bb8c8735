"""Lettering found: where a picture seems to hold a signature, an inscription or a caption, to be looked at first.

It says where to look, not what to keep: it is wrong too often to decide what is filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.detection import tiles

Floats = NDArray[np.float64]

_PIXELS = 2_000_000  # of a picture that is looked at as it is: larger ones are halved
_SMOOTH = 5.0  # pixels, standard deviation: of what is ground to a letter
_LOCAL = 33  # pixels: side of the square in which detail is measured
_DISTINCT, _LEAST = 1.5, 0.02  # of the usual detail around, and of full scale: what a stroke differs from its ground by
_SPECK, _STROKE = 5, 8  # pixels: less than the one is nothing, less than the other no letter
_LETTER = (5, 36)  # pixels, longer side
_THICK = 0.1  # of a letter's pixels: those further than two from its outline, at most
_REACH = 4.0  # letter's sides, from a letter to others of its row
_SLANTS = np.deg2rad(np.arange(-48, 49, 8))  # of rows
_HEIGHT = 3.5  # standard deviations of a letter's pixels across its row
_UPRIGHT = 1.3  # extent of a letter along its row over that across, at most
_ALIKE = 1.8  # heights, and contrasts, of letters of a row, at most
_ASIDE = 0.4  # of its height: how far a letter is from the middle of the row
_FELLOWS = 4  # letters of a row that are near one, with it
_ROW = 2.1  # number of those, times the root of their share of all that is distinct near them
_AROUND = 1.5  # letter's sides about its middle that are marked


@dataclass(frozen=True)
class _Strokes:
    """What stands out from its ground, one entry for each piece, by rising rows."""

    row: Floats  # of its middle
    column: Floats
    spread: Floats  # [n, 3]: variance along rows of the array, along columns, covariance
    contrast: Floats  # below 0 where darker
    pixels: Floats
    side: Floats
    letter: NDArray[np.bool_]  # has the size and the thickness of one


def lettering(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a picture seems to hold lettering: signatures, inscriptions, captions, printed or written.

    Letters are thin strokes darker or lighter than their ground, of like height and contrast, upright, four or more in
    a row that is level within 50 degrees, with little else about them. Large pictures are looked at at a reduced size,
    where letters are 5 to 36 pixels high. Below a second a megapixel; 0.2 GB at most, beside the picture and its mask.

    Of the 11 signatures and inscriptions of `benchmarks/untouched-crops.csv` it sees 9; of the 60 paintings they are
    from, with which its numbers were chosen, it takes 0.6 % for lettering besides, 4 % at worst (`dev.py bench
    untouched`); of others as much. Ragged signatures in rough brushwork are missed; leaves, waves and rows of ornaments
    are taken for letters.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], of the types that `restauro.detect` takes.

    Returns
    -------
    bool [H, W], True near letters.

    Raises
    ------
    ImageTypeError, ImageError
        The image isn't such an array.

    Examples
    --------
    >>> image = np.full((100, 200), 200, np.uint8)
    >>> for left in range(40, 160, 16):
    ...     image[40:54, left : left + 3] = image[52:54, left : left + 9] = 30  # LLLLLLLL
    >>> near = lettering(image)
    >>> bool(near[40:54, 44:150].all()), bool(near[80:].any())
    (True, False)
    """
    picture, _ = tiles.prepared(image, None)
    near = np.zeros(picture.shape[:2], np.bool_)
    scale = 1
    while picture.shape[0] * picture.shape[1] > _PIXELS and min(picture.shape[:2]) > 1:
        picture, scale = tiles.halved(picture), 2 * scale
    strokes = _strokes(tiles.as_grey(picture))
    for k in np.flatnonzero(strokes.letter):
        if _in_a_row(strokes, int(k)):
            about = _AROUND * strokes.side[k]
            top, left = (max(0, int(middle[k] - about)) for middle in (strokes.row, strokes.column))
            bottom, right = (int(middle[k] + about) + 1 for middle in (strokes.row, strokes.column))
            near[scale * top : scale * bottom, scale * left : scale * right] = True
    return near


def _strokes(grey: NDArray[np.float32]) -> _Strokes:
    detail = grey - filters.gaussian(grey, _SMOOTH, "edge", truncate=2.5)
    least = np.maximum(_DISTINCT * 1.25 * filters.mean(np.abs(detail), _LOCAL, "edge"), _LEAST)
    found = []
    for sign in (1, -1):
        mask = sign * detail > least
        pieces = filters.pieces(mask)
        kept = pieces.pixels >= _SPECK
        if not kept.any():
            continue
        rows, columns = np.nonzero(mask)
        counts = len(pieces.pixels)

        def mean(values: NDArray[Any], pieces: filters.Pieces = pieces, counts: int = counts) -> Floats:
            return np.bincount(pieces.numbers, values, counts) / pieces.pixels

        row, column = mean(rows), mean(columns)
        down, across = rows - row[pieces.numbers], columns - column[pieces.numbers]
        spread = np.stack([mean(down**2) + 1 / 12, mean(across**2) + 1 / 12, mean(down * across)], 1)
        deep = pieces.count(~filters.grown(filters.grown(~mask)))
        side = np.maximum(pieces.heights, pieces.widths)
        letter = (side >= _LETTER[0]) & (side <= _LETTER[1]) & (pieces.pixels >= _STROKE)
        letter &= deep <= _THICK * pieces.pixels
        values = (row, column, spread, mean(detail[mask]), pieces.pixels.astype(float), side.astype(float), letter)
        found.append([value[kept] for value in values])
    if not found:
        return _Strokes(*(np.zeros(0),) * 2, np.zeros((0, 3)), *(np.zeros(0),) * 3, np.zeros(0, np.bool_))
    joined = [np.concatenate(values) for values in zip(*found, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return _Strokes(*(values[order] for values in joined))


def _in_a_row(strokes: _Strokes, k: int) -> bool:
    """Say whether enough letters like one are in a row with it, and little else."""
    reach = _REACH * strokes.side[k]
    first, last = np.searchsorted(strokes.row, [strokes.row[k] - reach, strokes.row[k] + reach])
    down, across = strokes.row[first:last] - strokes.row[k], strokes.column[first:last] - strokes.column[k]
    close = np.hypot(down, across) < reach
    near = np.flatnonzero(close) + first
    down, across = down[close], across[close]
    contrast = strokes.contrast[near] / strokes.contrast[k]  # below 0 where one is dark and one bright
    alike = strokes.letter[near] & (contrast < _ALIKE) & (contrast * _ALIKE > 1)
    if np.count_nonzero(alike) < _FELLOWS:
        return False
    rows, columns, both = strokes.spread[near].T[..., np.newaxis]
    sine, cosine = np.sin(_SLANTS), np.cos(_SLANTS)
    along = np.sqrt(columns * cosine**2 + 2 * both * sine * cosine + rows * sine**2)  # [near, slants]
    heights = _HEIGHT * np.sqrt(columns * sine**2 - 2 * both * sine * cosine + rows * cosine**2)
    height = heights[near == k]
    fits = (heights < _ALIKE * height) & (heights * _ALIKE > height) & (_HEIGHT * along < _UPRIGHT * heights)
    fits &= np.abs(down[:, np.newaxis] * cosine - across[:, np.newaxis] * sine) < _ASIDE * height
    fits &= alike[:, np.newaxis]
    fits &= fits[near == k]
    fellows = fits.sum(axis=0)
    slant = int(fellows.argmax())
    share = strokes.pixels[near][fits[:, slant]].sum() / strokes.pixels[near].sum()
    return bool(fellows[slant] >= _FELLOWS and fellows[slant] * np.sqrt(share) > _ROW)
