"""The page of blind pairs in a real browser: judged by keys and by clicks, reloaded, saved, read back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("skimage", reason="needs the peers: pip install 'restauro[eval]'")
pytest.importorskip("playwright", reason="needs a browser's driver: pip install 'restauro[dev]'")

from restauro.evaluation import judged, pairs
from restauro.evaluation.protocol import choose_masks, find_pictures
from restauro.evaluation.running import Plan
from tests.evaluation.pictures import make_pictures
from tests.web.browser import chromium, needs_browser, profile

WAYS = ("mean-colour", "telea")


@needs_browser
def test_pairs_are_judged_saved_and_read_back(tmp_path: Path) -> None:
    pictures = find_pictures([make_pictures(tmp_path / "pictures", 8)])
    plan = Plan(pictures, choose_masks(["cracks"]), WAYS)
    rows = [
        {"picture": name, "mask": "cracks", "way": way, "error": ""} for name in pictures.names for way in WAYS
    ]  # fmt: skip
    pairs.write(plan, rows, tmp_path, 8)
    key = pairs.read_key(tmp_path)
    with chromium() as browser, profile(browser) as own:
        page = own.new_page()
        wrong: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        address = (tmp_path / pairs.PAGE).as_uri()
        page.goto(address)
        page.click("#start")  # without a name
        assert page.is_visible("#begin")
        page.fill("#judge", "Anna B.")
        page.press("#judge", "Enter")
        shown = page.get_attribute("#left", "src")
        assert page.evaluate("document.querySelector('#left').naturalWidth") == 44
        page.keyboard.press("d")
        assert page.get_attribute("#left", "src") == page.get_attribute("#right", "src") != shown
        page.keyboard.press("d")
        assert page.get_attribute("#left", "src") == shown
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        page.click("#choose-same")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Backspace")  # taken back
        page.reload()
        assert page.inner_text("#count") == "3 of 9"
        for _ in range(6):
            page.click("#choose-left")
        assert page.is_visible("#end")
        assert not page.is_visible("#judging")
        if axe := os.environ.get("RESTAURO_AXE"):
            page.evaluate(Path(axe).read_text(encoding="utf-8"))
            assert page.evaluate("axe.run()")["violations"] == []
        with page.expect_download() as download:
            page.click("#save")
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert wrong == []
        assert not any(url.startswith("http") for url in asked)
    assert file.name == "answers-Anna-B-.json"
    said = ["left", "right", "same", *["left"] * 6]
    assert json.loads(file.read_text(encoding="utf-8"))["answers"] == said
    assert judged.read(file, key) == judged.Answers("Anna B.", (1.0, 0.0, 0.5, *[1.0] * 6))
    assert " 8 |" in judged.write(tmp_path, [file]).read_text(encoding="utf-8")
