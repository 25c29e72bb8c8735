"""Asks whether two checkouts fill the same pictures with the same values, bit for bit, by all methods.

The other checkout is a folder that holds another state of this repository (`git worktree add ../before main`). Both
fill the pictures and masks that this one makes from seeds: all dtypes, cracks, losses, nets and specks, many holes near
one another and at the border. Ends with status 1 where anything differs.

Kernels that are compiled anew may differ in the last bits of floats from the same ones loaded from the disk, and where
the kernels' sources differ all are: what is to be shown equal is best run with the same compiled kernels, and twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

CLONE = Path(__file__).resolve().parents[1]
LARGE = 10  # one picture of so many is larger than a tile
BANDS = (None, 1, 2, 3, 4, 7)
MASKS = ("holes", "net", "losses", "rim", "crowd")

Digests = dict[str, str]


def example(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture and its mask, both functions of the number alone."""
    from tests.promises import pictures

    rng = np.random.default_rng([2026, number])
    low, high = (257, 420) if number % LARGE == 0 else (1, 90)
    height, width = (int(side) for side in rng.integers(low, high, 2))
    bands = BANDS[rng.integers(len(BANDS))]
    image = pictures.picture(rng, pictures.shape_of(height, width, bands), pictures.DTYPES[number % 9])
    kind = MASKS[number % len(MASKS)]
    if kind == "rim":
        hole = np.zeros((height, width), bool)
        hole[: height // 4] = hole[:, -max(width // 6, 1) :] = True
    elif kind == "crowd":
        hole = rng.random((height, width)) < 0.08
        hole[height // 3 : height // 2, width // 3 : width // 2] = True
    else:
        hole = getattr(pictures, kind)(rng, (height, width))
    hole[rng.integers(height), rng.integers(width)] = False
    return image, hole


def digests(count: int) -> Digests:
    """Fill so many pictures by every method; return a digest of each result, by method and picture."""
    from tests.networks import ready

    import restauro

    methods = {name: ready(name) for name in restauro.method_names()}
    found = {}
    for number in range(count):
        image, hole = example(number)
        for name, method in methods.items():
            filled = restauro.inpaint(image, hole, method, seed=number, workers=1 + number % 3)
            found[f"{name} {number}"] = hashlib.sha256(filled.tobytes()).hexdigest()
    return found


def digests_of(checkout: Path, count: int) -> Digests:
    """Return the digests that a checkout's code gives, in a process of its own."""
    source = checkout / "src"
    if not (source / "restauro").is_dir():
        sys.exit(f"There is no src/restauro in {checkout}: give the folder of a checkout.")
    paths = os.pathsep.join([str(source), str(CLONE)])
    command = [sys.executable, __file__, "--digests", "--pictures", str(count), str(checkout)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True)
    found: Digests = json.loads(done.stdout)
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("checkout", type=Path, help="the other one; or a file that --store wrote")
    options.add_argument("--pictures", type=int, default=300)
    options.add_argument("--store", type=Path, metavar="FILE", help="write its digests, compare nothing")
    options.add_argument("--digests", action="store_true", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.digests:
        json.dump(digests(arguments.pictures), sys.stdout)
        return 0
    if arguments.checkout.is_file():
        theirs: Digests = json.loads(arguments.checkout.read_text(encoding="ascii"))
    else:
        theirs = digests_of(arguments.checkout, arguments.pictures)
    if arguments.store:
        arguments.store.write_text(json.dumps(theirs), encoding="ascii")
        return 0
    ours = digests_of(CLONE, arguments.pictures)
    methods = sorted({name.split()[0] for name in ours})
    for method in methods:
        names = [name for name in ours if name.split()[0] == method and name in theirs]
        differ = [name.split()[1] for name in names if ours[name] != theirs[name]]
        print(f"{method}: {len(names) - len(differ)} of {len(names)} equal", *differ[:10])
    return int(any(ours[name] != theirs.get(name, ours[name]) for name in ours))


if __name__ == "__main__":
    sys.exit(main())
