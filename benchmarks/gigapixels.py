"""Measures pictures larger than memory: a pyramid in tiles with 2 % cracks that are one connected net, restored.

Compared with libvips' copy of the file, a pyramid as well, in processes of their own. What isn't the fill is measured
with a mask of one small hole. Parts of what comes out are compared bit for bit with what `inpaint` makes of these parts
by themselves. 32,768 pixels square of 16 bits need 35 GB in the folder.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import _processes
import _tables

# The processes, each with the paths of picture, mask and result.
COPY = """
import sys, pyvips
image = pyvips.Image.new_from_file(sys.argv[1], access="sequential")
image.tiffsave(sys.argv[2], tile=True, tile_width=256, tile_height=256, bigtiff=True, pyramid=True)
"""
MAKE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import gigapixels
gigapixels.make(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""
COMPARE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import gigapixels
print(gigapixels.differing(*sys.argv[1:]))
"""
SHARE, NET = 0.02, 4096  # of the cracks; the side of the net that is mirrored
PART, MARGIN = 2048, 256  # of what is compared
PEAK, COPIES, A_HOLE_PIXEL = 2.0, 3.0, 150.0  # GB, times libvips' copy beside the fill, bytes
SMALL = "small.tif"  # a mask with a hole of 9 x 9 pixels
COPIED, BESIDE = "libvips' copy", "a hole of 9 x 9 pixels, telea"
CUTTING, WHOLE = ("telea", "coherence"), "edge-enhancing"


def make(picture: str, mask: str, side: int, bits: int) -> None:
    """Write the picture, an example mirrored again and again, as a pyramid; and the mask, 1 bit, run by run."""
    import pyvips

    import _masks

    painting = pyvips.Image.new_from_file(str(_tables.PAINTING))
    image = mirrored(painting, side)
    if bits == 16:
        image = (image * 257).cast("ushort").copy(interpretation="rgb16")
    image.tiffsave(picture, tile=True, tile_width=256, tile_height=256, bigtiff=True, pyramid=True)
    net = pyvips.Image.new_from_array(_masks.cracks(min(NET, side), SHARE), interpretation="b-w")
    tiles = {"tile": True, "tile_width": 256, "tile_height": 256}
    mirrored(net, side).tiffsave(mask, **tiles, bitdepth=1, compression="ccittfax4")
    hole = pyvips.Image.black(side, side).draw_rect(255, side // 2, side // 2, 9, 9, fill=True)
    small = Path(mask).with_name(SMALL)
    hole.copy(interpretation="b-w").tiffsave(str(small), **tiles, bitdepth=1, compression="ccittfax4")


def mirrored(image: Any, side: int) -> Any:
    """Return a square of an image and its mirrored copies, so that lines go on from one to the next."""
    image = image.join(image.fliphor(), "horizontal")
    image = image.join(image.flipver(), "vertical")
    return image.replicate(-(-side // image.width), -(-side // image.height)).crop(0, 0, side, side)


def differing(picture: str, mask: str, restored: str, method: str) -> int:
    """Return how many values of some parts are others than when the parts are filled by themselves."""
    import numpy as np
    import pyvips

    import restauro

    found = 0
    images = [pyvips.Image.new_from_file(path) for path in (picture, mask, restored)]
    side = images[0].width
    part = min(PART, side)
    for left, top in ((0, 0), (side // 2 - part // 2, side // 3), (side - part, side - part)):
        before, hole, after = (image.crop(left, min(top, side - part), part, part).numpy() for image in images)
        alone = restauro.inpaint(before, hole != 0, method)
        inner = slice(MARGIN, part - MARGIN)
        found += int(np.count_nonzero(alone[inner, inner] != after[inner, inner]))
    return found


def restore(picture: Path, mask: Path, target: Path, method: str, **variables: str) -> _processes.Finished:
    command = [_processes.RESTAURO, "restore", picture, "--mask", mask, "-o", target, "--method", method, "--json"]
    return _processes.run(command, **variables)


def foretold(picture: Path, mask: Path, target: Path) -> float:
    """Return the gigabytes that are foretold where there is hardly any memory."""
    command = [_processes.RESTAURO, "restore", picture, "--mask", mask, "-o", target, "--method", WHOLE]
    done = subprocess.run(
        command, env={**os.environ, "RESTAURO_MEMORY": "50000000"}, check=False, capture_output=True, text=True
    )
    found = re.search(r"would take some ([\d.e+]+) GB of memory", done.stderr)
    if not found:
        sys.exit(f"It wasn't refused: {done.stderr}")
    return float(found[1])


def measure(
    folder: Path, side: int, bits: int, methods: list[str], rounds: int
) -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows of what was measured, and of the targets."""
    picture, mask, target = folder / "picture.tif", folder / "net.tif", folder / "restored.tif"
    # So little that it is worked on in files, and so much that whole holes fit.
    os.environ["RESTAURO_MEMORY"] = str(int(2.5 * side**2 * (2 * 3 * bits // 8 + 1)))
    _processes.run([_processes.PYTHON, "-c", MAKE, picture, mask, str(side), str(bits)])
    rows, targets, seconds, peaks = [], [], {}, {}
    pixels = 0

    def add(what: str, finished: list[_processes.Finished]) -> None:
        seconds[what] = statistics.median(one.seconds for one in finished)
        peaks[what] = max(one.peak for one in finished)
        taken = _tables.median_and_range([one.seconds for one in finished], 0)
        rows.append([f"{bits} bits: {what}", taken, f"{peaks[what] / 1e9:.2f}"])
        print(*rows[-1], sep="  ", file=sys.stderr)

    def compared(what: str, value: float, most: float, unit: str = "") -> None:
        verdict = _tables.met(value, most, at_most=True)
        targets.append([f"{bits} bits: {what}", f"{value:.2f}{unit}", f"{most:g}{unit}", verdict])

    copies, small = [], []
    for _ in range(rounds):
        copies.append(_processes.run([_processes.PYTHON, "-c", COPY, picture, target]))
        target.unlink()
        small.append(restore(picture, mask.with_name(SMALL), target, CUTTING[0]))
        target.unlink()
    add(COPIED, copies)
    add(BESIDE, small)
    compared("all but the fill, times libvips' copy", seconds[BESIDE] / seconds[COPIED], COPIES)
    for method in methods:
        finished = []
        for _ in range(rounds):
            target.unlink(missing_ok=True)
            finished.append(restore(picture, mask, target, method))
        said = json.loads(finished[0].last_line)
        if said["regions"] != 1 or said["changed_outside"]:
            sys.exit(f"Something is wrong with what was restored: {said}")
        pixels = said["hole_pixels"]
        add(method, finished)
        if method in CUTTING:
            compared(f"{method}, peak", peaks[method] / 1e9, PEAK, " GB")
            command = [_processes.PYTHON, "-c", COMPARE, picture, mask, target, method]
            compared(f"{method}, values of parts that differ", float(_processes.run(command).last_line), 0)
        else:
            taken = (peaks[method] - peaks[BESIDE]) / pixels
            compared(f"{method}, bytes a hole pixel", taken, A_HOLE_PIXEL)
            target.unlink()
            needed = foretold(picture, mask, target) * 1e9 / pixels
            targets.append([f"{bits} bits: {method}, the same as foretold", f"{needed:.0f}", "-", "-"])
    rows[-1][0] += f" ({pixels} hole pixels)"
    picture.unlink()
    return rows, targets


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--side", type=int, default=32768, help="pixels")
    options.add_argument("--bits", type=int, nargs="+", choices=(8, 16), default=[8, 16])
    options.add_argument("--methods", nargs="+", default=[*CUTTING, WHOLE])
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--folder", type=Path, help="where to put the files: a temporary folder of the system")
    arguments = options.parse_args()
    load = _tables.load_before()
    rows, targets = [], []
    with tempfile.TemporaryDirectory(prefix="restauro-gigapixels-", dir=arguments.folder) as name:
        for bits in arguments.bits:
            found, met = measure(Path(name), arguments.side, bits, arguments.methods, arguments.rounds)
            rows += found
            targets += met
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numpy', 'pyvips', 'pyvips-binary')}\n\n"
        f"`restauro restore` of an RGB TIFF of {arguments.side} x {arguments.side} pixels, uncompressed in tiles of "
        f"256, a pyramid, {100 * SHARE:g} % of it cracks that are one connected net; the mask has 1 bit in CCITT Group "
        f"4. Processes of their own; medians of {arguments.rounds}, in brackets the range, and the highest "
        "peak of resident memory. Values are compared in three parts of 2048 pixels square, filled by themselves, "
        "without 256 pixels at their edges. Bytes a hole pixel are those beyond the peak with one small hole."
    )
    parts = [
        introduction,
        _tables.table(["what", "seconds", "peak, GB"], rows),
        _tables.table(["what", "measured", "at most", "target"], targets),
    ]
    _tables.publish("gigapixels", "Pictures larger than memory", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
