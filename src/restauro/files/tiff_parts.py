"""TIFFs of tiles, or of many packed strips, decoded some parts at a time on all cores, each as a small TIFF of its own.

libvips decodes one part after the other; and tiles that are damaged it passes over, so that they would come out black.
"""

from __future__ import annotations

import mmap
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro import scratch
from restauro.files import images, tiff_tags
from restauro.files.tiff_pages import TiffPage
from restauro.files.tiff_tags import Form, longs
from restauro.numerics.threads import usable_cores

_NOT_PACKED, _PACK_BITS = 1, 32773
_MANY = 4_000_000  # pixels from which on strips are worth it
_AT_A_TIME = 500_000  # pixels, or one part: few, so that they stay in the processor's cache
_MOST_THREADS = 8
# What a sample is; where it lies is said anew.
_OF_SAMPLES = tiff_tags.LAYOUT - {tiff_tags.TILE_WIDTH, tiff_tags.TILE_HEIGHT, tiff_tags.TILES, tiff_tags.TILE_BYTES}


def is_better_in_parts(page: TiffPage) -> bool:
    """Whether libvips decodes a page as it is, but slowly, or without a word about damage."""
    if page.is_beyond_libvips or page.misleads_libvips:
        return False
    if tiff_tags.TILE_WIDTH in page.tags:
        codings = {*tiff_tags.WITH_PREDICTOR, _NOT_PACKED, _PACK_BITS}
    else:
        pixels = page.number(tiff_tags.WIDTH, 0) * page.number(tiff_tags.HEIGHT, 0)
        codings = set(tiff_tags.WITH_PREDICTOR) if pixels >= _MANY else set()
    parts = _Parts.of(page) if page.number(tiff_tags.COMPRESSION, _NOT_PACKED) in codings else None
    return parts is not None and all(parts.sizes)  # those without bytes are libvips' business


def decode(path: Path, page: TiffPage) -> NDArray[Any]:
    """Return the pixels as libvips would give them, [H, W] or [H, W, C]; pyvips.Error where a part is damaged."""
    parts = _Parts.of(page)
    assert parts is not None
    count = len(parts.places)
    step = max(_AT_A_TIME // (parts.width * parts.height), 1)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        first = _decoded(data, page, parts, range(1))
        pixels = scratch.zeros(
            (page.number(tiff_tags.HEIGHT, 0), page.number(tiff_tags.WIDTH, 0), *first.shape[2:]), first.dtype
        )
        if scratch.is_on_disk(pixels):
            scratch.let_go_of(data)

        def put(start: int) -> None:
            some = range(start, min(start + step, count))
            decoded = _decoded(data, page, parts, some)
            for k, number in enumerate(some):
                top, left = number // parts.across * parts.height, number % parts.across * parts.width
                room = pixels[top : top + parts.height, left : left + parts.width]
                room[:] = decoded[k * parts.height :][: room.shape[0], : room.shape[1]]

        with ThreadPoolExecutor(min(usable_cores(), _MOST_THREADS)) as pool:
            list(pool.map(put, range(0, count, step)))
    return pixels


@dataclass(frozen=True)
class _Parts:
    """Tiles or strips: where they lie in the file, how many bytes they have there, how many pixels they have each."""

    places: tuple[int, ...]
    sizes: tuple[int, ...]
    width: int
    height: int
    across: int

    @classmethod
    def of(cls, page: TiffPage) -> _Parts | None:
        """Return those of a page; None where it doesn't say enough."""
        width, height = page.number(tiff_tags.WIDTH, 0), page.number(tiff_tags.HEIGHT, 0)
        codes = tiff_tags.STRIPS, tiff_tags.STRIP_BYTES
        part = width, min(page.number(tiff_tags.ROWS_PER_STRIP, height), height)
        if tiff_tags.TILE_WIDTH in page.tags:
            codes = tiff_tags.TILES, tiff_tags.TILE_BYTES
            part = page.number(tiff_tags.TILE_WIDTH, 0), page.number(tiff_tags.TILE_HEIGHT, 0)
        if not all(part) or not page.tags.keys() >= set(codes):
            return None
        places, sizes = (page.tags[code].numbers for code in codes)
        across = -(-width // part[0])
        count = across * -(-height // part[1])
        return cls(places, sizes, *part, across) if len(places) == len(sizes) == count else None


def _decoded(data: mmap.mmap, page: TiffPage, parts: _Parts, some: range) -> NDArray[Any]:
    """Decode some parts, one under the other, as a TIFF of strips."""
    form = Form(page.form.order, big=False)
    head = bytearray(tiff_tags.header(form))
    content = [data[parts.places[k] : parts.places[k] + parts.sizes[k]] for k in some]
    starts = np.cumsum([len(head), *map(len, content)]).tolist()
    end = starts[-1] + -starts[-1] % 8
    struct.pack_into(form.offset, head, form.pointer_at, end)
    # A last strip holds no more rows than are left, a last tile is whole.
    last = page.number(tiff_tags.HEIGHT, 0) - some.stop * parts.height
    rows = len(some) * parts.height + (0 if tiff_tags.TILE_WIDTH in page.tags else min(last, 0))
    tags = {code: tag for code, tag in page.tags.items() if code in _OF_SAMPLES}
    tags |= {tiff_tags.WIDTH: longs(parts.width), tiff_tags.HEIGHT: longs(rows)}
    tags |= {tiff_tags.ROWS_PER_STRIP: longs(parts.height), tiff_tags.STRIPS: longs(*starts[:-1])}
    tags[tiff_tags.STRIP_BYTES] = longs(*(parts.sizes[k] for k in some))
    whole = b"".join([head, *content, bytes(end - starts[-1]), tiff_tags.packed(tags, form, end)])
    image = pyvips.Operation.call("tiffload_buffer", whole, access="sequential", fail_on="error").copy()
    image.set_type(pyvips.GValue.gint_type, "vips-concurrency", 1)  # threads of its own would cost more than they give
    return images.pixels_of(image)
