"""Compares every method and every peer: all bins of hole ratio with and without border, every kind of damage, time.

Needs paintings and LPIPS' weights that are not in the repository, in the folder that RESTAURO_SHARED names or in
../shared: data/paintings-val with an index.csv; weights. A run that was cut off goes on where it stopped. Plots by
ratio and by time are of strokes in bins, those by kind of every kind of damage.
"""

from __future__ import annotations

import csv
import shutil
import sys
import time
from pathlib import Path

import pyvips

import _pictures
import _tables
from restauro.evaluation import protocol, reporting, running
from restauro.evaluation.references import PEERS
from restauro.method import method_class, method_names

PAINTINGS, SIZE = 16, 256
WEIGHTS = "lpips_squeeze1_1_v0.1_torchvision.safetensors"
NETWORK = "network:model=cifar10"
FIGURES = _tables.CLONE / _tables.FOLDER / "methods"


def plan(paintings: int, size: int) -> running.Plan:
    """Return what is compared: all there is."""
    shared = _pictures.shared()
    filling = [name for name in method_names() if method_class(name).nature != "corrects"]
    ways = [NETWORK if name == "network" else name for name in filling]
    return running.Plan(
        pictures=protocol.find_pictures([shared / "data" / "paintings-val"], paintings),
        masks=protocol.choose_masks(["all"]),
        ways=(*ways, *PEERS),
        size=size,
        lpips=(shared / "weights" / WEIGHTS,),
    )


def show(done: int, total: int) -> None:
    """Say how far it is, now and then."""
    if done % 500 < 20 or done == total:
        print(f"{time.strftime('%H:%M:%S')} {done} of {total} fills", file=sys.stderr, flush=True)


def credits(names: tuple[str, ...]) -> str:
    """Name artists and titles of the paintings."""
    with (_pictures.shared() / "data" / "paintings-val" / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = {Path(row["file"]).stem: row for row in csv.DictReader(file)}
    return "; ".join(f"{name}: {rows[name]['artist']}, {rows[name]['title']}" for name in names)


def figures(folder: Path) -> list[str]:
    """Copy plots (by hole ratio, time, kind of damage) and sheet into the docs; return them as Markdown."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    for old in FIGURES.iterdir():
        old.unlink()
    lines = []
    for file in sorted((folder / "plots").glob("*.png")):
        shutil.copy(file, FIGURES)
        lines.append(f"![{file.stem.replace('-', ' ')}](methods/{file.name})")
    pyvips.Image.new_from_file(str(folder / "sheet.png")).resize(0.6).jpegsave(str(FIGURES / "sheet.jpg"), Q=80)
    return [*lines, "![Damaged, mask, every way, original](methods/sheet.jpg)"]


def main() -> None:
    """Measure and publish."""
    options = _tables.parser(__doc__)
    options.add_argument("--paintings", type=int, default=PAINTINGS, help=f"the first so many; {PAINTINGS}")
    options.add_argument("--size", type=int, default=SIZE, help=f"side of the middle square of each; {SIZE}")
    options.add_argument("--results", type=Path, default=Path("runs", "methods"), help="folder to collect results in")
    options.add_argument("--overwrite", action="store_true", help="begin anew, after a change of the code")
    chosen = options.parse_args()
    load = _tables.load_before()
    everything = plan(chosen.paintings, chosen.size)
    finished = running.run(everything, chosen.results, progress=show, overwrite=chosen.overwrite)
    reporting.write(everything, finished, chosen.results)
    title, *tables = (chosen.results / "table.md").read_text(encoding="utf-8").rstrip().split("\n\n")
    shown = [] if chosen.print_only else figures(chosen.results)
    names = everything.pictures.names
    parts = [*tables[:2], _tables.conditions(load, "restauro"), *shown, f"Paintings: {credits(names)}.", *tables[2:]]
    _tables.publish("methods", title.removeprefix("# "), parts, print_only=chosen.print_only)


if __name__ == "__main__":
    main()
