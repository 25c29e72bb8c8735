"""Text made to order: lines of letters and figures drawn with a pen, as dates, captions and watermarks are."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from restauro.damage import ratios
from restauro.numerics import lines

_SIDE = 512  # pixels: heights below are those in a picture whose shorter side is as long
_HEIGHTS = (16, 60)
_PEN = (0.05, 0.1)  # radius of the pen, in heights

# Strokes of each letter through points of a grid of 5 x 7: column, row, column, row ...; a font of our own, so that
# text looks the same on every machine.
_GLYPHS = {
    "A": "062046 1434", "B": "0006 003041423303 3344453606", "C": "4130100105163645",
    "D": "0006 002042442606", "E": "40000646 0333", "F": "400006 0333", "G": "41301001051636454323",
    "H": "0006 4046 0343", "I": "2026", "J": "4045361605", "K": "0006 400346", "L": "000646", "M": "0600234046",
    "N": "06004640", "O": "103041453616050110", "P": "06003041423303", "Q": "103041453616050110 3446",
    "R": "06003041423303 2346", "S": "413010010213334445361605", "T": "0040 2026", "U": "000516364540",
    "V": "002640", "W": "0016233640", "X": "0046 4006", "Y": "002340 2326", "Z": "00400646",
    "0": "103041453616050110 1534", "1": "112026", "2": "01103041420646", "3": "01103041423323 334445361605",
    "4": "3630 300444", "5": "400003334445361605", "6": "4130100105163645443303", "7": "004016",
    "8": "133342413010010213 130405163645443313", "9": "0516364541301001021343",
}  # fmt: skip


def text(height: int, width: int, ratio: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return lines of capital letters and figures, of several sizes and slants, as written or printed over a picture.

    Parameters, result and errors are those of `restauro.damage.kinds.make_damage`.

    Examples
    --------
    >>> hole = text(256, 256, 0.1, np.random.default_rng(7))
    >>> round(float(hole.mean()), 2)
    0.1
    """
    ratios.check(ratio, "text")
    scale = min(height, width) / _SIDE
    mask = np.zeros((height, width), np.bool_)
    wanted = ratios.pixels(ratio, mask.size)
    low, high = (size * scale for size in _HEIGHTS)
    covered = 0
    while covered < ratios.ENOUGH * wanted:
        size = max(3.0, min(low * (high / low) ** rng.random(), np.sqrt(wanted / 4)))  # several letters at least
        pen, slant = rng.uniform(*_PEN), rng.normal(0, 0.12)
        place = rng.random(2) * (1.1 * height, width) - (0.05 * height, 0.3 * width)
        for letter in _words(rng):
            lacking = wanted - covered
            if letter != " ":
                fitting = min(size, max(3.0, np.sqrt(lacking)))  # the last letters are as small as what lacks
                most = max(1, int(ratios.TOO_MUCH * wanted)) - covered
                covered += _draw(letter, place, fitting, pen, slant, mask, most)
            place = place + 0.95 * size * np.array([np.sin(slant), np.cos(slant)])
            if covered >= ratios.ENOUGH * wanted:
                break
    return mask


def _words(rng: np.random.Generator) -> str:
    letters = list(_GLYPHS)
    words = ("".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(rng.integers(1, 5)))
    return " ".join(words)


def _draw(
    letter: str, place: NDArray[np.float64], size: float, pen: float, slant: float, mask: NDArray[np.bool_], most: int
) -> int:
    """Draw a letter with its upper left corner at a place, at most so many new pixels; return how many are new."""
    ends = _ends(letter) * size / 6
    turned = np.empty_like(ends)
    for at in (0, 2):
        turned[:, at] = place[0] + ends[:, at] * np.cos(slant) + ends[:, at + 1] * np.sin(slant)
        turned[:, at + 1] = place[1] - ends[:, at] * np.sin(slant) + ends[:, at + 1] * np.cos(slant)
    around = _around(mask, turned)
    before = around.copy()
    lines.draw_capsules(turned, np.full(len(turned), max(0.5, pen * size)), mask)
    new = np.argwhere(around & ~before)
    around[tuple(new[most:].T)] = False
    return min(len(new), most)


def _around(mask: NDArray[np.bool_], ends: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the part of a mask in which a letter lies."""
    rows, columns = ends[:, ::2], ends[:, 1::2]
    reach = 1 + 0.2 * max(np.ptp(rows), np.ptp(columns), 1)
    top, left = max(0, int(rows.min() - reach)), max(0, int(columns.min() - reach))
    return mask[top : max(0, int(rows.max() + reach) + 2), left : max(0, int(columns.max() + reach) + 2)]


@cache
def _ends(letter: str) -> NDArray[np.float64]:
    """Return a letter's straight strokes [n, 4], row and column of both ends, 4 wide and 6 high."""
    ends = []
    for stroke in _GLYPHS[letter].split():
        points = [(int(row), int(column)) for column, row in zip(stroke[::2], stroke[1::2], strict=True)]
        ends += [(*one, *other) for one, other in pairwise(points)]
    return np.array(ends, float)
