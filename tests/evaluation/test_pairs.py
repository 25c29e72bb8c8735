"""Blind pairs: what is shown, that nothing tells who made it, and what answers come to."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("skimage", reason="needs the peers: pip install 'restauro[eval]'")

from restauro.errors import EvaluationError
from restauro.evaluation import judged, pairs, running
from restauro.evaluation.judged import preference
from restauro.evaluation.pairs import Key, Pair
from restauro.evaluation.protocol import choose_masks, find_pictures
from restauro.evaluation.running import Judge, Plan
from tests.evaluation.pictures import make_pictures

WAYS = ("mean-colour", "telea", "harmonic")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    pictures = find_pictures([make_pictures(tmp_path / "pictures", 4)])
    return Plan(pictures, choose_masks(["strokes", "cracks"], bins=[2], border="border"), WAYS)


@pytest.fixture
def rows(plan: Plan) -> list[dict]:
    """Rows of a run in which harmonic failed on one picture."""
    return [
        {"picture": picture, "mask": mask.name, "way": way, "error": "no" if (way, picture) == (WAYS[2], "p1") else ""}
        for picture in plan.pictures.names
        for mask in plan.masks
        for way in plan.ways
    ]


def on_page(folder: Path) -> dict:
    found = re.search(r'<script id="pairs" [^>]*>(.*?)</script>', (folder / pairs.PAGE).read_text(), re.DOTALL)
    assert found
    content: dict = json.loads(found[1])
    return content


def seen(png: str) -> np.ndarray:
    pixels: np.ndarray = pyvips.Image.new_from_buffer(base64.b64decode(png), "").numpy()
    return pixels


def answer(folder: Path, judge: str, answers: list[str]) -> Path:
    file = folder / f"{judge}.json"
    file.write_text(json.dumps({"format": 1, "pairs": pairs.read_key(folder).id, "judge": judge, "answers": answers}))
    return file


def test_every_two_ways_meet_as_often_and_what_is_shown_is_what_they_made(
    plan: Plan, rows: list[dict], tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    files = pairs.write(plan, rows, tmp_path, 12, progress=lambda *counts: told.append(counts))
    assert [file.name for file in files] == ["pairs.html", "pairs-key.json"]
    key, page = pairs.read_key(tmp_path), on_page(tmp_path)
    first = [pair for pair in key.pairs if pair.again is None]
    assert (len(first), told[-1], page["id"]) == (12, (12, 12), key.id)
    assert set(Counter(frozenset((pair.left, pair.right)) for pair in first).values()) == {4}
    assert len({(pair.picture, pair.mask, frozenset((pair.left, pair.right))) for pair in first}) == 12
    assert not any(pair.picture == "p1" and WAYS[2] in (pair.left, pair.right) for pair in first)
    judge = Judge(plan)
    for pair, shown in zip(key.pairs, page["shown"], strict=True):
        number = plan.pictures.names.index(pair.picture)
        mask = [mask.name for mask in plan.masks].index(pair.mask)
        case = judge.case(number, mask, (pair.left, pair.right))
        whole = (slice(0, case.hole.shape[0]), slice(0, case.hole.shape[1]))  # smaller than what is shown
        for side in ("left", "right"):
            way = key.labels[getattr(pair, side)]
            assert np.array_equal(seen(shown[side]), case.view(way, whole))
        assert np.array_equal(seen(shown["damaged"]), case.view("damaged", whole))


def test_the_page_names_no_way_and_no_picture(plan: Plan, rows: list[dict], tmp_path: Path) -> None:
    pairs.write(plan, rows, tmp_path, 3)
    text = re.sub(r'"(left|right|damaged)": "[A-Za-z0-9+/=]*"', "", (tmp_path / pairs.PAGE).read_text())
    for name in (*WAYS, "mean colour", *plan.pictures.names, *(mask.name for mask in plan.masks)):
        assert not re.search(rf"\b{re.escape(name)}\b", text), name


def test_some_pairs_are_shown_again_mirrored(plan: Plan, rows: list[dict], tmp_path: Path) -> None:
    pairs.write(plan, rows, tmp_path, 16)
    key, page = pairs.read_key(tmp_path), on_page(tmp_path)
    again = [number for number, pair in enumerate(key.pairs) if pair.again is not None]
    assert again == [16, 17]
    for number in again:
        earlier = key.pairs[number].again
        assert earlier is not None
        assert (key.pairs[number].left, key.pairs[number].right) == (key.pairs[earlier].right, key.pairs[earlier].left)
        assert page["shown"][number]["left"] == page["shown"][earlier]["right"]


def test_where_there_are_fewer_places_than_asked_for_all_are_shown(
    plan: Plan, rows: list[dict], tmp_path: Path
) -> None:
    pairs.write(plan, rows, tmp_path, 1000)
    first = [pair for pair in pairs.read_key(tmp_path).pairs if pair.again is None]
    assert len(first) == 3 * 8 - 2 * 2  # three couples on eight places, but for two couples with harmonic on p1's two


def test_ways_that_fill_alike_are_not_shown(plan: Plan, rows: list[dict], tmp_path: Path) -> None:
    same = Plan(plan.pictures, plan.masks, ("telea", "telea:radius=5"))
    found = [row | {"way": way, "error": ""} for row in rows for way in same.ways if row["way"] == WAYS[0]]
    with pytest.raises(EvaluationError, match="no two ways filled the same holes differently"):
        pairs.write(same, found, tmp_path, 5)
    assert not (tmp_path / pairs.PAGE).exists()
    with pytest.raises(EvaluationError, match="name two methods or more"):
        pairs.write(Plan(plan.pictures, plan.masks, WAYS[:1]), rows, tmp_path, 5)


def test_the_key_of_pairs_that_people_may_have_judged_is_not_replaced(
    plan: Plan, rows: list[dict], tmp_path: Path
) -> None:
    pairs.write(plan, rows, tmp_path, 3)
    before = (tmp_path / pairs.KEY).read_bytes()
    pairs.write(plan, rows, tmp_path, 3)  # the same
    with pytest.raises(EvaluationError, match="belongs to other pairs"):
        pairs.write(plan, rows, tmp_path, 4)
    assert (tmp_path / pairs.KEY).read_bytes() == before
    pairs.write(plan, rows, tmp_path, 4, overwrite=True)
    assert (tmp_path / pairs.KEY).read_bytes() != before


def test_answers_count_for_who_made_the_preferred_one(plan: Plan, rows: list[dict], tmp_path: Path) -> None:
    pairs.write(plan, rows, tmp_path, 16)
    key = pairs.read_key(tmp_path)
    order = {way: number for number, way in enumerate(("harmonic", "telea", "mean-colour"))}  # as Anna likes them
    anna = ["left" if order[pair.left] < order[pair.right] else "right" for pair in key.pairs]
    ben = ["same"] * 5  # stopped after five
    report = judged.write(tmp_path, [answer(tmp_path, "Anna", anna), answer(tmp_path, "Ben", ben)]).read_text()
    assert "2 people" in report
    assert "Of 2 pairs that were shown a second time with their sides changed, 2 were judged alike." in report
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.splitlines() if "|" in line][2:]
    known = {label: way for way, label in key.labels.items()}
    first = key.pairs[:16]
    for one, other, count, share, _ in lines:
        couple = {known[one], known[other]}
        by_anna = sum({pair.left, pair.right} == couple for pair in first)
        by_ben = sum({pair.left, pair.right} == couple for pair in first[:5])
        liked = float(order[known[one]] < order[known[other]])
        assert int(count) == by_anna + by_ben
        assert float(share.split()[0]) == round((liked * by_anna + 0.5 * by_ben) / (by_anna + by_ben), 2)
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "doesn't hold what the page of pairs saves"),
        ("[]", "doesn't hold what the page of pairs saves"),
        ('{"judge": "A", "pairs": "{id}", "answers": ["middle"]}', "doesn't hold what the page of pairs saves"),
        ('{"judge": "A", "pairs": "other", "answers": []}', "answers to other pairs"),
        ('{"judge": "A", "pairs": "{id}", "answers": ["left", "left", "left", "left"]}', "answers to other pairs"),
        ('{"judge": "A", "pairs": "{id}", "answers": []}', "Nothing was judged yet"),
    ],
)
def test_what_is_no_answer_is_refused(text: str, said: str, plan: Plan, rows: list[dict], tmp_path: Path) -> None:
    pairs.write(plan, rows, tmp_path, 3)
    file = tmp_path / "answers.json"
    file.write_text(text.replace("{id}", pairs.read_key(tmp_path).id))
    with pytest.raises(EvaluationError, match=said):
        judged.write(tmp_path, [file])
    assert not (tmp_path / judged.REPORT).exists()


def test_a_person_counts_once_and_pairs_must_be_there(plan: Plan, rows: list[dict], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"There is no pairs-key\.json"):
        judged.write(tmp_path, [tmp_path / "missing.json"])
    pairs.write(plan, rows, tmp_path, 3)
    one = answer(tmp_path, "Anna", ["left"])
    other = one.rename(tmp_path / "other.json")
    with pytest.raises(EvaluationError, match="are both by 'Anna'"):
        judged.write(tmp_path, [answer(tmp_path, "Anna", ["right"]), other])
    with pytest.raises(EvaluationError, match="can't be read"):
        judged.write(tmp_path, [tmp_path / "missing.json"])


@settings(max_examples=30, deadline=None)
@given(
    people=st.integers(1, 4), pictures=st.integers(2, 6), seed=st.integers(0, 99), liked=st.sampled_from([0, 0.5, 1.0])
)
def test_an_interval_holds_its_mean_and_turns_with_the_scores(
    people: int, pictures: int, seed: int, liked: float
) -> None:
    cells = np.array(list(itertools.product(range(pictures), range(people))))
    scores = np.random.default_rng(seed).choice([0, 0.5, 1.0], len(cells))
    found = preference(scores, cells[:, 0], cells[:, 1])
    assert found.low <= found.mean + 1e-12
    assert found.mean <= found.high + 1e-12
    turned = preference(1 - scores, cells[:, 0], cells[:, 1])
    assert np.allclose((turned.low, turned.high), (1 - found.high, 1 - found.low))
    same = preference(np.full(len(cells), liked), cells[:, 0], cells[:, 1])
    assert np.allclose((same.low, same.mean, same.high), liked)


def test_where_people_differ_more_of_them_tell_more_than_more_pictures() -> None:
    """All answers of a person alike: as sure as so many people, however many pictures they saw."""
    widths = []
    for people, pictures in ((4, 10), (4, 40), (16, 10)):
        cells = np.array(list(itertools.product(range(pictures), range(people))))
        found = preference((cells[:, 1] % 2).astype(np.float64), cells[:, 0], cells[:, 1])
        widths.append(found.high - found.low)
    assert widths[1] > 0.9 * widths[0]
    assert widths[2] < 0.7 * widths[0]


def test_keys_are_read_back(tmp_path: Path) -> None:
    (tmp_path / pairs.KEY).write_text("{}")
    with pytest.raises(EvaluationError, match="isn't what restauro wrote"):
        pairs.read_key(tmp_path)
    about = {"id": "1", "labels": {"a": "A"}, "pairs": [{"picture": "p", "mask": "m", "left": "a", "right": "b"}]}
    (tmp_path / pairs.KEY).write_text(json.dumps(about))
    assert pairs.read_key(tmp_path) == Key("1", {"a": "A"}, (Pair("p", "m", "a", "b"),))


def test_runs_keep_pairs(plan: Plan) -> None:
    """Beginning anew throws away results, and never what people may have judged."""
    assert not any(name.startswith("pairs") for name in running.OUTPUTS)
