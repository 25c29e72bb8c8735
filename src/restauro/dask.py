"""`restauro.dask.inpaint`: pictures as Dask arrays, larger than memory, filled by windows with the bits of the whole.

The windows are those that `restauro.inpaint` would fill, planned from the mask alone; each becomes a task that gathers
its part of the picture from the chunks, and each chunk of the result takes from them what is its own.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.arrays import checked_image, not_finite
from restauro.errors import ImageError, ImageTypeError, MaskError, MethodError, ParameterError, Remedy
from restauro.filling import Holed, fill
from restauro.holes import Box, Holes, find_holes, joined
from restauro.inpainting import check_seed
from restauro.mask import marked
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.methods.heal import Heal
from restauro.windows import SIZES, Part, Sizes, Window, plan_windows

MOST_PIXELS = 1 << 27  # of the box around holes that hang together


def inpaint(
    image: Any,
    mask: Any,
    method: str | Method = DEFAULT_METHOD,
    *,
    unknown: Any = None,
    seed: int = 0,
    most_pixels: int = MOST_PIXELS,
    **parameters: Any,
) -> Any:
    """Fill the holes of a picture that is a Dask array; each value is bit for bit what `restauro.inpaint` gives.

    The mask is read once, now, in strips as high as its chunks, and kept as runs: 16 bytes each. So is an image of
    floats, for values that aren't finite. The image is read as the result is, each chunk with what the holes near it
    need of its neighbours: memory follows the chunks and the largest window. Threads come from Dask, a window to each.

    Methods that may cut holes (telea, coherence) get tiles of 512 pixels with surroundings. All others get holes
    whole, gathered across chunks in one window with all that hang together: what the method takes for hole pixels, most
    in thin cracks (`Method.memory`), and the picture's pixels in the box around them.

    Parameters
    ----------
    image
        dask.array.Array [H, W] or [H, W, C], of a dtype that `restauro.inpaint` takes. Any chunks: those along the
        bands are joined.
    mask, unknown
        [H, W], Dask or NumPy arrays; see `restauro.inpaint`.
    method, seed, **parameters
        See `restauro.inpaint`. Methods that heal or correct are for `restauro.inpaint`, as is network with floats.
    most_pixels
        Pixels that a window may have.

    Returns
    -------
    dask.array.Array of the image's shape, dtype (in this machine's byte order) and chunks.

    Raises
    ------
    ParameterError
        Dask isn't installed.
    MaskError
        The mask doesn't fit, or holes that hang together need a window of more than `most_pixels`.
    RestauroError
        What `restauro.inpaint` raises.

    Examples
    --------
    >>> import dask.array as da
    >>> image = da.full((600, 800, 3), 200, dtype=np.uint8, chunks=(256, 256, 3))
    >>> mask = np.zeros((600, 800), bool)
    >>> mask[250:262, 100:700] = True
    >>> restored = inpaint(da.where(mask[:, :, np.newaxis], np.uint8(0), image), mask, "telea", radius=3)
    >>> int(restored.min().compute()), restored.chunks[0]
    (200, (256, 256, 88))
    """
    try:
        import dask.array as da
        from dask import delayed
    except ImportError:
        raise ParameterError("Arrays of Dask need it: pip install 'restauro[cluster]'") from None
    chosen = make_method(method, parameters)
    check_seed(seed)
    _check(image, chosen)
    image = image if image.dtype.isnative else image.astype(image.dtype.newbyteorder("="))  # kernels know no other
    whole = image.rechunk({2: -1}) if image.ndim == 3 else image
    part, others = _planned(whole, mask, unknown, chosen)
    if not part.holes.pixels:
        return image
    windows = _windows(part, others, most_pixels, image)
    chunks = whole.to_delayed(optimize_graph=False)
    chunks = chunks[:, :, 0] if image.ndim == 3 else chunks
    edges = [np.cumsum((0, *sizes)) for sizes in whole.chunks[:2]]
    patches: dict[tuple[int, int], list[Any]] = {}
    fill_window, put_together = delayed(_filled, pure=False), delayed(_put_together, pure=False)
    for window in windows:
        box = window.box
        gathered = [(_corner(edges, at), chunks[at]) for at in _touched(edges, box)]
        patch = fill_window(box, [corner for corner, _ in gathered], [chunk for _, chunk in gathered], window, seed)
        for at in _touched(edges, window.core):
            patches.setdefault(at, []).append(patch)
    rows = []
    for row in range(chunks.shape[0]):
        line = []
        for column in range(chunks.shape[1]):
            at = (row, column)
            shape = (whole.chunks[0][row], whole.chunks[1][column], *image.shape[2:])
            chunk = put_together(chunks[at], _corner(edges, at), patches[at]) if at in patches else chunks[at]
            line.append(da.from_delayed(chunk, shape, image.dtype, meta=image._meta))
        rows.append(da.concatenate(line, axis=1))
    return da.concatenate(rows, axis=0)


@dataclass(frozen=True)
class _Runs:
    """Some of a picture's holes, to be sent: `rows`, `start`, `stop` of each run."""

    shape: tuple[int, int]
    rows: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]

    def as_holes(self) -> Holes:
        """Return them as holes of the whole picture."""
        counts = np.bincount(self.rows, minlength=self.shape[0])
        pixels = int((self.stop - self.start).sum(dtype=np.int64))
        return Holes(self.shape, np.append(0, np.cumsum(counts)), self.start, self.stop, pixels)


@dataclass(frozen=True)
class _Sent:
    """A window, with no more of the picture's holes than it sees."""

    box: Box
    core: Box
    depth: float
    pixels: int
    method: Method
    holes: _Runs
    unknown: _Runs | None
    own: NDArray[np.int64] | None
    alone: bool

    @classmethod
    def of(cls, window: Window) -> _Sent:
        """Take what a window needs."""
        part = window.part
        seen, kept = _seen(part.holes, window.box)
        own = None if window.own is None else np.searchsorted(kept, np.sort(window.own))
        unknown = None if part.holes is window.unknown else _seen(window.unknown, window.box)[0]
        return cls(window.box, window.core, window.depth, window.pixels, part.method, seen, unknown, own, window.alone)

    def as_window(self) -> Window:
        """Return the window."""
        holes = self.holes.as_holes()
        unknown = holes if self.unknown is None else self.unknown.as_holes()
        part = Part(holes, self.method)
        return Window(self.box, self.core, self.depth, self.pixels, part, unknown, self.own, self.alone)


def _seen(holes: Holes, box: Box) -> tuple[_Runs, NDArray[np.int64]]:
    """Return the runs that lie in a box, and which of all they are."""
    first, last = int(holes.row_start[box[0]]), int(holes.row_start[box[1]])
    start, stop = holes.start[first:last], holes.stop[first:last]
    within = (stop > box[2]) & (start < box[3])
    rows = np.repeat(np.arange(box[0], box[1]), np.diff(holes.row_start[box[0] : box[1] + 1]))
    return _Runs(holes.shape, rows[within], start[within], stop[within]), first + np.flatnonzero(within)


class _Placed:
    """A part of a picture, sliced by rows and columns of the whole."""

    def __init__(self, pixels: NDArray[Any], box: Box) -> None:
        self.pixels, self.box, self.dtype = pixels, box, pixels.dtype

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[Any]:
        top, left = self.box[0], self.box[2]
        rows, columns = (slice(one.start - off, one.stop - off) for one, off in zip(place, (top, left), strict=True))
        return self.pixels[rows, columns]


@dataclass(frozen=True)
class _OneWindow(Holed):
    """A part of a picture with one window, which has been planned."""

    window: Window | None = None

    def windows(self, stage: int, sizes: Sizes) -> list[Window]:
        """Return the window."""
        return [self.window] if self.window and not stage else []


def _check(image: Any, method: Method) -> None:
    """Raise for what no Dask array can be filled by, or is none."""
    import dask.array as da

    if not isinstance(image, da.Array):
        raise ImageTypeError(
            f"The image is given as a Dask array, not as {type(image).__name__}: use restauro.inpaint, or "
            "dask.array.from_array(image)."
        )
    if image.ndim not in (2, 3) or not image.size:
        raise ImageError(f"The image has shape {image.shape}; it must be [H, W] or [H, W, C].")
    if math.isnan(sum(image.shape)):
        raise ImageError("The image's chunks have sizes that aren't known: call image.compute_chunk_sizes() first.")
    checked_image(np.empty((1, 1), image.dtype))
    if isinstance(method, Heal) or method.nature == "corrects":
        raise MethodError(f"Method {method.name} is for pictures in memory: use restauro.inpaint.")
    if method.own_threads and image.dtype.kind == "f":
        raise MethodError(
            f"Method {method.name} needs the range of all floats of a picture: convert it to 16 bits, or use "
            "restauro.inpaint."
        )


def _planned(image: Any, mask: Any, unknown: Any, method: Method) -> tuple[Part, Holes | None]:
    """Read the mask, and of floats what isn't finite; return the holes, and what is unknown beside."""
    shape = image.shape[:2]
    holes, others, stray = [], [], 0
    for top, bottom in _strips(image.chunks[0]):
        hole = _strip(mask, top, bottom, shape, "mask")
        beside = None if unknown is None else _strip(unknown, top, bottom, shape, "mask of unknown pixels") & ~hole
        if image.dtype.kind == "f":
            known = hole if beside is None else hole | beside
            found = not_finite(np.asarray(image[top:bottom].compute()), known)
            if found is not None:
                stray += int(np.count_nonzero(found))
                beside = found if beside is None else beside | found
        holes.append(find_holes(hole))
        others.append(None if beside is None else find_holes(beside))
    part, left = Part(_stacked(holes), method), [some for some in others if some is not None]
    if stray:
        warnings.warn(
            f"{stray} pixels outside the mask are NaN or infinite: they aren't read, and stay as they are. Mark them "
            "in mask to have them filled, or in unknown to say that this is meant.",
            stacklevel=3,
        )
    beside_all = None
    if left:
        none = (np.zeros(0, np.int32), np.zeros(0, np.int32), 0)
        beside_all = _stacked(
            [
                Holes(hole.shape, np.zeros(hole.shape[0] + 1, np.int64), *none) if some is None else some
                for some, hole in zip(others, holes, strict=True)
            ]
        )
    known = math.prod(shape) - part.holes.pixels - (beside_all.pixels if beside_all else 0)
    if part.holes.pixels and not known:
        raise MaskError(
            "All pixels are hole or unknown, so there is no known pixel to fill from: if the mask marks what is "
            "intact, invert it."
        )
    return part, beside_all if beside_all and beside_all.pixels else None


def _strips(heights: Sequence[int]) -> Iterator[tuple[int, int]]:
    edges = np.cumsum((0, *heights)).tolist()
    return itertools.pairwise(edges)


def _strip(mask: Any, top: int, bottom: int, shape: tuple[int, int], what: str) -> NDArray[np.bool_]:
    """Return some rows of a mask."""
    if tuple(getattr(mask, "shape", ())) not in (shape, (*shape, 1)):
        raise MaskError(f"The {what} has the shape {getattr(mask, 'shape', None)}, and the image is {shape}.")
    rows = mask[top:bottom]
    rows = rows.compute() if hasattr(rows, "compute") else rows
    return marked(np.asarray(rows), (bottom - top, shape[1]), what)


def _stacked(strips: Sequence[Holes]) -> Holes:
    """Return the holes of strips that lie one below the other."""
    counts = np.concatenate([np.diff(strip.row_start) for strip in strips])
    start, stop = (np.concatenate([getattr(strip, name) for strip in strips]) for name in ("start", "stop"))
    shape = (len(counts), strips[0].shape[1])
    return Holes(shape, np.append(0, np.cumsum(counts)), start, stop, sum(strip.pixels for strip in strips))


def _windows(part: Part, others: Holes | None, most_pixels: int, image: Any) -> list[_Sent]:
    """Plan the windows as `restauro.inpaint` does; MaskError where one would be too large."""
    windows = plan_windows(part, part.holes if others is None else joined([part.holes, others]), SIZES)
    largest = max(windows, key=lambda window: window.area)
    if largest.area > most_pixels:
        top, bottom, left, right = largest.box
        pixel = image.dtype.itemsize * math.prod(image.shape[2:])
        needed = largest.area * (pixel + 4) + part.method.memory.without_files * largest.memory
        raise MaskError(
            f"Holes that hang together reach over {bottom - top} x {right - left} pixels (rows {top} to {bottom - 1}, "
            f"columns {left} to {right - 1}), and {part.method.name} would fill them in one window, for which it needs "
            f"some {needed / 1e9:.1f} GB",
            "use telea or coherence, which cut holes",
            Remedy("most_pixels", largest.area, "if there is memory for it"),
        )
    return [_Sent.of(window) for window in windows]


def _touched(edges: Sequence[NDArray[np.int64]], box: Box) -> list[tuple[int, int]]:
    """Return which chunks a box touches."""
    spans = [
        range(int(np.searchsorted(edge, low, "right")) - 1, int(np.searchsorted(edge, high, "left")))
        for edge, low, high in zip(edges, box[::2], box[1::2], strict=True)
    ]
    return [(row, column) for row in spans[0] for column in spans[1]]


def _corner(edges: Sequence[NDArray[np.int64]], at: tuple[int, int]) -> tuple[int, int]:
    return int(edges[0][at[0]]), int(edges[1][at[1]])


_Patch = tuple[Box, NDArray[np.bool_], NDArray[Any]]  # a core, which of its pixels were filled, and with what


def _filled(
    box: Box, corners: Sequence[tuple[int, int]], chunks: Sequence[NDArray[Any]], sent: _Sent, seed: int
) -> _Patch:
    """Gather what a window sees from the chunks, and fill it."""
    bands = chunks[0].shape[2] if chunks[0].ndim == 3 else 1
    seen = np.empty((box[1] - box[0], box[3] - box[2], bands), chunks[0].dtype)
    for (top, left), chunk in zip(corners, chunks, strict=True):
        rows, columns = (
            (max(top, box[0]), min(top + chunk.shape[0], box[1])),
            (
                max(left, box[2]),
                min(left + chunk.shape[1], box[3]),
            ),
        )
        taken = chunk[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]
        seen[rows[0] - box[0] : rows[1] - box[0], columns[0] - box[2] : columns[1] - box[2]] = np.atleast_3d(taken)
    window = sent.as_window()
    placed: Any = _Placed(seen, box)
    fill([_OneWindow(placed, [window.part], window=window)], workers=1, seed=seed)
    wanted = window.masks()[2][window.core_slices]
    return window.core, wanted, seen[window.core_slices][wanted]


def _put_together(chunk: NDArray[Any], corner: tuple[int, int], patches: Sequence[_Patch]) -> NDArray[Any]:
    """Return a chunk with what of the windows is its own."""
    result = np.array(chunk)
    bands = np.atleast_3d(result)  # a view
    top, left = corner
    for core, wanted, values in patches:
        rows, columns = np.nonzero(wanted)
        rows, columns = rows + core[0] - top, columns + core[2] - left
        inside = (rows >= 0) & (rows < chunk.shape[0]) & (columns >= 0) & (columns < chunk.shape[1])
        bands[rows[inside], columns[inside]] = values[inside]
    return result
