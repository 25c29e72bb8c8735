"""The paintings that shipped models are trained on, as a folder for `restauro train --data`.

    python3 dev.py bench training_paintings OUT

Links to the paintings of `paintings-fine` whose artists died by 1925: in OUT/test those of the tuning set, in OUT/train
all others that share no painting with one of the tuning set. OUT/paintings.csv says which they are.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import _pictures
import _tables

LAST = 1925  # the year by which a painter died whose work is in the public domain nearly everywhere
TUNING = Path(__file__).with_name("tuning-set.txt")
UNKNOWN = 9999
DETAIL = "detail of "


def chosen(rows: list[dict[str, str]], tuning: set[str]) -> dict[str, list[dict[str, str]]]:
    """Return the rows of the index to train on, and to test on."""

    def whole(row: dict[str, str]) -> str:  # the painting that a detail is cut from
        return row["note"].removeprefix(DETAIL) if row["note"].startswith(DETAIL) else row["file"]

    died = {row["file"]: int(row["died"] or UNKNOWN) for row in rows}
    free = [row for row in rows if max(died[row["file"]], died.get(whole(row), 0)) <= LAST]
    held_out = {whole(row) for row in rows if row["file"] in tuning}
    return {
        "train": [row for row in free if whole(row) not in held_out],
        "test": [row for row in free if row["file"] in tuning],
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out", type=Path)
    out = options.parse_args().out
    folder = (_pictures.shared() / "data" / "paintings-fine").resolve()
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = (line.strip() for line in TUNING.read_text(encoding="utf-8").splitlines())
    sets = chosen(rows, {Path(line).name for line in lines if line.startswith("paintings-fine/")})
    for name, of_set in sets.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        for row in of_set:
            link = out / name / row["file"]
            link.unlink(missing_ok=True)
            link.symlink_to(folder / row["file"])
    with (out / "paintings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "file", "artist", "died", "title", "year"])
        for name, of_set in sets.items():
            writer.writerows(
                [name, *(row[key] for key in ("file", "artist", "died", "title", "year"))] for row in of_set
            )
    print(_tables.table(["set", "paintings"], [[name, str(len(of_set))] for name, of_set in sets.items()]))


if __name__ == "__main__":
    main()
