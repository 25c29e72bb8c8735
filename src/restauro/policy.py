"""What an institution allows: what a fill may be made of, and how wide the holes may be that are filled."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ParameterError, PolicyError, Remedy
from restauro.method import NATURES, Method, method_class, method_names

NAME = "restauro.toml"
_WIDEST = 2000  # pixels, that a policy can name
_WRITTEN = 'allow = ["interpolates", "copies"] or widest-hole = 40'  # what a policy file looks like


@dataclass(frozen=True)
class Policy:
    """A policy file, read.

    Attributes
    ----------
    path
        The file.
    allow
        What a fill may be made of, of `restauro.method.NATURES`.
    widest_hole
        Pixels, 1 to 2000: wider holes aren't filled. None: of any width.
    """

    path: Path
    allow: frozenset[str] = frozenset(NATURES)
    widest_hole: int | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a policy file; PolicyError where it isn't one."""
        try:
            said = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PolicyError(f"The policy {path} can't be read ({error.strerror}).") from None
        except ValueError as error:  # not TOML, or not UTF-8
            raise PolicyError(f"The policy {path} isn't TOML ({error}): it has lines such as {_WRITTEN}.") from None
        known = {"allow": "allow", "widest-hole": "widest_hole"}
        for key in said:
            if key not in known:
                raise PolicyError(f"The policy {path} says {key}, which means nothing: it can say {_WRITTEN}.")
        try:
            if "allow" in said:
                said["allow"] = checked_natures(said["allow"])
        except ParameterError as error:
            raise PolicyError(f"The policy {path}: {error}") from None
        widest = said.get("widest-hole", 1)
        if isinstance(widest, bool) or not isinstance(widest, int) or not 1 <= widest <= _WIDEST:
            raise PolicyError(
                f"The policy {path} says widest-hole = {widest}: it must be a whole number of pixels, 1 to {_WIDEST}."
            )
        return cls(path, **{known[key]: value for key, value in said.items()})

    def check(self, method: Method, filled: NDArray[np.bool_], unknown: NDArray[np.bool_] | None) -> None:
        """Raise PolicyError where a method, or the width of what it is to fill, bool [H, W], isn't allowed.

        Masks are as people see the picture. unknown: pixels beside, bool [H, W], that aren't known either.
        """
        self.check_method(method)
        self.check_width(method, filled, unknown)

    def check_method(self, method: Method | type[Method]) -> None:
        """Raise PolicyError where a method isn't allowed."""
        try:
            check_allowed(method, self.allow)
        except PolicyError as error:
            # What is allowed beside it can't widen it.
            ways = [way for way in error.remedies if isinstance(way, str) or way.parameter != "allow"]
            raise PolicyError(f"The policy {self.path} forbids it. {error.fact}", *ways) from None

    def check_width(
        self,
        method: Method,
        filled: NDArray[np.bool_],
        unknown: NDArray[np.bool_] | None,
        corner: tuple[int, int] = (0, 0),
    ) -> None:
        """Raise PolicyError where a hole is too wide for it to be filled by a method; see `check`.

        corner: the row and column of the picture at which the masks begin.
        """
        if self.widest_hole is None or method.nature == "corrects":
            return
        if place := wider_than(self.widest_hole, filled, unknown):
            raise PolicyError(
                f"The policy {self.path} forbids holes wider than {self.widest_hole} pixels, and one is, at row "
                f"{corner[0] + place[0]}, column {corner[1] + place[1]}: leave it out of the mask."
            )


def find_policy(folder: Path) -> Path | None:
    """Return the policy file of a folder: `restauro.toml` in it or in the nearest folder above that has one."""
    folder = folder.absolute()
    return next((path for above in (folder, *folder.parents) if (path := above / NAME).is_file()), None)


def checked_natures(allow: Any) -> frozenset[str]:
    """Return what a fill may be made of, all by default; a text may name several with commas between.

    Raises
    ------
    ParameterError
        Nothing is allowed, or something else than `restauro.method.NATURES`.

    Examples
    --------
    >>> sorted(checked_natures("copies,interpolates"))
    ['copies', 'interpolates']
    """
    if allow is None:
        return frozenset(NATURES)
    words = allow.split(",") if isinstance(allow, str) else allow
    if not isinstance(words, Collection) or not words or not all(word in NATURES for word in words):
        raise ParameterError(f"allow={allow!r} isn't known: it must be some of {', '.join(NATURES)}.")
    return frozenset(words)


def check_allowed(method: Method | type[Method], natures: frozenset[str]) -> None:
    """Raise PolicyError for a method whose fill is made of what isn't allowed, as it is set, or by itself."""
    made_of = method.natures if isinstance(method, Method) else frozenset({method.nature})
    if made_of <= natures:
        return
    does = " and ".join(_VERBS[nature] for nature in NATURES if nature in made_of)
    fact = f"Method {method.name!r} {does}, and what is allowed is {', '.join(sorted(natures))}"
    names = [name for name in method_names() if method_class(name).nature in natures and name != method.name]
    ways = [Remedy("method", names[0] if len(names) == 1 else ..., f"of {', '.join(names)}")] if names else []
    raise PolicyError(fact, *ways, Remedy("allow", ",".join(sorted(natures | made_of)), "if that is meant"))


def check_filled(filled: Mapping[str, int], natures: frozenset[str]) -> None:
    """Raise PolicyError where pixels were filled with what isn't allowed: those that a method couldn't correct."""
    if not natures.issuperset(filled):
        raise PolicyError(
            f"{filled['interpolates']} pixels are lost, not dimmed, and so interpolated, which isn't allowed: leave "
            "them out of the mask, or allow it."
        )


def wider_than(width: int, hole: NDArray[np.bool_], unknown: NDArray[np.bool_] | None) -> tuple[int, int] | None:
    """Return the row and column of a pixel in the midst of a hole that is wider than some pixels; None where none is.

    A hole is as wide as the largest disc in it, to within a pixel: none of its pixels is further than half of that from
    a known one, centre to edge.
    """
    from restauro.numerics import discs

    known = np.ascontiguousarray(~hole if unknown is None else ~(hole | unknown))
    beside = np.zeros_like(known)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:])):
        beside[here] |= ~known[there]
        beside[:, here] |= ~known[:, there]
    squared = (width + 1) ** 2  # of the disc's diameter
    half_widths = np.array([math.isqrt(squared - 4 * dy**2) // 2 for dy in range((width + 1) // 2 + 1)])
    near = np.zeros_like(known)
    discs.draw_discs(known & beside, half_widths, near)
    far = hole & ~near
    place = int(far.argmax())
    return (place // hole.shape[1], place % hole.shape[1]) if far.flat[place] else None


_VERBS = dict(zip(NATURES, ("interpolates", "copies", "has learned from other pictures", "corrects"), strict=True))
