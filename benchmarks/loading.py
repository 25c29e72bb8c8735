"""Measures how many training examples a second the loader makes, against what training eats.

Needs the folder of shared pictures (RESTAURO_SHARED, or ../shared): CIFAR-10, paintings, irregular masks.
"""

from __future__ import annotations

import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

import _tables
from restauro.damage.ratios import RATIO_BINS, ratio_in
from restauro.damage.synthesis import any_strokes, marks, strokes
from restauro.datasets import Pictures, open_pictures
from restauro.training import data

SHARED = Path(os.environ.get("RESTAURO_SHARED", _tables.CLONE.parent / "shared")) / "data"
# Examples a second that training on two cores takes at most: small networks on CIFAR-10, the paper's network.
EATEN = {(32, "marks"): 4000, (256, "strokes"): 4, (512, "strokes"): 1, (256, "folder of masks"): 4}
SHARE = 10  # % of the two cores' time that loading may take
BATCH = {32: 32, 256: 8, 512: 4}
LEAST_MASKS = 30  # a second and core, of strokes at 512


def examples_a_second(examples: data.Examples, batch: int, threads: int, seconds: float) -> tuple[float, float]:
    """Return examples a second of time, and a second of all cores' work, after two batches that don't count."""
    endless = data.batches(examples, batch, threads=threads)
    for _ in islice(endless, 2):
        pass
    start, work, made = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        next(endless)
        made += batch
    took, worked = time.perf_counter() - start, time.process_time() - work
    endless.close()
    return made / took, made / worked


def loading_rows(rounds: int, seconds: float, threads: int) -> list[list[str]]:
    cifar, paintings = open_pictures(SHARED / "cifar10", "train"), open_pictures(SHARED / "paintings-train")
    irregular = data.MaskFolder(SHARED / "masks" / "irregular")
    with tempfile.TemporaryDirectory(prefix="restauro-loading-") as folder:
        with tarfile.open(Path(folder, "paintings.tar"), "w") as shard:
            for path in sorted((SHARED / "paintings-train").glob("*.jpg")):
                shard.add(path, path.name)
        shards = open_pictures(folder)
        cases: list[tuple[str, Pictures, str, data.MakeMask, int]] = [
            ("CIFAR-10 in memory", cifar, "marks", marks, 32),
            ("CIFAR-10 in memory", cifar, "strokes", any_strokes, 32),
            ("folder of JPEGs", paintings, "strokes", any_strokes, 256),
            ("folder of JPEGs", paintings, "strokes", any_strokes, 512),
            ("tar shard of JPEGs", shards, "strokes", any_strokes, 256),
            ("folder of JPEGs", paintings, "folder of masks", irregular, 256),
        ]
        found: list[list[tuple[float, float]]] = [[] for _ in cases]
        for turn in range(rounds):
            for case, (_, pictures, _, make_mask, side) in enumerate(cases):
                examples = data.Examples(pictures, side, make_mask, seed=turn)
                found[case].append(examples_a_second(examples, BATCH[side], threads, seconds))
    return [row(source, masks, side, rates) for (source, _, masks, _, side), rates in zip(cases, found, strict=True)]


def row(source: str, masks: str, side: int, rates: list[tuple[float, float]]) -> list[str]:
    of_time, of_work = ([rate[which] for rate in rates] for which in (0, 1))
    cells = [source, masks, str(side), *(_tables.median_and_range(values, 0) for values in (of_time, of_work))]
    eaten = EATEN.get((side, masks))
    if eaten is None:
        return [*cells, "-", "-", "-"]
    share = 100 * eaten / statistics.median(of_work) / 2
    return [*cells, str(eaten), f"{share:.1f} %", _tables.met(share, SHARE, at_most=True)]


def masks_a_second(make: Callable[[np.random.Generator], object], rounds: int, seconds: float) -> list[float]:
    rates = []
    for turn in range(rounds):
        rng = np.random.default_rng(turn)
        make(rng)
        start, work, made = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - start < seconds:
            make(rng)
            made += 1
        rates.append(made / (time.process_time() - work))
    return rates


def mask_rows(rounds: int, seconds: float) -> list[list[str]]:
    rows = []
    for side in (32, 512):
        rates = masks_a_second(lambda rng, side=side: marks(side, side, rng), rounds, seconds)
        rows.append(["marks", str(side), "-", _tables.median_and_range(rates, 0), "-", "-"])
    for border in (True, False):
        for ratios in RATIO_BINS:
            rates = masks_a_second(
                lambda rng, ratios=ratios, border=border: strokes(512, 512, ratio_in(ratios, rng), rng, border=border),
                rounds,
                seconds,
            )
            name = "strokes" if border else "strokes, border free"
            verdict = _tables.met(statistics.median(rates), LEAST_MASKS)
            bin_name = f"{ratios[0]:g} to {ratios[1]:g}"
            rows.append([name, "512", bin_name, _tables.median_and_range(rates, 0), str(LEAST_MASKS), verdict])
    return rows


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    options.add_argument("--threads", type=int, default=1)
    arguments = options.parse_args()
    load = _tables.load_before()
    examples = loading_rows(arguments.rounds, arguments.seconds, arguments.threads)
    masks = mask_rows(arguments.rounds, arguments.seconds / 4)
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy', 'pyvips')}\n\n"
        f"Examples (picture, hole) that `restauro.training.data.batches` makes, threads: {arguments.threads}; a "
        "second, and a second of one core's work, which other processes disturb less. Medians of "
        f"{arguments.rounds} rounds in which all take turns, in brackets the lowest and highest. Eaten: what training "
        "on two cores is taken to need a second, at most; share: the part of the two cores that loading as much "
        f"takes, to be at most {SHARE} %."
    )
    parts = [
        introduction,
        _tables.table(
            ["pictures", "masks", "side", "a second", "a second of a core", "eaten", "share", "target"], examples, 2
        ),
        "## Masks",
        "Masks a second of one core's work.",
        _tables.table(["kind", "side", "hole ratio", "masks a second", "at least", "target"], masks, 1),
    ]
    _tables.publish("loading", "Loading of training examples", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
