"""Measures the page's server on a picture of 100 megapixels: first view, tiles, healing, damage found, undoing, memory.

Needs Linux, 1.5 GB of memory and 2 GB of disk; takes some four minutes on two idle cores. What a browser adds isn't
counted: a request's time is from its first byte to the answer's last.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import numpy as np
import pyvips

import _processes
import _tables
import restauro

TICKS = os.sysconf("SC_CLK_TCK")
STATIC = Path(restauro.__file__).parent / "web" / "static"
VIEW = 4 * 3  # tiles that a window of 1024 x 768 pixels shows
FIGURES: dict[str, float | None] = {
    "first view, uncompressed strips": 3.0,
    "first view, deflated tiles": 3.0,
    "first view of the largest": None,
    "tile, median": 0.015,
    "tile, slowest": 0.050,
    "tile of the largest, median": 0.015,
    "tile of the largest, slowest": 0.050,
    "heal 10 000 pixels": 0.200,
    "heal 10 000 pixels from a source": 0.200,
    "first heal after the start": 1.0,
    "undo one of many": 0.100,
    "redo one of many": 0.100,
    "damage in view, first marks": 1.0,
    "damage in view, another sensitivity": 0.100,
}
SESSIONS = 50
LARGEST = "the largest opened, looked at"
MOST_MEMORY, MOST_LEFT, MOST_WEIGHT = 1.5, 0.1, 600  # GB, of the picture's server and after all sessions; kB


class Server:
    """`restauro serve` of a picture, in a process of its own; times are wall and processor seconds."""

    def __init__(self, picture: Path, cache: Path) -> None:
        command = [str(_processes.RESTAURO), "serve", str(picture), "--no-browser"]
        self.process = Popen(command, stdout=PIPE, text=True, env={**os.environ, "RESTAURO_CACHE": str(cache)})
        assert self.process.stdout
        address, _, token = self.process.stdout.readline().strip().partition("/?token=")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.connection = http.client.HTTPConnection(address.partition("://")[2])

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        headers = {**self.headers, "content-type": "application/json"}
        self.connection.request(method, f"/api/{path}", None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
        return content

    def processor(self) -> float:
        """Return the processor seconds that the process has taken."""
        values = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / TICKS

    def memory(self, what: str) -> float:
        """Return VmRSS, what it has, or VmHWM, the most it had, in GB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1e6


@contextmanager
def serving(picture: Path, cache: Path) -> Iterator[Server]:
    server = Server(picture, cache)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


@dataclass
class Measured:
    """Seconds by the clock, and of the processor, of one thing done several times."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def by(self, server: Server, work: Callable[[], object]) -> None:
        before, start = server.processor(), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - start)
        self.processor.append(server.processor() - before)


def make_pictures(folder: Path, side: int) -> dict[str, Path]:
    """Write a square of paint with 16 bits, as uncompressed strips and as deflated tiles."""
    painting = pyvips.Image.new_from_file(str(_tables.PAINTING))
    large = painting.resize(side / painting.width, vscale=side / painting.height).cast("ushort")
    noise = pyvips.Image.gaussnoise(side, side, sigma=120)
    image = (large * 257 + noise).cast("ushort").copy(interpretation="rgb16").copy_memory()
    strips, tiles = folder / "strips.tif", folder / "tiles.tif"
    image.tiffsave(str(strips))
    image.tiffsave(str(tiles), compression="deflate", tile=True, tile_width=256, tile_height=256)
    return {"uncompressed strips": strips, "deflated tiles": tiles}


def make_largest(folder: Path, side: int) -> Path:
    """Write a square of slopes with 8 bits, as deflated strips: with a side of 20,000 the most that the page takes."""
    place = pyvips.Image.xyz(side, side) * (255 / side)
    image = place.bandjoin((place[0] + place[1]) / 2).cast("uchar").copy(interpretation="srgb")
    image.tiffsave(str(folder / "largest.tif"), compression="deflate")
    return folder / "largest.tif"


def view(server: Server) -> dict[str, Any]:
    """Open the picture and ask for the tiles of the first view."""
    about: dict[str, Any] = json.loads(server.ask("POST", "given"))
    for column in range(4):
        for row in range(3):
            for layer in ("picture", "marks"):
                server.ask("GET", f"sessions/{about['session']}/tiles/{layer}/3/{column}/{row}")
    return about


def ask_tiles(server: Server, about: dict[str, Any], rng: np.random.Generator, times: Measured) -> None:
    """Ask for 60 tiles, anywhere at any level."""
    top = about["levels"] - 1
    for _ in range(60):
        level = int(rng.integers(1, top + 1))
        across = max(about["width"] // 256 // 2 ** (top - level), 1)
        column, row = rng.integers(0, across, 2).tolist()
        path = f"sessions/{about['session']}/tiles/picture/{level}/{column}/{row}"
        times.by(server, partial(server.ask, "GET", path))


def stroke(x: float, y: float, length: float = 480, radius: float = 10) -> dict[str, Any]:
    """Return one of some 10 000 pixels."""
    return {"points": [[x, y, radius], [x + length / 2, y + 20, radius], [x + length, y, radius]]}


def heal(server: Server, session: str, x: float, y: float) -> None:
    server.ask("POST", f"sessions/{session}/heal", {"stroke": stroke(x, y)})


def look(server: Server, session: str, box: Sequence[float], sensitivity: float = 3) -> bool:
    """Ask what the network finds in a box; return whether all of it has been looked at."""
    body = {"kinds": ["dust", "scratches", "losses"], "sensitivity": sensitivity, "box": list(box)}
    answer = server.ask("POST", f"sessions/{session}/found/look", body)
    return bool(json.loads(answer)["found"]["complete"])


def measure(side: int, strokes: int) -> tuple[dict[str, Measured], dict[str, float]]:
    """Return times, and memory in GB."""
    times = {what.partition(",")[0] if what.startswith("tile") else what: Measured() for what in FIGURES}
    memory: dict[str, float] = {}
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="restauro-page-") as name:
        folder = Path(name)
        for kind, picture in make_pictures(folder, side).items():
            with serving(picture, folder / f"cache-{kind}") as server:
                times[f"first view, {kind}"].by(server, partial(view, server))
                about = json.loads(server.ask("POST", "given"))
                session = about["session"]
                if kind == "uncompressed strips":
                    times["first heal after the start"].by(server, partial(heal, server, session, 100, 100))
                ask_tiles(server, about, rng, times["tile"])
                if kind != "uncompressed strips":
                    continue
                memory["opened, looked at"] = server.memory("VmHWM")
                for x, y in rng.integers(0, side - 600, (20, 2)).tolist():
                    times["heal 10 000 pixels"].by(server, partial(heal, server, session, x, y))
                for x, y in rng.integers(0, side - 600, (20, 2)).tolist():
                    body = {"stroke": stroke(x, y), "source": {"down": 100 if y < side // 2 else -100, "right": 0}}
                    path = f"sessions/{session}/heal"
                    times["heal 10 000 pixels from a source"].by(server, partial(server.ask, "POST", path, body))
                for number, (x, y) in enumerate(rng.integers(0, side - 1000, (7, 2)).tolist()):
                    box = (x, y, x + 990, y + 790)
                    if number == 0:  # the network is loaded
                        look(server, session, box)
                        continue
                    times["damage in view, first marks"].by(server, partial(look, server, session, box))
                    while not look(server, session, box):
                        pass
                    times["damage in view, another sensitivity"].by(server, partial(look, server, session, box, 10))
                memory["damage looked for"] = server.memory("VmHWM")
                for x, y in rng.integers(0, side - 600, (strokes, 2)).tolist():
                    small = {"stroke": stroke(x, y, 20, 3), "method": "telea"}
                    server.ask("POST", f"sessions/{session}/heal", small)
                for _ in range(10):
                    for word in ("undo", "redo"):
                        path = f"sessions/{session}/{word}"
                        times[f"{word} one of many"].by(server, partial(server.ask, "POST", path))
                memory[f"after {strokes} strokes"] = server.memory("VmHWM")
        with serving(make_largest(folder, 2 * side), folder / "cache-largest") as server:
            times["first view of the largest"].by(server, partial(view, server))
            ask_tiles(server, json.loads(server.ask("POST", "given")), rng, times["tile of the largest"])
            memory[LARGEST] = server.memory("VmHWM")
        with serving(_tables.PAINTING, folder / "cache-many") as server:
            for number in range(SESSIONS + 1):
                session = json.loads(server.ask("POST", "examples/0"))["session"]
                server.ask("POST", f"sessions/{session}/heal", {"stroke": stroke(200, 300, 200, 6)})
                server.ask("GET", f"sessions/{session}/tiles/picture/1/0/0")
                server.ask("DELETE", f"sessions/{session}")
                if number == 0:
                    memory["one session closed"] = server.memory("VmRSS")
            memory[f"{SESSIONS} more closed"] = server.memory("VmRSS")
    return times, memory


def rows_of(times: dict[str, Measured]) -> list[list[str]]:
    """Return rows of a table; what is asked of a figure is asked of the median by the clock."""
    rows = []
    for what, most in FIGURES.items():
        measured = times[what.partition(",")[0] if what.startswith("tile") else what]
        of = max if what.endswith("slowest") else statistics.median
        wall, processor = (1000 * of(values) for values in (measured.wall, measured.processor))
        asked = ["", ""] if most is None else [f"{1000 * most:.0f}", _tables.met(wall, 1000 * most, at_most=True)]
        rows.append([what, f"{wall:.0f}", f"{processor:.0f}", *asked])
    return rows


def sizes_of(memory: dict[str, float], weight: float) -> list[list[str]]:
    """Return rows of a table of memory and of the page's weight."""
    most = max(value for what, value in memory.items() if not what.endswith("closed") and what != LARGEST)
    first, last = memory["one session closed"], memory[f"{SESSIONS} more closed"]
    asked = [
        ["the most of the picture's server", f"{most:.2f} GB", f"{MOST_MEMORY} GB", most, MOST_MEMORY],
        [f"added by {SESSIONS} sessions", f"{1000 * (last - first):.0f} MB", "100 MB", last - first, MOST_LEFT],
        ["the page's files", f"{weight:.0f} kB", f"{MOST_WEIGHT} kB", weight, MOST_WEIGHT],
    ]
    rows = [[what, f"{value:.2f} GB", "", ""] for what, value in memory.items()]
    return [*rows, *([*told, _tables.met(value, limit, at_most=True)] for *told, value, limit in asked)]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--side", type=int, default=10_000, help="of the square picture, in pixels")
    options.add_argument("--strokes", type=int, default=1000, help="before undo and redo are measured")
    arguments = options.parse_args()
    load = _tables.load_before()
    times, memory = measure(arguments.side, arguments.strokes)
    weight = sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) / 1000
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'fastapi', 'uvicorn', 'pyvips', 'numpy')}\n\n"
        f"A picture of {arguments.side} x {arguments.side} pixels, 16 bits, three bands. Milliseconds of requests by "
        "the clock and of the server's processor: medians, of tiles also the slowest. The first view is the picture "
        f"opened and {VIEW} tiles of it and of its marks, a view that is looked at for damage 990 x 790 pixels; many "
        f"are {arguments.strokes} strokes; the largest has {2 * arguments.side} x {2 * arguments.side} pixels, 8 bits, "
        "three bands, in deflated strips. Where the machine was busy, as its load before says, the processor's time "
        "says more than the clock."
    )
    head = ["what", "ms", "processor ms", "at most", "target"]
    parts = [introduction, _tables.table(head, rows_of(times))]
    parts.append(_tables.table(["memory, and weight", "measured", "at most", "target"], sizes_of(memory, weight)))
    _tables.publish("page", "The page", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
