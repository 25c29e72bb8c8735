"""Scratches found: long, thin, nearly straight lines, bright or dark, however faint, that texture doesn't explain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.detection import tiles

_HALF = 30  # pixels to each side of a pixel that evidence is summed over
_SHORT = 7  # the same for where a line ends
_WIDTHS = (1, 2, 3)
_SURE, _LIKELY = 9.0, 5.0  # noise levels: a line needs the one somewhere, and the other everywhere
_SUPPORT = 0.5  # of a line's contrast that each part of it must have
_SHORTEST = 40  # pixels
_WIDEST = 0.2  # width of a line over its length
_CLIP = 2.5  # noise levels that one pixel counts at most
_SMOOTH = 6.0  # pixels, standard deviation of what is taken for the picture's slow changes
_LOCAL = 65  # pixels, side of the square in which noise is measured
_LEAST_NOISE = 0.004  # of full scale: a step of an 8-bit picture
_SCALE = 512  # shorter side of pictures that are looked at in one more size for every doubling
_HALO = 96


def find_scratches(
    image: NDArray[Any], workers: int | None = None, progress: tiles.Progress | None = None
) -> NDArray[np.bool_]:
    """Return long, thin, nearly straight lines that are brighter or darker than both sides.

    The difference to both flanks is summed along 61 pixels in 120 directions, so that a line is found that no pixel of
    it shows. It is measured in units of the noise around, and of the texture that runs the same way around it: a line
    among brush strokes of its own direction has to stand out from them. Pictures with a shorter side of 512 or more are
    looked at again at half their size, and so on, for wider lines. Time: some seven seconds a megapixel on two cores.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16 or float of 0 to 1; see `restauro.detection.tiles.checked_picture`.
    workers, progress
        See `restauro.detection.detecting.detect`.

    Returns
    -------
    bool [H, W], all False where there are no scratches.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(0.5, 0.05, (128, 128)).clip(0, 1)
    >>> image[20:110, 60] += 0.15
    >>> found = find_scratches(image)
    >>> bool(found[30:100, 60].mean() > 0.9), bool(found[:, :50].any())
    (True, False)
    """
    picture = tiles.checked_picture(image)
    sizes = [picture]
    while min(sizes[-1].shape[:2]) >= _SCALE:
        sizes.append(tiles.halved(sizes[-1]))
    costs = np.cumsum([0, *(size.size for size in sizes)]) / sum(size.size for size in sizes)
    found = np.zeros((1, 1), np.bool_)
    for k in range(len(sizes) - 1, -1, -1):
        step = tiles.part(progress, 1 - costs[k + 1], 1 - costs[k])
        here = tiles.find_in_tiles(sizes[k], _find, _HALO, workers, step)
        found = here if k == len(sizes) - 1 else here | tiles.doubled(found, here.shape)
    return found


def _find(tile: NDArray[Any], core: tuple[slice, slice]) -> NDArray[np.bool_]:
    from restauro.numerics import straight_lines

    evidence, support = straight_lines.strongest(_normalised(tiles.as_grey(tile)), _HALF, _SHORT, _WIDTHS)
    found = np.zeros(evidence.shape, np.bool_)
    for sign in (1, -1):
        found |= _lines(sign * evidence, support)
    return found[core]


def _normalised(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return brightness less its slow changes, in units of the noise around, clipped."""
    detail = grey - filters.gaussian(grey, _SMOOTH, "edge", truncate=3)
    noise = 1.25 * filters.mean(np.abs(detail), _LOCAL, "edge")
    normalised: NDArray[np.float32] = np.clip(detail / np.maximum(noise, _LEAST_NOISE), -_CLIP, _CLIP)
    return normalised.astype(np.float32)


def _lines(evidence: NDArray[np.float32], support: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return what hangs together, has strong evidence somewhere, and is long for its width."""
    likely = (evidence > _LIKELY) & (support > _SUPPORT)
    lines = filters.pieces(likely)
    strong = lines.count(evidence > _SURE) > 0
    lengths = np.hypot(lines.heights, lines.widths)
    return lines.those(strong & (lengths >= _SHORTEST) & (lines.pixels <= _WIDEST * lengths**2))
