from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile

from restauro.errors import MaskError, ParameterError, WriteError
from restauro.files.reading import read_picture
from restauro.inpainting import inpaint
from restauro.mask_files import MaskFile, read_mask_file
from restauro.methods.telea import Telea
from restauro.picture import as_stored
from restauro.record import Restored
from restauro.restoring import Restoration
from restauro.restoring_files import restore_file
from tests.panels import CLEAN, HOLE, files_in, save


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
        largest=100,
        widest=3,  # city blocks to what is known: of even widths one less
        natures={"interpolates": 124},
        guidance={},
        seconds=0,
        changed_outside=0,
        counted_outside="mask",
        partial=None,
        grain=None,
        seed=0,
        policy=None,
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


@pytest.mark.parametrize("ending", [".tif", ".jpg"])
def test_an_empty_mask_gives_a_copy_and_a_note(tmp_path: Path, ending: str) -> None:
    source = save(tmp_path / f"panel{ending}", CLEAN)
    mask = save(tmp_path / "empty.png", np.zeros(HOLE.shape, np.uint8))
    restored = restore_file(source, tmp_path / f"out{ending}", mask=mask)
    assert (restored.regions, restored.hole_pixels, restored.changed_outside) == (0, 0, 0)
    assert "The mask is empty, so nothing is filled: the file is a copy." in restored.notes
    np.testing.assert_array_equal(read_picture(tmp_path / f"out{ending}").pixels, read_picture(source).pixels)


def test_a_dry_run_checks_and_writes_nothing(panel: Path, losses: Path, tmp_path: Path) -> None:
    before = files_in(tmp_path)
    target = tmp_path / "new" / "folder" / "panel.tif"
    restored = restore_file(panel, target, mask=losses, save_mask=tmp_path / "new/used.png", dry_run=True)
    assert (restored.target, restored.changed_outside, restored.hole_pixels) == (target, None, 124)
    assert files_in(tmp_path) == before
    assert not target.parent.exists()
    with pytest.raises(WriteError, match="is there already"):
        restore_file(panel, panel.with_name("losses2.tif"), mask=losses, dry_run=True, save_mask=losses)


def test_missing_folders_are_made(panel: Path, losses: Path, tmp_path: Path) -> None:
    restore_file(panel, tmp_path / "a/b/out.tif", mask=losses, save_mask=tmp_path / "c/used.png")
    assert (tmp_path / "a/b/out.tif").is_file()
    assert (tmp_path / "c/used.png").is_file()
    with pytest.raises(WriteError, match=r"The folder .*panel.tif.x can't be made .*choose another"):
        restore_file(panel, panel / "x" / "out.tif", mask=losses)


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
            with pytest.raises(MaskError, match=r"said what is to be filled: call mask_from or detect first\."):
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

    monkeypatch.setattr("restauro.restoring_files.load_kernels", load)
    save(tmp_path / "there.tif", CLEAN)
    before = set(threading.enumerate())
    with pytest.raises(WriteError) if wrong else contextlib.nullcontext():
        restore_file(panel, tmp_path / wrong.get("target", "out.tif"), mask=losses)
    assert loading.is_set()
    assert set(threading.enumerate()) == before


def test_the_seconds_are_of_all_the_work(panel: Path, losses: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def slowly(*args: Any, **options: Any) -> MaskFile:
        time.sleep(0.5)
        return read_mask_file(*args, **options)

    monkeypatch.setattr("restauro.restoring_files.read_mask_file", slowly)
    for dry_run in (True, False):
        assert restore_file(panel, tmp_path / "out.tif", mask=losses, dry_run=dry_run).seconds >= 0.5


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
