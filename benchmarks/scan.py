"""Measures a large scan, end to end: a TIFF of 100 megapixels with 2 % cracks that are one connected net.

Compared with what it takes libvips to read the file into NumPy and to write it from NumPy, the fill alone, and libvips'
copy. Everything runs in processes of its own, in turns. Needs Linux or macOS, and 2 GB in the temporary folder.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import _processes
import _tables

# The processes, each with the paths of picture, mask and result; what they print last are the seconds of the work.
READ_AND_WRITE = """
import sys, time
import numpy, pyvips
start = time.perf_counter()
pixels = pyvips.Image.new_from_file(sys.argv[1], access="sequential").numpy()
pyvips.Image.new_from_array(pixels).write_to_file(sys.argv[3])
print(time.perf_counter() - start)
"""
FILL = """
import sys, time
import pyvips, restauro
pixels = pyvips.Image.new_from_file(sys.argv[1], access="sequential").numpy()
hole = pyvips.Image.new_from_file(sys.argv[2], access="sequential").numpy() != 0
restauro.inpaint(pixels[:256, :256], hole[:256, :256], sys.argv[4])  # loads the kernels
start = time.perf_counter()
restauro.inpaint(pixels, hole, sys.argv[4], out=pixels)
print(time.perf_counter() - start)
"""
COPY = """
import sys
import pyvips
pyvips.Image.new_from_file(sys.argv[1], access="sequential").write_to_file(sys.argv[3])
"""
MAKE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import scan
scan.make(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""
METHOD = "telea"  # the quickest: of another the fill alone outweighs all else
RESTORE, BY_DEFAULT = f"restauro restore --method {METHOD}", "restauro restore"
LIBVIPS, FILLED, COPIED = "libvips to NumPy and back", f"the fill alone, {METHOD}", "vips copy"

SHARE = 0.02
RATIO, COPIES = 1.5, 4.0
PEAK = {8: 1.5, 16: 2.5}  # GB

Finished = _processes.Finished


def make(picture: str, mask: str, side: int, bits: int) -> None:
    """Write the picture, an example tiled without seams, uncompressed; and the mask, in 1 bit."""
    import numpy as np
    import pyvips

    import _masks
    from restauro.holes import count_regions

    painting = pyvips.Image.new_from_file(str(_tables.PAINTING)).numpy()
    beyond = [(0, max(0, side - length)) for length in painting.shape[:2]]
    pixels = np.pad(painting, [*beyond, (0, 0)], "symmetric")[:side, :side]
    pixels = pixels.astype(np.uint16) * 257 if bits == 16 else np.ascontiguousarray(pixels)
    pyvips.Image.new_from_array(pixels).tiffsave(picture, compression="none")
    hole = _masks.cracks(side, SHARE)
    assert count_regions(hole != 0) == 1
    pyvips.Image.new_from_array(hole, interpretation="b-w").pngsave(mask, bitdepth=1)


def commands(picture: Path, mask: Path, target: Path) -> dict[str, Sequence[str | Path]]:
    files = [picture, mask, target]
    vips = shutil.which("vips")
    restore = [_processes.RESTAURO, "restore", picture, "--mask", mask, "-o", target, "--json"]
    return {
        RESTORE: [*restore, "--method", METHOD],
        BY_DEFAULT: restore,
        LIBVIPS: [_processes.PYTHON, "-c", READ_AND_WRITE, *files],
        FILLED: [_processes.PYTHON, "-c", FILL, *files, METHOD],
        COPIED: [vips, "copy", picture, target] if vips else [_processes.PYTHON, "-c", COPY, *files],
    }


def measure(folder: Path, side: int, bits: int, rounds: int) -> dict[str, list[Finished]]:
    """Return what every process took, one a round; they take turns, and one turn more doesn't count."""
    picture, mask, target = folder / "scan.tif", folder / "mask.png", folder / "restored.tif"
    _processes.run([_processes.PYTHON, "-c", MAKE, picture, mask, str(side), str(bits)])
    chosen = commands(picture, mask, target)
    found: dict[str, list[Finished]] = {what: [] for what in chosen}
    for turn in range(rounds + 1):
        for what, command in chosen.items():
            finished = _processes.run(command)
            target.unlink(missing_ok=True)
            print(bits, "bits,", f"{what}: {finished.seconds:.2f} s, {finished.peak / 1e9:.2f} GB", file=sys.stderr)
            if turn:
                found[what].append(finished)
    picture.unlink()
    _check(found[RESTORE][0])
    return found


def _check(restored: Finished) -> None:
    said = json.loads(restored.last_line)
    if said["regions"] != 1 or said["changed_outside"]:
        sys.exit(f"Something is wrong with what was restored: {restored.last_line}")


def times_table(found: dict[str, list[Finished]]) -> str:
    rows = []
    for what, finished in found.items():
        whole = _tables.median_and_range([one.seconds for one in finished])
        inside = _tables.median_and_range(inside_seconds(finished)) if what != COPIED else "-"
        rows.append([what, whole, inside, f"{max(one.peak for one in finished) / 1e9:.2f}"])
    return _tables.table(["what", "process, s", "the work in it, s", "peak memory, GB"], rows)


def inside_seconds(finished: list[Finished]) -> list[float]:
    """Return the seconds of the work, without the start of Python, as the processes print them."""
    said = [json.loads(one.last_line) for one in finished]
    return [one["seconds"] if isinstance(one, dict) else float(one) for one in said]


def targets_table(found: dict[str, list[Finished]], bits: int) -> str:
    process = {what: statistics.median(one.seconds for one in finished) for what, finished in found.items()}
    inside = {what: statistics.median(inside_seconds(found[what])) for what in (RESTORE, LIBVIPS, FILLED)}
    peak = max(one.peak for one in found[RESTORE]) / 1e9
    compared = [
        ("(restore - fill) / libvips, processes", (process[RESTORE] - inside[FILLED]) / process[LIBVIPS], RATIO),
        ("(restore - fill) / libvips, the work", (inside[RESTORE] - inside[FILLED]) / inside[LIBVIPS], RATIO),
        ("restore / vips copy, processes", process[RESTORE] / process[COPIED], COPIES),
        ("restore: peak memory, GB", peak, PEAK[bits]),
    ]
    rows = [[what, f"{got:.2f}", f"{most:g}", _tables.met(got, most, at_most=True)] for what, got, most in compared]
    return _tables.table(["what", "measured", "at most", "target"], rows)


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--megapixels", type=float, default=100)
    options.add_argument("--bits", type=int, nargs="+", choices=PEAK, default=list(PEAK))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--folder", type=Path, help="where to put the files: a temporary folder of the system")
    arguments = options.parse_args()
    load, side = _tables.load_before(), round((arguments.megapixels * 1e6) ** 0.5)
    copied = "the program `vips copy`" if shutil.which("vips") else "libvips through pyvips"
    parts = [
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy', 'pyvips', 'pyvips-binary')}\n\n"
        f"An uncompressed RGB TIFF of {side} x {side} pixels, {100 * SHARE:g} % of them cracks that are one connected "
        f"net. Processes of their own take turns; medians of {arguments.rounds}, in brackets the lowest and highest, "
        "and the highest peak of resident memory. The files lie in the system's cache. The work: from opening the "
        f"picture to the result's being there, without starting Python. A copy is made by {copied}."
    ]
    with tempfile.TemporaryDirectory(prefix="restauro-scan-", dir=arguments.folder) as name:
        for bits in arguments.bits:
            found = measure(Path(name), side, bits, arguments.rounds)
            parts += [f"## {bits} bits", times_table(found), targets_table(found, bits)]
    _tables.publish("scan", "A large scan, end to end", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
