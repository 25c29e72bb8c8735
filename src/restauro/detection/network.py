"""The network that proposes damage: for every pixel the log odds of every kind, found tile by tile, at two sizes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters, scratch
from restauro.detection import tiles
from restauro.errors import ModelError
from restauro.numerics.threads import checked_workers
from restauro.onnx_sessions import CPU, first_line, open_session

CLASSES = ("crack", "scratch", "loss", "dust", "stain")
LINES = (0, 1)  # of CLASSES: crack and scratch
ALONE = len(CLASSES)  # added to a place in CLASSES: the class as the picture shows it at its own size alone
MODEL = Path(__file__).resolve().parents[1] / "models" / "detection" / "damage.onnx"

Grades = NDArray[np.uint8]  # [K, H, W]: log odds in tenths, 128 is even odds
Part = tuple[slice, slice]  # rows and columns

STEPS, EVEN = 10, 128  # grades a log odd, which are kept from -12.8 to 12.7; the grade of even odds
_SIDE = 896  # pixels of a tile without its surroundings
_SHARE = 0.7  # of what a picture at half its size says more of lines
_THREADS = 4  # at most: each takes memory for a tile
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

    def run(self, tile: NDArray[np.float32], *outputs: str) -> list[NDArray[np.float32]]:
        """Return outputs [K, H, W] for a tile, float32 [H, W, 3], 0 to 1, of any size."""
        height, width = tile.shape[:2]
        beyond = [(0, -side % self.multiple) for side in (height, width)]
        from onnxruntime import RunOptions

        options = RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # nothing is kept after a run
        image = np.ascontiguousarray(np.pad(tile, [*beyond, (0, 0)], "edge").transpose(2, 0, 1)[np.newaxis])
        try:
            found = self.runtime.run(list(outputs), {"image": image}, options)
        except Exception as error:  # ONNX Runtime's own classes have no name outside it
            raise ModelError(
                f"The network failed on a tile of {width} x {height} pixels ({first_line(error)}): use fewer workers "
                "where memory is short."
            ) from None
        return [output[0, :, :height, :width] for output in found]


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
        Places in `CLASSES`; with `ALONE` added, what is seen at the picture's own size alone.
    workers
        Threads, of which at most four are used, each for a tile. The result doesn't depend on them.
    progress
        Called in this thread with the fraction done; an exception raised in it stops the work after the tiles at work.

    Returns
    -------
    uint8 [K, H, W]
        Log odds in tenths, 128 is even odds: one byte a pixel and kind. See `probabilities_of`.

    Notes
    -----
    The picture is looked at as it is and at half its size, a quarter more work: so the network sees twice as far
    around, the middle of a large loss has its rim in sight, and wide cracks are as wide as those that it knows best.
    Where it is surer at half the size, that counts: for lines seven tenths of the difference, for all else the least
    of the nine pixels around, so that rims stay where they are seen best.

    Every tile of 896 pixels is seen with the surroundings that the network says it needs, on one grid of the pixels
    that it halves: tiles leave no seams. Beside the picture it takes K bytes a pixel, and 0.4 GB a thread. One run of
    the network on several threads would round in other ways than on one.
    """
    found: Grades = scratch.zeros((len(classes), *picture.shape[:2]), np.uint8)

    def grade(place: tiles.Place) -> None:
        for plane, graded in zip(found, grades_at(picture, classes, place.inside), strict=True):
            plane[place.inside] = graded

    tiles.do_at(places(picture.shape), grade, threads(workers), progress)
    return found


def places(shape: tuple[int, ...]) -> list[tiles.Place]:
    """Return the tiles that a picture is looked at in; they begin at multiples of 32."""
    grid = 2 * _open().multiple
    return tiles.places_of(shape, -(-_SIDE // grid) * grid, 0)


def threads(workers: int | None) -> int:
    """Return how many tiles are looked at at once."""
    return min(checked_workers(workers), _THREADS)


def grades_at(picture: NDArray[Any], classes: Sequence[int], inside: Part) -> Grades:
    """Return what `grades` would of a part of a picture, uint8 [K, h, w], in this thread.

    picture: with at least `context` pixels around the part, or all that there are; both begin at multiples of 32.
    """
    kinds = sorted({place % ALONE for place in classes})
    (odds,), (halved,) = (
        [_log_odds(found[kinds]) for found in looked] for looked in _at_both_sizes(picture, inside, "probability")
    )
    areas = [kind not in LINES for kind in kinds]
    for k in np.flatnonzero(areas):
        halved[k] = -filters.largest(-halved[k], 1)
    more: NDArray[Any] = np.maximum(_at_full_size(halved, inside) - odds, 0)
    both = odds + np.where(areas, 1, _SHARE)[:, np.newaxis, np.newaxis] * more
    seen = {kind: both[k] for k, kind in enumerate(kinds)} | {ALONE + kind: odds[k] for k, kind in enumerate(kinds)}
    return _graded(np.stack([seen[place] for place in classes]))


def features_at(picture: NDArray[Any], inside: Part) -> NDArray[np.floating[Any]]:
    """Return what the network knows of a part of a picture before it decides, floats [F, h, w], in this thread.

    That is the features that its last layer sees and the log odds that it gives, as the picture is and at half its
    size. See `grades_at`.
    """
    own, halved = (
        np.concatenate([features, _log_odds(found)])
        for features, found in _at_both_sizes(picture, inside, "features", "probability")
    )
    return np.concatenate([own, _at_full_size(halved, inside)])


def _at_both_sizes(
    picture: NDArray[Any], inside: Part, *outputs: str
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Return outputs for a part [K, h, w], and for the part and its surroundings at half the size."""
    session = _open()
    rows, columns = _around(inside)
    around = tiles.as_floats(picture[rows, columns])
    around = np.broadcast_to(np.atleast_3d(around), (*around.shape[:2], 3))
    top, left = inside[0].start - rows.start, inside[1].start - columns.start
    height, width = (at.stop - at.start for at in inside)
    upper, outer = max(0, top - session.halo), max(0, left - session.halo)
    tile = around[upper : top + height + session.halo, outer : left + width + session.halo]
    core = slice(top - upper, top - upper + height), slice(left - outer, left - outer + width)
    even = np.pad(around, [(0, around.shape[0] % 2), (0, around.shape[1] % 2), (0, 0)], "edge")
    return [found[:, *core] for found in session.run(tile, *outputs)], session.run(tiles.halved(even), *outputs)


def _around(inside: Part) -> Part:
    """Return a part with the surroundings that it is looked at with at half the size."""
    rows, columns = (slice(max(0, at.start - context()), at.stop + context()) for at in inside)
    return rows, columns


def _at_full_size(halved: NDArray[np.float32], inside: Part) -> NDArray[np.floating[Any]]:
    """Return a part [K, h, w] of what was found at half the size for it and its surroundings."""
    core = (
        slice(at.start - around.start, at.stop - around.start)
        for at, around in zip(inside, _around(inside), strict=True)
    )
    return _doubled(_doubled(halved, 1), 2)[:, *core]


def context() -> int:
    """Return how many pixels of surroundings what is found at a place depends on, at most: a multiple of 32."""
    return 2 * _open().halo


def _doubled(values: NDArray[np.floating[Any]], axis: int) -> NDArray[np.floating[Any]]:
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
    joined: Grades = table[one, other]
    return joined


def _log_odds(likely: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    within = np.clip(likely, 2e-6, 1 - 2e-6)
    odds: NDArray[np.floating[Any]] = np.log(within / (1 - within))
    return odds


def _graded(odds: NDArray[np.floating[Any]]) -> Grades:
    graded: Grades = np.clip(np.rint(STEPS * odds) + EVEN, 0, 255).astype(np.uint8)
    return graded


def _open() -> _Session:
    with _opening:
        return _opened(MODEL)


@lru_cache(maxsize=1)
def _opened(path: Path) -> _Session:
    runtime = open_session(path, CPU, 1)
    about = runtime.get_modelmeta().custom_metadata_map
    if tuple(about.get("classes", "").split(",")) != CLASSES:
        raise ModelError(f"{path} isn't the network that finds damage: install restauro again.")
    return _Session(runtime, int(about["context"]), int(about["multiple"]))
