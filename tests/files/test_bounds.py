from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from restauro import damage_file, detect_file, restore_file
from restauro.errors import MaskError, ReadError
from restauro.files.bounds import MAX_PIXELS, Bounded, check_jpeg, check_png
from restauro.files.reading import read_picture

Entry = tuple[int, int, int, int]
PLAIN: list[Entry] = [
    (256, 3, 1, 16),
    (257, 3, 1, 16),
    (258, 3, 1, 8),
    (259, 3, 1, 1),
    (262, 3, 1, 1),
    (273, 4, 1, 8),
    (277, 3, 1, 1),
    (278, 3, 1, 16),
    (279, 4, 1, 256),
]


def directory(entries: list[Entry]) -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + bytes(4)


def tiff(path: Path, *entries: Entry, behind: bytes = b"") -> Path:
    """Write a TIFF of 16 x 16 grey pixels, with other or further entries, and bytes at 400."""
    changed = {entry[0]: entry for entry in (*PLAIN, *entries)}
    head = struct.pack("<2sHI", b"II", 42, 264) + bytes(range(256)) + directory(sorted(changed.values()))
    path.write_bytes(head.ljust(400, b"\0") + behind)
    return path


def png(path: Path, width: int, height: int, *, interlaced: bool = False) -> Path:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, interlaced)
    pixels = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""))
    return path


def jpeg(path: Path, width: int, height: int) -> Path:
    """Write a JPEG of 64 x 64 pixels that claims others."""
    data = bytearray(pyvips.Image.black(64, 64).jpegsave_buffer())
    size = data.index(b"\xff\xc0") + 5
    data[size : size + 4] = struct.pack(">HH", height, width)
    path.write_bytes(data)
    return path


def branching(path: Path) -> Path:
    """Every directory points to the next from each of its entries: 30 to the power of 30 in all."""
    levels, size = 30, len(directory([(34665, 4, 1, 0)] * 30))
    places = [400 + size * level for level in range(levels + 1)]
    behind = b"".join(directory([(34665, 4, 1, place)] * 30) for place in places[1:])
    return tiff(path, (34665, 4, 1, 400), behind=behind)


def shared_values(path: Path) -> Path:
    """49,000 tags with the same 60,000 bytes."""
    entries = [(code, 1, 60_000, 400) for code in range(1000, 50_000)]
    whole = {entry[0]: entry for entry in (*entries, *PLAIN)}
    head = struct.pack("<2sHI", b"II", 42, 264) + bytes(range(256)) + directory(sorted(whole.values()))
    path.write_bytes(head)
    return path


SMALL_CLAIMS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "planes.tif": (
        lambda path: tiff(path, (277, 3, 1, 65535), (284, 3, 1, 2)),
        r"it says where 1 of its 65535 strips or tiles lie\): get a complete copy",
    ),
    "tiles.tif": (
        lambda path: tiff(
            path, (256, 4, 1, 2_097_176), (322, 3, 1, 16), (323, 3, 1, 16), (324, 4, 1, 8), (325, 4, 1, 9)
        ),
        r"it says where 1 of its 131074 strips or tiles lie",
    ),
    "strips.tif": (lambda path: tiff(path, (278, 3, 1, 1)), "it says where 1 of its 16 strips or tiles lie"),
    "values.tif": (shared_values, "its directory is missing, or larger than the file"),
    "pixels.tif": (
        lambda path: tiff(path, (256, 4, 1, 100_000), (257, 4, 1, 100_000), (278, 4, 1, 100_000)),
        r"The file claims 100000 x 100000 pixels, and such large ones are read only where that is meant: use "
        r"max_pixels=10000000000 if",
    ),
    "a.png": (lambda path: png(path, 60_000, 60_000), "claims 60000 x 60000 pixels, more than 1[0-9]* bytes can hold"),
    "i.png": (lambda path: png(path, 20_000, 20_000, interlaced=True), "claims 20000 x 20000 pixels, more than"),
    "a.jpg": (lambda path: jpeg(path, 30_000, 30_000), "claims 30000 x 30000 pixels, more than [0-9]+ bytes can hold"),
    "cut.png": (
        lambda path: path.write_bytes(png(path, 9, 9).read_bytes()[:20]) and path,  # type: ignore[dict-item]
        "The PNG is cut short in its header: get a complete copy",
    ),
    "far.tif": (
        lambda path: path.write_bytes(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 2**63).ljust(80, b"\0")) and path,  # type: ignore[dict-item]
        "its directory is missing, or larger than the file",
    ),
}


@pytest.mark.parametrize("name", list(SMALL_CLAIMS))
def test_what_the_bytes_cannot_bear_out_is_refused_by_the_header(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = SMALL_CLAIMS[name]
    path = make(tmp_path / name)
    monkeypatch.setattr("restauro.files.images.pixels_of", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(ReadError, match=words):
        read_picture(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: tiff(path, (34665, 4, 1, 264)),
        lambda path: tiff(path, (34665, 4, 1, 400), behind=directory([(34665, 4, 1, 400), (40965, 4, 1, 400)])),
        branching,
    ],
    ids=["to itself", "in a circle", "branching"],
)
@pytest.mark.parametrize("target", ["out.tif", "out.png"])
def test_directories_in_circles_are_left_out(tmp_path: Path, make: Callable[[Path], Path], target: str) -> None:
    source, mask = make(tmp_path / "a.tif"), tmp_path / "mask.png"
    pyvips.Image.black(16, 16).draw_rect(255, 4, 4, 3, 3, fill=True).pngsave(str(mask))
    restored = restore_file(source, tmp_path / target, mask=mask)
    assert (restored.hole_pixels, restored.changed_outside) == (9, 0)


def test_nested_directories_that_are_meant_so_are_kept(tmp_path: Path) -> None:
    """Interoperability in EXIF in the page."""
    inner = directory([(1, 2, 4, int.from_bytes(b"R98\0", "little"))])
    source = tiff(tmp_path / "a.tif", (34665, 4, 1, 400), behind=directory([(40965, 4, 1, 418)]) + inner)
    tags = read_picture(source).kept.tags
    assert tags[34665].directory[40965].directory[1].data == b"R98\0"


def test_a_pointer_cannot_take_more_than_there_is() -> None:
    data = Bounded(b"abc")
    assert (data.take(1, 9), data.take(9, 1), data.take(0, 0)) == (b"bc", b"", b"")
    with pytest.raises(struct.error):
        data.unpack("<I", 0)
    for _ in range(2 * 3 + 65536 - 5):  # twice the data and some, less what was taken above
        data.take(0, 1)
    with pytest.raises(struct.error):
        data.take(0, 1)


@pytest.mark.parametrize("act", ["restore", "detect", "damage", "read"])
def test_large_files_are_read_where_that_is_meant(tmp_path: Path, act: str) -> None:
    source, mask, out = tmp_path / "a.png", tmp_path / "mask.png", tmp_path / "out.png"
    pyvips.Image.black(20, 30).linear(1, 90).cast("uchar").pngsave(str(source))
    pyvips.Image.black(20, 30).draw_rect(255, 4, 4, 3, 3, fill=True).pngsave(str(mask))
    acts: dict[str, Callable[..., Any]] = {
        "restore": lambda **more: restore_file(source, out, mask=mask, **more),
        "detect": lambda **more: detect_file(source, out, kind="losses", **more),
        "damage": lambda **more: damage_file(source, out, kind="strokes", **more),
        "read": lambda **more: read_picture(source, **more),
    }
    with pytest.raises(ReadError, match=r"claims 20 x 30 pixels, and such .*: use max_pixels=600 if it is so large"):
        acts[act](max_pixels=599)
    assert not out.exists()
    acts[act](max_pixels=600)


def test_many_bands_count_as_pixels(tmp_path: Path) -> None:
    pyvips.Image.black(20, 30, bands=8).tiffsave(str(tmp_path / "a.tif"))
    with pytest.raises(ReadError, match=r"claims 20 x 30 pixels in 8 bands, .*: use max_pixels=1200 if"):
        read_picture(tmp_path / "a.tif", max_pixels=1199)
    assert read_picture(tmp_path / "a.tif", max_pixels=1200).pixels.shape == (30, 20, 8)
    assert MAX_PIXELS == 1_200_000_000


def test_bands_for_themselves_are_bounded(tmp_path: Path) -> None:
    count = 513
    places = struct.pack(f"<{count}I", *[8] * count)
    source = tiff(
        tmp_path / "a.tif",
        (277, 3, 1, count),
        (284, 3, 1, 2),
        (273, 4, count, 400),
        (279, 4, count, 400 + len(places)),
        behind=places + struct.pack(f"<{count}I", *[256] * count),
    )
    with pytest.raises(ReadError, match="513 bands lie one after the other, and at most 512 can be read so: save it"):
        read_picture(source)


@pytest.mark.parametrize("large", ["picture", "mask"])
def test_a_mask_of_another_size_is_refused_before_anything_is_decoded(
    tmp_path: Path, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, mask = tmp_path / "a.png", tmp_path / "mask.png"
    for path in (source, mask):
        side = 40 if (path == source) == (large == "picture") else 30
        pyvips.Image.black(side, side).pngsave(str(path))
    monkeypatch.setattr("restauro.files.images.pixels_of", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(
        MaskError, match=r"It is \d0 x \d0 pixels and the picture \d0 x \d0\. Make the mask on this very"
    ):
        restore_file(source, tmp_path / "out.png", mask=mask)


def test_a_turned_mask_fits_by_its_header(tmp_path: Path) -> None:
    pyvips.Image.black(20, 30).linear(1, 90).cast("uchar").pngsave(str(tmp_path / "a.png"))
    mask = pyvips.Image.black(30, 20).draw_rect(255, 4, 4, 3, 3, fill=True).copy()
    mask.set_type(pyvips.GValue.gint_type, "orientation", 6)
    mask.tiffsave(str(tmp_path / "mask.tif"))
    assert restore_file(tmp_path / "a.png", tmp_path / "b.png", mask=tmp_path / "mask.tif").hole_pixels == 9


def test_an_exif_block_that_circles_in_a_jpeg_does_not_stop_its_conversion(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(np.full((16, 16), 90, np.uint8)).copy(interpretation="b-w")
    block = struct.pack("<2sHI", b"II", 42, 8) + directory([(34665, 4, 1, 8)])
    data = image.jpegsave_buffer()
    segment = b"Exif\0\0" + block
    (tmp_path / "a.jpg").write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:])
    pyvips.Image.black(16, 16).draw_rect(255, 4, 4, 3, 3, fill=True).pngsave(str(tmp_path / "mask.png"))
    assert restore_file(tmp_path / "a.jpg", tmp_path / "b.tif", mask=tmp_path / "mask.png").changed_outside == 0


@pytest.mark.parametrize("file_size", [1, 700, 12345])
def test_what_the_bytes_can_just_hold_is_read(file_size: int) -> None:
    """Deflate makes 1032 bytes of one, a row of a PNG begins with a byte; a JPEG has a bit for 32 x 32 pixels."""
    for bits, width, row_bytes in ((1, 8, 1), (1, 9, 2), (4, 3, 2), (8, 5, 5), (48, 7, 42)):
        height = 1032 * file_size // (row_bytes + 1)
        check_png(width, height, bits, file_size)
        with pytest.raises(
            ReadError, match=f"The PNG claims {width} x {height + 1} pixels, more than {file_size} bytes"
        ):
            check_png(width, height + 1, bits, file_size)
    check_jpeg(32 * 8 * file_size, 32, file_size)
    with pytest.raises(ReadError, match=r"The JPEG claims .* pixels, more than .* bytes can hold"):
        check_jpeg(32 * 8 * file_size, 33, file_size)
