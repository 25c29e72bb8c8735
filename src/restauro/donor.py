"""Where a hole is healed from: another place of the picture, or another picture, mirrored or turned if asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]  # rows from, to, columns from, to
_Map = tuple[NDArray[np.int64], NDArray[np.int64]]  # matrix and shift

MIRRORS = {"none": (1, 1), "left-right": (1, -1), "up-down": (-1, 1)}


@dataclass(frozen=True, eq=False)
class Copied:
    """What is to be copied to a part of a window.

    Attributes
    ----------
    place
        Rows and columns of the window for which there is something.
    image
        [h, w, C], the values for these, a view.
    usable
        bool [h, w], which of them are known where they come from.
    """

    place: tuple[slice, slice]
    image: NDArray[Any]
    usable: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Donor:
    """A place to copy from: pixel p (row, column) is that at matrix p + shift.

    Attributes
    ----------
    matrix, shift
        int64 [2, 2], whole turns and mirrorings, and [2].
    picture
        [H, W, C], another picture of the same object, registered; None: the picture itself.
    unknown
        bool [H, W], what of the other picture isn't known; None: nothing.
    """

    matrix: NDArray[np.int64]
    shift: NDArray[np.int64]
    picture: NDArray[Any] | None = None
    unknown: NDArray[np.bool_] | None = None

    @classmethod
    def at(
        cls,
        offset: tuple[int, int],
        mirror: str,
        turn: int,
        hole: NDArray[np.bool_],
        picture: NDArray[Any] | None = None,
        unknown: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Return the place that is `offset` rows and columns from a hole, bool [H, W].

        What is there is mirrored and then turned anticlockwise, about the middle of the box around the hole.

        >>> hole = np.arange(9).reshape(3, 3) == 4
        >>> donor = Donor.at((0, 1), "left-right", 0, hole)
        >>> (donor.matrix @ (1, 1) + donor.shift).tolist()
        [1, 2]
        """
        back = np.array([[1, 0], [0, 1]])
        for _ in range(turn // 90):
            back = np.array([[0, 1], [-1, 0]]) @ back  # from where in it is what numpy.rot90 brings here
        matrix = np.diag(MIRRORS[mirror]) @ back
        rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
        twice = np.array([0, 0]) if not rows.size else np.array([rows[0] + rows[-1], columns[0] + columns[-1]])
        if turn % 180:
            twice[1] += (twice[0] + twice[1]) % 2  # about a pixel's middle or corner
        return cls(matrix, (twice - matrix @ twice) // 2 + np.array(offset), picture, unknown)

    def moved(self, matrix: NDArray[np.int64], start: NDArray[np.int64]) -> Self:
        """Return the same for a picture whose pixel p is moved to matrix p + start, by turns and mirrorings."""
        turned = matrix @ self.matrix @ matrix.T
        return replace(self, matrix=turned, shift=matrix @ self.shift + start - turned @ start)

    def missing(self, hole: NDArray[np.bool_], unknown: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Return the hole's pixels, [n, 2], that come from beyond the picture or from where nothing is known.

        hole, unknown: bool [H, W], of the picture itself.
        """
        pixels = np.argwhere(hole)
        at = pixels @ self.matrix.T + self.shift
        inside = ((at >= 0) & (at < hole.shape)).all(axis=1)
        rows, columns = (np.where(inside, at[:, axis], 0) for axis in (0, 1))
        if self.picture is None:
            planes: list[NDArray[np.bool_]] = [hole] if unknown is None else [hole, unknown]
        else:
            planes = [] if self.unknown is None else [self.unknown]
        for plane in planes:
            inside &= ~plane[rows, columns]
        missing: NDArray[np.int64] = pixels[~inside]
        return missing

    def within(self, box: Box, picture: NDArray[Any], unknown: Callable[[Box], NDArray[np.bool_]]) -> Copied:
        """Return what is to be copied to a window.

        picture: [H, W, C], the picture itself; unknown: gives what of a box of it isn't known, bool [h, w].
        """
        whole = picture if self.picture is None else self.picture
        swap = self.matrix[0, 0] == 0
        sides = [slice(0, 0), slice(0, 0)]  # of the window
        ranges = [(0, 0), (0, 0)]  # rows and columns of the donor, from and to
        signs = [1, 1]
        for axis in (0, 1):
            here = 1 - axis if swap else axis  # the window's axis along which this one of the donor's runs
            sign, shift = int(self.matrix[axis, here]), int(self.shift[axis])
            low, high = box[2 * here], box[2 * here + 1]
            ends = sorted((sign * low + shift, sign * (high - 1) + shift))
            first, last = max(ends[0], 0), min(ends[1], whole.shape[axis] - 1)
            ranges[axis], signs[axis] = (first, max(last + 1, first)), sign
            mine = sorted((sign * (first - shift), sign * (last - shift)))
            sides[here] = slice(mine[0] - low, max(mine[1] - low + 1, mine[0] - low))
        (top, bottom), (left, right) = ranges
        if top >= bottom or left >= right:
            return Copied((slice(0, 0), slice(0, 0)), whole[:0, :0], np.zeros((0, 0), np.bool_))
        if self.picture is None:
            known = ~unknown((top, bottom, left, right))
        elif self.unknown is not None:
            known = ~self.unknown[top:bottom, left:right]
        else:
            known = np.ones((bottom - top, right - left), np.bool_)
        view, known = (
            (plane.swapaxes(0, 1) if swap else plane)
            for plane in (
                whole[top:bottom, left:right][:: signs[0], :: signs[1]],
                known[:: signs[0], :: signs[1]],
            )
        )
        return Copied((sides[0], sides[1]), view, known)
