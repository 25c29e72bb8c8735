"""Written pictures: a file is there whole or not at all, and what was read is what is replaced."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restauro.errors import MaskError, WriteError
from restauro.files.reading import read_picture
from restauro.files.writing import check_target, write_picture
from tests.files.pictures import HOLE, hole, saved


def test_an_empty_hole_gives_a_copy(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        picture = read_picture(saved(tmp_path / name))
        written = write_picture(picture, tmp_path / f"copy-{name}", hole=np.zeros((20, 30), bool))
        assert (tmp_path / name).read_bytes() == written.path.read_bytes()
        assert (written.changed_outside, written.notes) == (0, ())


@pytest.mark.parametrize(
    ("name", "words"), [("b.bmp", r"end in \.bmp"), ("b", "without an ending"), ("b.heic", "heic")]
)
def test_endings_that_cannot_be_written(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(WriteError, match=rf"Files .*{words} can't be written: end the name in one of \.jpg, \.png, "):
        check_target(read_picture(saved(tmp_path / "a.png")), tmp_path / name)


def test_targets_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))
    saved(tmp_path / "there.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(WriteError, match=r"there is no folder .*missing: make it first"):
        check_target(picture, tmp_path / "missing" / "b.png")
    with pytest.raises(WriteError, match=r"folder\.png: it is a folder: name a file in it"):
        check_target(picture, tmp_path / "folder.png", overwrite=True)
    with pytest.raises(WriteError, match=r"The target .*there\.png is there already: choose another name, or use"):
        check_target(picture, tmp_path / "there.png")
    with pytest.raises(WriteError, match=r"The target .*a\.png is the picture itself: choose another name, or use"):
        check_target(picture, tmp_path / "folder.png" / ".." / "a.png")
    check_target(picture, tmp_path / "there.png", overwrite=True)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(WriteError, match=r"the folder .* may not be written to: change its permissions"):
        check_target(picture, tmp_path / "b.png")


def test_the_picture_itself_can_be_replaced(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "a.tif", "a.webp", "a.avif"):
        picture = read_picture(saved(tmp_path / name))
        picture.pixels[HOLE] = 7
        write_picture(picture, tmp_path / name, hole=hole(), overwrite=True)
        assert np.abs(read_picture(tmp_path / name).pixels[7, 8].astype(int) - 7).max() < 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avif", "a.jpg", "a.png", "a.tif", "a.webp"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_followed(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))
    (tmp_path / "link.png").symlink_to(saved(tmp_path / "b.png"))
    picture.pixels[HOLE] = 7
    write_picture(picture, tmp_path / "link.png", hole=hole(), overwrite=True)
    assert (tmp_path / "link.png").is_symlink()
    assert read_picture(tmp_path / "b.png").pixels[7, 8, 0] == 7


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
@pytest.mark.parametrize("name", ["b.jpg", "b.png", "b.tif"])
def test_a_new_file_has_the_usual_permissions(tmp_path: Path, name: str) -> None:
    picture = read_picture(saved(tmp_path / "a.jpg"))
    old = os.umask(0o027)
    try:
        write_picture(picture, tmp_path / name, hole=hole())
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("name", ["b.jpg", "b.png", "b.tif"])
def test_nothing_is_left_behind(
    tmp_path: Path, name: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = read_picture(saved(tmp_path / "a.jpg"))
    saved(tmp_path / name).write_bytes(b"as it was")

    def interrupted(*_: object) -> int:
        raise error

    monkeypatch.setattr("restauro.files.writing._count_changed", interrupted)
    with pytest.raises(error):
        write_picture(picture, tmp_path / name, hole=hole(), overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", name]
    assert (tmp_path / name).read_bytes() == b"as it was"


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("restauro.files.png.save_png", full)
    with pytest.raises(WriteError, match=r"The picture can't be written to .*b\.png: disk full: there is no room in"):
        write_picture(picture, tmp_path / "b.png", hole=hole())


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.avif"])
def test_a_changed_known_pixel_is_found(tmp_path: Path, name: str) -> None:
    picture = read_picture(saved(tmp_path / name))
    picture.pixels[HOLE] = 7
    picture.pixels[0, 0, 0] ^= 1
    picture.pixels[19, 29, 2] ^= 1
    with pytest.raises(
        WriteError, match=r"^2 pixels outside the hole would have changed in the file: nothing was written"
    ):
        write_picture(picture, tmp_path / ("b" + Path(name).suffix), hole=hole())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_pixels_of_another_shape_or_type(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))
    picture.pixels = picture.pixels[:, :, :1].copy()
    with pytest.raises(WriteError, match=r"The file's bands would have become 1 \(it is 3\): nothing was written"):
        write_picture(picture, tmp_path / "b.png", hole=hole())


def test_a_hole_of_another_shape(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))
    with pytest.raises(MaskError, match=r"The hole has \(30, 20\) pixels and the picture \(20, 30\): turn the hole"):
        write_picture(picture, tmp_path / "b.png", hole=hole().T)


def test_a_hole_in_any_memory_order(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))
    picture.pixels[HOLE] = 7
    backwards = np.ascontiguousarray(hole()[::-1])[::-1]
    assert backwards.strides[0] < 0
    for name, memory in (("b.png", np.asfortranarray(hole())), ("b.tif", backwards)):
        assert write_picture(picture, tmp_path / name, hole=memory).changed_outside == 0
        np.testing.assert_array_equal(read_picture(tmp_path / name).pixels, picture.pixels)
    picture.pixels[0, 0] ^= 1
    for memory in (np.asfortranarray(hole()), backwards):
        with pytest.raises(WriteError, match=r"^1 pixel outside the hole would have changed"):
            write_picture(picture, tmp_path / "c.png", hole=memory)


def test_the_module_is_light() -> None:
    heavy = "{'tifffile', 'jpeglib', 'scipy', 'numba', 'PIL'} & set(sys.modules)"
    script = f"import sys, restauro.files.reading; print({heavy} or 'light')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("light\n", "")


def replaced(path: Path) -> None:
    """Put another picture of the same size and kind in the place of a file, of other colours everywhere."""
    with Image.open(path) as image:
        other = Image.fromarray(255 - np.asarray(image))
    other.save(path)
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.avif"])
@pytest.mark.parametrize("target", ["same", "b.tif", "b.jpg"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_file_that_was_replaced_meanwhile_is_refused(tmp_path: Path, name: str, target: str, empty: bool) -> None:
    """Else the target would be a mixture of the two: of a JPEG, whose blocks are copied, without a word."""
    picture, target = read_picture(saved(tmp_path / name)), name if target == "same" else target
    picture.pixels[HOLE] = 7
    replaced(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(WriteError, match=r"a\.[a-z]+ was changed, replaced or removed since it was read.*read it"):
        write_picture(picture, tmp_path / target, hole=None if empty else hole(), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_file_that_was_removed_meanwhile_is_blamed_not_the_target(tmp_path: Path, name: str, empty: bool) -> None:
    picture = read_picture(saved(tmp_path / name))
    (tmp_path / name).unlink()
    with pytest.raises(WriteError, match=r"^The file .*a\.[a-z]+ was changed, replaced or removed since it was read"):
        write_picture(picture, tmp_path / f"b{Path(name).suffix}", hole=None if empty else hole())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_picture_that_we_replaced_can_be_written_again(tmp_path: Path, name: str) -> None:
    picture = read_picture(saved(tmp_path / name))
    picture.pixels[HOLE] = 7
    for target in (name, name, f"b{Path(name).suffix}"):
        write_picture(picture, tmp_path / target, hole=hole(), overwrite=True)


def test_nothing_is_written_outside_the_folder_of_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a full disk of temporary files stops no restoration."""
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        picture = read_picture(saved(tmp_path / name))
        picture.pixels[HOLE] = 7
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "full"))
        write_picture(picture, tmp_path / f"new-{name}", hole=hole())
        monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
