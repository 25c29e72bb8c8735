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
from restauro.magnitudes import fill_any_size
from restauro.method import Method, Task, make_method
from restauro.methods._onnx import Session, open_model
from restauro.methods._precision import precision
from restauro.methods._tiles import Tile, places
from restauro.methods.patchmatch import SURROUNDINGS, textured
from restauro.onnx_sessions import CPU, stoppable
from restauro.parameters import Parameter, TextParameter

MODELS = Path(__file__).resolve().parents[1] / "models"
DEFAULT_MODEL = "paintings"
MODEL_NAMES = " or ".join([*sorted(path.stem for path in MODELS.glob("*.onnx")), "an .onnx file"])

_SHARES = 64  # a power of two by which numbers are divided before they are summed up, so that all sums are numbers


@dataclass(frozen=True)
class Network(Method):
    """A trained network: a file that `restauro export` made, run by ONNX Runtime on the window around a hole.

    Time and memory go with the box around a hole and its surroundings (in tiles of 1,024 pixels), not with the hole.
    The wrong choice for pictures unlike those it was trained on, and for holes much wider than those of its training.

    Source of a network that is given the picture and its mask: G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao,
    B. Catanzaro, "Image inpainting for irregular holes using partial convolutions", ECCV 2018,
    doi:10.1007/978-3-030-01252-6_6. A model's layers may be others than theirs.

    Examples
    --------
    >>> Network(model="frescoes")
    Traceback (most recent call last):
    ...
    restauro.errors.ModelError: There is no model 'frescoes': use ...
    """

    name: ClassVar[str] = "network"
    title: ClassVar[str] = "Trained network"
    reference: ClassVar[str] = (
        "G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, Image inpainting for irregular holes using "
        "partial convolutions, ECCV 2018"
    )
    summary: ClassVar[str] = (
        "Good for what its model was trained on, paintings where none is named, and no more than that. Costs go with "
        "the box around a hole, not with the hole."
    )
    nature: ClassVar[str] = "learned"
    whole_hole: ClassVar[bool] = True
    own_threads: ClassVar[bool] = True

    model: Annotated[
        str,
        TextParameter(
            "the network",
            MODEL_NAMES,
            metavar="NAME|FILE",
        ),
    ] = DEFAULT_MODEL
    providers: Annotated[
        str,
        TextParameter(
            "what ONNX Runtime computes with, for example CUDAExecutionProvider where its GPU build is installed",
            "names of providers, with commas between, the preferred first",
            metavar="NAMES",
        ),
    ] = CPU[0]
    detail: Annotated[
        float,
        Parameter(
            "how much of the texture around comes into the network's fill, by patchmatch: 0 is nearest to the truth, "
            "0.2 hardly less so, 0.6 looks alive, 1 most",
            minimum=0,
            maximum=1,
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        """Check that there is such a model; it is opened when it is used."""
        if isinstance(self.model, os.PathLike):
            object.__setattr__(self, "model", os.fspath(self.model))
        super().__post_init__()
        _find(self.model)

    @property
    def natures(self) -> frozenset[str]:
        """What its fill is made of: it copies, too, where it is to have texture."""
        return frozenset({"learned", "copies"} if self.detail else {"learned"})

    @property
    def uses_chance(self) -> bool:
        """Sources of texture are looked for at random."""
        return self.detail > 0

    def reach(self, depth: float) -> int:
        """See as much around a hole as the model says that it needs, and as texture is looked for in."""
        return max(self._open(workers=1).context, SURROUNDINGS if self.detail else 0)

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: by the network, then the texture."""
        if not self.detail:
            return self._filled(image, hole, task)
        whole = slice(0, task.domain.shape[0]), slice(0, task.domain.shape[1])
        pixels = int(np.count_nonzero(task.domain))
        task.control[1] -= pixels // 2  # half of the work; the texture is the other
        smooth = self._filled(image, hole, task.of(whole, task.domain, task.domain)).astype(precision(image))
        with np.errstate(over="ignore"):  # beside the largest numbers that there are
            values = textured(image, smooth, self.detail, pixels // 2, task, where_lacking=True)
        within: NDArray[np.floating[Any]] = np.clip(values, np.finfo(values.dtype).min, np.finfo(values.dtype).max)
        return within

    def _filled(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """Fill tile by tile, mixed where tiles overlap."""
        session = self._open(task.workers)
        rows, columns = np.nonzero(task.wanted[task.core])
        rows += task.core[0].start
        columns += task.core[1].start
        tiles = [Tile.of(place, image, task.domain, session) for place in places(task.core)]
        tiles = [tile for tile in tiles if tile.members(rows, columns).size]
        if not any(tile.known().any() for tile in tiles):  # what is wanted lies deep among what nobody knows
            task.control[1] += rows.size
            return np.tile(image[~hole].mean(axis=0, dtype=np.float64), (rows.size, 1))
        start = _start(session.corrected, image, task) if session.corrected else None
        scale = _scale(image.dtype, task.known_range)
        values, weights = np.zeros((rows.size, image.shape[2])), np.zeros(rows.size)
        with stoppable(lambda: task.stopped) as options:
            for tile in tiles:
                own = tile.members(rows, columns)
                known = tile.known()
                if not known.any():
                    continue
                at = rows[own] - tile.box[0], columns[own] - tile.box[2]
                begun = start.within(tile) if start else None
                filled = _restored(tile.image, known, at, scale, partial(session.run, options=options), begun)
                if task.stopped:
                    return values
                weight = tile.weights(rows[own], columns[own])
                task.control[1] += np.count_nonzero(weights[own] == 0) // (2 if start else 1)
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
        if path.is_file():
            return path
    ways: list[Remedy | str] = [Remedy("model", name) for name in there]
    ways.append("give it the path of an .onnx file that `restauro export` made")
    if path.suffix == ".onnx" or len(path.parts) > 1:
        raise ModelError(f"There is no file {model}", *ways)
    raise ModelError(f"There is no model {model!r}", *ways)


@dataclass(frozen=True)
class _Fill:
    """What a method filled of a window: the pixels' rows and columns, in row-major order, and their values [n, C]."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: NDArray[np.floating[Any]]

    def within(self, tile: Tile) -> _Fill:
        """Return those of a tile's box, counted from its corner."""
        own = tile.inner(self.rows, self.columns)
        return _Fill(self.rows[own] - tile.box[0], self.columns[own] - tile.box[2], self.values[own])


def _start(method: str, image: NDArray[Any], task: Task) -> _Fill:
    """Have a method fill the task's domain, which counts as half of the work."""
    rows, columns = np.nonzero(task.domain)
    whole = slice(0, task.domain.shape[0]), slice(0, task.domain.shape[1])
    wanted = np.count_nonzero(task.wanted)
    task.control[1] -= rows.size - wanted // 2
    values = fill_any_size(make_method(method, {}), image, task.domain, task.of(whole, task.domain, task.domain))
    return _Fill(rows, columns, values)


def _scale(dtype: np.dtype[Any], known_range: tuple[float, float]) -> tuple[float, float]:
    """Return black and white in the picture's units.

    Whole numbers have their dtype's range. Real ones have 0 to 1 if the known lie in it, else the range of the known.
    """
    if dtype == np.bool_:
        return 0.0, 1.0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return float(limits.min), float(limits.max)
    least, most = known_range
    return (least, most) if least < 0 or most > 1 else (0.0, 1.0)


def _restored(
    image: NDArray[Any],
    known: NDArray[np.bool_],
    at: tuple[NDArray[np.intp], NDArray[np.intp]],
    scale: tuple[float, float],
    run: Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]],
    start: _Fill | None,
) -> NDArray[np.float64]:
    """Have all bands of a tile filled; return the values of the pixels `at`, float64 [n, C].

    A network that corrects a fill gets that; what else isn't known has the mean of the known.

    Bands go through the network in threes; what is left over goes each by itself, as a grey picture of three equal
    bands, of which the mean is taken. No value is below or above all known ones of its band.
    """
    # In eighths where black and white are so far apart that differences of what may lie beyond them are no numbers.
    part = 1.0 if np.isfinite(8 * scale[0]) and np.isfinite(8 * scale[1]) else 0.125
    low, high = part * scale[0], part * scale[1]
    span = (high - low) or 1.0
    bands = image.shape[2]
    seen = image[known]  # [known pixels, C]
    values = np.empty((at[0].size, bands))
    threes = 3 * (bands // 3)
    groups = [slice(band, band + 3) for band in range(0, threes, 3)]
    groups += [slice(band, band + 1) for band in range(threes, bands)]
    for group in groups:
        unit = np.empty((3, *known.shape), np.float32)
        with np.errstate(all="ignore"):  # there may be anything under the hole
            unit[:] = np.moveaxis((part * image[..., group].astype(np.float64) - low) / span, 2, 0)
        unit[:, ~known] = 0
        if start:
            unit[:, ~known] = (unit.sum(axis=(1, 2), dtype=np.float64) / len(seen))[:, np.newaxis]
            unit[:, start.rows, start.columns] = ((part * start.values[:, group].astype(np.float64) - low) / span).T
        filled = run(unit, known)[:, at[0], at[1]].astype(np.float64)  # [3, n]
        values[:, group] = low + span * (filled if group.stop <= threes else filled.mean(axis=0, keepdims=True)).T
    with np.errstate(over="ignore"):
        values /= part
    return np.clip(values, seen.min(axis=0), seen.max(axis=0))
