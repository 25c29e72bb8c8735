"""Drawing a disc around every hole pixel, for growing masks."""

from __future__ import annotations

from typing import Any

from restauro.numerics.kernel import kernel


@kernel("b1[:, ::1], i8[::1], b1[:, ::1]")
def draw_discs(hole: Any, half_widths: Any, grown: Any) -> None:
    """Draw the disc around each run of hole pixels: half_widths[dy] is its half width, dy rows from the centre."""
    height, width = hole.shape
    radius = half_widths.size - 1
    for y in range(height):
        x = 0
        while x < width:
            if not hole[y, x]:
                x += 1
                continue
            start = x
            while x < width and hole[y, x]:
                x += 1
            for row in range(max(y - radius, 0), min(y + radius + 1, height)):
                half_width = half_widths[abs(row - y)]
                grown[row, max(start - half_width, 0) : min(x + half_width, width)] = True
