"""Holes are filled by a network that was trained to, with ONNX Runtime; PyTorch isn't needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ModelError, Remedy
from restauro.method import Method, Task
from restauro.methods._onnx import Session, open_model
from restauro.onnx_sessions import CPU, stoppable
from restauro.parameters import TextParameter

MODELS = Path(__file__).resolve().parents[1] / "models"
_MODEL_NAMES = " or ".join([*(path.stem for path in sorted(MODELS.glob("*.onnx"))), "an .onnx file"])

# Side (pixels) of the tiles that a large window is cut into, without their surroundings; what neighbours share.
_TILE = 512
_OVERLAP = 64
_SHARES = 64  # a power of two by which numbers are divided before they are summed up, so that all sums are numbers


@dataclass(frozen=True)
class Network(Method):
    """A trained network: a file that `restauro export` made, run by ONNX Runtime on the window around a hole.

    Time and memory go with the box around a hole and its surroundings (in tiles of 512 pixels), not with the hole. The
    wrong choice for pictures unlike those it was trained on, and for holes much wider than its training's.

    Source of a network that is given the picture and its mask: G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao,
    B. Catanzaro, "Image inpainting for irregular holes using partial convolutions", ECCV 2018,
    doi:10.1007/978-3-030-01252-6_6. A model's layers may be others than theirs.

    Examples
    --------
    >>> Network(model="paintings")
    Traceback (most recent call last):
    ...
    restauro.errors.ModelError: There is no model 'paintings': use ...
    """

    name: ClassVar[str] = "network"
    title: ClassVar[str] = "Trained network"
    reference: ClassVar[str] = (
        "G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, Image inpainting for irregular holes using "
        "partial convolutions, ECCV 2018"
    )
    summary: ClassVar[str] = (
        "Good for what its model was trained on, and no more than that; a model must be named. Costs go with the box "
        "around a hole, not with the hole."
    )
    nature: ClassVar[str] = "learned"
    whole_hole: ClassVar[bool] = True
    own_threads: ClassVar[bool] = True

    model: Annotated[
        str,
        TextParameter(
            "the network, which has to be given",
            _MODEL_NAMES,
            metavar="NAME|FILE",
        ),
    ] = ""
    providers: Annotated[
        str,
        TextParameter(
            "what ONNX Runtime computes with, for example CUDAExecutionProvider where its GPU build is installed",
            "names of providers, with commas between, the preferred first",
            metavar="NAMES",
        ),
    ] = CPU[0]

    def __post_init__(self) -> None:
        """Check that there is such a model; it is opened when it is used."""
        if isinstance(self.model, os.PathLike):
            object.__setattr__(self, "model", os.fspath(self.model))
        super().__post_init__()
        _find(self.model)

    def reach(self, depth: float) -> int:
        """See as much around a hole as the model says that it needs."""
        return self._open(workers=1).context

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: tile by tile, mixed where tiles overlap."""
        session = self._open(task.workers)
        rows, columns = np.nonzero(task.wanted[task.core])
        rows += task.core[0].start
        columns += task.core[1].start
        tiles = [_Tile.of(place, image, task.domain, session) for place in _places(task.core)]
        tiles = [tile for tile in tiles if tile.members(rows, columns).size]
        if not any(tile.known().any() for tile in tiles):  # what is wanted lies deep among what nobody knows
            task.control[1] += rows.size
            return np.tile(image[~hole].mean(axis=0, dtype=np.float64), (rows.size, 1))
        scale = _scale(image.dtype, tiles)
        values, weights = np.zeros((rows.size, image.shape[2])), np.zeros(rows.size)
        with stoppable(lambda: task.stopped) as options:
            for tile in tiles:
                own = tile.members(rows, columns)
                known = tile.known()
                if not known.any():
                    continue
                at = rows[own] - tile.box[0], columns[own] - tile.box[2]
                filled = _restored(tile.image, known, at, scale, partial(session.run, options=options))
                if task.stopped:
                    return values
                weight = tile.weights(rows[own], columns[own])
                task.control[1] += np.count_nonzero(weights[own] == 0)
                weights[own] += weight
                values[own] += weight[:, np.newaxis] * filled
        bare = weights == 0  # so deep in a hole that its tile knows nothing
        task.control[1] += np.count_nonzero(bare)
        values[~bare] /= weights[~bare, np.newaxis]
        values[bare] = np.ldexp(np.ldexp(values[~bare], -_SHARES).mean(axis=0), _SHARES)
        return values

    def _open(self, workers: int) -> Session:
        names = [name.strip() for name in self.providers.split(",")]
        return open_model(_find(self.model), tuple(name for name in names if name) or CPU, workers)


def shipped_models() -> dict[str, Path]:
    """Return the models that come with restauro: name and file.

    >>> sorted(shipped_models()) == sorted(path.stem for path in MODELS.glob("*.onnx"))
    True
    """
    return {path.stem: path for path in sorted(MODELS.glob("*.onnx"))}


def _find(model: str) -> Path:
    """Return the file of a model, by its name or path."""
    there = shipped_models()
    if model in there:
        return there[model]
    path = Path(model)
    with suppress(OSError, ValueError):  # what can't be a file's name isn't one's
        if model and path.is_file():
            return path
    ways: list[Remedy | str] = [Remedy("model", name) for name in there]
    ways.append("give it the path of an .onnx file that `restauro export` made")
    if not model:
        raise ModelError("Method 'network' needs a model", *ways)
    if path.suffix == ".onnx" or len(path.parts) > 1:
        raise ModelError(f"There is no file {model}", *ways)
    raise ModelError(f"There is no model {model!r}", *ways)


@dataclass(frozen=True)
class _Tile:
    """A part of a window's core, `place`, and the box around it that the network is given.

    Only what lies within `context` of a hole pixel counts as known. What is further away may belong to other windows,
    whose holes are being filled meanwhile.
    """

    place: tuple[int, int, int, int]
    box: tuple[int, int, int, int]
    image: NDArray[Any]
    hole: NDArray[np.bool_]
    context: int

    @classmethod
    def of(
        cls, place: tuple[int, int, int, int], image: NDArray[Any], hole: NDArray[np.bool_], session: Session
    ) -> _Tile:
        """Cut it out, so that all tiles of a window have the same grid of pixels that a network halves."""
        context, multiple = session.context, session.multiple
        top, left = (max(start - context, 0) // multiple * multiple for start in (place[0], place[2]))
        bottom, right = min(place[1] + context, hole.shape[0]), min(place[3] + context, hole.shape[1])
        seen = slice(top, bottom), slice(left, right)
        return cls(place, (top, bottom, left, right), image[seen], hole[seen], context)

    def members(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Which of some pixels, in row-major order, lie in the place."""
        top, bottom, left, right = self.place
        first, last = np.searchsorted(rows, (top, bottom))
        within = (columns[first:last] >= left) & (columns[first:last] < right)
        indices: NDArray[np.intp] = np.flatnonzero(within) + first
        return indices

    def known(self) -> NDArray[np.bool_]:
        """Pixels of the box that are known and near."""
        return _reached(self.hole, self.context) & ~self.hole

    def weights(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """How much this tile counts at some pixels, beside others that have them too: less towards its border."""
        top, bottom, left, right = self.place
        inwards = [np.minimum(rows - top + 1, bottom - rows), np.minimum(columns - left + 1, right - columns)]
        vertical, horizontal = (np.minimum(distance, _OVERLAP) / _OVERLAP for distance in inwards)
        weights: NDArray[np.float64] = vertical * horizontal
        return weights


def _reached(hole: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """Return the pixels that are at most so many rows and columns from a hole pixel."""
    for axis, length in enumerate(hole.shape):
        places = np.arange(length)
        first, last = np.maximum(places - distance, 0), np.minimum(places + distance + 1, length)
        counts = np.insert(np.cumsum(hole, axis, np.int32), 0, 0, axis)  # of hole pixels before a place
        hole = counts.take(last, axis) > counts.take(first, axis)
    return hole


def _places(core: tuple[slice, slice]) -> list[tuple[int, int, int, int]]:
    """Cut a core into tiles of equal size that overlap by at least `_OVERLAP`."""
    spans = []
    for part in core:
        length = part.stop - part.start
        count = 1 if length <= _TILE else -(-(length - _OVERLAP) // (_TILE - _OVERLAP))
        side = -(-(length + (count - 1) * _OVERLAP) // count)
        starts = [part.start + (length - side) * k // max(count - 1, 1) for k in range(count)]
        spans.append([(start, start + side) for start in starts])
    return [(*vertical, *horizontal) for vertical in spans[0] for horizontal in spans[1]]


def _scale(dtype: np.dtype[Any], tiles: list[_Tile]) -> tuple[float, float]:
    """Return black and white in the picture's units.

    Whole numbers have their dtype's range. Real ones have 0 to 1 if the known lie in it, else the range of the known.
    """
    if dtype == np.bool_:
        return 0.0, 1.0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return float(limits.min), float(limits.max)
    low, high = 0.0, 1.0
    found = [(float(seen.min()), float(seen.max())) for tile in tiles if (seen := tile.image[tile.known()]).size]
    least, most = min(pair[0] for pair in found), max(pair[1] for pair in found)
    if least < low or most > high:
        low, high = least, most
    return low, high


def _restored(
    image: NDArray[Any],
    known: NDArray[np.bool_],
    at: tuple[NDArray[np.intp], NDArray[np.intp]],
    scale: tuple[float, float],
    run: Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]],
) -> NDArray[np.float64]:
    """Have all bands of a tile filled; return the values of the pixels `at`, float64 [n, C].

    Bands go through the network in threes; what is left over goes each by itself, as a grey picture of three equal
    bands, of which the mean is taken. No value is below or above all known ones of its band.
    """
    # In halves where black and white are so far apart that their difference is no number.
    part = 1.0 if np.isfinite(scale[1] - scale[0]) else 0.5
    low, high = part * scale[0], part * scale[1]
    span = (high - low) or 1.0
    bands = image.shape[2]
    seen = image[known].astype(np.float64)  # [known pixels, C]
    values = np.empty((at[0].size, bands))
    threes = 3 * (bands // 3)
    groups = [slice(band, band + 3) for band in range(0, threes, 3)]
    groups += [slice(band, band + 1) for band in range(threes, bands)]
    for group in groups:
        unit = np.zeros((3, *known.shape), np.float32)
        unit[:, known] = ((part * seen[:, group] - low) / span).T
        filled = run(unit, known)[:, at[0], at[1]].astype(np.float64)  # [3, n]
        values[:, group] = low + span * (filled if group.stop <= threes else filled.mean(axis=0, keepdims=True)).T
    values /= part
    return np.clip(values, seen.min(axis=0), seen.max(axis=0))
