"""Restores mutated picture files: none may end in anything but a result or a sentence, soon and in little memory.

python3 dev.py bench fuzzing --count 3000 --seed 1 --keep found/

Every file is read, filled in one place and written back in a process of its own. Exit status 1 if one failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jpeglib  # noqa: F401  (loaded before the forks)
import numpy as np
import pyvips

from restauro.errors import RestauroError
from restauro.files import formats
from restauro.files.reading import read_picture
from restauro.files.writing import write_picture
from restauro.inpainting import inpaint, load_kernels
from restauro.method import make_method

FORMATS = ("tiff", "png", "jpeg", "webp", "avif")
SECONDS, BYTES = 10, 1 << 30  # of processor; beyond the picture's own size
_WALL = 60  # seconds after which a file counts as hanging
_LARGEST_FILLED = 4_000_000  # pixels
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
_METHOD = "harmonic"


@dataclass(frozen=True)
class Outcome:
    """What became of a file: restored, refused, traceback, crash, hang; why; seconds; bytes beyond its pixels'."""

    name: str
    kind: str
    why: str
    seconds: float
    memory: int

    @property
    def failed(self) -> bool:
        """Whether it is more than a promise allows."""
        return self.kind not in ("restored", "refused") or self.seconds > SECONDS or self.memory > BYTES


def originals(kind: str) -> list[bytes]:
    """Return small files of a format that have all its features between them."""
    x, y = np.meshgrid(np.arange(48), np.arange(40))
    rgb = np.stack([5 * x, 6 * y, 2 * (x + y)], axis=2).astype(np.uint8)
    image = pyvips.Image.new_from_array(rgb).copy(interpretation="srgb", xres=5, yres=5)
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "A. Painter (A. Painter, ASCII, 11 components)")
    grey, alpha = image.colourspace("b-w"), image.bandjoin(255)
    deep = (image.cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    makers: dict[str, list[Callable[[], bytes]]] = {
        "tiff": [
            lambda: image.tiffsave_buffer(),
            lambda: image.tiffsave_buffer(
                compression="lzw", predictor="horizontal", tile=True, tile_width=16, tile_height=16
            ),
            lambda: image.tiffsave_buffer(compression="jpeg", tile_height=16),
            lambda: alpha.tiffsave_buffer(compression="deflate", bigtiff=True, tile_height=8),
            lambda: grey.cast("float").tiffsave_buffer(compression="deflate", predictor="float"),
            lambda: grey.tiffsave_buffer(bitdepth=1, compression="ccittfax4"),
            lambda: deep.tiffsave_buffer(compression="packbits", miniswhite=True),
            lambda: image.tiffsave_buffer(pyramid=True, tile=True, tile_width=16, tile_height=16),
        ],
        "png": [
            lambda: image.pngsave_buffer(),
            lambda: alpha.pngsave_buffer(interlace=True),
            lambda: deep.pngsave_buffer(),
            lambda: image.pngsave_buffer(palette=True, bitdepth=4),
            lambda: grey.pngsave_buffer(bitdepth=1),
        ],
        "jpeg": [
            lambda: image.jpegsave_buffer(),
            lambda: image.jpegsave_buffer(interlace=True, subsample_mode="off"),
            lambda: grey.jpegsave_buffer(optimize_coding=True, restart_interval=2),
        ],
        "webp": [
            lambda: image.webpsave_buffer(),
            lambda: alpha.webpsave_buffer(lossless=True),
        ],
        "avif": [
            lambda: image.heifsave_buffer(compression="av1", effort=0),
            lambda: alpha.heifsave_buffer(compression="av1", lossless=True, effort=0),
            lambda: deep.heifsave_buffer(compression="av1", bitdepth=10, effort=0),
        ],
    }
    return [make() for make in makers[kind]]


def mutated(chance: random.Random, files: list[bytes]) -> bytes:
    """Return one of the files with some of it changed, mostly where the headers are."""
    data = bytearray(chance.choice(files))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        place = _place(chance, len(data))
        act = chance.randrange(6)
        if act == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif act == 1:
            data[place] = chance.randrange(256)
        elif act == 2:
            size = chance.choice((1, 2, 4, 8))
            number = (chance.choice(_NUMBERS) + chance.choice((-1, 0, 0, 1))) % (1 << (8 * size))
            data[place : place + size] = number.to_bytes(size, chance.choice(("little", "big")))
        elif act == 3:
            end = place + chance.randrange(1, 64)
            data[place:place] = data[place:end]
        elif act == 4:
            del data[place : place + chance.randrange(1, 64)]
        else:
            other = chance.choice(files)
            start = _place(chance, len(other))
            length = chance.randrange(1, 256)
            data[place : place + length] = other[start : start + length]
    if chance.random() < 0.1:
        del data[_place(chance, len(data)) :]
    return _with_checksums(bytes(data)) if chance.random() < 0.7 else bytes(data)


def _place(chance: random.Random, size: int) -> int:
    near = chance.choice((64, 600, size))
    place = chance.randrange(max(min(near, size), 1))
    return size - 1 - place if chance.random() < 0.2 and size else place  # a TIFF's directory lies at its end


def _with_checksums(data: bytes) -> bytes:
    """Make the checksums of a PNG's chunks right again, without which they'd be refused for that alone."""
    if not data.startswith(b"\x89PNG"):
        return data
    fixed, position = bytearray(data), 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        fixed[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(fixed)


def restore(path: Path, folder: Path) -> tuple[str, str, int]:
    """Read, fill and write a file; return what became of it, why, and the bytes of its pixels."""
    own = 0
    try:
        picture = read_picture(path)
        own = picture.pixels.nbytes
        hole = np.zeros(picture.pixels.shape[:2], np.bool_)
        if hole.size <= _LARGEST_FILLED:
            hole[2:9, 3:12] = True
            inpaint(picture.pixels, hole, _METHOD, out=picture.pixels, workers=1)
        ending = {"heif": ".avif", "jpeg": ".jpg", "tiff": ".tif"}.get(picture.format, f".{picture.format}")
        try:
            write_picture(picture, folder / f"same{ending}", hole=hole)
        except RestauroError:
            write_picture(picture, folder / "other.tif", hole=hole)
    except RestauroError as error:
        return "refused", str(error), own
    except MemoryError as error:
        return "refused", f"MemoryError: {error}", own
    except BaseException:
        return "traceback", traceback.format_exc(), own
    return "restored", "", own


def tried(data: bytes, name: str, folder: Path) -> Outcome:
    """Restore a file in a process of its own, which is ended where it takes too long."""
    path = folder / name
    path.write_bytes(data)
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        os.close(ear)
        resource.setrlimit(resource.RLIMIT_CPU, (_WALL, _WALL))
        signal.alarm(_WALL)
        before = _peak()
        found = restore(path, folder)
        os.write(mouth, json.dumps([*found, _peak() - before]).encode()[:60_000])
        os._exit(0)
    os.close(mouth)
    _, status, usage = os.wait4(child, 0)
    with os.fdopen(ear, "rb") as pipe:
        said = pipe.read()
    for left in folder.iterdir():
        if left.is_file():
            left.unlink()
        else:
            _remove(left)
    seconds = usage.ru_utime + usage.ru_stime
    if not said:
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        kind = "hang" if ended in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL) else "crash"
        return Outcome(name, kind, f"status {status}", seconds, 0)
    kind, why, own, memory = json.loads(said)
    return Outcome(name, kind, why, seconds, max(memory - own, 0))


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def outcomes(kind: str, files: list[bytes], count: int, seed: int, keep: Path | None) -> Iterator[Outcome]:
    """Try `count` mutated files of a format; the same seed makes the same files. Those that fail are kept."""
    with tempfile.TemporaryDirectory(prefix="restauro-fuzzing-") as name:
        for number in range(count):
            data = mutated(random.Random(f"{kind} {seed} {number}"), files)
            outcome = tried(data, f"{kind}-{seed}-{number}", Path(name))
            if outcome.failed and keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / outcome.name).write_bytes(data)
            yield outcome


def made(kind: str) -> list[bytes]:
    """Return `originals`, made in another process: what forks later may not have libvips' threads."""
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(mouth, "wb") as pipe:
            for data in originals(kind):
                pipe.write(len(data).to_bytes(8, "little") + data)
        os._exit(0)
    os.close(mouth)
    files = []
    with os.fdopen(ear, "rb") as pipe:
        while head := pipe.read(8):
            files.append(pipe.read(int.from_bytes(head, "little")))
    os.waitpid(child, 0)
    return files


def main() -> int:
    """Fuzz the formats that are asked for; print what became of the files; return the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("formats", nargs="*", metavar="FORMAT", default=FORMATS, help=f"of {', '.join(FORMATS)}")
    options.add_argument("--count", type=int, default=300, metavar="N", help="files of each format (default: 300)")
    options.add_argument("--seed", type=int, default=1, metavar="N", help="decides all changes (default: 1)")
    options.add_argument("--keep", type=Path, metavar="DIR", help="where to keep files that fail")
    asked = options.parse_args()
    load_kernels(make_method(_METHOD, {}))
    for name in formats.FORMATS:
        formats.format_of(name)  # its modules, for all processes
    failed = 0
    for kind in asked.formats:
        start = time.perf_counter()
        found = list(outcomes(kind, made(kind), asked.count, asked.seed, asked.keep))
        failed += sum(outcome.failed for outcome in found)
        print(f"{kind}: {_line(found)}; {time.perf_counter() - start:.0f} s", flush=True)
        _print_failures(found)
    return 1 if failed else 0


def _print_failures(found: list[Outcome]) -> None:
    """Print each way to fail once, with the files that do."""
    ways: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in found:
        if outcome.failed:
            ways.setdefault((outcome.kind, " ".join(outcome.why.split("\n")[-4:])), []).append(outcome)
    for (kind, _), failed in ways.items():
        first = failed[0]
        names = ", ".join(outcome.name for outcome in failed[:8])
        print(f"  {len(failed)} {kind}: {names}; the first: {first.seconds:.1f} s, {first.memory >> 20} MB")
        print("    " + first.why.strip().replace("\n", "\n    "), flush=True)


def _line(found: list[Outcome]) -> str:
    kinds = Counter(outcome.kind for outcome in found)
    slowest = max(found, key=lambda outcome: outcome.seconds)
    largest = max(found, key=lambda outcome: outcome.memory)
    return (
        f"{len(found)} files, {', '.join(f'{count} {kind}' for kind, count in kinds.items())}; slowest {slowest.name} "
        f"{slowest.seconds:.1f} s, largest {largest.name} {largest.memory >> 20} MB beyond its own"
    )


if __name__ == "__main__":
    sys.exit(main())
