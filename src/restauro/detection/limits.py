"""How much of what is proposed may be filled without anybody's having looked at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.policy import wider_than

TOTAL, MARK = 0.05, 0.01  # share of the picture: all marks, the largest
WIDTH, LEAST_WIDTH = 0.03, 16  # of the shorter side, and pixels: the largest disc in a mark


def too_much(found: NDArray[np.bool_], unknown: NDArray[np.bool_] | None = None) -> str | None:
    """Say why what was proposed isn't to be filled unseen, None where it may be: a fact, without its full stop.

    Parameters
    ----------
    found
        bool [H, W], as people see the picture.
    unknown
        bool [H, W]: pixels beside that hold no value, None where there are none.

    Examples
    --------
    >>> found = np.zeros((200, 200), bool)
    >>> found[100, 20:90] = True
    >>> print(too_much(found))
    None
    >>> found[50:80, 50:80] = True
    >>> too_much(found)
    'a mark is 2.2 % of the picture, and 1 % is the most'
    """
    if not found.any():
        return None
    share = np.count_nonzero(found) / found.size
    if share > TOTAL:
        return f"{100 * share:.1f} % of the picture is marked, and {100 * TOTAL:g} % is the most"
    largest = filters.pieces(found).pixels.max() / found.size
    if largest > MARK:
        return f"a mark is {100 * largest:.1f} % of the picture, and {100 * MARK:g} % is the most"
    widest = max(LEAST_WIDTH, round(WIDTH * min(found.shape)))
    if place := wider_than(widest, found, unknown):
        return f"a mark is wider than {widest} pixels, at row {place[0]}, column {place[1]}"
    return None
