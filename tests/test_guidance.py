"""Guidance: where texture may come from; methods that don't take it say so."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.errors import MaskError, ParameterError
from restauro.files.reading import read_picture
from restauro.guidance import PictureGuidance
from restauro.method import method_class, method_names
from restauro.picture import as_stored
from tests.networks import needed
from tests.panels import save
from tests.promises.pictures import holes, net, picture, seeds

SHAPE = (120, 260)


def two_textures(shape: tuple[int, int] = SHAPE, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture whose values are below 0.4 but in a far corner, where they are above 0.6; its hole; that corner."""
    rng = np.random.default_rng(4)
    unit = 0.4 * picture(rng, shape)
    far = np.zeros(shape, bool)
    far[-40:, -40:] = True
    unit[far] = 0.6 + unit[far]
    hole = np.zeros(shape, bool)
    hole[40:60, 30:50] = True
    limits = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    return (unit * limits).astype(dtype), hole, far


def is_of(values: np.ndarray, sources: np.ndarray, tolerance: float = 1e-6) -> bool:
    """Whether every one of some values is one of the sources', but for rounding."""
    ordered = np.sort(sources.ravel())
    at = np.clip(np.searchsorted(ordered, values), 1, ordered.size - 1)
    return bool(np.minimum(np.abs(ordered[at] - values), np.abs(ordered[at - 1] - values)).max() <= tolerance)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
def test_texture_comes_from_the_sources_alone_however_far(dtype: str) -> None:
    image, hole, far = two_textures(dtype=dtype)
    restored = restauro.inpaint(image, hole, "patchmatch", sources=far, detail=1)
    scale = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    assert is_of(restored[hole].astype(float), image[far].astype(float), (1e-3 if dtype == "float16" else 1e-6) * scale)
    np.testing.assert_array_equal(restored[~hole], image[~hole])
    assert restauro.inpaint(image, hole, "patchmatch", detail=1)[hole].max() < 0.5 * scale  # where nothing is said


def test_what_is_to_be_avoided_is_not_copied() -> None:
    image, hole, _ = two_textures()
    image[:, 45:] += 0.6
    avoid = image > 0.5
    freely = restauro.inpaint(image, hole, "patchmatch", detail=1)
    assert (freely[hole] > 0.5).any()
    restored = restauro.inpaint(image, hole, "patchmatch", avoid=avoid, detail=1)
    assert is_of(restored[hole], image[~avoid & ~hole])
    both = restauro.inpaint(image, hole, "patchmatch", sources=avoid, avoid=image > 0.8, detail=1)
    assert is_of(both[hole], image[avoid & (image <= 0.8)])


@given(seed=seeds, detail=st.sampled_from([0.5, 1.0]), bands=st.sampled_from([1, 3]))
@settings(max_examples=25)
def test_any_sources_will_do(seed: int, detail: float, bands: int) -> None:
    """Sources of any shape, full of holes: what is copied is intact, and nothing outside changes."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(30, 90)), int(rng.integers(30, 260))
    image = picture(rng, (*shape, bands))
    hole = holes(rng, shape) | (net(rng, shape) if seed % 2 else False)
    top, left = (int(rng.integers(0, side - 16)) for side in shape)
    sources = net(rng, shape)
    sources[top : top + 16, left : left + 16] = True
    hole[top + 2 : top + 10, left + 4 : left + 13] = False
    damaged = np.where(hole[..., np.newaxis], np.nan, image)
    one, other = (
        restauro.inpaint(damaged, hole, "patchmatch", sources=sources, detail=detail, workers=workers, seed=seed)
        for workers in (1, 2)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one[~hole], image[~hole])
    assert np.isfinite(one).all()
    if detail == 1:
        for band in range(bands):
            assert is_of(one[hole][:, band], image[sources & ~hole][:, band])


@pytest.mark.parametrize("exponent", [-1000, 1000])
def test_sources_of_any_magnitude(exponent: int) -> None:
    image, hole, far = two_textures()
    restored = restauro.inpaint(np.ldexp(image, exponent), hole, "patchmatch", sources=far)
    expected = restauro.inpaint(image, hole, "patchmatch", sources=far)
    np.testing.assert_allclose(np.ldexp(restored, -exponent), expected, rtol=0, atol=1e-5)


def test_memory_is_in_proportion_to_damage_and_sources() -> None:
    image = np.tile(picture(np.random.default_rng(1), (200, 200), "uint8"), (15, 15))
    hole, sources = np.zeros((2, *image.shape), bool)
    hole[20:40, 20:40] = True
    sources[-60:, -60:] = True
    sources[100:140, -90:-10] = True
    restauro.inpaint(image, hole, "patchmatch", sources=sources, out=image, workers=1)
    tracemalloc.start()
    restauro.inpaint(image, hole, "patchmatch", sources=sources, out=image, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * image.size


@given(seed=seeds)
@settings(max_examples=40)
def test_pieces_hold_all_sources_and_little_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(1, 700)), int(rng.integers(1, 700))
    sources = (net, holes)[seed % 2](rng, shape) if min(shape) > 1 else np.ones(shape, bool)
    pieces = PictureGuidance(sources=sources).pieces
    covered = np.zeros(shape, bool)
    for top, bottom, left, right in pieces:
        assert sources[top:bottom, left:right].any()
        area = (bottom - top) * (right - left)
        assert max(bottom - top, right - left) <= 128 or area <= 3 * sources[top:bottom, left:right].sum()
        covered[top:bottom, left:right] = True
    assert not (sources & ~covered).any()


@pytest.mark.parametrize("what", ["sources", "avoid"])
@pytest.mark.parametrize("name", method_names())
def test_methods_that_take_no_guidance_say_which_do(name: str, what: str) -> None:
    image, hole, far = two_textures()
    if what in method_class(name).takes:
        restauro.inpaint(image, hole, name, **{what: far})
        return
    called = {"avoid": "mask of what is to be avoided"}.get(what, what)
    with pytest.raises(
        ParameterError, match=rf'^Method \'{name}\' takes no {called}: use method="patchmatch", or leave it out\.$'
    ):
        restauro.inpaint(image, hole, name, **{what: far}, **needed(name))


def test_sources_that_can_not_be_copied_are_an_error() -> None:
    image, hole, far = two_textures()
    for sources, says in (
        (np.zeros_like(hole), "^The mask of sources marks nothing, or only holes: mark intact pixels to copy from"),
        (hole, "^The mask of sources marks nothing, or only holes"),
        (far[:, :-1], r"^The mask of sources has the shape \(120, 259\) and the picture \[H, W\] = \(120, 260\)"),
        (np.where(far, 0.5, 0), "^A mask of floats may hold only 0 and 1"),
        (np.eye(*SHAPE) > 0, "^The sources have no square of 7 x 7 known pixels, the least that can be copied: mark"),
    ):
        with pytest.raises(MaskError, match=says):
            restauro.inpaint(image, hole, "patchmatch", sources=sources)
    with pytest.raises(MaskError, match=r"^What isn't to be avoided near the holes has no square of 7 x 7 known"):
        restauro.inpaint(image, hole, "patchmatch", avoid=~far)


def test_a_stack_is_refused() -> None:
    image, hole, far = two_textures()
    with pytest.raises(ParameterError, match=r"^sources can't be given for a stack: fill its pictures one by one\.$"):
        restauro.inpaint(np.stack([image] * 2), np.stack([hole] * 2), "patchmatch", sources=far)


def test_partial_damage_is_filled_from_sources_where_it_is_opaque() -> None:
    image, hole, far = two_textures()
    restored = restauro.inpaint(image, np.where(hole, 1.0, 0.0), "patchmatch", partial="cover", sources=far, detail=1)
    assert is_of(restored[hole], image[far])
    with pytest.raises(ParameterError, match=r"^Method 'tone' takes no sources: use"):
        restauro.inpaint(image, hole, "tone", sources=far)


class TestFiles:
    @pytest.mark.parametrize("orientation", [1, 6, 7])
    def test_masks_of_sources_are_turned_as_the_picture_is(self, tmp_path: Path, orientation: int) -> None:
        image, hole, far = two_textures(dtype="uint8")
        stored = np.ascontiguousarray(as_stored(image, orientation))
        panel = save(tmp_path / "panel.tif", stored, orientation=orientation)
        masks = {name: save(tmp_path / f"{name}.png", np.uint8(255) * mask) for name, mask in (("h", hole), ("s", far))}
        restored = restauro.restore_file(
            panel, tmp_path / "out.tif", mask=masks["h"], sources=masks["s"], method="patchmatch",
            parameters={"detail": 1},
        )  # fmt: skip
        assert restored.guidance == {"sources": 1600}
        out = read_picture(tmp_path / "out.tif").pixels[as_stored(hole, orientation)]
        assert is_of(out.astype(float), image[far].astype(float))
        array = restauro.Restoration.open(panel).mask_from(hole).guided_by(sources=far).fill("patchmatch", detail=1)
        np.testing.assert_array_equal(array.picture.pixels[as_stored(hole, orientation)], out)
        restored = array.guided_by().fill("patchmatch").write(tmp_path / "b.tif")
        assert restored.guidance == {}

    def test_a_soft_mask_is_cut_and_not_grown(self, tmp_path: Path) -> None:
        image, hole, far = two_textures(dtype="uint8")
        panel = save(tmp_path / "panel.tif", image)
        soft = save(tmp_path / "s.png", (far * 200 + np.roll(far, -3, axis=1) * 50).astype(np.uint8))
        done = restauro.Restoration.open(panel).mask_from(hole).guided_by(sources=soft).fill("patchmatch")
        assert done.write(tmp_path / "out.tif").guidance == {"sources": far.sum()}

    def test_on_the_command_line(self, tmp_path: Path) -> None:
        image, hole, far = two_textures(dtype="uint8")
        save(tmp_path / "panel.tif", image)
        save(tmp_path / "mask.png", np.uint8(255) * hole)
        save(tmp_path / "far.png", np.uint8(255) * far)

        def run(*more: str) -> Any:
            command = [sys.executable, "-m", "restauro", "restore", "panel.tif", "--mask", "mask.png", "-o", "o.tif"]
            return subprocess.run([*command, *more], capture_output=True, text=True, check=False, cwd=tmp_path)

        ran = run("--sources", "far.png", "--method", "patchmatch", "--detail", "1", "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["guidance"] == {"sources": 1600}
        assert is_of(read_picture(tmp_path / "o.tif").pixels[hole].astype(float), image[far].astype(float))
        refused = run("--avoid", "far.png", "--overwrite")
        assert refused.returncode == 2
        assert refused.stderr.endswith(
            "Error: Method 'edge-enhancing' takes no mask of what is to be avoided: use --method patchmatch, or leave "
            "it out.\n"
        )
        missing = run("--sources", "none.png", "--overwrite", "--method", "patchmatch")
        assert missing.returncode == 2
        assert missing.stderr.endswith("panel.tif: The mask none.png: There is no such file: check its name.\n")
        dry = run("--sources", "mask.png", "--overwrite", "--method", "patchmatch", "--dry-run")
        assert dry.stderr.endswith(
            "panel.tif: The mask of sources marks nothing, or only holes: mark intact pixels to copy from.\n"
        )
