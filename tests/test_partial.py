"""Pixels that are damaged in part: masks with values between none and full, mixed with the fill."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.cli import main
from restauro.errors import MaskError, ParameterError
from restauro.files.reading import read_picture
from restauro.mask_files import read_mask_file
from tests.promises.pictures import picture

SHAPE = (48, 56)
DTYPES = ["uint8", "uint16", "int16", "uint32", "float16", "float32", "float64"]


def soft_mask(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A disc that is full in the middle, with a soft edge, float64."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.clip((16 - np.hypot(y - shape[0] / 2, x - shape[1] / 2)) / 10, 0, 1)


def save(path: Path, values: np.ndarray, **options: Any) -> Path:
    image = pyvips.Image.new_from_array(values)
    image.copy(interpretation="b-w" if values.ndim == 2 else "srgb").write_to_file(str(path), **options)
    return path


@pytest.mark.parametrize("bands", [None, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_cover_mixes_what_is_there_with_the_fill(dtype: str, bands: int | None) -> None:
    shape = SHAPE if bands is None else (*SHAPE, bands)
    image = picture(np.random.default_rng(2), shape, "uint8").astype(dtype)
    weights = soft_mask().astype(np.float32)
    hole = weights > 0
    fill = restauro.inpaint(image.astype(np.float64), hole, "telea")
    mixed = restauro.inpaint(image, weights, "telea", partial="cover")
    share = weights[..., np.newaxis] if bands else weights
    expected = (1 - share) * image.astype(np.float64) + share * fill
    tolerance = 0.501 if np.dtype(dtype).kind in "iu" else 0.07 if dtype == "float16" else 1e-3
    np.testing.assert_allclose(mixed[hole].astype(float), expected[hole], rtol=0, atol=tolerance)
    np.testing.assert_array_equal(mixed[~hole], image[~hole])
    np.testing.assert_array_equal(mixed[weights == 1], restauro.inpaint(image, hole, "telea")[weights == 1])


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from(["float32", "float64"]))
def test_where_a_weight_is_0_every_bit_stays(seed: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, (30, 34), dtype)
    weights = rng.random((30, 34)) * (rng.random((30, 34)) < 0.3)
    mixed = restauro.inpaint(image, weights, "harmonic", partial="cover")
    np.testing.assert_array_equal(mixed[weights == 0], image[weights == 0])
    assert (mixed != image).any() == (weights > 0).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_no_share_of_anything(value: float) -> None:
    image, weights = picture(np.random.default_rng(3), SHAPE, "float32"), soft_mask()
    place = tuple(np.argwhere((weights > 0) & (weights < 1))[5])
    fill = restauro.inpaint(image, weights > 0, "telea")
    image[place] = value
    mixed = restauro.inpaint(image, weights, "telea", partial="cover")
    assert mixed[place] == fill[place]
    assert np.isfinite(mixed).all()


@pytest.mark.parametrize("mask", [soft_mask() > 0.5, (soft_mask() > 0.5) * 255, np.float32(soft_mask() > 0.5)])
def test_a_mask_of_two_values_is_filled_as_without_partial(mask: np.ndarray) -> None:
    image = picture(np.random.default_rng(4), SHAPE, "uint8")
    np.testing.assert_array_equal(
        restauro.inpaint(image, mask, "telea", partial="cover"), restauro.inpaint(image, mask, "telea")
    )


def test_a_stack_is_mixed_as_each_of_its_pictures() -> None:
    images = picture(np.random.default_rng(5), (*SHAPE, 2), "uint8").transpose(2, 0, 1).copy()
    masks = np.stack([soft_mask(), soft_mask()[::-1, ::-1] * 0.5])
    mixed = restauro.inpaint(images, masks, "telea", partial="cover")
    for image, mask, one in zip(images, masks, mixed, strict=True):
        np.testing.assert_array_equal(one, restauro.inpaint(image, mask, "telea", partial="cover"))


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (soft_mask() * 1.5, r"values from 0 to 1, and this one holds 1\..*: divide it .* mask / 255\.$"),
        (soft_mask() - 1e-3, "this one holds -0.001"),
        (np.where(soft_mask() > 0.5, np.nan, 0), "this one holds nan"),
        ((soft_mask() * 255).astype(np.uint8), "has floats from 0 to 1, or two values, .* from 0 to 255: divide it"),
        (np.full(SHAPE, 0.5), "covers the whole picture"),
        (soft_mask()[:-1], "has the shape"),
    ],
)
def test_what_is_no_mask_of_partial_damage_is_refused(mask: np.ndarray, says: str) -> None:
    with pytest.raises(MaskError, match=says):
        restauro.inpaint(picture(np.random.default_rng(6), SHAPE, "uint8"), mask, "telea", partial="cover")


def test_what_partial_damage_can_not_mean_is_refused(tmp_path: Path) -> None:
    panel = save(tmp_path / "panel.png", np.zeros(SHAPE, np.uint8))
    for refused in (
        lambda: restauro.inpaint(np.zeros((4, 4)), np.eye(4), partial="half"),  # type: ignore[arg-type]
        lambda: restauro.restore_file(panel, tmp_path / "o.png", mask=panel, partial="half"),
        lambda: restauro.Restoration.open(panel).mask_from(panel, partial="half"),
    ):
        with pytest.raises(ParameterError, match=r"^partial='half' isn't known: it must be cover"):
            refused()


class TestFiles:
    @pytest.fixture
    def panel(self, tmp_path: Path) -> Path:
        return save(tmp_path / "panel.png", picture(np.random.default_rng(7), (*SHAPE, 3), "uint8"))

    @pytest.fixture
    def dust(self, tmp_path: Path) -> Path:
        return save(tmp_path / "dust.png", np.rint(soft_mask() * 255).astype(np.uint8))

    @pytest.mark.parametrize("polarity", ["white", "black"])
    def test_a_soft_mask_file_keeps_its_values(self, tmp_path: Path, polarity: str) -> None:
        levels = np.rint(soft_mask() * 100).astype(np.uint8)  # none of them above half
        shown = levels if polarity == "white" else 255 - levels
        read = read_mask_file(save(tmp_path / "m.png", shown), polarity, keep_values=True)
        np.testing.assert_allclose(read.weights, levels / 255, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(read.hole, levels > 0)
        assert not read.soft

    def test_strokes_on_a_transparent_layer_keep_their_opacity(self, tmp_path: Path) -> None:
        levels = np.rint(soft_mask() * 255).astype(np.uint8)
        layer = np.stack([np.full(SHAPE, 200, np.uint8), np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8), levels])
        read = read_mask_file(save(tmp_path / "m.png", layer.transpose(1, 2, 0)), keep_values=True)
        np.testing.assert_allclose(read.weights, levels / 255, rtol=0, atol=1e-6)

    def test_files_are_mixed_as_arrays_are(self, panel: Path, dust: Path, tmp_path: Path) -> None:
        weights = read_picture(dust).pixels / np.float32(255)
        expected = restauro.inpaint(read_picture(panel).pixels, weights, "telea", partial="cover")
        out, used = tmp_path / "out.png", tmp_path / "used.png"
        restored = restauro.restore_file(panel, out, mask=dust, method="telea", partial="cover", save_mask=used)
        np.testing.assert_array_equal(read_picture(out).pixels, expected)
        np.testing.assert_array_equal(read_picture(used).pixels, read_picture(dust).pixels)
        assert (restored.partial, restored.hole_pixels, restored.notes) == ("cover", (weights > 0).sum(), ())
        assert restored.changed_outside == 0
        again = restauro.restore_file(panel, tmp_path / "b.png", mask=weights, method="telea", partial="cover")
        assert again.partial == "cover"
        np.testing.assert_array_equal(read_picture(tmp_path / "b.png").pixels, expected)

    def test_without_it_a_soft_mask_is_cut(self, panel: Path, dust: Path, tmp_path: Path) -> None:
        restored = restauro.restore_file(panel, tmp_path / "out.png", mask=dust, method="telea")
        assert restored.partial is None
        assert [note.code for note in restored.notes] == ["mask-soft"]

    def test_a_second_fill_begins_with_what_was_there(self, panel: Path, dust: Path) -> None:
        restoration = restauro.Restoration.open(panel).mask_from(dust, partial="cover").fill("harmonic").fill("telea")
        once = restauro.Restoration.open(panel).mask_from(dust, partial="cover").fill("telea")
        np.testing.assert_array_equal(restoration.picture.pixels, once.picture.pixels)

    def test_masks_are_turned_and_resized_with_the_picture(self, panel: Path, tmp_path: Path) -> None:
        weights = soft_mask()[::2, ::2]
        small = save(tmp_path / "small.png", np.rint(weights * 255).astype(np.uint8))
        found = restauro.Restoration.open(panel).mask_from(small, partial="cover", resize=True)
        assert found.weights is not None
        enlarged = np.rint(weights * 255).repeat(2, axis=0).repeat(2, axis=1) / 255
        np.testing.assert_allclose(found.weights, enlarged, atol=1e-6)
        turned = tmp_path / "turned.jpg"
        pixels = pyvips.Image.new_from_file(str(panel)).copy()
        pixels.set_type(pyvips.GValue.gint_type, "orientation", 6)
        pixels.write_to_file(str(turned))
        seen = np.rot90(soft_mask(), -1)
        stored = restauro.Restoration.open(turned).mask_from(np.ascontiguousarray(seen), partial="cover").weights
        np.testing.assert_allclose(stored, soft_mask(), atol=1e-6)

    def test_kept_values_can_not_be_grown(self, panel: Path, dust: Path, tmp_path: Path) -> None:
        with pytest.raises(MaskError, match="whose values are kept, as partial damage, can't be grown"):
            restauro.restore_file(panel, tmp_path / "out.png", mask=dust, partial="cover", grow=2)

    def test_on_the_command_line(self, panel: Path, dust: Path, tmp_path: Path, capsys: Any) -> None:
        out = tmp_path / "out.png"
        arguments = ["restore", str(panel), "--mask", str(dust), "--method", "telea", "-o", str(out)]
        assert main([*arguments, "--partial", "cover", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["partial"] == "cover"
        weights = read_picture(dust).pixels / np.float32(255)
        expected = restauro.inpaint(read_picture(panel).pixels, weights, "telea", partial="cover")
        np.testing.assert_array_equal(read_picture(out).pixels, expected)
        assert main([*arguments, "--partial", "half"]) == 2

    @pytest.mark.parametrize("is_soft", [False, True])
    def test_tone_on_the_command_line(self, dust: Path, tmp_path: Path, capsys: Any, is_soft: bool) -> None:
        """A mask of two values is corrected all over; of a soft one what is nearly white is filled."""
        weights = read_picture(dust).pixels / np.float32(255)
        light = np.full((*SHAPE, 3), 0.5) * (1 - 0.6 * (weights > 0))[..., np.newaxis]
        panel = save(tmp_path / "dim.png", np.rint(255 * light).astype(np.uint8))
        mask = dust if is_soft else save(tmp_path / "two.png", np.where(weights > 0, 255, 0).astype(np.uint8))
        out = tmp_path / "out.png"
        arguments = ["restore", str(panel), "--mask", str(mask), "--method", "telea", "-o", str(out)]
        assert main([*arguments, "--partial", "tone"]) == 0
        assert "filled (28 %) by tone, telea where nearly opaque (corrects" in re.sub(
            r"[\d.]+ %", "28 %", capsys.readouterr().out
        )
        marks: np.ndarray = weights if is_soft else weights > 0
        expected = restauro.inpaint(read_picture(panel).pixels, marks, "telea", partial="tone")
        np.testing.assert_array_equal(read_picture(out).pixels, expected)
        assert main([*arguments, "--partial", "tone", "--overwrite", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["partial"] == "tone"
