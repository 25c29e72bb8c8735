"""PatchMatch: holes are filled with what similar places of the picture hold, texture included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Memory, Method, Task
from restauro.methods.harmonic import membrane
from restauro.parameters import Parameter

if TYPE_CHECKING:
    from restauro.numerics.patches import Level, Patches

# Pixels around a hole in which sources are looked for, and the radius of the random search in the picture itself.
SURROUNDINGS = 64
_RADIUS = 24
# How much less a pixel is trusted for each pixel that lies between it and a known one.
_DISTRUST = 1.2
# By what part a source's distance counts more for each pixel that it is away.
_FAR = 0.03
# Sweeps of the picture itself, of the level of half its size, and so on; the last number stands for all coarser ones.
_SWEEPS = (3, 4, 6, 8)
# Pixels (standard deviation) that part what is low frequency in a patch from what is texture.
_SIGMA = 8.0
_SMALLEST_UNIT = 1e-300  # its reciprocal is finite
# Share of the work that the harmonic fill is, for the progress.
_MEMBRANE_SHARE = 0.1
_PATCHES_WORTH_A_THREAD = 2000


@dataclass(frozen=True)
class PatchMatch(Method):
    """Patch-based inpainting over scales, with a nearest-neighbour field by PatchMatch, mixed with a harmonic fill.

    Sources: Y. Wexler, E. Shechtman, M. Irani, "Space-time completion of video", IEEE PAMI 29 (3), 2007,
    doi:10.1109/TPAMI.2007.60; C. Barnes, E. Shechtman, A. Finkelstein, D. B. Goldman, "PatchMatch: a randomized
    correspondence algorithm for structural image editing", ACM Trans. Graphics 28 (3), 2009,
    doi:10.1145/1531326.1531330; A. Newson et al., "Video inpainting of complex scenes", SIAM J. Imaging Sciences 7 (4),
    2014, doi:10.1137/140954933. Time is in proportion to the hole pixels, memory to the box around holes that belong
    together. The wrong choice where what is missing must not be made up, and for thin cracks: texture that is likely
    is further from the truth, pixel by pixel, than a smooth fill.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.tile([[0, 0, 9, 9], [9, 9, 0, 0]], (20, 10)).astype(np.uint8)
    >>> mask = np.zeros(image.shape, bool)
    >>> mask[14:24, 14:24] = True
    >>> restored = restauro.inpaint(np.where(mask, 0, image), mask, "patchmatch", detail=1)
    >>> bool((restored == image).all())
    True
    """

    name: ClassVar[str] = "patchmatch"
    title: ClassVar[str] = "PatchMatch"
    reference: ClassVar[str] = (
        "C. Barnes, E. Shechtman, A. Finkelstein, D. B. Goldman, PatchMatch: a randomized correspondence algorithm for "
        "structural image editing, ACM Trans. Graphics 28(3), 2009"
    )
    summary: ClassVar[str] = (
        "Good for losses from some 10 pixels up to a quarter of the picture in canvas, strokes and other texture, "
        "which it carries in from around; makes up what can't be known. A few microseconds a hole pixel."
    )
    nature: ClassVar[str] = "copies"
    whole_hole: ClassVar[bool] = True
    memory: ClassVar[Memory] = Memory(of_window=30)
    takes: ClassVar[frozenset[str]] = frozenset({"sources", "avoid", "guides"})

    detail: Annotated[
        float,
        Parameter(
            "how much of the patches' texture comes into the smooth (harmonic) fill: 0 is the smooth fill, 1 looks "
            "most alive",
            minimum=0,
            maximum=1,
        ),
    ] = 0.75

    @property
    def uses_chance(self) -> bool:
        """Sources are looked for at random."""
        return self.detail > 0

    def reach(self, depth: float) -> int:
        """Look for sources within a fixed distance of the hole."""
        return SURROUNDINGS

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: the harmonic fill, patches from coarse to fine, and the mixture of both."""
        pixels = int(np.count_nonzero(task.domain))
        first_share = int(pixels * (_MEMBRANE_SHARE if self.detail > 0 else 1))
        smooth = membrane(image, task, first_share)
        return textured(image, smooth, self.detail, pixels - first_share, task)


def textured(
    image: NDArray[Any],
    smooth: NDArray[np.floating[Any]],
    detail: float,
    progress: int,
    task: Task,
    *,
    where_lacking: bool = False,
) -> NDArray[np.floating[Any]]:
    """Return what `Method.fill` is to: a smooth fill of the domain with as much of the patches' texture as is wanted.

    smooth: [pixels of the domain, C] in row-major order; it is where the patches begin, and may be changed. `progress`
    is how many hole pixels are reported as done. `where_lacking`: the less, the more structure the smooth fill has.
    """
    from restauro.methods._collage import Collage
    from restauro.numerics import patches
    from restauro.numerics.low_pass import low_pass
    from restauro.numerics.roughness import lacking, roughness

    if task.stopped or detail == 0:
        return task.wanted_of(smooth)
    collage = Collage.of(image, task.domain, SURROUNDINGS, task.guidance)
    depth, (height, width) = collage.depth, collage.depth.shape
    holes = np.flatnonzero(depth == 1).astype(np.int32)
    if min(height, width) < patches.SIDE:
        return task.wanted_of(smooth)
    low, high = patches.known_range(collage.image, depth)
    if not _SMALLEST_UNIT < high - low < np.inf:
        return task.wanted_of(smooth)
    finest = collage.level(smooth, holes, low, high - low)
    pixels = finest.values[: depth.size * finest.channels].reshape(depth.size, -1)[:, : image.shape[2]]
    difference = -pixels[holes]
    before = roughness(finest, holes, task) if where_lacking else None
    found = _match(finest, progress, task)
    if not found and collage.usable is not None and not task.stopped:
        raise collage.nothing_usable(task.guidance)
    if not found or task.stopped:
        return task.wanted_of(smooth)
    difference += pixels[holes]
    added = detail * difference + (detail**3 - detail) * low_pass(difference, holes, width, _SIGMA)
    if before is not None:
        added *= lacking(before, roughness(finest, holes, task))[:, np.newaxis]
    smooth += (high - low) * added.astype(smooth.dtype)
    return task.wanted_of(smooth)


def _match(finest: Level, progress: int, task: Task) -> bool:
    """Fill the holes of a level with patches, from coarse to fine; return False if there is no source at all."""
    from restauro.numerics.patches import DEEPEST, Patches

    levels = [finest]
    while levels[-1].halving and not task.stopped:
        levels.append(levels[-1].halved(task))
    if task.stopped:
        return False
    holes = [np.flatnonzero((level.depth - np.uint8(1)) < DEEPEST).astype(np.int32) for level in levels]
    work = [pixels.size * _sweeps(scale) for scale, pixels in enumerate(holes)]
    coarser = None
    while levels and not task.stopped:
        level, pixels, scale = levels.pop(), holes.pop(), len(levels)
        patches = Patches.of(level.depth, level.usable)
        share = progress * work[scale] // max(sum(work), 1)
        fillable = patches.sample.size > 0 and pixels.size > 0
        coarser = _fill_level(level, patches, pixels, scale, coarser, share, task) if fillable else None
    return coarser is not None


def _sweeps(scale: int) -> int:
    return _SWEEPS[min(scale, len(_SWEEPS) - 1)]


@dataclass(frozen=True)
class _Field:
    """Of every target of a level its nearest source: a patch, int32 [n]."""

    shape: tuple[int, int]
    place: NDArray[np.int32]
    nearest: NDArray[np.int32]


def _fill_level(
    level: Level,
    patches: Patches,
    holes: NDArray[np.int32],
    scale: int,
    coarser: _Field | None,
    progress: int,
    task: Task,
) -> _Field:
    """Find the field of a level, from that of the next coarser one if there is one, and fill its holes."""
    from restauro.numerics import nearest_neighbour_field as fields
    from restauro.numerics.voting import refine

    shape, count = level.depth.shape, patches.targets.size
    field = _Field(shape, patches.place, np.empty(count, np.int32))
    distances, confidence = np.empty(count, np.float32), np.empty(count, np.float32)
    radius = max(_RADIUS >> scale, 4)
    seed = np.random.SeedSequence([*task.seed, scale]).generate_state(1, np.uint64)[0]
    start = (patches.complete, patches.sample, shape, patches.targets, radius, seed, field.nearest)
    if coarser is None:
        fields.start_at_random(*start)
    else:
        fields.start_from_coarser(*start, confidence, coarser.shape, coarser.place, coarser.nearest)
    far = 0 if task.guidance.sources is not None else _FAR * 2**scale  # who names sources knows where
    trust = np.append(_DISTRUST ** -np.arange(255.0), 0).astype(np.float32)
    parts = min(task.workers, 1 + count // _PATCHES_WORTH_A_THREAD)
    shared = np.zeros(1 + 3 * (_sweeps(scale) + 1), np.int64)

    def part_of(part: int) -> None:
        refine(
            level.values, level.depth, trust, np.float32(far), level.channels, level.voted, shape, patches.complete,
            patches.place, patches.targets, holes, _sweeps(scale), coarser is not None, scale == 0, radius, seed,
            field.nearest, distances, confidence, part, parts, progress, shared, task.control,
        )  # fmt: skip

    task.together([partial(part_of, part) for part in range(parts)])
    return field
