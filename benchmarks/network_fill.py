"""What the network's fill costs, its start by the default method included, and whether its tiles leave seams.

    python3 dev.py bench network_fill

The middle of a painting, 512 x 512, under strokes; and paintings side by side, 3000 x 4000, with a net of cracks over
3 %, in a process of its own, whose memory is measured. Two threads. Seams: the error near the borders of tiles and
elsewhere.
"""

from __future__ import annotations

import tempfile
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _masks
import _pictures
import _processes
import _tables
import everyday
import restauro
from restauro.damage.ratios import RATIO_BINS, ratio_in
from restauro.damage.synthesis import strokes
from restauro.methods._tiles import places

METHODS = ["edge-enhancing", "network"]
SECONDS, LARGE_SECONDS = 0.4, 20.0  # at most
SIZE, SHARE = (3000, 4000), 0.03
NEAR = 16  # pixels from a tile's border
FILL = """
import sys, time
import numpy as np
import restauro
image, hole = np.load(sys.argv[1]), np.load(sys.argv[2])
start = time.perf_counter()
restored = restauro.inpaint(image, hole, "network", workers=2)
print(time.perf_counter() - start)
np.save(sys.argv[3], restored)
"""


def paintings() -> list[NDArray[np.uint8]]:
    folder = _pictures.shared() / "data" / "paintings-val"
    return [_pictures.read(folder / name) for name in _pictures._listed(folder)]


def side_by_side(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return a picture of 3000 x 4000 pixels that is covered with pictures, cut where they end."""
    whole, row, ready = np.zeros((*SIZE, 3), np.uint8), 0, cycle(pictures)
    while row < SIZE[0]:
        column, lowest = 0, SIZE[0]
        while column < SIZE[1]:
            picture = next(ready)[: SIZE[0] - row, : SIZE[1] - column]
            whole[row : row + picture.shape[0], column : column + picture.shape[1]] = picture
            lowest = min(lowest, row + picture.shape[0])
            column += picture.shape[1]
        row = lowest
    return whole


def near_borders(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pixels lie near the middle of what two tiles of a hole's window share."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    tiles = places((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
    near = np.zeros(hole.shape, np.bool_)
    for axis, spans in enumerate(({tile[:2] for tile in tiles}, {tile[2:] for tile in tiles})):
        for (_, end), (start, _) in pairwise(sorted(spans)):
            middle = (start + end) // 2
            near.swapaxes(0, axis)[middle - NEAR : middle + NEAR] = True
    return near


def small(rounds: int) -> str:
    painting = _pictures.middle(paintings()[0])
    rng = np.random.default_rng(0)
    hole = strokes(512, 512, ratio_in(RATIO_BINS[1], rng), rng)
    taken = everyday.in_turns(everyday.fills(painting, hole, METHODS, 2), rounds)
    rows = []
    for method, one in taken.items():
        limit = f"{SECONDS:g}: {_tables.met(one.shown[0], SECONDS, at_most=True)}" if method == "network" else "-"
        rows.append([method, *(f"{second:.2f}" for second in one.shown), limit])
    table = _tables.table(["method", "wall, s", "processor, s", "limit"], rows)
    return f"{np.count_nonzero(hole):,} hole pixels of 512 x 512; medians of {rounds} rounds.\n\n{table}"


def large(rounds: int) -> str:
    truth = side_by_side(paintings())
    hole = _masks.cracks(max(SIZE), SHARE)[: SIZE[0], : SIZE[1]] > 0
    damaged = truth.copy()
    damaged[hole] = 0
    with tempfile.TemporaryDirectory() as name:
        files = [str(Path(name, file)) for file in ("picture.npy", "hole.npy", "restored.npy")]
        np.save(files[0], damaged)
        np.save(files[1], hole)
        done = [_processes.run([_processes.PYTHON, "-c", FILL, *files]) for _ in range(rounds)]
        restored = np.load(files[2])
    seconds = float(np.median([float(one.last_line) for one in done]))
    peak = max(one.peak for one in done) / 1e9
    error = np.square(restored.astype(np.float64) - truth).mean(axis=2)
    near = near_borders(hole)
    by_start = restauro.inpaint(damaged, hole, METHODS[0], workers=2)
    start = np.square(by_start.astype(np.float64) - truth).mean(axis=2)
    shares = [float(np.sqrt(error[hole & where].mean() / start[hole & where].mean())) for where in (near, ~near)]
    return (
        f"{SIZE[1]} x {SIZE[0]}, {np.count_nonzero(hole):,} hole pixels: {seconds:.1f} s wall "
        f"({LARGE_SECONDS:g}: {_tables.met(seconds, LARGE_SECONDS, at_most=True)}), {peak:.2f} GB at most, the picture "
        f"and its result included.\n\nThe network's error over its start's (root of the mean square): within {NEAR} "
        f"pixels of the borders of tiles {shares[0]:.3f}, elsewhere {shares[1]:.3f}."
    )


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    load = _tables.load_before()
    parts = [small(arguments.rounds), large(max(1, arguments.rounds // 2))]
    parts.append(_tables.conditions(load, "numpy", "onnxruntime"))
    _tables.publish("network-fill", "What the network's fill costs", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
