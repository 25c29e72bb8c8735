"""What a method is: its parameters, its reach, its fill; and the table of all methods."""

from __future__ import annotations

import dataclasses
import importlib
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.metadata import entry_points
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MethodError, ParameterError
from restauro.guidance import NO_GUIDANCE, Guidance
from restauro.parameters import NamedParameter

# Methods of this package: name, and where the class is. Others come by entry points of the group "restauro.methods".
BUILT_IN = {
    "telea": "restauro.methods.telea:Telea",
    "harmonic": "restauro.methods.harmonic:Harmonic",
    "biharmonic": "restauro.methods.biharmonic:Biharmonic",
    "coherence": "restauro.methods.coherence:Coherence",
    "edge-enhancing": "restauro.methods.edge_enhancing:EdgeEnhancing",
    "navier-stokes": "restauro.methods.navier_stokes:NavierStokes",
    "patchmatch": "restauro.methods.patchmatch:PatchMatch",
    "tone": "restauro.methods.tone:Tone",
    "network": "restauro.methods.network:Network",
    "partial-convolution": "restauro.methods.partial_convolution:PartialConvolution",
}

# What evaluations know beside the methods, to compare with: `restauro.evaluation.references` has them.
TO_COMPARE_WITH = (
    "opencv-telea", "opencv-ns", "opencv-fsr", "skimage-biharmonic", "pypatchmatch", "patchmatch-cython", "mean-colour",
    "onnx",
)  # fmt: skip

# What a fill can be made of: values between known ones; places elsewhere in this or another picture; what a network has
# learned from other pictures; what is there itself, its tone corrected.
NATURES = ("interpolates", "copies", "learned", "corrects")

# What is used when nobody chooses: by `inpaint`, on the command line, on the page.
DEFAULT_METHOD = "edge-enhancing"


_NOTHING = np.zeros((0, 0), np.bool_)


class Memory(NamedTuple):
    """Bytes that a fill takes, about: for each hole pixel, each run of them, and each pixel of the window.

    What is kept around holes outweighs these where they are thin, so runs count. Of three bands, where large arrays may
    lie in files; `bench gigapixels` shows how much it was beside them. `without_files` is how many times as much it is
    where they may not.
    """

    a_pixel: int = 0
    a_run: int = 0
    of_window: int = 0
    without_files: float = 1.0


class Task:
    """One window's share of the work, as a method's fill sees it.

    Attributes
    ----------
    core
        Rows and columns of the window that hold all wanted pixels. What the window holds around them is only there
        to be read; a fill may skip hole pixels outside the core that the core doesn't depend on.
    wanted
        bool [H, W], the hole pixels to be returned. The others may belong to another window or another method, or
        nobody fills them. Their contents must not matter; a method may fill them along, and keeps that to itself.
    domain
        bool [H, W], the hole pixels that have to do with the wanted ones; all methods of this package compute on these.
        Of a method that may not be cut they are those closer than twice its reach to a wanted one, or to another of
        them; else all. What of the hole isn't among them lies too far away to be read.
    depth
        Upper bound of the city-block distance from a wanted pixel to the nearest known one.
    workers
        Threads that this fill may use.
    seed
        The caller's seed and the core's place, which `rng` starts from.
    control
        int64 [2]: [0] becomes non-zero when the work is to stop, [1] counts hole pixels done. Kernels read and add to
        it themselves, so that a long fill reports and can be stopped without coming back to Python.
    weights
        float32 [H, W], for a method that corrects: how much of each pixel is damage. None where that isn't known.
    guidance
        What a person said about the window, of what the method takes (`Method.takes`).
    known_range
        Of a picture of real numbers and a method with threads of its own: the least and the greatest known value.
    interpolated
        How many of the wanted pixels a fill has interpolated though that isn't its method's nature; the fill says so.
    """

    def __init__(
        self,
        core: tuple[slice, slice],
        depth: float,
        workers: int,
        seed: tuple[int, ...],
        control: NDArray[np.int64],
        scratch: dict[tuple[str, np.dtype[Any]], NDArray[Any]] | None = None,
        others: Executor | None = None,
        *,
        wanted: NDArray[np.bool_] = _NOTHING,
        domain: NDArray[np.bool_] = _NOTHING,
        weights: NDArray[np.float32] | None = None,
        guidance: Guidance = NO_GUIDANCE,
        known_range: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.core = core
        self.wanted = wanted
        self.domain = domain
        self.weights = weights
        self.guidance = guidance
        self.known_range = known_range
        self.interpolated = 0
        self.depth = depth
        self.workers = workers
        self.seed = seed
        self.control = control
        self._others = others
        self._scratch: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = {} if scratch is None else scratch

    def of(self, core: tuple[slice, slice], wanted: NDArray[np.bool_], domain: NDArray[np.bool_]) -> Task:
        """Return a task for other pixels of the window, with the same threads and memory, that is stopped with this."""
        return Task(
            core, self.depth, self.workers, self.seed, self.control, self._scratch, self._others,
            wanted=wanted, domain=domain, known_range=self.known_range,
        )  # fmt: skip

    def scratch(self, name: str, size: int, dtype: type | np.dtype[Any], *, finite: bool = False) -> NDArray[Any]:
        """Return an array [size] that this thread's next window uses again, with anything in it, if wanted finite."""
        key = (name, np.dtype(dtype))
        kept = self._scratch.get(key)
        if kept is None or kept.size < size:
            kept = self._scratch[key] = np.zeros(size, dtype) if finite else np.empty(size, dtype)
        return kept[:size]

    def wanted_of(
        self, values: NDArray[np.floating[Any]], box: tuple[slice, slice] = (slice(None), slice(None))
    ) -> NDArray[np.floating[Any]]:
        """Return the values of the wanted pixels among those of the domain in a box, [n, C] in row-major order."""
        if len(values) == np.count_nonzero(self.wanted):
            return values
        return values[self.wanted[box][self.domain[box]]]

    def clear_scratch(self) -> None:
        """Have `scratch` begin anew, after a fill that may have left values in it that aren't finite."""
        self._scratch.clear()

    def together(self, steps: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run steps, no more than `workers`, that may wait for one another; return their results.

        With one worker they run one after the other, so there they must not wait.
        """
        if self._others is None or self.workers < 2 or len(steps) < 2:
            return [step() for step in steps]
        others = [self._others.submit(self._or_stop, step) for step in steps[1:]]
        return [self._or_stop(steps[0]), *(other.result() for other in others)]

    def _or_stop(self, step: Callable[[], Any]) -> Any:
        """Run a step; if it fails, stop those that may be waiting for it."""
        try:
            return step()
        except BaseException:
            self.control[0] = 1
            raise

    @cached_property
    def rng(self) -> np.random.Generator:
        """Random numbers for this window: the same for the same picture and seed, whatever the workers."""
        return np.random.default_rng(self.seed)

    @property
    def stopped(self) -> bool:
        """Whether the fill should return at once; what it returns then is thrown away."""
        return bool(self.control[0])


@dataclass(frozen=True)
class Method(ABC):
    """A way to fill holes. Subclasses are frozen dataclasses; their fields are the parameters.

    Each field is annotated `Annotated[int, Parameter(...)]` (or float), `Annotated[str, TextParameter(...)]` or
    `Annotated[str, ChoiceParameter(...)]`: the same text feeds `restauro methods NAME`, the command line's options and
    the docs, and the ranges are checked when an instance is made.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    summary: ClassVar[str]
    # What its fill is made of, one of NATURES. To what "corrects", what is under the hole does matter.
    nature: ClassVar[str]
    # What guidance it takes, names of the fields of `PictureGuidance`; with other guidance it is refused.
    takes: ClassVar[frozenset[str]] = frozenset()
    # A connected hole may not be cut (elliptic methods, patchmatch).
    whole_hole: ClassVar[bool] = False
    # A filled value depends on pixels further inside the hole too, so `depth` is that of all pixels within reach.
    from_deeper: ClassVar[bool] = False
    # A library with threads of its own does the work, and what it costs goes with the window instead of the holes.
    own_threads: ClassVar[bool] = False
    # What a window takes, where holes aren't cut: so a picture for which there isn't enough is refused before the work.
    memory: ClassVar[Memory] = Memory()

    def __post_init__(self) -> None:
        """Check every parameter against its range; what NumPy's numbers and 3.0 mean becomes an int or a float."""
        if getattr(self, "nature", None) not in NATURES:
            raise MethodError(
                f"{type(self).__name__} doesn't say what its fill is made of: give the class a nature, one of "
                f"{', '.join(NATURES)}."
            )
        for parameter in self.parameters():
            value = parameter.about.checked(parameter.name, parameter.kind, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)

    @classmethod
    def parameters(cls) -> list[NamedParameter]:
        """Every parameter with its type, default, range and meaning, in the order of the fields."""
        method: type = cls
        return list(_parameters_of(method))

    @property
    def natures(self) -> frozenset[str]:
        """What its fill is made of with these parameters: its nature, and others where it is a mixture."""
        return frozenset({self.nature})

    @property
    def uses_chance(self) -> bool:
        """Whether its fill uses random numbers (`Task.rng`, `Task.seed`), so that another seed gives another fill."""
        return False

    @abstractmethod
    def reach(self, depth: float) -> int:
        """Surroundings (pixels) that a filled value can depend on, where the hole is `depth` pixels deep.

        `reach(0)` is what is read of known pixels around a hole; holes further apart don't know of each other.
        """

    @abstractmethod
    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """Return the values of the wanted pixels.

        Parameters
        ----------
        image
            [H, W, C], a view of the picture in its own dtype, not to be written to. What is under the hole may be
            anything, NaN included, and must not matter but to a method that corrects.
        hole
            bool [H, W], everything that is unknown, whoever fills it.
        task
            What is wanted, the threads, the progress.

        Returns
        -------
        float32 or float64 [n, C], the pixels of `task.wanted` in row-major order, not rounded, not clipped.
        """


@cache
def _parameters_of(method: type) -> tuple[NamedParameter, ...]:
    """Read the annotations, which takes longer than filling a small hole."""
    hints = typing.get_type_hints(method, include_extras=True)
    named = []
    for field in dataclasses.fields(method):
        kind, about = typing.get_args(hints[field.name])
        named.append(NamedParameter(field.name, kind, field.default, about))
    return tuple(named)


def method_names() -> list[str]:
    """Names of all methods: this package's first, then those of others (entry points "restauro.methods").

    >>> "telea" in method_names()
    True
    """
    return [*BUILT_IN, *(name for name in sorted(_added_methods()) if name not in BUILT_IN)]


def method_class(name: str) -> type[Method]:
    """Return the class of a method, by name.

    >>> method_class("telea").title
    'Fast marching (Telea)'
    """
    if not isinstance(name, str):
        raise MethodError(f"A method is given by name or as a Method instance, not as {type(name).__name__}.")
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return typing.cast("type[Method]", getattr(importlib.import_module(module), attribute))
    added = _added_methods()
    if name in added:
        return typing.cast("type[Method]", added[name].load())
    if name.partition(":")[0] in TO_COMPARE_WITH:
        raise MethodError(
            f"{name!r} restores nothing here, it is there to compare with: `restauro evaluate` and `restauro compare` "
            f"take it among the methods that they are given; to restore with there is {', '.join(method_names())}."
        )
    raise MethodError(f"There is no method {name!r}{_did_you_mean(name, method_names())}")


def make_method(method: str | Method, parameters: dict[str, Any]) -> Method:
    """Return the method: a name with its parameters, or an instance, which has its own.

    >>> make_method("telea", {"radius": 7}).radius
    7
    """
    if isinstance(method, Method):
        if parameters:
            raise ParameterError(
                f"{', '.join(parameters)} can't be given beside a {type(method).__name__} instance, which has its own: "
                f"write {type(method).__name__}({', '.join(f'{name}=...' for name in parameters)})."
            )
        return method
    chosen = method_class(method)
    known = [parameter.name for parameter in chosen.parameters()]
    for name in parameters:
        if name not in known:
            raise ParameterError(f"Method {method!r} has no parameter {name!r}{_did_you_mean(name, known)}")
    return chosen(**parameters)


def _added_methods() -> dict[str, Any]:
    return {point.name: point for point in entry_points(group="restauro.methods")}


def _did_you_mean(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    listed = f"there is {', '.join(known)}" if known else "it has none"
    return f": did you mean {close[0]!r}?" if close else f"; {listed}."
