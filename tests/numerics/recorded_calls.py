"""Calls of kernels in a library: recorded while pictures are damaged, searched and filled; repeated by the compiler.

python -m tests.numerics.recorded_calls record|compile|repeat FILE

What Numba has compiled is called in another process, which loads it from the disk: in the one that compiles it, kernels
that other kernels call may be those that were compiled for themselves, and round in another way.
"""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

CALLS_KEPT, MOST_BYTES = 2, 1 << 20  # of each kernel and types, of arrays in further ones
METHODS = ("telea", "navier-stokes", "harmonic", "biharmonic", "coherence", "edge-enhancing", "patchmatch")


def record(path: Path) -> None:
    """Write what kernels were called with, what was in these arrays afterwards, and what came back."""
    from restauro.numerics.compiled.library import Library, _described

    calls: dict[tuple[str, ...], list[Any]] = {}
    made = Library.function

    def recording(library: Library, function: Callable[..., Any], name: str, signatures: Any) -> Callable[..., Any]:
        call = made(library, function, name, signatures)

        def recorded(*arguments: Any) -> Any:
            kept = calls.setdefault((name, *map(_described, arguments)), [])
            size = sum(argument.nbytes for argument in arguments if isinstance(argument, np.ndarray))
            if len(kept) == CALLS_KEPT or (kept and size > MOST_BYTES):
                return call(*arguments)
            before = copy.deepcopy(arguments)
            result = call(*arguments)
            kept.append((before, copy.deepcopy(arguments), result))
            return result

        return recorded

    Library.function = recording  # type: ignore[method-assign]
    work()
    path.write_bytes(pickle.dumps([(name, calls_) for (name, *_), calls_ in calls.items()]))


def work() -> None:
    """Have every kernel called."""
    import restauro
    from restauro.damage.kinds import KINDS
    from restauro.numerics import lines, march, runs, structure_tensor
    from restauro.numerics.soft_strokes import draw_soft

    rng = np.random.default_rng(1)
    y, x = np.mgrid[:90, :120]
    picture = (128 + 60 * np.sin(x / 17) + 50 * np.cos(y / 23 + x / 40))[:, :, None] + rng.normal(0, 3, (90, 120, 3))
    hole = np.zeros((90, 120), bool)
    hole[20:45, 30:60] = hole[:, 80:84] = hole[60:63] = hole[70:80, 110:] = True
    for dtype in ("uint8", "uint16", "float32", "float64", "int16"):
        image = picture.clip(0, 255).astype(dtype)
        for method in METHODS:
            restauro.inpaint(image, hole, method, workers=1)
    for method in ("coherence", "edge-enhancing", "patchmatch"):
        restauro.inpaint(picture, hole, method, guides=[[[30, 25], [36, 65]]], workers=1)
    restauro.inpaint(picture, hole, "network", detail=0.5, workers=1)
    large = np.zeros((200, 200), bool)
    large[10:180, 10:180] = True  # whose levels are set up in several calls
    restauro.inpaint(np.tile(picture[:50, :100].clip(0, 255).astype(np.uint8), (4, 2, 1)), large, "harmonic", workers=1)
    stroke = np.zeros_like(hole)
    stroke[30:36, 40:52] = True
    restauro.heal(picture, stroke, (30, 20), workers=1)
    for kind in KINDS:
        restauro.make_damage(kind, 120, 150, rng=3)
    restauro.grow_mask(hole, 3)
    grey = picture.clip(0, 255).astype(np.uint8)
    restauro.render_cracks(grey, restauro.make_damage("cracks", 90, 120, 0.05, rng=1), rng)
    for kind in ("cracks", "scratches", "losses"):
        restauro.detect(grey, kind, workers=1)
    labels = np.zeros(hole.shape, np.int8)
    labels[25:35, 35:50], labels[:10, :20] = 1, -1
    restauro.detect(grey, hints=labels, workers=1)
    path = rng.uniform(20, 60, (9, 2))
    draw_soft(path, np.full(9, 2.0), np.full(9, 0.7), 1.0, np.zeros(hole.shape, np.float32), np.zeros_like(hole))
    lines.draw_opencv_lines(np.array([[3, 4, 70, 40]]), np.array([True]), np.zeros_like(hole))
    march.reset(np.full((5, 5), 3, np.int32), 1, 7)
    rows, start, stop = np.array([1, 4]), np.array([0, 5], np.int32), np.array([3, 9], np.int32)
    runs.draw_some(rows, start, stop, 0, 0, np.zeros((6, 12), bool))
    J, room = np.zeros((3, 17, 21), np.float32), np.zeros((2, 2, 4, 24), np.float32)
    u = rng.normal(size=(2, 20, 24)).astype(np.float32)
    structure_tensor.set_gradients(u, np.full(2, 0.5), room, np.zeros((3, 24)), J)
    half = structure_tensor.half_gaussian(1.0)
    reach = half.size - 1
    structure_tensor.smooth(J[0], 17, 21, half, np.ones((17 - 2 * reach, 21 - 2 * reach), bool), room[0, 0, 0])
    for values in (np.float32, np.float64):
        for dtype in (np.uint8, np.uint16, np.float32, np.float64):
            runs.store(rng.normal(50, 40, (9, 2)).astype(values), np.ones((3, 3), bool), np.zeros((3, 3, 2), dtype),
                       0.0, 70.0, dtype is np.uint8)  # fmt: skip


def repeat(path: Path, *, call: bool = True) -> None:
    """Repeat the calls with the compiler; print whether their bits are the same, and of how many signatures."""
    from numba import typeof
    from numba.core.sigutils import normalize_signature

    from restauro.numerics.kernel import SIGNATURES

    compared = set()
    for name, calls in pickle.loads(path.read_bytes()):
        module, _, function = name.partition(".")
        dispatcher = getattr(importlib.import_module(f"restauro.numerics.{module}"), function)
        for signature in SIGNATURES[name]:
            types, _ = normalize_signature(f"({signature},)")
            if not all(map(_alike, map(typeof, calls[0][0]), types)):
                continue
            dispatcher.compile(types)
            for before, after, result in calls if call else ():
                found = dispatcher.overloads[types].entry_point(*before)
                same = _bits(found) == _bits(result) and _bits(before) == _bits(after)
                print(name, f"({signature})", "same" if same else "DIFFERENT", flush=True)
            compared.add((name, signature))
    print(len(compared), "of", sum(map(len, SIGNATURES.values())), "signatures")


def _alike(given: Any, wanted: Any) -> bool:
    """Whether types are the same but for how arrays lie."""
    if hasattr(wanted, "layout"):
        return getattr(given, "dtype", None) == wanted.dtype and getattr(given, "ndim", None) == wanted.ndim
    if hasattr(wanted, "types"):
        return hasattr(given, "types") and all(map(_alike, given.types, wanted.types))
    return bool(given == wanted)


def _bits(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_bits(part) for part in value]
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    actions = {"record": record, "compile": partial(repeat, call=False), "repeat": repeat}
    actions[sys.argv[1]](Path(sys.argv[2]))
