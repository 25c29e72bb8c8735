"""Masks to files: where one may be written, and how; the folders of files to be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.errors import WriteError
from restauro.files import images
from restauro.files.png import save_png
from restauro.files.replacing import check_free, replacing


def check_mask_target(path: Path, pictures: Iterable[Path], *, overwrite: bool) -> None:
    """Raise WriteError for what can be known before the work to be wrong with a place for a mask.

    pictures: the files that are read and written beside it.
    """
    if path.suffix.lower() != ".png":
        raise WriteError(f"The mask is written as a PNG, so {path} must end in .png.")
    if any(is_same(path, picture) for picture in pictures):
        raise WriteError(f"The mask can't be written to {path}, which is the picture: choose another name.")
    check_free(path, "The mask", overwrite=overwrite)


def write_mask(mask: NDArray[np.bool_ | np.float32], path: Path, *, after: str = "") -> None:
    """Write a mask [H, W] as people see it, an 8-bit PNG in which white is hole, under another name first.

    mask: bool, or shares of damage from 0 to 1, of which none above 0 becomes 0.
    after: what has been done and stays so if this fails, for the message, such as "The picture was written, but".
    """
    levels = mask.view(np.uint8) if mask.dtype == np.bool_ else np.ceil(mask * np.float32(255)).astype(np.uint8)
    image = images.image_of(levels, is_cmyk=False)
    if mask.dtype == np.bool_:
        image = image != 0  # 0 and 255
    with replacing(path, f"{after} the mask" if after else "The mask") as temporary:
        save_png(image, temporary)


def is_same(path: Path, other: Path) -> bool:
    """Whether two names mean one file, whether it is there or not."""
    return os.path.realpath(path) == os.path.realpath(other)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, or raise WriteError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder {folder} can't be made ({error.strerror}): choose another.") from None


def nearest_folder(path: Path) -> Path:
    """Return the folder that a file is to lie in, or the one above it in which that can be made."""
    folder = path.parent
    try:
        while not folder.exists():
            folder = folder.parent
    except OSError as error:  # a name that is too long
        raise WriteError(f"The folder {path.parent} can't be made ({error.strerror}): choose another.") from None
    if not folder.is_dir():
        raise WriteError(f"The folder {path.parent} can't be made ({folder} is a file): choose another.")
    return folder
