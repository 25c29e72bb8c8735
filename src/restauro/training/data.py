"""Examples to train on: a picture and a hole by number, and batches of them made ahead.

All that is drawn is a function of a seed and a number, so that a run can be cut off anywhere and gone on with.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.datasets import Pictures, hole_generator, picture_paths
from restauro.errors import RestauroError, TrainingError
from restauro.mask_files import read_mask_file

Example = tuple[NDArray[np.uint8], NDArray[np.bool_]]
MakeMask = Callable[[int, int, np.random.Generator], NDArray[np.bool_]]
Result = TypeVar("Result")

# What is drawn from a seed: one stream of numbers each.
_ORDER, _EXAMPLE = 0, 1  # 2 is `hole_generator`'s
_MASKS_KEPT = 4096  # read mask files, a bit a pixel: 32 KiB each at 512 x 512
_TRIES = 10  # to cut a piece with some hole and something known out of a mask


class Numbered(Protocol):
    """Examples by number; see `Examples` and `ValidationExamples`."""

    def example(self, number: int) -> Example:
        """Return picture uint8 [side, side, 3] and hole bool [side, side]."""
        ...


class Examples:
    """An endless row of training examples: every picture once an epoch, each time another piece and another hole.

    A piece is a square of the picture, resized to the side that is asked for: the picture is first made smaller by
    chance, its shorter side to anything between the piece's side and its own (evenly), and then cut anywhere; a
    picture that is smaller than a piece is enlarged to it. Half of the pieces are mirrored, left to right.

    Parameters
    ----------
    pictures
        See `restauro.datasets.open_pictures`.
    side
        Pixels of a piece's side.
    make_mask
        `make_mask(height, width, rng)` returns bool [height, width], True is hole: `restauro.damage.synthesis.marks`,
        for instance, or a `MaskFolder`.
    seed
        At least 0; all that is drawn depends on it and on the example's number alone.
    flip
        Whether pieces are mirrored.
    least_scale
        Share of its size, 0 to 1, to which a picture is made smaller at most.

    Examples
    --------
    >>> from restauro.damage.synthesis import marks
    >>> from restauro.datasets import ArrayPictures
    >>> pictures = ArrayPictures(np.zeros((50, 40, 60, 3), np.uint8), "black")
    >>> picture, hole = Examples(pictures, 32, marks, seed=0).example(1000)
    >>> picture.shape, hole.shape
    ((32, 32, 3), (32, 32))
    """

    def __init__(
        self,
        pictures: Pictures,
        side: int,
        make_mask: MakeMask,
        seed: int,
        flip: bool = True,
        least_scale: float = 0.0,
    ) -> None:
        self.pictures = pictures
        self.side = side
        self.make_mask = make_mask
        self.seed = seed
        self.flip = flip
        self.least_scale = least_scale
        # Batches on the border of two epochs need both orders.
        self._order = lru_cache(maxsize=2)(self._make_order)

    def _make_order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([self.seed, _ORDER, epoch]).permutation(len(self.pictures))

    def example(self, number: int) -> Example:
        """Return picture uint8 [side, side, 3] and hole bool [side, side]; the same at every call."""
        epoch, place = divmod(number, len(self.pictures))
        picture = self.pictures.read(int(self._order(epoch)[place]))
        rng = np.random.default_rng([self.seed, _EXAMPLE, number])
        flipped, scale, down, across = rng.random(4)
        height, width = picture.shape[:2]
        shorter = min(height, width)
        # Resized to `scaled`, the picture would be cut to `side`; the same is cut first, and resized then.
        least = max(self.side, round(self.least_scale * shorter))
        scaled = least + int(scale * (shorter - least + 1))
        window = max(1, round(shorter * self.side / scaled)) if shorter > self.side else shorter
        top, left = int(down * (height - window + 1)), int(across * (width - window + 1))
        piece = resized(picture[top : top + window, left : left + window], self.side)
        hole = self.make_mask(self.side, self.side, rng)
        return (piece[:, ::-1] if self.flip and flipped < 0.5 else piece), hole


class ValidationExamples:
    """Examples to judge a network by: each picture once, in order, its middle square, each with a hole of its own.

    The hole is a function of the seed and the picture's number, so that it is the same after every epoch and in every
    run.

    Parameters
    ----------
    pictures, side, make_mask, seed
        As `Examples` takes them. The middle square, as large as the picture's shorter side, is resized to `side`.
    """

    def __init__(self, pictures: Pictures, side: int, make_mask: MakeMask, seed: int) -> None:
        self.pictures = pictures
        self.side = side
        self.make_mask = make_mask
        self.seed = seed

    def __len__(self) -> int:
        """Return how many there are: as many as pictures."""
        return len(self.pictures)

    def example(self, number: int) -> Example:
        """Return picture uint8 [side, side, 3] and hole bool [side, side]; the same at every call."""
        picture = self.pictures.read(number)
        height, width = picture.shape[:2]
        window = min(height, width)
        top, left = (height - window) // 2, (width - window) // 2
        rng = hole_generator(self.seed, number)
        piece = resized(picture[top : top + window, left : left + window], self.side)
        return piece, self.make_mask(self.side, self.side, rng)


def resized(square: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a square picture [S, S, 3] as [side, side, 3]: smaller ones are averaged, larger ones bicubic.

    What is in the middle stays there: libvips' own way to enlarge moves a picture by half a pixel.
    """
    if len(square) == side:
        return square
    image = pyvips.Image.new_from_array(np.ascontiguousarray(square))
    if side < len(square):
        image = image.thumbnail_image(side, height=side, size="force")
    else:
        by, bicubic = side / len(square), pyvips.Interpolate.new("bicubic")
        middle = (by - 1) / 2
        image = image.affine(
            [by, 0, 0, by], interpolate=bicubic, oarea=[0, 0, side, side], odx=middle, ody=middle, extend="copy"
        )
    return np.frombuffer(image.write_to_memory(), np.uint8).reshape(side, side, 3)


def batches(
    examples: Examples, size: int, first_step: int = 0, rank: int = 0, world: int = 1, threads: int = 1
) -> Generator[Example, None, None]:
    """Yield training batches for ever, made ahead on threads.

    The batch of a step and a rank holds the examples from number `(step * world + rank) * size` on, so that `world`
    processes together see what one process with batches of `world * size` sees, and a run that starts at `first_step`
    what an unbroken one sees from there on.

    Parameters
    ----------
    examples
        What they are made of.
    size
        Examples a batch.
    first_step
        The step to begin with.
    rank, world
        Which of how many processes this is.
    threads
        Threads that make batches; each makes one at a time, and twice as many as there are threads are ahead. They end
        when the iterator is closed.

    Yields
    ------
    uint8 [size, side, side, 3], bool [size, side, side]
        Pictures and holes.

    Raises
    ------
    TrainingError
        A picture or mask file can't be read.

    Examples
    --------
    >>> from restauro.damage.synthesis import marks
    >>> from restauro.datasets import ArrayPictures
    >>> examples = Examples(ArrayPictures(np.zeros((50, 32, 32, 3), np.uint8), "black"), 32, marks, seed=0)
    >>> endless = batches(examples, size=8)
    >>> pictures, holes = next(endless)
    >>> pictures.shape, holes.shape
    ((8, 32, 32, 3), (8, 32, 32))
    >>> endless.close()
    """
    firsts = ((step * world + rank) * size for step in count(first_step))
    return _ahead((partial(batch, examples, range(first, first + size)) for first in firsts), threads)


def validation_batches(
    examples: ValidationExamples, size: int, rank: int = 0, world: int = 1, threads: int = 1
) -> Generator[Example, None, None]:
    """Yield all validation examples once, in order, in batches of `size` (the last may be smaller), made ahead.

    Of several processes each takes every `world`-th batch, from its rank on. See `batches`.
    """
    total = len(examples)
    firsts = range(rank * size, total, world * size)
    return _ahead((partial(batch, examples, range(first, min(first + size, total))) for first in firsts), threads)


def batch(examples: Numbered, numbers: range) -> Any:
    """Return the examples of some numbers: pictures uint8 [N, side, side, 3], holes bool [N, side, side], and fills."""
    made = [examples.example(number) for number in numbers]
    return tuple(np.stack(parts) for parts in zip(*made, strict=True))


def _ahead(work: Iterable[Callable[[], Result]], threads: int) -> Generator[Result, None, None]:
    """Yield what pieces of work return, in order; threads are a few pieces ahead until the generator is closed."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="restauro-data")
    waiting: deque[Future[Result]] = deque()
    try:
        for piece in work:
            waiting.append(pool.submit(piece))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class MaskFolder:
    """Masks from a folder of mask files, cut, turned and mirrored by chance; as `make_mask` of `Examples`.

    Files are read by the rules of `restauro.read_mask` (of two values the larger is hole; more values are cut at half
    and the hole grown by 1 pixel). A piece of the mask, its shorter side anything between that of the picture and its
    own, is brought to the picture's size by taking the nearest pixels, so that masks stay masks. A piece that is all
    hole or all known is drawn again, up to nine times.

    Parameters
    ----------
    folder
        Mask files anywhere below it.
    polarity
        What is hole: "white" or "black".

    Raises
    ------
    TrainingError
        No such folder, or no mask files in it; when its turn comes, a file that can't be read as a mask.
    """

    def __init__(self, folder: str | os.PathLike[str], polarity: str = "white") -> None:
        self.paths = picture_paths(Path(folder))
        if not self.paths:
            raise TrainingError(f"There are no mask files in {folder}: name the folder that holds them.")
        self.polarity = polarity
        self._packed = lru_cache(maxsize=_MASKS_KEPT)(self._read)

    def _read(self, index: int) -> tuple[tuple[int, ...], NDArray[np.uint8]]:
        try:
            file = read_mask_file(self.paths[index], self.polarity)
        except RestauroError as error:
            raise TrainingError(f"{error} Or take it out of the folder.") from None
        hole = file.grown
        return hole.shape, np.packbits(hole)

    def __call__(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return bool [height, width], a function of the generator's state."""
        for _ in range(_TRIES):
            shape, bits = self._packed(int(rng.integers(len(self.paths))))
            hole = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).view(np.bool_)
            piece = _piece(_turned(hole, rng), height, width, rng)
            if piece.any() and not piece.all():
                break
        return piece


def _turned(hole: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return one of the eight ways to lay a mask."""
    way = int(rng.integers(8))
    turned = np.rot90(hole, way % 4)
    return turned[::-1] if way >= 4 else turned


def _piece(hole: NDArray[np.bool_], height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a piece of a mask, brought to a size by taking the nearest pixels."""
    largest = min(hole.shape[0] / height, hole.shape[1] / width)  # pixels of the mask to a pixel of the piece
    step = rng.uniform(min(1.0, largest), largest)
    top, left = rng.random(2) * (hole.shape[0] - step * height, hole.shape[1] - step * width)
    rows = np.minimum((top + step * (np.arange(height) + 0.5)).astype(np.int64), hole.shape[0] - 1)
    columns = np.minimum((left + step * (np.arange(width) + 0.5)).astype(np.int64), hole.shape[1] - 1)
    piece: NDArray[np.bool_] = hole[np.ix_(rows, columns)]
    return piece
