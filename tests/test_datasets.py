"""Sources of pictures: folders, tar shards, CIFAR-10 in its forms, and what is said of broken ones."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import pyvips

from restauro import cifar10_sheets, datasets
from restauro.datasets import open_pictures
from restauro.errors import DataError


def save(path: Path, array: np.ndarray, interpretation: str | None = None, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pyvips.Image.new_from_array(array, interpretation=interpretation)
    image.write_to_file(str(path), **options)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def read_all(found: datasets.Pictures) -> list[np.ndarray]:
    return [found.read(index) for index in range(len(found))]


def test_pictures_of_all_kinds_become_rgb_of_8_bits(tmp_path: Path) -> None:
    colour, grey = noise(0, 5, 7, 3), noise(1, 6, 4)
    save(tmp_path / "a.png", colour)
    save(tmp_path / "b" / "grey.tif", grey)
    save(tmp_path / "c.PNG", np.dstack([colour, noise(2, 5, 7)]))
    save(tmp_path / "d.png", np.dstack([grey, noise(2, 6, 4)]))
    save(tmp_path / "e.tif", grey.astype(np.uint16) * 257 + np.uint16(128) * (grey < 255), "grey16")
    save(tmp_path / "f.png", colour.astype(np.uint16) * 257 - np.minimum(colour, 1) * np.uint16(128), "rgb16")
    (tmp_path / "index.csv").write_text("not a picture")
    found = open_pictures(tmp_path)
    assert found.description == f"6 pictures (all) from files in {tmp_path}"
    grey_bands = np.dstack([grey] * 3)
    for picture, expected in zip(read_all(found), [colour, grey_bands, colour, *[grey_bands] * 2, colour], strict=True):
        assert picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, expected)


def test_pictures_are_turned_as_people_see_them(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(noise(0, 8, 16, 3)).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.write_to_file(str(tmp_path / "turned.png"))
    np.testing.assert_array_equal(open_pictures(tmp_path).read(0), np.rot90(noise(0, 8, 16, 3), -1))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    save(tmp_path / "inks.tif", np.zeros((4, 4, 4), np.uint8), "cmyk")
    assert open_pictures(tmp_path).read(0).min() > 240


def test_tar_shards_are_the_folder(tmp_path: Path) -> None:
    folder, shards = tmp_path / "folder", tmp_path / "shards"
    shards.mkdir()
    for number in range(7):
        save(folder / f"{number}.png", noise(number, 3 + number, 5, 3))
    for shard, numbers in enumerate((range(4), range(4, 7))):
        with tarfile.open(shards / f"{shard}.tar", "w") as archive:
            for number in numbers:
                archive.add(folder / f"{number}.png", f"below/{number}.png")
                label = tarfile.TarInfo(f"below/{number}.cls")
                label.size = 1
                archive.addfile(label, io.BytesIO(b"3"))
    found = open_pictures(shards)
    assert found.description == f"7 pictures (all) from 2 tar shards in {shards}"
    for ours, expected in zip(read_all(found), read_all(open_pictures(folder)), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("test_folder", ["test", "val"])
def test_folders_named_after_the_splits(tmp_path: Path, test_folder: str) -> None:
    save(tmp_path / "train" / "a.png", noise(0, 4, 4))
    save(tmp_path / "train" / "deeper" / "b.png", noise(1, 4, 4))
    save(tmp_path / test_folder / "c.png", noise(2, 4, 4))
    assert [len(open_pictures(tmp_path, split)) for split in ("train", "test", "all")] == [2, 1, 3]
    np.testing.assert_array_equal(open_pictures(tmp_path, "test").read(0)[..., 0], noise(2, 4, 4))


def test_kept_pictures_are_read_once_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    array = noise(0, 6, 5, 4, 3)
    read: list[int] = []

    class Counted(datasets.ArrayPictures):
        def read(self, index: int) -> np.ndarray:
            read.append(index)
            return super().read(index)

    monkeypatch.setattr(datasets, "_KEPT", 3 * array[0].nbytes)
    kept = datasets.KeptPictures(Counted(array, "noise"))
    for _ in range(2):
        for found, expected in zip(read_all(kept), array, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert read == [0, 1, 2, 3, 4, 5, 3, 4, 5]


def test_one_in_fifty_is_held_out(tmp_path: Path) -> None:
    for number in range(101):
        save(tmp_path / f"{number:03}.png", np.full((1, 1), number, np.uint8))
    train, test = (read_all(open_pictures(tmp_path, split)) for split in ("train", "test"))
    assert [picture[0, 0, 0] for picture in test] == [0, 50, 100]
    assert [picture[0, 0, 0] for picture in train] == [*range(1, 50), *range(51, 100)]


def test_errors_name_the_file_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no folder .*nowhere: name the one that holds the pictures\."):
        open_pictures(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"There are no pictures in .*: restauro looks for \.jpg, .* and \.tar"):
        open_pictures(tmp_path)
    with pytest.raises(DataError, match=r"The split 'valid' isn't known: it is train, test or all\."):
        open_pictures(tmp_path, "valid")
    save(tmp_path / "one.jpg", noise(0, 64, 64, 3))
    with pytest.raises(DataError, match=r"There is one picture in .*: training needs two"):
        open_pictures(tmp_path, "train")
    whole = (tmp_path / "one.jpg").read_bytes()
    (tmp_path / "one.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"The picture .*one\.jpg can't be read \(.*\): get a complete copy, or take"):
        open_pictures(tmp_path).read(0)
    (tmp_path / "one.jpg").write_bytes(b"words")
    with pytest.raises(DataError, match=r"one\.jpg can't be read \(.*not in a known format.*\)"):
        open_pictures(tmp_path).read(0)
    found = open_pictures(tmp_path)
    (tmp_path / "one.jpg").unlink()
    with pytest.raises(DataError, match=r"one\.jpg can't be read \(No such file or directory\)"):
        found.read(0)
    save(tmp_path / "one.tif", noise(0, 4, 4).astype(np.float32))  # 0 to 255
    with pytest.raises(
        DataError, match=r"one\.tif: Floats are shown from 0, .* divide them by white's value, or take it away\.$"
    ):
        open_pictures(tmp_path).read(0)
    (tmp_path / "one.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(DataError, match=r"The shard .*one\.tar isn't a plain tar file, or is cut short"):
        open_pictures(tmp_path)


def sheet(tiles: np.ndarray) -> np.ndarray:
    """A sheet of 1,000 tiles, laid one by one."""
    pixels = np.zeros((800, 1280, 3), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, 40)
        pixels[32 * row : 32 * row + 32, 32 * column : 32 * column + 32] = tile
    return pixels


def test_sheets_of_cifar(tmp_path: Path) -> None:
    tiles = noise(0, 2000, 4, 4, 3).repeat(8, axis=1).repeat(8, axis=2)
    for number in range(2):
        save(tmp_path / f"test-{number:03}.webp", sheet(tiles[1000 * number :][:1000]), lossless=True, effort=0)
    (tmp_path / "test-missing.txt").write_text("3\n1001\n")
    found = open_pictures(tmp_path, "test")
    assert found.description == f"1998 pictures (test) of CIFAR-10 in {tmp_path}"
    np.testing.assert_array_equal(np.stack(read_all(found)), np.delete(tiles, [3, 1001], axis=0))
    with pytest.raises(DataError, match=r"The sheets train-000\.webp, .* aren't complete: 0 are there\."):
        open_pictures(tmp_path, "train")
    (tmp_path / "test-000.webp").unlink()
    (tmp_path / "train-000.webp").touch()
    with pytest.raises(DataError, match=r"The sheets test-000\.webp, .* aren't complete: 1 are there\."):
        open_pictures(tmp_path, "test")
    save(tmp_path / "train-000.webp", noise(0, 32, 64, 3))
    with pytest.raises(DataError, match=r"The sheet .*train-000\.webp is 64 x 32 pixels, not 1280 x 800\."):
        open_pictures(tmp_path, "train")


def python2_pickle(planes: np.ndarray) -> bytes:
    """What Python 2 made of {"data": planes}, protocol 2: its strings are what Python 3 calls bytes."""
    rows, columns = (b"M" + count.to_bytes(2, "little") for count in planes.shape)
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = b"T" + planes.size.to_bytes(4, "little") + planes.tobytes()
    return b"\x80\x02}(U\x04data" + empty + b"(K\x01" + rows + columns + b"\x86" + dtype + b"\x89" + data + b"tbu."


@pytest.mark.parametrize("form", ["bin", "py", "unpacked here", "archive"])
def test_official_files_of_cifar(tmp_path: Path, form: str) -> None:
    tiles = noise(0, 20, 32, 32, 3).repeat(500, axis=0)
    planes = tiles.transpose(0, 3, 1, 2).reshape(-1, 3072)
    binary = np.hstack([np.zeros((10_000, 1), np.uint8), planes]).tobytes()
    python = python2_pickle(planes)
    if form == "archive":
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz", compresslevel=1) as archive:
            for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(python)
                archive.addfile(member, io.BytesIO(python))
    else:
        place = tmp_path if form == "unpacked here" else tmp_path / f"cifar-10-batches-{form}"
        place.mkdir(exist_ok=True)
        name = "test_batch.bin" if form == "bin" else "test_batch"
        (place / name).write_bytes(binary if form == "bin" else python)
        with pytest.raises(DataError, match=r"CIFAR-10's .*data_batch_1.* can't be read .*: unpack the whole"):
            open_pictures(tmp_path, "train")
    found = open_pictures(tmp_path, "test")
    assert len(found) == 10_000
    np.testing.assert_array_equal(np.stack([found.read(index) for index in (0, 500, 9_999)]), tiles[[0, 500, 9_999]])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\x80\x02}q\x01.", "neither a file of the binary version nor one of the Python version"),
        (pickle.dumps({b"data": np.zeros((2, 3))}), r"holds float64 \(2, 3\), not uint8 \[N, 3072\]"),
        (pickle.dumps({b"data": print}), "it asks for builtins.print"),
        (b"", "neither a file of the binary version"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=match):
        open_pictures(tmp_path, "test")


def test_a_cut_archive_of_cifar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("test_batch.bin"))
    with pytest.raises(DataError, match=r"The archive .* lacks data_batch_1, .*: get a complete copy"):
        open_pictures(tmp_path, "test")
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"words")
    with pytest.raises(DataError, match=r"The archive .* can't be read .*: get a complete copy"):
        open_pictures(tmp_path, "test")


@pytest.mark.shared
def test_cifar_is_what_it_was(shared: Path) -> None:
    folder = shared / "data" / "cifar10"
    digests = {
        "train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "test": "3bf3a4c55e2f29b167792f0fa107da58463d583453be1cd03d4d07166aee94ad",
    }
    for split, digest in digests.items():
        cells = cifar10_sheets.read_cells(folder, split, datasets._read_file)
        assert hashlib.sha256(cells.tobytes()).hexdigest() == digest
    test = open_pictures(folder, "test")
    assert len(test) == 9980
    assert all(test.read(index).any() for index in range(len(test)))
