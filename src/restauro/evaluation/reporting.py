"""Writes what an evaluation found: CSV, JSON with every setting and version, tables, plots, a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from restauro.evaluation import plots, sheets, tables
from restauro.evaluation.references import make_way
from restauro.evaluation.results import Row, machine, write_csv, write_text
from restauro.evaluation.running import COLUMNS, Finished, Judge, Plan


def write(plan: Plan, finished: Finished, folder: Path) -> list[Path]:
    """Write all results of a run into its folder, and return the files.

    `results.csv` and `results.json` have a row for each picture, mask and way; `results.json` says what they were made
    with, too; `table.md` has the means; plots and sheet are as `plots` and `sheets` make them.
    """
    ways = {text: make_way(text) for text in plan.ways}
    about = {
        "settings": finished.settings,
        "machine": machine(),
        "ways": {text: {"label": way.label, "versions": way.versions} for text, way in ways.items()},
        "plan": {
            "pictures": len(plan.pictures.names),
            "masks": [mask.name for mask in plan.masks],
            "ways": list(plan.ways),
            "seed": plan.seed,
            "size": plan.size,
            "lpips_weights": [path.name for path in plan.lpips],
        },
    }
    files = [folder / name for name in ("results.csv", "results.json", "table.md")]
    write_csv(files[0], finished.rows, COLUMNS)
    write_text(files[1], json.dumps(about | {"rows": finished.rows}, indent=1))
    write_text(files[2], tables.report(finished.rows, plan.ways, finished.settings, describe(plan, about["machine"])))
    return files + _pictured(plan, finished, folder)


def describe(plan: Plan, machine: dict[str, str]) -> str:
    """Say in a paragraph what was evaluated, and on what."""
    size = f"the middle {plan.size} x {plan.size} pixels of " if plan.size else ""
    pictures = plan.pictures
    source = (
        f"test pictures of CIFAR-10 ({len(pictures.names):,})"
        if pictures.dataset
        else f"{len(pictures.names):,} picture{'s' * (len(pictures.names) > 1)}"
    )
    versions = sorted({f"{name} {number}" for text in plan.ways for name, number in make_way(text).versions.items()})
    text = (
        f"{size}{source}, seed {plan.seed}, masks: {', '.join(dict.fromkeys(mask.kind for mask in plan.masks))}. "
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}, "
        f"{', '.join(versions)}; {machine['date']}."
    )
    return text[0].upper() + text[1:]


def contact_sheet(plan: Plan, rows: Sequence[Row], file: Path, *, shown: int = 6) -> None:
    """Write a sheet of some pictures, each under another mask, filled every way, with crops of the worst holes."""
    judge = Judge(plan)
    failed = {row["way"] for row in rows if row["error"]}
    ways = [way for way in plan.ways if way not in failed]
    pairs = len(plan.pictures.names) * len(plan.masks)
    count = min(shown, pairs)
    cases = []
    for number in range(count):
        place = number * len(plan.masks) // min(count, len(plan.masks)) % len(plan.masks)
        cases.append(judge.case(number % len(plan.pictures.names), place, ways))
    sheets.save(sheets.draw(cases, crops=1), file, overwrite=True)


def _pictured(plan: Plan, finished: Finished, folder: Path) -> list[Path]:
    """Draw plots and the contact sheet."""
    good = [row for row in finished.rows if not row["error"]]
    if not good:
        return []
    sheet = folder / "sheet.png"
    contact_sheet(plan, finished.rows, sheet)
    in_bins = [row for row in good if row["bin"]]  # where there are bins, curves over the ratio are about them
    return [sheet, *plots.plot(in_bins or good, folder / "plots")]
