"""Healing from a source, and guides: what is saved is what restauro's Python makes of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from starlette.testclient import TestClient

import restauro
from restauro.picture import as_seen, as_stored
from restauro.strokes import Stroke
from tests.web.conftest import Start
from tests.web.strokes import heal, run, save, saved, stroke, textured, upload

STROKES = [(stroke((40, 30), (60, 35), radius=5), 25, 12), (stroke((80, 60), radius=6, hardness=0.5), -30, -40)]


def mask_of(values: dict[str, Any], size: tuple[int, int]) -> NDArray[np.float32]:
    box, levels = Stroke.of(values).drawn(size)
    mask = np.zeros(size, np.float32)
    mask[box[0] : box[1], box[2] : box[3]] = levels / np.float32(255)
    return mask


def post(client: TestClient, session: str, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/sessions/{session}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def pixels_of(client: TestClient, session: str, folder: Path) -> NDArray[Any]:
    return restauro.read_picture(saved(client, session, folder)).pixels


@pytest.mark.parametrize("turn", [1, 3, 6, 7])
def test_a_stroke_is_healed_from_its_source_as_python_does_it(client: TestClient, tmp_path: Path, turn: int) -> None:
    pixels = textured(110, 130) if turn < 5 else textured(130, 110)
    path = save(tmp_path / "panel.tif", pixels, turn)
    session = upload(client, path)["session"]
    for values, down, right in STROKES:
        done = post(client, session, "heal", stroke=values, source={"down": down, "right": right})
    assert [one["method"] for one in done["retouch"]] == ["heal", "heal"]
    restored = restauro.read_picture(path)
    for values, down, right in STROKES:
        step = save(tmp_path / "step.tif", restored.pixels, turn)
        restoration = restauro.Restoration.open(step)
        mask = mask_of(values, (110, 130))
        mask_file = save(tmp_path / "mask.tif", mask)
        restoration.mask_from(mask_file, partial="cover")
        restored.pixels[:] = restoration.fill(restauro.Heal(down=down, right=right)).picture.pixels
    result = pixels_of(client, session, tmp_path)
    np.testing.assert_array_equal(result, restored.pixels)
    assert (result != pixels).any()


def test_what_was_healed_from_a_source_is_stale_when_the_source_changes(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "panel.tif", textured(110, 130)))["session"]
    heal(client, session, stroke((100, 80), radius=4), "telea", {})
    post(client, session, "heal", stroke=stroke((30, 30), radius=4), source={"down": 50, "right": 70})
    post(client, session, "heal", stroke=stroke((30, 80), radius=4), source={"down": 20, "right": 0})
    done = post(client, session, "switch", number=0, shown=False)
    assert [one["stale"] for one in done["retouch"]] == [False, True, False]
    done = run(client, f"/api/sessions/{session}/redo-from", {"number": 1})
    assert not any(one["stale"] for one in done["retouch"])
    expected = restauro.heal(textured(110, 130), mask_of(stroke((30, 30), radius=4), (110, 130)) > 0, (50, 70))
    expected = restauro.heal(expected, mask_of(stroke((30, 80), radius=4), (110, 130)) > 0, (20, 0))
    np.testing.assert_array_equal(pixels_of(client, session, tmp_path), expected)


@pytest.mark.parametrize(
    ("source", "said"), [((300, 0), "outside of the picture"), ((0, 3), "under the stroke itself")]
)
def test_a_source_that_is_none_is_refused(
    client: TestClient, tmp_path: Path, source: tuple[int, int], said: str
) -> None:
    session = upload(client, save(tmp_path / "panel.tif", textured(110, 130)))["session"]
    body = {"stroke": stroke((40, 40), radius=5), "source": {"down": source[0], "right": source[1]}}
    answer = client.post(f"/api/sessions/{session}/heal", json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)
    assert client.get(f"/api/sessions/{session}").json()["canUndo"] is False


@pytest.mark.parametrize("turn", [1, 6])
def test_painted_sources_and_lines_guide_a_fill_as_python_does_it(
    client: TestClient, tmp_path: Path, turn: int
) -> None:
    pixels = textured(110, 130) if turn < 5 else textured(130, 110)
    session = upload(client, save(tmp_path / "panel.tif", pixels, turn))["session"]
    allowed, forbidden = stroke((20, 90), (60, 95), radius=12), stroke((40, 92), radius=5)
    post(client, session, "paint", plane="guides", what="sources", stroke=allowed)
    post(client, session, "paint", plane="guides", what="avoid", stroke=forbidden)
    post(client, session, "lines", points=[[30.5, 20.5], [90.5, 40.5]])
    drawn = post(client, session, "lines", points=[[3.5, 100.5], [5.5, 104.5]])["lines"]
    assert len(drawn) == 2
    hole = stroke((55, 30), (70, 33), radius=6)
    post(client, session, "marks", stroke=hole)
    run(client, f"/api/sessions/{session}/restore", {"method": "patchmatch"})
    restoration = restauro.Restoration.open(tmp_path / "panel.tif")
    restoration.mask_from(save(tmp_path / "mask.png", (255 * mask_of(hole, (110, 130))).astype(np.uint8)))
    avoid = mask_of(forbidden, (110, 130)) > 0
    sources = (mask_of(allowed, (110, 130)) > 0) & ~avoid
    stored = restoration.picture.pixels
    filled = restauro.inpaint(
        stored, restoration.hole, "patchmatch", sources=np.ascontiguousarray(as_stored(sources, turn)),
        avoid=np.ascontiguousarray(as_stored(avoid, turn)), guides=[stored_line([(20, 30), (40, 90)], turn)],
    )  # fmt: skip
    result = pixels_of(client, session, tmp_path)
    np.testing.assert_array_equal(result, filled)
    plain = restauro.inpaint(stored, restoration.hole, "patchmatch")
    assert (plain != filled).any()


def stored_line(line: list[tuple[int, int]], turn: int) -> list[tuple[int, int]]:
    """Return rows and columns as pixels are stored: found by turning a plane that has the two points alone."""
    found = []
    for place in line:
        plane = np.zeros((110, 130), bool)
        plane[place] = True
        (row,), (column,) = np.nonzero(as_stored(plane, turn))
        found.append((int(row), int(column)))
    return found


def test_lines_that_do_not_cross_are_left_aside_and_methods_that_take_none_do_not_mind(
    client: TestClient, tmp_path: Path
) -> None:
    session = upload(client, save(tmp_path / "panel.tif", textured(110, 130)))["session"]
    post(client, session, "lines", points=[[3.5, 100.5], [5.5, 104.5]])
    post(client, session, "paint", plane="guides", what="avoid", stroke=stroke((20, 90), radius=9))
    for method in ("edge-enhancing", "telea"):
        heal(client, session, stroke((50, 40), radius=4), method, {})
    expected = textured(110, 130)
    for method in ("edge-enhancing", "telea"):
        expected = restauro.inpaint(expected, mask_of(stroke((50, 40), radius=4), (110, 130)) > 0, method)
    np.testing.assert_array_equal(pixels_of(client, session, tmp_path), expected)


def test_what_is_painted_and_drawn_is_undone_cleared_shown_and_kept(start: Start, tmp_path: Path) -> None:
    client = start()
    opened = upload(client, save(tmp_path / "panel.tif", textured(110, 130)))
    session = opened["session"]

    def shown(of: TestClient, plane: str = "guides") -> Any:
        content = of.get(f"/api/sessions/{session}/tiles/{plane}/{opened['levels'] - 1}/0/0").content
        return pyvips.Image.new_from_buffer(content, "").numpy()

    post(client, session, "paint", plane="guides", what="sources", stroke=stroke((40, 40), radius=9))
    post(client, session, "paint", plane="guides", what="erase", stroke=stroke((40, 40), radius=4))
    post(client, session, "paint", plane="hints", what="sound", stroke=stroke((90, 40), radius=4))
    post(client, session, "lines", points=[[30, 20], [90, 40]])
    assert shown(client)[40, 48].tolist() == [60, 140, 255, 255]
    assert shown(client)[40, 40, 3] == 0
    assert shown(client, "hints")[40, 90].tolist() == [40, 200, 90, 255]
    cleared = post(client, session, "paint/clear", plane="guides")
    assert (cleared["lines"], cleared["painted"]) == ([], ["hints"])
    back = client.post(f"/api/sessions/{session}/undo").json()
    assert (len(back["lines"]), back["painted"]) == (1, ["guides", "hints"])
    again = start(let_in=False)
    again.cookies.update(client.cookies)
    assert again.get(f"/api/sessions/{session}").json()["lines"] == [[[30, 20], [90, 40]]]
    np.testing.assert_array_equal(shown(again), shown(client))
    for _ in range(4):
        done = again.post(f"/api/sessions/{session}/undo").json()
    assert (done["lines"], done["painted"], done["canUndo"]) == ([], [], False)


def test_a_thing_of_another_plane_is_refused(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "panel.tif", textured(40, 40)))["session"]
    body = {"plane": "hints", "what": "avoid", "stroke": stroke((20, 20))}
    answer = client.post(f"/api/sessions/{session}/paint", json=body)
    assert (answer.status_code, "damage or sound" in answer.json()["detail"]) == (400, True)


def test_lines_are_as_seen(client: TestClient, tmp_path: Path) -> None:
    """A line across a hole in a turned picture changes what edge-enhancing makes of it."""
    results = []
    for lines in ([], [[20.5, 40.5], [110.5, 70.5]]):
        session = upload(client, save(tmp_path / "panel.tif", textured(130, 110), 6))["session"]
        if lines:
            post(client, session, "lines", points=lines)
        heal(client, session, stroke((65, 55), radius=9), "edge-enhancing", {})
        results.append(as_seen(pixels_of(client, session, tmp_path), 6))
    changed = np.argwhere((results[0] != results[1]).any(axis=2))
    assert len(changed)
    assert (np.hypot(*(changed - (55, 65)).T) < 11).all()
