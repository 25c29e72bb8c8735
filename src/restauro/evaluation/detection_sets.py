"""How well `restauro detect` finds damage that people have marked: a folder of pictures with masks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import provenance
from restauro.datasets import FilePictures, picture_paths
from restauro.errors import DataError, MaskError
from restauro.evaluation import statistics
from restauro.evaluation.protocol import MaskReading
from restauro.evaluation.tables import table
from restauro.ledger import FORMAT, Results, Row, write_csv, write_text
from restauro.mask_files import find_mask
from restauro.numerics.threads import checked_workers
from restauro.provenance import machine

COLUMNS = ("picture", "kind", "precision", "recall", "f1", "iou", "marked", "truth", "seconds", "width", "height")
_FIGURES = {"precision": "precision", "recall": "recall", "f1": "F1", "iou": "intersection over union"}
_FOLDERS = ("pictures", "masks")


def find_pairs(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return pictures and their masks by name.

    The masks lie beside the pictures and are called `<name>_mask`, or are of the same stem with another ending (a PNG
    beside a JPEG, for instance); or there are two folders, `pictures` and `masks`, with files of the same stems.

    Raises
    ------
    DataError
        There is no such folder, no picture in it, or one without a mask.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: name one with pictures and masks of the same stem.")
    apart = all((folder / name).is_dir() for name in _FOLDERS)
    paths = picture_paths(folder / _FOLDERS[0] if apart else folder)
    pairs: dict[str, tuple[Path, Path]] = {}
    for path in paths:
        if not apart and _is_mask(path, paths):
            continue
        try:
            mask = find_mask(folder / _FOLDERS[1] if apart else path.parent, path)
        except MaskError as error:
            raise DataError(f"{path}: {error}") from None
        pairs[path.with_suffix("").relative_to(folder).as_posix()] = path, mask
    if not pairs:
        raise DataError(f"There are no pictures in {folder}: it takes pictures with masks of the same stem.")
    return pairs


def _is_mask(path: Path, paths: list[Path]) -> bool:
    """Say whether a file is another's mask: `<stem>_mask`, or a PNG of the same stem as another format's picture."""
    stems = {other.with_suffix("") for other in paths if other != path}
    if path.stem.endswith("_mask") and path.with_name(path.stem.removesuffix("_mask")) in stems:
        return True
    return path.suffix.lower() == ".png" and path.with_suffix("") in stems


def run(
    folder: Path,
    kind: str,
    out: Path,
    reading: MaskReading,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    overwrite: bool = False,
) -> Path:
    """Detect damage in every picture of a folder, compare it with the masks, and return the file of the table.

    Rows are kept as they come, and a run that was cut off goes on. `detection.csv` has a row for each picture:
    precision, recall and F1 within 2 pixels, intersection over union to the pixel (see `evaluation.detection.score`),
    the shares of the picture that were marked and are damage; `table.md` has the means with their 95 % intervals.
    Masks are cut and grown as `restauro restore` does.

    Raises
    ------
    DataError, EvaluationError
        See `find_pairs` and `ledger.Results`.
    """
    checked_workers(workers)
    pairs = find_pairs(folder)
    settings: dict[str, Any] = {
        "format": FORMAT,
        "detection": kind,
        "restauro": machine()["restauro"],
        "pictures": {name: provenance.digest_of_file(picture) for name, (picture, _) in pairs.items()},
        "masks": {name: provenance.digest_of_file(mask) for name, (_, mask) in pairs.items()},
        "polarity": reading.polarity,
    }
    results = Results(out, settings, ("picture",), outputs=("detection.csv", "table.md"), overwrite=overwrite)
    try:
        for done, (name, (picture, mask)) in enumerate(pairs.items()):
            if (name,) not in results.rows:
                results.add([_row(name, picture, reading.hole_of(mask), kind, workers)])
            if progress:
                progress(done + 1, len(pairs))
    finally:
        results.close()
    rows = [results.rows[(name,)] for name in pairs]
    write_csv(out / "detection.csv", rows, COLUMNS)
    write_text(out / "table.md", _report(rows, kind))
    return out / "table.md"


def _row(name: str, path: Path, truth: NDArray[np.bool_], kind: str, workers: int | None) -> Row:
    from restauro.detection.detecting import detect
    from restauro.evaluation.detection import score

    picture = FilePictures([(path, path.name, None, 0)], "").read(0)
    if truth.shape != picture.shape[:2]:
        sizes = [f"{shape[1]} x {shape[0]}" for shape in (picture.shape, truth.shape)]
        raise DataError(f"The picture {path} is {sizes[0]} pixels, its mask {sizes[1]}: they must be of one size.")
    began = time.perf_counter()
    found = detect(picture, kind, workers=workers)
    seconds = time.perf_counter() - began
    row: Row = {"picture": name, "kind": kind, **dataclasses.asdict(score(found, truth))}
    shares = {"marked": float(np.mean(found)), "truth": float(truth.mean())}
    return row | shares | {"seconds": seconds, "width": truth.shape[1], "height": truth.shape[0]}


def _report(rows: list[Row], kind: str) -> str:
    lines = [
        [row["picture"], *(f"{row[name]:.3f}" for name in _FIGURES), f"{row['marked']:.2%}", f"{row['truth']:.2%}"]
        for row in rows
    ]
    means = [statistics.mean([row[name] for row in rows]).text(3) for name in _FIGURES]
    shares = [f"{np.mean([row[name] for row in rows]):.2%}" for name in ("marked", "truth")]
    return (
        f"# Detection of {kind}\n\n{len(rows)} pictures. Precision: marked pixels within 2 pixels of the truth. "
        "Recall: true pixels within 2 pixels of a mark. Intersection over union: to the pixel. Means with 95 % "
        "intervals (bootstrap over pictures).\n\n"
        + table(["picture", *_FIGURES.values(), "marked", "damage"], [*lines, ["mean", *means, *shares]])
        + "\n"
    )
