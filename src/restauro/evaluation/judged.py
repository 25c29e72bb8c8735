"""What people said of blind pairs: how often each way was preferred, with intervals over pictures and people."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.errors import EvaluationError
from restauro.evaluation.pairs import Key, read_key
from restauro.evaluation.statistics import FEW, Estimate
from restauro.evaluation.tables import table
from restauro.ledger import write_text

REPORT = "pairs.md"
_LEFT = {"left": 1.0, "right": 0.0, "same": 0.5}  # what an answer counts for the left one
_RESAMPLES = 5000


@dataclass(frozen=True)
class Answers:
    """What one person said: `left` has what counts for the left one of each pair shown, 0, 0.5 or 1."""

    judge: str
    left: tuple[float, ...]


def read(file: Path, key: Key) -> Answers:
    """Read the answers that a page of pairs saved.

    Raises
    ------
    EvaluationError
        The file can't be read, or holds no answers, or such to other pairs.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        judge, pairs, given = str(found["judge"]), found["pairs"], found["answers"]
        left = tuple(_LEFT[answer] for answer in given)
    except OSError as error:
        raise EvaluationError(f"{file} can't be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError):
        raise EvaluationError(f"{file} doesn't hold what the page of pairs saves.") from None
    if pairs != key.id or len(left) > len(key.pairs):
        raise EvaluationError(f"{file} has answers to other pairs: name the folder that their page was written to.")
    return Answers(judge, left)


def preference(
    scores: NDArray[np.float64], pictures: NDArray[np.int64], judges: NDArray[np.int64], seed: int = 0
) -> Estimate:
    """Return the mean of scores with an interval of 95 % over pictures and people, both drawn anew.

    Parameters
    ----------
    scores, pictures, judges
        [N]: 1 for who was preferred, 0 for who wasn't, 0.5 for neither; the picture's number and the person's.

    References
    ----------
    A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007: rows and columns of a table are
    drawn independently, and a cell counts as often as both are drawn.

    Examples
    --------
    >>> found = preference(np.array([1.0, 1, 0, 1]), np.array([0, 1, 2, 3]), np.zeros(4, np.int64))
    >>> found.mean, found.low < 0.75 < found.high, found.count
    (0.75, True, 4)
    """
    if not scores.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    if scores.size == 1:
        return Estimate(float(scores[0]), np.nan, np.nan, 1)
    rng = np.random.default_rng(seed)
    weights = np.ones((_RESAMPLES, scores.size))
    for labels in (pictures, judges):
        _, places = np.unique(labels, return_inverse=True)
        size = int(places.max()) + 1
        weights *= rng.multinomial(size, np.full(size, 1 / size), _RESAMPLES)[:, places]
    totals = weights.sum(axis=1)
    means = (weights @ scores)[totals > 0] / totals[totals > 0]  # none of what was drawn may have been judged
    low, high = np.percentile(means, (2.5, 97.5))
    return Estimate(float(scores.mean()), float(low), float(high), scores.size)


def write(folder: Path, files: Sequence[Path]) -> Path:
    """Read answers to the pairs in a folder of results, and write what they come to, as a table, into `pairs.md`.

    Raises
    ------
    EvaluationError
        See `read` and `pairs.read_key`; or two files are of one person, or nothing was judged.
    """
    key = read_key(folder)
    people = [read(file, key) for file in files]
    for (one, first), (other, second) in itertools.combinations(zip(files, people, strict=True), 2):
        if first.judge == second.judge:
            raise EvaluationError(f"{one} and {other} are both by {first.judge!r}: leave one out.")
    if not any(person.left for person in people):
        raise EvaluationError("Nothing was judged yet: the files hold no answers.")
    report = folder / REPORT
    write_text(report, _report(key, people))
    return report


def _report(key: Key, people: Sequence[Answers]) -> str:
    """Write for every two ways how often the first was preferred."""
    pictures = {name: number for number, name in enumerate(dict.fromkeys(pair.picture for pair in key.pairs))}
    found: dict[tuple[str, str], list[tuple[float, int, int]]] = {}
    for person, answers in enumerate(people):
        for pair, score in zip(key.pairs, answers.left, strict=False):
            if pair.again is None:
                couple = (pair.left, pair.right)
                if list(key.labels).index(pair.left) > list(key.labels).index(pair.right):
                    couple, score = couple[::-1], 1 - score
                found.setdefault(couple, []).append((score, pictures[pair.picture], person))
    lines = []
    for (one, other), judged in sorted(found.items()):
        scores, places, judges = (np.array(column) for column in zip(*judged, strict=True))
        estimate = preference(scores.astype(np.float64), places, judges)
        sure = estimate.low > 0.5 or estimate.high < 0.5
        better = key.labels[one if estimate.mean > 0.5 else other] if sure else "not known"
        lines.append([key.labels[one], key.labels[other], str(estimate.count), estimate.text(2), better])
    heads = ["one", "the other", "judged", "share that preferred the one", "looks better"]
    judged_pairs, same = _agreement(key, people)
    few = (
        "With so few people and pictures an interval is too narrow to be trusted. "
        if min(len(people), len(pictures)) < FEW
        else ""
    )
    repeated = (
        f"Of {judged_pairs} pairs that were shown a second time with their sides changed, {same} were judged alike."
        if judged_pairs
        else "No pair was judged a second time."
    )
    return (
        "# Blind pairs\n\n"
        f"{len(people)} {'person' if len(people) == 1 else 'people'}, {len(pictures)} "
        f"picture{'s' * (len(pictures) > 1)}. No difference counts half. Intervals of 95 % are over pictures and "
        f"people (pigeonhole bootstrap); where one holds 0.5, it isn't known which looks better. {few}{repeated}\n\n"
        f"{table(heads, lines)}\n"
    )


def _agreement(key: Key, people: Sequence[Answers]) -> tuple[int, int]:
    """Return how many pairs were judged twice, and how many of them alike."""
    twice = [
        (answers.left[pair.again], 1 - answers.left[number])
        for answers in people
        for number, pair in enumerate(key.pairs[: len(answers.left)])
        if pair.again is not None
    ]
    return len(twice), sum(first == second for first, second in twice)
