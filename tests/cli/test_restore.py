from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from numba.core import event

import restauro
from restauro import restoring
from restauro.cli import main, report
from restauro.files.reading import read_picture
from restauro.numerics.kernel import MODE
from tests.cli.panels import CLEAN, HOLE, is_restored, run, save

pytestmark = pytest.mark.usefixtures("folder")


def test_one_file_in_one_file_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("restore panel.tif --mask losses.png -o out.tif") == 0
    assert is_restored("out.tif")
    out, _ = capsys.readouterr()
    assert re.fullmatch(
        r"out\.tif: 2 regions, 124 pixels filled \(5\.5 %\) by edge-enhancing \(interpolates\) in \d+\.\d s; "
        r"0 pixels changed outside the mask\n",
        out,
    )


def test_all_options_reach_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--mask-polarity black --grow 2 --method telea --radius 7 --save-mask used.png --workers 1 --seed 3"
    assert run(f"restore panel.tif --mask inverted.png {arguments} -o out.png --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["parameters"] == {"radius": 7}
    assert (read_picture("used.png").pixels == 255).sum() == said["hole_pixels"] > HOLE.sum()
    damaged = read_picture("panel.tif").pixels
    used = read_picture("used.png").pixels
    np.testing.assert_array_equal(read_picture("out.png").pixels, restauro.inpaint(damaged, used, "telea", radius=7))


def test_a_jpeg_is_spoken_of_honestly(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "photo.jpg", CLEAN)
    assert run("restore photo.jpg --mask losses.png -o out.jpg") == 0
    line, note = capsys.readouterr().out.splitlines()
    assert line.endswith("; 0 pixels changed outside the blocks that the holes touch")
    assert re.match(r"  \d+ of \d+ blocks .* were encoded anew; all others are as they were\.", note)


def test_several_files_go_on_past_a_bad_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = read_picture("panel.tif").pixels
    for name in ("a", "b", "c"):
        save(folder / f"scans/{name}.tif", damaged)
    mask = np.where(HOLE, 255, 0).astype(np.uint8)
    save(folder / "masks/a.png", mask)
    save(folder / "masks/c_mask.png", mask)
    assert run("restore scans/a.tif scans/b.tif scans/c.tif scans/d.tif --mask-dir masks -o restored") == 1
    assert is_restored("restored/a.tif")
    assert is_restored("restored/c.tif")
    assert sorted(os.listdir("restored")) == ["a.tif", "c.tif"]
    out, err = capsys.readouterr()
    assert [line.partition(":")[0] for line in out.splitlines()] == [os.path.join("restored", f"{x}.tif") for x in "ac"]
    assert [line.partition(": ")[0] for line in err.splitlines() if ".tif" in line] == [
        os.path.normpath("scans/b.tif"),
        os.path.normpath("scans/d.tif"),
    ]
    assert run("restore scans/b.tif scans/d.tif --mask-dir masks -o restored") == 1


def test_several_saved_masks_can_be_used_again(folder: Path) -> None:
    for name in ("a.tif", "b.png"):
        save(folder / "scans" / name, read_picture("panel.tif").pixels)
    scans = "scans/a.tif scans/b.png"
    assert run(f"restore {scans} --mask losses.png --save-mask used -o once") == 0
    assert run(f"restore {scans} --mask-dir used -o twice/") == 0
    np.testing.assert_array_equal(read_picture("once/b.png").pixels, read_picture("twice/b.png").pixels)


@pytest.mark.parametrize("output", ["restored/", "restored", "there"])
def test_one_input_into_a_folder(folder: Path, output: str) -> None:
    (folder / "there").mkdir()
    assert run(f"restore panel.tif --mask losses.png -o {output}") == 0
    assert is_restored(f"{output}/panel.tif")


def test_json_is_an_object_a_line_with_errors_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("restore panel.tif missing.tif --mask losses.png -o restored --json") == 1
    out, err = capsys.readouterr()
    good, bad = (json.loads(line) for line in out.splitlines())
    assert good.pop("seconds") > 0
    assert good == {
        "source": "panel.tif",
        "target": os.path.normpath("restored/panel.tif"),
        "width": 56,
        "height": 40,
        "method": "edge-enhancing",
        "parameters": {"steps": 4},
        "regions": 2,
        "hole_pixels": 124,
        "largest": 100,
        "widest": 3,
        "natures": {"interpolates": 124},
        "guidance": {},
        "changed_outside": 0,
        "counted_outside": "mask",
        "partial": None,
        "grain": None,
        "seed": 0,
        "policy": None,
        "notes": [],
    }
    assert bad == {"source": "missing.tif", "error": "There is no such file: check its name."}
    assert "missing.tif: There is no such file: check its name.\n" in err


def test_a_dry_run_says_what_would_be_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert run("restore panel.tif --mask losses.png -o new/ --dry-run") == 0
    assert capsys.readouterr().out == (
        "panel.tif: 56 x 40 pixels; 2 regions, 124 pixels (5.5 %) would be filled by edge-enhancing "
        f"(interpolates) and written to {os.path.normpath('new/panel.tif')}\n"
    )
    assert sorted(folder.rglob("*")) == before
    assert run("restore panel.tif --mask inverted.png -o new/ --dry-run") == 2


def test_quiet_says_nothing_but_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("restore panel.tif missing.tif --mask losses.png -o restored --quiet") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "missing.tif: There is no such file: check its name.\n"


def test_notes_have_a_code_and_a_text_in_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pyvips.Image.black(56, 40).pngsave(str(folder / "empty.png"))
    assert run("restore panel.tif --mask empty.png -o out.tif --json") == 0
    text = "The mask is empty, so nothing is filled: the file is a copy."
    assert json.loads(capsys.readouterr().out)["notes"] == [{"code": "mask-empty", "text": text}]


def test_what_is_sought_and_nowhere_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "labels.png", np.where(HOLE, 2, 0).astype(np.uint8))
    save(folder / "height.tif", np.full(HOLE.shape, 7, np.int16))
    assert run("restore panel.tif --mask labels.png --mask-value 9 -o out.tif") == 2
    assert "The mask labels.png: No pixel is 9, it has 0, 2: name values that it has." in capsys.readouterr().err
    assert run("restore panel.tif --mask labels.png --mask-value 2,9,300 -o out.tif") == 0
    assert "\n  No pixel of the mask is 9, 300.\n" in capsys.readouterr().out
    assert run("restore height.tif --mask value:-1234 -o out2.tif") == 0
    assert "\n  No pixel is -1234, so nothing is filled: the file is a copy.\n" in capsys.readouterr().out
    assert run("restore panel.tif --mask color:#123456 -o out3.tif") == 0
    assert "\n  No pixel is #123456, so nothing is filled: the file is a copy.\n" in capsys.readouterr().out


def test_an_empty_mask_is_said_and_fine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "empty.png", np.zeros(HOLE.shape, np.uint8))
    assert run("restore panel.tif --mask empty.png -o out.tif") == 0
    assert "0 pixels filled (0 %)" in (out := capsys.readouterr().out)
    assert "\n  The mask is empty, so nothing is filled: the file is a copy.\n" in out


def test_an_existing_file_is_replaced_where_that_is_asked_for() -> None:
    assert run("restore panel.tif --mask losses.png -o panel.tif --overwrite") == 0
    assert is_restored("panel.tif")


def test_marks_on_the_picture_itself(folder: Path) -> None:
    damaged = CLEAN.copy()
    damaged[HOLE] = 250
    save(folder / "marked.png", damaged)
    assert run("restore marked.png --mask color:#ffffff --tolerance 8 -o out.png") == 0
    assert is_restored("out.png")


def test_memory_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def read(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 3.00 TiB")

    monkeypatch.setattr("restauro.marking.read_picture", read)
    assert run("restore panel.tif --mask losses.png -o out.tif") == 2
    assert "panel.tif: Unable to allocate 3.00 TiB" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [KeyboardInterrupt])
def test_an_interrupt_is_a_short_word(
    stop: type, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def inpaint(*_: object, **__: object) -> None:
        raise stop

    monkeypatch.setattr("restauro.restoring.fill_and_count", inpaint)
    assert run("restore panel.tif --mask losses.png -o out.tif") == 130
    assert capsys.readouterr().err.endswith("Stopped; no file is half written.\n")
    assert not Path("out.tif").exists()


@pytest.mark.usefixtures("ctrl_c_arrives")
def test_ctrl_c_waits_for_a_good_place(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that is raised at once can get lost in a library's callback, as while kernels are loaded."""
    fill = restoring.fill_and_count

    def interrupted(*arguments: object, **options: object) -> object:
        with contextlib.suppress(KeyboardInterrupt):  # as ctypes does in a callback
            signal.raise_signal(signal.SIGINT)
        return fill(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring, "fill_and_count", interrupted)
    assert run("restore panel.tif --mask losses.png -o out.tif") == 130
    assert capsys.readouterr().err.endswith("Stopped; no file is half written.\n")
    assert not Path("out.tif").exists()


@pytest.mark.usefixtures("ctrl_c_arrives")
def test_ctrl_c_after_the_fill_lets_the_file_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = restoring.write_picture

    def interrupted(*arguments: object, **options: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return write(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring, "write_picture", interrupted)
    assert run("restore panel.tif --mask losses.png -o new/") == 130
    assert capsys.readouterr().err.endswith("Stopped; the file at work was finished.\n")
    assert os.listdir("new") == ["panel.tif"]


@pytest.mark.skipif(MODE != "jit", reason="nothing is compiled here")
def test_that_kernels_are_compiled_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with report.announce_compiling():
        for _ in range(2):
            event.start_event("numba:compile")
            event.end_event("numba:compile")
    event.start_event("numba:compile")
    assert capsys.readouterr().err == (
        "Compiling kernels with Numba, the first time for this kind of picture: up to a minute for a method, "
        "kept for later runs.\n"
    )


def test_a_bar_is_drawn_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with report.progress_bar("panel.tif", shown=True) as progress:
        progress(1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with report.progress_bar("panel [1].tif", shown=False) as progress:
        progress(1.0)
    assert capsys.readouterr().err == ""
    with report.progress_bar("panel [1].tif", shown=True) as progress:
        progress(0.5)
        progress(1.0)
    out, err = capsys.readouterr()
    assert out == ""
    assert "panel [1].tif" in err


def test_a_closed_pipe_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> str:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(report, "as_line", closed)
    assert run("restore panel.tif --mask losses.png -o out.tif") == 1


@pytest.mark.parametrize(
    ("name", "masks"),
    [
        ("{stem}_mask001.png", ["--mask-name", "{stem}_mask001.png"]),
        ("{stem}_mask001.png", ["--mask-name", "{stem}_mask001.png", "--mask-dir", "scans"]),
        ("{stem}_mask.png", ["--mask-dir", "scans/"]),
    ],
)
def test_a_folder_is_its_pictures_without_their_masks(folder: Path, name: str, masks: list[str]) -> None:
    for stem in ("a", "b"):
        save(folder / f"scans/{stem}.tif", read_picture("panel.tif").pixels)
        save(folder / "scans" / name.format(stem=stem), np.where(HOLE, 255, 0).astype(np.uint8))
    (folder / "scans/notes.txt").write_text("no picture")
    (folder / "scans/.hidden.tif").write_text("no picture")
    (folder / "scans/inside.tif").mkdir()
    assert main(["restore", "scans", *masks, "-o", "new"]) == 0
    assert sorted(os.listdir("new")) == ["a.tif", "b.tif"]
    assert is_restored("new/a.tif")


def test_what_is_there_is_skipped_where_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("panel.tif", "other.tif")
    assert run("restore panel.tif --mask losses.png -o new/") == 0
    before = Path("new/panel.tif").stat().st_mtime_ns
    capsys.readouterr()
    assert run("restore panel.tif other.tif --mask losses.png -o new/ --skip-existing") == 0
    assert Path("new/panel.tif").stat().st_mtime_ns == before
    skipped, done = capsys.readouterr().out.splitlines()
    assert skipped == f"{os.path.join('new', 'panel.tif')}: is there already, and panel.tif is skipped"
    assert done.startswith(os.path.join("new", "other.tif") + ": 2 regions")
    assert run("restore panel.tif other.tif --mask losses.png -o new/ --skip-existing --json") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["source"], line["skipped"]) for line in said] == [("panel.tif", True), ("other.tif", True)]
    assert run("restore panel.tif other.tif --mask losses.png -o new/ --skip-existing -q") == 0
    assert capsys.readouterr().out == ""
    assert run("restore panel.tif other.tif --mask losses.png -o new/ --skip-existing -q --json") == 0
    assert capsys.readouterr().out.count("skipped") == 2


def test_labels_and_multiples_of_the_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.where(HOLE, 2, 0).astype(np.uint8)
    labels[0, :5] = 1
    save(folder / "labels.png", labels)
    assert run("restore panel.tif --mask labels.png -o out.tif") == 2
    assert "use --mask-value 1,2 if they are labels" in capsys.readouterr().err
    assert run("restore panel.tif --mask labels.png --mask-value 2 -o out.tif") == 0
    assert is_restored("out.tif")
    save(folder / "small.png", np.where(HOLE[::2, ::2], 255, 0).astype(np.uint8))
    assert run("restore panel.tif --mask small.png -o small.tif") == 2
    assert "use --resize-mask to take it 2 times as large" in capsys.readouterr().err
    assert run("restore panel.tif --mask small.png --resize-mask -o small.tif") == 0
    assert "  The mask was enlarged 2 times.\n" in capsys.readouterr().out


def test_a_page_is_chosen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = read_picture("panel.tif").pixels
    with tifffile.TiffWriter("pages.tif") as file:
        for values in (np.full_like(damaged, 7), damaged):
            file.write(values, photometric="rgb")
    assert run("restore pages.tif --mask losses.png -o out.tif") == 2
    assert "use --page for the one to restore" in capsys.readouterr().err
    assert run("restore pages.tif --mask losses.png --page 1 -o out.tif") == 0
    assert np.abs(tifffile.imread("out.tif", key=1).astype(int) - CLEAN).max() <= 2
    assert (tifffile.imread("out.tif", key=0) == 7).all()


class TestAsAProcess:
    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "restauro", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_restoring(self) -> None:
        process = self.start("restore", "panel.tif", "--mask", "losses.png", "-o", "out.tif")
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.startswith("out.tif: 2 regions")

    def test_wrong_usage(self) -> None:
        process = self.start("restore", "panel.tif")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert out == ""
        assert "Say where to write" in err

    @pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to the whole console")
    def test_an_interrupt(self, folder: Path) -> None:
        rows = np.tile(CLEAN, (40, 40, 1))
        save(folder / "large.tif", rows)
        mask = np.zeros(rows.shape[:2], np.uint8)
        mask[100:1500, 100:1400] = 255
        save(folder / "hole.png", mask)
        # A shell that starts the tests in the background has the signal ignored, also by what they start.
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            pytest.skip("interrupts are ignored here")
        process = self.start(
            "restore", "large.tif", "--mask", "hole.png", "-o", "new/", "--method", "telea", "--radius", "64"
        )
        while not Path("new").exists():  # made when all has been checked
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert out == ""
        assert "Traceback" not in err
        assert os.listdir("new") == []

    def test_help_imports_nothing_heavy(self) -> None:
        code = "import sys; from restauro.cli import main; main(['--help']); print(*sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert "restore" in out
        loaded = set(out.splitlines()[-1].split())
        assert loaded.isdisjoint({"numba", "scipy", "pyvips", "tifffile", "jpeglib", "rich"})

    @pytest.mark.skipif(MODE != "compiled", reason="kernels aren't in a library here")
    def test_a_restoration_imports_no_compiler(self, folder: Path) -> None:
        code = (
            "import sys; from restauro.cli import main; "
            "status = main(['restore', 'panel.tif', '--mask', 'losses.png', '-o', 'new/']); "
            "print(status, *sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        status, *loaded = done.stdout.splitlines()[-1].split()
        assert status == "0"
        assert {"numba", "llvmlite"}.isdisjoint(loaded)
        assert "ompiling" not in done.stderr

    def test_the_version_names_the_libraries(self) -> None:
        out, _ = self.start("--version").communicate(timeout=60)
        assert re.fullmatch(
            r"restauro \S+ \(Python \S+, numpy \S+, pyvips \S+, libvips \d+\.\d+\.\d+; "
            r"kernels (compiled for \S+ by numba \S+|compiled on first use by numba \S+|in plain Python)\)\n",
            out,
        )
