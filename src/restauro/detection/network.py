"""The networks that propose damage: for every pixel the log odds of every kind, look by look, tile by tile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.detection import tiles
from restauro.errors import ModelError
from restauro.mask import strips
from restauro.numerics.threads import checked_workers
from restauro.onnx_sessions import CPU, first_line, open_session

CLASSES = ("crack", "scratch", "loss", "dust", "stain")
CRACK, SCRATCH, LOSS, DUST, STAIN = range(len(CLASSES))
LINES = CRACK, SCRATCH
MODEL = Path(__file__).resolve().parents[1] / "models" / "detection" / "damage.onnx"
STAINS = MODEL.with_name("stains.onnx")  # which finds stains alone, in a picture made smaller

Grades = NDArray[np.uint8]  # [K, H, W]: log odds in tenths, 128 is even odds
Part = tuple[slice, slice]  # rows and columns

STEPS, EVEN = 10, 128  # grades a log odd, which are kept from -12.8 to 12.7; the grade of even odds
_SIDE = 896  # pixels of a tile without its surroundings
_SIZES = (8, 4, 2, 1)  # a picture is looked at at an eighth of its size, at a quarter, at half, and as it is
FEW = 2_000_000  # pixels: a picture of no more is looked at enlarged too, for cracks: there they are thin beside pixels
_SMALLEST = 8  # stains, large and soft, are looked for in a picture so many times smaller, or of few pixels
GRID = 128  # pixels, at whose multiples parts begin: those that the network halves at an eighth of the size
_STRIP = 128  # rows of a picture that are made smaller at once
_THREADS = 4  # at most: tiles at work take memory
_opening = threading.Lock()


@dataclass(frozen=True)
class _Session:
    runtime: Any
    context: int  # pixels of surroundings that what is found at a place depends on, at most
    multiple: int  # what the sides of its input are multiples of

    @property
    def halo(self) -> int:
        """Pixels of surroundings that a part is looked at with, a multiple of `multiple`."""
        return -(-self.context // self.multiple) * self.multiple

    def run(
        self, tile: NDArray[np.float32], told: NDArray[np.float32], outputs: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Return outputs [K, H, W] for a tile, float32 [H, W, 3], 0 to 1, of any size; told: log odds [5, H, W]."""
        height, width = tile.shape[:2]
        beyond = [(0, 0), *((0, -side % self.multiple) for side in (height, width))]
        from onnxruntime import RunOptions

        options = RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # nothing is kept after a run
        image = np.ascontiguousarray(np.pad(tile.transpose(2, 0, 1), beyond, "edge")[np.newaxis])
        given = {"image": image, "told": np.ascontiguousarray(np.pad(told, beyond, "edge")[np.newaxis])}
        try:
            found = self.runtime.run(list(outputs), given, options)
        except Exception as error:  # ONNX Runtime's own classes have no name outside it
            raise ModelError(
                f"The network failed on a tile of {width} x {height} pixels ({first_line(error)}): use fewer workers "
                "where memory is short."
            ) from None
        return [output[0, :, :height, :width] for output in found]


@dataclass(frozen=True)
class Told:
    """What was seen of a part of a picture at some size."""

    planes: Grades  # [5, h, w]
    part: Part  # in pixels of that size

    def doubled(self, part: Part) -> NDArray[np.float32]:
        """Return log odds, float32 [5, h, w], of a part in pixels of twice the size, which this reaches around."""
        near, core = [slice(None)], [slice(None)]
        for at, mine in zip(part, self.part, strict=True):
            first = max(mine.start, at.start // 2 - 1)
            near.append(slice(first - mine.start, (at.stop + 1) // 2 + 1 - mine.start))
            core.append(slice(at.start - 2 * first, at.stop - 2 * first))
        odds = self.planes[tuple(near)] * np.float32(1 / STEPS) - np.float32(EVEN / STEPS)
        twice: NDArray[np.float32] = _doubled(_doubled(odds, 1), 2)[tuple(core)]
        return twice


def grades(
    picture: NDArray[Any],
    classes: Sequence[int],
    workers: int | None = None,
    progress: tiles.Progress | None = None,
) -> Grades:
    """Return how likely every pixel is damage of some kinds.

    Parameters
    ----------
    picture
        As `restauro.detection.tiles.checked_picture` returns it: uint8, uint16 or float32, [H, W] or [H, W, 3].
    classes
        Places in `CLASSES`, rising.
    workers
        Threads, of which at most four are used. The result doesn't depend on them.
    progress
        Called in this thread with the fraction done; an exception raised in it stops the work after the tiles at work.

    Returns
    -------
    uint8 [K, H, W]
        Log odds in tenths, 128 is even odds: one byte a pixel and kind. See `probabilities_of`.

    Notes
    -----
    The picture is looked at at an eighth of its size, at a quarter, at half, and as it is, each time being told what
    was seen before: so the network sees eight times as far around as one look does, for a third more work. Stains are
    looked for by a network of their own, in one look at a picture of two megapixels, or made smaller by eight.

    Every tile of 896 pixels is seen with the surroundings that the network says it needs, on one grid of the pixels
    that it halves: tiles leave no seams. Beside the picture it takes K + 2 bytes a pixel, and 0.35 GB a tile at work.
    Where there are fewer tiles than threads, several work at one: what is rounded doesn't depend on how many.
    """
    if STAIN not in classes:
        return _grades(picture, classes, _SIZES, workers, progress)
    height, width = picture.shape[:2]
    found: Grades = scratch.zeros((len(classes), height, width), np.uint8)
    size = 1
    while size < _SMALLEST and height * width > size**2 * FEW:
        size *= 2
    begin = 0.0
    if len(classes) > 1:
        begin = 1 - 0.4 / size**2  # of the work
        _grades(picture, classes[:-1], _SIZES, workers, tiles.part(progress, 0.0, begin), into=found[:-1])
    end = begin + 0.9 * (1 - begin)
    seen = _grades(picture, classes[-1:], (size,), workers, tiles.part(progress, begin, end), model=STAINS)
    _enlarge(seen, size, found[-1], tiles.part(progress, end, 1.0))
    return found


def lines_enlarged(picture: NDArray[Any], workers: int | None = None, progress: tiles.Progress | None = None) -> Grades:
    """Return how likely every pixel is a crack and a scratch, uint8 [2, H, W], where the picture is looked at enlarged.

    At double size, that is, after looks at an eighth of that and at all sizes between, each told what was seen before;
    the log odds of a pixel are the mean of its four. Thin lines are found better so. It takes four times as
    long as `grades`, and up to 60 bytes a pixel. See there for what it is given.
    """
    enlarged = _doubled(_doubled(tiles.as_floats(picture), 0), 1)
    found = _grades(enlarged, LINES, (*(2 * size for size in _SIZES), 1), workers, progress)
    height, width = picture.shape[:2]
    four = found.reshape(len(LINES), height, 2, width, 2)
    mean: Grades = np.rint(four.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)
    return mean


def _grades(
    picture: NDArray[Any],
    classes: Sequence[int],
    sizes: Sequence[int],
    workers: int | None,
    progress: tiles.Progress | None,
    *,
    model: Path | None = None,
    into: Grades | None = None,
) -> Grades:
    """Return log odds, uint8 [K, h, w], of the last one of looks at parts of a picture's size; written to `into`."""
    told: Told | None = None
    begin = 0.0
    for size in sizes:
        height, width = (-(-side // size) for side in picture.shape[:2])
        last = size == sizes[-1]
        kinds = list(classes if last else range(len(CLASSES)))
        found = into if last and into is not None else scratch.zeros((len(kinds), height, width), np.uint8)
        at, together = places((height, width)), threads(workers)
        each = 1 + max(0, together - len(at))  # a small picture has fewer tiles than there are threads

        def grade(
            place: tiles.Place,
            size: int = size,
            told: Told | None = told,
            found: Grades = found,
            kinds: list[int] = kinds,
            each: int = each,
        ) -> None:
            (likely,) = _look(picture, size, told, place.inside, "probability", each=each, model=model)
            found[:, *place.inside] = _graded(_log_odds(likely[kinds]))

        end = begin + size**-2 / sum(each**-2 for each in sizes)
        tiles.do_at(at, grade, together, tiles.part(progress, begin, end))
        told, begin = Told(found, (slice(0, height), slice(0, width))), end
    return found


def _enlarge(seen: Grades, size: int, into: NDArray[np.uint8], progress: tiles.Progress | None) -> None:
    """Write log odds of a picture at 1 / size of its size, uint8 [1, h, w], to a plane of all of it [H, W]."""
    if size == 1:
        into[:] = seen[0]
    while size > 1:
        size //= 2
        told = Told(seen, (slice(0, seen.shape[1]), slice(0, seen.shape[2])))
        height, width = (-(-side // size) for side in into.shape)
        seen = into[np.newaxis] if size == 1 else scratch.zeros((1, height, width), np.uint8)
        for top in range(0, height, _STRIP):
            part = slice(top, min(top + _STRIP, height)), slice(0, width)
            seen[:, *part] = _graded(told.doubled(part))
            if progress and size == 1:
                progress(part[0].stop / height)
    if progress:
        progress(1.0)


def places(shape: tuple[int, ...]) -> list[tiles.Place]:
    """Return the tiles that a picture is looked at in."""
    return tiles.places_of(shape, -(-_SIDE // GRID) * GRID, 0)


def threads(workers: int | None) -> int:
    """Return how many tiles are looked at at once."""
    return min(checked_workers(workers), _THREADS)


def grades_at(picture: NDArray[Any], classes: Sequence[int], inside: Part, workers: int | None = 1) -> Grades:
    """Return what `grades` would of a part of a picture, uint8 [K, h, w], seen as one tile; never of stains.

    picture: with at least `context` pixels around the part, or all that there are; both begin at multiples of `GRID`.
    """
    if STAIN in classes:
        raise ValueError("Stains are looked for in the whole picture.")
    return _graded(_log_odds(_looks(picture, inside, threads(workers))[list(classes)]))


def far(picture: NDArray[Any], workers: int | None = None, progress: tiles.Progress | None = None) -> Told:
    """Return what the network sees of a picture at a quarter of its size, which `features_at` is told."""
    planes = _grades(picture, range(len(CLASSES)), _SIZES[:-2], workers, progress)
    return Told(planes, (slice(0, planes.shape[1]), slice(0, planes.shape[2])))


def features_at(picture: NDArray[Any], seen: Told, inside: Part) -> NDArray[np.float32]:
    """Return what the network knows of a part of a picture before it decides, float32 [F, h, w], in this thread.

    That is the features that its last layer sees and the log odds that it gives, as the picture is and at half its
    size. picture: all of it, or from a multiple of `GRID` on; seen: what `far` says of it; inside: begins at multiples
    of `GRID`.
    """
    under = _under(inside, picture.shape, 2)
    halved, likely = _look(picture, 2, seen, under, "features", "probability")
    odds = _log_odds(likely)
    own, likely = _look(picture, 1, Told(_graded(odds), under), inside, "features", "probability")
    core = tuple(
        slice(at.start - 2 * wide.start, at.stop - 2 * wide.start) for at, wide in zip(inside, under, strict=True)
    )
    around = _doubled(_doubled(np.concatenate([halved, odds]), 1), 2)[:, *core]
    return np.concatenate([own, _log_odds(likely), around])


def context() -> int:
    """Return how many pixels of surroundings what is found at a place depends on in all but rounding: see `grades_at`.

    Strictly it is four times as many. On four pictures twice enlarged, what lies farther off moved one of 20,000
    decisions, and log odds by at most 0.5.
    """
    return _SIZES[0] // 2 * _open().halo


def _looks(picture: NDArray[Any], inside: Part, each: int) -> NDArray[np.float32]:
    """Return the probabilities of a part, after looks at all that each next one needs."""
    parts = {1: inside}
    for size in reversed(_SIZES[:-1]):
        parts[size] = _under(parts[size // 2], picture.shape, size)
    told, likely = None, np.zeros(0, np.float32)
    for size in _SIZES:
        (likely,) = _look(picture, size, told, parts[size], "probability", each=each)
        told = Told(_graded(_log_odds(likely)), parts[size])
    return likely


def _look(
    picture: NDArray[Any],
    size: int,
    told: Told | None,
    inside: Part,
    *outputs: str,
    each: int = 1,
    model: Path | None = None,
) -> list[NDArray[np.float32]]:
    """Return outputs [K, h, w] of a look at a part, in pixels of a picture that is 1 / size as large.

    each: threads that share the work.
    """
    session = _open(each, model)
    around = tuple(slice(max(0, at.start - session.halo), at.stop + session.halo) for at in inside)
    tile = _shrunk(picture[tuple(slice(size * at.start, size * at.stop) for at in around)], size)
    rows, columns = (slice(at.start, at.start + side) for at, side in zip(around, tile.shape, strict=False))
    heard = np.zeros((len(CLASSES), *tile.shape[:2]), np.float32) if told is None else told.doubled((rows, columns))
    core = tuple(slice(at.start - wide.start, at.stop - wide.start) for at, wide in zip(inside, around, strict=True))
    return [output[:, *core] for output in session.run(tile, heard, outputs)]


def _shrunk(part: NDArray[Any], size: int) -> NDArray[np.float32]:
    """Return a part of a picture at 1 / size of its size, rounded up, float32 [h, w, 3], a strip at a time."""
    height, width = (-(-side // size) for side in part.shape[:2])
    shrunk = np.empty((height, width, 3), np.float32)
    step = max(1, _STRIP // size)
    for top in range(0, height, step):
        strip = tiles.as_floats(part[size * top : size * (top + step)])
        strip = np.broadcast_to(np.atleast_3d(strip), (*strip.shape[:2], 3))
        for _ in range(size.bit_length() - 1):
            even = [(0, side % 2) for side in strip.shape[:2]]
            strip = tiles.halved(np.pad(strip, [*even, (0, 0)], "edge"))
        shrunk[top : top + step] = strip
    return shrunk


def _under(inside: Part, shape: tuple[int, ...], size: int) -> Part:
    """Return what must be known at a size, 1 / size of the picture's, for a part to be looked at at twice that."""
    session, part = _open(), []
    for at, side in zip(inside, shape, strict=False):
        first = max(0, (at.start - session.halo) // 2 - 1)
        last = min(-(-side // size), (at.stop + session.halo) // 2 + 2)
        part.append(slice(first - first % session.multiple, last))
    return part[0], part[1]


def _doubled(values: NDArray[np.floating[Any]], axis: int) -> NDArray[np.float32]:
    """Return values at twice the size along an axis, linearly interpolated between the middles of pixels.

    >>> _doubled(np.array([[0.0, 4.0]], np.float32), 1)
    array([[0., 1., 3., 4.]], dtype=float32)
    """
    along = np.moveaxis(values, axis, 0)
    beyond = np.concatenate([along[:1], along, along[-1:]])
    twice = np.empty((2 * len(along), *along.shape[1:]), np.float32)
    twice[::2] = 0.75 * along + 0.25 * beyond[:-2]
    twice[1::2] = 0.75 * along + 0.25 * beyond[2:]
    return np.moveaxis(twice, 0, axis)


def probabilities_of(graded: Grades) -> NDArray[np.float32]:
    """Return grades as probabilities, float32 of the same shape.

    >>> probabilities_of(np.array([90, 128, 148], np.uint8)).round(2)
    array([0.02, 0.5 , 0.88], dtype=float32)
    """
    odds = np.arange(256, dtype=np.float32) / STEPS - EVEN / STEPS
    return (1 / (1 + np.exp(-odds)))[graded].astype(np.float32, copy=False)


def either(one: Grades, other: Grades) -> Grades:
    """Return the grades of being one or the other, as if the two were independent, [H, W].

    >>> either(np.array([128, 20], np.uint8), np.array([128, 200], np.uint8))
    array([139, 200], dtype=uint8)
    """
    shares = probabilities_of(np.arange(256).astype(np.uint8)).astype(np.float64)
    table = _graded(_log_odds(1 - (1 - shares[:, np.newaxis]) * (1 - shares)))
    joined: Grades = scratch.zeros(one.shape, np.uint8)
    for rows in strips(one):  # places in a table take eight bytes each
        joined[rows] = table[one[rows], other[rows]]
    return joined


def _log_odds(likely: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    within = np.clip(likely, 2e-6, 1 - 2e-6)
    odds: NDArray[np.floating[Any]] = np.log(within / (1 - within))
    return odds


def _graded(odds: NDArray[np.floating[Any]]) -> Grades:
    graded: Grades = np.clip(np.rint(STEPS * odds) + EVEN, 0, 255).astype(np.uint8)
    return graded


def _open(threads: int = 1, model: Path | None = None) -> _Session:
    with _opening:
        return _opened(model or MODEL, threads)


@lru_cache(maxsize=2 * _THREADS)
def _opened(path: Path, threads: int) -> _Session:
    runtime = open_session(path, CPU, threads)
    about = runtime.get_modelmeta().custom_metadata_map
    if tuple(about.get("classes", "").split(",")) != CLASSES:
        raise ModelError(f"{path} isn't the network that finds damage: install restauro again.")
    return _Session(runtime, int(about["context"]), int(about["multiple"]))
