"""Grain: noise in what was filled, with the spectrum and the covariance of bands that the picture has beside it.

A fill that interpolates is smooth, and gives itself away beside film grain or canvas sooner by that than by its errors.
What is finer than a few pixels is measured in the known pixels around the holes and in the fill; what the fill lacks is
added as Gaussian noise of that spectrum (B. Galerne, Y. Gousseau, J.-M. Morel, "Random phase textures: theory and
synthesis", IEEE Trans. Image Processing 20 (1), 2011, doi:10.1109/TIP.2010.2052822). The spectrum is one for the whole
picture; how strong the grain is follows the surroundings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError
from restauro.holes import Box, Holes

Floats = NDArray[np.float64]

_TILE = 256  # pixels, side of the tiles that are looked at one after the other
_RIM = 16  # pixels around holes whose grain is measured
_SIGMA = 3.0  # pixels, standard deviation of the Gaussian that takes away what isn't grain
_AROUND = 9  # pixels that it reaches
_LAGS = 16  # pixels apart up to which pixels' products are measured
_MOST_TILES = 24  # in which the spectrum is measured
_FEWEST = 256  # known pixels to measure in
_EDGES = 3.0  # robust standard deviations from which what is fine is an edge and no grain
_LEAST_PASSED = 0.3  # share of power that the Gaussian must leave for the rest to be made up for
_TORUS = 512  # pixels, after which noise repeats
_LEVELS = 16  # how many kinds of light places there are
_BLOCK = 32  # pixels, side of the blocks by which the strength is measured
_PRIOR = 400  # pixels of the whole picture's strength that each block has beside its own


def add_grain(
    bands: NDArray[Any],
    holes: Holes,
    unknown: Holes,
    others: Holes | None,
    weights: NDArray[np.float32] | None,
    seed: int,
) -> None:
    """Add grain to filled pixels, in place.

    Parameters
    ----------
    bands
        [H, W, C], filled.
    holes
        The pixels to add it to.
    unknown
        All that wasn't known before it was filled.
    others
        What still isn't known; None: nothing.
    weights
        float32 [H, W]: the share of the fill in each pixel, and so of the grain; None: 1.
    seed
        The same gives the same grain.

    Raises
    ------
    ImageError
        Too little is known beside the holes to measure grain; the picture has no grain as it has bools.
    """
    if not holes.pixels:
        return
    if bands.dtype == np.bool_:
        raise ImageError("A picture of bools has no grain: leave grain out.")
    tiles = [_Tile.of(bands, box, holes, unknown, others) for box in _boxes(holes)]
    measured = tiles[:: -(-len(tiles) // _MOST_TILES)]
    known = sum(int(np.count_nonzero(tile.rim)) for tile in tiles)
    if known < _FEWEST:
        raise ImageError(
            f"Only {known} known pixels lie within {_RIM} pixels of the holes, too few to measure grain in: leave it out."
        )
    scale = max(tile.largest for tile in measured)
    if scale == 0:
        return
    limit = _limit(measured, scale)
    spectrum = _Spectrum.of(measured, scale, limit, bands.shape[2])
    noise = scale * _noise(spectrum.lacking(), max(bands.shape[:2]), seed)
    strength = _Strength.of(tiles, scale, limit, bands.shape[:2])
    for tile in tiles:
        _add(tile, noise, strength, scale, weights)


@dataclass(frozen=True)
class _Tile:
    """A box with hole pixels, and what is around it.

    core: the box. bands: [H, W, C], the whole picture. hole, rim, known: bool [h, w] of the box `around`: pixels of the
    core to add grain to, known ones near these, and all that may be read. """

    bands: NDArray[Any]
    core: Box
    around: Box
    hole: NDArray[np.bool_]
    rim: NDArray[np.bool_]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, bands: NDArray[Any], core: Box, holes: Holes, unknown: Holes, others: Holes | None) -> _Tile:
        from restauro.numerics import patches

        margin = _RIM + _AROUND
        height, width = bands.shape[:2]
        around = (max(core[0] - margin, 0), min(core[1] + margin, height), max(core[2] - margin, 0), min(core[3] + margin, width))
        inside = np.s_[core[0] - around[0] : core[1] - around[0], core[2] - around[2] : core[3] - around[2]]
        hole = np.zeros((around[1] - around[0], around[3] - around[2]), np.bool_)
        hole[inside] = holes.within(core)
        depth = np.empty(hole.shape, np.uint8)
        patches.mark(hole, _RIM, depth)
        rim: NDArray[np.bool_] = (depth == 0) & ~unknown.within(around)
        known = np.ones(hole.shape, np.bool_) if others is None else ~others.within(around)
        return cls(bands, core, around, hole, rim, known)

    @property
    def values(self) -> Floats:
        """Float64 [h, w, C]; 0 where nothing is known."""
        top, bottom, left, right = self.around
        return np.where(self.known[..., np.newaxis], self.bands[top:bottom, left:right], 0).astype(np.float64)

    @property
    def largest(self) -> float:
        """The largest magnitude beside its holes."""
        return float(np.abs(self.values[self.rim]).max(initial=0))

    def fine(self, scale: float) -> Floats:
        """Return what is finer than the Gaussian, [h, w, C], in units of `scale`."""
        values = self.values / scale
        smooth = _smoothed(values)
        if not self.known.all():
            smooth /= np.maximum(_smoothed(self.known[..., np.newaxis].astype(np.float64)), 1e-6)
        fine: Floats = np.where(self.known[..., np.newaxis], values - smooth, 0)
        return fine


    def level(self, scale: float, fine: Floats) -> Floats:
        """Return how light the picture is without what is fine, [h, w], the mean of its bands."""
        level: Floats = (self.values / scale - fine).mean(axis=2)
        return level


def _boxes(holes: Holes) -> Iterator[Box]:
    """Give the tiles that have hole pixels."""
    height, width = holes.shape
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            box = (top, min(top + _TILE, height), left, min(left + _TILE, width))
            if holes.count(box):
                yield box


def _half_gaussian() -> Floats:
    half = np.exp(-0.5 * (np.arange(_AROUND + 1) / _SIGMA) ** 2)
    return half / (2 * half.sum() - half[0])


def _smoothed(values: Floats) -> Floats:
    """Smooth [h, w, C] along both axes; it goes on mirrored beyond its edges."""
    half = _half_gaussian()
    for axis in (0, 1):
        reach = min(_AROUND, values.shape[axis])
        padding = [(reach, reach) if k == axis else (0, 0) for k in range(3)]
        padded = np.pad(values, padding, "symmetric")
        size = values.shape[axis]
        total = half[0] * values
        for k in range(1, reach + 1):
            before, after = (padded.take(range(reach + sign * k, reach + sign * k + size), axis) for sign in (-1, 1))
            total += half[k] * (before + after)
        values = total
    return values


def _limit(tiles: list[_Tile], scale: float) -> Floats:
    """Return from which magnitude on what is fine is an edge, [C]: by the median of magnitudes, which edges don't move."""
    fine = np.concatenate([np.abs(tile.fine(scale)[tile.rim]) for tile in tiles])
    limit: Floats = _EDGES * 1.4826 * np.median(fine, axis=0)
    return limit


@dataclass(frozen=True)
class _Spectrum:
    """Covariances of what is fine, [2 lags, 2 lags, C, C] by distance, in the known pixels and in the fill."""

    known: Floats
    filled: Floats

    @classmethod
    def of(cls, tiles: list[_Tile], scale: float, limit: Floats, bands: int) -> _Spectrum:
        sums = np.zeros((2, 2 * _LAGS, 2 * _LAGS, bands, bands))
        pairs = np.zeros((2, 2 * _LAGS, 2 * _LAGS, 1, 1))
        for tile in tiles:
            fine = tile.fine(scale)
            grain = (np.abs(fine) <= limit).all(axis=2)
            for which, mask in enumerate((tile.rim & grain, tile.hole & grain)):
                products, count = _products(fine, mask)
                sums[which] += products
                pairs[which, ..., 0, 0] += count
        known, filled = sums / np.maximum(pairs, 1)
        return cls(known, filled)

    def lacking(self) -> NDArray[np.complex128]:
        """Return roots of the spectral matrices of what the fill lacks, [2 lags, 2 lags, C, C]."""
        lag = np.fft.fftfreq(2 * _LAGS, 1 / (2 * _LAGS))
        taper = 0.5 + 0.5 * np.cos(np.pi * lag / _LAGS)
        window = (taper[:, np.newaxis] * taper)[..., np.newaxis, np.newaxis]
        half = _half_gaussian()
        frequency = np.fft.fftfreq(2 * _LAGS)
        passed = half[0] + 2 * np.cos(2 * np.pi * np.outer(frequency, np.arange(1, half.size))) @ half[1:]
        left = (1 - np.outer(passed, passed)) ** 2  # of the power, by the Gaussian
        matrices = np.fft.fft2(window * (self.known - self.filled), axes=(0, 1))
        matrices /= np.maximum(left, _LEAST_PASSED)[..., np.newaxis, np.newaxis]
        powers, vectors = np.linalg.eigh((matrices + matrices.conj().swapaxes(2, 3)) / 2)
        roots = vectors * np.sqrt(np.maximum(powers, 0))[..., np.newaxis, :] @ vectors.conj().swapaxes(2, 3)
        return np.asarray(roots)


def _products(fine: Floats, mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return sums of products of pixels of a mask so far apart, [2 lags, 2 lags, C, C], and how many there are."""
    size = [side + 2 * _LAGS for side in mask.shape]
    lags = np.fft.fftfreq(2 * _LAGS, 1 / (2 * _LAGS)).astype(np.int64)
    lags[_LAGS] = 0  # which counts for nothing
    at = np.ix_(lags, lags)
    ones = np.fft.rfft2(mask, size)
    planes = [np.fft.rfft2(fine[..., band] * mask, size) for band in range(fine.shape[2])]
    sums = np.empty((2 * _LAGS, 2 * _LAGS, len(planes), len(planes)))
    for i, first in enumerate(planes):
        for j, second in enumerate(planes):
            sums[..., i, j] = np.fft.irfft2(first * second.conj(), size)[at]
    return sums, np.rint(np.fft.irfft2(ones * ones.conj(), size)[at])


def _noise(roots: NDArray[np.complex128], longest: int, seed: int) -> Floats:
    """Return noise, [T, T, C], that goes on at its edges."""
    side = min(_TORUS, max(4 * _LAGS, 1 << (longest - 1).bit_length()))
    bands = roots.shape[2]
    white = np.random.default_rng([seed, _TORUS]).standard_normal((side, side, bands))
    waves = np.fft.rfft2(white, axes=(0, 1))
    kernels = np.fft.ifft2(roots, axes=(0, 1)).real
    lags = np.fft.fftfreq(2 * _LAGS, 1 / (2 * _LAGS)).astype(np.int64)
    noise = np.empty_like(white)
    for i in range(bands):
        total = np.zeros(waves.shape[:2], np.complex128)
        for j in range(bands):
            whole = np.zeros((side, side))
            whole[np.ix_(lags, lags)] = kernels[..., i, j]
            total += np.fft.rfft2(whole) * waves[..., j]
        noise[..., i] = np.fft.irfft2(total, (side, side))
    return noise


@dataclass(frozen=True)
class _Strength:
    """How strong grain is, of the whole picture's: by how light a place is, and by where it is.

    levels, by_level: [16], grain depends on density in film, on exposure in a sensor, on paint in a painting. by_place: in
    blocks, [rows + 2, columns + 2], the first block's middle being [1, 1], what is left then. """

    levels: Floats
    by_level: Floats
    by_place: Floats

    @classmethod
    def of(cls, tiles: list[_Tile], scale: float, limit: Floats, shape: tuple[int, ...]) -> _Strength:
        seen = []
        for tile in tiles:
            fine = tile.fine(scale)
            y, x = np.nonzero(tile.rim)
            squares = (np.minimum(np.abs(fine[y, x]), limit) ** 2).sum(axis=1)
            seen.append((y + tile.around[0], x + tile.around[2], tile.level(scale, fine)[y, x], squares))
        rows, columns, level, squares = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        mean = squares.mean()
        if mean == 0:
            return cls(np.zeros(1), np.ones(1), np.ones((2, 2)))
        squares = squares / mean
        edges = np.quantile(level, np.linspace(0, 1, _LEVELS + 1))
        number = np.clip(np.searchsorted(edges, level, side="right") - 1, 0, _LEVELS - 1)
        count = np.bincount(number, minlength=_LEVELS)
        levels = (np.bincount(number, level, _LEVELS) + 1e-300) / np.maximum(count, 1e-300)
        by_level = (np.bincount(number, squares, _LEVELS) + _PRIOR) / (count + _PRIOR)
        used = count > 0
        levels, by_level = levels[used], by_level[used]
        expected = np.interp(level, levels, by_level)
        blocks = tuple(-(-side // _BLOCK) + 2 for side in shape)
        block = (rows // _BLOCK + 1) * blocks[1] + columns // _BLOCK + 1
        planes = [np.bincount(block, weight, blocks[0] * blocks[1]).reshape(blocks) for weight in (squares, expected)]
        for axis in (0, 1):
            planes = [plane + 0.5 * (np.roll(plane, 1, axis) + np.roll(plane, -1, axis)) for plane in planes]
        by_place = np.pad(((planes[0] + _PRIOR) / (planes[1] + _PRIOR))[1:-1, 1:-1], 1, "edge")
        return cls(levels, np.sqrt(by_level), np.sqrt(by_place))

    def at(self, rows: NDArray[np.int64], columns: NDArray[np.int64], level: Floats) -> Floats:
        """Return it at some pixels, [n]."""
        y, x = (rows + 0.5) / _BLOCK + 0.5, (columns + 0.5) / _BLOCK + 0.5
        top, left = y.astype(np.int64), x.astype(np.int64)
        down, right = y - top, x - left
        place = self.by_place
        upper = (1 - right) * place[top, left] + right * place[top, left + 1]
        lower = (1 - right) * place[top + 1, left] + right * place[top + 1, left + 1]
        strength: Floats = ((1 - down) * upper + down * lower) * np.interp(level, self.levels, self.by_level)
        return strength


def _add(tile: _Tile, noise: Floats, strength: _Strength, scale: float, weights: NDArray[np.float32] | None) -> None:
    """Add noise to a tile's hole pixels."""
    y, x = np.nonzero(tile.hole)
    rows, columns = y + tile.around[0], x + tile.around[2]
    here = strength.at(rows, columns, tile.level(scale, tile.fine(scale))[y, x])
    if weights is not None:
        here *= weights[rows, columns]
    values = tile.bands[rows, columns] + here[:, np.newaxis] * noise[rows % len(noise), columns % len(noise)]
    dtype = tile.bands.dtype
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    tile.bands[rows, columns] = np.clip(np.rint(values) if dtype.kind in "iu" else values, limits.min, limits.max)
