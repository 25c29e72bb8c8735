"""Kinds of picture files: the table of them, what each must know, and which one a file is or a name asks for."""

from __future__ import annotations

import errno
import importlib
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ReadError, WriteError
from restauro.notes import Note

if TYPE_CHECKING:
    import pyvips

    from restauro.files.comparing import PlainRows
    from restauro.picture import Picture

# Every format, one file each.
FORMATS = {
    "jpeg": "restauro.files.jpeg:Jpeg",
    "png": "restauro.files.png:Png",
    "tiff": "restauro.files.tiff:Tiff",
    "webp": "restauro.files.webp:WebP",
    "heif": "restauro.files.heif:Heif",
}
# What can be read and written, and the endings that ask for it.
ENDINGS = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "heif": (".avif", ".heif"),
}
TITLES = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF", "webp": "WebP", "heif": "HEIF"}

_BEGINNINGS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
}
_RAW, _RAW_REMEDY = "camera raw file", "develop it and save it as a 16-bit TIFF"
_REMEDY = "save it as a TIFF or a PNG"
# What is met with and can't be read: how it begins, what it is, the conversion to make.
_OTHER_BEGINNINGS = {
    b"8BPS": ("Photoshop file", "save it from Photoshop as a flat TIFF, without layers"),
    b"GIF8": ("GIF", "save it as a PNG"),
    b"BM": ("BMP", "save it as a PNG"),
    b"\0\0\0\x0cjP  ": ("JPEG 2000", _REMEDY),
    b"\xff\x4f\xff\x51": ("JPEG 2000", _REMEDY),
    b"\0\0\0\x0cJXL ": ("JPEG XL", _REMEDY),
    b"\xff\x0a": ("JPEG XL", _REMEDY),
    b"II\xbc\x01": ("JPEG XR", _REMEDY),
    b"v/1\x01": ("OpenEXR", "save it as a TIFF with 32-bit floats"),
    b"#?RADIANCE": ("Radiance HDR", "save it as a TIFF with 32-bit floats"),
    b"#?RGBE": ("Radiance HDR", "save it as a TIFF with 32-bit floats"),
    b"SIMPLE  =": ("FITS", "save it as a TIFF with 32-bit floats"),
    b"\x93NUMPY": ("NumPy file", "read it with numpy.load and call restauro.inpaint"),
    b"%PDF": ("PDF", "take the picture out of it, for instance with `pdfimages -all`"),
    b"<svg": ("SVG drawing", "save it as a PNG"),
    b"gimp xcf": ("GIMP file", "export it from GIMP as a TIFF"),
    b"AT&TFORM": ("DjVu", _REMEDY),
    b"IIRO": (_RAW, _RAW_REMEDY),
    b"IIRS": (_RAW, _RAW_REMEDY),
    b"IIU\0": (_RAW, _RAW_REMEDY),
    b"FUJIFILMCCD-RAW": (_RAW, _RAW_REMEDY),
}
_OTHER_BEGINNINGS |= {
    f"P{digit}".encode() + space: ("PNM", _REMEDY) for digit in range(1, 8) for space in (b"\n", b" ")
}
# Raw files that look like TIFFs, of which libvips would read a preview.
_RAW_ENDINGS = {".nef", ".nrw", ".cr2", ".cr3", ".arw", ".srf", ".sr2", ".dng", ".orf", ".rw2", ".pef", ".raf", ".srw"}
_RAW_ENDINGS |= {".erf", ".kdc", ".dcr", ".mos", ".mef", ".3fr", ".fff", ".iiq", ".rwl", ".x3f"}
_HEIF_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"mif2", b"msf1")
_HEVC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis")


@dataclass(frozen=True)
class Opened:
    """A file that has been opened and not yet decoded.

    Attributes
    ----------
    image
        libvips' image, to be read once from top to bottom, with all that the file says in libvips' names.
    kept
        What the format needs to write the file again: its own data, which no other part looks into.
    has_alpha
        Whether the last band is transparency.
    is_premultiplied
        Whether colours are stored multiplied by their opacity.
    nodata
        The value of pixels that hold none.
    decode
        Gives the pixels where libvips can't decode them, so that the image has size, type and what is told alone; None:
        the image has them.
    read
        Gives the pixels where that finds damage which decoding the image again needn't look for, or is faster.
    """

    image: pyvips.Image
    kept: Any
    has_alpha: bool
    is_premultiplied: bool = False
    nodata: float | None = None
    decode: Callable[[], NDArray[Any]] | None = None
    read: Callable[[], NDArray[Any]] | None = None


@dataclass(frozen=True)
class Saved:
    """A file that has been written.

    Attributes
    ----------
    notes
        A sentence each about what was dropped and what may have changed.
    touched
        bool [H, W]: where the file may differ from the one that was read; None: everywhere.
    """

    notes: tuple[Note, ...]
    touched: NDArray[np.bool_] | None


class Format(ABC):
    """A kind of picture file.

    Attributes
    ----------
    name
        "jpeg", "png", ...
    most_pixels
        The longest side that it can hold.
    has_pages
        Whether one of several pictures can be restored, the others kept as they are.
    """

    name: ClassVar[str]
    most_pixels: ClassVar[int] = 10_000_000
    has_pages: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES[self.name]

    @abstractmethod
    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a file of this kind; ReadError for what can't be restored, pyvips.Error for what is damaged.

        page: which picture of several; None: the only one.
        """

    def notes(self, kept: Any, target: str) -> tuple[Note, ...]:
        """Return a sentence each about what a file had and one of the format `target` won't have."""
        del kept, target
        return ()

    @abstractmethod
    def cannot_hold(self, picture: Picture) -> str | None:
        """Return what of a picture this format can't hold, None where it can hold all; or raise WriteError."""

    @abstractmethod
    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a picture that has changed where `hole` is, with all else that can be kept."""

    def valid_pixels(self, picture: Picture) -> NDArray[np.bool_] | None:
        """Return what a mask within a picture's file calls valid, bool [H, W]; None where there is no such mask."""
        del picture
        return None

    def planes_beside(self, picture: Picture) -> tuple[int, ...]:
        """Return which other pictures of a picture's file are grey and of its size: numbers for `open`."""
        del picture
        return ()

    def plain_rows(self, path: Path, page: int | None = None) -> PlainRows | None:
        """Return where the rows of a picture lie, if they lie one behind the other as they do in memory."""
        del path, page
        return None


class NoPictureError(ReadError):
    """A file is of no kind that is known."""


@cache
def format_of(name: str) -> Format:
    """Return a format, by name.

    >>> format_of("tiff").title
    'TIFF'
    """
    module, _, attribute = FORMATS[name].partition(":")
    return typing.cast(Format, getattr(importlib.import_module(module), attribute)())


def recognise(path: Path) -> str:
    """Return which of the known formats a file is, by its first bytes; raise ReadError for all else.

    Returns
    -------
    "jpeg", "png", "tiff", "webp" or "heif".
    """
    beginning = _beginning(path)
    if not beginning:
        raise ReadError("The file is empty: get a complete copy.")
    if path.suffix.lower() in _RAW_ENDINGS or beginning[8:10] == b"CR" or beginning[4:12] == b"ftypcrx ":
        raise ReadError(f"A {_RAW} can't be read: {_RAW_REMEDY}.")
    known = [name for start, name in _BEGINNINGS.items() if beginning.startswith(start)]
    if known:
        return known[0]
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "webp"
    if beginning[4:8] == b"ftyp" and beginning[8:12] in _HEIF_BRANDS:
        return "heif"
    for start, (what, remedy) in _OTHER_BEGINNINGS.items():
        if beginning.startswith(start):
            raise ReadError(f"A {what} can't be read: {remedy}.")
    raise NoPictureError(
        "The file isn't a picture that can be read, whatever its name says: "
        "restauro reads JPEG, PNG, TIFF, WebP and AVIF. Save it as a TIFF or a PNG."
    )


def is_hevc(path: Path) -> bool:
    """Whether a HEIF file is coded in HEVC, which libvips as it comes with restauro can't decode."""
    beginning = _beginning(path)
    return beginning[8:12] in _HEVC_BRANDS or b"hvc1" in beginning


def format_asked_for(target: Path) -> str:
    """Return the format that a file's ending asks for; raise WriteError for one that can't be written.

    >>> format_asked_for(Path("panel.TIF"))
    'tiff'
    """
    ending = target.suffix.lower()
    for name, endings in ENDINGS.items():
        if ending in endings:
            return name
    known = ", ".join(endings[0] for endings in ENDINGS.values())
    what = f"Files that end in {ending}" if ending else "Files without an ending"
    raise WriteError(f"{what} can't be written: end the name in one of {known}.")


def _beginning(path: Path) -> bytes:
    """Return the first 4 KiB of a file; raise ReadError where there is none to read."""
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except FileNotFoundError:
        if path.is_symlink():
            raise ReadError("The link points to nothing: mend it, or name the file itself.") from None
        raise ReadError("There is no such file: check its name.") from None
    except IsADirectoryError:
        raise ReadError("It is a folder: name the files in it.") from None
    except PermissionError:
        if path.is_dir():  # as Windows says it
            raise ReadError("It is a folder: name the files in it.") from None
        raise ReadError("The file may not be read: change its permissions.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ReadError("It is a loop of symbolic links: name the file itself.") from None
        raise ReadError(f"The file can't be read ({error.strerror}).") from None
