"""The program of one folder that `dev.py bundle` makes: a double click opens the page, and all is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvips

import restauro
from restauro.strokes import Stroke

httpx2 = pytest.importorskip("httpx2", reason="the bundle is tried with httpx2, of the extra dev")

PROGRAM = os.environ.get("RESTAURO_BUNDLE")
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
POINTS = ((120, 80, 6), (180, 95, 6))
pytestmark = pytest.mark.skipif(not PROGRAM, reason="python3 dev.py bundle makes the program and tries it")


def contents() -> dict[str, tuple[int, int]]:
    """Return size and time of change of all that lies beside the program."""
    files = (path for path in Path(str(PROGRAM)).parent.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Gives what the program is to know of the machine: a user's folder, a browser that notes what it is to open."""
    before = contents()
    without = {name: value for name, value in os.environ.items() if not name.startswith(("RESTAURO", "PYTHON", "XDG"))}
    (tmp_path / "browser").write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/asked\n', encoding="ascii")
    (tmp_path / "browser").chmod(0o700)
    folders = {"HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "USERPROFILE": str(tmp_path)}
    yield {**without, **folders, "BROWSER": f"{tmp_path}/browser %s"}
    assert contents() == before  # nothing is written beside it


def test_a_double_click_opens_the_page_which_heals_saves_and_ends_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [str(PROGRAM)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        try:
            assert process.stdout
            address, _, token = process.stdout.readline().strip().partition("/?token=")
            headers = {"Authorization": f"Bearer {token}", "connection": "close"}
            client = httpx2.Client(base_url=f"{address}/api", headers=headers, timeout=120, trust_env=False)
            assert client.get("/start").json()["layers"] == [".ora", ".tif"]
            assert "<html" in client.get(f"{address}/index.html").text
            session = client.post("/examples/1").json()["session"]
            for body in ({"stroke": {"points": POINTS}}, {"method": "network", "stroke": {"points": [(50, 50, 4)]}}):
                answer = client.post(f"/sessions/{session}/heal", json=body)
                assert answer.status_code == 200, answer.text
            client.post(f"/sessions/{session}/undo")
            (tmp_path / "healed.tif").write_bytes(client.get(f"/sessions/{session}/picture").content)
            look = {"kinds": ["dust", "losses"], "box": [0, 0, 200, 200]}
            assert client.post(f"/sessions/{session}/found/look", json=look).status_code == 200
            assert client.post("/end").status_code == 200
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert "close this window" in said
    if sys.platform == "linux":
        assert (tmp_path / "asked").read_text(encoding="ascii").strip() == f"{address}/?token={token}"
    picture = restauro.read_picture(EXAMPLES / "goya-damaged.tif")
    box, levels = Stroke(POINTS).drawn(picture.pixels.shape[:2])
    mask = np.zeros(picture.pixels.shape[:2], np.bool_)
    mask[box[0] : box[1], box[2] : box[3]] = levels > 0
    expected = restauro.inpaint(picture.pixels, mask)
    np.testing.assert_array_equal(restauro.read_picture(tmp_path / "healed.tif").pixels, expected)


@pytest.mark.parametrize("progressive", [False, True])
def test_with_arguments_it_is_the_command_line(environment: dict[str, str], tmp_path: Path, progressive: bool) -> None:
    damaged = tmp_path / "damaged.jpg"
    pyvips.Image.new_from_file(str(EXAMPLES / "canaletto-damaged.jpg")).jpegsave(str(damaged), interlace=progressive)
    shutil.copy(EXAMPLES / "canaletto-mask.png", tmp_path)
    command = [str(PROGRAM), "restore", "damaged.jpg", "--mask", "canaletto-mask.png", "-o", "restored.jpg"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "restored.jpg").exists()
    command = [str(PROGRAM), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert "kernels compiled for" in done.stdout
