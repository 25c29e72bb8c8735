"""A restored JPEG with all but the touched blocks as they were, coefficient by coefficient.

A JPEG is a grid of blocks, each the discrete cosine transform of 8 by 8 samples, divided by a table and rounded.
Decoding and encoding again would change them all. Here only the blocks that the holes touch get new coefficients, in
the file's own tables and sampling; every other coefficient is copied, and so is every marker segment, byte for byte.
"""

from __future__ import annotations

import re
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import WriteError

_START, _END, _SCAN, _COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD8))
_PROGRESSIVE = 0xC2
_FRAMES = (0xC0, 0xC1, _PROGRESSIVE)
_OTHER_FRAMES = {0xC3: "lossless", **dict.fromkeys(range(0xC5, 0xC8), "hierarchical"), 0xC9: "arithmetic-coded"}
_OTHER_FRAMES |= dict.fromkeys((0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic-coded")
# The next marker within coded data: there FF is followed by 00, and restart markers don't end it.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

# Y, Cb, Cr of R, G, B (JFIF; ITU-R BT.601), and what is taken off each so that coefficients of zero stand for zero.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
_YCBCR_LEVELS = (128.0, 0.0, 0.0)

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
class _Segment:
    marker: int
    data: bytes  # with the marker, the length, and for a scan the coded data


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
    _components(_segments(path.read_bytes())[0])


def rewrite_blocks(source: Path, target: Path, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> Rewritten:
    """Write a JPEG that differs from `source` only in the blocks with hole pixels.

    Parameters
    ----------
    source, target
        The JPEG as it was, and the file to write.
    pixels
        uint8 [H, W] or [H, W, 3]: the restored picture.
    hole
        bool [H, W]: pixels that are to come from `pixels`. Known pixels of a touched block keep what they were but
        for rounding to the file's table.
    """
    segments, left_out = _segments(source.read_bytes())
    components = _components(segments)
    # What jpeglib needs of the segments that tell is which colour space it is; of more than fifty it would choke.
    coded = [segment for segment in segments if _says_colour_space(segment) or not _is_told(segment)]
    new = _recode(coded, components, pixels, hole)
    kept = [segment for segment in segments if _is_told(segment) and not (left_out and _points_behind(segment))]
    rest = [_with_names(segment, components) for segment in _segments(new)[0] if not _is_told(segment)]
    target.write_bytes(b"".join(segment.data for segment in [rest[0], *kept, *rest[1:]]))
    shapes = [component.block_shape for component in components]
    block_shape = max(height for height, _ in shapes), max(width for _, width in shapes)
    blocks = _blocks_with_holes(hole, block_shape)
    touched = _touched(blocks, block_shape, pixels.shape[:2])
    return Rewritten(int(np.count_nonzero(blocks)), blocks.size, block_shape, touched, left_out)


def _is_told(segment: _Segment) -> bool:
    """Whether a segment is what the file says of itself (application data, comments), not the picture's code."""
    return segment.marker in _APPLICATION or segment.marker == _COMMENT


def _says_colour_space(segment: _Segment) -> bool:
    return segment.data[4:9] == {0xE0: b"JFIF\0", 0xEE: b"Adobe"}.get(segment.marker)


def _points_behind(segment: _Segment) -> bool:
    return segment.marker == 0xE2 and segment.data[4:8] == b"MPF\0"


def _segments(data: bytes) -> tuple[list[_Segment], int]:
    """Return the segments from start to end of the picture, and the number of bytes that follow it."""
    segments, position = [_Segment(_START, data[:2])], 2
    while segments[-1].marker != _END:
        found = data.find(b"\xff", position)
        if found < 0 or found + 2 > len(data):
            segments.append(_Segment(_END, b"\xff\xd9"))  # missing: decoders take it as read
            return segments, 0
        marker = data[found + 1]
        if marker in (0x00, 0xFF):  # filling
            position = found + 1
            continue
        end = found + 2
        if marker != _END and marker not in _WITHOUT_LENGTH:
            end += int.from_bytes(data[end : end + 2], "big")
        if marker == _SCAN:
            following = _MARKER.search(data, end)
            end = following.start() if following else len(data)
        segments.append(_Segment(marker, data[found:end]))
        position = end
    return segments, len(data) - position


def _components(segments: list[_Segment]) -> list[_Component]:
    """Return the components of the picture's frame; raise WriteError for a kind that can't be rewritten."""
    frame = next((segment for segment in segments if segment.marker in _FRAMES), None)
    if frame is None:
        kinds = [_OTHER_FRAMES[segment.marker] for segment in segments if segment.marker in _OTHER_FRAMES]
        raise _not_rewritable(f"its coding is {kinds[0] if kinds else 'unknown'}")
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


def _with_names(segment: _Segment, components: list[_Component]) -> _Segment:
    """Give the components their own names again in frame and scans: jpeglib calls them 0, 1, 2."""
    if segment.marker not in (*_FRAMES, _SCAN):
        return segment
    data = bytearray(segment.data)
    first, count, step = (5, data[4], 2) if segment.marker == _SCAN else (10, data[9], 3)
    for position in range(first, first + count * step, step):
        data[position] = components[data[position]].name
    return _Segment(segment.marker, bytes(data))


def _not_rewritable(reason: str) -> WriteError:
    return WriteError(
        f"This JPEG can't be written as a JPEG without changing all of it, because {reason}: "
        "write the picture to a TIFF (.tif)."
    )


def _recode(
    coded: list[_Segment], components: list[_Component], pixels: NDArray[np.uint8], hole: NDArray[np.bool_]
) -> bytes:
    """Return the JPEG with new coefficients in the touched blocks, and whatever markers jpeglib writes."""
    import jpeglib

    # Of the libraries in jpeglib, mozjpeg writes progressive files from coefficients, and always; the rest never do.
    library = "mozjpeg403" if any(segment.marker == _PROGRESSIVE for segment in coded) else "turbo210"
    with tempfile.TemporaryDirectory() as folder, _JPEGLIB, jpeglib.version(library):
        old, new = Path(folder, "old.jpg"), Path(folder, "new.jpg")
        old.write_bytes(b"".join(segment.data for segment in coded))
        jpeg = jpeglib.read_dct(str(old))
        is_rgb = jpeg.jpeg_color_space.name == "JCS_RGB"  # by name: jpeglib's colour spaces all equal each other
        weights, levels = _weights(len(components), is_rgb=is_rgb)
        bands = pixels.reshape(*hole.shape, -1)
        for index, component in enumerate(components):
            coefficients, table = (jpeg.Y, jpeg.Cb, jpeg.Cr)[index], jpeg.get_component_qt(index)
            _renew(coefficients, table, component, bands, hole, weights[index], levels[index])
        jpeg.write_dct(str(new), flags=["+OPTIMIZE_CODING"])
        return new.read_bytes()


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
    from scipy.fft import dctn, idctn

    (down, across), (height, width) = component.scale, component.block_shape
    all_rows, all_columns = np.nonzero(_blocks_with_holes(hole, component.block_shape))
    for start in range(0, all_rows.size, _BATCH):
        rows, columns = all_rows[start : start + _BATCH], all_columns[start : start + _BATCH]
        old = coefficients[rows, columns]  # [n, 8, 8]
        stands_for = idctn((old * table).astype(np.float32), axes=(1, 2), norm="ortho")
        # Beyond the picture's edge the last row and column go on: what is there is never seen.
        y = np.minimum(rows[:, np.newaxis] * height + np.arange(height), hole.shape[0] - 1)[:, :, np.newaxis]
        x = np.minimum(columns[:, np.newaxis] * width + np.arange(width), hole.shape[1] - 1)[:, np.newaxis, :]
        wanted = pixels[y, x] @ weights.astype(np.float32) - np.float32(level)  # [n, height, width]
        wanted, filled = (box.reshape(-1, 8, down, 8, across) for box in (wanted, hole[y, x]))
        change = np.where(filled.any(axis=(2, 4)), wanted.mean(axis=(2, 4)) - stands_for, 0)  # [n, 8, 8]
        new = old + np.rint(dctn(change, axes=(1, 2), norm="ortho") / table)
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
