"""Layers in a TIFF as Photoshop and Affinity keep them; needs psdtags, of the extra `layers`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ReadError, WriteError

_SOURCE_DATA, _PROFILE_TAG = 37724, 34675  # Photoshop's layers; an ICC profile
_LARGE = 2**32 - 2**25  # bytes, from which on a TIFF is a BigTIFF
_MISSING = "Layers in a TIFF need psdtags: pip install 'restauro[layers]', or take OpenRaster (.ora)"

# Of a layer: its name, pixels [h, w, C], where it lies, whether it is shown, how opaque it is.
Described = tuple[str, NDArray[Any], int, int, bool, float]


def write(layers: Sequence[Described], merged: NDArray[Any], profile: bytes | None, target: Path) -> None:
    """Write a TIFF of what layers are together, [H, W] or [H, W, C], and of them, from the lowest to the highest."""
    try:
        import tifffile
        from psdtags import PsdFormat, PsdKey, PsdLayers, PsdUserMask, TiffImageSourceData
    except ImportError:
        raise WriteError(_MISSING) from None
    key = PsdKey.LAYER if merged.dtype == np.uint8 else PsdKey.LAYER_16
    made = PsdLayers(key=key, layers=[_made(layer) for layer in layers], has_transparency=False)
    data = TiffImageSourceData(psdformat=PsdFormat.LE32BIT, layers=made, usermask=PsdUserMask(), info=[])
    tags = [data.tifftag(maxworkers=1)]
    if profile is not None:
        tags.append((_PROFILE_TAG, 7, len(profile), profile, True))
    size = merged.nbytes + sum(layer[1].nbytes for layer in layers)
    tifffile.imwrite(
        os.fspath(target), merged, photometric="rgb" if merged.ndim == 3 else "minisblack", compression="zlib",
        metadata=None, extratags=tags, bigtiff=size > _LARGE, byteorder="<", rowsperstrip=256,
    )  # fmt: skip


def read(source: Path, max_pixels: int) -> tuple[int, int, Iterator[Described]]:
    """Return height and width of a TIFF, and its layers from the lowest to the highest.

    Raises
    ------
    ReadError
        It has no layers, is damaged, or has more pixels; layers are mixed in other ways than one over the other.
    """
    try:
        import tifffile
        from psdtags import TiffImageSourceData
    except ImportError:
        raise ReadError(_MISSING) from None
    try:
        with tifffile.TiffFile(source) as file:
            page = file.pages[0]
            height, width = page.imagelength, page.imagewidth  # type: ignore[union-attr]
            tag = page.tags.get(_SOURCE_DATA)  # type: ignore[union-attr]
            if not 0 < height * width <= max_pixels:
                raise ReadError(f"{source.name} claims {width} x {height} pixels, and {max_pixels} are the most.")
            if tag is None:
                raise ReadError(f"{source.name} has no layers, or is cut short: save it with them once more.")
            data = TiffImageSourceData.fromtiff(source)
    except ReadError:
        raise
    except Exception:  # what tifffile and psdtags raise has no common class
        raise ReadError(f"{source.name} can't be read, it is damaged: save it once more.") from None
    return height, width, (_read(layer) for layer in data.layers.layers)


def _made(layer: Described) -> Any:
    """Return a layer as psdtags has it."""
    from psdtags import (
        PsdBlendMode,
        PsdChannel,
        PsdChannelId,
        PsdClippingType,
        PsdCompressionType,
        PsdKey,
        PsdLayer,
        PsdLayerFlag,
        PsdLayerMask,
        PsdRectangle,
        PsdString,
    )

    name, pixels, top, left, visible, opacity = layer
    height, width, bands = pixels.shape
    full = np.full((height, width), np.iinfo(pixels.dtype).max, pixels.dtype)
    planes = [(PsdChannelId.TRANSPARENCY_MASK, pixels[..., -1] if bands in (2, 4) else full)]
    ids = (PsdChannelId.CHANNEL0, PsdChannelId.CHANNEL1, PsdChannelId.CHANNEL2)
    planes += [(ids[band], pixels[..., band]) for band in range(1 if bands < 3 else 3)]
    hidden = PsdLayerFlag.BASE if visible else PsdLayerFlag.VISIBLE  # a flag that, in spite of its name, hides
    return PsdLayer(
        name=name[:31].encode("ascii", "replace").decode(),  # the old name, beside the one in Unicode
        rectangle=PsdRectangle(top, left, top + height, left + width),
        channels=[
            PsdChannel(channelid=number, compression=PsdCompressionType.ZIP, data=np.ascontiguousarray(plane))
            for number, plane in planes
        ],
        mask=PsdLayerMask(),
        opacity=round(255 * opacity),
        blendmode=PsdBlendMode.NORMAL,
        blending_ranges=(),
        clipping=PsdClippingType.BASE,
        flags=PsdLayerFlag.PHOTOSHOP5 | hidden,
        info=[PsdString(PsdKey.UNICODE_LAYER_NAME, name)],
    )


def _read(layer: Any) -> Described:
    from psdtags import PsdBlendMode, PsdChannelId, PsdKey, PsdLayerFlag

    named = [info.value for info in layer.info if getattr(info, "key", None) == PsdKey.UNICODE_LAYER_NAME]
    name = str(named[0] if named else layer.name).rstrip("\0")
    if layer.blendmode != PsdBlendMode.NORMAL:
        raise ReadError(f"Layer {name!r} is mixed with those beneath in a way that can't be read: use mode normal.")
    planes = {channel.channelid: channel.data for channel in layer.channels}
    ids = [PsdChannelId.CHANNEL0, PsdChannelId.CHANNEL1, PsdChannelId.CHANNEL2, PsdChannelId.TRANSPARENCY_MASK]
    kept = [planes[number] for number in ids if planes.get(number) is not None]
    if not kept or any(plane.dtype.newbyteorder("=") not in (np.uint8, np.uint16) for plane in kept):
        raise ReadError(f"Layer {name!r} isn't of 8 or 16 bits: convert the picture.")
    pixels = np.stack(kept, axis=2)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    hidden = bool(layer.flags & PsdLayerFlag.VISIBLE)
    return name, pixels, layer.rectangle.top, layer.rectangle.left, not hidden, layer.opacity / 255
