from __future__ import annotations

import errno
import json
import os
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pyvips

from restauro.cli import main
from restauro.cli.wording import printable

RED = "\x1b[31mred\x07.png"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        pyvips.Image.black(20, 30).linear(1, 90).cast("uchar").pngsave(name)
    pyvips.Image.black(20, 30).draw_rect(255, 4, 4, 3, 3, fill=True).pngsave("mask.png")


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("restore a.png --mask mask.png -o kept.png", "kept.png"),
        ("restore a.png --mask mask.png -o kept.tif", "kept.tif"),
        ("restore a.png --mask mask.png -o a.png", "a.png"),
        ("restore a.png --mask mask.png -o new.png --save-mask kept.png", "kept.png"),
        ("restore a.png --mask mask.png -o kept.png --dry-run", "kept.png"),
        ("damage a.png --kind losses -o kept.jpg", "kept.jpg"),
        ("damage a.png --kind losses -o new.png --mask-out kept.png", "kept.png"),
        ("detect a.png --kind losses -o kept.png", "kept.png"),
        ("detect a.png --kind losses -o new.png --preview kept.jpg", "kept.jpg"),
        ("compare a.png --mask mask.png --methods harmonic -o kept.png", "kept.png"),
    ],
)
def test_no_command_replaces_what_is_read_only(command: str, kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(kept)
    if not file.exists():
        file.write_text("a master")
    file.chmod(0o444)
    old = file.read_bytes()
    assert main([*shlex.split(command), "--overwrite"]) == 2
    error = capsys.readouterr().err
    assert "the file is there and read-only: choose another name, or change its mode." in error
    assert error.count("\n") == 1
    assert file.read_bytes() == old
    assert not Path("new.png").exists()


@pytest.mark.parametrize("error", [ValueError("of a library"), OverflowError("too large"), RecursionError()])
@pytest.mark.parametrize(
    ("command", "at"),
    [
        ("restore a.png b.png --mask mask.png -o out/ --json", "restauro.restoring_files.restore_file"),
        ("detect a.png b.png --kind losses -o out/ --json", "restauro.detection.detecting_files.detect_file"),
        ("damage a.png b.png --kind losses -o out/ --json", "restauro.damage.damaging.damage_file"),
    ],
)
def test_no_bad_file_stops_a_batch(
    command: str, at: str, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, _, name = at.rpartition(".")
    import importlib

    real = getattr(importlib.import_module(module), name)

    def failing(source: Path, *args: Any, **options: Any) -> Any:
        if source.name == "a.png":
            raise error
        return real(source, *args, **options)

    monkeypatch.setattr(at, failing)
    assert main(shlex.split(command)) == 1
    out, err = capsys.readouterr()
    bad, good = map(json.loads, out.splitlines())
    words = f"restauro failed on it ({type(error).__name__} in test_batch.py, line "
    assert bad["source"] == "a.png"
    assert bad["error"].startswith(words)
    assert bad["error"].endswith(f": {error}). The fault is restauro's: please report it, with the file.")
    assert err.startswith(f"a.png: {words}")
    assert "Traceback" not in err
    assert good["source"] == "b.png"
    assert Path(good["target"]).exists()


@pytest.mark.skipif(os.name == "nt", reason="such names can't be on Windows")
@pytest.mark.parametrize(
    "command",
    [
        "restore {red} --mask mask.png -o out/",
        "restore a.png --mask mask.png -o {red}",
        "restore a.png --mask no{red} -o out.png",
        "restore no{red} --mask mask.png -o out.png",
        "restore {red}/a.png --mask mask.png -o out/",
        "restore a.png {red} --mask-dir {red} -o out/",
        "detect {red} --kind losses -o {red}-mask.png",
        "detect a.png --kind losses -o {red}",
        "damage {red} --kind losses -o {red}",
        "damage a.png --kind {red} -o out.png",
        "compare {red} --mask mask.png -o {red}.sheet.png --methods harmonic",
        "compare {red} --mask mask.png -o {red} --methods harmonic",
        "compare a.png --mask mask.png -o s.png --methods {red}",
        "evaluate {red} --out {red}",
        "train --preset {red}",
        pytest.param(
            "export {red} -o {red}.onnx",
            marks=pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch: python3 dev.py test-training"),
        ),
        "methods {red}",
        "{red}",
    ],
)
def test_what_names_hold_does_not_reach_the_terminal(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    os.link("a.png", RED)
    main([word.format(red=RED) for word in command.split()])
    out, err = capfd.readouterr()
    assert r"\x1b[31mred\x07.png" in out + err
    assert not {"\x1b", "\x07"} & {*out, *err}


LONG = 300 * "a"


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("restore a.png --mask mask.png -o loop.png", "it is a loop of symbolic links: choose another name"),
        ("restore a.png --mask mask.png -o d1/x.png", "d1"),
        ("restore loop.png --mask mask.png -o x.png", "loop.png: It is a loop of symbolic links: name the file itself"),
        ("restore a.png --mask loop.png -o x.png", "There is no mask loop.png"),
        ("restore a.png --mask mask.png -o x.png --save-mask loop.png", "it is a loop of symbolic links: choose"),
        ("restore a.png --mask mask.png -o x.png --save-mask d1/m.png", "d1"),
        ("detect a.png --kind losses -o loop.png", "it is a loop of symbolic links: choose another name"),
        ("detect a.png --kind losses -o x.png --preview loop.png", "it is a loop of symbolic links: choose another"),
        ("damage a.png --kind losses -o loop.png", "it is a loop of symbolic links: choose another name"),
        ("damage a.png --kind losses -o x.png --mask-out loop.png", "it is a loop of symbolic links: choose another"),
        ("compare a.png --mask mask.png -o loop.png --methods harmonic", "it is a loop of symbolic links: choose"),
        (
            "restore none.png --mask mask.png -o x.png",
            "none.png: The link points to nothing: mend it, or name the file",
        ),
        ("restore a.png --mask mask.png -o {long}.png", "too long"),
        ("restore {long}.png --mask mask.png -o x.png", "name is too long: check it, or choose a shorter"),
        ("restore a.png --mask {long}.png -o x.png", "too long"),
        ("restore a.png --mask mask.png -o {long}/x.png", "too long"),
        ("restore a.png --mask-dir {long} -o x.png", "too long"),
        ("restore a.png --mask mask.png -o x.png --save-mask {long}/m.png", "too long"),
        ("detect a.png --kind losses -o {long}.png", "too long"),
        ("compare a.png --mask mask.png -o {long}.png --methods harmonic", "too long"),
        ("evaluate a.png --out {long}", "too long"),
    ],
)
def test_names_that_cannot_be(command: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    for link, other in (("loop.png", "l2.png"), ("l2.png", "loop.png"), ("d1", "d2"), ("d2", "d1"), ("none.png", "no")):
        os.symlink(other, link)
    before = sorted(os.listdir())
    assert main(command.format(long=LONG).split()) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert "restauro failed" not in err
    assert out == ""
    assert sorted(os.listdir()) == before


def test_names_are_printed_so_that_they_can_be_read() -> None:
    assert printable(Path("Gemälde, 油画 🖼.png")) == "Gemälde, 油画 🖼.png"
    assert printable("a\nb\u202egnp.exe\x9b\udce9") == r"a\nb\u202egnp.exe\x9b\udce9"


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in whose name "locked" stands may be read, as by one who isn't root."""
    access, scan, listed, opened = os.access, os.scandir, os.listdir, open

    def refusing(real: Any) -> Any:
        def call(path: Any = ".", *arguments: Any, **options: Any) -> Any:
            if "locked" in str(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return real(path, *arguments, **options)

        return call

    monkeypatch.setattr(os, "access", lambda path, mode, **options: "locked" not in str(path) and access(path, mode))
    monkeypatch.setattr(os, "scandir", refusing(scan))
    monkeypatch.setattr(os, "listdir", refusing(listed))
    monkeypatch.setattr("builtins.open", refusing(opened))


@pytest.mark.usefixtures("unreadable")
@pytest.mark.parametrize(
    "command",
    [
        "restore a.png locked.png b.png --mask mask.png -o out/",
        "detect a.png locked.png b.png --kind losses -o out/",
        "damage a.png locked.png b.png --kind losses -o out/",
    ],
)
def test_a_file_that_may_not_be_read_does_not_stop_a_batch(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.link("a.png", "locked.png")
    assert main(command.split()) == 1
    assert "locked.png: The file may not be read: change its permissions.\n" in capsys.readouterr().err
    assert sorted(os.listdir("out")) == ["a.png", "b.png"]


@pytest.mark.usefixtures("unreadable")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("restore locked --mask mask.png -o out/", "locked: The folder may not be read: change its permissions."),
        (
            "restore a.png --mask-dir locked -o b2.png",
            "folder of masks locked may not be read: change its permissions.",
        ),
        (
            "restore a.png --mask locked.png -o b2.png",
            "mask locked.png: The file may not be read: change its permissions.",
        ),
    ],
)
def test_folders_and_masks_that_may_not_be_read(command: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkdir("locked")
    os.link("mask.png", "locked.png")
    assert main(command.split()) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["restore", "", "--mask", "mask.png", "-o", "out/"], "The name of a picture is empty."),
        (["restore", "a.png", "", "--mask", "mask.png", "-o", "out/"], "The name of a picture is empty."),
        (["restore", "a.png", "--mask-dir", "", "-o", "out/"], "The name that --mask-dir gives is empty."),
        (["detect", "", "--kind", "losses", "-o", "out/"], "The name of a picture is empty."),
        (["damage", "", "--kind", "losses", "-o", "out/"], "The name of a picture is empty."),
        (["compare", "", "--mask", "mask.png", "-o", "s.png"], "The name of a picture is empty."),
        (["evaluate", "", "--out", "out"], "The name of a picture is empty."),
        (["evaluate", "a.png", "--out", ""], "The name that --out gives is empty."),
        (["export", "", "-o", "m.onnx"], "The name of a checkpoint is empty."),
    ],
)
def test_an_empty_name_is_no_folder(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(os.listdir())
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="such names can't be on Windows")
@pytest.mark.parametrize(
    "arguments",
    [
        ["restore", "no\n\r\t.png", "--mask", "mask.png", "-o", "o.png"],
        ["restore", "a.png", "--mask", "no\n\r\t.png", "-o", "o.png"],
        ["restore", "a.png", "--mask", "a\n\r\t.png", "-o", "o.png"],
        ["restore", "a.png", "--mask", "mask.png", "-o", "a\n\r\t.png/o.png"],
        ["restore", "a.png", "--mask", "mask.png", "-o", "a\n\r\t.png"],
        ["detect", "no\n\r\t.png", "--kind", "losses", "-o", "o.png"],
        ["damage", "a.png", "--kind", "no\n\r\t.png", "-o", "o.png"],
        ["compare", "no\n\r\t.png", "--mask", "mask.png", "-o", "s.png"],
        ["evaluate", "no\n\r\t.png", "--out", "out"],
        ["no\n\r\t.png"],
    ],
)
def test_breaks_in_names_break_no_message(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("a\n\r\t.png").write_text("no picture")
    assert main(arguments) in (1, 2)
    err = capsys.readouterr().err
    assert r"\n\r\t.png" in err
    assert "\r" not in err
    assert "\t" not in err


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_what_cannot_be_made_is_named_as_it_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkdir("ro")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("ro") and access(path, mode))
    assert main(["restore", "a.png", "--mask", "mask.png", "-o", "ro/sub/o.png"]) == 2
    err = capsys.readouterr().err
    assert f"can't be written to {Path('ro/sub/o.png')}: the folder " in err
    assert f"{os.sep}ro may not be written to" in err
