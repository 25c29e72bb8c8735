"""`detect`: its table of kinds, what it takes and refuses, marks of a colour, tiles, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.detection import tiles
from restauro.detection.detecting import KINDS, detect
from restauro.detection.detecting_files import detect_file
from restauro.errors import (
    ImageError,
    ImageTypeError,
    MaskError,
    ParameterError,
    ParameterTypeError,
    WriteError,
)
from restauro.files.reading import read_picture
from restauro.mask import of_colour
from restauro.picture_mask import read_mask


def noisy(height: int = 96, width: int = 120, seed: int = 0) -> np.ndarray:
    """A picture without damage: soft shapes and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 120 + 30 * np.sin(y / 40) + 30 * np.cos(x / 50)
    return np.rint(base[..., None] + rng.normal(0, 3, (height, width, 3))).astype(np.uint8)


def marked() -> tuple[np.ndarray, np.ndarray]:
    """A picture with marks in red, and where they are."""
    image, hole = noisy(), np.zeros((96, 120), bool)
    hole[20:26, 10:90] = True
    hole[50:90, 100:103] = True
    image[hole] = 255, 0, 0
    return image, hole


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("image", "error", "match"),
        [
            ([[1, 2]], ImageTypeError, r"uint8, uint16 or floats, not list: convert it"),
            (np.zeros((4, 4), complex), ImageTypeError, r"not dtype complex128"),
            (np.zeros(4, np.uint8), ImageError, r"has the shape \(4,\): it must be \[H, W\] or \[H, W, C\]"),
            (np.zeros((0, 4), np.uint8), ImageError, r"not empty"),
            (np.full((4, 4), 200.0), ImageError, r"must be 0 to 1, and the image's go from 200 to 200: divide"),
            (
                np.full((4, 4), np.nan),
                MaskError,
                r"Nothing of the picture is known, so no damage can be looked for in it",
            ),
        ],
    )
    def test_images(self, image: Any, error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            detect(image, "color", colour="#ffffff")

    @pytest.mark.parametrize(
        ("kind", "options", "match"),
        [
            (
                None,
                {},
                r"Say what to look for, a kind \(cracks, scratches, losses, dust, stains, color\), or give hints\.",
            ),
            ("dents", {}, r"no kind of damage 'dents' to be found: it is one of cracks, scratches"),
            ("color", {}, r"It isn't said which colour the marks have: use colour=.#ff0000. for pure red"),
            ("losses", {"colour": "#ffffff"}, r"are for marks of a colour: ask for the kind color"),
            ("losses", {"tolerance": 3}, r"are for marks of a colour"),
            ("color", {"colour": "red"}, r"The colour 'red' isn't of the form #rrggbb"),
            ("color", {"colour": "#ffffff", "tolerance": 86}, r"The tolerance 86 is out of range: it must be 0 to 85"),
            ("color", {"colour": "#ffffff", "workers": 0}, r"workers=0 is out of range"),
            ("color", {"colour": "#ffffff", "workers": -2}, r"workers=-2 is out of range"),
            (["rust"], {}, r"There is no kind of damage 'rust' to be found: it is one of"),
            ((), {}, r"There is no kind of damage \(\) to be found"),
            (5, {}, r"There is no kind of damage 5 to be found"),
        ],
    )
    def test_options(self, kind: Any, options: dict[str, Any], match: str) -> None:
        with pytest.raises(ParameterError, match=match):
            detect(noisy(), kind, **options)

    def test_progress_that_cannot_be_called(self) -> None:
        with pytest.raises(ParameterTypeError, match=r"the share that is done, and 5 can't be called"):
            detect(noisy(), "losses", progress=5)  # type: ignore[arg-type]

    @pytest.mark.parametrize("tolerance", ["24", 24.5, True])
    def test_tolerances_that_are_no_whole_numbers(self, tolerance: Any) -> None:
        with pytest.raises(
            ParameterTypeError, match=rf"The tolerance {tolerance!r} isn't a whole number: it is 0 to 85"
        ):
            detect(noisy(), "color", colour="#ffffff", tolerance=tolerance)

    def test_a_colour_in_a_grey_picture(self) -> None:
        with pytest.raises(ImageError, match=r"The picture is grey and the colour #ff0000 isn't"):
            detect(np.zeros((8, 8), np.uint8), "color", colour="#ff0000")

    def test_hints_that_are_none(self) -> None:
        with pytest.raises(ParameterTypeError, match=r"Hints are an array \[H, W\] of signed integers .* not uint8"):
            detect(noisy(), hints=np.zeros((96, 120, 3), np.uint8))
        with pytest.raises(MaskError, match=r"The hints have 0 pixels of damage \(red\) and 0 of sound"):
            detect(noisy(), hints=np.zeros((96, 120), int))
        with pytest.raises(MaskError, match=r"The hints are 5 x 4 pixels and the picture 120 x 96"):
            detect(noisy(), hints=np.ones((4, 5), int))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_grey_colour_and_all_types_work(kind: str) -> None:
    image = noisy()
    colour = {"colour": "#ff0000"} if kind == "color" else {}
    expected = detect(image, kind, **colour)
    assert expected.dtype == bool
    assert not expected.any()
    np.testing.assert_array_equal(detect((image * np.uint16(257)).astype(np.uint16), kind, **colour), expected)
    np.testing.assert_array_equal(detect(image / 255, kind, **colour), expected)
    white = {"colour": "#ffffff"} if kind == "color" else {}
    for shape in (image[..., 0], image[..., :1], image[..., [0, 1]], np.concatenate([image, image], axis=2)):
        assert detect(shape, kind, **white).shape == (96, 120)
    assert detect(image[:1, :1], kind, **white).shape == (1, 1)


class TestColour:
    def test_hard_marks_are_found_to_the_pixel(self) -> None:
        image, hole = marked()
        before = image.copy()
        np.testing.assert_array_equal(detect(image, "color", colour="#ff0000"), hole)
        np.testing.assert_array_equal(image, before)

    def test_blurred_marks_are_found_with_their_edges(self, tmp_path: Path) -> None:
        image, hole = marked()
        path = tmp_path / "marked.jpg"
        pyvips.Image.new_from_array(image).copy(interpretation="srgb").jpegsave(str(path), Q=85)
        exactly = of_colour(read_picture(path).pixels, (255, 0, 0), 0)
        found = detect(read_picture(path).pixels, "color", colour="#ff0000")
        assert exactly.sum() < 0.5 * hole.sum()
        assert (found & hole).sum() > 0.75 * hole.sum()  # the colour of the thin one is blurred away
        assert (found & ~hole).sum() < 0.1 * hole.sum()

    def test_specks_and_what_only_nearly_is_of_the_colour_are_left_out(self) -> None:
        image = noisy()
        image[10, 10:13] = 255, 0, 0
        image[40:60, 40:60] = 205, 40, 40
        assert not detect(image, "color", colour="#ff0000").any()
        assert detect(image, "color", colour="#ff0000", tolerance=50).sum() == 400

    def test_tiles_make_no_difference(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image = noisy()
        rng = np.random.default_rng(3)
        for row, column in rng.integers(0, 90, (60, 2)):
            image[row : row + rng.integers(1, 4), column : column + rng.integers(1, 6)] = 255, 0, rng.integers(0, 70)
        whole = detect(image, "color", colour="#ff0000")
        monkeypatch.setattr(tiles, "SIDE", 17)
        np.testing.assert_array_equal(detect(image, "color", colour="#ff0000", workers=3), whole)


class TestTiles:
    @settings(max_examples=20)
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(0, 9))
    def test_cores_cover_the_picture_once(self, height: int, width: int, side: int, halo: int) -> None:
        count = np.zeros((height, width), int)
        numbers = np.arange(height * width).reshape(height, width)
        for place in tiles.places_of((height, width), side, halo):
            count[place.inside] += 1
            np.testing.assert_array_equal(numbers[place.with_halo][place.core], numbers[place.inside])
        assert (count == 1).all()

    def test_progress_rises_to_one_and_stops_the_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tiles, "SIDE", 16)
        said: list[float] = []
        detect(noisy(), "color", colour="#ff0000", progress=said.append)
        assert said == sorted(said)
        assert said[-1] == 1
        with pytest.raises(KeyboardInterrupt):
            detect(noisy(), "color", colour="#ff0000", progress=stop)


def stop(fraction: float) -> None:
    raise KeyboardInterrupt


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    image = pyvips.Image.new_from_array(pixels)
    deep = "rgb16" if pixels.dtype == np.uint16 else "srgb"
    image = image.copy(interpretation="b-w" if pixels.ndim == 2 else deep)
    if "orientation" in options:
        image.set_type(pyvips.GValue.gint_type, "orientation", options.pop("orientation"))
    image.write_to_file(str(path), **options)
    return path


class TestFiles:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_mask_is_as_people_see_the_picture_and_restore_takes_it(self, tmp_path: Path, orientation: int) -> None:
        image, hole = marked()
        panel = save(tmp_path / "panel.tif", image, orientation=orientation)
        found = detect_file(panel, tmp_path / "mask.png", kind="color", colour="#ff0000", preview=tmp_path / "p.png")
        assert (found.marks, found.pixels) == (2, hole.sum())
        np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", read_picture(panel)).hole, hole)
        assert read_picture(tmp_path / "p.png").pixels.shape == (found.height, found.width, 3)

    @pytest.mark.parametrize("what", ["grey", "deep", "alpha", "cmyk", "float"])
    def test_whatever_a_file_holds(self, tmp_path: Path, what: str) -> None:
        image, hole = marked()
        image[hole] = 255
        alpha = np.full((*hole.shape, 1), 9, np.uint8)
        pixels = {
            "grey": image[..., 0],
            "deep": image * np.uint16(257),
            "alpha": np.concatenate([image, alpha], axis=2),
            "cmyk": np.concatenate([255 - image, 0 * alpha], axis=2),
            "float": (image / 255).astype(np.float32),
        }[what]
        path = tmp_path / "panel.tif"
        picture = pyvips.Image.new_from_array(pixels)
        interpretation = {"grey": "b-w", "deep": "rgb16", "cmyk": "cmyk", "float": "scrgb"}.get(what, "srgb")
        picture.copy(interpretation=interpretation).tiffsave(str(path))
        found = detect_file(path, tmp_path / "m.png", kind="color", colour="#ffffff", preview=tmp_path / "p.jpg")
        np.testing.assert_array_equal(read_picture(tmp_path / "m.png").pixels == 255, hole)
        assert found.pixels == hole.sum()
        assert read_picture(tmp_path / "p.jpg").pixels.shape == (96, 120, 3)

    def test_the_preview_shows_the_marks(self, tmp_path: Path) -> None:
        image, hole = marked()
        panel = save(tmp_path / "panel.png", image)
        detect_file(panel, tmp_path / "m.png", kind="color", colour="#ff0000", preview=tmp_path / "p.png")
        preview = read_picture(tmp_path / "p.png").pixels
        assert (preview[hole] == np.rint([255, 0, 0.45 * 200])).all()
        assert (preview[19, 10:90] == [255, 0, 200]).all()
        changed = (preview != image).any(axis=2)
        assert not changed[30:48].any()

    def test_growing(self, tmp_path: Path) -> None:
        image, hole = marked()
        panel = save(tmp_path / "panel.png", image)
        found = detect_file(panel, tmp_path / "m.png", kind="color", colour="#ff0000", grow=2)
        assert found.pixels > hole.sum()
        with pytest.raises(MaskError, match="can't grow by 2000"):
            detect_file(panel, tmp_path / "n.png", kind="color", colour="#ff0000", grow=2000)

    @pytest.mark.parametrize(
        ("target", "options", "match"),
        [
            ("mask.jpg", {}, r"The mask is written as a PNG, so .*mask\.jpg must end in \.png"),
            ("panel.png", {"overwrite": True}, r"which is the picture: choose another name"),
            ("there.png", {}, r"there\.png is there already: choose another name, or use overwrite=True"),
            ("m.png", {"preview": "p.tif"}, r"The preview is written as a PNG or JPEG, so .*p\.tif"),
            (
                "m.png",
                {"preview": "m.png"},
                r"The preview can't be written to .*m\.png, which is the picture, its mask",
            ),
            ("m.png", {"preview": "there.png"}, r"The preview .*there\.png is there already"),
        ],
    )
    def test_nothing_is_overwritten(self, tmp_path: Path, target: str, options: dict[str, Any], match: str) -> None:
        panel = save(tmp_path / "panel.png", noisy())
        save(tmp_path / "there.png", noisy(4, 4))
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        if "preview" in options:
            options = options | {"preview": tmp_path / options["preview"]}
        with pytest.raises(WriteError, match=match):
            detect_file(panel, tmp_path / target, kind="color", colour="#ff0000", **options)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
