"""A restored JPEG with all but the touched blocks as they were, coefficient by coefficient.

A JPEG is a grid of blocks, each the discrete cosine transform of 8 by 8 samples, divided by a table and rounded.
Decoding and encoding again would change them all. Here only the blocks that the holes touch get new coefficients, in
the file's own tables and sampling; every other coefficient is copied, and so is every marker segment, byte for byte.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import WriteError
from restauro.files.jpeg_segments import (
    FRAMES,
    OTHER_FRAMES,
    PROGRESSIVE,
    RESERVED,
    SCAN,
    Segment,
    read_segments,
    without_previews,
)

# Y, Cb, Cr of R, G, B (JFIF; ITU-R BT.601), and what is taken off each so that coefficients of zero stand for zero.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
_YCBCR_LEVELS = (128.0, 0.0, 0.0)

# A block's cosine transform is _COSINES @ block @ _COSINES.T, and the way back the same with the transpose.
_COSINES = (np.cos(np.pi / 16 * np.outer(np.arange(8), np.arange(1, 16, 2))) / 2).astype(np.float32)
_COSINES[0] = np.sqrt(1 / 8)
# Blocks computed at a time: a few megabytes, whatever the picture.
_BATCH = 4096
# jpeglib chooses its library for the whole process.
_JPEGLIB = threading.Lock()


@dataclass(frozen=True)
class Rewritten:
    """What `rewrite_blocks` did.

    Attributes
    ----------
    blocks, all_blocks
        Groups of blocks of all components that were encoded anew, and how many groups there are.
    block_shape
        Height and width in pixels of such a group: (8, 8), or (16, 16) where colour is halved both ways.
    touched
        bool [H, W]: pixels that the new coefficients can have changed.
    left_out
        Bytes after the picture's end that were not copied: a second picture, a gain map, a video.
    """

    blocks: int
    all_blocks: int
    block_shape: tuple[int, int]
    touched: NDArray[np.bool_]
    left_out: int


@dataclass(frozen=True)
class _Component:
    """One component: its name, and pixels of the picture per sample, vertically and horizontally."""

    name: int
    scale: tuple[int, int]

    @property
    def block_shape(self) -> tuple[int, int]:
        return 8 * self.scale[0], 8 * self.scale[1]


def check_rewritable(path: Path) -> None:
    """Raise WriteError if the blocks of this JPEG can't be encoded anew."""
    _components(read_segments(path.read_bytes())[0])


def rewrite_blocks(source: Path, target: Path, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> Rewritten:
    """Write a JPEG that differs from `source` only in the blocks with hole pixels.

    Parameters
    ----------
    source, target
        The JPEG as it was, and the file to write; others are written beside it (see `replacing`).
    pixels
        uint8 [H, W] or [H, W, 3]: the restored picture.
    hole
        bool [H, W]: pixels that are to come from `pixels`. Known pixels of a touched block keep what they were but
        for rounding to the file's table.
    """
    segments, left_out = read_segments(source.read_bytes())
    components = _components(segments)
    # What jpeglib needs of the segments that tell is which colour space it is; of more than fifty it would choke.
    coded = [segment for segment in segments if segment.says_colour_space or not segment.is_told]
    new = _recode(coded, components, pixels, hole, target.parent)
    kept = without_previews(
        [segment for segment in segments if segment.is_told and not (left_out and segment.points_behind)]
    )
    rest = [_with_names(segment, components) for segment in read_segments(new)[0] if not segment.is_told]
    target.write_bytes(b"".join(segment.data for segment in [rest[0], *kept, *rest[1:]]))
    shapes = [component.block_shape for component in components]
    block_shape = max(height for height, _ in shapes), max(width for _, width in shapes)
    blocks = _blocks_with_holes(hole, block_shape)
    touched = _touched(blocks, block_shape, pixels.shape[:2])
    return Rewritten(int(np.count_nonzero(blocks)), blocks.size, block_shape, touched, left_out)


def _components(segments: list[Segment]) -> list[_Component]:
    """Return the components of the picture's frame; raise WriteError for a kind that can't be rewritten."""
    frame = next((segment for segment in segments if segment.marker in FRAMES), None)
    if frame is None:
        codings = [OTHER_FRAMES[segment.marker] for segment in segments if segment.marker in OTHER_FRAMES]
        raise _not_rewritable(f"its coding is {codings[0] if codings else 'unknown'}")
    if any(segment.marker in RESERVED for segment in segments):
        raise _damaged("there are bytes in it that mean nothing")
    precision, count = frame.data[4], frame.data[9]
    if precision != 8:
        raise _not_rewritable(f"it has {precision} bits a sample")
    if count not in (1, 3):
        raise _not_rewritable("it is in CMYK" if count == 4 else f"it has {count} components")
    factors = [(byte & 15, byte >> 4) for byte in frame.data[11 : 11 + 3 * count : 3]] if count > 1 else [(1, 1)]
    most = max(vertical for vertical, _ in factors), max(horizontal for _, horizontal in factors)
    if any(most[0] % vertical or most[1] % horizontal for vertical, horizontal in factors):
        raise _not_rewritable(f"its components are sampled in odd proportions ({factors})")
    names = frame.data[10 : 10 + 3 * count : 3]
    return [
        _Component(name, (most[0] // factor[0], most[1] // factor[1]))
        for name, factor in zip(names, factors, strict=True)
    ]


def _with_names(segment: Segment, components: list[_Component]) -> Segment:
    """Give the components their own names again in frame and scans: jpeglib calls them 0, 1, 2."""
    if segment.marker not in (*FRAMES, SCAN):
        return segment
    data = bytearray(segment.data)
    first, count, step = (5, data[4], 2) if segment.marker == SCAN else (10, data[9], 3)
    for position in range(first, first + count * step, step):
        data[position] = components[data[position]].name
    return Segment(segment.marker, bytes(data))


def _not_rewritable(reason: str) -> WriteError:
    return WriteError(
        f"This JPEG can't be written as a JPEG without changing all of it, because {reason}: "
        "write the picture to a TIFF (.tif)."
    )


def _damaged(reason: str) -> WriteError:
    return WriteError(
        f"The JPEG is damaged ({reason}), so its blocks can't be copied: get a complete copy, or write the picture "
        "to a TIFF (.tif)."
    )


def _recode(
    coded: list[Segment],
    components: list[_Component],
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    folder: Path,
) -> bytes:
    """Return the JPEG with new coefficients in the touched blocks, and whatever markers jpeglib writes."""
    import jpeglib

    # Of the libraries in jpeglib, mozjpeg writes progressive files from coefficients, and always; the rest never do.
    library = "mozjpeg403" if any(segment.marker == PROGRESSIVE for segment in coded) else "turbo210"
    with _JPEGLIB, _copies_in(folder), jpeglib.version(library):
        old, new = folder / "blocks-before", folder / "blocks-after"
        old.write_bytes(b"".join(segment.data for segment in coded))
        try:
            jpeg = jpeglib.read_dct(str(old))
        except OSError as error:
            if error.errno is not None:
                raise
            raise _damaged("its coded data end too early or are no such data") from None
        is_rgb = jpeg.jpeg_color_space.name == "JCS_RGB"  # by name: jpeglib's colour spaces all equal each other
        weights, levels = _weights(len(components), is_rgb=is_rgb)
        bands = pixels.reshape(*hole.shape, -1)
        for index, component in enumerate(components):
            coefficients, table = (jpeg.Y, jpeg.Cb, jpeg.Cr)[index], jpeg.get_component_qt(index)
            if not table.all():
                raise _damaged("a table of it has zeros")
            _renew(coefficients, table, component, bands, hole, weights[index], levels[index])
        jpeg.write_dct(str(new), flags=["+OPTIMIZE_CODING"])
        return new.read_bytes()


@contextmanager
def _copies_in(folder: Path) -> Iterator[None]:
    """Have jpeglib put the copies of files that it works on into a folder: it leaves them where it fails."""
    from jpeglib import dct_jpeg

    before = dct_jpeg.tempfile
    dct_jpeg.tempfile = SimpleNamespace(NamedTemporaryFile=partial(tempfile.NamedTemporaryFile, dir=folder))
    try:
        yield
    finally:
        dct_jpeg.tempfile = before


def _weights(components: int, *, is_rgb: bool) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Return each component's weights of the picture's bands, and its level."""
    if components == 1 or is_rgb:
        return np.eye(components), (128.0,) * components
    return _YCBCR, _YCBCR_LEVELS


def _renew(
    coefficients: NDArray[np.int16],
    table: NDArray[Any],
    component: _Component,
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    weights: NDArray[np.float64],
    level: float,
) -> None:
    """Put the picture's values into one component's touched blocks, in place.

    What is added to a block's coefficients is the transform of what the samples with hole pixels are to change by,
    rounded to the table: so what else is in the block changes only by that rounding.
    """
    (down, across), (height, width) = component.scale, component.block_shape
    all_rows, all_columns = np.nonzero(_blocks_with_holes(hole, component.block_shape))
    for start in range(0, all_rows.size, _BATCH):
        rows, columns = all_rows[start : start + _BATCH], all_columns[start : start + _BATCH]
        old = coefficients[rows, columns]  # [n, 8, 8]
        stands_for = _COSINES.T @ (old * table).astype(np.float32) @ _COSINES
        # Beyond the picture's edge the last row and column go on: what is there is never seen.
        y = np.minimum(rows[:, np.newaxis] * height + np.arange(height), hole.shape[0] - 1)[:, :, np.newaxis]
        x = np.minimum(columns[:, np.newaxis] * width + np.arange(width), hole.shape[1] - 1)[:, np.newaxis, :]
        wanted = pixels[y, x] @ weights.astype(np.float32) - np.float32(level)  # [n, height, width]
        wanted, filled = (box.reshape(-1, 8, down, 8, across) for box in (wanted, hole[y, x]))
        change = np.where(filled.any(axis=(2, 4)), wanted.mean(axis=(2, 4)) - stands_for, 0)  # [n, 8, 8]
        new = old + np.rint(_COSINES @ change @ _COSINES.T / table)
        coefficients[rows, columns] = new.clip(-1023, 1023)


def _blocks_with_holes(hole: NDArray[np.bool_], block_shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return for each block, bool [rows of blocks, columns of blocks], whether it has a hole pixel."""
    rows = np.logical_or.reduceat(hole, np.arange(0, hole.shape[0], block_shape[0]), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, hole.shape[1], block_shape[1]), axis=1)


def _touched(blocks: NDArray[np.bool_], block_shape: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return bool [H, W]: the pixels of the blocks and, where colour is subsampled, those beside them.

    Decoders interpolate subsampled colour, and so a block's new colour reaches one pixel over its edge.
    """
    inside = blocks.repeat(block_shape[0], axis=0).repeat(block_shape[1], axis=1)[: shape[0], : shape[1]]
    if block_shape == (8, 8):
        return inside
    grown = inside.copy()
    grown[1:] |= inside[:-1]
    grown[:-1] |= inside[1:]
    inside = grown.copy()
    grown[:, 1:] |= inside[:, :-1]
    grown[:, :-1] |= inside[:, 1:]
    return grown
