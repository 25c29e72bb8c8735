"""Coherence transport's constants on the tuning set: mean PSNR for each setting, and what a step edge keeps.

    python benchmarks/tune_coherence.py            # the table in docs/methods/coherence.md
    python benchmarks/tune_coherence.py --back 0.8

Constants are compiled into the kernels, so every setting is measured in a process of its own, without the cache.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from scipy import ndimage

import restauro
from restauro.methods import coherence
from restauro.numerics import coherence_fill
from tune_telea import pairs, psnr

CONSTANTS = {
    "back": (coherence_fill, "_BACK"),
    "strongest": (coherence_fill, "_STRONGEST"),
    "half_coherent": (coherence_fill, "_HALF_COHERENT"),
    "sideways_in": (coherence, "_SIDEWAYS_IN"),
    "sideways_out": (coherence, "_SIDEWAYS_OUT"),
}
SETTINGS: list[tuple[str, dict[str, float]]] = [
    ("as released", {}),
    ("inwards only", {"inwards": 1}),
    ("no direction", {"strongest": 0}),
    ("all is taken back (1 for 0.95)", {"back": 1}),
    ("0.8 is taken back", {"back": 0.8}),
    ("sideways without limit", {"sideways_in": 1000, "sideways_out": 1000}),
    ("radius 3", {"radius": 3}),
    ("radius 7", {"radius": 7}),
]
SIDE, BAND = 256, 20


def step_kept(angle: float, radius: int) -> float:
    """Share of a sharp step's contrast, 5 pixels on either side of it, on the midline of a band at an angle to it."""
    normal = math.cos(math.radians(angle)), -math.sin(math.radians(angle))
    middle = (SIDE - 1) / 2
    y, x = np.mgrid[:SIDE, :SIDE] - middle
    hole = np.zeros((SIDE, SIDE), bool)
    hole[:, (SIDE - BAND) // 2 : (SIDE + BAND) // 2] = True
    restored = restauro.inpaint((normal[0] * y + normal[1] * x > 0) * 1.0, hole, "coherence", radius=radius)
    places = [[middle + way * 5 * along for way in (1, -1)] for along in normal]
    above, below = ndimage.map_coordinates(restored, places, order=1)
    return float(above - below)


def only_inwards(T: Any, cells: Any, ordered: Any, slots: Any, *others: Any) -> None:
    """Take the values of the way in as they are, in place of the sweep outwards."""
    result, first = others[-1], coherence_fill.CHANNELS
    result[slots[slots >= 0]] = cells[ordered[slots >= 0], first : first + result.shape[1]]


def measure(radius: int) -> str:
    cells = []
    for bin_ in (1, 2):
        mean = np.mean([psnr(restauro.inpaint(i, m, "coherence", radius=radius), i) for i, m in pairs(bin_)])
        cells.append(f"{mean:.2f}")
    return " | ".join([*cells, f"{100 * step_kept(60, radius):.0f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in (*CONSTANTS, "radius", "inwards"):
        parser.add_argument(f"--{name}", type=float)
    chosen = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    if chosen:
        for name, (module, constant) in CONSTANTS.items():
            setattr(module, constant, chosen.get(name, getattr(module, constant)))
        if chosen.get("inwards"):
            coherence_fill.sweep_outwards = only_inwards
        print(measure(int(chosen.get("radius", 5))))
        return
    print("| setting | 1-10 % | 10-20 % | step at 60 degrees, % |")
    print("| --- | --- | --- | --- |")
    for label, values in SETTINGS:
        options = [f"--{name}={value}" for name, value in (values or {"radius": 5}).items()]
        with tempfile.TemporaryDirectory() as cache:
            run = subprocess.run(
                [sys.executable, __file__, *options],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
            )
        print(f"| {label} | {run.stdout.strip()} |", flush=True)


if __name__ == "__main__":
    main()
