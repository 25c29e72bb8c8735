"""Lines that go on across holes: what they win, what stays true with them, how windows and files have them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import restauro
from restauro.errors import ParameterError, ReadError
from restauro.files.reading import read_picture
from restauro.guidance import PictureGuidance
from restauro.holes import find_holes
from restauro.method import make_method
from restauro.methods.coherence import Coherence
from restauro.picture import TURNS, as_seen, as_stored, stored_places
from restauro.windows import Part, Sizes, plan_windows
from tests.fills import filled
from tests.panels import save
from tests.promises.pictures import holes, losses, net, picture, seeds
from tests.test_windows import check_cover

TAKE_GUIDES = ["edge-enhancing", "coherence", "patchmatch"]
ARC = np.stack([150 - 100 * np.cos(t := np.linspace(-0.9, 0.9, 40)), 60 + 100 * np.sin(t)], axis=1)
MAST = np.array([[5, 41.75], [115, 80.25]])


def hill_and_mast() -> tuple[np.ndarray, np.ndarray]:
    """A round hill before a light sky, and a thin mast that crosses its outline; a hole where they meet."""
    y, x = np.mgrid[:120, :120].astype(float)
    image = np.where(np.hypot(y - 150, x - 60) < 100, 60.0, 190.0)
    image[np.abs(x - 40 - 0.35 * y) < 1.5] = 20
    image = ndimage.gaussian_filter(image, 0.7) + np.random.default_rng(0).normal(size=image.shape)
    hole = np.zeros(image.shape, bool)
    hole[30:90, 35:95] = True
    return image, hole


def error(image: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> float:
    return float(np.sqrt(((image - truth)[hole] ** 2).mean()))


@pytest.mark.parametrize("name", TAKE_GUIDES)
def test_lines_go_on_across_a_hole(name: str) -> None:
    truth, hole = hill_and_mast()
    damaged = np.where(hole, np.nan, truth)
    freely, guided = restauro.inpaint(damaged, hole, name), restauro.inpaint(damaged, hole, name, guides=[ARC, MAST])
    np.testing.assert_array_equal(guided[~hole], truth[~hole])
    assert error(guided, truth, hole) < 0.75 * error(freely, truth, hole)
    rows = np.r_[35:46, 78:88]  # away from the crossing
    mast = np.rint(40 + 0.35 * rows).astype(int)
    contrast = guided[rows, mast + 6] - guided[rows, mast]
    assert (contrast > 0.2 * (truth[rows, mast + 6] - truth[rows, mast])).mean() > 0.9


@pytest.mark.parametrize("name", TAKE_GUIDES)
def test_a_line_beside_the_holes_changes_nothing_there(name: str) -> None:
    truth, hole = hill_and_mast()
    hole[70:, :] = False
    far = np.zeros_like(hole)
    far[110:114, 20:24] = True
    lines = [np.array([[112.0, 0], [112, 119]])]
    freely, guided = (restauro.inpaint(truth, hole | far, name, guides=guides) for guides in (None, lines))
    tolerance = 0.01 if name == "edge-enhancing" else 0  # it is solved with the others of its window
    np.testing.assert_allclose(guided[hole], freely[hole], rtol=0, atol=tolerance)


TURNED = {
    "left-right": (lambda a: a[:, ::-1], lambda p, shape: np.stack([p[:, 0], shape[1] - 1 - p[:, 1]], axis=1)),
    "up-down": (lambda a: a[::-1], lambda p, shape: np.stack([shape[0] - 1 - p[:, 0], p[:, 1]], axis=1)),
    "transposed": (lambda a: a.swapaxes(0, 1), lambda p, shape: p[:, ::-1]),
}


@pytest.mark.parametrize("name", TAKE_GUIDES[:2])
@given(seed=seeds, turn=st.sampled_from(sorted(TURNED)))
@settings(max_examples=10)
def test_mirrored_pictures_with_mirrored_lines(name: str, seed: int, turn: str) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(12, 48)), int(rng.integers(12, 48))
    image, hole = picture(rng, (*shape, 2)), holes(rng, shape)
    if not hole.any():
        return
    line = np.array([rng.uniform(0, 12, 2), np.argwhere(hole)[0], rng.uniform(0, 12, 2)]) + rng.uniform(-0.3, 0.3)
    of_array, of_points = TURNED[turn]
    turned = restauro.inpaint(of_array(image), of_array(hole), name, guides=[of_points(line, shape)])
    difference = turned - of_array(restauro.inpaint(image, hole, name, guides=[line]))
    assert np.abs(difference).max() <= 0.05 / 255 + 2e-3 * (name == "edge-enhancing")


@given(seed=seeds)
@settings(max_examples=10)
def test_cut_windows_equal_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(60, 200)), int(rng.integers(60, 200))
    image, hole = picture(rng, (*shape, 2)), (net, losses)[seed % 2](rng, shape)
    guidance = PictureGuidance(guides=tuple(rng.uniform(0, 200, (3, 4, 2))))
    whole = filled(image, hole, Coherence(), Sizes(tile=10_000, small_picture=0, sparsest=0), guidance=guidance)
    for tile, halo in ((32, 10_000), (48, 60)):
        cut = filled(image, hole, Coherence(), Sizes(tile=tile, small_picture=0, halo=halo), guidance=guidance)
        np.testing.assert_array_equal(cut, whole)


@pytest.mark.parametrize("name", ["edge-enhancing", "patchmatch"])
def test_a_line_ties_the_holes_that_it_crosses(name: str) -> None:
    hole = np.zeros((1200, 1600), bool)
    places = [(600, 100), (600, 320), (600, 560), (600, 1100), (200, 560)]
    for y, x in places:
        hole[y : y + 20, x : x + 20] = True
    line = np.array([[610.0, 0], [610, 1599]])

    def windows(*guides: np.ndarray) -> list[list[tuple[int, int]]]:
        guidance = PictureGuidance(guides=guides)
        plan = plan_windows(Part(find_holes(hole), make_method(name, {}), guidance), sizes=Sizes(tile=64))
        check_cover(plan, hole)
        found = []
        for window in plan:
            _, _, wanted = window.masks()
            top, left = window.box[0], window.box[2]
            found.append([(y, x) for y, x in places if (window.box[0] <= y < window.box[1])
                          and (window.box[2] <= x < window.box[3]) and wanted[y - top, x - left]])  # fmt: skip
        return sorted(found)

    alone = sorted([place] for place in places)
    assert windows() == alone
    assert windows(line + 30) == alone
    assert windows(line) == [[(200, 560)], places[:3], [(600, 1100)]]
    assert windows(line, np.array([[0, 570.0], [1000, 570]])) == windows(line)  # 380 pixels from one to the other
    assert windows(np.array([[605.0, 0], [605, 330], [210, 570]])) == [
        [(200, 560)],
        places[:2],
        [places[2]],
        [places[3]],
    ]


@given(seed=seeds)
@settings(max_examples=25)
def test_every_hole_pixel_is_of_one_window_whatever_is_tied(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(2, 260)), int(rng.integers(2, 260))
    hole = (holes, losses)[seed % 2](rng, shape)
    guidance = PictureGuidance(guides=tuple(rng.uniform(-20, 280, (3, 3, 2))))
    for name in ("edge-enhancing", "coherence"):
        sizes = Sizes(tile=64, small_tile=64)
        check_cover(plan_windows(Part(find_holes(hole), make_method(name, {}), guidance), sizes=sizes), hole)


def test_sources_and_lines_together() -> None:
    """The line's own texture is found where it goes on in the sources, however far."""
    truth = np.tile(ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(60, 60)), 1), (2, 6))
    truth[58:62] += 4
    hole, sources = np.zeros((2, 120, 360), bool)
    hole[40:80, 20:60] = True
    sources[30:90, 250:350] = True
    line = np.array([[59.5, 0], [59.5, 359]])
    guided = restauro.inpaint(truth, hole, "patchmatch", sources=sources, guides=[line], detail=1)
    assert error(guided, truth, hole & (np.abs(np.arange(120) - 59.5) < 2)[:, np.newaxis]) < 1.5
    assert (guided[hole & (np.abs(np.arange(120) - 59.5) > 3)[:, np.newaxis]] < 2.5).all()


@pytest.mark.parametrize(
    ("guides", "says"),
    [
        (5, r"^Guides are a list of polylines, each \[n, 2\], rows and columns of two points or more, such as"),
        ([], "^Guides are a list of polylines"),
        ([[(1, 2)]], "^Guides are a list of polylines"),
        ([(1, 2), (3, 4)], "^Guides are a list of polylines"),
        ([[(1, 2, 3), (3, 4, 5)]], "^Guides are a list of polylines"),
        ([[("a", 2), (3, 4)]], "^Guides are a list of polylines"),
        ([[(1, np.nan), (3, 4)]], "^A guide has a point that is NaN or infinite"),
        (
            [[(1, 2), (1, 100)]],
            r"^None of the guides crosses a hole \(the first begins at row 1, column 2",
        ),
        ([[(-9, 2), (-4, 900)]], "^None of the guides crosses a hole"),
    ],
)
def test_what_are_no_guides_gets_a_sentence(guides: Any, says: str) -> None:
    truth, hole = hill_and_mast()
    with pytest.raises(ParameterError, match=says):
        restauro.inpaint(truth, hole, guides=guides)


def test_methods_that_take_no_guides_say_which_do() -> None:
    truth, hole = hill_and_mast()
    with pytest.raises(
        ParameterError,
        match=r"^Method 'telea' takes no guides: use method=\.\.\. of coherence, edge-enhancing and patchmatch",
    ):
        restauro.inpaint(truth, hole, "telea", guides=[ARC])


@pytest.mark.parametrize("orientation", list(TURNS))
def test_places_are_turned_as_pixels_are(orientation: int) -> None:
    seen = (5, 7)
    names = np.arange(35).reshape(seen)
    stored = as_stored(names, orientation)
    matrix, start = stored_places(orientation, seen)
    for place in np.ndindex(seen):
        assert stored[tuple(matrix @ place + start)] == names[place]


class TestFiles:
    @pytest.fixture
    def lines(self, tmp_path: Path) -> Path:
        """The hill and the mast, drawn in units of half a pixel."""
        points = " ".join(f"{2 * x + 1:.3f},{2 * y + 1:.3f}" for y, x in ARC)
        path = tmp_path / "lines.svg"
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240"><polyline points="{points}"/>'
            '<path d="M 84.5,11 L 161.5,231"/></svg>',
            encoding="utf-8",
        )
        return path

    @pytest.mark.parametrize("orientation", [1, 4, 6])
    def test_a_drawing_is_turned_as_the_picture_is(self, tmp_path: Path, lines: Path, orientation: int) -> None:
        truth, hole = hill_and_mast()
        seen = np.rint(truth).astype(np.uint8)
        panel = save(
            tmp_path / "panel.tif", np.ascontiguousarray(as_stored(seen, orientation)), orientation=orientation
        )
        restored = restauro.restore_file(panel, tmp_path / "out.tif", mask=hole, guides=lines)
        assert restored.guidance == {"guides": 2}
        expected = restauro.inpaint(seen, hole, guides=[ARC, MAST])
        found = as_seen(read_picture(tmp_path / "out.tif").pixels, orientation)
        assert np.abs(found.astype(int) - expected)[hole].max() <= 3
        again = restauro.Restoration.open(panel).mask_from(hole).guided_by(guides=[ARC, MAST]).fill()
        assert np.abs(as_seen(again.picture.pixels, orientation).astype(int) - found).max() <= 3

    def test_on_the_command_line(self, tmp_path: Path, lines: Path) -> None:
        truth, hole = hill_and_mast()
        save(tmp_path / "panel.png", np.rint(truth).astype(np.uint8))
        save(tmp_path / "m.png", np.uint8(255) * hole)

        def run(*more: str) -> Any:
            command = [sys.executable, "-m", "restauro", "restore", "panel.png", "--mask", "m.png", "-o", "o.png"]
            return subprocess.run([*command, *more], capture_output=True, text=True, check=False, cwd=tmp_path)

        ran = run("--guides", "lines.svg", "--method", "coherence", "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["guidance"] == {"guides": 2}
        guided = read_picture(tmp_path / "o.png").pixels.astype(float)
        assert error(guided, truth, hole) < 0.75 * error(restauro.inpaint(truth, hole, "coherence"), truth, hole)
        lines.write_text(lines.read_text(encoding="utf-8").replace("path d", "circle d"), encoding="utf-8")
        refused = run("--guides", "lines.svg", "--overwrite")
        assert refused.returncode == 2
        assert refused.stderr.endswith(
            "panel.png: The drawing lines.svg: It has a <circle>, which isn't read: draw paths, polylines and lines, "
            "or make it a path.\n"
        )

    def test_a_drawing_of_another_picture_is_refused(self, tmp_path: Path, lines: Path) -> None:
        panel = save(tmp_path / "panel.png", np.zeros((100, 140), np.uint8))
        with pytest.raises(ReadError, match="It is 240 x 240 units large and the picture 140 x 100 pixels"):
            restauro.Restoration.open(panel).guided_by(guides=lines)
