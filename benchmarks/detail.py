"""Measures what patchmatch's `detail` trades: error (PSNR) against looks (LPIPS), beside PyPatchMatch.

Needs the same pictures and networks as quality.py, outside the repository.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot

import _marks
import _peers
import _pictures
import _tables
import quality
from _marks import Scores

DETAILS = (0, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1)
BINS = (1, 2, 3, 4, 5, 6)


def rows(scores: dict[int, list[Scores]]) -> list[list[str]]:
    """Return a row for every way, in each bin its PSNR, its LPIPS and that of AlexNet."""
    found = []
    for k, first in enumerate(next(iter(scores.values()))):
        here = [of_bin[k] for of_bin in scores.values()]
        cells = [(f"{s.psnr.mean():.2f}", f"{s.lpips.mean():.4f}", f"{s.lpips_alex.mean():.4f}") for s in here]
        found.append([_peers.label(first.way), *np.concatenate(cells)])
    return found


def against_peer(scores: dict[int, list[Scores]]) -> list[list[str]]:
    """Return a row for every detail: in each bin the gain in PSNR over the peer, and the ratio of LPIPS."""
    found = []
    for k, first in enumerate(next(iter(scores.values()))[:-1]):
        cells = []
        for of_bin in scores.values():
            ours, peer = of_bin[k], of_bin[-1]
            gain = _marks.difference(ours, peer)[0]
            cells += [f"{gain:+.2f}", f"{ours.lpips.mean() / peer.lpips.mean():.3f}"]
        found.append([_peers.label(first.way), *cells])
    return found


def save_curves(scores: dict[int, list[Scores]], names: dict[int, str]) -> None:
    """Draw PSNR against LPIPS over `detail`, a curve a bin, and the peer as a cross of the same colour."""
    figure, axes = pyplot.subplots(figsize=(7, 5))
    for number, of_bin in scores.items():
        *ours, peer = ((s.lpips.mean(), s.psnr.mean(), _peers.settings(s.way)[1]) for s in of_bin)
        (curve,) = axes.plot(*zip(*((x, y) for x, y, _ in ours), strict=True), "o-", label=f"holes of {names[number]}")
        axes.plot(*peer[:2], "x", color=curve.get_color(), markersize=9, markeredgewidth=2)
        for x, y, settings in ours:
            axes.annotate(f"{settings['detail']:g}", (x, y), (3, 4), textcoords="offset points", fontsize=7)
    axes.set(xlabel="LPIPS, SqueezeNet (lower: looks better)", ylabel="PSNR, dB (higher: nearer to the truth)")
    axes.set_title("patchmatch over detail (points); pypatchmatch (crosses)")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(_tables.CLONE / "docs" / "figures" / "detail.png", dpi=100)


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--bins", type=int, nargs="+", default=list(BINS), help="1: 1 to 10 %% hole, and so on")
    options.add_argument("--paintings", type=int, default=quality.PAINTINGS, help="how many, from the first")
    options.add_argument("--details", type=float, nargs="+", default=list(DETAILS))
    arguments = options.parse_args()
    load = _tables.load_before()
    ways = [*(f"patchmatch:detail={detail:g}" for detail in arguments.details), _peers.PYPATCHMATCH]
    scores = quality.measure(ways, arguments.bins, arguments.paintings, arguments.paintings)
    names = {number: f"{max(1, 10 * (number - 1))}-{10 * number} %" for number in arguments.bins}
    head = [f"{name}: {figure}" for name in names.values() for figure in ("PSNR", "LPIPS", "AlexNet")]
    compared = [f"{name}: {figure}" for name in names.values() for figure in ("dB", "LPIPS")]
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numpy', _peers.PEERS[_peers.PYPATCHMATCH].package)}\n\n"
        f"The middle {_pictures.SIDE} x {_pictures.SIDE} pixels of {arguments.paintings} paintings that nothing was "
        "tuned on, under irregular masks of each share of hole pixels. PSNR in dB (the whole picture), LPIPS 0.1 by "
        "SqueezeNet and, as a witness, by AlexNet (lower is better)."
    )
    if not arguments.print_only:
        save_curves(scores, names)
    parts = [
        introduction,
        "![PSNR against LPIPS over detail](../figures/detail.png)",
        _tables.table(["method", *head], rows(scores)),
        f"Against {_peers.PYPATCHMATCH}: mean of the paired differences of PSNR in dB, ratio of the mean LPIPS.",
        _tables.table(["method", *compared], against_peer(scores)),
    ]
    _tables.publish("detail", "The detail of patchmatch", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
