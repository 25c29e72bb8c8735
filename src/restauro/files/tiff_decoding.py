"""TIFFs that libvips doesn't decode, or not exactly: floats of 16 and 64 bits, and codings of the extra `codecs`."""

from __future__ import annotations

import io
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import tiff_pages, tiff_tags
from restauro.files.tiff_pages import TiffPage
from restauro.files.tiff_tags import Directory, longs, shorts

_INSTALL = "pip install 'restauro[codecs]'"


def decode(path: Path, page: TiffPage) -> NDArray[Any]:
    """Return the pixels of a TIFF as libvips would give them, [H, W] or [H, W, C]; see `TiffPage.is_beyond_libvips`."""
    compression = page.number(tiff_tags.COMPRESSION, 1)
    if compression in tiff_tags.BEYOND_LIBVIPS:
        pixels = _by_codecs(path, page, f"coded in {tiff_tags.COMPRESSION_TITLES[compression]}")
    else:
        pixels = _floats(path, page)
    shape = tuple(page.number(code, 1) for code in (tiff_tags.HEIGHT, tiff_tags.WIDTH, tiff_tags.SAMPLES))
    if pixels.size != math.prod(shape):
        raise ReadError("The TIFF is damaged or cut short (its pixels aren't as many as it says): get a complete copy.")
    return pixels.reshape(shape[:2] if shape[2] == 1 else shape)


def _floats(path: Path, page: TiffPage) -> NDArray[Any]:
    """Read floats of 16 or 64 bits as one or two whole numbers, which lie in the file in the same way."""
    predictor = page.number(tiff_tags.PREDICTOR, 1)
    if page.number(tiff_tags.COMPRESSION, 1) not in tiff_tags.WITH_PREDICTOR:
        predictor = 1
    data, pages = tiff_pages.rearranged(path, page, _as_words)
    bands = []
    for k in range(pages):
        image = pyvips.Operation.call("tiffload_buffer", data, page=k, access="sequential", fail_on="error")
        words = np.frombuffer(image.write_to_memory(), np.uint16 if image.format == "ushort" else np.uint32)
        values = _values(words.reshape(image.height, image.width, image.bands), page, predictor)
        bands.append(_put_together(values, page) if tiff_tags.TILE_WIDTH in page.tags else values)
    return np.concatenate(bands, axis=2)


def _as_words(tags: Directory) -> Directory:
    """Return a directory that calls each float a whole number or two, and tiles strips: so that none is cut."""
    bits = tiff_tags.number(tags, tiff_tags.BITS, 16)
    samples = tiff_tags.number(tags, tiff_tags.SAMPLES, 1) * (2 if bits == 64 else 1)
    words = {tiff_tags.BITS: shorts(*[min(bits, 32)] * samples), tiff_tags.SAMPLE_FORMAT: shorts(*[1] * samples)}
    words |= {tiff_tags.SAMPLES: shorts(samples), tiff_tags.EXTRA_SAMPLES: shorts(*[0] * (samples - 1))}
    words |= {tiff_tags.PHOTOMETRIC: shorts(tiff_pages.BLACK_IS_ZERO), tiff_tags.PREDICTOR: shorts(1)}
    if samples == 1:
        words.pop(tiff_tags.EXTRA_SAMPLES)
        tags = {code: tag for code, tag in tags.items() if code != tiff_tags.EXTRA_SAMPLES}
    if tiff_tags.TILE_WIDTH not in tags:
        return tags | words
    tiles, height = tags[tiff_tags.TILES], tiff_tags.number(tags, tiff_tags.TILE_HEIGHT, 0)
    words |= {tiff_tags.WIDTH: tags[tiff_tags.TILE_WIDTH], tiff_tags.HEIGHT: longs(height * tiles.count)}
    words |= {tiff_tags.ROWS_PER_STRIP: longs(height), tiff_tags.STRIPS: tiles}
    words |= {tiff_tags.STRIP_BYTES: tags[tiff_tags.TILE_BYTES]}
    of_tiles = (tiff_tags.TILE_WIDTH, tiff_tags.TILE_HEIGHT, tiff_tags.TILES, tiff_tags.TILE_BYTES)
    return {code: tag for code, tag in tags.items() if code not in of_tiles} | words


def _values(words: NDArray[Any], page: TiffPage, predictor: int) -> NDArray[Any]:
    """Return floats [H, W, C] of words [H, W, n], which libvips gives in the machine's byte order, one by one."""
    size = page.number(tiff_tags.BITS, 16) // 8
    height, width, samples = words.shape[0], words.shape[1], words.shape[2] * words.itemsize // size
    is_turned = page.form.order == ">"
    if predictor == 3:  # differences of bytes, of which all first ones come first, then all second ones
        planes = np.ascontiguousarray(words.byteswap() if is_turned else words).view(np.uint8)
        planes = np.cumsum(planes.reshape(height, -1, samples), axis=1, dtype=np.uint8).reshape(height, size, -1)
        values = np.ascontiguousarray(planes.swapaxes(1, 2)).view(f">f{size}").astype(f"f{size}")
        return values.reshape(height, width, samples)
    if is_turned and size == 8:
        words = words.reshape(height, width, samples, 2)[..., ::-1]
    numbers = np.ascontiguousarray(words).reshape(height, width, -1).view(f"u{size}")
    if predictor == 2:
        numbers = np.cumsum(numbers, axis=1, dtype=numbers.dtype)
    return numbers.view(f"f{size}")


def _put_together(values: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Return a picture [H, W, C] of its tiles, which lie one under the other."""
    width, height = page.number(tiff_tags.WIDTH, 0), page.number(tiff_tags.HEIGHT, 0)
    tile_width, tile_height = page.number(tiff_tags.TILE_WIDTH, 1), page.number(tiff_tags.TILE_HEIGHT, 1)
    down, across = -(-height // tile_height), -(-width // tile_width)
    tiles = values[: down * across * tile_height].reshape(down, across, tile_height, tile_width, -1)
    whole = tiles.swapaxes(1, 2).reshape(down * tile_height, across * tile_width, -1)
    return np.ascontiguousarray(whole[:height, :width])


def _by_codecs(path: Path, page: TiffPage, what: str) -> NDArray[Any]:
    """Decode with tifffile and imagecodecs."""
    try:
        import imagecodecs  # noqa: F401  # tifffile looks for it
        import tifffile
    except ImportError:
        raise ReadError(f"A TIFF {what} is read with the extra codecs: install it with {_INSTALL}.") from None
    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else Python prints what it says of odd files
    if page.has_palette:
        raise ReadError(f"A TIFF {what}, with a palette, can't be read: save it with another compression.")
    data, pages = tiff_pages.rearranged(path, page)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            bands = [file.pages[k].asarray() for k in range(pages)]
    except Exception as error:  # whatever a codec has against it
        raise ReadError(
            f"The TIFF can't be read to its end, it is damaged or cut short (tifffile: {error}): get a complete copy."
        ) from None
    pixels = bands[0] if len(bands) == 1 else np.stack(bands, axis=2)
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    if page.number(tiff_tags.BITS, 1) < 8:
        pixels = pixels.astype(np.uint8) * np.uint8(255 // (2 ** page.number(tiff_tags.BITS, 1) - 1))
    if page.white_is_zero and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    return pixels
