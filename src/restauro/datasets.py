"""Where training and evaluation take pictures from: folders of files, tar shards, CIFAR-10."""

from __future__ import annotations

import os
import pickle
import tarfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro import cifar10_sheets
from restauro.errors import DataError, ImageError
from restauro.files import formats
from restauro.files.images import pixels_of
from restauro.viewing import check_floats, in_srgb

_ENDINGS = tuple(ending for endings in formats.ENDINGS.values() for ending in endings)
_HELD_OUT = 50  # of how many pictures one is kept for testing, where the folder doesn't say which

_KEPT = 2**30  # bytes

_SIDE = 32  # pixels: of CIFAR-10's pictures
_CIFAR_FILES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_CIFAR_FILE_PICTURES = 10_000
_TEST_HOLES = 2  # a stream of random numbers of its own: training draws from others of the same seed


class Pictures(Protocol):
    """Pictures by number.

    Attributes
    ----------
    description
        What they are and where they came from, for logs and checkpoints.
    """

    description: str

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a picture, uint8 [H, W, 3]; it isn't to be written to. It may be called from several threads."""
        ...


def open_pictures(folder: str | os.PathLike[str], split: str = "all") -> Pictures:
    """Open a folder of pictures, of tar shards, or of CIFAR-10; which of them it is, its files say.

    Parameters
    ----------
    folder
        - CIFAR-10: the official files of the Python or the binary version, unpacked or as the archive that they come
          in, or sheets of them; see `restauro.cifar10_sheets`.
        - Tar shards: `.tar` files with picture files in them, anywhere below the folder. They are not unpacked.
        - Pictures: JPEG, PNG, TIFF, WebP or AVIF files anywhere below the folder.
    split
        "train" or "test". CIFAR-10 has its own. Of others, the folder `train` and the folder `test` (or `val`) within
        it, if it has both; else every 50th picture, in the order of their names, is for testing. "all": both together.

    Returns
    -------
    Pictures
        As people see them, in 8 bits and sRGB as `restauro.viewing.in_srgb` has it; grey becomes three equal bands.

    Raises
    ------
    DataError
        No such folder, nothing in it, or a file of CIFAR-10 that is missing or cut short. A picture file that can't be
        read raises it too, when its turn comes.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> pyvips.Image.black(4, 3).pngsave(str(Path(folder.name, "grey.png")))
    >>> pictures = open_pictures(folder.name)
    >>> len(pictures), pictures.read(0).shape
    (1, (3, 4, 3))
    >>> folder.cleanup()
    """
    if split not in ("train", "test", "all"):
        raise DataError(f"The split {split!r} isn't known: it is train, test or all.")
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: name the one that holds the pictures.")
    return _open_cifar(folder, split) or _open_files(folder, split)


def hole_generator(seed: int, number: int, *further: int | None) -> np.random.Generator:
    """Return what the hole of a test picture is drawn from: the same in training's validation and in evaluation.

    Parameters
    ----------
    seed, number
        Of the run, and of the picture; both at least 0.
    further
        What else the hole depends on, such as a bin of hole ratio; None doesn't count.

    Examples
    --------
    >>> hole_generator(0, 7).random() == hole_generator(0, 7, None).random() != hole_generator(0, 8).random()
    True
    """
    return np.random.default_rng([seed, _TEST_HOLES, number, *(int(one) for one in further if one is not None)])


class ArrayPictures:
    """Pictures of one size, all in memory: uint8 [N, H, W, 3]."""

    def __init__(self, array: NDArray[np.uint8], description: str) -> None:
        self.array = array
        self.description = description

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.array)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a view of a picture."""
        picture: NDArray[np.uint8] = self.array[index]
        return picture


class KeptPictures:
    """Pictures that stay in memory once they are read, as many as about a gigabyte holds; others are read each time.

    Examples
    --------
    >>> pictures = KeptPictures(ArrayPictures(np.zeros((5, 4, 3, 3), np.uint8), "black"))
    >>> len(pictures), pictures.description, pictures.read(2) is pictures.read(2)
    (5, 'black', True)
    """

    def __init__(self, pictures: Pictures) -> None:
        self.description = pictures.description
        self._pictures = pictures
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._pictures)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a picture."""
        if index in self._kept:
            return self._kept[index]
        picture = self._pictures.read(index)
        if self._bytes + picture.nbytes <= _KEPT and self._kept.setdefault(index, picture) is picture:
            self._bytes += picture.nbytes  # of two threads that read it one
        return picture


class FilePictures:
    """Pictures in files: each a file's path, and from which byte to which it lies in it (None: the whole file)."""

    def __init__(self, files: Sequence[tuple[Path, str, int | None, int]], description: str) -> None:
        self.files = files
        self.description = description

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.files)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Read and decode a picture."""
        path, name, start, length = self.files[index]
        what = str(path) if start is None else f"{name} in {path}"
        try:
            with path.open("rb") as file:
                file.seek(start or 0)
                data = file.read() if start is None else file.read(length)
            return decode(data)
        except ImageError as error:
            raise DataError(f"The picture {what}: {str(error).removesuffix('.')}, or take it away.") from None
        except OSError as error:
            reason = error.strerror or str(error)
        except pyvips.Error as error:
            reason = error.detail.strip().splitlines()[-1] if error.detail.strip() else "no reason given"
        raise DataError(f"The picture {what} can't be read ({reason}): get a complete copy, or take it away.")


def decode(data: bytes) -> NDArray[np.uint8]:
    """Return what a picture file shows, uint8 [H, W, 3]; see `open_pictures` for the rules."""
    image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="truncated").autorot()
    if image.format == "float":
        image = image.copy_memory()
        check_floats(image.numpy())
    pixels = pixels_of(in_srgb(image))
    return np.repeat(pixels[:, :, np.newaxis], 3, axis=2) if pixels.ndim == 2 else pixels


def _open_files(folder: Path, split: str) -> FilePictures:
    """Open the pictures that lie in a folder as files, or in tar files."""
    own = _own_folder(folder, split)
    shards = _paths(own or folder, (".tar",))
    if shards:
        files = [member for shard in shards for member in _members(shard)]
    else:
        files = [(path, path.name, None, 0) for path in picture_paths(own or folder)]
    if not files:
        raise DataError(
            f"There are no pictures in {own or folder}: restauro looks for {', '.join(_ENDINGS)} and .tar below it, "
            "and for the files of CIFAR-10."
        )
    if own is None and split != "all":
        if len(files) < 2:
            raise DataError(f"There is one picture in {folder}: training needs two, one of them to test with.")
        files = [file for number, file in enumerate(files) if (number % _HELD_OUT == 0) == (split == "test")]
    source = f"{len(shards)} tar shards" if shards else "files"
    return FilePictures(files, f"{len(files)} pictures ({split}) from {source} in {own or folder}")


def picture_paths(folder: Path) -> list[Path]:
    """Return all picture files below a folder, in the order of their paths."""
    return _paths(folder, _ENDINGS)


def _paths(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())


def _own_folder(folder: Path, split: str) -> Path | None:
    """Return the folder of a split, where both are there."""
    train = folder / "train"
    test = next((folder / name for name in ("test", "val") if (folder / name).is_dir()), None)
    if split == "all" or not train.is_dir() or test is None:
        return None
    return train if split == "train" else test


def _members(shard: Path) -> Iterator[tuple[Path, str, int | None, int]]:
    """Return where the pictures lie in a tar file, by its headers alone."""
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                if member.isfile() and member.name.lower().endswith(_ENDINGS):
                    yield shard, member.name, member.offset_data, member.size
    except tarfile.TarError as error:
        raise DataError(f"The shard {shard} isn't a plain tar file, or is cut short ({error}).") from None


def _open_cifar(folder: Path, split: str) -> ArrayPictures | None:
    """Open CIFAR-10 in any of its forms; None where the folder holds something else."""
    splits = ["train", "test"] if split == "all" else [split]
    if (folder / "train-000.webp").exists() or (folder / "test-000.webp").exists():
        parts = [cifar10_sheets.read(folder, one, _read_file) for one in splits]
    else:
        read = _official_reader(folder)
        if read is None:
            return None
        parts = [_parse_cifar(read(name), name) for one in splits for name in _CIFAR_FILES[one]]
    array = np.concatenate(parts)
    return ArrayPictures(array, f"{len(array)} pictures ({split}) of CIFAR-10 in {folder}")


def _read_file(path: Path) -> NDArray[np.uint8]:
    return FilePictures([(path, path.name, None, 0)], "").read(0)


def _official_reader(folder: Path) -> Callable[[str], bytes] | None:
    """Return what gives the content of CIFAR-10's files by their names, without `.bin`; None where there are none."""
    for inner in (folder, folder / "cifar-10-batches-bin", folder / "cifar-10-batches-py"):
        for ending in (".bin", ""):
            if any((inner / f"{name}{ending}").is_file() for names in _CIFAR_FILES.values() for name in names):
                return lambda name, inner=inner, ending=ending: _content(inner / f"{name}{ending}")  # type: ignore[misc]
    for archive in (folder / "cifar-10-binary.tar.gz", folder / "cifar-10-python.tar.gz"):
        if archive.is_file():
            return _archive_reader(archive)
    return None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"CIFAR-10's {path} can't be read ({error.strerror}): unpack the whole archive.") from None


def _archive_reader(archive: Path) -> Callable[[str], bytes]:
    wanted = [name for names in _CIFAR_FILES.values() for name in names]
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name = Path(member.name).name.removesuffix(".bin")
                file = members.extractfile(member) if name in wanted else None
                if file:
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"The archive {archive} can't be read ({_first_line(error)}): get a complete copy.") from None
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(f"The archive {archive} lacks {', '.join(missing)}: get a complete copy.")
    return found.__getitem__


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(":")


def _parse_cifar(content: bytes, name: str) -> NDArray[np.uint8]:
    """Return the pictures of one of CIFAR-10's files, of the binary or of the Python version."""
    values = _SIDE * _SIDE * 3
    if len(content) == _CIFAR_FILE_PICTURES * (1 + values):
        planes = np.frombuffer(content, np.uint8).reshape(-1, 1 + values)[:, 1:]
    else:
        planes = _unpickle(content, name)
        if planes.ndim != 2 or planes.shape[1] != values or planes.dtype != np.uint8:
            raise DataError(f"CIFAR-10's {name} holds {planes.dtype} {planes.shape}, not uint8 [N, {values}].")
    return np.ascontiguousarray(planes.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))


def _unpickle(content: bytes, name: str) -> NDArray[Any]:
    try:
        data = _ArraysOnly(BytesIO(content), encoding="bytes").load()[b"data"]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(
            f"CIFAR-10's {name} is neither a file of the binary version nor one of the Python version ({error}): get a "
            "complete copy."
        ) from None
    return np.asarray(data)


class _ArraysOnly(pickle.Unpickler):
    """Reads pickles of plain values and NumPy arrays; a pickle can name any function to call, and no other is."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and module.startswith("numpy"):
            return np.empty(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")
