"""Examples whose holes a method has filled: what a network is given that corrects a fill."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import inpaint
from restauro.training.data import Numbered

FilledExample = tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8]]

_KEPT = 4096  # filled examples: 100 KB each at 128 x 128
_WAYS = 8  # to lay a square
_APART = 3  # from one way to the next: after eight steps all have come


class Filled:
    """Examples with their fills; each comes several times, laid another way, since filling takes longer than learning.

    Parameters
    ----------
    examples
        What is filled; see `restauro.training.data.Examples`.
    method
        The name of the method that fills; see `restauro.inpaint`.
    times
        How often each comes, 1 to 8: 4096 examples one after the other, then the same laid another way, and so on.

    Examples
    --------
    >>> from restauro.damage.synthesis import marks
    >>> from restauro.datasets import ArrayPictures
    >>> from restauro.training.data import Examples
    >>> pictures = ArrayPictures(np.full((5, 40, 60, 3), 9, np.uint8), "grey")
    >>> picture, hole, filled = Filled(Examples(pictures, 32, marks, seed=0), "harmonic").example(7)
    >>> bool(hole.any()), np.array_equal(filled, picture)
    (True, True)
    """

    def __init__(self, examples: Any, method: str, times: int = 1) -> None:
        self.examples: Numbered = examples
        self.method = method
        self.times = times
        self.pictures = examples.pictures
        self._filled = lru_cache(maxsize=_KEPT + _KEPT // 4 if times > 1 else 0)(self._fill)

    def __len__(self) -> int:
        """Return how many there are, of examples that end."""
        return len(self.examples) * self.times  # type: ignore[arg-type]

    def example(self, number: int) -> FilledExample:
        """Return picture uint8 [side, side, 3], hole bool [side, side] and the picture filled, as the picture."""
        if self.times == 1:
            return self._filled(number)
        row, place = divmod(number, _KEPT * self.times)
        turn, place = divmod(place, _KEPT)
        index = row * _KEPT + place
        picture, hole, filled = self._filled(index)
        way = (index + turn * _APART) % _WAYS
        return _laid(picture, way), _laid(hole, way), _laid(filled, way)

    def _fill(self, number: int) -> FilledExample:
        picture, hole = self.examples.example(number)
        return picture.copy(), hole, inpaint(picture, hole, self.method, workers=1)  # a view would keep all of a scan


def _laid(square: NDArray[Any], way: int) -> NDArray[Any]:
    """Return a square turned by quarters, and from the fifth way on mirrored."""
    turned = np.rot90(square, way % 4)
    return turned[::-1] if way >= 4 else turned
