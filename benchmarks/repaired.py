"""A picture repaired by one command: damage rendered on paintings, found and filled by `restauro restore --detect`.

    python3 dev.py bench repaired --every 4

Dust, scratches and losses, drawn as for training, on the middle of each painting of `paintings-val`; found and filled
as by default, and filled with the true mask. PSNR of the whole picture. The undamaged paintings are repaired as well:
what is marked there is false. Stains are found by `restauro detect` and corrected by the method `tone`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
from restauro import DEFAULT_METHOD, Restoration
from restauro.damage.wear import lines, patches
from restauro.damage.wear.canvas import Canvas
from restauro.damage.wear.stains import stains
from restauro.detection.detecting import detect
from restauro.detection.detectors import REPAIRED
from restauro.detection.limits import too_much

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]

DRAWN = {"dust": patches.dust, "scratches": lines.scratches, "losses": patches.losses, "stains": stains}
GROWN = 1  # pixels that marks grow by before they are filled, by default
STAINS_GROWN = 2  # before they are corrected: `tone` wants what is sound beside the mask
SEEN = 8  # levels that a pixel changes by for it to be seen at all
CLOSE, BETTER = 1.0, 0.99  # decibels that may be lost to the true mask; share to be better than the damaged picture


@dataclass(frozen=True)
class Repaired:
    """PSNR of a damaged painting, repaired by what was found, by the true mask; and whether it'd be filled unseen."""

    damaged: float
    found: float
    true: float
    unseen: bool


def damaged(painting: Pixels, kinds: tuple[str, ...], seed: int) -> tuple[Pixels, Hole]:
    """Return a painting with damage, and where it is."""
    canvas, rng = Canvas.of(painting), np.random.default_rng([2029, seed])
    for kind in kinds:
        DRAWN[kind](canvas, rng)
        np.clip(canvas.picture, 0, 255, out=canvas.picture)
    return np.rint(canvas.picture).astype(np.uint8), canvas.marks > 0


def psnr(one: Pixels, other: Pixels) -> float:
    """Return the peak signal-to-noise ratio in decibels, 99 where nothing differs."""
    error = float(np.mean((one.astype(float) - other) ** 2))
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def found_and_filled(picture: Pixels, folder: Path) -> tuple[Pixels, Hole, bool]:
    """Return what `restore --detect --accept-large-holes` makes of a picture, the mask, and whether it fills unseen."""
    restoration = Restoration.open(written(picture, folder / "picture.png")).detect(accept_large_holes=True)
    assert restoration.hole is not None  # detect has said
    hole = restoration.hole.copy()
    return restoration.fill().picture.pixels, hole, too_much(hole) is None


def filled(picture: Pixels, hole: Hole, folder: Path, method: str = DEFAULT_METHOD, grow: int = GROWN) -> Pixels:
    """Return a picture filled by a method with a mask, or corrected by it."""
    if not hole.any():
        return picture
    mask = written((hole * np.uint8(255))[..., np.newaxis].repeat(3, 2), folder / "mask.png")
    restoration = Restoration.open(written(picture, folder / "picture.png"))
    restoration.mask_from(mask, grow=grow, accept_large_holes=True)
    pixels: Pixels = restoration.fill(method).picture.pixels
    return pixels


def written(picture: Pixels, path: Path) -> Path:
    """Write a picture; return its path."""
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


def rows(kind: str, results: list[Repaired]) -> list[list[str]]:
    """Return the rows of a kind: all pictures, and those that are filled unseen."""
    found = []
    for what, some in ((kind, results), (f"{kind}, filled unseen", [one for one in results if one.unseen])):
        if not some:
            continue
        means = [statistics.fmean(getattr(one, name) for one in some) for name in ("damaged", "found", "true")]
        better = sum(one.found >= one.damaged for one in some) / len(some)
        close = sum(one.true - one.found <= CLOSE for one in some) / len(some)
        numbers = [f"{mean:.1f}" for mean in [*means, means[2] - means[1]]]
        found.append([what, str(len(some)), *numbers, f"{close:.0%}", f"{better:.0%}"])
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--every", type=int, default=1, metavar="N", help="damage every Nth painting only")
    options.add_argument("--keep", type=Path, metavar="DIR", help="write what is changed in undamaged paintings there")
    arguments = options.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    load = _tables.load_before()
    folder = _pictures.shared() / "data" / "paintings-val"
    names = _pictures._listed(folder)
    ways = {**{kind: (kind,) for kind in REPAIRED}, "all three": REPAIRED}
    results: dict[str, list[Repaired]] = {way: [] for way in ways}
    stained: list[Repaired] = []
    clean: list[list[str]] = []
    with tempfile.TemporaryDirectory() as at:
        for i, name in enumerate(names):
            print(name, end="\r", file=sys.stderr)
            whole = _pictures.read(folder / name)
            repaired, hole, unseen = found_and_filled(whole, Path(at))
            if hole.any():
                off = np.abs(repaired.astype(np.int64) - whole).max(axis=2)
                shares = f"{int(hole.sum())}", f"{100 * hole.mean():.2f}", f"{int((off > SEEN).sum())}", f"{off.max()}"
                clean.append([name, *shares, "yes" if unseen else "no"])
                if arguments.keep:
                    np.savez_compressed(arguments.keep / name.replace("jpg", "npz"), hole=hole, repaired=repaired)
            if i % arguments.every:
                continue
            painting = _pictures.middle(whole)
            picture, truth = damaged(painting, ("stains",), i)
            if truth.any():
                masks = detect(picture, "stains"), truth
                by_found, by_truth = (filled(picture, mask, Path(at), "tone", STAINS_GROWN) for mask in masks)
                before, after, best = (psnr(one, painting) for one in (picture, by_found, by_truth))
                stained.append(Repaired(before, after, best, unseen=False))
            for way, kinds in ways.items():
                picture, truth = damaged(painting, kinds, i)
                if truth.any():
                    repaired, _, unseen = found_and_filled(picture, Path(at))
                    by_truth = filled(picture, truth, Path(at))
                    before, after, best = (psnr(one, painting) for one in (picture, repaired, by_truth))
                    results[way].append(Repaired(before, after, best, unseen))
    head = ["drawn", "paintings", "damaged", "found", "true mask", "lost", f"lost at most {CLOSE:g}", "better"]
    _tables.publish(
        "repaired",
        "Repaired by one command",
        [
            f"Dust, scratches and losses drawn on the middle of {len(names[:: arguments.every])} paintings of "
            "`paintings-val`, by the renderers that the network was trained with, on paintings that it wasn't. Mean "
            "PSNR of the whole picture in dB: damaged; repaired as `restore --detect --accept-large-holes` does; "
            "filled with the true mask, grown as far. *Filled unseen*: those that `restore --detect` fills without "
            "being told to; of the others it proposes a mask. *Better*: at least as near the undamaged picture as the "
            f"damaged one. Wanted: no more than {CLOSE:g} dB lost, {BETTER:.0%} better.",
            _tables.table(head, [row for way, of_way in results.items() for row in rows(way, of_way)]),
            f"Stains, marked by `restauro detect --kind stains --grow {STAINS_GROWN}` and corrected by the method "
            "`tone`; with the true mask, grown as far; on all paintings on which some were drawn:",
            _tables.table(head, rows("stains", stained)),
            f"The same on the whole paintings, undamaged: {len(names) - len(clean)} of {len(names)} have no mark. "
            f"Those that have: pixels to be filled, % of the picture, pixels that differ by more than {SEEN} of 255 "
            "afterwards, the largest difference, and whether it would be filled unseen.",
            _tables.table(["painting", "pixels", "%", "differ", "most", "unseen"], clean),
            _tables.conditions(load, "restauro", "numpy", "onnxruntime"),
        ],
        print_only=arguments.print_only,
    )


if __name__ == "__main__":
    main()
