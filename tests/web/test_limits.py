"""Limits: how much waits, how large a file may be, how many sessions stay, for how long."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from restauro.web import session as held_sessions
from restauro.web import sessions, shared
from restauro.web.jobs import BusyError, Jobs
from restauro.web.retouch import Patch
from tests.web.strokes import save, stroke, textured, upload


def test_only_so_many_jobs_wait() -> None:
    jobs, go_on = Jobs(), threading.Event()
    started = [jobs.start("a", lambda progress: go_on.wait(30)) for _ in range(8)]
    with pytest.raises(BusyError, match="waiting already"):
        jobs.start("b", lambda progress: None)
    assert jobs.get(started[0].number, "b") is None
    go_on.set()
    jobs.stop()
    assert all(job.ended for job in started)


def test_a_file_that_is_too_large_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shared, "MOST_BYTES", 1000)
    answer = client.post("/api/sessions", params={"name": "x.tif"}, content=bytes(2000))
    assert (answer.status_code, "command line" in answer.json()["detail"]) == (400, True)
    assert list((tmp_path / "cache" / "sessions").iterdir()) == []


def test_a_picture_of_too_many_pixels_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(held_sessions, "MOST_PIXELS", 1000)
    path = save(tmp_path / "large.png", textured(50, 50, 1, np.uint8))
    answer = client.post("/api/sessions", params={"name": "large.png"}, content=path.read_bytes())
    assert answer.status_code == 400
    assert "50 x 50 pixels" in answer.json()["detail"]


def test_few_sessions_stay_in_memory_and_all_can_be_gone_on_with(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "panel.tif", textured(40, 40))
    opened = [upload(client, path)["session"] for _ in range(6)]
    for session in opened:
        answer = client.post(f"/api/sessions/{session}/heal", json={"stroke": stroke((20, 20))})
        assert len(answer.json()["retouch"]) == 1


def test_old_sessions_are_removed_and_the_oldest_while_all_are_too_large(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "panel.tif", textured(40, 40))
    opened = [upload(client, path)["session"] for _ in range(4)]
    for number, session in enumerate(opened):
        client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke((20, 20))})
        client.post(f"/api/sessions/{session}/close")
        log = tmp_path / "cache" / "sessions" / session / "steps.jsonl"
        then = time.time() - (40 * 24 * 3600 if number == 0 else 1000 - number)
        os.utime(log, (then, then))
    there = sessions.Sessions(tmp_path / "cache" / "sessions")
    there.prune()
    assert {folder.name for folder in there.folder.iterdir()} == set(opened[1:])
    monkeypatch.setattr(sessions, "_MOST_BYTES", 2 * path.stat().st_size + 2000)
    there.prune()
    assert {folder.name for folder in there.folder.iterdir()} == set(opened[2:])


def test_what_is_stale_is_what_met_something_that_changed(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "panel.tif", textured(200, 200)))["session"]
    about = next(one for one in sessions.Sessions(tmp_path / "cache" / "sessions")._all() if one.number == session)
    held = held_sessions.Session(about)
    rng = np.random.default_rng(3)
    boxes: list[Any] = []
    for number in range(60):
        top, left = rng.integers(0, 180, 2).tolist()
        box = (top, top + 10, left, left + 10)
        reads = (max(top - 5, 0), top + 15, max(left - 5, 0), left + 15)
        boxes.append((box, reads))
        patch = Patch(box, np.full((10, 10), 255, np.uint8), np.zeros((100, 3), np.uint16), (reads,))
        patch.made = number
        held.add(number, patch)
    assert held.stale() == set()
    held.switch(7, shown=False)
    (top, bottom, left, right), _ = boxes[7]
    met = {
        number
        for number in range(8, 60)
        for _, reads in [boxes[number]]
        if reads[0] < bottom and top < reads[1] and reads[2] < right and left < reads[3]
    }
    assert met
    assert held.stale() == met
    held.switch(7, shown=True)
    assert held.stale() == set()
