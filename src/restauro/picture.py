"""What a picture is: pixels together with all else that their file holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.notes import Note

_ROWS = 256  # looked at together

# Swap the axes, then mirror rows, then mirror columns: from stored to seen, by EXIF orientation.
TURNS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass
class Picture:
    """A file's pixels together with all else that the file holds.

    Attributes
    ----------
    pixels
        [H, W], or [H, W, C] of more than one band: as stored (not turned), in the file's own dtype, C-contiguous. They
        are there to be written to.
    path
        The file that it was read from.
    format
        "jpeg", "png", "tiff", "webp" or "heif".
    orientation
        EXIF orientation, 1 to 8: how the stored pixels are to be turned to be seen. See `as_seen`.
    has_alpha
        Whether the last band is transparency.
    bits
        Bits of a sample in the file: 1, 2, 4 (read as 0 to 255 in uint8), 8, 10, 12 (read as uint16), 16 or 32.
    is_cmyk
        Whether the first four bands are inks.
    is_premultiplied
        Whether colours are stored multiplied by their opacity.
    metadata
        libvips' names of what the file says beside its pixels and other formats can hold: type and value of each.
    kept
        What the file's own format needs to write it again; nobody else looks into it.
    page
        Which picture of several in the file was asked for; None: none.
    stamp
        The file's size in bytes and time of change when it was read, by which one that was replaced since is known.
    nodata
        The value that the file calls missing (GDAL's nodata); None where it names none. See `unknown_pixels`.
    notes
        A sentence each about what the file had and a restored file of its format won't have.
    """

    pixels: NDArray[Any]
    path: Path
    format: str
    orientation: int
    has_alpha: bool
    bits: int = 8
    is_cmyk: bool = False
    is_premultiplied: bool = False
    metadata: dict[str, tuple[int, Any]] = field(default_factory=dict)
    kept: Any = None
    page: int | None = None
    stamp: tuple[int, int] | None = None
    nodata: float | None = None
    notes: tuple[Note, ...] = ()

    @property
    def bands(self) -> int:
        """Number of bands, 1 of a grey picture."""
        return self.pixels.shape[2] if self.pixels.ndim == 3 else 1


def unknown_pixels(picture: Picture) -> NDArray[np.bool_] | None:
    """Return which pixels hold no value: those with NaN in a band, or with the file's nodata value.

    The nodata value counts in any band, but in pictures of 8 bits only in all of them: there it is a usual value, such
    as the 0 of a pure colour. Transparency is no such band.

    Returns
    -------
    bool [H, W] as the pixels are stored; None where there is no such pixel. Those that aren't to be filled aren't to be
    read either: `restauro.inpaint(..., unknown=...)`.

    Examples
    --------
    >>> heights = np.array([[1.0, np.nan], [-9999.0, 2.0]], np.float32)
    >>> unknown_pixels(Picture(heights, Path("dem.tif"), "tiff", 1, has_alpha=False, nodata=-9999))
    array([[False,  True],
           [ True, False]])
    """
    pixels, nodata = picture.pixels, _as_value(picture.nodata, picture.pixels.dtype)
    if pixels.dtype.kind != "f" and nodata is None:
        return None
    unknown: NDArray[np.bool_] = scratch.zeros(pixels.shape[:2], np.bool_)
    for top in range(0, len(pixels), _ROWS):  # so that no second array of the picture's size is made
        rows = pixels[top : top + _ROWS].reshape(-1, pixels.shape[1], picture.bands)
        rows = rows[..., :-1] if picture.has_alpha else rows
        if pixels.dtype.kind == "f":
            unknown[top : top + _ROWS] = np.isnan(rows).any(axis=2)
        if nodata is not None:
            missing = rows == nodata
            unknown[top : top + _ROWS] |= missing.all(axis=2) if pixels.dtype == np.uint8 else missing.any(axis=2)
    return unknown if unknown.any() else None


def _as_value(nodata: float | None, dtype: np.dtype[Any]) -> Any:
    """Return a nodata value as pixels hold it, None where they can't."""
    if nodata is None or np.isnan(nodata):
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(nodata)
    about = np.iinfo(dtype)
    return dtype.type(int(nodata)) if about.min <= nodata <= about.max and nodata == int(nodata) else None


def as_seen(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of stored pixels (or of a mask) turned to how people see them.

    >>> as_seen(np.array([[1, 2, 3]]), 6)
    array([[1],
           [2],
           [3]])
    """
    swap, mirror_rows, mirror_columns = TURNS[orientation]
    turned = array.swapaxes(0, 1) if swap else array
    return turned[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]


def stored_places(orientation: int, seen: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a matrix and a start: what is at row and column p as people see it is stored at matrix p + start.

    seen: height and width of the picture as people see it.

    >>> matrix, start = stored_places(6, (3, 1))
    >>> (matrix @ (2, 0) + start).tolist()
    [0, 2]
    """
    swap, mirror_rows, mirror_columns = TURNS[orientation]
    matrix = np.diag([-1 if mirror_rows else 1, -1 if mirror_columns else 1])
    start = np.array([mirror_rows * (seen[0] - 1), mirror_columns * (seen[1] - 1)])
    return (matrix[::-1], start[::-1]) if swap else (matrix, start)


def as_stored(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of pixels (or of a mask) as people see them, turned to how the file stores them.

    >>> as_stored(as_seen(np.array([[1, 2, 3]]), 8), 8)
    array([[1, 2, 3]])
    """
    swap, mirror_rows, mirror_columns = TURNS[orientation]
    turned = array[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]
    return turned.swapaxes(0, 1) if swap else turned
