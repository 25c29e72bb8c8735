"""What a picture is: pixels together with all else that their file holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from restauro.notes import Note

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
    notes
        A sentence each about what the file had and a restored file won't have.
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
    notes: tuple[Note, ...] = ()

    @property
    def bands(self) -> int:
        """Number of bands, 1 of a grey picture."""
        return self.pixels.shape[2] if self.pixels.ndim == 3 else 1


def as_seen(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of stored pixels (or of a mask) turned to how people see them.

    >>> import numpy as np
    >>> as_seen(np.array([[1, 2, 3]]), 6)
    array([[1],
           [2],
           [3]])
    """
    swap, mirror_rows, mirror_columns = TURNS[orientation]
    turned = array.swapaxes(0, 1) if swap else array
    return turned[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]


def as_stored(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of pixels (or of a mask) as people see them, turned to how the file stores them.

    >>> import numpy as np
    >>> as_stored(as_seen(np.array([[1, 2, 3]]), 8), 8)
    array([[1, 2, 3]])
    """
    swap, mirror_rows, mirror_columns = TURNS[orientation]
    turned = array[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]
    return turned.swapaxes(0, 1) if swap else turned
