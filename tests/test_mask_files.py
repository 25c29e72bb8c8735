"""Which pixels of a mask file are hole, whatever it was saved as; what mask files are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from restauro.errors import MaskError
from restauro.mask import grow_mask
from restauro.mask_files import find_mask, read_mask_file

MARKS = np.zeros((12, 16), np.uint8)
MARKS[3:6, 4:11] = 255
HOLE = MARKS == 255
LABELS = np.zeros((12, 16), np.uint8)
LABELS[1:3, 2:5], LABELS[5:8, 5:9], LABELS[9:11, 10:14] = 1, 2, 3


def hole_of(path: Path, **options: object) -> np.ndarray:
    return read_mask_file(path, **options).hole  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["m.bmp", "m.gif", "m.pgm", "m.npy"])
def test_masks_that_are_no_pictures(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, MARKS)
    else:
        Image.fromarray(MARKS).save(path)
    np.testing.assert_array_equal(hole_of(path), HOLE)
    np.testing.assert_array_equal(hole_of(path, polarity="black"), ~HOLE)


def test_of_a_pgm_half_is_half_of_its_own_white(tmp_path: Path) -> None:
    values = np.where(HOLE, 100, 0)
    values[3, 4:11], values[5, 4:11] = 50, 51
    (tmp_path / "m.pgm").write_bytes(b"P5 16 12 100\n" + values.astype(np.uint8).tobytes())
    cut = HOLE.copy()
    cut[3] = False
    found = read_mask_file(tmp_path / "m.pgm")
    np.testing.assert_array_equal(found.hole, cut)
    assert found.soft
    np.testing.assert_array_equal(found.grown, grow_mask(cut, 1))


@pytest.mark.parametrize(
    ("ground", "marks", "lighter_is_marks"),
    [((0, 0, 0), (255, 0, 0), True), ((255, 255, 255), (200, 0, 0), False), ((0, 0, 90), (0, 90, 0), True)],
)
@pytest.mark.parametrize("how", ["rgb", "png palette", "gif", "bmp"])
def test_of_two_colours_the_lighter_is_hole(
    tmp_path: Path, ground: tuple[int, int, int], marks: tuple[int, int, int], lighter_is_marks: bool, how: str
) -> None:
    path = tmp_path / {"gif": "m.gif", "bmp": "m.bmp"}.get(how, "m.png")
    image = Image.fromarray(HOLE.astype(np.uint8), "P")
    image.putpalette([*ground, *marks])
    (image.convert("RGB") if how == "rgb" else image).save(path)
    found = read_mask_file(path)
    np.testing.assert_array_equal(found.hole, lighter_is_marks == HOLE)
    assert not found.soft
    names = ["#" + bytes(colour).hex() for colour in (ground, marks)]
    assert found.notes == (f"Of the mask's two colours, {names[0]} and {names[1]}, the lighter is hole.",)
    np.testing.assert_array_equal(hole_of(path, polarity="black"), lighter_is_marks != HOLE)


def test_one_colour_alone_is_all_hole(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), (200, 0, 0)).save(tmp_path / "m.png")
    assert hole_of(tmp_path / "m.png").all()
    assert not hole_of(tmp_path / "m.png", polarity="black").any()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 0, 0), (255, 255, 255), (10, 200, 30)])
@pytest.mark.parametrize("polarity", ["white", "black"])
@pytest.mark.parametrize("below", [0, 255])
def test_strokes_of_any_one_colour_on_a_transparent_layer(
    tmp_path: Path, colour: tuple[int, int, int], polarity: str, below: int
) -> None:
    values = np.full((12, 16, 4), below, np.uint8)
    values[HOLE, :3] = colour
    values[..., 3] = MARKS
    Image.fromarray(values).save(tmp_path / "m.png")
    np.testing.assert_array_equal(hole_of(tmp_path / "m.png", polarity=polarity), HOLE)
    values[2, 4:11] = (*colour, 100)  # a soft brush: less than half
    values[6, 4:11] = (*colour, 140)
    Image.fromarray(values).save(tmp_path / "m.png")
    cut = HOLE.copy()
    cut[6, 4:11] = True
    found = read_mask_file(tmp_path / "m.png", polarity)
    np.testing.assert_array_equal(found.hole, cut)
    assert found.soft


def test_what_is_hardly_there_on_a_layer_is_of_no_matter(tmp_path: Path) -> None:
    values = np.zeros((12, 16, 4), np.uint8)
    values[HOLE] = [255, 0, 0, 255]
    values[10] = [0, 255, 0, 20]
    Image.fromarray(values).save(tmp_path / "m.png")
    np.testing.assert_array_equal(hole_of(tmp_path / "m.png"), HOLE)


def test_black_and_white_on_a_transparent_layer_is_black_and_white(tmp_path: Path) -> None:
    values = np.zeros((12, 16, 4), np.uint8)
    values[8:, :, 3] = values[HOLE] = 255
    Image.fromarray(values).save(tmp_path / "m.png")
    np.testing.assert_array_equal(hole_of(tmp_path / "m.png"), HOLE)


def test_an_empty_layer_is_empty(tmp_path: Path) -> None:
    Image.new("RGBA", (5, 4), (0, 0, 0, 0)).save(tmp_path / "m.png")
    assert not hole_of(tmp_path / "m.png").any()


def test_several_colours_on_a_transparent_layer_are_refused(tmp_path: Path) -> None:
    values = np.zeros((12, 16, 4), np.uint8)
    values[:4] = [255, 0, 0, 255]
    values[8:] = [0, 0, 255, 255]
    Image.fromarray(values).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match=r"m.png: It has colours, and a mask is black and white: save it"):
        hole_of(tmp_path / "m.png")


def save_labels(path: Path, how: str) -> Path:
    image = Image.fromarray(LABELS)
    if how == "palette":
        image = Image.fromarray(LABELS, "P")
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    if how == "npy":
        with path.open("wb") as file:
            np.save(file, LABELS.astype(np.int64))
    elif how == "tiff16":
        tifffile.imwrite(path, LABELS.astype(np.uint16))
    elif how == "four bits":
        import pyvips

        image = pyvips.Image.new_from_array(LABELS * 17).cast("uchar").copy(interpretation="b-w")
        (image >> 4).pngsave(str(path), bitdepth=4)
    elif how == "rgb":
        image.convert("RGB").save(path, format="PNG")
    else:
        image.save(path, format="BMP" if how == "bmp" else "PNG")
    return path


@pytest.mark.parametrize("how", ["grey", "palette", "rgb", "bmp", "npy", "tiff16", "four bits"])
@pytest.mark.parametrize("values", [(1,), (1, 2), (3,), (2, 77), (0,)])
def test_values_say_which_labels_are_hole(tmp_path: Path, how: str, values: tuple[int, ...]) -> None:
    found = read_mask_file(save_labels(tmp_path / "m", how), values=values)
    np.testing.assert_array_equal(found.hole, np.isin(LABELS, values))
    assert not found.soft


@pytest.mark.parametrize("how", ["grey", "palette", "rgb", "bmp", "npy", "tiff16", "four bits"])
def test_values_that_are_nowhere_are_refused(tmp_path: Path, how: str) -> None:
    with pytest.raises(MaskError, match=r"m: No pixel is 9, 300, it has 0, 1, 2, 3: name values that it has\."):
        hole_of(save_labels(tmp_path / "m", how), values=(9, 300))


def test_values_beyond_a_palette_are_nowhere(tmp_path: Path) -> None:
    image = Image.fromarray(LABELS, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(tmp_path / "m.png", bits=2)
    np.testing.assert_array_equal(hole_of(tmp_path / "m.png", values=(3, 4)), LABELS == 3)


def test_transparent_pixels_have_no_label(tmp_path: Path) -> None:
    values = np.stack([LABELS, np.full_like(LABELS, 255)], axis=2)
    values[5, :, 1] = 0
    Image.fromarray(values, "LA").save(tmp_path / "m.png")
    expected = LABELS == 2
    expected[5] = False
    np.testing.assert_array_equal(hole_of(tmp_path / "m.png", values=(2,)), expected)


@pytest.mark.parametrize("how", ["grey", "rgb", "npy", "tiff16", "four bits"])
@pytest.mark.parametrize("polarity", ["white", "black"])
def test_labels_are_not_taken_for_an_empty_mask(tmp_path: Path, how: str, polarity: str) -> None:
    with pytest.raises(MaskError, match=r"m: It has 4 values from 0 to 3, none above half .*: use values=\(1, 2, 3\)"):
        hole_of(save_labels(tmp_path / "m", how), polarity=polarity)


@pytest.mark.parametrize("how", ["palette", "bmp palette"])
def test_of_a_palette_the_numbers_may_be_labels(tmp_path: Path, how: str) -> None:
    image = Image.fromarray(LABELS, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(tmp_path / "m", format="BMP" if how == "bmp palette" else "PNG")
    with pytest.raises(
        MaskError, match=r"It has colours, .*: use values=\.\.\. if the numbers of its colours are labels"
    ):
        hole_of(tmp_path / "m")


def test_many_faint_values_are_refused_without_a_list(tmp_path: Path) -> None:
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match=r"100 values from 0 to 99, none above half of full scale \(127\): use values="):
        hole_of(tmp_path / "m.png")
    faint = np.zeros((10, 10, 4), np.uint8)
    faint[..., 3] = np.arange(100).reshape(10, 10)
    Image.fromarray(faint).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match=r"Its opacity has 100 values from 0 to 99, none above half .*: save it"):
        hole_of(tmp_path / "m.png")


def test_values_of_colours_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 5, 3), np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match="It has colours, and values are those of a grey mask or of a palette"):
        hole_of(tmp_path / "m.png", values=(1,))


class TestFindMaskByPattern:
    def test_stem_stands_for_the_picture_s(self, tmp_path: Path) -> None:
        (tmp_path / "a_mask001.png").touch()
        picture = tmp_path / "a.tif"
        assert find_mask(tmp_path, Path("scans/a.tif"), "{stem}_mask001.png") == tmp_path / "a_mask001.png"
        assert find_mask(None, picture, "{stem}_mask001.png") == tmp_path / "a_mask001.png"
        with pytest.raises(MaskError, match=r"There is no mask for it: it would be called .*b_mask001.png"):
            find_mask(tmp_path, Path("b.tif"), "{stem}_mask001.png")


class TestFindMask:
    def folder(self, path: Path, *names: str) -> Path:
        path.mkdir()
        for name in names:
            (path / name).touch()
        return path

    @pytest.mark.parametrize(
        ("names", "found"),
        [
            (["a.png", "a_mask.png", "b.png"], "a.png"),
            (["a_mask.TIF", "aa.png", "a-mask.png"], "a_mask.TIF"),
            (["a.jpg", "a.txt", "a.tif.xml"], "a.jpg"),
            (["a.npy", "a.txt"], "a.npy"),
        ],
    )
    def test_by_stem_else_by_stem_and_mask(self, tmp_path: Path, names: list[str], found: str) -> None:
        folder = self.folder(tmp_path / "masks", *names)
        assert find_mask(folder, Path("scans/a.tif")) == folder / found

    def test_the_picture_is_not_its_own_mask(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path / "all", "a.tif", "a_mask.png")
        assert find_mask(folder, folder / "a.tif") == folder / "a_mask.png"

    def test_none_and_two_are_refused(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path / "masks", "b.png", "b.tif", "b_mask.png")
        with pytest.raises(MaskError, match=r"There is no mask for it in .*masks: .* a.png or a_mask.png"):
            find_mask(folder, Path("a.tif"))
        with pytest.raises(MaskError, match=r"There are two masks for it in .*masks: b.png and b.tif"):
            find_mask(folder, Path("b.jpg"))

    def test_a_missing_folder_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(MaskError, match=r"The folder of masks .*none can't be read"):
            find_mask(tmp_path / "none", Path("a.tif"))
