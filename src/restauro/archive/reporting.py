"""`Report`: what was done of a plan, as a table (CSV) and as a page with small pictures, what needs an eye first."""

from __future__ import annotations

import base64
import heapq
import html
from collections import Counter
from pathlib import Path
from typing import Any

import restauro
from restauro.archive.jobs import Outcome
from restauro.archive.plans import COLUMNS, REPORTED
from restauro.detection.limits import LEAST_WIDTH, MARK, WIDTH
from restauro.ledger import write_csv, write_text

SHOWN = 500  # pictures on a page; the table has them all
_STATES = {"known": "done before", "undecided": "not decided yet"}
_FAILED = 1e6  # needs an eye before all that was done
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid #ddd; padding: .5rem .75rem .5rem 0; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.name { overflow-wrap: anywhere; }
img { display: block; max-width: 15rem; height: auto; }
.failed td { background: #fff0ee; }
.error { color: #a21; }
small { color: #666; }
"""


def needs_an_eye(outcome: Outcome) -> float:
    """Say how much a picture needs to be looked at: 1 is what would no longer be filled unseen.

    It is the largest hole as a share of 1 % of the picture, or the widest one as a share of 3 % of its shorter side,
    whichever is more; 1 at least where some of it lies near lettering. What failed comes first.

    >>> from restauro.archive.jobs import Job
    >>> facts = {"width": 1000, "height": 800, "largest": 80, "widest": 6}
    >>> needs_an_eye(Outcome(Job("restore", "/a", "/b"), "done", facts=facts))
    0.25
    """
    if outcome.state == "failed":
        return _FAILED
    facts = outcome.facts
    if not facts.get("largest"):
        return 0.0
    width, height = int(facts["width"]), int(facts["height"])
    widest = int(facts["widest"]) / max(LEAST_WIDTH, WIDTH * min(width, height))
    lettered = float(bool(facts.get("near_lettering")))
    return round(max(widest, int(facts["largest"]) / (width * height) / MARK, lettered), 4)


class Report:
    """What came of a plan's jobs, as it comes in.

    Parameters
    ----------
    path
        The page to be (.html), beside which a table (.csv) is written; or the table, beside which the page is.
    """

    def __init__(self, path: Path) -> None:
        self.page, self.table = path.with_suffix(".html"), path.with_suffix(".csv")
        self._rows: list[dict[str, Any]] = []
        self._pictures: list[tuple[float, int, bytes, bytes]] = []  # a heap: what needs an eye least is on top

    def add(self, outcome: Outcome) -> None:
        """Take note of an outcome; small pictures are kept of those that will be shown."""
        job, facts = outcome.job, outcome.facts
        mask = job.output if job.act in ("propose", "detect") else job.reads.get("mask", job.options.get("mask", ""))
        row = {"picture": job.picture, "mask": mask, "output": job.output, "state": outcome.state}
        row |= {"decision": job.decision, "reviewer": job.reviewer, "mask_sha256": job.proposed} | job.later
        row |= {name: facts[name] for name in REPORTED if name in facts}
        row |= {"regions": facts.get("regions", facts.get("marks")), "notes": " ".join(facts.get("notes", ()))}
        row |= {"hole_pixels": facts.get("hole_pixels", facts.get("pixels")), "error": _said(outcome)}
        row["needs_an_eye"] = score = needs_an_eye(outcome)
        if job.act == "propose" and (proposed := outcome.products.get(job.output)):
            row["mask_sha256"] = proposed.digest
        number = len(self._rows)
        self._rows.append(row)
        keep = heapq.heappush if len(self._pictures) < SHOWN else heapq.heappushpop
        keep(self._pictures, (score, -number, outcome.before, outcome.after))

    def write(self) -> None:
        """Write table and page, what needs an eye first, else in the order of the plan.

        Raises
        ------
        WriteError
            They can't be written.
        """
        order = sorted(range(len(self._rows)), key=lambda number: (-self._rows[number]["needs_an_eye"], number))
        self.page.parent.mkdir(parents=True, exist_ok=True)
        write_csv(self.table, [self._rows[number] for number in order], COLUMNS + REPORTED)
        pictures = {-number: (before, after) for _, number, before, after in self._pictures}
        write_text(self.page, self._as_page([number for number in order if number in pictures], pictures))

    def _as_page(self, order: list[int], pictures: dict[int, tuple[bytes, bytes]]) -> str:
        counts = Counter(row["state"] for row in self._rows)
        said = ", ".join(f"{count} {_STATES.get(state, state)}" for state, count in counts.items())
        left = len(self._rows) - len(order)
        more = f" The first {len(order)} are shown; all are in {html.escape(self.table.name)}." if left else ""
        lines = "\n".join(_line(self._rows[number], *pictures[number]) for number in order)
        return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>restauro: {len(self._rows)} pictures</title><style>{_STYLE}</style></head><body>
<h1>{len(self._rows)} pictures</h1>
<p>{said}. What failed comes first, then what has the largest and widest holes, or holes near lettering.{more}
<small>restauro {restauro.__version__}</small></p>
<table><tr><th>Before</th><th>After</th><th>Picture</th><th>Needs an eye</th><th>Regions</th><th>Filled, pixels</th>
<th>Largest</th><th>Widest</th></tr>
{lines}
</table></body></html>
"""


def _said(outcome: Outcome) -> str:
    return str(outcome.error) if outcome.error else outcome.facts.get("too_much", "") or ""


def _line(row: dict[str, Any], before: bytes, after: bytes) -> str:
    """Return a picture's line of the page."""
    state, method = _STATES.get(row["state"], row["state"]), row.get("method") or ""
    about = [f"<b>{html.escape(row['picture'])}</b>", html.escape(f"{state}, {method}".removesuffix(", "))]
    if row["decision"]:
        about.append(html.escape(f"{row['decision']}, {row['reviewer']}".rstrip(", ")))
    if row["error"]:
        about.append(f'<span class="error">{html.escape(row["error"])}</span>')
    if near := row.get("near_lettering"):
        about.append(f"{near} pixels near lettering, as it seems")
    if row["notes"]:
        about.append(f"<small>{html.escape(row['notes'])}</small>")
    score = "" if row["state"] == "failed" else f"{row['needs_an_eye']:.2g}"
    numbers = "".join(
        f'<td class="number">{"" if value is None else value}</td>'
        for value in (score, *(row.get(name) for name in ("regions", "hole_pixels", "largest", "widest")))
    )
    return (
        f'<tr class="{row["state"]}"><td>{_image(before, "before")}</td><td>{_image(after, "after")}</td>'
        f'<td class="name">{"<br>".join(about)}</td>{numbers}</tr>'
    )


def _image(data: bytes, what: str) -> str:
    if not data:
        return ""
    return f'<img alt="{what}" loading="lazy" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
