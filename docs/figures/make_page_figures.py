"""Makes the screenshots of docs/page.md: python docs/figures/make_page_figures.py. Needs Chromium and the extra dev."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import pyvips  # noqa: E402
from tests.web.browser import chromium, drag, idle, profile, ready, serving  # noqa: E402

EXAMPLES = HERE.parents[1] / "examples"


SHOW = """name => document.querySelectorAll('.panel').forEach(
    (one) => { one.open = [`panel-${name}`, "panel-method", "panel-brush"].includes(one.id); })"""


def shoot(page: Any, name: str) -> None:
    """Write a screenshot, once no tile has been asked for for a while."""
    asked: list[Any] = []

    def note(request: Any) -> None:
        asked.append(request)

    page.on("request", note)
    while True:
        before = len(asked)
        page.wait_for_timeout(1500)
        if len(asked) == before:
            break
    page.remove_listener("request", note)
    shot = pyvips.Image.new_from_buffer(page.screenshot(), "")
    shot.jpegsave(str(HERE / f"page-{name}.jpg"), Q=84)


def find(page: Any) -> None:
    """Have damage looked for in view, leave a mark out, and write a screenshot."""
    opened_anew(page)
    only(page, "find")
    page.check("#panel-find >> text=Show what is found in view")
    page.wait_for_selector('.found:has-text("Found"):not(:has-text("…"))', timeout=120_000)
    drag(page, (0.87, 0.43), (0.96, 0.43), (0.96, 0.52), (0.87, 0.52))
    page.wait_for_timeout(2000)
    shoot(page, "find")


def variants(page: Any) -> None:
    """Restore some marks four times with matched grain, and write a screenshot."""
    opened_anew(page)
    only(page, "marks")
    page.keyboard.press("b")
    drag(page, (0.605, 0.325), (0.65, 0.37))
    page.check("text=Match grain")
    page.evaluate("document.querySelector('#panel-results').open = true")
    page.click("text=4 variants")
    page.wait_for_selector(".results li:nth-child(4)", timeout=120_000)
    idle(page)
    page.locator("#panel-results").scroll_into_view_if_needed()
    page.mouse.move(900, 640)
    shoot(page, "variants")


def guide(page: Any) -> None:
    """Paint and draw guides, and write a screenshot."""
    opened_anew(page)
    only(page, "guide")
    page.select_option("#panel-method select", "patchmatch")
    page.keyboard.press("g")
    drag(page, (0.28, 0.16), (0.36, 0.2))
    page.click("#panel-guide [data-mode=avoid]")
    drag(page, (0.52, 0.06), (0.6, 0.08))
    page.click("#panel-guide [data-mode=line]")
    drag(page, (0.785, 0.12), (0.787, 0.3), (0.787, 0.5))
    page.keyboard.press("b")
    drag(page, (0.755, 0.33), (0.78, 0.42), (0.77, 0.49))
    page.keyboard.press("g")
    page.mouse.move(900, 640)
    page.wait_for_timeout(2000)
    shoot(page, "guide")


def opened_anew(page: Any) -> None:
    """Open the example, at twice its size."""
    page.click("#home")
    page.click("text=Canaletto >> nth=-1")
    page.wait_for_selector("body[data-state=work]")
    idle(page)
    page.keyboard.press("0")
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_timeout(2000)


def only(page: Any, name: str) -> None:
    """Open one panel beside those of the brush and the method."""
    page.evaluate(SHOW, name)


def main() -> None:
    """Lead a browser through the page."""
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Path(name, "cache")) as server,
        chromium() as browser,
        profile(browser) as own,
    ):
        page = own.new_page()
        page.emulate_media(color_scheme="dark")
        page.goto(server.address)
        ready(page)
        shoot(page, "start")
        page.click("text=Canaletto")
        page.wait_for_selector("body[data-state=work]")
        idle(page)
        for _ in range(3):
            page.keyboard.press("+")
        page.wait_for_timeout(3000)
        drag(page, (0.409, 0.054), (0.398, 0.13), (0.414, 0.23), (0.452, 0.246), (0.473, 0.355))  # along a crack
        box = page.locator("#view").bounding_box()
        places = [(0.58, 0.13), (0.612, 0.14), (0.665, 0.2), (0.713, 0.24)]
        for k, (x, y) in enumerate(places):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if k == 0:
                page.mouse.down()
        page.wait_for_timeout(500)
        shoot(page, "heal")
        page.mouse.up()
        page.wait_for_timeout(100)
        idle(page)
        page.click("#home")
        page.click("text=Canaletto >> nth=-1")
        page.wait_for_selector("body[data-state=work]")
        idle(page)
        page.keyboard.press("b")
        with page.expect_file_chooser() as chooser:
            page.click("text=Load mask")
        chooser.value.set_files(EXAMPLES / "canaletto-mask.png")
        page.wait_for_timeout(500)
        idle(page)
        page.wait_for_timeout(2000)
        shoot(page, "mark")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".results li", timeout=120_000)
        idle(page)
        page.keyboard.press("s")
        page.locator("#divider").fill("430")
        page.locator("#panel-view").scroll_into_view_if_needed()
        page.wait_for_timeout(3000)
        shoot(page, "compare")
        page.keyboard.press("Escape")
        find(page)
        variants(page)
        guide(page)
        page.set_viewport_size({"width": 390, "height": 780})
        page.reload()
        ready(page)
        page.keyboard.press("m")
        page.wait_for_timeout(3000)
        shoot(page, "phone")


if __name__ == "__main__":
    main()
