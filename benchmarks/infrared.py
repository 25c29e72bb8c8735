"""Measures damage found by a scan's infrared plane, and the restoration by it, on made scans of film.

Dust, hairs, scratches and smears are put into paintings in linear light, and into an infrared plane that sees them too:
see _film.py. Needs the folder of shared pictures (RESTAURO_SHARED, or ../shared).
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

import _film
import _pictures
import _tables
import restauro

FOLDER = "paintings-val"
WORST = -0.2  # dB that no picture should lose more than
TAKEN = 0.99  # light that passes where there is damage for sure; marks further from such are false
# Leaks, and the smear's density in the picture as a share of that in infrared.
SCANS = [*((leak, 1.0) for leak in _film.LEAKS), (0.1, 0.5), (0.1, 0.0)]


class Figures(NamedTuple):
    """Of a scan: shares in percent of damage found and of sound pixels marked; dB left as it is, and gained by ways."""

    found: float
    false: float
    false_clean: float
    before: float
    gains: tuple[float, ...]


def ways(mask: restauro.Mask, picture: NDArray[np.uint16]) -> list[NDArray[np.uint16]]:
    """Return what is made of a scan: its tone corrected and what is opaque filled; all filled; mixed with the fill."""
    weights = mask.hole.astype(np.float32) if mask.weights is None else mask.weights
    return [
        restauro.inpaint(picture, mask.hole if mask.weights is None else weights, partial="tone", workers=1),
        restauro.inpaint(picture, mask.hole, workers=1),
        restauro.inpaint(picture, weights, partial="cover", workers=1),
    ]


def psnr(truth: NDArray[np.uint16], picture: NDArray[np.uint16], where: NDArray[np.bool_]) -> float:
    """Return the PSNR of some pixels, in dB."""
    error = (truth[where] / 65535 - picture[where] / 65535) ** 2
    return float(-10 * np.log10(np.mean(error) + 1e-12))


def measured(painting: NDArray[np.uint8], leak: float, smear: float, seed: int) -> Figures:
    """Make a scan, find its damage and restore it; and find what there is in a clean one."""
    made = _film.make(painting, leak, seed, smear=smear)
    visible = made.passing < _film.SEEN
    taken = (made.passing < TAKEN).astype(np.uint8)
    near = cv2.dilate(taken, np.ones((2 * _film.NEAR + 1,) * 2, np.uint8)) > 0
    mask = restauro.infrared_mask(made.picture, made.infrared)
    judged = mask.hole | (made.passing < 1 - 1e-3)  # what is damaged at all, and what may have been changed
    clean = _film.make(painting, leak, seed, clean=True)
    before = psnr(made.truth, made.picture, judged)
    return Figures(
        100 * float(mask.hole[visible].mean()),
        100 * float(mask.hole[~near].mean()),
        100 * float(restauro.infrared_mask(clean.picture, clean.infrared).hole.mean()),
        before,
        tuple(psnr(made.truth, restored, judged) - before for restored in ways(mask, made.picture)),
    )


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--folder", default=FOLDER, help="of data/, for tuning: paintings-fine")
    options.add_argument("--paintings", type=int, default=_film.PAINTINGS)
    arguments = options.parse_args()
    load = _tables.load_before()
    folder = _pictures.shared() / "data" / arguments.folder
    names = sorted(path.name for path in folder.glob("*.jpg"))[::10][: arguments.paintings]
    rows, losers = [], []
    for leak, smear in SCANS:
        figures = []
        for seed, name in enumerate(names):
            painting = _pictures.middle(_pictures.read(folder / name))[: _film.SIDE, : _film.SIDE]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # much of some pictures leaks
                figures.append(measured(painting, leak, smear, seed))
            print(
                f"{leak:g} {smear:g} {name}",
                *(f"{value:.2f}" for value in (*figures[-1][:4], *figures[-1].gains)),
                flush=True,
            )
            if figures[-1].gains[0] < WORST:
                losers.append(f"{name} with {100 * leak:g} %, {smear:g} ({figures[-1].gains[0]:+.1f} dB)")
        found, false, clean, before = (np.array([one[k] for one in figures]) for k in range(4))
        gains = np.array([one.gains for one in figures])
        rows.append(
            [
                f"{100 * leak:g} %",
                f"{smear:g}",
                f"{found.mean():.1f} ({found.min():.1f})",
                f"{false.mean():.2f} ({false.max():.2f})",
                f"{clean.mean():.2f} ({clean.max():.2f})",
                f"{before.mean():.1f}",
                *(f"{gains[:, k].mean():+.1f} ({gains[:, k].min():+.1f})" for k in range(3)),
                _tables.met(float(gains[:, 0].min()), WORST),
            ]
        )
    head = ["leak", "smear", "found", "false", "in a clean scan", "untouched", "tone", "all filled", "cover"]
    parts = [
        _tables.conditions(load, "restauro", "numpy"),
        f"{len(names)} paintings of {arguments.folder}, {_film.SIDE} pixels square, made into scans of 16 bits with "
        "dust, hairs, scratches and a smear, and into infrared planes that are shifted by up to 3 pixels, enlarged by "
        "up to 0.1 %, out of focus and noisy, with some of the red leaking in. Smear: its density in the picture as a "
        "share of that in infrared; where it isn't 1 infrared tells something that isn't so. Found: percent of pixels "
        f"that pass less than {_film.SEEN:g} of the light. False: percent of those more than {_film.NEAR} pixels from "
        f"where less than {TAKEN:g} passes; in a clean scan: percent of all. Then PSNR in dB where there is any damage "
        'or mark, of the scan as it is, and the gain over it: by `partial="tone"` as `--infrared` does it, by filling '
        'all that is marked, by `partial="cover"`. Means, and in brackets the worst picture.',
        _tables.table([*head, f"none {WORST:g} dB"], rows, 2),
        f"Below the untouched scan by more than {-WORST:g} dB: {', '.join(losers) or 'none'}.",
    ]
    title = "Infrared: dust and scratches by their infrared plane"
    _tables.publish("infrared", title, parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
