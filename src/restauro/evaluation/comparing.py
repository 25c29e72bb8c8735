"""One picture filled by several ways, for a sheet: from files to a `sheets.Case`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.errors import DataError, ImageError, MaskError, ReadError, checked_path
from restauro.evaluation.metrics import LEAST_SIDE, METRICS, measure, psnr
from restauro.evaluation.references import Way, labels_of
from restauro.evaluation.sheets import Case
from restauro.evaluation.timing import timed_fill
from restauro.files.reading import read_picture
from restauro.mask import check_amount
from restauro.mask_files import files_of_stem
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen
from restauro.picture_mask import is_file, read_mask
from restauro.unknown import unknown_beside
from restauro.viewing import view

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]

_CHEAP = 5_000_000  # pixels up to which SSIM takes no more than some seconds


def compare_file(
    source: str | os.PathLike[str],
    ways: Sequence[Way],
    *,
    mask: str | os.PathLike[str],
    polarity: str = "white",
    accept_large_holes: bool = False,
    truth: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> Case:
    """Fill a picture's holes every way; measure time and, where there is an original, how near each comes to it.

    Parameters
    ----------
    source
        Picture file. It is compared in 8 bits and sRGB; see `restauro.viewing`.
    ways
        Of `references.make_way`.
    mask, polarity
        See `restauro.read_mask`.
    accept_large_holes
        Don't take a mask of more than 60 % hole for an inverted one.
    truth
        The undamaged picture, as large as the damaged one.
    workers
        Threads, by default all cores.
    progress
        Called with the fraction of ways done.

    Raises
    ------
    RestauroError
        A file can't be read, sizes differ, there is no hole, nothing but hole, or a way failed.
    """
    threads = checked_workers(workers)
    source, truth = checked_path(source, "The picture"), None if truth is None else checked_path(truth, "The original")
    picture = _read(source, "The picture")
    stored = read_mask(mask, picture, polarity=polarity).hole
    if unknown_beside(picture, stored)[0] is not None:
        raise ImageError(
            f"{source} has pixels that hold no value and aren't marked, and other libraries would read them: mark them."
        )
    damaged = np.ascontiguousarray(view(picture, stored))
    hole = np.ascontiguousarray(as_seen(stored, picture.orientation))
    if not hole.any():
        raise MaskError(f"The mask of {source} has no hole, so there is nothing to compare.")
    of_file = is_file(mask)
    try:
        check_amount(hole.mean(), polarity if of_file else None, accept_large_holes=accept_large_holes)
    except MaskError as error:
        raise error.of(str(source)) from None
    original = None if truth is None else _original(truth, damaged)
    filled: dict[str, Pixels] = {}
    figures: dict[str, dict[str, float]] = {}
    labels = labels_of(way.name for way in ways)
    for number, way in enumerate(ways):
        values, seconds = _fill(way, damaged, hole, threads)
        head = labels[way.name]
        filled[head] = values
        figures[head] = {} if original is None else _figures(original, damaged, hole, values)
        figures[head]["seconds"] = seconds
        if progress is not None:
            progress((number + 1) / len(ways))
    if original is not None:
        figures["damaged"] = _figures(original, damaged, hole, damaged[hole])
    notes = {head: [_text(*figure) for figure in found.items()] for head, found in figures.items()}
    notes["mask"] = [f"{100 * hole.mean():.1f} % hole"]
    return Case(source.name, damaged, hole, filled, original, notes, figures)


def find_original(folder: Path, picture: Path) -> Path:
    """Return the file in a folder that has a picture's name, or its name with another ending.

    Raises
    ------
    DataError
        There is none, or several, or the folder can't be read.
    """
    try:
        found = files_of_stem(folder, picture.stem)
    except OSError as error:
        raise DataError(f"The folder of originals {folder} can't be read ({error.strerror}).") from None
    same = [path for path in found if path.name == picture.name]
    if len(same or found) == 1:
        return (same or found)[0]
    there = " and ".join(path.name for path in found) if found else "none"
    raise DataError(f"One original of {picture.name} is wanted in {folder}, and there is {there}.")


def _read(path: Path, what: str) -> Picture:
    try:
        return read_picture(path)
    except ReadError as error:
        raise error.of(f"{what} {path}") from None


def _original(truth: Path, damaged: Pixels) -> Pixels:
    original = np.ascontiguousarray(view(_read(truth, "The original")))
    if original.shape[:2] != damaged.shape[:2]:
        raise DataError(
            f"The original {truth} is {original.shape[1]} x {original.shape[0]} pixels and the damaged picture "
            f"{damaged.shape[1]} x {damaged.shape[0]}: they must be one picture, before and after."
        )
    if original.ndim != damaged.ndim:
        raise DataError(f"One of the original {truth} and the damaged picture is grey, the other isn't: convert one.")
    return original


def _fill(way: Way, damaged: Pixels, hole: Hole, workers: int) -> tuple[Pixels, float]:
    """Return the values of the hole pixels, and the seconds of filling."""
    filled, seconds = timed_fill(way, damaged, hole, workers, set(), time.perf_counter)
    return filled[hole], seconds


def _figures(truth: Pixels, damaged: Pixels, hole: Hole, values: Pixels) -> dict[str, float]:
    """Return PSNR of the whole picture, the error in its holes and, where it is cheap, SSIM, by their columns."""
    restored = damaged.copy()
    restored[hole] = values
    if hole.size <= _CHEAP and min(hole.shape) >= LEAST_SIDE:
        found = measure(truth, restored, hole)
        return {"psnr": found.psnr, "rmse_hole": found.rmse_hole, "ssim": found.ssim}
    squares = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(truth, restored, strict=True))
    in_hole = np.square(truth[hole].astype(np.float64) - values).mean()
    return {"psnr": psnr(squares / truth.size), "rmse_hole": float(np.sqrt(in_hole))}


def _text(column: str, value: float) -> str:
    return f"{value:.2f} s" if column == "seconds" else METRICS[column].text(value)
