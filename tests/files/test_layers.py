"""Layered files: what is written is read again, bit for bit; what others make of them is taken."""

from __future__ import annotations

import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray

from restauro.errors import ImageError, ReadError, WriteError
from restauro.files.layers import Layer, extract_lowest, flattened, read_layers, write_layers
from restauro.files.reading import read_picture

ENDINGS = [".ora", *([".tif"] if find_spec("psdtags") else [])]


def picture(bands: int, dtype: type) -> NDArray[Any]:
    full = np.iinfo(dtype).max
    return np.random.default_rng(2).integers(0, full, (40, 300, bands), endpoint=True).astype(dtype)


def with_opacity(pixels: NDArray[Any], opacity: NDArray[Any]) -> NDArray[Any]:
    full = np.iinfo(pixels.dtype).max
    return np.concatenate([pixels, (opacity * full).astype(pixels.dtype)[..., np.newaxis]], axis=2)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
def test_layers_are_read_as_they_were_written(tmp_path: Path, bands: int, dtype: type, ending: str) -> None:
    opacity = np.random.default_rng(1).integers(0, 2, (20, 30))
    layers = [
        Layer("Original", picture(bands, dtype)),
        Layer("Healed & <more>", with_opacity(picture(bands, dtype)[:20, :30], opacity), top=5, left=-3),
        Layer("Mask: möglich", with_opacity(picture(bands, dtype)[:20, :30], opacity), visible=False, opacity=0.4),
    ]
    write_layers(layers, tmp_path / f"a{ending}")
    found = read_layers(tmp_path / f"a{ending}")
    assert (found.height, found.width) == (40, 300)
    for one, other in zip(found.layers, layers, strict=True):
        np.testing.assert_array_equal(one.pixels[..., : other.pixels.shape[2]], other.pixels)
        assert (one.pixels[..., other.pixels.shape[2] :] == np.iinfo(dtype).max).all()
        assert one.pixels.dtype == dtype
        assert (one.name, one.top, one.left, one.visible, one.opacity) == (
            other.name, other.top, other.left, other.visible, other.opacity,
        )  # fmt: skip
    assert found.named("Original") is found.layers[0]
    assert found.named("nothing") is None


@pytest.mark.parametrize(("bands", "dtype"), [(3, np.uint16), (1, np.uint8)])
def test_a_layered_tiff_is_a_tiff_of_the_whole(tmp_path: Path, bands: int, dtype: type) -> None:
    pytest.importorskip("psdtags", reason="layers in a TIFF need the extra layers")
    over = with_opacity(np.full((2, 2, bands), 9, dtype), np.ones((2, 2)))
    profile = pyvips.Image.profile_load("srgb")
    layers = [Layer("Original", picture(bands, dtype)), Layer("Dab", over, top=1, left=1)]
    write_layers(layers, tmp_path / "a.tif", profile=(pyvips.GValue.blob_type, profile))
    found = read_picture(tmp_path / "a.tif")
    expected = picture(bands, dtype)
    expected[1:3, 1:3] = 9
    np.testing.assert_array_equal(np.atleast_3d(found.pixels), expected)
    assert [note.code for note in found.notes] == ["layers-left-out"]
    assert found.metadata["icc-profile-data"][1] == profile


def test_a_tiff_without_layers_or_cut_short_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("psdtags", reason="layers in a TIFF need the extra layers")
    path = tmp_path / "a.tif"
    pyvips.Image.black(4, 5).tiffsave(str(path))
    with pytest.raises(ReadError, match="has no layers"):
        read_layers(path)
    write_layers([Layer("Original", picture(3, np.uint8))], path, overwrite=True)
    with pytest.raises(ReadError, match="claims 300 x 40 pixels, and 100 are the most"):
        read_layers(path, max_pixels=100)
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000])
    with pytest.raises(ReadError, match="or is cut short"):
        read_layers(path)
    path.write_bytes(whole[:9_000] + bytes(9_000) + whole[18_000:])  # in the midst of the layers
    with pytest.raises(ReadError, match="can't be read"):
        read_layers(path)


def test_without_psdtags_it_is_said_how_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psdtags", None)
    with pytest.raises(WriteError, match=r"pip install 'restauro\[layers\]', or take OpenRaster"):
        write_layers([Layer("Original", picture(3, np.uint8))], tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())
    pyvips.Image.black(4, 5).tiffsave(str(tmp_path / "a.tif"))
    with pytest.raises(ReadError, match=r"pip install 'restauro\[layers\]'"):
        read_layers(tmp_path / "a.tif")


def test_the_file_is_one_that_other_programs_know(tmp_path: Path) -> None:
    over = with_opacity(np.full((2, 2, 3), 9, np.uint16), np.ones((2, 2)))
    write_layers([Layer("Original", picture(3, np.uint16)), Layer("Dab", over, top=1, left=1)], tmp_path / "a.ora")
    with zipfile.ZipFile(tmp_path / "a.ora") as file:
        first = file.infolist()[0]
        assert (first.filename, first.compress_type, file.read(first)) == ("mimetype", 0, b"image/openraster")
        assert {"stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"} <= set(file.namelist())
        merged = pyvips.Image.new_from_buffer(file.read("mergedimage.png"), "").numpy()
        small = pyvips.Image.new_from_buffer(file.read("Thumbnails/thumbnail.png"), "")
        order = file.read("stack.xml").decode()
    expected = picture(3, np.uint16)
    expected[1:3, 1:3] = 9
    np.testing.assert_array_equal(merged, expected)
    assert max(small.width, small.height) == 256
    assert order.index("Dab") < order.index("Original")


def test_the_profile_is_in_every_layer(tmp_path: Path) -> None:
    profile = pyvips.Image.profile_load("srgb")
    write_layers(
        [Layer("Original", picture(3, np.uint8))], tmp_path / "a.ora", profile=(pyvips.GValue.blob_type, profile)
    )
    with zipfile.ZipFile(tmp_path / "a.ora") as file:
        image = pyvips.Image.new_from_buffer(file.read("data/layer-0.png"), "")
    assert image.get("icc-profile-data") == profile


def test_layers_lie_over_each_other() -> None:
    beneath = np.full((3, 4), 100, np.uint8)
    layers = [
        Layer("beyond", np.full((9, 9, 1), 7, np.uint8), top=-8, left=-8),
        Layer("hidden", np.full((3, 4, 1), 0, np.uint8), visible=False),
        Layer("elsewhere", np.full((3, 4, 1), 0, np.uint8), top=50),
        Layer("half", np.full((1, 1, 3), 200, np.uint8), top=2, left=2, opacity=0.5),
        Layer("deep", np.full((1, 1, 1), 257 * 33, np.uint16), top=1, left=1),
    ]
    expected = beneath.copy()
    expected[0, 0], expected[2, 2], expected[1, 1] = 7, 150, 33
    np.testing.assert_array_equal(flattened(layers, beneath), expected)
    assert (beneath == 100).all()


def test_layers_that_cannot_lie_over_a_picture() -> None:
    coloured = np.array([[[1, 2, 3]]], np.uint8)
    with pytest.raises(ReadError, match="'flat' has 8 bits and the picture 16"):
        flattened([Layer("flat", coloured)], np.zeros((2, 2, 3), np.uint16))
    with pytest.raises(ReadError, match="'gay' has colours and the picture is grey"):
        flattened([Layer("gay", coloured)], np.zeros((2, 2), np.uint8))


def test_a_layer_of_few_bits_is_of_8(tmp_path: Path) -> None:
    png = pyvips.Image.new_from_array(np.array([[0, 255]], np.uint8)).pngsave_buffer(bitdepth=1)
    found = read_layers(ora(tmp_path / "a.ora", stack=stack(LAYER), png=png))
    assert found.layers[0].pixels[..., 0].tolist() == [[0, 255]]
    extract_lowest(tmp_path / "a.ora", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == png


def test_a_layer_that_is_too_large_is_not_unpacked(tmp_path: Path) -> None:
    ora(tmp_path / "a.ora", stack=stack(LAYER), png=bytes(1_001_000))
    with pytest.raises(ReadError, match="'one' has over 1000800 bytes"):
        read_layers(tmp_path / "a.ora", max_pixels=100)
    with pytest.raises(ReadError, match="'one' has over 1000800 bytes"):
        extract_lowest(tmp_path / "a.ora", tmp_path / "a.png", max_pixels=100)
    assert not (tmp_path / "a.png").exists()


def ora(path: Path, **files: str | bytes) -> Path:
    content: dict[str, str | bytes] = {"mimetype": "image/openraster", **files}
    with zipfile.ZipFile(path, "w") as file:
        for name, text in content.items():
            file.writestr({"stack": "stack.xml", "png": "data/a.png"}.get(name, name), text)
    return path


LAYER = '<layer name="one" src="data/a.png" x="1" y="2"/>'


def stack(inner: str, size: str = 'w="9" h="8"') -> str:
    return f"<image {size}><stack>{inner}</stack></image>"


def test_groups_are_taken_apart(tmp_path: Path) -> None:
    png = pyvips.Image.black(2, 3).pngsave_buffer()
    inner = f'<layer name="top" src="data/a.png"/><stack x="10" y="20" visibility="hidden">{LAYER}</stack>'
    found = read_layers(ora(tmp_path / "a.ora", stack=stack(inner), png=png))
    assert [(one.name, one.top, one.left, one.visible) for one in found.layers] == [
        ("one", 22, 11, False),
        ("top", 0, 0, True),
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"mimetype": "image/png"}, "no OpenRaster file"),
        ({}, "damaged"),
        ({"stack": "<image"}, "damaged"),
        ({"stack": "<image/>"}, "damaged"),
        ({"stack": stack("")}, "has 0 layers"),
        ({"stack": stack(LAYER)}, "damaged"),
        ({"stack": stack(LAYER), "png": b"no picture"}, "Layer 'one' can't be read"),
        ({"stack": stack(LAYER, 'w="90000" h="90000"')}, "90000 x 90000 pixels"),
        ({"stack": stack('<layer name="m" src="data/a.png" composite-op="svg:multiply"/>')}, "use mode normal"),
        ({"stack": stack(f'<stack name="g" opacity="0.5">{LAYER}</stack>')}, "use mode normal"),
        ({"stack": "<!DOCTYPE x>" + stack(LAYER)}, "holds what none holds"),
        ({"stack": " " * 1_000_001}, "too long"),
    ],
)
def test_what_is_no_layered_file_is_refused(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    with pytest.raises(ReadError, match=said):
        read_layers(ora(tmp_path / "a.ora", **files))


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ora").write_bytes(b"nothing")
    with pytest.raises(ReadError, match="damaged or no OpenRaster file"):
        read_layers(tmp_path / "a.ora")
    with pytest.raises(ReadError, match="can't be read"):
        read_layers(tmp_path / "missing.ora")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    good = Layer("Original", picture(3, np.uint8))
    with pytest.raises(WriteError, match=r"must end in \.ora"):
        write_layers([good], tmp_path / "a.psd")
    with pytest.raises(ImageError, match="no layer"):
        write_layers([], tmp_path / "a.ora")
    with pytest.raises(ImageError, match="8 or 16 bits"):
        write_layers([Layer("floats", np.zeros((2, 2, 3), np.float32))], tmp_path / "a.ora")
    write_layers([good], tmp_path / "a.ora")
    with pytest.raises(WriteError, match="is there"):
        write_layers([good], tmp_path / "a.ora")
    write_layers([good], tmp_path / "a.ora", overwrite=True)
