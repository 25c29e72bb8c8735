"""Writes what an evaluation found: CSV, JSON with every setting and version, tables, plots, a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from restauro.evaluation import plots, sheets, tables
from restauro.evaluation.references import labels_of, make_way
from restauro.evaluation.running import COLUMNS, Finished, Judge, Plan
from restauro.ledger import Row, write_csv, write_text
from restauro.provenance import machine, where


def write(
    plan: Plan, finished: Finished, folder: Path, *, progress: Callable[[int, int], object] | None = None
) -> list[Path]:
    """Write all results of a run into its folder, and return the files.

    `results.csv` and `results.json` have a row for each picture, mask and way; `results.json` says what they were made
    with, too; `table.md` has the means; plots and sheet are as `plots` and `sheets` make them, and are left as they are
    where no figure is new. `progress` is called with how many fills of how many the sheet has, done
    once more.

    Raises
    ------
    EvaluationError
        A way fails on the sheet that didn't fail before: all else is written then.
    """
    ways, labels = {text: make_way(text) for text in plan.ways}, labels_of(plan.ways)
    about = {
        "settings": finished.settings,
        "machine": machine(),
        "measured_on": _measured_on(finished.rows),
        "ways": {
            text: {"label": labels[text], "versions": way.versions, "model": way.model or None}
            for text, way in ways.items()
        },
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
    drawn = [
        folder / "sheet.png",
        *sorted(file for pattern in plots.PATTERNS for file in folder.glob(f"plots/{pattern}")),
    ]
    if not (drawn[0].exists() and len(drawn) > 1 and _rows_before(files[1]) == finished.rows):
        for file in drawn:
            file.unlink(missing_ok=True)  # so that a run which is stopped now draws them next time
        drawn = []
    write_csv(files[0], finished.rows, COLUMNS)
    write_text(files[1], json.dumps(about | {"rows": finished.rows}, indent=1))
    write_text(files[2], tables.report(finished.rows, plan.ways, finished.settings, describe(plan, finished.rows)))
    return files + (drawn or _pictured(plan, finished, folder, progress))


def _rows_before(file: Path) -> list[Row] | None:
    """Return the rows that an earlier run wrote; None where there are none."""
    try:
        rows: list[Row] = json.loads(file.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rows


def _measured_on(rows: Sequence[Row]) -> list[str]:
    """Return the machines that times are of, and with how many processes."""
    known = {(row["machine"], row["workers"]) for row in rows if row.get("machine")}
    return [f"{computer}, {workers} process{'es' * (workers > 1)} at a time" for computer, workers in sorted(known)]


def describe(plan: Plan, rows: Sequence[Row]) -> str:
    """Say in a paragraph what was evaluated, and on what."""
    size = f"the middle {plan.size} x {plan.size} pixels of " if plan.size else ""
    pictures = plan.pictures
    source = (
        f"test pictures of CIFAR-10 ({len(pictures.names):,})"
        if pictures.dataset
        else f"{len(pictures.names):,} picture{'s' * (len(pictures.names) > 1)}"
    )
    versions = sorted({f"{name} {number}" for text in plan.ways for name, number in make_way(text).versions.items()})
    now = machine()
    measured_on = _measured_on(rows) or [where(now)]
    machines = " and ".join(measured_on) + ", so that seconds are not all comparable" * (len(measured_on) > 1)
    text = (
        f"{size}{source}, seed {plan.seed}, masks: {', '.join(dict.fromkeys(mask.kind for mask in plan.masks))}. "
        f"{machines}; Python {now['python']}, {', '.join(versions)}; {now['date']}."
    )
    return text[0].upper() + text[1:]


def contact_sheet(
    plan: Plan,
    rows: Sequence[Row],
    file: Path,
    *,
    shown: int = 6,
    progress: Callable[[int, int], object] | None = None,
) -> bool:
    """Write a sheet of some pictures, each under another mask, filled every way, with crops of the worst holes.

    Pictures that no way filled are left out, and ways that failed on one of those that are shown; where nothing
    is left, there is no sheet.
    """
    names, masks = plan.pictures.names, plan.masks
    count = min(shown, len(names) * len(masks))
    pairs = [
        (number % len(names), number * len(masks) // min(count, len(masks)) % len(masks)) for number in range(count)
    ]
    filled: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if not row["error"]:
            filled.setdefault((row["picture"], row["mask"]), set()).add(row["way"])
    by = {pair: filled[key] for pair in pairs if (key := (names[pair[0]], masks[pair[1]].name)) in filled}
    ways = [way for way in plan.ways if by and all(way in found for found in by.values())]
    if not ways:
        return False
    judge, cases = Judge(plan), []
    for pair in by:
        cases.append(judge.case(*pair, ways))
        if progress:
            progress(len(cases) * len(ways), len(by) * len(ways))
    sheets.save(sheets.draw(cases, crops=1), file, overwrite=True)
    return True


def _pictured(
    plan: Plan, finished: Finished, folder: Path, progress: Callable[[int, int], object] | None
) -> list[Path]:
    """Draw plots and the contact sheet."""
    good = [row for row in finished.rows if not row["error"]]
    if not good:
        return []
    drawn, sheet = plots.plot(good, folder / "plots"), folder / "sheet.png"
    return [sheet, *drawn] if contact_sheet(plan, finished.rows, sheet, progress=progress) else drawn
