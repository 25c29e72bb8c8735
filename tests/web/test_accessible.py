"""What axe-core has against the page, dark and light: nothing. It isn't in the repository: RESTAURO_AXE names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.web.strokes import save, textured

pytest.importorskip("fastapi", reason="the page needs the extra web")
pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import CHROMIUM, drag, profile, ready, serving

AXE = Path(os.environ.get("RESTAURO_AXE", Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"))
RUN = (
    "async () => (await axe.run()).violations.map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 100))])"
)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt-get install chromium)")
@pytest.mark.skipif(not AXE.exists(), reason=f"there is no axe-core at {AXE} (npm install axe-core, or RESTAURO_AXE)")
def test_axe_finds_no_violation(tmp_path: Path, browser: Any) -> None:
    picture = save(tmp_path / "panel.tif", textured(200, 300))
    found = {}
    with serving(tmp_path / "cache") as server, profile(browser) as own:
        page = own.new_page()
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.goto(server.address)
            page.evaluate("localStorage.clear()")
            page.goto(f"http://127.0.0.1:{server.port}/")
            ready(page)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found[scheme, "start"] = page.evaluate(RUN)
            page.set_input_files("#file", picture)
            page.wait_for_selector("body[data-state=work]")
            drag(page, (0.3, 0.3), (0.4, 0.4))
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            found[scheme, "work"] = page.evaluate(RUN)
            page.keyboard.press("j")
            page.check("text=Show what is found in view")
            page.wait_for_selector('.found:has-text("ound"):not(:has-text("…"))', timeout=120_000)
            found[scheme, "found"] = page.evaluate(RUN)
            page.keyboard.press("?")
            found[scheme, "keys"] = page.evaluate(RUN)
            page.keyboard.press("Escape")
            page.goto(f"http://127.0.0.1:{server.port}/docs")
            page.wait_for_selector("section")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found[scheme, "docs"] = page.evaluate(RUN)
    assert {place: wrong for place, wrong in found.items() if wrong} == {}
