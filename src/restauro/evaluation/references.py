"""Ways to fill, asked for in a line of text: restauro's methods, other libraries' methods, anyone's network."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import restauro
from restauro import provenance
from restauro.errors import EvaluationError
from restauro.evaluation.settings import checked, number, split_settings
from restauro.method import make_method, method_class, method_names
from restauro.methods.network import shipped_models
from restauro.parameters import ChoiceParameter, Parameter

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Fill = Callable[[Pixels, Hole, int], Pixels]

NETWORK_FILE = "onnx"
_CV2_PACKAGES = ("opencv-contrib-python-headless", "opencv-contrib-python", "opencv-python-headless", "opencv-python")


@dataclass(frozen=True)
class Way:
    """A way to fill holes, as an evaluation compares them.

    Attributes
    ----------
    name
        The text that asked for it, by which results know it: "telea:radius=3".
    label
        The same for readers: "telea, radius 3".
    versions
        The distributions that do the work, and their versions.
    fill
        Takes a picture, uint8 [H, W] or [H, W, 3] (RGB), with anything under the hole; the hole, bool [H, W]; the
        threads to use. Returns a new uint8 array of the picture's shape. Outside the hole it may differ: the caller
        composites.
    model
        The digest of the network's file, where there is one; see `digests`.
    """

    name: str
    label: str
    versions: dict[str, str]
    fill: Fill
    model: str = ""


@dataclass(frozen=True)
class Peer:
    """Another library's method: how it fills, the distribution that it comes with, the module that must be there."""

    fill: Callable[..., Pixels]
    package: str
    module: str
    summary: str


Radius = Annotated[int, Parameter("how far known pixels are weighed", minimum=1, maximum=100, unit="pixels")]
PatchSize = Annotated[int, Parameter("radius of the patches that are compared", minimum=1, maximum=15, unit="pixels")]
Quality = Annotated[str, ChoiceParameter("how many steps it takes for each block", ("fast", "best"))]


def _opencv(flag: str, image: Pixels, hole: Hole, workers: int, *, radius: int) -> Pixels:
    import cv2

    cv2.setNumThreads(workers)
    filled: Pixels = cv2.inpaint(np.ascontiguousarray(image), hole.astype(np.uint8), radius, getattr(cv2, flag))
    return filled


def _opencv_telea(image: Pixels, hole: Hole, workers: int, *, radius: Radius = 5) -> Pixels:
    return _opencv("INPAINT_TELEA", image, hole, workers, radius=radius)


def _opencv_navier_stokes(image: Pixels, hole: Hole, workers: int, *, radius: Radius = 5) -> Pixels:
    return _opencv("INPAINT_NS", image, hole, workers, radius=radius)


def _opencv_fsr(image: Pixels, hole: Hole, workers: int, *, quality: Quality = "fast") -> Pixels:
    """Non-zero is known in its mask. It takes grey or BGR, and works on luminance and colour differences inside."""
    import cv2

    cv2.setNumThreads(workers)
    known = np.where(hole, 0, 255).astype(np.uint8)
    seen = np.ascontiguousarray(image if image.ndim == 2 else image[:, :, ::-1])
    filled = np.zeros_like(seen)
    cv2.xphoto.inpaint(seen, known, filled, getattr(cv2.xphoto, f"INPAINT_FSR_{quality.upper()}"))
    return filled if image.ndim == 2 else np.ascontiguousarray(filled[:, :, ::-1])


def _skimage_biharmonic(image: Pixels, hole: Hole, workers: int) -> Pixels:
    from skimage.restoration import inpaint_biharmonic

    filled = inpaint_biharmonic(image, hole, channel_axis=None if image.ndim == 2 else -1)
    rounded: Pixels = np.rint(255 * np.clip(filled, 0, 1)).astype(np.uint8)
    return rounded


def _pypatchmatch(image: Pixels, hole: Hole, workers: int, *, patch_size: PatchSize = 3) -> Pixels:
    import patchmatch

    patchmatch.set_random_seed(0)
    seen = np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[:, :, np.newaxis], 3, axis=2))
    filled: Pixels = patchmatch.inpaint(seen, hole.astype(np.uint8) * 255, patch_size=patch_size)
    return filled if image.ndim == 3 else filled[:, :, 0]


def _patchmatch_cython(image: Pixels, hole: Hole, workers: int) -> Pixels:
    inpaint_pyramid = importlib.import_module("patchmatch_cython").inpaint_pyramid
    seen = np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[:, :, np.newaxis], 3, axis=2))
    filled: Pixels = inpaint_pyramid(seen, hole, seed=0)
    return filled if image.ndim == 3 else filled[:, :, 0]


def _mean_colour(image: Pixels, hole: Hole, workers: int) -> Pixels:
    filled = image.copy()
    filled[hole] = np.rint(image[~hole].mean(axis=0))
    return filled


_OPENCV = "opencv-contrib-python-headless"
PEERS = {
    "opencv-telea": Peer(_opencv_telea, _OPENCV, "cv2", "OpenCV's version of Telea's method"),
    "opencv-ns": Peer(_opencv_navier_stokes, _OPENCV, "cv2", "OpenCV's Navier-Stokes inpainting"),
    "opencv-fsr": Peer(_opencv_fsr, _OPENCV, "cv2.xphoto", "frequency selective reconstruction, of OpenCV's contrib"),
    "skimage-biharmonic": Peer(_skimage_biharmonic, "scikit-image", "skimage.restoration", "scikit-image's"),
    "pypatchmatch": Peer(_pypatchmatch, "pypatchmatch", "patchmatch", "PatchMatch in C++"),
    "patchmatch-cython": Peer(_patchmatch_cython, "patchmatch-cython", "patchmatch_cython", "PatchMatch in Cython"),
    "mean-colour": Peer(_mean_colour, "numpy", "numpy", "the mean of all known pixels"),
}


def way_names() -> list[str]:
    """Names of all that `make_way` knows: restauro's methods, then peers, then "onnx".

    >>> way_names()[0], way_names()[-1]
    ('telea', 'onnx')
    """
    return [*method_names(), *PEERS, NETWORK_FILE]


def make_way(text: str) -> Way:
    """Return a way to fill.

    Parameters
    ----------
    text
        A method of restauro or a peer, with parameters if wanted: "telea", "telea:radius=3",
        "network:model=cifar10", "opencv-fsr:quality=best"; or "onnx:FILE", "onnx:FILE:multiple=8,range=unit".

    Raises
    ------
    EvaluationError
        There is no such way, a setting isn't of the form name=value, or what does the work isn't installed.
    RestauroError
        There is no such parameter, or its value is out of range.

    Examples
    --------
    >>> way = make_way("telea:radius=3")
    >>> way.label
    'telea, radius 3'
    >>> image, hole = np.full((8, 8, 3), 90, np.uint8), np.zeros((8, 8), bool)
    >>> hole[3:5, 3:5] = True
    >>> bool((way.fill(image, hole, 1) == 90).all())
    True
    """
    name, file, listed = _parts(text)
    if name == NETWORK_FILE:
        return _network(text, file, listed)
    if name in PEERS:
        return _peer(text, name, split_settings(text, listed))
    if name not in method_names():
        close = get_close_matches(name, way_names(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(way_names())}."
        raise EvaluationError(f"There is no method or peer {name!r}: {hint}")
    kinds = {parameter.name: parameter.kind for parameter in method_class(name).parameters()}
    settings = {key: value if kinds.get(key) is str else number(value) for key, value in split_settings(text, listed)}
    method = make_method(name, settings)
    packages = ["numpy", *["onnxruntime"] * method.own_threads]

    def fill(image: Pixels, hole: Hole, workers: int) -> Pixels:
        filled: Pixels = restauro.inpaint(image, hole, method, workers=workers)
        return filled

    versions = {"restauro": restauro.__version__, "numba": _compiler()}
    versions |= {package: version(package) for package in packages}
    model = getattr(method, "model", "")
    digest = provenance.digest_of_network(shipped_models().get(model, Path(model))) if model else ""
    return Way(text, label_of(text), versions, fill, digest)


def split_ways(listed: str) -> list[str]:
    """Cut a list with commas into the texts that `make_way` takes; settings stay with their way.

    >>> split_ways("telea:radius=3,patchmatch:detail=0.5,rounds=2,opencv-ns")
    ['telea:radius=3', 'patchmatch:detail=0.5,rounds=2', 'opencv-ns']
    """
    ways: list[str] = []
    for part in listed.split(","):
        if ways and re.match(r"[^:]*=", part):
            ways[-1] += f",{part}"
        else:
            ways.append(part.strip())
    return ways


def label_of(text: str) -> str:
    """Return a way as a reader likes it.

    >>> label_of("patchmatch:detail=0.5,rounds=2"), label_of("onnx:nets/lama.onnx:output=byte")
    ('patchmatch, detail 0.5, rounds 2', 'lama, output byte')
    """
    name, file, listed = _parts(text)
    return ", ".join(
        [Path(file).stem or name, *[setting.replace("=", " ") for setting in listed.split(",") if setting]]
    )


def labels_of(ways: Iterable[str]) -> dict[str, str]:
    """Return a label for each way; those that would share one, as files of one name in two folders, keep their text.

    >>> labels_of(["telea:radius=3", "onnx:a/net.onnx", "onnx:b/net.onnx"])
    {'telea:radius=3': 'telea, radius 3', 'onnx:a/net.onnx': 'onnx:a/net.onnx', 'onnx:b/net.onnx': 'onnx:b/net.onnx'}
    """
    labels = {way: label_of(way) for way in ways}
    counts = Counter(labels.values())
    return {way: label if counts[label] == 1 else way for way, label in labels.items()}


def _parts(text: str) -> tuple[str, str, str]:
    """Cut "telea:radius=3" or "onnx:FILE:multiple=8" into name, file and settings; a file may have colons too."""
    name, _, rest = text.partition(":")
    if name != NETWORK_FILE:
        return name, "", rest
    file, _, listed = rest.rpartition(":")
    return (name, file, listed) if file and "=" in listed else (name, rest, "")


def _compiler() -> str:
    """Return the version of Numba that compiles the kernels, or has compiled them, for which kind of processor."""
    from restauro.numerics import kernel

    if kernel.LIBRARY is not None:
        return f"{kernel.LIBRARY.compiler.removeprefix('numba')} ({kernel.LIBRARY.level})"
    return version("numba") if kernel.MODE == "jit" else "none"


def _peer(text: str, name: str, settings: list[tuple[str, str]]) -> Way:
    peer = PEERS[name]
    try:
        importlib.import_module(peer.module)
    except ImportError:
        raise EvaluationError(
            f"{name} needs {peer.package}, which isn't installed: pip install 'restauro[eval]'"
        ) from None
    parameters = checked(name, peer.fill, settings)
    return Way(text, label_of(text), _version(peer), partial(peer.fill, **parameters))


def _network(text: str, file: str, listed: str) -> Way:
    from restauro.evaluation.onnx_networks import open_network

    if not file:
        raise EvaluationError("Name the network's file: onnx:FILE, for example onnx:lama.onnx:output=byte")
    settings = checked(f"{NETWORK_FILE}:{Path(file).name}", open_network, split_settings(text, listed))
    fill = open_network(Path(file), **settings).fill
    digest = provenance.digest_of_network(Path(file))
    return Way(text, label_of(text), {"onnxruntime": version("onnxruntime")}, fill, digest)


def _version(peer: Peer) -> dict[str, str]:
    """Return the version of what is installed; OpenCV comes under four names."""
    for package in _CV2_PACKAGES if peer.module.startswith("cv2") else (peer.package,):
        with suppress(PackageNotFoundError):
            return {package: version(package)}
    return {peer.package: "unknown"}
