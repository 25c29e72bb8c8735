"""Blind pairs: a page of two fills side by side that says nothing of who made them, for people to judge."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.errors import EvaluationError, Remedy
from restauro.evaluation.references import labels_of
from restauro.evaluation.running import Judge, Plan
from restauro.evaluation.sheets import Box, Case, worst_crops
from restauro.files import images
from restauro.ledger import Row, write_text

PAGE, KEY = "pairs.html", "pairs-key.json"
SIDE = 256  # of what is shown of a picture, pixels
AGAIN = 8  # every eighth pair is shown once more, the other way round: whoever judges it otherwise was guessing


@dataclass(frozen=True)
class Pair:
    """Two fills of the same holes, as they are shown.

    Attributes
    ----------
    picture, mask
        Names of the plan.
    left, right
        The ways that made them.
    again
        The number of the earlier pair that this one shows once more, mirrored.
    """

    picture: str
    mask: str
    left: str
    right: str
    again: int | None = None


@dataclass(frozen=True)
class Key:
    """What a page of pairs doesn't say: who made what, in the order shown; `id` ties page, key and answers together."""

    id: str
    labels: dict[str, str]
    pairs: tuple[Pair, ...]


def write(
    plan: Plan,
    rows: Sequence[Row],
    folder: Path,
    count: int,
    *,
    progress: Callable[[int, int], object] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a page of `count` blind pairs, and the key to it, into a folder of results.

    Every two ways meet as often as any other two, on as many pictures and masks as there are; the sides are drawn by
    lot. Shown is the part of the picture, at most `SIDE` pixels square, in which the two differ most. Every
    `AGAIN`th pair comes a second time with its sides changed. The page is one file that asks for nothing from
    anywhere.

    Returns
    -------
    The files: `pairs.html`, for those who judge, and `pairs-key.json`, which isn't for them.

    Raises
    ------
    EvaluationError
        There are fewer than two ways, or no two of them filled the same holes differently; or other pairs lie in the
        folder, whose answers could no longer be read.
    """
    if len(plan.ways) < 2:
        raise EvaluationError("Pairs need two ways to fill at least: name two methods or more.")
    labels, judge = labels_of(plan.ways), Judge(plan)
    pairs: list[Pair] = []
    shown: list[dict[str, str]] = []
    for number, mask_number, ways in _chosen(plan, rows):
        if len(pairs) == count:
            break
        case = judge.case(number, mask_number, ways)
        pictures = _pictures(case, *(labels[way] for way in ways))
        if pictures is not None:
            pairs.append(Pair(plan.pictures.names[number], plan.masks[mask_number].name, *ways))
            shown.append(pictures)
            if progress:
                progress(len(pairs), count)
    if not pairs:
        raise EvaluationError("There is nothing to judge: no two ways filled the same holes differently.")
    for number in range(AGAIN - 1, len(pairs), AGAIN):
        pair, seen = pairs[number], shown[number]
        pairs.append(Pair(pair.picture, pair.mask, pair.right, pair.left, again=number))
        shown.append(seen | {"left": seen["right"], "right": seen["left"]})
    about = {"labels": labels, "pairs": [asdict(pair) for pair in pairs]}
    content = json.dumps(about | {"shown": shown}, sort_keys=True)
    identity = hashlib.sha256(content.encode()).hexdigest()[:16]
    if not overwrite and (folder / KEY).exists() and read_key(folder).id != identity:
        raise EvaluationError(
            f"{folder / KEY} belongs to other pairs, whose answers couldn't be read without it",
            "choose another folder",
            Remedy("overwrite", True, "to begin anew"),
        )
    template = resources.files(__package__).joinpath(PAGE).read_text(encoding="utf-8")
    write_text(folder / KEY, json.dumps({"format": 1, "id": identity} | about, indent=1))
    write_text(folder / PAGE, template.replace("{{PAIRS}}", json.dumps({"id": identity, "shown": shown})))
    return [folder / PAGE, folder / KEY]


def read_key(folder: Path) -> Key:
    """Read the key of the pairs in a folder of results.

    Raises
    ------
    EvaluationError
        There is none, or it isn't what `write` wrote.
    """
    file = folder / KEY
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Key(found["id"], dict(found["labels"]), tuple(Pair(**pair) for pair in found["pairs"]))
    except FileNotFoundError:
        raise EvaluationError(
            f"There is no {KEY} in {folder}: name the folder that the page of pairs was written to."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise EvaluationError(f"{file} can't be read, or isn't what restauro wrote.") from None


def _chosen(plan: Plan, rows: Sequence[Row]) -> Iterator[tuple[int, int, tuple[str, str]]]:
    """Yield a picture's number, a mask's and two ways, left and right, in the order in which pairs are taken."""
    rng = np.random.default_rng(plan.seed)
    filled = {(row["picture"], row["mask"], row["way"]) for row in rows if not row["error"]}
    places = list(itertools.product(range(len(plan.pictures.names)), range(len(plan.masks))))
    couples = list(itertools.combinations(plan.ways, 2))
    orders = {couple: iter(rng.permutation(len(places)).tolist()) for couple in couples}
    while orders:  # a round: each couple of ways once more, on a place that it wasn't shown on
        for couple in [couples[k] for k in rng.permutation(len(couples)) if couples[k] in orders]:
            for place in orders[couple]:
                number, mask_number = places[place]
                names = (plan.pictures.names[number], plan.masks[mask_number].name)
                if all((*names, way) in filled for way in couple):
                    yield number, mask_number, couple if rng.random() < 0.5 else couple[::-1]
                    break
            else:
                del orders[couple]


def _pictures(case: Case, left: str, right: str) -> dict[str, str] | None:
    """Return what is shown of a pair, PNGs in base64; None where the two are the same."""
    differing = np.zeros(case.hole.shape, np.float32)
    apart = case.filled[left].astype(np.float32) - case.filled[right]
    differing[case.hole] = np.square(apart).reshape(len(apart), -1).sum(axis=1)
    boxes = worst_crops(differing, SIDE, 1)
    if not boxes:
        return None
    rows, columns = boxes[0]
    shape = f"{columns.stop - columns.start} / {rows.stop - rows.start}"
    heads = {"left": left, "right": right, "damaged": "damaged"}
    return {"shape": shape} | {name: _png(case, head, boxes[0]) for name, head in heads.items()}


def _png(case: Case, head: str, box: Box) -> str:
    pixels: NDArray[np.uint8] = np.ascontiguousarray(case.view(head, box))
    data: bytes = images.image_of(pixels, is_cmyk=False).pngsave_buffer(keep="none")
    return base64.b64encode(data).decode()
