"""The peers: other libraries' methods, called alike with a uint8 picture [H, W] or [H, W, 3] and a mask [H, W]."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Fill = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Peer:
    """Another library's method: the distribution it comes with, whether it takes seconds at 512 square."""

    fill: Fill
    package: str
    slow: bool = True


def _opencv(flag: int, image: NDArray[np.uint8], mask: NDArray[np.uint8], radius: int = 5) -> NDArray[np.uint8]:
    return cv2.inpaint(image, mask, radius, flag).astype(np.uint8, copy=False)


def _biharmonic(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from skimage.restoration import inpaint_biharmonic

    filled = inpaint_biharmonic(image, mask != 0, channel_axis=None if image.ndim == 2 else -1)
    return np.rint(255 * np.clip(filled, 0, 1)).astype(np.uint8)


def _pypatchmatch(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import patchmatch

    patchmatch.set_random_seed(0)
    return patchmatch.inpaint(image, mask, patch_size=3)


def _patchmatch_cython(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from patchmatch_cython import inpaint_pyramid

    return inpaint_pyramid(image, mask != 0, seed=0)


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


SCIPY = "SciPy harmonic"
SKIMAGE = "scikit-image biharmonic"
PYPATCHMATCH = "pypatchmatch"
PATCHMATCH_CYTHON = "patchmatch-cython"
OPENCV_TELEA, OPENCV_NAVIER_STOKES = "OpenCV Telea", "OpenCV Navier-Stokes"

PEERS = {
    OPENCV_TELEA: Peer(partial(_opencv, cv2.INPAINT_TELEA), "opencv-contrib-python-headless", slow=False),
    OPENCV_NAVIER_STOKES: Peer(partial(_opencv, cv2.INPAINT_NS), "opencv-contrib-python-headless", slow=False),
    SCIPY: Peer(_scipy, "scipy"),
    SKIMAGE: Peer(_biharmonic, "scikit-image"),
    PYPATCHMATCH: Peer(_pypatchmatch, "pypatchmatch"),
    PATCHMATCH_CYTHON: Peer(_patchmatch_cython, "patchmatch-cython"),
}


def settings(text: str) -> tuple[str, dict[str, Any]]:
    """Split "name:radius=3,detail=0.5" into the name of a method or peer and its parameters.

    >>> settings("telea:radius=3")
    ('telea', {'radius': 3})
    >>> settings("network:model=runs/course.onnx")
    ('network', {'model': 'runs/course.onnx'})
    """
    name, _, listed = text.partition(":")
    parameters = {}
    for setting in listed.split(",") if listed else []:
        key, _, value = setting.partition("=")
        parameters[key] = _value(value)
    return name, parameters


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def label(way: str) -> str:
    """Return a way as a reader likes it: telea, radius 3."""
    return way.replace(":", ",").replace(",", ", ").replace("=", " ")


def fill_of(text: str, workers: int | None = None) -> Fill:
    """Return how a peer, or a method of restauro, fills, both with parameters as `settings` reads them."""
    name, parameters = settings(text)
    if name in PEERS:
        return partial(PEERS[name].fill, **parameters)
    import restauro

    return partial(restauro.inpaint, method=restauro.method_class(name)(**parameters), workers=workers)
