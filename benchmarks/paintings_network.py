"""What networks that fill have reached, on the tuning set: dB over the harmonic fill, LPIPS beside it, bin by bin.

    python3 dev.py bench paintings_network runs/paintings.onnx --every 4

The middle 512 x 512 pixels of each painting under a mask of strokes drawn for it, the same for all. It publishes
nothing: it is for looking at a run; `bench quality --methods network:model=FILE` makes the tables.
"""

from __future__ import annotations

import sys
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
WEIGHTS = "lpips_squeeze1_1_v0.1_torchvision.safetensors"


def paintings(every: int) -> list[Path]:
    lines = Path(__file__).with_name("tuning-set.txt").read_text(encoding="utf-8").splitlines()
    return [_pictures.shared() / "data" / line.strip() for line in lines if line.strip() and line[0] != "#"][::every]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("models", type=Path, nargs="+", help="files that `restauro export` made")
    options.add_argument("--every", type=int, default=4, help="of the 100 paintings each so-manieth")
    options.add_argument("--bins", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    options.add_argument("--workers", type=int, default=1)
    arguments = options.parse_args()
    ways = {name: make_method(name, {}) for name in (BASE, BESIDE)}
    ways |= {str(path): make_method("network", {"model": str(path)}) for path in arguments.models}
    judge = Lpips(_pictures.shared() / "weights" / WEIGHTS)
    chosen = paintings(arguments.every)
    rows = []
    for number in arguments.bins:
        psnr = np.zeros((len(chosen), len(ways)))
        lpips = np.zeros_like(psnr)
        for i, path in enumerate(chosen):
            painting = _pictures.middle(_pictures.read(path))
            rng = np.random.default_rng([number, i])
            hole = strokes(*painting.shape[:2], ratio_in(RATIO_BINS[number - 1], rng), rng, bool(rng.integers(2)))
            restored: list[NDArray[np.uint8]] = []
            for k, method in enumerate(ways.values()):
                restored.append(restauro.inpaint(painting, hole, method, workers=arguments.workers))
                psnr[i, k] = 10 * np.log10(255**2 / np.square(restored[k].astype(float) - painting).mean())
            lpips[i] = judge.distances(painting, restored)
        gains, ratios = (psnr - psnr[:, :1]).mean(axis=0), lpips.mean(axis=0) / lpips[:, 0].mean()
        shown = [f"{gain:+.2f} ({ratio:.2f})" for gain, ratio in zip(gains, ratios, strict=True)]
        rows.append([str(number), f"{psnr[:, 0].mean():.2f}", *shown[1:]])
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    head = ["bin", f"{BASE}, dB", *(f"{Path(name).stem}, dB (LPIPS)" for name in list(ways)[1:])]
    print(f"{len(chosen)} paintings; dB over {BASE}, in brackets LPIPS (SqueezeNet) as a share of its.\n")
    print(_tables.table(head, rows))


if __name__ == "__main__":
    main()
