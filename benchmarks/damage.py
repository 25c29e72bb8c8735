"""Measures how many masks a second are made of each kind of damage, and how fast cracks are rendered."""

from __future__ import annotations

import statistics
from functools import partial

import numpy as np

import _tables
import _timing
from restauro.damage.kinds import KINDS, Kind
from restauro.damage.rendering import render_cracks

SIDE = 512
LEAST = 30  # masks a second
CRACKS = 0.04  # hole ratio of the cracks that are rendered


def ratios_of(kind: Kind) -> list[float | None]:
    """Return the ratios to measure: the usual one, half of the most, the most."""
    if not kind.ratio_range or not kind.default_ratio:
        return [None]
    most = kind.ratio_range[1]
    return [kind.default_ratio, most / 2, most]


def mask_rows(rounds: int, seconds: float) -> list[list[str]]:
    rows = []
    for kind in KINDS.values():
        for ratio in ratios_of(kind):
            rates = _timing.work_rates(partial(kind.make, SIDE, SIDE, ratio), rounds, seconds)
            verdict = _tables.met(statistics.median(rates), LEAST)
            rows.append([kind.name, f"{ratio:g}" if ratio else "-", _tables.median_and_range(rates, 0), verdict])
    return rows


def rendering_rows(rounds: int, seconds: float) -> list[list[str]]:
    rows = []
    for side in (SIDE, 4 * SIDE):
        image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        hole = KINDS["cracks"].make(side, side, CRACKS, np.random.default_rng(0))
        for rim in (False, True):
            rates = _timing.work_rates(partial(render_cracks, image, hole, rim=rim), rounds, seconds)
            milliseconds = [1000 / rate for rate in rates]
            rows.append([f"{side} x {side}", "yes" if rim else "no", _tables.median_and_range(milliseconds, 1)])
    return rows


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    arguments = options.parse_args()
    load = _tables.load_before()
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy')}\n\n"
        f"Masks of {SIDE} x {SIDE} pixels a second of one core's work, which other processes disturb less: at "
        f"each kind's usual hole ratio, at half of the most it can cover, and at the most; to be at least {LEAST}. "
        f"Medians of {arguments.rounds} rounds, in brackets the lowest and highest. Strokes in their six bins: "
        "[loading](loading.md)."
    )
    masks = mask_rows(arguments.rounds, arguments.seconds)
    rendering = rendering_rows(arguments.rounds, arguments.seconds)
    parts = [
        introduction,
        _tables.table(["kind", "hole ratio", "masks a second", "target"], masks, 1),
        "## Cracks rendered",
        f"Milliseconds of one core's work for RGB of 8 bits, {100 * CRACKS:g} % cracks.",
        _tables.table(["picture", "rim", "ms"], rendering, 2),
    ]
    _tables.publish("damage", "Damage made to order", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
