"""The task of finding damage: worn examples, and how a network's marks are judged."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks
from restauro.damage.wear import paths
from restauro.damage.wear.canvas import CRACK, KINDS, SCRATCH, STAIN, Canvas, log_uniform
from restauro.damage.wear.recipe import scanned, wear
from restauro.datasets import Pictures, hole_generator
from restauro.evaluation.detection import score
from restauro.numerics.soft_strokes import draw_soft
from restauro.training.data import resized

Image = NDArray[np.uint8]  # [H, W, 3]
Marks = NDArray[np.uint8]  # [H, W], bit k: damage of KINDS[k]
Batch = tuple[Image, Marks]  # with an axis more
Case = tuple[Image, Marks, np.uint8]  # with its place in _CASES

_ORDER, _EXAMPLE = 0, 1  # streams of random numbers, as in data.py
_RENDERED = 256  # pixels: the side of what is rendered at least
_IN_TURN = 8  # rendered pieces that small examples are cut from by turns: more than most of a batch
_NATIVE, _ENLARGED = 0.5, 0.25  # of all pieces; the others are made smaller
_LARGE, _LARGEST = 0.35, 4.0  # of all pieces are worn smaller, and enlarged by so much at most: damage on large scans
_FINE, _FINEST = 0.06, 1.8  # and so many larger, and made smaller: damage finer than a small scan's pixels
_COVERED = 0.3  # of a pixel, from which on it counts as damaged then
_SIDE = 512  # pixels, of the squares that a network is judged on, made larger where pictures are smaller
_THRESHOLD = 0.5
_HARDEST = 3  # times the mean share of falsely marked pixels, from which on a picture comes no more often
_LINES = (CRACK, SCRATCH)
_STAINS = KINDS[STAIN]
_CASES = ("cracks", "strokes", "worn", "undamaged")  # what every test picture is judged with
_GRID_PICTURES = 4


class WornExamples:
    """An endless row of training examples: every picture once an epoch, each time another piece, worn another way.

    Half of the pieces are cut as they are; others are of up to 2.5 times their side, made smaller, or enlarged by up to
    1.7. Half are mirrored, a quarter lies on a side. Pieces have 256 x 256 pixels at least, so that damage on them is
    as large as on scans; smaller examples are cut from them, eight pieces in turn. A third is rendered smaller and then
    enlarged, with its damage, by up to four: as where a scan has more pixels than there is to be seen. Some are
    rendered larger and made smaller: as where it has fewer.

    Parameters
    ----------
    pictures
        See `restauro.datasets.open_pictures`.
    side
        Pixels of a piece's side.
    seed
        At least 0; all that is drawn depends on it and on the example's number alone.
    weights
        How often each picture comes, in proportion [pictures]; by default all come once an epoch.
    only
        The kind, of `KINDS`, that alone is to be found: other damage has no marks. Stains come more often then.

    Examples
    --------
    >>> from restauro.datasets import ArrayPictures
    >>> pictures = ArrayPictures(np.zeros((5, 80, 90, 3), np.uint8), "black")
    >>> piece, marks = WornExamples(pictures, 64, seed=0).example(1000)
    >>> piece.shape, marks.shape
    ((64, 64, 3), (64, 64))
    """

    def __init__(
        self,
        pictures: Pictures,
        side: int,
        seed: int,
        weights: NDArray[np.float64] | None = None,
        *,
        only: str = "",
    ) -> None:
        self.pictures = pictures
        self.side = side
        self.seed = seed
        self.only = only
        self.shares = None if weights is None else weights / weights.sum()
        self.parts = max(1, _RENDERED // side)  # along each side of a piece
        self.rendered = lru_cache(maxsize=2 * _IN_TURN)(self._rendered)

    def example(self, number: int) -> Batch:
        """Return the worn piece, uint8 [side, side, 3], and its marks, uint8 [side, side]; the same at every call."""
        turn, place = divmod(number, _IN_TURN * self.parts**2)
        part, which = divmod(place, _IN_TURN)
        worn, marks = self.rendered(turn * _IN_TURN + which)
        top, left = (self.side * at for at in divmod(part, self.parts))
        cut = slice(top, top + self.side), slice(left, left + self.side)
        return worn[cut], marks[cut]

    def _rendered(self, number: int) -> Batch:
        epoch, place = divmod(number, len(self.pictures))
        chance, count = np.random.default_rng([self.seed, _ORDER, epoch]), len(self.pictures)
        order = chance.permutation(count) if self.shares is None else chance.choice(count, count, p=self.shares)
        picture = self.pictures.read(int(order[place]))
        rng = np.random.default_rng([self.seed, _EXAMPLE, number])
        side = self.side * self.parts
        size, rendered = rng.random(), side
        if size < _LARGE:
            rendered = round(side / log_uniform(rng, 1, _LARGEST))
        elif size < _LARGE + _FINE:
            rendered = round(side * rng.uniform(1.2, _FINEST))
        piece = self._piece(picture, rendered, rng)
        if rng.random() < 0.25:
            piece = piece.transpose(1, 0, 2)
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        worn, marks = wear(np.ascontiguousarray(piece), rng, stained=self.only == _STAINS)
        marks &= _bits(self.only)
        return (worn, marks) if rendered == side else (scanned(resized(worn, side), rng), _resized(marks, side))

    def _piece(self, picture: Image, side: int, rng: np.random.Generator) -> Image:
        shorter, chance = min(picture.shape[:2]), rng.random()
        window = side
        if chance > _NATIVE + _ENLARGED:
            window = round(log_uniform(rng, side, 2.5 * side))
        elif chance > _NATIVE:
            window = round(log_uniform(rng, side / 1.7, side))
        window = min(window, shorter)
        top, left = (int(rng.integers(length - window + 1)) for length in picture.shape[:2])
        return resized(picture[top : top + window, left : left + window], side)


def _resized(marks: Marks, side: int) -> Marks:
    """Return marks of another size: enlarged as they are; made smaller, where enough of a pixel is covered."""
    own = len(marks)
    if side > own:
        nearest = (2 * np.arange(side) + 1) * own // (2 * side)
        return marks[nearest][:, nearest]
    resized_marks = np.zeros((side, side), np.uint8)
    bounds = np.arange(side) * own // side
    counts = np.diff(bounds, append=own)
    for bit in np.flatnonzero(np.bitwise_or.reduce(marks, axis=None) >> np.arange(len(KINDS)) & 1):
        plane = (marks >> np.uint8(bit) & 1).astype(np.float32)
        sums = np.add.reduceat(np.add.reduceat(plane, bounds, axis=0), bounds, axis=1)
        covered = sums >= _COVERED * counts[:, np.newaxis] * counts
        resized_marks |= covered.astype(np.uint8) << np.uint8(bit)
    return resized_marks


class FindingTests:
    """Examples to judge a network by: each picture's middle with cracks, with strokes, worn, and undamaged.

    Cracks are those of `restauro.damage.rendering`; strokes are drawn by another renderer, of a gaussian profile and a
    contrast of 15 to 60 of 255. Example `number` is of picture `number // 4`. For one kind alone there are two, worn
    and undamaged.
    """

    def __init__(self, pictures: Pictures, seed: int, *, only: str = "") -> None:
        self.pictures = pictures
        self.seed = seed
        self.only = only
        self.cases = _CASES[2:] if only else _CASES

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.cases) * len(self.pictures)

    def example(self, number: int) -> Case:
        """Return a piece, uint8 [H, W, 3], its marks, uint8 [H, W], and which case it is; the same at every call."""
        index, place = divmod(number, len(self.cases))
        case = self.cases[place]
        return *self._of(case, _middle(self.pictures.read(index)), number), np.uint8(_CASES.index(case))

    def _of(self, case: str, piece: Image, number: int) -> Batch:
        rng = hole_generator(self.seed, number)
        if case == "worn":
            worn, marks = wear(piece, rng, damaged=True, stained=self.only == _STAINS)
            return worn, marks & _bits(self.only)
        if case == "cracks":
            ratio, width = rng.uniform(0.01, 0.04), rng.uniform(1, 6)
            hole = cracks(_SIDE, _SIDE, ratio, rng, crack_width=width)
            piece, truth = render_cracks(piece, hole, rng)
        elif case == "strokes":
            piece, truth = with_strokes(piece, rng)
        else:
            truth = np.zeros((_SIDE, _SIDE), np.bool_)
        return piece, truth.view(np.uint8) << np.uint8(CRACK)


def _bits(only: str) -> np.uint8:
    """Return the bits of the marks that are to be found."""
    return np.uint8(1 << KINDS.index(only) if only else 2 ** len(KINDS) - 1)


def _middle(picture: Image) -> Image:
    """Return the middle of a picture, 512 square; of a smaller one all that is square, enlarged."""
    side = min(_SIDE, *picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return resized(np.ascontiguousarray(picture[top : top + side, left : left + side]), _SIDE)


@torch.no_grad()
def hardness(network: torch.nn.Module, pictures: Pictures) -> NDArray[np.float64]:
    """Return weights of undamaged pictures, 1 to 4: the more of its middle a network marks, the more often one comes.

    A picture has 1 where nothing is marked, 2 where as much as on the average, 4 from three times as much on.
    """
    device = next(network.parameters()).device
    shares = np.empty(len(pictures))
    for index in range(len(pictures)):
        piece = _middle(pictures.read(index))
        image, _ = to_tensors((piece[None], np.zeros((1, *piece.shape[:2]), np.uint8)), device)
        shares[index] = float((with_lines(network(image).float().sigmoid()).amax(1) >= _THRESHOLD).float().mean())
    weights: NDArray[np.float64] = 1 + np.minimum(shares / max(shares.mean(), 1e-9), _HARDEST)
    return weights


def with_strokes(piece: Image, rng: np.random.Generator) -> tuple[Image, NDArray[np.bool_]]:
    """Return a picture [H, W, 3] with random soft strokes, a third of them brighter, and where they are."""
    canvas = Canvas.of(piece)
    for _ in range(int(rng.integers(8, 30))):
        path = paths.walk(rng.random(2) * canvas.shape, log_uniform(rng, 30, 300), rng.uniform(0.01, 0.06), rng)
        field, core = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
        draw_soft(path, np.full(len(path), 0.5 * rng.uniform(1, 6)), np.ones(len(path)), 0.0, field, core)
        colour = np.full(3, 255 if rng.random() < 1 / 3 else 0, np.float32)
        canvas.shift(rng.uniform(15, 60) * field, colour)
        canvas.mark(core, CRACK)
    return np.rint(canvas.picture).clip(0, 255).astype(np.uint8), canvas.marks > 0


class MarksLoss:
    """Cross-entropy, and soft dice over the batch, of each kind and of all lines together.

    Dice (F. Milletari et al., "V-Net", 3DV 2016) is 1 less twice what is in both over the sum of each: a kind that is
    rare counts as much as one that isn't. Cracks and scratches count once more together, since what one is taken for
    the other is found all the same.
    """

    weights = {"cross_entropy": 2.5, "dice": 1.0}  # noqa: RUF012

    def __call__(self, logits: torch.Tensor, image: torch.Tensor, truth: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the terms; logits and truth: float [N, 5, H, W]."""
        cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
        shares = with_lines(logits.sigmoid())
        truth = with_lines(truth)
        both, each = (shares * truth).sum((0, 2, 3)), (shares + truth).sum((0, 2, 3))
        present = (truth.sum((0, 2, 3)) > 0).float()
        dice = 1 - (2 * both + 1) / (each + 1)
        return {"cross_entropy": cross_entropy, "dice": (dice * present).sum() / present.sum().clamp(min=1)}


def with_lines(shares: torch.Tensor) -> torch.Tensor:
    """Return probabilities [N, 5, H, W] with those of a line, crack or scratch, as a sixth kind."""
    neither = (1 - shares[:, CRACK]) * (1 - shares[:, SCRATCH])
    return torch.cat([shares, 1 - neither[:, None]], 1)


def to_tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pictures as float32 [B, 3, H, W], 0..1, channels last in memory, and truth as float32 [B, 5, H, W]."""
    pictures, marks = (torch.from_numpy(part).to(device) for part in batch)
    image = pictures.permute(0, 3, 1, 2).float().div_(255)
    truth = torch.stack([(marks >> kind) & 1 for kind in range(len(KINDS))], 1).float()
    return image, truth


@torch.no_grad()
def score_sums(find: Any, batches: Iterable[Any], device: torch.device) -> tuple[torch.Tensor, Any]:
    """Add up scores over batches of `FindingTests`: all of them, or those of one process among several.

    find: image float32 [B, 3, H, W] to log odds [B, 5, H, W].

    Returns
    -------
    float64 [4, 3]: for each case the sum of F1 (undamaged: of the percentage marked), that of the intersection over
    union, and the count; and a picture of samples, uint8 [H, W, 3], None without batches.
    """
    sums = torch.zeros((len(_CASES), 3), dtype=torch.float64, device=device)
    shown: list[Image] = []
    for pictures, truths, cases in batches:
        image, _ = to_tensors((pictures, truths), device)
        shares = with_lines(find(image).float().sigmoid()).cpu().numpy()
        for picture, marks, case, found in zip(pictures, truths, cases, shares, strict=True):
            damage = (found.max(axis=0) if _CASES[case] == "worn" else found[-1]) >= _THRESHOLD
            result = score(damage, marks > 0)
            value = 100 * float((found.max(axis=0) >= _THRESHOLD).mean()) if _CASES[case] == "undamaged" else result.f1
            sums[case] += torch.tensor([value, result.iou, 1.0], dtype=torch.float64)
            if len(shown) < _GRID_PICTURES:
                truth = np.repeat(((marks > 0) * np.uint8(255))[..., None], 3, axis=2)
                grey = np.repeat((255 * found.max(axis=0)).astype(np.uint8)[..., None], 3, axis=2)
                shown.append(np.concatenate([picture, truth, grey], axis=1))
    return sums, np.concatenate(shown) if shown else None


def metrics_of(sums: torch.Tensor) -> dict[str, float]:
    """Turn the sums of `score_sums` into means: F1 and overlap a case, percentage marked, 1 less the mean F1."""
    values, overlaps, counts = sums.double().T.tolist()
    found: dict[str, float] = {}
    for case, value, overlap, count in zip(_CASES, values, overlaps, counts, strict=True):
        if case == "undamaged":
            found["undamaged_marked"] = value / max(1, count)
        elif count:
            found |= {f"{case}_f1": value / count, f"{case}_iou": overlap / count}
    reached = [value for name, value in found.items() if name.endswith("_f1")]
    found["missed"] = 1 - sum(reached) / max(1, len(reached))
    return found
