"""Measures how near restored paintings come to the undamaged ones: all methods of restauro, and its peers'.

Needs 60 paintings, 10 masks for each bin and two networks' weights that are not in the repository, in the folder that
RESTAURO_SHARED names or in ../shared: data/paintings-val and data/masks/irregular, each with an index.csv; weights.
Methods and peers may be given with parameters: telea:radius=7, patchmatch:detail=0.3, opencv-telea:radius=3.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import cv2
import numpy as np
from numpy.typing import NDArray

import _marks
import _peers
import _pictures
import _tables
from _marks import Scores
from restauro.evaluation.lpips import Lpips

RADII = (3, 5)
WITH_RADII = ("telea", _peers.OPENCV_TELEA, _peers.OPENCV_NAVIER_STOKES)  # best radius is compared with best radius
PEERS = (_peers.OPENCV_TELEA, _peers.OPENCV_NAVIER_STOKES, _peers.SKIMAGE, _peers.PYPATCHMATCH)
PAINTINGS = 60
WEIGHTS = ("lpips_squeeze1_1_v0.1_torchvision.safetensors", "lpips_alex_v0.1_torchvision.safetensors")


class Judge:
    """What one process measures with: the ways to fill, the networks, the side of what they look at (0: all)."""

    def __init__(self, ways: Sequence[str], crops: int = 0) -> None:
        self.crops = crops
        self.fills = [_peers.fill_of(way, workers=1) for way in ways]
        self.networks = [Lpips(_pictures.shared() / "weights" / name) for name in WEIGHTS]

    def measure(self, bin_number: int, i: int, skipped: Sequence[bool]) -> NDArray[np.float64]:
        """Return every way's figures for one painting [ways, figures of Scores], NaN where it is skipped."""
        painting, mask = _pictures.pair(bin_number, i)
        damaged = painting.copy()
        damaged[mask != 0] = 0  # so that nobody can see what was there
        found = np.full((len(self.fills), len(_marks.FIGURES)), np.nan)
        there = [k for k, skip in enumerate(skipped) if not skip]
        restored = [self.fills[k](damaged, mask) for k in there]
        for k, picture in zip(there, restored, strict=True):
            squares = np.square(picture.astype(float) - painting)
            found[k, :2] = 10 * np.log10(255**2 / squares.mean()), np.sqrt(squares[mask != 0].mean())
        found[there, 2:] = np.mean(
            [
                np.transpose(
                    [network.distances(painting[crop], [one[crop] for one in restored]) for network in self.networks]
                )
                for crop in around(mask, self.crops)
            ],
            axis=0,
        )
        return found


def around(mask: NDArray[np.uint8], side: int) -> list[tuple[slice, slice]]:
    """Return the squares of a grid that hold hole pixels; side 0: the whole picture."""
    if not side:
        return [(slice(None), slice(None))]
    grid = [
        (slice(top, top + side), slice(left, left + side))
        for top in range(0, mask.shape[0], side)
        for left in range(0, mask.shape[1], side)
    ]
    return [square for square in grid if mask[square].any()]


_judge: Judge  # of a process of the pool


def _begin(ways: Sequence[str], crops: int) -> None:
    global _judge
    cv2.setNumThreads(1)
    _judge = Judge(ways, crops)


def _measure(bin_number: int, i: int, skipped: Sequence[bool]) -> NDArray[np.float64]:
    return _judge.measure(bin_number, i, skipped)


def measure(
    ways: Sequence[str], bins: Iterable[int], paintings: int, slow: int, crops: int = 0
) -> dict[int, list[Scores]]:
    """Return for each bin the scores of all ways; slow peers on the first `slow` paintings. A process a core."""
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    is_slow = [_peers.settings(way)[0] in _peers.PEERS and _peers.PEERS[_peers.settings(way)[0]].slow for way in ways]
    skipped = [[one and i >= slow for one in is_slow] for i in range(paintings)]
    scores = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_tables.cores(), context, _begin, (ways, crops)) as pool:
        for bin_number in bins:
            found = np.array(list(pool.map(_measure, repeat(bin_number), range(paintings), skipped)))
            scores[bin_number] = [Scores.of(way, found[:, k]) for k, way in enumerate(ways)]
            means = [f"{score.way} {score.psnr.mean():.2f} {score.lpips.mean():.4f}" for score in scores[bin_number]]
            print(f"bin {bin_number}:", "; ".join(means), file=sys.stderr)
    return scores


def rows(scores: list[Scores]) -> list[list[str]]:
    """Return a row for every way, the best setting of each method marked with a star."""
    reference = _marks.reference(scores)
    stars = {id(_marks.best(scores, score.name)) for score in scores}
    found = []
    for score in scores:
        same = [other for other in scores if other.name == score.name]
        star = " *" * (len(same) > 1 and id(score) in stars)
        few = f" (first {len(score.psnr)})" * (len(score.psnr) < len(reference.psnr))
        apart = "-" if score is reference else _marks.with_range(_marks.difference(score, reference))
        found.append(
            [
                _peers.label(score.way) + star + few,
                f"{score.psnr.mean():.3f}",
                f"{score.rmse.mean():.3f}",
                f"{score.lpips.mean():.4f}",
                f"{score.lpips_alex.mean():.4f}",
                apart,
            ]
        )
    return found


def ways_of(methods: Sequence[str], peers: Sequence[str]) -> list[str]:
    """Return peers and methods, those with a radius at all radii unless one is given."""
    return [
        f"{way}:radius={radius}" if radius else way
        for way in [*peers, *methods]
        for radius in (RADII if way in WITH_RADII else (0,))
    ]


def introduction(arguments: argparse.Namespace, load: str, reference: str) -> str:
    used = {_peers.PEERS[_peers.settings(peer)[0]].package for peer in arguments.peers}
    seen = f"the squares of {arguments.crops} pixels that hold a hole" if arguments.crops else "the whole picture"
    few = ""
    if arguments.slow < arguments.paintings:
        few = f" Slow peers only fill the first {arguments.slow}; what is compared with them is compared there."
    return (
        f"{_tables.conditions(load, 'restauro', 'numpy', *sorted(used))}\n\n"
        f"The middle {_pictures.SIDE} x {_pictures.SIDE} pixels of {arguments.paintings} paintings that nothing was "
        f"tuned on, 8-bit colour, under {_pictures.MASKS_A_BIN} irregular masks a bin in turn. Means over the "
        f"paintings of PSNR (the whole picture), RMSE (hole pixels, of 255) and LPIPS 0.1 ({seen}; "
        f"SqueezeNet, and AlexNet as a witness; lower is better); the paired difference of PSNR in dB to {reference} "
        f"with its 95 % interval (bootstrap). *: the best setting of a method.{few} Targets: PSNR by paired "
        "differences, LPIPS by the ratio of the means; an aim is wished for, not demanded."
    )


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument(
        "--bins", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6], help="1: 1 to 10 %% hole, ... 6: 50 to 60 %%"
    )
    options.add_argument("--methods", nargs="*", default=_tables.classical_methods(), help="by default all but network")
    options.add_argument("--peers", nargs="*", default=list(PEERS), help=f"of {', '.join(_peers.PEERS)}")
    options.add_argument("--paintings", type=int, default=PAINTINGS, help="how many, from the first")
    options.add_argument("--slow", type=int, default=PAINTINGS, help="how many of them slow peers fill, from the first")
    options.add_argument("--crops", type=int, default=0, help="LPIPS of squares of this side that hold a hole alone")
    arguments = options.parse_args()
    load = _tables.load_before()
    ways = ways_of(arguments.methods, arguments.peers)
    scores = measure(ways, arguments.bins, arguments.paintings, arguments.slow, arguments.crops)
    reference = _marks.reference(next(iter(scores.values()))).name
    head = ["method", "PSNR dB", "RMSE in holes", "LPIPS", "LPIPS, AlexNet", f"PSNR against {reference}"]
    parts = [introduction(arguments, load, reference)]
    for bin_number, found in scores.items():
        parts += [
            f"## Holes of {max(1, 10 * (bin_number - 1))} to {10 * bin_number} %",
            _tables.table(head, rows(found)),
        ]
        targets = _marks.rows(found, bin_number)
        parts += [_tables.table(_marks.HEAD, targets)] if targets else []
    parts += _marks.default_method(scores)
    _tables.publish("quality", "Quality", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
