"""The network that proposes damage: for every pixel the log odds of every kind, found tile by tile."""

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
from restauro.numerics.threads import checked_workers
from restauro.onnx_sessions import CPU, first_line, open_session

CLASSES = ("crack", "scratch", "loss", "dust", "stain")
MODEL = Path(__file__).resolve().parents[1] / "models" / "detection" / "damage.onnx"

Grades = NDArray[np.uint8]  # [K, H, W]: log odds in tenths, 128 is even odds

STEPS, EVEN = 10, 128  # grades a log odd, which are kept from -12.8 to 12.7; the grade of even odds
_SIDE = 896  # pixels of a tile without its surroundings
_THREADS = 4  # at most: each takes memory for a tile
_opening = threading.Lock()


@dataclass(frozen=True)
class _Session:
    runtime: Any
    context: int  # pixels of surroundings that what is found at a place depends on, at most
    multiple: int  # what the sides of its input are multiples of

    def run(self, tile: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities [5, H, W] of a tile, float32 [H, W, 3], 0 to 1, of any size."""
        height, width = tile.shape[:2]
        beyond = [(0, -side % self.multiple) for side in (height, width)]
        from onnxruntime import RunOptions

        options = RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # nothing is kept after a run
        image = np.ascontiguousarray(np.pad(tile, [*beyond, (0, 0)], "edge").transpose(2, 0, 1)[np.newaxis])
        try:
            (found,) = self.runtime.run(["probability"], {"image": image}, options)
        except Exception as error:  # ONNX Runtime's own classes have no name outside it
            raise ModelError(
                f"The network failed on a tile of {width} x {height} pixels ({first_line(error)}): use fewer workers "
                "where memory is short."
            ) from None
        probabilities: NDArray[np.float32] = found[0, :, :height, :width]
        return probabilities


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
        Places in `CLASSES`.
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
    Every tile of 896 pixels is seen with the surroundings that the network says it needs, on one grid of the pixels
    that it halves: tiles leave no seams. Beside the picture it takes K bytes a pixel, and 0.4 GB a thread. One run of
    the network on several threads would round in other ways than on one.
    """
    session = _open()
    found: Grades = scratch.zeros((len(classes), *picture.shape[:2]), np.uint8)
    halo = -(-session.context // session.multiple) * session.multiple
    places = tiles.places_of(picture.shape, _SIDE // session.multiple * session.multiple, halo)

    def grade(place: tiles.Place) -> None:
        tile = tiles.as_floats(picture[place.with_halo])
        colours = np.broadcast_to(np.atleast_3d(tile), (*tile.shape[:2], 3))
        likely = session.run(colours)[:, *place.core]
        for plane, kind in zip(found, classes, strict=True):
            plane[place.inside] = _graded(likely[kind])

    tiles.do_at(places, grade, min(checked_workers(workers), _THREADS), progress)
    return found


def context() -> int:
    """Return how many pixels of surroundings what is found at a place depends on, at most."""
    return _open().context


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
    table = _graded(1 - (1 - shares[:, np.newaxis]) * (1 - shares))
    joined: Grades = table[one, other]
    return joined


def _graded(likely: NDArray[np.floating[Any]]) -> Grades:
    within = np.clip(likely, 2e-6, 1 - 2e-6)
    graded: Grades = np.clip(np.rint(STEPS * np.log(within / (1 - within))) + EVEN, 0, 255).astype(np.uint8)
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
