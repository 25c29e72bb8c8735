"""Hole pixels with their near surroundings in one row of memory: a grid that takes no room where nothing is missing.

Every row of the picture keeps the pixels within `margin` rows and columns of a hole, as few contiguous stretches; the
stretches of all rows stand behind one another. Around a run of hole pixels each row from `margin` above it to `margin`
below is one stretch, so a kernel that knows where the run's first pixel and those above and below it are kept
(`around`) goes through contiguous memory. Pixels beyond the picture's edge are kept too, as zeros.

Coarser grids keep as well what interpolation to the finer one reads: see `in_cells`, and `hierarchy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MemoryShortError, Remedy
from restauro.numerics import runs
from restauro.numerics.kernel import inner, kernel, orderly_kernel
from restauro.numerics.pixels import strips
from restauro.numerics.vectors import LANES

_NONE = np.iinfo(np.int32).max
_MOST_PLACES = np.iinfo(np.int32).max
_GAPS = 128  # as many at most, among which the borders of threads' shares are chosen


@dataclass(frozen=True)
class SparseGrid:
    """Where hole pixels and their surroundings are kept.

    Attributes
    ----------
    shape
        Height and width of the picture, or of the part of it that is looked at.
    margin
        Pixels kept around hole pixels in rows and columns (Chebyshev distance).
    size
        Pixels kept, one more before them and `LANES` behind, so that what is beside any of them can be read, and
        vectors of them.
    row_start, start, stop
        Runs of hole pixels: those of row y are row_start[y] to row_start[y + 1]; first column, column after the last.
    around
        int32 [runs, 2 margin + 1]: where the pixels in the run's first column are kept, from `margin` rows above to
        `margin` rows below; around[:, margin] is the run itself.
    stretches
        int64 [rows, 2 or more], see `_Stretches`.
    """

    shape: tuple[int, int]
    margin: int
    size: int
    row_start: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    around: NDArray[np.int32]
    stretches: Stretches

    @classmethod
    def of(cls, hole: NDArray[np.bool_], margin: int = 1) -> SparseGrid:
        """Make the grid of a mask, bool [H, W].

        >>> SparseGrid.of(np.array([[False, True, False], [False, False, False]])).pixels
        1
        """
        return cls._made((hole.shape[0], hole.shape[1]), margin, *runs.find(np.ascontiguousarray(hole)), None)

    @classmethod
    def _made(
        cls,
        shape: tuple[int, int],
        margin: int,
        row_start: NDArray[np.int64],
        start: NDArray[np.int32],
        stop: NDArray[np.int32],
        finer: SparseGrid | None,
        cells: bool = False,
    ) -> SparseGrid:
        fine = (row_start[:1], start[:0], stop[:0]) if finer is None else (finer.row_start, finer.start, finer.stop)
        rows, first, last, kept, around, size = _laid_out(row_start, start, stop, margin, *fine, cells)
        check_places(size)
        stretches = Stretches(rows, first, last, kept)
        return cls(shape, margin, size, row_start, start, stop, around, stretches)

    def in_cells(self) -> SparseGrid:
        """Return the grid of cells of two rows and two columns, from the first on, that lie wholly in the hole."""
        height, width = self.shape
        row_start, start, stop = _whole_cells(self.row_start, self.start, self.stop, width)
        return self._made(((height + 1) // 2, (width + 1) // 2), self.margin, row_start, start, stop, self, cells=True)

    def with_margin(self, margin: int) -> SparseGrid:
        """Return the grid of the same hole pixels with another margin."""
        return self._made(self.shape, margin, self.row_start, self.start, self.stop, None)

    def grown(self, margin: int) -> SparseGrid:
        """Return a grid, with a margin of its own, of all pixels of the picture that this one keeps."""
        s = self.stretches
        rows = s.row_start[self.margin : self.margin + self.shape[0] + 1]
        kept = slice(int(rows[0]), int(rows[-1]))
        start, stop = np.maximum(s.start[kept], 0), np.minimum(s.stop[kept], np.int32(self.shape[1]))
        return self._made(self.shape, margin, rows - rows[0], start, stop, None)

    @cached_property
    def pixels(self) -> int:
        """Number of hole pixels."""
        return int((self.stop - self.start).sum(dtype=np.int64))

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Hole pixels of every run, int64 [runs]."""
        return (self.stop - self.start).astype(np.int64)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The row of every run, int64 [runs]."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.row_start))

    def kept_at(self, rows: NDArray[Any], columns: NDArray[Any], row: int = 0) -> NDArray[np.int64]:
        """Return where the pixels `row` rows below some others, given in row-major order, are kept."""
        s, lines = self.stretches, np.ascontiguousarray(rows, np.int64)
        return np.asarray(
            kept_at(lines, np.ascontiguousarray(columns, np.int32), row + self.margin, s.row_start, s.start, s.kept)
        )

    def empty(self, dtype: type | np.dtype[Any] = np.float64) -> NDArray[Any]:
        """Return zeros for every pixel kept, [size]."""
        return np.zeros(self.size, dtype)

    def load(
        self, image: NDArray[Any], unknown: float = 0, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return what is kept of an image [H, W, C], [C, size]; `unknown` at hole pixels and beyond the edge."""
        values = np.empty((image.shape[2], self.size)) if out is None else out
        values[:] = unknown
        s = self.stretches
        for top, strip in strips(image):
            _load(strip, self.margin, s.row_start[top:], s.start, s.stop, s.kept, values)
        _set(values, self.around, self.margin, self.start, self.stop, float(unknown))
        return values

    def hole_values(
        self, values: NDArray[np.float64], out: NDArray[Any], zero: NDArray[np.float64], unit: NDArray[np.float64]
    ) -> None:
        """Copy the hole pixels of `values`, [C, size], to `out`, [hole pixels, C], in row-major order.

        values are measured from `zero` in `unit`s, both [C].
        """
        _gather(values, self.around, self.margin, self.start, self.stop, zero, unit, out)


def check_places(size: int) -> None:
    """Raise MemoryShortError where pixels are kept in more places than tables count to."""
    if size > _MOST_PLACES:
        raise MemoryShortError(
            f"Holes that hang together, with what is kept around them, are {size} pixels, and there is room for "
            f"{_MOST_PLACES} at most",
            Remedy("method", "telea", "or coherence, which cut holes"),
        )


@dataclass(frozen=True)
class Stretches:
    """What is kept: stretches of pixels, row by row from `margin` rows above the picture to as many below.

    Attributes
    ----------
    row_start
        int64 [H + 2 margin + 1]: the stretches of row y are row_start[y + margin] to row_start[y + margin + 1].
    start, stop
        int32: first column, column after the last; from -margin to W + margin.
    kept
        int64: where the first pixel is kept; and, one more, the place after the last.
    """

    row_start: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    kept: NDArray[np.int64]


@kernel("i8[::1], i4[::1], i4[::1], i8, i8[::1], i4[::1], i4[::1], b1")
def _laid_out(
    row_start: Any, start: Any, stop: Any, margin: int, fine_row_start: Any, fine_start: Any, fine_stop: Any,
    cells: bool,
) -> Any:  # fmt: skip
    """Return the stretches of a grid, where they are kept, where runs and the rows around them are, and the size."""
    rows, first, last = stretches_around(row_start, start, stop, margin, fine_row_start, fine_start, fine_stop, cells)
    kept = kept_from(first, last)
    around = around_runs(row_of_runs(row_start), start, margin, rows, first, kept)
    return rows, first, last, kept, around, size_of(kept)


@kernel()
def stretches_around(
    row_start: Any, start: Any, stop: Any, margin: int, fine_row_start: Any, fine_start: Any, fine_stop: Any,
    cells: bool,
) -> Any:  # fmt: skip
    """Return the union of all runs grown by the margin, and of what interpolation to the finer runs reads.

    That is the nodes on either side of a pixel; with cells, the pixel's own and those around it.
    """
    height = row_start.shape[0] - 1
    fine_height = fine_row_start.shape[0] - 1
    beside = 1 if cells else 0
    lists = 2 * margin + 4 + 3 * beside
    at = np.empty(lists, np.int64)
    end = np.empty(lists, np.int64)
    room = (2 * margin + 1) * start.shape[0] + (3 + 3 * beside) * fine_start.shape[0]
    first = np.empty(room, np.int32)
    last = np.empty(room, np.int32)
    rows = np.empty(height + 2 * margin + 1, np.int64)
    found = 0
    for y in range(-margin, height + margin):
        rows[y + margin] = found
        for k in range(lists):
            fine = k > 2 * margin
            source = 2 * y - 1 - beside + k - (2 * margin + 1) if fine else y - margin + k
            inside = 0 <= source < (fine_height if fine else height)
            offsets = fine_row_start if fine else row_start
            at[k] = offsets[source] if inside else 0
            end[k] = offsets[source + 1] if inside else 0
        before = found
        while True:
            low = _NONE
            which = -1
            for k in range(lists):
                if at[k] < end[k]:
                    left = (fine_start[at[k]] >> 1) - beside if k > 2 * margin else start[at[k]] - margin
                    if left < low:
                        low = left
                        which = k
            if which < 0:
                break
            high = (fine_stop[at[which]] - 1 >> 1) + 2 if which > 2 * margin else stop[at[which]] + margin
            at[which] += 1
            if found > before and low <= last[found - 1]:
                last[found - 1] = max(last[found - 1], high)
            else:
                first[found] = low
                last[found] = high
                found += 1
    rows[height + 2 * margin] = found
    return rows, first[:found].copy(), last[:found].copy()


@kernel()
def kept_from(first: Any, last: Any) -> Any:
    """Return where stretches are kept, and the place after the last.

    Here and there is room between two: so much that of what is before it eight pixels may be written at once, from any
    on, while another thread writes what is behind.
    """
    kept = np.empty(first.shape[0] + 1, np.int64)
    kept[0] = 1  # one pixel is beside the first
    apart = 1 + first.shape[0] // _GAPS
    for k in range(first.shape[0]):
        kept[k + 1] = kept[k] + last[k] - first[k] + (LANES if k % apart == apart - 1 else 0)
    return kept


@inner
def size_of(kept: Any) -> Any:
    """Return how many places stretches take, and what is read beside them."""
    return kept[kept.shape[0] - 1] + LANES


@kernel()
def row_of_runs(row_start: Any) -> Any:
    """Return the row of every run."""
    rows = np.empty(row_start[row_start.shape[0] - 1], np.int64)
    for y in range(row_start.shape[0] - 1):
        rows[row_start[y] : row_start[y + 1]] = y
    return rows


@kernel()
def around_runs(rows: Any, start: Any, margin: int, row_start: Any, first: Any, kept: Any) -> Any:
    """Return where the pixels in each run's first column are kept, in the rows from `margin` above to `margin` below.

    rows, start: of the runs; row_start, first, kept: the stretches.
    """
    around = np.empty((rows.shape[0], 2 * margin + 1), np.int32)
    for row in range(2 * margin + 1):
        around[:, row] = kept_at(rows, start, row, row_start, first, kept)
    return around


@kernel("i8[::1], i4[::1], i4[::1], i8")
def _whole_cells(row_start: Any, start: Any, stop: Any, width: int) -> Any:
    """Return the runs of cells whose pixels, as far as there are any, are all hole."""
    height = row_start.shape[0] - 1
    rows = np.zeros((height + 1) // 2 + 1, np.int64)
    first = np.empty(start.shape[0], np.int32)
    last = np.empty(start.shape[0], np.int32)
    found = 0
    for y in range((height + 1) // 2):
        m = row_start[min(2 * y + 1, height - 1)]
        for k in range(row_start[2 * y], row_start[2 * y + 1]):
            while m < row_start[min(2 * y + 2, height)] and stop[m] <= start[k]:
                m += 1
            other = m
            while other < row_start[min(2 * y + 2, height)] and start[other] < stop[k]:
                low = max(start[k], start[other])
                high = min(stop[k], stop[other])
                left = low + 1 >> 1
                right = (high + 1 if high == width else high) >> 1
                if left < right:
                    first[found] = left
                    last[found] = right
                    found += 1
                other += 1
        rows[y + 1] = found
    return rows, first[:found].copy(), last[:found].copy()


@kernel("i8[::1], i4[::1], i8, i8[::1], i4[::1], i8[::1]")
def kept_at(rows: Any, columns: Any, row: int, row_start: Any, first: Any, kept: Any) -> Any:
    """Return where pixels are kept: those in the columns given, `row` rows below the rows given, in row-major order.

    row_start, first, kept: the stretches, row_start from the first row that is kept.
    """
    found = np.empty(rows.shape[0], np.int64)
    last_row = -1
    k = 0
    for run in range(rows.shape[0]):
        at = rows[run] + row
        if at != last_row or columns[run] < columns[run - 1]:  # several rows may ask for the same one
            k = row_start[at]
            last_row = at
        while k + 1 < row_start[at + 1] and first[k + 1] <= columns[run]:
            k += 1
        found[run] = kept[k] + columns[run] - first[k]
    return found


@kernel("T[:, :, :], i8, i8[::1], i4[::1], i4[::1], i8[::1], f8[:, ::1]", T="u1 u2 f4 f8")
def _load(image: Any, margin: int, rows: Any, first: Any, last: Any, kept: Any, values: Any) -> None:
    height, width = image.shape[0], image.shape[1]
    for y in range(height):
        for k in range(rows[y + margin], rows[y + margin + 1]):
            for c in range(values.shape[0]):
                for x in range(max(first[k], 0), min(last[k], width)):
                    values[c, kept[k] + x - first[k]] = image[y, x, c]


@kernel("f8[:, ::1], i4[:, ::1], i8, i4[::1], i4[::1], f8")
def _set(values: Any, around: Any, margin: int, start: Any, stop: Any, value: float) -> None:
    for run in range(start.shape[0]):
        begin = around[run, margin]
        values[:, begin : begin + stop[run] - start[run]] = value


@orderly_kernel("f8[:, ::1], i4[:, ::1], i8, i4[::1], i4[::1], f8[::1], f8[::1], T[:, :]", T="f4 f8")
def _gather(values: Any, around: Any, margin: int, start: Any, stop: Any, zero: Any, unit: Any, out: Any) -> None:
    n = 0
    for run in range(start.shape[0]):
        for j in range(stop[run] - start[run]):
            for c in range(values.shape[0]):
                out[n, c] = values[c, around[run, margin] + j] * unit[c] + zero[c]
            n += 1
