"""Layered files of 8 or 16 bits: OpenRaster, for GIMP, Krita and others; TIFF, for Photoshop and Affinity."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError, ReadError, WriteError, checked_path
from restauro.files import images, layered_tiff
from restauro.files.bounds import MAX_PIXELS
from restauro.files.reading import read_picture
from restauro.files.replacing import check_free, replacing

ENDING = ".ora"
TIFFS = (".tif", ".tiff")
_TIFF_BEGINS = (b"II", b"MM")
_MIMETYPE = b"image/openraster"
_STACK, _MERGED, _THUMBNAIL = "stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"
_OVER = "svg:src-over"
_MOST_XML, _MOST_LAYERS = 1_000_000, 1000  # bytes, layers
_MOST_BYTES, _SPARE = 8, 1_000_000  # of a pixel; beside them
_SMALL = 256  # pixels: the longer side of the thumbnail
_PROFILE = "icc-profile-data"


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer.

    Attributes
    ----------
    name
        What it is called.
    pixels
        [h, w, C], uint8 or uint16: 1 or 3 bands, grey or red, green, blue; or 2 or 4 with opacity last.
    top, left
        Where its first pixel lies in the picture; it may reach beyond.
    visible
        Whether it is shown.
    opacity
        Of all of it, 0 to 1.
    """

    name: str
    pixels: NDArray[Any]
    top: int = 0
    left: int = 0
    visible: bool = True
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class Layered:
    """A layered picture.

    Attributes
    ----------
    height, width
        Of the picture.
    layers
        From the lowest to the highest.
    """

    height: int
    width: int
    layers: tuple[Layer, ...]

    def named(self, name: str) -> Layer | None:
        """Return the lowest layer of a name; None: there is none."""
        return next((layer for layer in self.layers if layer.name == name), None)


def flattened(layers: Sequence[Layer], beneath: NDArray[Any]) -> NDArray[Any]:
    """Return what visible layers, from the lowest to the highest, make of a picture beneath them.

    Where a layer is wholly opaque its values are taken as they are, where it is transparent nothing changes; between
    both are mixed as they are stored.

    Parameters
    ----------
    layers
        Of as many bands as the picture (opacity aside), or of three that are alike where it is grey, and at least as
        many bits.
    beneath
        [H, W] or [H, W, C], uint8 or uint16; not modified.

    Raises
    ------
    ReadError
        A layer has fewer bits, or colours for a grey picture.

    Examples
    --------
    >>> beneath = np.full((2, 3), 100, np.uint8)
    >>> layer = Layer("dab", np.array([[[50, 255], [50, 0], [50, 127]]], np.uint8), top=1)
    >>> flattened([layer], beneath)
    array([[100, 100, 100],
           [ 50, 100,  75]], dtype=uint8)
    """
    pixels = np.atleast_3d(beneath).copy()
    for layer in layers:
        if not layer.visible or layer.opacity <= 0:
            continue
        colours, opacity = _as_bands(layer, pixels)
        top, left = max(layer.top, 0), max(layer.left, 0)
        bottom, right = (
            min(start + side, most)
            for start, side, most in zip((layer.top, layer.left), colours.shape, pixels.shape, strict=False)
        )
        if top >= bottom or left >= right:
            continue
        inside = slice(top - layer.top, bottom - layer.top), slice(left - layer.left, right - layer.left)
        here, over, share = pixels[top:bottom, left:right], colours[inside], opacity[inside] * np.float32(layer.opacity)
        whole, part = share >= 1, (share > 0) & (share < 1)
        here[whole] = over[whole]
        weight = share[part][:, np.newaxis].astype(np.float64)
        here[part] = np.rint(weight * over[part] + (1 - weight) * here[part])
    return pixels.reshape(beneath.shape)


def write_layers(
    layers: Sequence[Layer],
    target: str | os.PathLike[str],
    *,
    profile: tuple[int, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a layered file, whole or not at all: OpenRaster, or a TIFF with layers, which needs psdtags.

    Parameters
    ----------
    layers
        From the lowest, which is opaque and as large as the picture, to the highest.
    target
        The file, whose name ends in .ora, .tif or .tiff.
    profile
        libvips' type and value of the colour profile, which every layer gets.
    overwrite
        Replace a file that is there.

    Raises
    ------
    WriteError
        The name ends in something else, the file is there, the system has something against it, or psdtags is missing.
    ImageError
        There is no layer, or one isn't of 8 or 16 bits, grey or RGB.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "panel.ora")
    >>> write_layers([Layer("Original", np.full((4, 5, 3), 40000, np.uint16))], path)
    >>> [(layer.name, layer.pixels.dtype.name) for layer in read_layers(path).layers]
    [('Original', 'uint16')]
    >>> folder.cleanup()
    """
    path = checked_path(target, "The target")
    if path.suffix.lower() not in (ENDING, *TIFFS):
        raise WriteError(f"Layers are written as OpenRaster or TIFF, so {path} must end in {ENDING} or {TIFFS[0]}.")
    if not layers:
        raise ImageError("There is no layer to write: give at least the picture.")
    for layer in layers:
        _check(layer)
    check_free(path, "The layered file", overwrite=overwrite)
    height, width = layers[0].pixels.shape[:2]
    lowest = layers[0].pixels
    merged = flattened(layers[1:], lowest[..., :-1] if lowest.shape[2] in (2, 4) else lowest)
    if path.suffix.lower() in TIFFS:
        described = [(one.name, one.pixels, one.top, one.left, one.visible, one.opacity) for one in layers]
        together = merged[..., 0] if merged.shape[2] == 1 else merged
        with replacing(path, "The layered file") as temporary:
            layered_tiff.write(described, together, profile[1] if profile else None, temporary)
        return
    with replacing(path, "The layered file") as temporary, zipfile.ZipFile(temporary, "w") as file:
        file.writestr("mimetype", _MIMETYPE)
        names = [f"data/layer-{number}.png" for number in range(len(layers))]
        file.writestr(_STACK, _xml(layers, names, height, width))
        for layer, name in zip(layers, names, strict=True):
            file.writestr(name, _png(layer.pixels, profile))
        file.writestr(_MERGED, _png(merged, profile))
        file.writestr(_THUMBNAIL, _thumbnail(merged, profile))


def read_layers(source: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Layered:
    """Read an OpenRaster file, or a TIFF with layers, which needs psdtags.

    Groups are taken apart; how layers are mixed must be the usual way, one over the other.

    Raises
    ------
    ReadError
        It is none, is damaged, has more pixels than `max_pixels`, or layers that are mixed in other ways.
    """
    path = checked_path(source, "The layered file")
    if _is_tiff(path):
        height, width, described = layered_tiff.read(path, max_pixels)
        return Layered(height, width, tuple(Layer(*one) for one in described))
    try:
        with zipfile.ZipFile(path) as file:
            if file.read("mimetype").strip() != _MIMETYPE:
                raise ReadError(f"{path.name} is no OpenRaster file: save it as .ora.")
            root = _stack(file)
            height, width = int(root.attrib["h"]), int(root.attrib["w"])
            if not 0 < height * width <= max_pixels:
                raise ReadError(f"{path.name} claims to have {width} x {height} pixels, and {max_pixels} are the most.")
            found = list(_described(root.find("stack"), visible=True, top=0, left=0))
            if not found or len(found) > _MOST_LAYERS:
                raise ReadError(f"{path.name} has {len(found)} layers: 1 to {_MOST_LAYERS} can be read.")
            return Layered(height, width, tuple(_read(file, one, max_pixels) for one in reversed(found)))
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, ElementTree.ParseError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path.name} can't be read, it is damaged or no OpenRaster file: save it once more.") from None


def _is_tiff(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) in _TIFF_BEGINS
    except OSError:
        return False  # whoever reads it says so


def extract_lowest(source: Path, target: Path, max_pixels: int = MAX_PIXELS) -> None:
    """Write the lowest layer of an OpenRaster file, a PNG: the picture, as `write_layers` puts it there."""
    try:
        with zipfile.ZipFile(source) as file:
            lowest = list(_described(_stack(file).find("stack"), visible=True, top=0, left=0))[-1]
            _unpack(file, lowest, target, max_pixels)
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, IndexError, ElementTree.ParseError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError("The layered file can't be read, it is damaged: save it once more.") from None


@dataclass(frozen=True)
class _Described:
    """What stack.xml says of a layer."""

    name: str
    file: str
    top: int
    left: int
    visible: bool
    opacity: float


def _stack(file: zipfile.ZipFile) -> ElementTree.Element:
    if file.getinfo(_STACK).file_size > _MOST_XML:
        raise ReadError("The list of layers is too long.")
    text = file.read(_STACK)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ReadError("The list of layers holds what none holds: save the file once more.")
    return ElementTree.fromstring(text)


def _described(stack: ElementTree.Element | None, *, visible: bool, top: int, left: int) -> Iterator[_Described]:
    """Yield layers, the highest first, as they stand in the file."""
    for one in () if stack is None else stack:
        shown = visible and one.get("visibility", "visible") == "visible"
        opacity = float(one.get("opacity", "1"))
        name, mixed = one.get("name", ""), one.get("composite-op", _OVER)
        y, x = top + int(one.get("y", "0")), left + int(one.get("x", "0"))
        if mixed != _OVER or (one.tag == "stack" and opacity != 1):
            raise ReadError(f"Layer {name!r} is mixed with those beneath in a way that can't be read: use mode normal.")
        if one.tag == "stack":
            yield from _described(one, visible=shown, top=y, left=x)
        elif one.tag == "layer":
            yield _Described(name, one.attrib["src"], y, x, shown, min(max(opacity, 0.0), 1.0))


def _read(file: zipfile.ZipFile, layer: _Described, max_pixels: int) -> Layer:
    with tempfile.TemporaryDirectory(prefix="restauro-") as folder:
        png = Path(folder, "layer.png")
        _unpack(file, layer, png, max_pixels)
        try:
            pixels = np.atleast_3d(read_picture(png, max_pixels=max_pixels).pixels)
        except ReadError as error:
            raise ReadError(f"Layer {layer.name!r} can't be read: {error.fact.rpartition('.png: ')[2]}.") from None
    return Layer(layer.name, pixels, layer.top, layer.left, layer.visible, layer.opacity)


def _unpack(file: zipfile.ZipFile, layer: _Described, target: Path, max_pixels: int) -> None:
    """Write a layer's PNG to a file, unless it is larger than any of so many pixels."""
    most = _MOST_BYTES * max_pixels + _SPARE
    if file.getinfo(layer.file).file_size > most:
        raise ReadError(f"Layer {layer.name!r} has over {most} bytes, and so isn't read.")
    with file.open(layer.file) as packed, target.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)


def _check(layer: Layer) -> None:
    pixels = layer.pixels
    if (
        pixels.dtype not in (np.uint8, np.uint16)
        or pixels.ndim != 3
        or not 1 <= pixels.shape[2] <= 4
        or not pixels.size
    ):
        raise ImageError(
            f"Layer {layer.name!r} is {pixels.dtype} {pixels.shape}: OpenRaster holds 8 or 16 bits, grey or RGB."
        )


def _as_bands(layer: Layer, pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return a layer's colours in the bands and bits of a picture [H, W, C], and its opacity, float32 [h, w]."""
    over = layer.pixels
    full = np.float32(np.iinfo(over.dtype).max)
    opacity = np.ones(over.shape[:2], np.float32)
    if over.shape[2] in (2, 4):
        opacity = over[..., -1].astype(np.float32) / full
    colours = over[..., : 1 if over.shape[2] < 3 else 3]
    if over.dtype.itemsize < pixels.dtype.itemsize:
        raise ReadError(f"Layer {layer.name!r} has 8 bits and the picture 16: save the layers with 16.")
    if colours.shape[2] == 3 and pixels.shape[2] == 1:
        seen = colours[opacity > 0]
        if (seen != seen[:, :1]).any():
            raise ReadError(f"Layer {layer.name!r} has colours and the picture is grey: take them out.")
        colours = colours[..., :1]
    colours = np.broadcast_to(colours, (*colours.shape[:2], pixels.shape[2]))
    if over.dtype.itemsize > pixels.dtype.itemsize:
        colours = np.rint(colours / np.float32(257)).astype(pixels.dtype)
    return colours, opacity


def _xml(layers: Sequence[Layer], names: Sequence[str], height: int, width: int) -> bytes:
    root = ElementTree.Element("image", {"version": "0.0.5", "w": str(width), "h": str(height)})
    stack = ElementTree.SubElement(root, "stack")
    for layer, name in reversed(list(zip(layers, names, strict=True))):
        about = {
            "name": layer.name, "src": name, "x": str(layer.left), "y": str(layer.top),
            "opacity": f"{layer.opacity:g}", "visibility": "visible" if layer.visible else "hidden",
            "composite-op": _OVER,
        }  # fmt: skip
        ElementTree.SubElement(stack, "layer", about)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root)


def _png(pixels: NDArray[Any], profile: tuple[int, Any] | None) -> bytes:
    image = images.image_of(pixels, is_cmyk=False)
    if profile is not None:
        image = image.copy()
        image.set_type(profile[0], _PROFILE, profile[1])
    encoded: bytes = image.pngsave_buffer(compression=3, bitdepth=8 * pixels.dtype.itemsize)
    return encoded


def _thumbnail(pixels: NDArray[Any], profile: tuple[int, Any] | None) -> bytes:
    image = images.image_of(pixels, is_cmyk=False)
    image = image.thumbnail_image(_SMALL, height=_SMALL, size="down")
    small = images.pixels_of(image)
    data = io.BytesIO(_png(np.atleast_3d(small >> 8 if small.dtype == np.uint16 else small).astype(np.uint8), profile))
    return data.getvalue()
