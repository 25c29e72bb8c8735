"""The peers as benchmarks call them: with a uint8 picture [H, W] or [H, W, 3] and a mask [H, W], on one thread.

They are those of restauro.evaluation.references, and one more that shows what a general solver takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import restauro
from restauro.evaluation import references
from restauro.evaluation.settings import number, split_settings

Fill = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Peer:
    """Another library's method: the distribution it comes with, whether it takes seconds at 512 square."""

    package: str
    slow: bool = True


def _scipy(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Solve Laplace's equation in the hole, assembled from pairs of neighbours; the picture's edge is natural."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    hole = (mask != 0).ravel()
    values = image.reshape(hole.size, -1).astype(float)
    place = np.arange(hole.size).reshape(mask.shape)
    pairs = [(place[:, 1:], place[:, :-1]), (place[1:], place[:-1])]
    one = np.concatenate([side.ravel() for a, b in pairs for side in (a, b)])
    other = np.concatenate([side.ravel() for a, b in pairs for side in (b, a)])
    one, other = one[hole[one]], other[hole[one]]
    number = np.cumsum(hole) - 1
    n = int(hole.sum())
    inside = hole[other]
    links = coo_array((np.full(inside.sum(), -1.0), (number[one[inside]], number[other[inside]])), shape=(n, n))
    degrees = np.arange(n), np.bincount(number[one], minlength=n).astype(float)
    matrix = links + coo_array((degrees[1], (degrees[0], degrees[0])), shape=(n, n))
    known = np.zeros((n, values.shape[1]))
    np.add.at(known, number[one[~inside]], values[other[~inside]])
    filled = image.reshape(hole.size, -1).copy()
    filled[hole] = np.rint(spsolve(matrix.tocsc(), known)).reshape(n, -1)
    return filled.reshape(image.shape)


SCIPY = "scipy-harmonic"
SKIMAGE = "skimage-biharmonic"
PYPATCHMATCH = "pypatchmatch"
PATCHMATCH_CYTHON = "patchmatch-cython"
OPENCV_TELEA, OPENCV_NAVIER_STOKES = "opencv-telea", "opencv-ns"
MEAN = "mean-colour"

_QUICK = (OPENCV_TELEA, OPENCV_NAVIER_STOKES)
_NAMED = (*_QUICK, SKIMAGE, PYPATCHMATCH, PATCHMATCH_CYTHON)
PEERS = {name: Peer(references.PEERS[name].package, slow=name not in _QUICK) for name in _NAMED}
PEERS[SCIPY] = Peer("scipy")


def settings(text: str) -> tuple[str, dict[str, Any]]:
    """Split "name:radius=3,detail=0.5" into the name of a method or peer and its parameters.

    >>> settings("telea:radius=3")
    ('telea', {'radius': 3})
    >>> settings("network:model=runs/course.onnx")
    ('network', {'model': 'runs/course.onnx'})
    """
    name, _, listed = text.partition(":")
    return name, {key: number(value) for key, value in split_settings(text, listed)}


label = references.label_of


def fill_of(text: str, workers: int | None = None) -> Fill:
    """Return how a peer, or a method of restauro, fills, both with parameters as `settings` reads them."""
    name, parameters = settings(text)
    if name == SCIPY:
        return _scipy
    if name in references.PEERS:
        return partial(_fill, references.make_way(text))
    return partial(restauro.inpaint, method=restauro.method_class(name)(**parameters), workers=workers)


def _fill(way: references.Way, image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return way.fill(image, mask != 0, 1)
