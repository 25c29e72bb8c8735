from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile

from restauro.damage.damaging import Damaged, damage_file
from restauro.damage.kinds import KINDS, make_damage
from restauro.errors import ParameterError, ReadError, RestauroError, WriteError
from restauro.files.reading import read_picture
from restauro.mask import grow_mask
from restauro.picture import as_seen

SHAPE = (60, 80)
CLEAN = np.random.default_rng(0).integers(30, 220, (*SHAPE, 3), np.uint8)


def save(path: Path, values: np.ndarray, *, orientation: int = 1, **options: Any) -> Path:
    image = pyvips.Image.new_from_array(values)
    deep = values.dtype == np.uint16
    names = ("grey16", "rgb16") if deep else ("b-w", "srgb")
    image = image.copy(interpretation=names[values.ndim == 3 and values.shape[2] > 2])
    if orientation != 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(path), **options)
    return path


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    return save(tmp_path / "panel.tif", CLEAN)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_its_holes_and_nothing_else(panel: Path, tmp_path: Path, kind: str) -> None:
    target, mask = tmp_path / "new/damaged.png", tmp_path / "other/mask.png"
    damaged = damage_file(panel, target, kind=kind, seed=3, mask_out=mask)
    hole = make_damage(kind, *SHAPE, rng=3)
    np.testing.assert_array_equal(read_picture(mask).pixels, hole * np.uint8(255))
    written = read_picture(target).pixels
    np.testing.assert_array_equal(written[~hole], CLEAN[~hole])
    assert (written[hole] == 255).all()
    assert dataclasses.replace(damaged, seconds=0) == Damaged(
        source=panel,
        target=target,
        mask=mask,
        width=80,
        height=60,
        kind=kind,
        seed=3,
        hole_pixels=int(hole.sum()),
        seconds=0,
        changed_outside=0,
        counted_outside="mask",
        notes=(),
    )


def test_the_same_seed_gives_the_same_files(panel: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        damage_file(panel, tmp_path / f"{name}.png", kind="losses", seed=seed, fill="noise")
        damage_file(panel, tmp_path / f"{name}-crack.png", kind="cracks", seed=seed, render=True)
    made = files_in(tmp_path)
    assert made["a.png"] == made["b.png"] != made["c.png"]
    assert made["a-crack.png"] == made["b-crack.png"] != made["c-crack.png"]


def test_fills(panel: Path, tmp_path: Path) -> None:
    hole = make_damage("blobs", *SHAPE, 0.2, rng=5)

    def filled(fill: str) -> np.ndarray:
        damage_file(panel, tmp_path / "out.png", kind="blobs", ratio=0.2, seed=5, fill=fill, overwrite=True)
        return read_picture(tmp_path / "out.png").pixels[hole]

    assert (filled("black") == 0).all()
    assert (filled("mean") == np.rint(CLEAN[~hole].mean(axis=0))).all()
    assert (filled("#ff8001") == [255, 128, 1]).all()
    noise = filled("noise")
    assert noise.mean() == pytest.approx(127.5, abs=10)
    assert noise.std() == pytest.approx(255 / np.sqrt(12), abs=6)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_deep_pictures_stay_deep(tmp_path: Path, dtype: str) -> None:
    full = 65535 if dtype == "uint16" else 1
    values = (CLEAN / 255 * full).astype(dtype)
    tifffile.imwrite(tmp_path / "deep.tif", values, photometric="rgb")
    for options, expected in (({}, full), ({"fill": "#808080"}, 128 / 255 * full), ({"fill": "black"}, 0)):
        damage_file(tmp_path / "deep.tif", tmp_path / "out.tif", kind="losses", seed=5, overwrite=True, **options)  # type: ignore[arg-type]
        written = tifffile.imread(tmp_path / "out.tif")
        hole = make_damage("losses", *SHAPE, rng=5)
        assert written.dtype == dtype
        np.testing.assert_allclose(written[hole], expected, rtol=1e-6)
        np.testing.assert_array_equal(written[~hole], values[~hole])
    damage_file(tmp_path / "deep.tif", tmp_path / "crack.tif", kind="cracks", render=True, mask_out=tmp_path / "m.png")
    truth = read_picture(tmp_path / "m.png").pixels == 255
    written = tifffile.imread(tmp_path / "crack.tif")
    np.testing.assert_array_equal(written[~truth], values[~truth])
    assert (written[truth] != values[truth]).any(axis=1).mean() > 0.95


def test_white_of_floats_beyond_one_is_the_highest(tmp_path: Path) -> None:
    values = np.linspace(0, 300, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    values[0, 0] = np.nan
    tifffile.imwrite(tmp_path / "depth.tif", values)
    damage_file(tmp_path / "depth.tif", tmp_path / "out.tif", kind="blobs", seed=5)
    hole = make_damage("blobs", *SHAPE, rng=5)
    assert (tifffile.imread(tmp_path / "out.tif")[hole] == 300).all()
    damage_file(tmp_path / "depth.tif", tmp_path / "mean.tif", kind="blobs", seed=5, fill="mean")
    np.testing.assert_allclose(tifffile.imread(tmp_path / "mean.tif")[hole], np.nanmean(values[~hole]), rtol=1e-6)


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_masks_are_as_people_see_the_picture(tmp_path: Path, orientation: int) -> None:
    photo = save(tmp_path / "photo.png", CLEAN, orientation=orientation)
    damaged = damage_file(photo, tmp_path / "out.png", kind="text", seed=2, mask_out=tmp_path / "mask.png")
    picture = read_picture(tmp_path / "out.png")
    assert picture.orientation == orientation
    seen = as_seen(picture.pixels, orientation)
    assert (damaged.height, damaged.width) == seen.shape[:2]
    hole = make_damage("text", *seen.shape[:2], rng=2)
    np.testing.assert_array_equal(read_picture(tmp_path / "mask.png").pixels == 255, hole)
    assert (seen[hole] == 255).all()
    np.testing.assert_array_equal(seen[~hole], as_seen(CLEAN, orientation)[~hole])
    assert (damage_file(photo, tmp_path / "cracked.png", kind="cracks", render=True)).changed_outside == 0


def test_transparency_stays(tmp_path: Path) -> None:
    values = np.dstack([CLEAN, np.full(SHAPE, 77, np.uint8)])
    save(tmp_path / "soft.png", values)
    hole = make_damage("losses", *SHAPE, rng=1)
    for options in ({}, {"fill": "#102030"}, {"fill": "noise"}, {"fill": "mean"}):
        damage_file(tmp_path / "soft.png", tmp_path / "out.png", kind="losses", seed=1, overwrite=True, **options)  # type: ignore[arg-type]
        written = read_picture(tmp_path / "out.png").pixels
        assert (written[..., 3] == 77).all()
        assert (written[hole][:, :3] != values[hole][:, :3]).any(axis=1).mean() > 0.9
    damage_file(tmp_path / "soft.png", tmp_path / "cracked.png", kind="cracks", render=True)
    assert (read_picture(tmp_path / "cracked.png").pixels[..., 3] == 77).all()


@pytest.mark.parametrize("render", [False, True])
def test_grey_and_one_bit(tmp_path: Path, render: bool) -> None:
    save(tmp_path / "grey.png", CLEAN[..., 0])
    save(tmp_path / "line.png", np.where(CLEAN[..., 0] > 100, 255, 0).astype(np.uint8), bitdepth=1)
    for name in ("grey.png", "line.png"):
        out, mask = tmp_path / f"out-{name}", tmp_path / f"mask-{name}"
        damaged = damage_file(tmp_path / name, out, kind="cracks", render=render, mask_out=mask)
        assert damaged.changed_outside == 0
        assert read_picture(out).bits == read_picture(tmp_path / name).bits
        if not render:
            assert (read_picture(out).pixels[read_picture(mask).pixels == 255] == 255).all()


def test_inks(tmp_path: Path) -> None:
    values = np.dstack([CLEAN, CLEAN[..., :1]])
    tifffile.imwrite(tmp_path / "inks.tif", values, photometric="separated")
    hole = make_damage("losses", *SHAPE, rng=0)
    for fill, expected in (("white", [0, 0, 0, 0]), ("black", [0, 0, 0, 255])):
        damage_file(tmp_path / "inks.tif", tmp_path / "out.tif", kind="losses", fill=fill, overwrite=True)
        assert (tifffile.imread(tmp_path / "out.tif")[hole] == expected).all()
    with pytest.raises(ParameterError, match=r"has inks \(CMYK\), in which the colour #ff0000 has no meaning"):
        damage_file(tmp_path / "inks.tif", tmp_path / "no.tif", kind="losses", fill="#ff0000")
    with pytest.raises(ParameterError, match="can't be rendered in inks"):
        damage_file(tmp_path / "inks.tif", tmp_path / "no.tif", kind="cracks", render=True)
    assert not (tmp_path / "no.tif").exists()


def test_a_rendered_crack_and_its_rim_are_in_the_mask(panel: Path, tmp_path: Path) -> None:
    rims = 0
    for seed in range(9):
        hole = make_damage("scratches", *SHAPE, 0.05, rng=seed)
        damaged = damage_file(
            panel, tmp_path / "out.png", kind="scratches", ratio=0.05, seed=seed, render=True, contrast=40,
            mask_out=tmp_path / "mask.png", overwrite=True,
        )  # fmt: skip
        truth = read_picture(tmp_path / "mask.png").pixels == 255
        written = read_picture(tmp_path / "out.png").pixels
        np.testing.assert_array_equal(written[~truth], CLEAN[~truth])
        assert (written[truth] != CLEAN[truth]).any(axis=1).all()
        assert (hole <= truth).all()
        assert (truth <= grow_mask(hole, 2)).all()
        assert damaged.hole_pixels == truth.sum()
        rims += damaged.hole_pixels > hole.sum()
    assert 0 < rims < 9


def test_jpegs_are_spoken_of_honestly(panel: Path, tmp_path: Path) -> None:
    photo = save(tmp_path / "photo.jpg", CLEAN)
    damaged = damage_file(photo, tmp_path / "a.jpg", kind="blobs", ratio=0.02)
    assert (damaged.changed_outside, damaged.counted_outside) == (0, "blocks")
    assert "were encoded anew" in damaged.notes[0]
    assert damaged.notes[1].startswith("A PNG or a TIFF would differ in the holes only")
    assert damage_file(photo, tmp_path / "b.png", kind="blobs", ratio=0.02).changed_outside == 0
    (note,) = damage_file(panel, tmp_path / "c.jpg", kind="blobs", ratio=0.02).notes
    assert note.startswith("JPEG loses a little everywhere")


WRONG: list[tuple[dict[str, Any], type[RestauroError], str]] = [
    ({"kind": "rust"}, ParameterError, "no kind of damage 'rust': choose one of marks, strokes, cracks, scratches, lo"),
    ({"ratio": 0.6}, ParameterError, r"hole ratio 0\.6 is out of range: of cracks it is above 0, at most 0\.5"),
    ({"kind": "marks", "ratio": 0.1}, ParameterError, "no ratio of marks, which cover as much as they do: leave it"),
    ({"options": {"border": False}}, ParameterError, "no option border of cracks, which have only pattern, course, cr"),
    ({"kind": "text", "options": {"pattern": "age"}}, ParameterError, "no option pattern of text, which have none"),
    ({"options": {"crack_width": -1}}, ParameterError, "crack width -1 is out of range: it is above 0"),
    ({"seed": -1}, ParameterError, "seed=-1 is out of range: it must be 0 or more"),
    ({"fill": "pink"}, ParameterError, "no fill 'pink': it is white, black, mean, noise or a colour, #rrggbb"),
    ({"fill": "ff0000"}, ParameterError, "no fill 'ff0000'"),
    ({"render": True, "fill": "white"}, ParameterError, "Rendered cracks have no fill: leave out white, or the render"),
    ({"render": True, "kind": "text"}, ParameterError, "Text can't be rendered, only cracks and scratches: use a fill"),
    ({"contrast": 30}, ParameterError, "A contrast is for rendered cracks and scratches: use render=True"),
    ({"render": True, "contrast": 0}, ParameterError, "contrast 0 is out of range: it is above 0, at most 255"),
    ({"source": "grey.png", "fill": "#ff0000"}, ParameterError, "is grey and the colour #ff0000 isn't: give a grey on"),
    (
        {"source": "five.tif", "target": "out.tif", "fill": "#ff0000"},
        ParameterError,
        "has 5 bands, in which the colour #ff0000 has no mean",
    ),
    (
        {"source": "signed.tif", "target": "out.tif", "render": True},
        ParameterError,
        r"of 8 or 16 bits, or of floats .* \(int16\) aren't",
    ),
    ({"source": "dot.png", "kind": "blobs", "fill": "mean"}, ParameterError, "no mean colour, because all of the pict"),
    ({"source": "missing.tif"}, ReadError, "There is no such file"),
    (
        {"target": "panel.tif"},
        WriteError,
        "is the picture itself: choose another name, or use overwrite=True",
    ),
    ({"target": "grey.png"}, WriteError, "is there already"),
    ({"target": "out.psd"}, WriteError, r"end in \.psd"),
    ({"mask_out": "m.jpg"}, WriteError, r"mask is written as a PNG, so .*m\.jpg must end in \.png"),
    ({"mask_out": "out.png"}, WriteError, r"can't be written to .*out\.png, which is the picture: choose another"),
    ({"source": "grey.png", "mask_out": "grey.png", "overwrite": True}, WriteError, "which is the picture"),
    ({"mask_out": "grey.png"}, WriteError, r"The mask .*grey\.png is there already"),
]


@pytest.mark.parametrize(("wrong", "error", "sentence"), WRONG)
def test_what_is_wrong_is_said_and_nothing_is_written(
    panel: Path, tmp_path: Path, wrong: dict[str, Any], error: type, sentence: str
) -> None:
    save(tmp_path / "dot.png", CLEAN[:1, :1, 0])
    save(tmp_path / "grey.png", CLEAN[..., 0])
    tifffile.imwrite(
        tmp_path / "five.tif", np.dstack([CLEAN, CLEAN[..., :2]]), photometric="minisblack", planarconfig="contig"
    )
    tifffile.imwrite(tmp_path / "signed.tif", CLEAN[..., 0].astype(np.int16))
    before = files_in(tmp_path)
    given: dict[str, Any] = {"source": panel, "target": "out.png", "kind": "cracks"} | wrong
    for name in {"source", "target", "mask_out"} & set(given):
        given[name] = tmp_path / given[name]
    with pytest.raises(error, match=sentence):
        damage_file(given.pop("source"), given.pop("target"), **given)
    assert files_in(tmp_path) == before


def test_a_picture_is_replaced_where_that_is_asked_for(panel: Path, tmp_path: Path) -> None:
    damage_file(panel, panel, kind="blobs", overwrite=True)
    hole = make_damage("blobs", *SHAPE)
    assert (read_picture(panel).pixels[hole] == 255).all()
    np.testing.assert_array_equal(read_picture(panel).pixels[~hole], CLEAN[~hole])
