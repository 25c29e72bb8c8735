"""Makes damage.jpg, every kind of damage on one painting: python docs/figures/make_damage_figure.py.

The painting is not in the repository: it is in data/paintings-val of the folder that RESTAURO_SHARED names, or of
../shared.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro
from restauro.damage.kinds import make_damage
from restauro.damage.rendering import render_cracks

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("RESTAURO_SHARED", HERE.parents[2] / "shared"))

SHOWN = (slice(60, 572), slice(110, 622))  # 512 square of the painting
CLOSE = (slice(60, 220), slice(150, 310))  # of the 512, what is shown in full size and twice as large
SIDE = 320  # of a panel, pixels
GAP = 6

Pixels = NDArray[np.uint8]


def filled(painting: Pixels, kind: str, ratio: float | None, seed: int, **options: Any) -> pyvips.Image:
    """Return the painting with white holes."""
    damaged = painting.copy()
    damaged[make_damage(kind, *painting.shape[:2], ratio, seed, **options)] = 255
    image = pyvips.Image.new_from_array(damaged, interpretation="srgb")
    return image.resize(SIDE / image.width, kernel="lanczos3")


def rendered(painting: Pixels, seed: int, **looks: Any) -> pyvips.Image:
    """Return a close view of the painting with cracks that look like cracks."""
    rng = np.random.default_rng(seed)
    hole = make_damage("cracks", *painting.shape[:2], 0.04, rng, pattern="age", crack_width=2.5)
    cracked, _ = render_cracks(painting, hole, rng, **looks)
    return pyvips.Image.new_from_array(np.ascontiguousarray(cracked[CLOSE]), interpretation="srgb").zoom(2, 2)


def titled(panel: pyvips.Image, words: str) -> pyvips.Image:
    """Return a panel below its title."""
    text = pyvips.Image.text(words, font="sans 12", dpi=96).invert()
    line = text.embed(2, 5, SIDE, 28, extend="white").colourspace("srgb")
    return line.join(panel, "vertical")


def main() -> None:
    """Make the figure."""
    painting = restauro.read_picture(SHARED / "data" / "paintings-val" / "val-007.jpg").pixels[SHOWN]
    panels = [
        titled(filled(painting, "marks", None, 4), "marks"),
        titled(filled(painting, "strokes", 0.2, 3), "strokes, 0.2"),
        titled(filled(painting, "scratches", 0.02, 1), "scratches, 0.02"),
        titled(filled(painting, "text", 0.05, 1), "text, 0.05"),
        titled(filled(painting, "losses", 0.1, 5), "losses, 0.1"),
        titled(filled(painting, "blobs", 0.1, 2), "blobs, 0.1"),
        titled(rendered(painting, 5, contrast=50, bright=False, rim=False), "cracks rendered, dark"),
        titled(rendered(painting, 7, contrast=50, bright=False, rim=True), "cracks rendered, with a rim"),
    ]
    for pattern in ("age", "drying"):
        for course in ("rectilinear", "rounded"):
            shown = filled(painting, "cracks", 0.05, 2, pattern=pattern, course=course)
            panels.append(titled(shown, f"cracks, 0.05: {pattern}, {course}"))
    figure = pyvips.Image.arrayjoin(panels, across=4, shim=GAP, background=255)
    figure.jpegsave(str(HERE / "damage.jpg"), Q=84, keep="none")


if __name__ == "__main__":
    main()
