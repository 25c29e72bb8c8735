from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile

from restauro.errors import ImageError, MaskError, MethodError, ParameterError, ReadError, RestauroError, WriteError
from restauro.files.reading import read_picture
from restauro.inpainting import inpaint
from restauro.mask_files import MaskFile, read_mask_file
from restauro.methods.telea import Telea
from restauro.picture import as_stored
from restauro.restoring import Restoration, Restored, restore_file

HOLE = np.zeros((40, 56), bool)
HOLE[8:12, 5:30] = True
HOLE[30:36, 40:44] = True
CLEAN = np.stack(np.broadcast_arrays(*np.ix_(range(40), range(56)), 90), axis=-1).astype(np.uint8)  # slopes


def save(path: Path, values: np.ndarray, *, orientation: int = 1, **options: Any) -> Path:
    image = pyvips.Image.new_from_array(values)
    image = image.copy(interpretation="b-w" if values.ndim == 2 else "srgb")
    if orientation != 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(path), **options)
    return path


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    damaged = CLEAN.copy()
    damaged[HOLE] = 0
    return save(tmp_path / "panel.tif", damaged)


@pytest.fixture
def losses(tmp_path: Path) -> Path:
    return save(tmp_path / "losses.png", np.where(HOLE, 255, 0).astype(np.uint8))


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("ending", [".tif", ".png", ".webp"])
def test_holes_are_filled_and_nothing_else_changed(panel: Path, losses: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"out{ending}"
    restored = restore_file(panel, target, mask=losses, method="telea", parameters={"radius": 3})
    written = read_picture(target).pixels
    np.testing.assert_array_equal(written, inpaint(read_picture(panel).pixels, HOLE, "telea", radius=3))
    np.testing.assert_array_equal(written[~HOLE], CLEAN[~HOLE])
    assert np.abs(written.astype(int) - CLEAN)[HOLE].max() <= 2
    assert dataclasses.replace(restored, seconds=0, notes=()) == Restored(
        source=panel,
        target=target,
        width=56,
        height=40,
        method="telea",
        parameters={"radius": 3},
        regions=2,
        hole_pixels=124,
        seconds=0,
        changed_outside=0,
        counted_outside="mask",
        partial=None,
        notes=(),
    )
    assert 0 < restored.seconds < 60


def test_a_method_instance_workers_and_seed_are_passed_on(panel: Path, losses: Path, tmp_path: Path) -> None:
    fractions: list[float] = []
    restored = restore_file(
        panel, tmp_path / "out.tif", mask=losses, method=Telea(radius=2), workers=1, seed=5, progress=fractions.append
    )
    assert restored.parameters == {"radius": 2}
    assert fractions[-1] == 1
    with pytest.raises(ParameterError, match="workers=0"):
        restore_file(panel, tmp_path / "new.tif", mask=losses, workers=0)


def test_in_a_jpeg_only_touched_blocks_change(losses: Path, tmp_path: Path) -> None:
    damaged = CLEAN.copy()
    damaged[HOLE] = 0  # a clean slope may come out as it went in
    source = save(tmp_path / "photo.jpg", damaged, Q=90)
    restored = restore_file(source, tmp_path / "out.jpg", mask=losses)
    assert (restored.changed_outside, restored.counted_outside) == (0, "blocks")
    assert "blocks of" in " ".join(restored.notes)
    before, after = read_picture(source).pixels, read_picture(tmp_path / "out.jpg").pixels
    assert (before != after).any()
    np.testing.assert_array_equal(before[:, 50:], after[:, 50:])


def test_a_mask_fits_the_turned_picture_and_is_saved_so(losses: Path, tmp_path: Path) -> None:
    damaged = CLEAN.copy()
    damaged[HOLE] = 0
    source = save(tmp_path / "photo.tif", np.ascontiguousarray(as_stored(damaged, 6)), orientation=6)
    restored = restore_file(source, tmp_path / "out.tif", mask=losses, save_mask=tmp_path / "used.png", grow=1)
    assert (restored.width, restored.height) == (56, 40)
    assert restored.hole_pixels == 124 + 2 * (25 + 4) + 2 * (4 + 6)
    used = read_picture(tmp_path / "used.png").pixels
    assert used.shape == HOLE.shape
    assert set(np.unique(used)) == {0, 255}
    assert (used[HOLE] == 255).all()
    again = restore_file(source, tmp_path / "again.tif", mask=tmp_path / "used.png")
    assert again.hole_pixels == restored.hole_pixels
    np.testing.assert_array_equal(
        read_picture(tmp_path / "again.tif").pixels, read_picture(tmp_path / "out.tif").pixels
    )


def test_transparency_becomes_opaque_in_what_was_filled(tmp_path: Path) -> None:
    pixels = np.dstack([CLEAN, np.full(HOLE.shape, 255, np.uint8)])
    pixels[HOLE] = [255, 0, 0, 0]
    pixels[20, 20, 3] = 200  # soft: the hole grows by 1, and this pixel stays
    restored = restore_file(save(tmp_path / "cut.png", pixels), tmp_path / "out.png", mask="alpha")
    written = read_picture(tmp_path / "out.png").pixels
    assert (written[HOLE, 3] == 255).all()
    assert written[20, 20, 3] == 200
    assert np.abs(written[..., :3].astype(int) - CLEAN)[HOLE].max() <= 2  # nothing of the red below
    assert restored.changed_outside == 0


def test_nan_is_filled_where_marked_and_unknown_elsewhere(tmp_path: Path, losses: Path) -> None:
    heights = CLEAN[..., 0].astype(np.float32)
    heights[HOLE] = np.nan
    tifffile.imwrite(tmp_path / "heights.tif", heights)
    restored = restore_file(tmp_path / "heights.tif", tmp_path / "out.tif", mask="nan")
    assert (restored.hole_pixels, restored.notes) == (HOLE.sum(), ())
    assert np.isfinite(tifffile.imread(tmp_path / "out.tif")).all()
    heights[8:12, 30:33] = np.nan  # beside a hole
    tifffile.imwrite(tmp_path / "heights.tif", heights)
    for dry_run in (True, False):
        restored = restore_file(tmp_path / "heights.tif", tmp_path / "new.tif", mask=losses, dry_run=dry_run)
        assert restored.notes == ("Unknown and not marked: 12 pixels with NaN. They are neither read nor filled.",)
        assert restored.notes[0].code == "unknown-pixels"
    assert restored.changed_outside == 0
    written = tifffile.imread(tmp_path / "new.tif")
    unknown = np.isnan(heights) & ~HOLE
    np.testing.assert_array_equal(written[~HOLE], heights[~HOLE])
    np.testing.assert_array_equal(written, inpaint(heights, HOLE, unknown=unknown))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_nodata_beside_a_hole_is_neither_read_nor_filled(tmp_path: Path, losses: Path, dtype: type) -> None:
    heights = CLEAN[..., 0].astype(dtype)
    heights[8:12, 30:33] = -9999
    tifffile.imwrite(tmp_path / "dem.tif", heights, extratags=[(42113, 2, 6, "-9999", True)])
    restored = restore_file(tmp_path / "dem.tif", tmp_path / "new.tif", mask=losses, method="harmonic")
    assert "12 pixels with the file's nodata value -9999" in restored.notes[0]
    written = tifffile.imread(tmp_path / "new.tif")
    assert written[HOLE].min() >= 0
    np.testing.assert_array_equal(written[~HOLE], heights[~HOLE])
    restored = restore_file(tmp_path / "dem.tif", tmp_path / "filled.tif", mask="nodata", method="harmonic")
    assert (restored.hole_pixels, restored.notes) == (12, ())
    assert tifffile.imread(tmp_path / "filled.tif").min() >= 0


def test_what_a_mask_inside_of_a_tiff_calls_missing_is_unknown(tmp_path: Path, losses: Path) -> None:
    damaged, valid = CLEAN.copy(), np.ones(HOLE.shape, bool)
    damaged[HOLE] = 0
    damaged[8:12, 30:33], valid[8:12, 30:33] = 255, False
    with tifffile.TiffWriter(tmp_path / "geo.tif") as file:
        file.write(damaged, photometric="rgb")
        file.write(valid, subfiletype=4, photometric=4)
    restored = restore_file(tmp_path / "geo.tif", tmp_path / "new.tif", mask=losses, method="harmonic")
    assert restored.notes[0] == (
        "Unknown and not marked: 12 pixels that the file's own mask calls missing. They are neither read nor filled."
    )
    written = tifffile.imread(tmp_path / "new.tif", key=0)
    np.testing.assert_array_equal(written, inpaint(damaged, HOLE, "harmonic", unknown=~valid))
    assert written[HOLE].max() < 100


def test_where_all_else_is_unknown_there_is_nothing_to_fill_from(tmp_path: Path) -> None:
    heights = np.full(HOLE.shape, np.nan, np.float32)
    heights[HOLE] = 1
    tifffile.imwrite(tmp_path / "dem.tif", heights)
    with pytest.raises(MaskError, match="All pixels are hole or unknown, so there is no known pixel to fill from"):
        restore_file(tmp_path / "dem.tif", tmp_path / "out.tif", mask=HOLE)


@pytest.mark.parametrize("ending", [".tif", ".jpg"])
def test_an_empty_mask_gives_a_copy_and_a_note(tmp_path: Path, ending: str) -> None:
    source = save(tmp_path / f"panel{ending}", CLEAN)
    mask = save(tmp_path / "empty.png", np.zeros(HOLE.shape, np.uint8))
    restored = restore_file(source, tmp_path / f"out{ending}", mask=mask)
    assert (restored.regions, restored.hole_pixels, restored.changed_outside) == (0, 0, 0)
    assert "The mask is empty, so nothing is filled: the file is a copy." in restored.notes
    np.testing.assert_array_equal(read_picture(tmp_path / f"out{ending}").pixels, read_picture(source).pixels)


def test_a_full_mask_is_refused(panel: Path, tmp_path: Path) -> None:
    mask = save(tmp_path / "full.png", np.full(HOLE.shape, 255, np.uint8))
    with pytest.raises(MaskError, match="All of the picture is hole, so there is nothing to fill it from"):
        restore_file(panel, tmp_path / "out.tif", mask=mask, accept_large_holes=True)


def test_a_mask_that_looks_inverted_is_refused(panel: Path, tmp_path: Path) -> None:
    mask = save(tmp_path / "inverted.png", np.where(HOLE, 0, 255).astype(np.uint8))
    with pytest.raises(
        MaskError, match=r"94.5% of the picture is hole, so the mask looks inverted: use polarity=.black. where"
    ):
        restore_file(panel, tmp_path / "out.tif", mask=mask)
    assert restore_file(panel, tmp_path / "a.tif", mask=mask, polarity="black").hole_pixels == HOLE.sum()
    with pytest.raises(MaskError, match=r'use polarity="white" where'):
        restore_file(panel, tmp_path / "out.tif", mask=save(tmp_path / "m.png", HOLE * np.uint8(255)), polarity="black")
    restored = restore_file(panel, tmp_path / "b.tif", mask=mask, accept_large_holes=True)
    assert restored.hole_pixels == (~HOLE).sum()


def test_sixty_percent_is_where_masks_look_inverted(panel: Path, tmp_path: Path) -> None:
    values = np.zeros(HOLE.shape, np.uint8)
    values[:24] = 255  # 60 %
    assert restore_file(panel, tmp_path / "out.tif", mask=save(tmp_path / "m.png", values)).hole_pixels == 24 * 56
    values[24, 0] = 255
    with pytest.raises(MaskError, match="looks inverted"):
        restore_file(panel, tmp_path / "new.tif", mask=save(tmp_path / "m.png", values))


def test_a_large_hole_that_cannot_be_inverted_names_no_polarity(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "depth.tif", np.where(CLEAN[..., 0] < 30, np.nan, 1).astype(np.float32))
    with pytest.raises(MaskError, match=r"75.0% of the picture is hole: use accept_large_holes=True if that"):
        restore_file(tmp_path / "depth.tif", tmp_path / "out.tif", mask="nan")


def test_a_dry_run_checks_and_writes_nothing(panel: Path, losses: Path, tmp_path: Path) -> None:
    before = files_in(tmp_path)
    target = tmp_path / "new" / "folder" / "panel.tif"
    restored = restore_file(panel, target, mask=losses, save_mask=tmp_path / "new/used.png", dry_run=True)
    assert (restored.target, restored.changed_outside, restored.hole_pixels) == (target, None, 124)
    assert files_in(tmp_path) == before
    assert not target.parent.exists()
    with pytest.raises(WriteError, match="is there already"):
        restore_file(panel, panel.with_name("losses2.tif"), mask=losses, dry_run=True, save_mask=losses)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [({"workers": 0}, "workers=0"), ({"seed": -1}, "seed=-1"), ({"progress": 5}, "5 can't be called")],
)
def test_a_dry_run_refuses_what_a_run_would(
    panel: Path, losses: Path, tmp_path: Path, option: dict[str, Any], sentence: str
) -> None:
    for dry_run in (True, False):
        with pytest.raises(RestauroError, match=sentence):
            restore_file(panel, tmp_path / "new.tif", mask=losses, dry_run=dry_run, **option)


def test_missing_folders_are_made(panel: Path, losses: Path, tmp_path: Path) -> None:
    restore_file(panel, tmp_path / "a/b/out.tif", mask=losses, save_mask=tmp_path / "c/used.png")
    assert (tmp_path / "a/b/out.tif").is_file()
    assert (tmp_path / "c/used.png").is_file()
    with pytest.raises(WriteError, match=r"The folder .*panel.tif.x can't be made .*choose another"):
        restore_file(panel, panel / "x" / "out.tif", mask=losses)


WRONG: list[tuple[dict[str, Any], type[RestauroError], str]] = [
    (
        {"target": "panel.tif"},
        WriteError,
        "is the picture itself: choose another name, or use overwrite=True",
    ),
    ({"target": "losses.png"}, WriteError, "is the mask: choose another name"),
    ({"target": "losses.png", "overwrite": True}, WriteError, "is the mask: choose another name"),
    ({"target": "there.tif"}, WriteError, "is there already"),
    ({"target": "x" * 300 + "/out.tif"}, WriteError, r"The folder .*x can't be made \(.*\): choose another"),
    ({"target": "out.psd"}, WriteError, r"end in \.psd"),
    ({"save_mask": "used.jpg"}, WriteError, r"written as a PNG, so .*used.jpg must end in .png"),
    ({"save_mask": "panel.tif.png", "target": "panel.tif.png"}, WriteError, "which is the picture"),
    (
        {"save_mask": "there.png"},
        WriteError,
        r"there.png is there already: choose another name, or use over",
    ),
    ({"source": "missing.tif"}, ReadError, "There is no such file"),
    ({"mask": "missing.png"}, ReadError, "The mask .*missing.png: There is no such file"),
    ({"mask": "small.png"}, MaskError, "The mask .*small.png: It is 10 x 10 pixels and the picture 56 x 40"),
    ({"grow": -1}, MaskError, "can't grow by -1 pixels"),
    ({"method": "tela"}, MethodError, "did you mean 'telea'"),
    ({"method": "telea", "parameters": {"radius": 1000}}, ParameterError, "radius=1000 is out of range"),
    ({"method": "telea", "parameters": {"raduis": 3}}, ParameterError, "no parameter 'raduis'.*did you mean 'radius'"),
]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(("wrong", "error", "sentence"), WRONG)
def test_what_is_wrong_is_said_and_nothing_is_written(
    panel: Path, losses: Path, tmp_path: Path, wrong: dict[str, Any], error: type, sentence: str, dry_run: bool
) -> None:
    save(tmp_path / "small.png", np.eye(10, dtype=np.uint8))
    save(tmp_path / "there.png", np.eye(10, dtype=np.uint8))
    save(tmp_path / "there.tif", np.eye(10, dtype=np.uint8))
    before = files_in(tmp_path)
    given: dict[str, Any] = {"source": panel, "target": tmp_path / "out.tif", "mask": losses} | wrong
    for name in {"source", "target", "mask", "save_mask"} & set(given):
        given[name] = tmp_path / given[name]
    with pytest.raises(error, match=sentence):
        restore_file(given.pop("source"), given.pop("target"), **given, dry_run=dry_run)
    assert files_in(tmp_path) == before


def test_a_picture_is_replaced_where_that_is_asked_for(panel: Path, losses: Path, tmp_path: Path) -> None:
    restore_file(panel, panel, mask=losses, overwrite=True, save_mask=losses)
    assert np.abs(read_picture(panel).pixels.astype(int) - CLEAN).max() <= 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_cancelling_leaves_nothing_behind(panel: Path, losses: Path, tmp_path: Path, stop: type[BaseException]) -> None:
    def cancel(fraction: float) -> None:
        raise stop

    before = files_in(tmp_path)
    with pytest.raises(stop):
        restore_file(panel, tmp_path / "out.tif", mask=losses, save_mask=tmp_path / "used.png", progress=cancel)
    assert files_in(tmp_path) == before


class TestRestoration:
    def test_its_steps_are_what_restore_file_does(self, panel: Path, losses: Path, tmp_path: Path) -> None:
        whole = restore_file(
            panel, tmp_path / "a.tif", mask=losses, grow=1, method="telea", save_mask=tmp_path / "a.png"
        )
        restoration = Restoration.open(panel).mask_from(losses, grow=1).fill("telea")
        steps = restoration.write(tmp_path / "b.tif", save_mask=tmp_path / "b.png")
        same = {"seconds": 0, "target": panel}
        assert dataclasses.replace(steps, **same) == dataclasses.replace(whole, **same)
        assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

    def test_it_can_be_filled_again_and_looked_at_between(self, losses: Path, tmp_path: Path) -> None:
        panel = save(tmp_path / "rough.tif", np.random.default_rng(5).integers(0, 255, CLEAN.shape, np.uint8))
        restoration = Restoration.open(panel).mask_from(losses).fill("harmonic")
        smooth = restoration.picture.pixels.copy()
        restoration.fill("telea", radius=3)
        expected = inpaint(read_picture(panel).pixels, HOLE, "telea", radius=3)
        np.testing.assert_array_equal(restoration.picture.pixels, expected)
        assert (smooth != expected).any()
        written = restoration.write(tmp_path / "out.tif")
        assert (written.method, written.parameters) == ("telea", {"radius": 3})
        np.testing.assert_array_equal(read_picture(tmp_path / "out.tif").pixels, expected)
        restoration.fill("harmonic").write(tmp_path / "smooth.png")
        np.testing.assert_array_equal(read_picture(tmp_path / "smooth.png").pixels, smooth)

    def test_another_mask_begins_with_the_picture_as_it_was(self, panel: Path, losses: Path, tmp_path: Path) -> None:
        restoration = Restoration.open(panel).mask_from(losses, grow=5).fill("telea")
        restoration.mask_from(losses)
        np.testing.assert_array_equal(restoration.picture.pixels, read_picture(panel).pixels)
        restoration.fill("telea").write(tmp_path / "out.tif")
        restore_file(panel, tmp_path / "once.tif", mask=losses, method="telea")
        assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "once.tif").read_bytes()

    def test_after_a_stop_it_can_be_filled_anew(self, panel: Path, losses: Path, tmp_path: Path) -> None:
        def stop(fraction: float) -> None:
            raise RuntimeError

        restoration = Restoration.open(panel).mask_from(losses)
        with pytest.raises(RuntimeError):
            restoration.fill("telea", progress=stop)
        with pytest.raises(MaskError, match="holes haven't been filled: call fill first"):
            restoration.write(tmp_path / "out.tif")
        restoration.fill("telea").write(tmp_path / "out.tif")
        np.testing.assert_array_equal(
            read_picture(tmp_path / "out.tif").pixels, inpaint(read_picture(panel).pixels, HOLE, "telea")
        )

    def test_steps_out_of_order_are_refused(self, panel: Path, losses: Path, tmp_path: Path) -> None:
        restoration = Restoration.open(panel)
        for step in (restoration.fill, lambda: restoration.write(tmp_path / "out.tif")):
            with pytest.raises(MaskError, match=r"said what is to be filled: call mask_from first\."):
                step()
        restoration.mask_from(losses)
        with pytest.raises(MaskError, match=r"The holes haven't been filled: call fill first\."):
            restoration.write(tmp_path / "out.tif")
        empty = save(tmp_path / "empty.png", np.zeros(HOLE.shape, np.uint8))
        assert restoration.mask_from(empty).write(tmp_path / "copy.tif").changed_outside == 0

    def test_a_refused_target_doesn_t_lose_the_fill(self, panel: Path, losses: Path, tmp_path: Path) -> None:
        restoration = Restoration.open(panel).mask_from(losses).fill("telea")
        with pytest.raises(WriteError, match="is the picture itself"):
            restoration.write(panel)
        with pytest.raises(WriteError, match="is the mask"):
            restoration.check_target(losses, overwrite=True)
        restoration.check_target(tmp_path / "new" / "out.png")
        assert not (tmp_path / "new").exists()
        assert restoration.write(tmp_path / "new" / "out.png").changed_outside == 0

    def test_time_between_the_steps_is_no_work(self, panel: Path, losses: Path, tmp_path: Path) -> None:
        restoration = Restoration.open(panel).mask_from(losses).fill("telea")
        restoration._seconds = worked = 1000.0
        assert worked < restoration.write(tmp_path / "out.tif").seconds < worked + 60


@pytest.mark.parametrize("wrong", [{}, {"target": "there.tif"}])
def test_no_thread_is_left_behind(
    panel: Path, losses: Path, tmp_path: Path, wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels are loaded while files are read; who forks or leaves after the call must not meet that thread."""
    loading = threading.Event()

    def load(method: object) -> None:
        loading.set()
        time.sleep(0.2)

    monkeypatch.setattr("restauro.restoring.load_kernels", load)
    save(tmp_path / "there.tif", CLEAN)
    before = set(threading.enumerate())
    with pytest.raises(WriteError) if wrong else contextlib.nullcontext():
        restore_file(panel, tmp_path / wrong.get("target", "out.tif"), mask=losses)
    assert loading.is_set()
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"mask": np.where(HOLE, 0, 255)},
        {"mask": np.where(HOLE, 0, 255), "values": [255]},
        {"mask": np.where(HOLE, 255, 0), "polarity": "black"},
        {"mask": np.full(HOLE.shape, 255), "accept_large_holes": True},
        {"mask": np.where(HOLE, 255, 0)[1:]},
        {"mask": np.dstack([255 * HOLE, 90 * HOLE, np.arange(56) + 0 * HOLE])},
        {"mask": 0 * HOLE},  # isn't wrong, and needs none either
        {"mask": b"no picture"},
        {"mask": "alpha"},
        {"mask": "color:#zzzzzz"},
        {"mask": np.where(HOLE, 255, 0), "grow": 1001},
    ],
)
def test_a_wrong_mask_loads_no_kernels(
    panel: Path, tmp_path: Path, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time they are compiled, which takes longer than to say what is wrong."""
    loaded: list[object] = []
    monkeypatch.setattr("restauro.restoring.load_kernels", loaded.append)
    mask = wrong.pop("mask")
    if isinstance(mask, bytes):
        (tmp_path / "mask.png").write_bytes(mask)
    elif not isinstance(mask, str):
        save(tmp_path / "mask.png", mask.astype(np.uint8))
    named = mask if isinstance(mask, str) else tmp_path / "mask.png"
    with contextlib.nullcontext() if isinstance(mask, np.ndarray) and not mask.any() else pytest.raises(RestauroError):
        restore_file(panel, tmp_path / "out.tif", mask=named, **wrong)
    assert loaded == []


@pytest.mark.parametrize("how", ["inverted", "soft and inverted", "of another size", "grown"])
def test_a_wrong_mask_compiles_nothing(panel: Path, tmp_path: Path, how: str) -> None:
    mask = np.where(HOLE, 0, 255)
    mask[0, :9] = np.arange(9) * 20 if how == "soft and inverted" else 255
    save(tmp_path / "mask.png", (mask[1:] if how == "of another size" else mask).astype(np.uint8))
    code = f"""
    from restauro import RestauroError, restore_file
    try:
        restore_file({str(panel)!r}, "out.tif", mask="mask.png", grow={1001 if how == "grown" else 0})
    except RestauroError as error:
        print(error)
    """
    settings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.count("\n") == 1
    assert not list(tmp_path.rglob("*.nbi"))


def test_the_seconds_are_of_all_the_work(panel: Path, losses: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def slowly(*args: Any, **options: Any) -> MaskFile:
        time.sleep(0.5)
        return read_mask_file(*args, **options)

    monkeypatch.setattr("restauro.restoring.read_mask_file", slowly)
    for dry_run in (True, False):
        assert restore_file(panel, tmp_path / "out.tif", mask=losses, dry_run=dry_run).seconds >= 0.5


@pytest.mark.parametrize(
    ("grow", "what"),
    [
        (
            15,
            "% of the picture is hole when the mask is grown by 15 pixels (it is 5.5% before): use grow=... with less",
        ),
        (1000, "All of the picture is hole when the mask is grown by 1000 pixels (it is 5.5% before), so there is"),
    ],
)
def test_what_growing_covers_is_blamed_on_growing(
    panel: Path, losses: Path, tmp_path: Path, grow: int, what: str
) -> None:
    with pytest.raises(MaskError, match=re.escape(what)) as refused:
        restore_file(panel, tmp_path / "out.tif", mask=losses, grow=grow)
    assert "polarity" not in str(refused.value)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_not_called_nan(tmp_path: Path, value: float) -> None:
    heights = CLEAN[..., 0].astype(np.float32)
    heights[HOLE] = value
    source = tmp_path / "heights.tif"
    tifffile.imwrite(source, heights)
    mask = f"value:{value}"
    with pytest.raises(ImageError, match=f"has infinity in 124 pixels that aren't hole: use mask=.{mask}. to have it"):
        restore_file(source, tmp_path / "out.tif", mask="nan")
    assert restore_file(source, tmp_path / "out.tif", mask=mask).hole_pixels == 124
    assert np.isfinite(tifffile.imread(tmp_path / "out.tif")).all()


def test_a_mask_can_be_an_array_as_people_see_the_picture(tmp_path: Path) -> None:
    damaged = CLEAN.copy()
    damaged[HOLE] = 0
    source = save(tmp_path / "photo.tif", np.ascontiguousarray(as_stored(damaged, 6)), orientation=6)
    for mask in (HOLE, HOLE * np.uint8(255)):
        restored = restore_file(source, tmp_path / "out.tif", mask=mask, overwrite=True)
        assert restored.hole_pixels == 124
        assert np.abs(read_picture(tmp_path / "out.tif").pixels.astype(int) - as_stored(CLEAN, 6)).max() <= 2
    with pytest.raises(MaskError, match=r"shape \(56, 40\) and the picture \[H, W\] = \(40, 56\)"):
        restore_file(source, tmp_path / "no.tif", mask=HOLE.T)
    with pytest.raises(MaskError, match="Polarity is for mask files: it has no meaning for a mask that is an array"):
        restore_file(source, tmp_path / "no.tif", mask=HOLE, polarity="black")


@pytest.mark.parametrize("dtype", ["i1", "i2", "f2", "f8"])
def test_tiffs_of_samples_that_are_seldom(tmp_path: Path, dtype: str) -> None:
    rows, columns = np.mgrid[:40, :56]
    array = (rows - columns).astype(dtype)
    damaged = np.where(HOLE, np.array(100, dtype), array)
    tifffile.imwrite(tmp_path / "a.tif", damaged)
    pyvips.Image.new_from_memory(HOLE.astype(np.uint8) * 255, 56, 40, 1, "uchar").pngsave(str(tmp_path / "m.png"))
    restored = restore_file(tmp_path / "a.tif", tmp_path / "b.tif", mask=tmp_path / "m.png", method="harmonic")
    assert restored.changed_outside == 0
    after = tifffile.imread(tmp_path / "b.tif")
    assert after.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(after[~HOLE], array[~HOLE])
    assert np.abs(after[HOLE].astype(float) - array[HOLE]).max() < 1.5
