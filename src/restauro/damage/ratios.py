"""How much is to be hole: the check of the ratio that is asked for, and when it is met."""

from __future__ import annotations

from restauro.errors import ParameterError

ENOUGH, TOO_MUCH = 0.97, 1.03  # of the hole that is asked for


def check(ratio: float, most: float, what: str = "this kind") -> None:
    """Raise ParameterError unless a hole ratio is above 0 and at most what a kind of damage can cover.

    >>> check(0.95, 0.5, "cracks")
    Traceback (most recent call last):
    ...
    restauro.errors.ParameterError: The hole ratio 0.95 is out of range: of cracks it is above 0, at most 0.5.
    """
    if not 0 < ratio <= most:
        raise ParameterError(f"The hole ratio {ratio:g} is out of range: of {what} it is above 0, at most {most:g}.")


def pixels(ratio: float, size: int) -> int:
    """Return how many of `size` pixels are to be hole, at least 1.

    >>> pixels(0.1, 512)
    51
    """
    return max(1, round(ratio * size))
