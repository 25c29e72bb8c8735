"""What is compared on what: pictures, and the masks that each of them gets.

The protocol is that of Liu et al. 2018: irregular holes in six bins of hole ratio, with and without holes near the
border, results composited. Other kinds of damage and given masks go the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro import provenance
from restauro.damage.kinds import KINDS, make_damage
from restauro.damage.ratios import RATIO_BINS, ratio_in
from restauro.damage.synthesis import strokes
from restauro.datasets import ArrayPictures, FilePictures, Pictures, hole_generator, open_pictures, picture_paths
from restauro.errors import DataError, EvaluationError, MaskError, ReadError
from restauro.files.formats import recognise
from restauro.mask import check_amount
from restauro.mask_files import NoMaskError, find_mask, read_mask_file

BORDERS = {"both": (True, False), "border": (True,), "no-border": (False,)}
_IN_BINS = "strokes"


@dataclass(frozen=True)
class PictureSet:
    """Pictures by name; what processes are given, each of which opens them itself.

    Attributes
    ----------
    names
        One a picture; masks depend on it, so a picture keeps its masks in any company.
    files
        Their files; empty for a data set.
    dataset
        The folder of a data set, whose test pictures are taken; None for files.
    """

    names: tuple[str, ...]
    files: tuple[Path, ...] = ()
    dataset: Path | None = None

    def open(self) -> Pictures:
        """Return what reads them."""
        if self.dataset is not None:
            return open_pictures(self.dataset, split="test")
        return FilePictures([(file, file.name, None, 0) for file in self.files], "pictures to evaluate on")

    def digests(self) -> dict[str, str]:
        """Return digests of the files by the pictures' names; of a data set one of all its test pictures."""
        if self.dataset is not None:
            pictures = self.open()
            assert isinstance(pictures, ArrayPictures)
            return {"CIFAR-10": provenance.digest_of_bytes(np.ascontiguousarray(pictures.array).data)}
        return {name: provenance.digest_of_file(file) for name, file in zip(self.names, self.files, strict=True)}

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Yield each picture's name, height and width, which a file's header says.

        Raises
        ------
        DataError
            A file's header can't be read.
        """
        if self.dataset is not None:
            height, width = self.open().read(0).shape[:2]
            yield from ((name, height, width) for name in self.names)
        for name, file in zip(self.names, self.files, strict=False):
            try:
                image = pyvips.Image.new_from_file(str(file)).autorot()
            except pyvips.Error:
                raise DataError(_what_is_wrong(file)) from None
            yield name, image.height, image.width


@dataclass(frozen=True)
class MaskReading:
    """How mask files are understood.

    Attributes
    ----------
    polarity
        What is hole in them: "white" or "black".
    accept_large_holes
        Don't take those of more than 60 % hole for inverted ones.
    """

    polarity: str = "white"
    accept_large_holes: bool = False

    def hole_of(self, file: Path) -> NDArray[np.bool_]:
        """Return what is hole in a mask file, bool [H, W].

        Raises
        ------
        MaskError, ReadError
            It can't be read, is no mask, or looks inverted.
        """
        hole = _hole_of_file(file, self.polarity)
        try:
            check_amount(hole.mean(), self.polarity, accept_large_holes=self.accept_large_holes)
        except MaskError as error:
            raise error.of(f"The mask {file}") from None
        return hole


@dataclass(frozen=True)
class MaskChoice:
    """One of the masks that every picture gets.

    Attributes
    ----------
    name
        What results call it: "strokes-0.1-0.2-border", "cracks", "losses.png".
    kind
        A kind of damage, or the file or folder that the mask comes from.
    bin
        The bin's number from 0 in `RATIO_BINS`; None where there are none.
    border
        Whether holes come near the border; None where nothing is asked for.
    file
        A mask file, or a folder of them.
    reading
        How mask files are understood.
    listed
        Files of pictures, and of the mask that each gets, where a list says so.
    """

    name: str
    kind: str
    bin: int | None = None
    border: bool | None = None
    file: Path | None = None
    reading: MaskReading = MaskReading()
    listed: tuple[tuple[Path, Path], ...] = ()

    @cached_property
    def file_of(self) -> dict[Path, Path]:
        """The mask that each picture gets, where a list says so."""
        return dict(self.listed)

    @property
    def bin_text(self) -> str:
        """The bin as results call it: "0.1-0.2", or nothing.

        >>> MaskChoice("strokes", "strokes", bin=1).bin_text
        '0.1-0.2'
        """
        return "" if self.bin is None else "{:g}-{:g}".format(*RATIO_BINS[self.bin])

    def digest(self) -> str:
        """Return what the mask is made by: a kind of damage, or the digest of its file or of the files of its folder.

        Raises
        ------
        MaskError, DataError
            A file can't be read, or is no mask; there is none in the folder.
        """
        if self.listed:
            digests = [f"{picture.name} {provenance.digest_of_file(mask)}" for picture, mask in self.listed]
            return provenance.digest_of_bytes("\n".join([*digests, self.reading.polarity]).encode())
        if self.file is None:
            return self.kind
        if self.file.is_dir():
            digest = provenance.digest_of_files(_mask_files(self.file), self.file)
        else:
            self.reading.hole_of(self.file)
            digest = provenance.digest_of_file(self.file)
        return digest if self.reading.polarity == "white" else f"{digest} {self.reading.polarity}"


def _what_is_wrong(file: Path) -> str:
    """Say why a picture can't be opened, as `restauro.read_picture` does."""
    try:
        recognise(file)
    except ReadError as error:
        return f"The picture {file}: {error}"
    return f"The picture {file} can't be read, it is damaged or cut short: get a complete copy, or take it away."


def find_pictures(sources: Sequence[str | os.PathLike[str]], count: int | None = None) -> PictureSet:
    """Return the pictures of files and folders, the first so many of them.

    Names are those of the files without ending, below a folder with the path from there.

    Raises
    ------
    DataError
        There is no such file or folder, no picture in a folder, or two pictures have one name.
    """
    files: dict[str, Path] = {}
    for source in map(Path, sources):
        if source.is_dir():
            found = [(path.relative_to(source).with_suffix("").as_posix(), path) for path in picture_paths(source)]
            if not found:
                raise DataError(f"There are no pictures in {source}: name a folder that holds some, or files.")
        elif source.is_file():
            found = [(source.stem, source)]
        else:
            raise DataError(f"There is no picture or folder {source}.")
        for name, path in found:
            if files.setdefault(name, path) != path:
                raise DataError(
                    f"{files[name]} and {path} are both called {name}, and results go by names: evaluate them in two "
                    "runs, or rename one."
                )
    chosen = list(files.items())[:count]
    return PictureSet(tuple(name for name, _ in chosen), tuple(path for _, path in chosen))


def open_dataset(folder: str | os.PathLike[str], count: int | None = None) -> PictureSet:
    """Return the test pictures of CIFAR-10, the first so many of them.

    Raises
    ------
    DataError
        The folder holds something else, or nothing, or not all of it.
    """
    pictures = open_pictures(folder, split="test")
    if not isinstance(pictures, ArrayPictures):
        raise DataError(
            f"There is no CIFAR-10 in {folder}: name the folder of its official files, of their archive, or of its "
            "sheets; pictures of another kind are named as files or folders."
        )
    total = len(pictures)
    return PictureSet(tuple(f"{number:05}" for number in range(min(total, count or total))), dataset=Path(folder))


def choose_masks(
    masks: Sequence[str],
    bins: Sequence[int] | None = None,
    border: str = "both",
    reading: MaskReading = MaskReading(),
) -> tuple[MaskChoice, ...]:
    """Return the masks that each picture gets.

    Parameters
    ----------
    masks
        Kinds of damage made; "all" for all of them; mask files, folders of mask files. A name that is a kind's is the
        kind: a folder of that name is written "./cracks".
    bins
        Which bins of hole ratio `strokes` are drawn in, from 1; None is all six. Other kinds have a ratio of their own.
    border
        Of `strokes`: "both", "border", "no-border".
    reading
        How mask files are understood.

    Raises
    ------
    EvaluationError
        There is no such kind, file or bin.

    Examples
    --------
    >>> [mask.name for mask in choose_masks(["strokes", "cracks"], bins=[1], border="both")]
    ['strokes-0.01-0.1-border', 'strokes-0.01-0.1-no-border', 'cracks']
    """
    numbers = [number - 1 for number in bins or range(1, len(RATIO_BINS) + 1)]
    if not all(0 <= number < len(RATIO_BINS) for number in numbers):
        raise EvaluationError(f"Bins are 1 (1 to 10 % hole) to {len(RATIO_BINS)} (50 to 60 %), not {list(bins or ())}.")
    if border not in BORDERS:
        raise EvaluationError(f"The border is {', '.join(BORDERS)}, not {border!r}.")
    chosen: list[MaskChoice] = []
    for mask in dict.fromkeys(one for name in masks for one in (KINDS if name == "all" else [name])):
        if mask == _IN_BINS:
            chosen += _in_bins(numbers, BORDERS[border])
        elif mask in KINDS:
            chosen.append(MaskChoice(mask, mask))
        elif Path(mask).exists():
            file = Path(mask).resolve()
            name = f"{file.name}/" if file.name in KINDS else file.name  # ./cracks isn't the kind
            chosen.append(MaskChoice(name, name, file=file, reading=reading))
        else:
            raise EvaluationError(
                f"There is no kind of damage, mask file or folder {mask!r}: kinds are {', '.join(KINDS)}, all."
            )
    if len({mask.name for mask in chosen}) < len(chosen):
        raise EvaluationError("Two of the mask files or folders have one name: evaluate them in two runs.")
    return tuple(chosen)


def _in_bins(numbers: Sequence[int], borders: Sequence[bool]) -> Iterator[MaskChoice]:
    for number in numbers:
        for border in borders:
            low, high = RATIO_BINS[number]
            name = f"{_IN_BINS}-{low:g}-{high:g}-{'border' if border else 'no-border'}"
            yield MaskChoice(name, _IN_BINS, number, border)


def middle(picture: NDArray[np.uint8], size: int | None, name: str = "it") -> NDArray[np.uint8]:
    """Return the middle `size` x `size` pixels; the whole picture where no size is given.

    >>> middle(np.arange(25, dtype=np.uint8).reshape(5, 5), 1)
    array([[12]], dtype=uint8)
    """
    if size is None:
        return picture
    height, width = picture.shape[:2]
    if min(height, width) < size:
        raise DataError(
            f"The picture {name} is {width} x {height} pixels, smaller than the size {size}: leave it out, or give a "
            "smaller size."
        )
    top, left = (height - size) // 2, (width - size) // 2
    return picture[top : top + size, left : left + size]


def make_hole(
    choice: MaskChoice, pictures: PictureSet, number: int, shape: Sequence[int], seed: int
) -> NDArray[np.bool_]:
    """Return a picture's mask, bool [H, W]: a function of seed, picture's name, choice, and the picture's size.

    Of a data set the picture's number stands for its name, as it does in training. A folder gives the mask of the
    picture's name (or `<name>_mask`), else any of its masks. A mask file of another size is cut to the picture's shape
    around its middle, and brought to its size by taking the nearest pixels.

    Raises
    ------
    MaskError, DataError
        A mask file can't be read, or has no hole, or nothing but hole.
    """
    height, width = shape[:2]
    name = pictures.names[number]
    if pictures.dataset is not None:
        rng = hole_generator(seed, number, choice.bin, choice.border)
    else:
        rng = np.random.default_rng([seed, crc32(name.encode()), crc32(choice.name.encode())])
    if choice.listed:
        hole = _fitted(choice.reading.hole_of(choice.file_of[pictures.files[number]]), height, width)
    elif choice.file:
        hole = _fitted(choice.reading.hole_of(_file_for(choice.file, pictures, number, rng)), height, width)
    elif choice.bin is not None:
        hole = strokes(height, width, ratio_in(RATIO_BINS[choice.bin], rng), rng, border=bool(choice.border))
    else:
        hole = make_damage(choice.kind, height, width, rng=rng)
    if hole.all() or not hole.any():
        raise MaskError(
            f"The mask {choice.name} of the picture {name} is {'all' if hole.all() else 'no'} hole, so there is "
            "nothing to judge: take another."
        )
    return hole


def _file_for(masks: Path, pictures: PictureSet, number: int, rng: np.random.Generator) -> Path:
    if masks.is_file():
        return masks
    if pictures.files:
        with suppress(NoMaskError):
            return find_mask(masks, pictures.files[number])
    files = _mask_files(masks)
    return files[rng.integers(len(files))]


def _mask_files(folder: Path) -> list[Path]:
    files = picture_paths(folder)
    if not files:
        raise DataError(f"There are no mask files in {folder}: name the folder that holds them.")
    return files


@lru_cache(maxsize=64)
def _hole_of_file(file: Path, polarity: str) -> NDArray[np.bool_]:
    return read_mask_file(file, polarity).grown


def _fitted(hole: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Return the largest middle piece of a mask that has a picture's shape, brought to its size."""
    step = min(hole.shape[0] / height, hole.shape[1] / width)  # pixels of the mask to a pixel of the picture
    taken = [
        np.minimum(((length - step * count) / 2 + step * (np.arange(count) + 0.5)).astype(np.int64), length - 1)
        for length, count in zip(hole.shape, (height, width), strict=True)
    ]
    fitted: NDArray[np.bool_] = hole[np.ix_(*taken)]
    return fitted
