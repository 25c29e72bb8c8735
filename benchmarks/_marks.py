"""What is to be reached in quality: each method's marks against a peer or another method, and whether it meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import _peers
import _tables

RESAMPLES = 10_000  # of the bootstrap
FIGURES = ("psnr", "rmse", "lpips", "lpips_alex")
HEAD = ["target", "measured", "at least", "at most", "verdict"]
ALL_BINS = range(1, 7)
FIRST_BINS = (1, 2, 3)


@dataclass(frozen=True)
class Scores:
    """What a way reached on each painting that it filled: PSNR (dB), RMSE inside the holes (of 255), LPIPS by two."""

    way: str
    psnr: NDArray[np.float64]
    rmse: NDArray[np.float64]
    lpips: NDArray[np.float64]
    lpips_alex: NDArray[np.float64]

    @classmethod
    def of(cls, way: str, figures: NDArray[np.float64]) -> Scores:
        """Return the scores from figures [paintings, FIGURES]; from the first NaN on nothing was filled."""
        return cls(way, *figures[~np.isnan(figures[:, 0])].T)

    @property
    def name(self) -> str:
        """The method's or peer's name, without parameters."""
        return _peers.settings(self.way)[0]


@dataclass(frozen=True)
class Mark:
    """A method's PSNR is at least `least` dB above another's, or its LPIPS at most `most` times the other's."""

    method: str
    other: str
    least: float | None = None
    most: float | None = None
    bins: Sequence[int] = ALL_BINS
    aim: bool = False


MARKS = [
    Mark("telea", _peers.OPENCV_TELEA, least=0, bins=(1, 2)),
    Mark("biharmonic", _peers.SKIMAGE, least=-0.05),
    Mark("edge-enhancing", "harmonic", least=0.1, bins=FIRST_BINS),
    Mark("navier-stokes", "harmonic", least=-0.05, bins=FIRST_BINS),
    Mark("navier-stokes", "harmonic", least=0, bins=FIRST_BINS, aim=True),
    Mark("coherence", "telea", least=0, bins=(1, 2)),
    Mark("coherence", _peers.OPENCV_TELEA, least=0.8, bins=(1, 2), aim=True),
    Mark("coherence", "harmonic", most=1, bins=(1, 2), aim=True),
    Mark("patchmatch", _peers.PYPATCHMATCH, most=1),
    Mark("patchmatch", _peers.PYPATCHMATCH, most=0.9, aim=True),
    Mark("patchmatch", _peers.PYPATCHMATCH, least=0.4),
    Mark("patchmatch", _peers.PYPATCHMATCH, least=1, aim=True),
]


def best(scores: Sequence[Scores], name: str) -> Scores | None:
    """Return the setting of a method that has the highest mean PSNR; None where it wasn't measured."""
    return max((score for score in scores if score.name == name), key=lambda score: score.psnr.mean(), default=None)


def reference(scores: Sequence[Scores]) -> Scores:
    """Return what every row of a table is compared with: harmonic, or else the first row's best setting."""
    found = best(scores, "harmonic") or best(scores, scores[0].name)
    assert found is not None
    return found


def difference(ours: Scores, theirs: Scores) -> tuple[float, float, float]:
    """Return the mean of the paired differences of PSNR, and the ends of its 95 % interval by bootstrap."""
    both = min(len(ours.psnr), len(theirs.psnr))
    apart = ours.psnr[:both] - theirs.psnr[:both]
    drawn = np.random.default_rng(0).integers(both, size=(RESAMPLES, both))
    low, high = np.percentile(apart[drawn].mean(axis=1), [2.5, 97.5])
    return float(apart.mean()), float(low), float(high)


def with_range(found: tuple[float, float, float]) -> str:
    """Return a difference of PSNR and its interval as text."""
    mean, low, high = found
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def rows(scores: Sequence[Scores], bin_number: int) -> list[list[str]]:
    """Return a row for every mark of a bin whose two sides were measured."""
    found = []
    for mark in MARKS:
        ours, theirs = best(scores, mark.method), best(scores, mark.other)
        if bin_number not in mark.bins or ours is None or theirs is None:
            continue
        aim = "aim: " * mark.aim
        if mark.least is not None:
            apart = difference(ours, theirs)
            what = f"{aim}{mark.method} - {mark.other}, PSNR dB"
            limits, verdict = [f"{mark.least:+g}", "-"], _tables.met(apart[0], mark.least)
            found.append([what, with_range(apart), *limits, verdict])
        elif mark.most is not None:
            both = min(len(ours.lpips), len(theirs.lpips))
            ratio = float(ours.lpips[:both].mean() / theirs.lpips[:both].mean())
            verdict = _tables.met(ratio, mark.most, at_most=True)
            found.append([f"{aim}{mark.method} / {mark.other}, LPIPS", f"{ratio:.3f}", "-", f"{mark.most:g}", verdict])
    return found


def default_method(scores: Mapping[int, Sequence[Scores]]) -> list[str]:
    """Return the part that chooses the default: the highest mean PSNR over the first bins, LPIPS not above Telea's."""
    if not set(FIRST_BINS) <= set(scores):
        return []
    means = {
        way: [float(np.mean([getattr(one, figure).mean() for one in of_bins])) for figure in ("psnr", "lpips")]
        for way, *of_bins in zip([one.way for one in scores[1]], *(scores[b] for b in FIRST_BINS), strict=True)
        if of_bins[0].name not in _peers.PEERS
    }
    of_telea = [found for way, found in means.items() if _peers.settings(way)[0] == "telea"]
    if not of_telea:
        return []
    most = max(of_telea)[1]  # at Telea's best radius
    chosen = max(found for found in means.values() if found[1] <= most)
    verdicts = {way: "LPIPS too high" if found[1] > most else "-" for way, found in means.items()}
    verdicts |= {way: "the default" for way, found in means.items() if found is chosen}
    ordered = sorted(means, key=lambda way: -means[way][0])
    table = [[_peers.label(way), f"{means[way][0]:.3f}", f"{means[way][1]:.4f}", verdicts[way]] for way in ordered]
    explained = (
        "Means over the first three bins. The default is to be the method with the highest PSNR among those whose "
        "LPIPS isn't above that of Telea's method at its best radius."
    )
    return ["## The default method", explained, _tables.table(["method", "PSNR dB", "LPIPS", "verdict"], table)]
