"""Sheets of pictures: damaged, mask, every way's fill and the original side by side, with crops of the worst holes."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import EvaluationError, WriteError
from restauro.files import images
from restauro.files.masks import make_folder
from restauro.files.replacing import check_free, replacing

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Box = tuple[slice, slice]  # rows and columns

CELL = 256  # side of a panel, pixels
LARGE = 2000  # pixels a side
ENDINGS = (".png", ".jpg", ".jpeg")
_GAP = 6
_LINE = 22  # height of a line of text, pixels
_MARKED = (225, 30, 140)  # the colour of a box around a place that is shown enlarged
_SHOWN = 0.25  # of a crop, that others may show too
_BLOCKS = 8  # blocks a side of a crop, in whose steps the worst places are looked for


@dataclass(frozen=True)
class Case:
    """A picture with its holes, and what every way made of them.

    Attributes
    ----------
    title
        What stands above it.
    damaged
        uint8 [H, W] or [H, W, 3].
    hole
        bool [H, W], True in at least one pixel.
    filled
        For each way's label the values of the hole pixels, uint8 [n] or [n, 3], as `restored[hole]` has them.
    truth
        The undamaged picture, where there is one.
    notes
        For each label, and for "damaged", "mask", "original", lines to stand under it.
    figures
        For each label, and for "damaged", what was measured: by the columns of `metrics.METRICS`, and "seconds".
    """

    title: str
    damaged: Pixels
    hole: Hole
    filled: Mapping[str, Pixels]
    truth: Pixels | None = None
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def heads(self) -> list[str]:
        """What stands side by side."""
        return ["damaged", "mask", *self.filled, *["original"] * (self.truth is not None)]

    def view(self, head: str, box: Box) -> Pixels:
        """Return one of `heads` within a box, uint8 [h, w, 3]."""
        hole = self.hole[box]
        if head == "mask":
            return np.repeat(hole[:, :, np.newaxis], 3, axis=2).astype(np.uint8) * 255
        whole = self.truth if head == "original" and self.truth is not None else self.damaged
        pixels = whole[box].reshape(*hole.shape, -1)
        if head in self.filled:
            before = np.count_nonzero(self.hole[: box[0].start])
            own = self.filled[head][before : before + np.count_nonzero(self.hole[box[0]])]
            rows, columns = np.nonzero(self.hole[box[0]])
            within = (columns >= box[1].start) & (columns < box[1].stop)
            pixels = pixels.copy()
            pixels[rows[within], columns[within] - box[1].start] = own.reshape(rows.size, -1)[within]
        return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def draw(cases: Sequence[Case], *, overview: bool = True, crops: int = 3, zoom: int | None = None) -> pyvips.Image:
    """Draw cases below one another, a column for damaged picture, mask, each way and the original.

    Parameters
    ----------
    cases
        All with the same ways, and either all with an original or none.
    overview
        Show whole pictures, reduced to `CELL` pixels or, small ones, enlarged by a whole number.
    crops
        How many places to show enlarged, the same of every way: where the holes are worst, which is where the ways err
        most with an original, else where most is hole. Pictures that a crop would show whole have none beside an
        overview.
    zoom
        How often a crop is enlarged, 1 to 16: it shows `CELL // zoom` pixels a side. By default twice; pictures of more
        than `LARGE` pixels a side, whose holes are wider, as they are.

    Returns
    -------
    An image of libvips, sRGB, 8 bits; `save` writes it.

    Raises
    ------
    EvaluationError
        There is nothing to show: no cases, neither overview nor crops; or the cases have different ways.

    Examples
    --------
    >>> hole = np.zeros((300, 300), bool)
    >>> hole[20:40, 30:90] = True
    >>> case = Case("ramp", np.full((300, 300), 90, np.uint8), hole, {"telea": np.full(1200, 90, np.uint8)})
    >>> draw([case], crops=1).width == 3 * CELL + 4 * _GAP
    True
    """
    if not cases or not (overview or crops):
        raise EvaluationError("A sheet needs pictures, and overviews or crops of them.")
    heads = cases[0].heads
    if any(case.heads != heads for case in cases):
        raise EvaluationError("All pictures of a sheet need the same ways, and an original each or none.")
    parts = [_strip([_text(head, bold=True) for head in heads])]
    for case in cases:
        parts.append(_text(case.title, len(heads) * (CELL + _GAP) - _GAP))
        parts += _parts(case, overview, crops, zoom)
    sheet = parts[0]
    for part in parts[1:]:
        sheet = sheet.join(part, "vertical", expand=True, background=255)
    return sheet.embed(_GAP, _GAP, sheet.width + 2 * _GAP, sheet.height + _GAP, extend="white")


def _parts(case: Case, overview: bool, crops: int, zoom: int | None) -> list[pyvips.Image]:
    """Return a case's strips: the overview, the lines under it, the crops; without an overview the lines last."""
    zoom = zoom or (1 if max(case.hole.shape) > LARGE else 2)
    side = CELL // zoom
    shown_whole = overview and max(case.hole.shape) <= side
    worst = [] if shown_whole else worst_crops(_badness(case), side, crops)
    under = [case.notes.get(head, ()) for head in case.heads]
    deepest = max(map(len, under))
    lines = [_strip([_text(words[k] if k < len(words) else "") for words in under]) for k in range(deepest)]
    enlarged = [_strip([_enlarged(case.view(head, box), zoom) for head in case.heads]) for box in worst]
    if not overview:
        return enlarged + lines
    whole = _strip([_overview(case, head, worst if head == "damaged" else []) for head in case.heads])
    return [whole, *lines, *enlarged]


def worst_crops(badness: NDArray[np.float32], side: int, count: int) -> list[Box]:
    """Return up to `count` boxes of `side` pixels that hold most of what is bad.

    At most a quarter of a box is shown by those before it, and each is chosen by what they don't show. They are found
    in steps of an eighth of the side. Where the picture is smaller than a box, the box is as wide or as high as the
    picture.

    >>> badness = np.zeros((100, 80), np.float32)
    >>> badness[70, 60] = 1
    >>> worst_crops(badness, 32, 3)
    [(slice(54, 86, None), slice(44, 76, None))]
    """
    step = max(1, side // _BLOCKS)
    left = badness.copy()
    blocks = _block_sums(left, step)
    shown = np.zeros(badness.shape, np.bool_)
    boxes: list[Box] = []
    while len(boxes) < count and blocks.any():
        sums = _window_sums(blocks, side // step)
        row, column = (int(index) * step for index in np.unravel_index(sums.argmax(), sums.shape))
        found = slice(row, row + side), slice(column, column + side)
        box = _centred(left, found, side)
        done = [found]
        if shown[box].mean() <= _SHOWN and left[box].any():
            boxes.append(box)
            shown[box] = True
            done.append(box)
        for rows, columns in done:
            left[rows, columns] = 0
            top, before = rows.start // step, columns.start // step
            below, after = -(-rows.stop // step), -(-columns.stop // step)
            rest = left[top * step : below * step, before * step : after * step]
            blocks[top:below, before:after] = _block_sums(rest, step)
    return boxes


def _block_sums(badness: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return the sums of squares of `step` pixels, the last ones being as large as there is room."""
    for axis in (0, 1):
        badness = np.add.reduceat(badness, np.arange(0, badness.shape[axis], step), axis=axis)
    return badness


def _centred(badness: NDArray[np.float32], box: Box, side: int) -> Box:
    """Return a box moved so that what is bad in it is in its middle, as far as the picture goes."""
    within = badness[box].astype(np.float64)
    moved = []
    for axis, part in enumerate(box):
        along = within.sum(axis=1 - axis)
        middle = part.start + (along @ np.arange(along.size)) / along.sum()
        length = badness.shape[axis]
        start = int(np.clip(np.floor(middle + 0.5 - side / 2), 0, max(length - side, 0)))
        moved.append(slice(start, start + min(side, length)))
    return moved[0], moved[1]


def save(sheet: pyvips.Image, path: Path, *, overwrite: bool = False, sources: Iterable[Path] = ()) -> None:
    """Write a sheet as PNG or JPEG, by the ending, under another name first; its folder is made if it is missing.

    sources: files that are seen in it; see `replacing`.

    Raises
    ------
    WriteError
        See `check_target`, and what the system has against it.
    """
    check_target(path, overwrite=overwrite)
    make_folder(path.parent)
    with replacing(path, "The sheet", sources=sources) as temporary:
        if path.suffix.lower() == ".png":
            sheet.pngsave(str(temporary), keep="none")
        else:
            sheet.jpegsave(str(temporary), Q=90, keep="none", subsample_mode="off")


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise WriteError where a sheet can't be put, or would replace what isn't to be replaced."""
    if path.suffix.lower() not in ENDINGS:
        raise WriteError(
            f"A sheet is a PNG or a JPEG, so {path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
        )
    check_free(path, "The sheet", overwrite=overwrite)


def _badness(case: Case) -> NDArray[np.float32]:
    """Return the squared error of the ways' mean where the original is known, else 1 in holes, float32 [H, W]."""
    bad = case.hole.astype(np.float32)
    if case.truth is not None and case.filled:
        truth = case.truth[case.hole].astype(np.float32).reshape(np.count_nonzero(case.hole), -1)
        errors = np.zeros(len(truth), np.float32)
        for values in case.filled.values():
            errors += np.square(values.reshape(truth.shape) - truth).mean(axis=1)
        if errors.any():
            bad[case.hole] = errors
    return bad


def _window_sums(blocks: NDArray[np.float32], reach: int) -> NDArray[np.float64]:
    """Return the sums of `reach` x `reach` blocks, or of as many as there are."""
    sums = blocks.astype(np.float64)
    for axis in (0, 1):
        total = np.insert(np.cumsum(sums, axis=axis), 0, 0, axis=axis)
        wide = min(reach, sums.shape[axis])
        sums = np.take(total, range(wide, total.shape[axis]), axis) - np.take(
            total, range(total.shape[axis] - wide), axis
        )
    return sums


def _overview(case: Case, head: str, marked: Sequence[Box]) -> pyvips.Image:
    """Return a whole picture as a panel, with boxes around places."""
    height, width = case.hole.shape
    pixels = case.view(head, (slice(0, height), slice(0, width)))
    if max(height, width) <= CELL:
        times = CELL // max(height, width)
        panel, scale = _image(pixels).zoom(times, times), float(times)
    else:
        scale = CELL / max(height, width)
        panel = _image(pixels).thumbnail_image(CELL, height=CELL)
    for rows, columns in marked:
        outline = [round(scale * value) for value in (columns.start, rows.start, columns.stop - columns.start,
                                                    rows.stop - rows.start)]  # fmt: skip
        panel = panel.draw_rect(_MARKED, *outline)
    return _in_cell(panel)


def _enlarged(pixels: Pixels, times: int) -> pyvips.Image:
    """Return a crop as a panel, every pixel a square."""
    return _in_cell(_image(pixels).zoom(times, times))


def _in_cell(panel: pyvips.Image) -> pyvips.Image:
    return panel.embed(0, 0, CELL, panel.height + _GAP, extend="white")


def _image(pixels: Pixels) -> pyvips.Image:
    return images.image_of(np.ascontiguousarray(pixels), is_cmyk=False)


def _text(words: str, width: int = CELL, *, bold: bool = False) -> pyvips.Image:
    """Return a line of text in black on white; one that is too long is made smaller."""
    if not words:
        return pyvips.Image.black(width, _LINE, bands=3).invert().copy(interpretation="srgb")
    font = f"sans {'bold ' * bold}10"
    written, with_bar = (
        pyvips.Image.text(html.escape(text, quote=False), font=font, dpi=96).invert() for text in (words, f"|{words}")
    )
    # libvips cuts a text to its ink; a bar before it makes all lines as high, so that they stand on one line.
    bar = with_bar.width - written.width
    written = with_bar.crop(bar, 0, written.width, with_bar.height)
    if written.width > width:
        written = written.resize(width / written.width)
    return written.embed(0, 3, width, _LINE, extend="white").colourspace("srgb")


def _strip(panels: Sequence[pyvips.Image]) -> pyvips.Image:
    """Return panels side by side."""
    height = max(panel.height for panel in panels)
    even = [panel.embed(0, 0, panel.width, height, extend="white") for panel in panels]
    return pyvips.Image.arrayjoin(even, across=len(even), shim=_GAP, background=255)
