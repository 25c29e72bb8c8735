"""One picture filled by several ways, for a sheet: from files to a `sheets.Case`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.errors import DataError, ImageError, MaskError, ReadError
from restauro.evaluation.metrics import LEAST_SIDE, measure, psnr
from restauro.evaluation.references import Way, labels_of
from restauro.evaluation.sheets import Case
from restauro.evaluation.timing import timed_fill
from restauro.mask import full_scale
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen, read_picture
from restauro.picture_mask import files_of_stem, read_mask

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]

_CHEAP = 5_000_000  # pixels up to which SSIM takes no more than some seconds


def compare_file(
    source: Path,
    ways: Sequence[Way],
    *,
    mask: str | Path,
    polarity: str = "white",
    truth: Path | None = None,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> Case:
    """Fill a picture's holes every way; measure time and, where there is an original, how near each comes to it.

    Parameters
    ----------
    source
        Picture file, grey or RGB. 16-bit and float pictures are compared in 8 bits.
    ways
        Of `references.make_way`.
    mask, polarity
        See `restauro.read_mask`.
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
    picture = _read(source, "The picture")
    damaged = seen_in_bytes(picture)
    hole = np.ascontiguousarray(as_seen(read_mask(mask, picture, polarity=polarity).hole, picture.orientation))
    if not hole.any():
        raise MaskError(f"The mask of {source} has no hole, so there is nothing to compare.")
    if hole.all():
        raise MaskError(f"All of {source} is hole, so there is nothing to fill it from: see if the mask is inverted.")
    original = None if truth is None else _original(truth, damaged)
    filled: dict[str, Pixels] = {}
    notes: dict[str, Sequence[str]] = {"mask": [f"{100 * hole.mean():.1f} % hole"]}
    labels = labels_of(way.name for way in ways)
    for number, way in enumerate(ways):
        values, seconds = _fill(way, damaged, hole, threads)
        head = labels[way.name]
        filled[head] = values
        figures = [] if original is None else _figures(original, damaged, hole, values)
        notes[head] = [*figures, f"{seconds:.2f} s"]
        if progress is not None:
            progress((number + 1) / len(ways))
    if original is not None:
        notes["damaged"] = _figures(original, damaged, hole, damaged[hole])
    return Case(source.name, damaged, hole, filled, original, notes)


def seen_in_bytes(picture: Picture) -> Pixels:
    """Return a picture as people see it, uint8 [H, W] or [H, W, 3], without its transparency.

    Raises
    ------
    ImageError
        It is neither grey nor RGB.
    """
    pixels = np.atleast_3d(as_seen(picture.pixels, picture.orientation))
    pixels = pixels[:, :, :-1] if picture.has_alpha else pixels
    if pixels.shape[2] not in (1, 3) or picture.is_cmyk or pixels.dtype.kind == "i":
        raise ImageError(
            f"{picture.path} has {pixels.shape[2]} bands of {pixels.dtype}: convert it to grey or RGB to compare it."
        )
    if pixels.dtype != np.uint8:
        full = full_scale(pixels.dtype)
        with np.errstate(invalid="ignore"):  # NaN, which stands in holes only
            scaled = np.rint(np.clip(np.nan_to_num(pixels.astype(np.float32) / np.float32(full)), 0, 1) * 255)
        pixels = scaled.astype(np.uint8)
    result: Pixels = np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return result


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
        raise ReadError(f"{what} {path}: {error}") from None


def _original(truth: Path, damaged: Pixels) -> Pixels:
    original = seen_in_bytes(_read(truth, "The original"))
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


def _figures(truth: Pixels, damaged: Pixels, hole: Hole, values: Pixels) -> list[str]:
    """Return PSNR of the whole picture, the error in its holes and, where it is cheap, SSIM, a line each."""
    restored = damaged.copy()
    restored[hole] = values
    if hole.size <= _CHEAP and min(hole.shape) >= LEAST_SIDE:
        found = measure(truth, restored, hole)
        return [f"PSNR {found.psnr:.2f} dB", f"RMSE in holes {found.rmse_hole:.1f}", f"SSIM {found.ssim:.4f}"]
    squares = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(truth, restored, strict=True))
    in_hole = np.square(truth[hole].astype(np.float64) - values).mean()
    return [f"PSNR {psnr(squares / truth.size):.2f} dB", f"RMSE in holes {np.sqrt(in_hole):.1f}"]
