"""What filters say of dark and of bright lines in a picture: the features that cracks are told by."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters

Field = NDArray[np.float32]

ANGLES = 16
REACH = 56  # pixels, beyond which nothing changes a response
_LENGTH = 13  # pixels, over which a line is straight
_MARGIN = 12  # pixels to where a line's sides are read
_EDGE = _MARGIN + _LENGTH // 2 + 2
# Distance to a line's sides, and the steps across it that are its own: for lines up to 2, 4, 8 and 13 pixels wide.
_WIDTHS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (2.0, (0.0,)),
    (3.2, (-0.8, 0.8)),
    (5.6, (-1.8, 0.0, 1.8)),
    (8.8, (-3.0, 0.0, 3.0)),
)
_SURROUNDINGS = 49  # pixels, side of the square whose texture a line is weighed against
_NOISE = 0.15  # of 255: no picture's texture is less
_SOFT = 0.6  # pixels: a crack's rim is no sharper
_AHEAD = 4  # double pixels of a step along a line
_STEPS = 3
_HATS = (3, 5, 9, 15)  # pixels, sides of the squares that cracks are narrower than
_WEIGHED_HATS = (1, 3)  # of them, whose texture is told
_SHARP = ((0.0, 1.2), (1.2, 3.0))  # pixels, between which scales a pixel is darker than what is around it
_ROWS = 64  # that a thread takes at a time; even

# The planes of `responses`, by name: strengths in 255ths of the full scale, then weighed against the texture.
STRENGTHS = slice(0, 4)
BEST, LONG, BALANCE = 8, 11, 14
PIXEL_SHARP = slice(20, 26)
PLANES = 30


def planes(image: NDArray[Any]) -> tuple[Field, Field]:
    """Return lightness [H, W], the mean of the bands, and two differences of colour [2, H, W], in 255ths.

    The differences are relative to the lightness: a shadow or a crack that takes the same share of every band leaves
    them. A picture of fewer than three bands has none [0, H, W]. What isn't finite is the mean of what is.
    """
    scale = np.float32(255 / (np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1))
    bands = image.reshape(*image.shape[:2], -1).astype(np.float32) * scale
    finite = np.isfinite(bands)
    if not finite.all():
        bands[~finite] = bands[finite].mean() if finite.any() else 0
    grey = bands.mean(axis=2, dtype=np.float32)
    if bands.shape[2] < 3:
        return grey, np.zeros((0, *grey.shape), np.float32)
    share = 128 / (np.abs(grey) + 16)
    return grey, np.stack([(bands[..., 0] - bands[..., 2]) * share, (bands[..., 1] - grey) * share])


def responses(grey: Field, colours: Field, pool: ThreadPoolExecutor) -> Field:
    """Return what filters say of dark and of bright lines, [2, F, H, W]; see `STRENGTHS` and its neighbours."""
    from restauro.numerics import line_evidence

    height, width = grey.shape
    grey = np.pad(grey, ((0, height % 2), (0, width % 2)), "edge")
    colours = np.pad(colours, ((0, 0), (0, height % 2), (0, width % 2)), "edge")
    smooth = filters.gaussian(grey, _SOFT)
    stack = _ridges(smooth, _WIDTHS, pool)
    tints = np.zeros(stack.shape[1:], np.float32)
    for colour in colours:
        tints += np.abs(_ridges(filters.gaussian(colour, _SOFT), _WIDTHS[1:2], pool)[0])
    best, mean = (np.empty((2, len(_WIDTHS), *grey.shape), np.float32) for _ in range(2))
    for j, lines in enumerate(stack):
        in_rows(line_evidence.summarise, grey.shape[0], pool, lines, best[:, j], mean[:, j])
    fields = [field for sign in mean for field in sign]
    spreads = list(pool.map(lambda field: filters.mean(field, _SURROUNDINGS), fields))
    textures = np.stack(spreads).reshape(mean.shape) + np.float32(_NOISE)
    told = np.empty((2, PLANES, *smooth.shape), np.float32)
    for sign, own in ((1.0, 0), (-1.0, 1)):
        lines = told[own, : PIXEL_SHARP.start]
        _of_sign(stack, tints, smooth, sign, best[own], textures[[own, 1 - own]], pool, lines)
    _sharp(smooth, pool, told[:, PIXEL_SHARP.start :])
    return told[:, :, :height, :width]


def _sharp(plane: Field, pool: ThreadPoolExecutor, told: Field) -> None:
    """Write what tells single pixels of dark and of bright lines: top-hats, and how they differ from what is around.

    What filters along lines say is true of pixels beside a line too; this isn't. told: [2, 10, H, W].
    """
    hats = list(pool.map(lambda side: _top_hats(plane, side), _HATS))  # [sizes][signs]
    textures = [[filters.mean(hat, _SURROUNDINGS) + np.float32(_NOISE) for hat in hats[k]] for k in _WEIGHED_HATS]
    blurs = {scale: filters.gaussian(plane, scale, truncate=3) for pair in _SHARP for scale in pair if scale}
    blurs[0.0] = plane

    def tell(own: int) -> None:
        other = 1 - own
        for k, hat in enumerate(hats):
            np.log(hat[own] + np.float32(0.5), out=told[own, k])
        for k, ((narrow, wide), texture) in enumerate(zip(_SHARP, textures, strict=True)):
            darker = blurs[wide] - blurs[narrow] if own == 0 else blurs[narrow] - blurs[wide]
            told[own, 4 + k] = 4 * darker / (np.abs(darker) + 2 * texture[other])
            np.log(texture[other], out=told[own, 6 + k])
            np.log(texture[own] / texture[other], out=told[own, 8 + k])

    list(pool.map(tell, (0, 1)))


def _top_hats(plane: Field, side: int) -> tuple[Field, Field]:
    """Return by how much pixels are darker than the closing by a square, and brighter than the opening."""
    half = side // 2
    closed = -_highest(-_highest(plane, side, half), side, half)
    opened = _highest(-_highest(-plane, side, half), side, half)
    return closed - plane, plane - opened


def _highest(plane: Field, side: int, half: int) -> Field:
    """Return the highest value of the square about every pixel."""
    for axis in (0, 1):
        plane = np.pad(plane, [(half, half) if k == axis else (0, 0) for k in (0, 1)], "edge")
        length, reach = plane.shape[axis], 1
        while reach < side:
            step = min(reach, side - reach)
            length -= step
            plane = np.maximum(plane[:, :length] if axis else plane[:length], plane[:, step:] if axis else plane[step:])
            reach += step
    return plane


def _of_sign(
    stack: Field,
    tints: Field,
    smooth: Field,
    sign: float,
    strengths: Field,
    textures: Field,
    pool: ThreadPoolExecutor,
    told: Field,
) -> None:
    """Write what lines say of dark (sign 1) or bright (-1) ones, [20, H, W].

    Lines are weighed against lines of the other sign: the weave of a canvas and the marks of a brush have both alike,
    cracks have one.
    """
    from restauro.numerics import line_evidence

    own, other = textures
    weights = 1 / other
    best, mean, change = (np.empty(smooth.shape, np.float32) for _ in range(3))
    pooled = np.empty((ANGLES, smooth.shape[0] // 2, smooth.shape[1] // 2), np.float32)
    in_rows(line_evidence.combine, len(smooth), pool, stack, tints, weights, sign, best, mean, change, pooled)
    short, long = (value.repeat(2, 0).repeat(2, 1) for value in followed(pooled, _AHEAD, 0.8, _STEPS, pool))
    logarithms = [
        *((strength, 0.5) for strength in strengths),
        *((strength * weight, 0.3) for strength, weight in zip(strengths, weights, strict=True)),
        *((value, 0.3) for value in (best, mean, short, long)),
        (change, 1.0),
        ((change + 1) / (best * other[1] + 1), 0.0),
        *((own[j] / other[j], 0.0) for j in (1, 0)),
        (other[0], 0.0),
        *((ratio, 0.0) for ratio in (other[2] / other[0], own[3] / other[3])),
        (smooth / 128 - 1, None),
    ]

    def tell(k: int) -> None:
        value, added = logarithms[k]
        told[k] = value if added is None else np.log(value + np.float32(added))

    list(pool.map(tell, range(len(logarithms))))


def in_rows(kernel: Callable[..., None], height: int, pool: ThreadPoolExecutor, *arguments: Any) -> None:
    """Have a kernel work on an even number of rows at a time, in parallel."""
    firsts = range(0, height, _ROWS)
    list(pool.map(lambda first: kernel(first, min(first + _ROWS, height), *arguments), firsts))


def _ridges(plane: Field, widths: tuple[tuple[float, tuple[float, ...]], ...], pool: ThreadPoolExecutor) -> Field:
    """Return lines of every width and angle, [widths, angles, H, W]: dark ones positive, bright ones negative."""
    from restauro.numerics import ridges

    height, width = plane.shape
    padded = np.ascontiguousarray(np.pad(plane, _EDGE, "reflect" if min(plane.shape) > _EDGE else "symmetric"))
    stack = np.empty((len(widths), ANGLES, height, width), np.float32)

    def at(k: int) -> None:
        angle = np.pi * k / ANGLES
        means = np.empty((height + 2 * _MARGIN, width + 2 * _MARGIN), np.float32)
        ridges.line_means(padded, _EDGE - _MARGIN, ridges.along(angle, _LENGTH), means)
        for j, (aside, own) in enumerate(widths):
            inside = np.array([ridges.across(angle, step) for step in own])
            sides = np.array([ridges.across(angle, step) for step in (aside, -aside)])
            ridges.ridges(means, _MARGIN, inside, sides, stack[j, k])

    list(pool.map(at, range(ANGLES)))
    return stack


def followed(stack: Field, ahead: float, aside: float, steps: int, pool: ThreadPoolExecutor) -> tuple[Field, Field]:
    """Return the mean along the best line through every place: of one step, and of some steps, to both ends."""
    from restauro.numerics import line_evidence, ridges

    angles = np.pi * np.arange(ANGLES) / ANGLES
    forward = np.rint(ahead * np.stack([-np.sin(angles), np.cos(angles)], axis=1)).astype(np.int64)
    sideways = np.array([ridges.across(angle, aside) for angle in angles])
    total, short = stack.copy(), stack.copy()
    for way in (1, -1):
        sums = np.zeros_like(stack)
        for step in range(steps):
            following = np.empty_like(stack)
            arguments = (stack, sums, way * forward, sideways)
            list(pool.map(lambda a: line_evidence.follow(*arguments, a, a + 1, following), range(ANGLES)))  # noqa: B023
            sums = following
            if step == 0:
                short += sums
        total += sums
    return short.max(axis=0) / 3, total.max(axis=0) / (2 * steps + 1)
