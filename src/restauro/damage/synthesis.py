"""Masks made to order: random marks, strokes of a free hand. True is hole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage import ratios
from restauro.damage.ratios import RATIO_BINS, ratio_in
from restauro.numerics import brush, lines

_MARKS_SIDE = 32  # pixels: the side of the pictures that the recipe of `marks` was written for

# Of strokes, lengths are in pixels of a picture whose shorter side is 512.
_STROKES_SIDE = 512
_MARGIN = 50
_STRIDE = 14  # from one change of direction and width to the next
_RADII = (1.5, 36)
_SHORT, _LONG = (2, 7), (4, 60)  # strides that blobs and strokes take
_BLOBS = 0.15  # of all strokes
_BROKEN = 0.25  # of all strokes
_SMOOTH = np.array([1, 2, 3, 2, 1]) / np.sqrt(19)  # of random numbers, their standard deviation kept
_SIDE_BY_SIDE = 0.2  # of all scratches

# Of pieces.
_PIECES = {"strokes": 0.6, "cracks": 0.1, "scratches": 0.1, "losses": 0.1, "blobs": 0.1}
_SMALLER_MORE = np.array([2, 2, 2, 1, 1, 1]) / 9
_THIN = 0.4  # of a ratio
_KNOWN = 0.05  # the share of a piece that is known at least


def marks(height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the random marks of a student project on CIFAR-10: one to nine straight lines, thin or thick.

    Where the shorter side is 32 pixels, it is that project's recipe to the pixel: as many lines as a die of nine sides
    says, each end anywhere but within a pixel of the rim at the top and the left, thickness 1 or 2 as OpenCV's `line`
    draws them (thickness 2 is 3 pixels wide along the axes). On other sizes places and widths grow with the shorter
    side, and lines have smooth edges.

    Parameters
    ----------
    height, width
        Pixels, at least 1.
    rng
        What is drawn; it is the same for the same generator in the same state.

    Returns
    -------
    bool [H, W]
        Of 32 x 32 pixels a share of 0.149 is hole on average (standard deviation 0.084, 5 % to 95 %: 0.020 to 0.289);
        of larger squares as much, of other shapes less.

    References
    ----------
    S. Nandeshwar, COMP 558 course project, image inpainting with partial convolutions on CIFAR-10, 2023.

    Examples
    --------
    >>> hole = marks(32, 32, np.random.default_rng(7))
    >>> hole.shape, hole.dtype, round(float(hole.mean()), 3)
    ((32, 32), dtype('bool'), 0.289)
    """
    count = rng.integers(1, 10)
    drawn = rng.random((count, 5))
    hole = np.zeros((height, width), np.bool_)
    thick = drawn[:, 4] < 0.5
    scale = min(height, width) / _MARKS_SIDE
    sides = np.array([height, width, height, width])
    if scale == 1:
        ends = (1 + drawn[:, :4] * (sides - 1)).astype(np.int64)
        lines.draw_opencv_lines(ends, thick, hole)
        return hole
    ends = scale / 2 + drawn[:, :4] * (sides - scale) - 0.5
    # Averaged over all directions, OpenCV's lines are 0.9 and 2.9 pixels wide. The least keeps a line in one piece.
    lines.draw_capsules(ends, np.maximum(np.where(thick, 1.45, 0.45) * scale, 0.5), hole)
    return hole


def strokes(height: int, width: int, ratio: float, rng: np.random.Generator, border: bool = True) -> NDArray[np.bool_]:
    """Return strokes of a free hand: thin and wide, straight and curled, some broken, some just blobs.

    Each mask has a width of its own, about which its strokes vary, and wider ones where more is to be hole. Lengths and
    widths grow with the shorter side.

    Parameters
    ----------
    height, width, ratio, rng
        See `restauro.damage.kinds.make_damage`.
    border
        Whether holes come near the rim. Otherwise 50 pixels in 512 along each side are free of them, and the ratio is
        at most 0.62 (of a square).

    Returns
    -------
    bool [H, W]

    Raises
    ------
    ParameterError
        The ratio is out of range.

    Notes
    -----
    Liu et al. took their masks from the occlusions between frames of films, in the six bins of hole ratio that
    `RATIO_BINS` lists, with and without holes near the border. These are drawn, to the same bins and border.

    References
    ----------
    G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, "Image Inpainting for Irregular Holes Using
    Partial Convolutions", ECCV 2018, section 4.1.

    Examples
    --------
    >>> hole = strokes(256, 256, 0.2, np.random.default_rng(7))
    >>> round(float(hole.mean()), 2)
    0.2
    """
    scale = min(height, width) / _STROKES_SIDE
    margin = 0 if border else int(_MARGIN * scale)
    hole = np.zeros((height, width), np.bool_)
    inside = hole[margin : height - margin, margin : width - margin]
    most = ratios.MOST["strokes"] * inside.size / hole.size
    ratios.check(ratio, "strokes" if border else f"strokes with a free border in {height} x {width} pixels", most)
    wanted = ratios.pixels(ratio, hole.size)
    narrowest = _RADII[0] + 15 * ratio
    usual = scale * narrowest * (_RADII[1] / narrowest) ** rng.random()
    covered = 0
    while covered < ratios.ENOUGH * wanted:
        covered += _draw_one(inside, usual, scale, wanted, covered, rng)
    return hole


def scratches(height: int, width: int, ratio: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return scratches: long, thin, nearly straight, broken here and there, some side by side.

    Parameters, result and errors are those of `restauro.damage.kinds.make_damage`.

    Examples
    --------
    >>> hole = scratches(256, 256, 0.02, np.random.default_rng(7))
    >>> round(float(hole.mean()), 2)
    0.02
    """
    ratios.check(ratio, "scratches")
    scale = min(height, width) / _STROKES_SIDE
    wider = 1 + 4 * max(0, ratio - 0.1)  # half a picture isn't covered with hairlines
    hole = np.zeros((height, width), np.bool_)
    wanted = ratios.pixels(ratio, hole.size)
    usual, common = rng.uniform(0, 2 * np.pi, 2)  # many scratches of a picture go one way
    covered = 0
    while covered < ratios.ENOUGH * wanted:
        row, column, along, wide = rng.random(4)
        heading = usual + rng.normal(0, 0.15) if common < np.pi else 2 * np.pi * along
        count = int(4 * 15 ** rng.random())
        for beside in range(1 + (rng.random() < _SIDE_BY_SIDE) * rng.integers(1, 4)):
            radius = max(0.5, scale * wider * 0.4 * 5**wide)
            aside = beside * (3 + 4 * rng.random()) * max(1, radius)
            place = (
                (1.4 * row - 0.2) * height + aside * np.cos(heading),
                (1.4 * column - 0.2) * width - aside * np.sin(heading),
            )
            radii = np.maximum(0.5, radius * np.exp(0.12 * rng.standard_normal(count + 1)))
            radii[[0, -1]] = 0.5
            down = np.repeat(rng.random(count // 3 + 1) < 0.8, 3)[:count]
            turns = 0.02 * rng.standard_normal(count)
            covered += int(
                brush.draw_stroke(
                    *place, heading, max(_STRIDE * scale, 1.0), turns, radii, down, hole, wanted - covered
                )
            )
            if covered >= ratios.ENOUGH * wanted:
                break
    return hole


def any_strokes(height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return `strokes` of any of the six bins of hole ratio, every other mask with holes near the border.

    >>> any_strokes(64, 48, np.random.default_rng(7)).shape
    (64, 48)
    """
    return strokes(height, width, ratio_in(RATIO_BINS[rng.integers(len(RATIO_BINS))], rng), rng, rng.random() < 0.5)


def pieces(height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a piece of a mask of a larger picture: strokes mostly, else cracks, scratches, losses or blobs.

    The picture's sides are up to 512 pixels, or four times the piece's shorter one if that is less; a ratio of the
    first three of `RATIO_BINS` is drawn twice as often as one of the others. Some of the piece is hole, and at least a
    twentieth is not.

    >>> pieces(128, 128, np.random.default_rng(7)).shape
    (128, 128)
    """
    from restauro.damage.kinds import KINDS

    least, most = max(height, width), max(height, width, min(_STROKES_SIDE, 4 * min(height, width)))
    while True:
        kind = KINDS[str(rng.choice(list(_PIECES), p=list(_PIECES.values())))]
        side = int(rng.integers(min(3 * least // 2, most), most + 1))
        ratio = ratio_in(RATIO_BINS[rng.choice(len(RATIO_BINS), p=_SMALLER_MORE)], rng)
        if kind.name in ("cracks", "scratches"):  # denser ones hide what they would be judged by
            ratio *= _THIN
        hole = kind.make(side, side, ratio, rng)
        top, left = rng.integers(0, (side - height + 1, side - width + 1))
        piece = hole[top : top + height, left : left + width]
        if 0 < piece.mean() <= 1 - _KNOWN:
            return piece


def _draw_one(
    mask: NDArray[np.bool_], usual: float, scale: float, wanted: int, covered: int, rng: np.random.Generator
) -> int:
    """Draw a stroke or a blob of about the usual radius; return how many pixels are new, hardly more than lack."""
    row, column, heading, wider, curls, longer, kind, break_up = rng.random(8)
    is_blob, is_broken = kind < _BLOBS, break_up < _BROKEN
    shortest, longest = _SHORT if is_blob else _LONG
    count = int(shortest * (longest / shortest) ** longer)
    turns = rng.standard_normal(count)
    swelling = np.convolve(rng.standard_normal(count + 5), _SMOOTH, "valid")
    down = rng.random(count) < (0.6 if is_broken else 1)
    if is_blob:
        usual, turning = usual * (1.5 + wider), 1.5
    else:
        usual, turning = usual * 2 ** (wider - 0.5), 0.03 * 25**curls  # radians a stride: nearly straight to curled
    # Where the brush is put down, its whole disc must fit in what lacks; what it adds later is small beside all.
    excess = (ratios.TOO_MUCH - 1) * wanted
    widest = np.sqrt(min(excess, (excess if is_broken else excess + wanted - covered) / np.pi))
    radii = np.clip(usual * np.exp(0.25 * swelling), 0.5, max(0.5, widest))
    # Strokes come in from outside too.
    height, width = mask.shape
    place = (1.2 * row - 0.1) * height, (1.2 * column - 0.1) * width, 2 * np.pi * heading
    stride = max(_STRIDE * scale, 1.0)
    return int(brush.draw_stroke(*place, stride, turning * turns, radii, down, mask, wanted - covered))
