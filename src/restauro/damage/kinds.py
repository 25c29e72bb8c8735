"""The kinds of damage that can be made, in one table; `make_damage` draws one.

A light module: what draws a kind is imported when it is drawn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.damage import ratios
from restauro.errors import ParameterError


@dataclass(frozen=True)
class Kind:
    """A kind of damage.

    Attributes
    ----------
    name
        Also the name of the function that draws it.
    module
        Under `restauro.damage`, where that function is.
    summary
        One line: what it looks like.
    default_ratio
        Hole ratio where none is asked for; None of marks, which cover as much as they do.
    options
        Keywords beside size, ratio and rng.
    """

    name: str
    module: str
    summary: str
    default_ratio: float | None
    options: tuple[str, ...] = ()

    @property
    def ratio_range(self) -> tuple[float, float] | None:
        """Hole ratios that can be asked for: above the first, up to the second; None of marks."""
        return None if self.default_ratio is None else (0, ratios.MOST[self.name])

    def make(
        self, height: int, width: int, ratio: float | None, rng: np.random.Generator, **options: Any
    ) -> NDArray[np.bool_]:
        """Draw a mask; see `make_damage`."""
        self.check(ratio, options)
        if height < 1 or width < 1:
            raise ParameterError(f"A mask of {height} x {width} pixels can't be drawn: both must be at least 1.")
        module = importlib.import_module(f"restauro.damage.{self.module}")
        draw: Callable[..., NDArray[np.bool_]] = getattr(module, self.name)
        if self.default_ratio is None:
            return draw(height, width, rng, **options)
        return draw(height, width, self.default_ratio if ratio is None else ratio, rng, **options)

    def check(self, ratio: float | None, options: Mapping[str, Any]) -> None:
        """Raise ParameterError for a ratio out of range or an option that there isn't."""
        unknown = sorted(options.keys() - set(self.options))
        if unknown:
            known = f"only {', '.join(self.options)}" if self.options else "none"
            raise ParameterError(f"There is no option {unknown[0]} of {self.name}, which have {known}: leave it out.")
        if options.get("crack_width") is not None:
            from restauro.damage.cracks import check_width

            check_width(options["crack_width"])
        if ratio is None:
            return
        if self.default_ratio is None:
            raise ParameterError(f"There is no ratio of {self.name}, which cover as much as they do: leave it out.")
        ratios.check(ratio, self.name)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("marks", "synthesis", "one to nine straight lines, thin or thick; 0.149 is hole on average", None),
        Kind("strokes", "synthesis", "strokes of a free hand, thin and wide, straight and curled", 0.2, ("border",)),
        Kind(
            "cracks",
            "cracks",
            "craquelure: a net of cracks with branches, junctions, and ends that run out",
            0.05,
            ("pattern", "course", "crack_width"),
        ),
        Kind("scratches", "synthesis", "scratches: long, thin, nearly straight, broken here and there", 0.02),
        Kind("losses", "patches", "flaked paint: ragged patches with islands, a few large and many small", 0.1),
        Kind("blobs", "patches", "stains: patches with smooth outlines", 0.1),
        Kind("text", "lettering", "lines of capital letters and figures, of several sizes and slants", 0.05),
    )
}


def make_damage(
    kind: str,
    height: int,
    width: int,
    ratio: float | None = None,
    rng: np.random.Generator | int = 0,
    **options: Any,
) -> NDArray[np.bool_]:
    """Return a mask of damage of one kind, True is hole.

    Widths and lengths grow with the shorter side. At 512 x 512 pixels it takes a few milliseconds.

    Parameters
    ----------
    kind
        One of `KINDS`: "marks", "strokes", "cracks", "scratches", "losses", "blobs", "text".
    height, width
        Pixels, at least 1.
    ratio
        The share of the pixels that is to be hole: above 0, at most 0.97 of strokes, 0.9 of losses and blobs, 0.5 of
        the others. It is met within 3 % of itself, or to a few pixels where that is more. By default the kind's own.
        Marks take none.
    rng
        What is drawn, or a seed of it; the mask is the same for the same generator in the same state.
    **options
        strokes: `border` (True; False keeps a margin free, 50 pixels in 512). cracks: `pattern` ("age", "drying"),
        `course` ("rectilinear", "rounded"), `crack_width` (pixels); by default drawn.

    Returns
    -------
    bool [H, W]

    Raises
    ------
    ParameterError
        No such kind or option, or one that is out of range.

    Examples
    --------
    >>> hole = make_damage("cracks", 256, 256, 0.08, rng=7, pattern="age")
    >>> hole.shape, hole.dtype, round(float(hole.mean()), 2)
    ((256, 256), dtype('bool'), 0.08)
    """
    return kind_named(kind).make(height, width, ratio, np.random.default_rng(rng), **options)


def kind_named(name: str) -> Kind:
    """Return a kind of damage, or raise ParameterError with the names that there are."""
    if name not in KINDS:
        raise ParameterError(f"There is no kind of damage {name!r}: choose one of {', '.join(KINDS)}.")
    return KINDS[name]
