"""What networks that fill have reached, on the tuning set: dB over the harmonic fill, LPIPS beside it, bin by bin.

    python3 dev.py bench paintings_network runs/paintings.onnx --every 4

The middle 512 x 512 pixels of each painting under a mask of strokes drawn for it, the same for all. It publishes
nothing: it is for looking at a run; `bench quality --methods network:model=FILE` makes the tables.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
import restauro
from restauro.damage.ratios import RATIO_BINS, ratio_in
from restauro.damage.synthesis import strokes
from restauro.evaluation.lpips import Lpips
from restauro.method import make_method

BASE, BESIDE = "harmonic", "edge-enhancing"
BINS = (1, 2, 3, 4, 5, 6)
WEIGHTS = "lpips_squeeze1_1_v0.1_torchvision.safetensors"


def paintings(every: int) -> list[Path]:
    """Return one of so many (`every`) of the tuning set's paintings."""
    lines = Path(__file__).with_name("tuning-set.txt").read_text(encoding="utf-8").splitlines()
    return [_pictures.shared() / "data" / line.strip() for line in lines if line.strip() and line[0] != "#"][::every]


def measure(
    models: Sequence[Path], chosen: Sequence[Path], bins: Sequence[int], workers: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return for bins and ways (BASE, BESIDE, the models) dB over BASE and LPIPS as a share of its; BASE's PSNR."""
    ways = [make_method(name, {}) for name in (BASE, BESIDE)]
    ways += [make_method("network", {"model": str(path)}) for path in models]
    judge = Lpips(_pictures.shared() / "weights" / WEIGHTS)
    psnr, lpips = np.zeros((2, len(bins), len(chosen), len(ways)))
    for b, number in enumerate(bins):
        for i, path in enumerate(chosen):
            painting = _pictures.middle(_pictures.read(path))
            rng = np.random.default_rng([number, i])
            hole = strokes(*painting.shape[:2], ratio_in(RATIO_BINS[number - 1], rng), rng, bool(rng.integers(2)))
            restored = [restauro.inpaint(painting, hole, method, workers=workers) for method in ways]
            errors = [np.square(picture.astype(float) - painting).mean() for picture in restored]
            psnr[b, i] = 10 * np.log10(255**2 / np.array(errors))
            lpips[b, i] = judge.distances(painting, restored)
        print(number, *np.round((psnr[b] - psnr[b, :, :1]).mean(axis=0), 2), sep="  ", file=sys.stderr, flush=True)
    means = lpips.mean(axis=1)
    return (psnr - psnr[:, :, :1]).mean(axis=1), means / means[:, :1], psnr[:, :, 0].mean(axis=1)


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("models", type=Path, nargs="+", help="files that `restauro export` made")
    options.add_argument("--every", type=int, default=4, help="take one of so many of the 100 paintings")
    options.add_argument("--bins", type=int, nargs="+", default=list(BINS))
    options.add_argument("--workers", type=int, default=1)
    arguments = options.parse_args()
    chosen = paintings(arguments.every)
    gains, shares, base = measure(arguments.models, chosen, arguments.bins, arguments.workers)
    rows = [
        [
            str(number),
            f"{base[b]:.2f}",
            *(f"{g:+.2f} ({s:.2f})" for g, s in zip(gains[b, 1:], shares[b, 1:], strict=True)),
        ]
        for b, number in enumerate(arguments.bins)
    ]
    head = ["bin", f"{BASE}, dB", *(f"{name}, dB (LPIPS)" for name in [BESIDE, *(p.stem for p in arguments.models)])]
    print(f"{len(chosen)} paintings; dB over {BASE}, in brackets LPIPS (SqueezeNet) as a share of its.\n")
    print(_tables.table(head, rows))


if __name__ == "__main__":
    main()
