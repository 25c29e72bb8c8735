"""`inpaint`: checks the arrays, has the windows filled on all cores, keeps the promises of docs/design.md."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro import scratch
from restauro.arrays import checked_image, in_any_band, masked_pixels, not_finite, result_array
from restauro.errors import MaskError, ParameterError, ParameterTypeError, RestauroError, check_progress
from restauro.filling import Holed, fill
from restauro.grain import check_grain
from restauro.guidance import NO_PICTURE_GUIDANCE
from restauro.guiding import guidance_of, placed_donor
from restauro.holes import find_holes
from restauro.mask import (
    MOST_BANDS,
    OPAQUE,
    Mask,
    check_bands_last,
    check_known,
    check_partial,
    marked,
    mask_array,
    weighted,
)
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.methods.heal import Heal
from restauro.numerics.threads import checked_workers
from restauro.policy import check_allowed, check_filled, checked_natures
from restauro.windows import Part


def inpaint(
    image: ArrayLike,
    mask: ArrayLike,
    method: str | Method = DEFAULT_METHOD,
    *,
    unknown: ArrayLike | None = None,
    partial: str | None = None,
    allow: Collection[str] | None = None,
    sources: ArrayLike | None = None,
    avoid: ArrayLike | None = None,
    guides: Sequence[ArrayLike] | None = None,
    grain: str | None = None,
    out: NDArray[Any] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    **parameters: Any,
) -> NDArray[Any]:
    """Fill the holes of a picture; return it with all else unchanged.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], any number of bands C, not modified. uint8, uint16, float32, float64 as they are; int8,
        int16, int32, uint32 and float16 are filled as real numbers and rounded to the nearest value they hold; bool is
        filled as 0 and 1 and cut at a half. Floats may be of any size. Any byte order. Or a stack of
        pictures, [N, H, W] or [N, H, W, C].
    mask
        [H, W]: bool, or integers where non-zero is hole, or floats that are 0 or 1; with `partial` floats from 0 to 1
        that say how much of a pixel is damage, 0 none and 1 all. Not modified. Of a stack [N, H, W]:
        each picture is filled by itself, all beside each other. (Without bands, H and W of a stack's pictures must be
        more than 4 columns, as a mask [H, W, 3] is taken for one with colours and refused.)
    unknown
        [H, W] like `mask` (of a stack [N, H, W]): pixels that are neither filled nor read and stay as they are, such as
        gaps of a height model that aren't to be filled; where `mask` marks them too, they are hole. NaN and infinity
        outside the mask count as unknown as well, with a warning; so does what a masked array masks, which stays
        masked. A hole among unknown pixels is filled from the known ones behind them.
    partial
        What damage in part is, for a mask of values between 0 and 1. "cover": an opaque layer with soft edges lies over
        the picture, and a pixel becomes (1 - w) of what is there and w of the fill, mixed as values are stored. "tone":
        what covers it lets light through, w being the share that it keeps; method `tone` corrects that, and `method`
        fills where w is 0.9 or more. A mask that has only 0 and 1 says nothing of w: all of it is corrected.
    method
        A name, with its parameters as keywords, or a `Method` instance. `restauro.method_names()` lists the names.
    allow
        What a fill may be made of: "interpolates" (between known values, as diffusion and fronts do), "copies" (from
        other places, as patchmatch does), "learned" (from other pictures, as networks have), "corrects" (what is there,
        as tone does). A method of another nature is refused. By default all are allowed.
    sources
        [H, W] like `mask`: where texture may come from, and from nowhere else, however far away. For patchmatch.
    avoid
        [H, W] like `mask`: where texture mustn't come from. For patchmatch.
    guides
        Lines that go on across holes: polylines, [n, 2] each, rows and columns (whole numbers are the middles of
        pixels), drawn from what is intact on one side to the other. For edge-enhancing, coherence and patchmatch.
    grain
        "match": add noise with the spectrum and the covariance of bands of the known pixels around, other noise for
        another seed. It looks more like film or canvas and is further from the truth, by up to 3 dB of PSNR: leave it
        out where that counts. For methods that interpolate or have learned.
    out
        Array of the image's shape and dtype for the result; `out=image` works in place. By default a new one.
    workers
        Threads to use; by default every core that this process may use. The result doesn't depend on it.
    seed
        For grain and methods that use random numbers: the same seed gives the same result.
    progress
        Called with the fraction done, rising to 1.0, several times a second, in the caller's thread. An exception
        raised in it stops the work and reaches the caller.
    **parameters
        The method's parameters; `restauro methods NAME` describes them.

    Returns
    -------
    The restored picture, of the image's shape and dtype. Outside the holes every value is the same bit for bit. Of a
    stack, out[i] is what inpaint(image[i], mask[i], seed=seed) gives.

    Raises
    ------
    RestauroError
        A subclass that is also a ValueError or a TypeError, with a sentence that says what to do.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.full((6, 8, 3), 200, np.uint16)
    >>> mask = np.zeros((6, 8), bool)
    >>> mask[2:4, 1:6] = True
    >>> image[mask] = 0
    >>> restored = restauro.inpaint(image, mask, "telea", radius=3)
    >>> int(restored.min()), restored.dtype
    (200, dtype('uint16'))
    """
    chosen = make_method(method, parameters)
    return fill_and_count(
        image, mask, chosen, {"sources": sources, "avoid": avoid, "guides": guides}, unknown=unknown, partial=partial,
        allow=allow, grain=grain, out=out, workers=workers, seed=seed, progress=progress,
    )[0]  # fmt: skip


def fill_and_count(
    image: ArrayLike,
    mask: ArrayLike,
    chosen: Method,
    told: Mapping[str, Any],
    *,
    unknown: ArrayLike | None = None,
    partial: str | None = None,
    allow: Collection[str] | None = None,
    grain: str | None = None,
    out: NDArray[Any] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[NDArray[Any], Counter[str]]:
    """Do what `inpaint` does; return as well how many pixels were filled by what of `restauro.method.NATURES`.

    told: what `inpaint` is told by words of their own, by name.
    """
    picture = checked_image(image)
    threads = checked_workers(workers)
    check_seed(seed)
    check_progress(progress)
    check_partial(partial)
    natures = checked_natures(allow)
    check_grain(grain, chosen)
    result = result_array(picture, out)
    masked_pictures = _masked_pictures(image, picture, mask, unknown, partial=partial is not None)
    first = masked_pictures[0]
    one = first.which is ...
    if isinstance(chosen, Heal):
        if not one:
            raise ParameterError("A stack can't be healed as one: heal its pictures one by one.")
        told = {"donor": placed_donor(chosen, first.hole, first.unknown, told.get("donor"))}
    guidance = guidance_of(told, chosen, picture.shape, first.hole if one else None)
    _warn_of(masked_pictures)
    if out is not image:
        np.copyto(result, picture)
    # Kernels know the byte order of this machine alone.
    native = result if result.dtype.isnative else result.astype(result.dtype.newbyteorder("="))
    pictures = [
        Holed(
            native[at.which] if native[at.which].ndim == 3 else native[at.which][:, :, np.newaxis],
            [
                Part(find_holes(some, threads), by, guidance if by is chosen else NO_PICTURE_GUIDANCE)
                for some, by in shares(at.hole, at.weights, chosen, partial)
            ],
            None if at.unknown is None else find_holes(at.unknown, threads),
            at.weights,
            grain is not None,
        )
        for at in masked_pictures
    ]
    used = {part.method for at in pictures for part in at.parts}
    for by in used:
        check_allowed(by, natures)
    check_grain(grain, chosen, used)
    memory = scratch.usable_memory() if scratch.is_on_disk(result) else None  # asked for once the masks are runs
    filled = fill(pictures, workers=threads, seed=seed, progress=progress, memory=memory)
    check_filled(filled, natures)
    if native is not result:
        for at in masked_pictures:
            result[at.which][at.hole] = native[at.which][at.hole]
    if progress is not None:
        progress(1.0)
    return (_masked_as(image, result, masked_pictures) if out is None else _unmasked(out, masked_pictures)), filled


def shares(
    hole: NDArray[np.bool_], weights: NDArray[np.float32] | None, chosen: Method, partial: str | None
) -> list[tuple[NDArray[np.bool_], Method]]:
    """Return the parts of a mask that are filled one after the other, and the method of each.

    Of damage that is corrected these are what is dimmed, and then what is opaque.
    """
    if partial != "tone":
        return [(hole, chosen)]
    tone = chosen if chosen.nature == "corrects" else make_method("tone", {})
    if weights is None:
        return [(hole, tone)]
    opaque = weights >= OPAQUE
    fill_in = make_method(DEFAULT_METHOD, {}) if chosen.nature == "corrects" else chosen
    return [(some, method) for some, method in ((hole & ~opaque, tone), (opaque, fill_in)) if some.any()]


@dataclass(frozen=True)
class _MaskedPicture:
    """A picture of a stack, or the only one: where it is found, what of it is hole, and what is unknown besides.

    `stray` are those of the unknown pixels that nobody named: NaN and infinity. `weights` as of `restauro.mask.Mask`.
    """

    which: Any
    hole: NDArray[np.bool_]
    weights: NDArray[np.float32] | None
    unknown: NDArray[np.bool_] | None
    stray: NDArray[np.bool_] | None


def _masked_pictures(
    image: ArrayLike, picture: NDArray[Any], mask: ArrayLike, unknown: ArrayLike | None, *, partial: bool
) -> list[_MaskedPicture]:
    """Look at the masks, of each picture by itself; raise MaskError where nothing can be filled from them."""
    marks, named, masked = mask_array(mask), None if unknown is None else mask_array(unknown), masked_pixels(image)
    if not _is_stack(marks.shape, picture.shape):
        if picture.ndim == 4:
            check_bands_last(marks.shape, picture.shape)
            wanted = picture.shape[:3]
            raise MaskError(
                f"The image has the shape {picture.shape}, a stack of {len(picture)} pictures, and its mask must "
                f"have the shape {wanted}, not {marks.shape} (one for all: numpy.broadcast_to(mask, {wanted}))."
            )
        return [_masked_picture(..., picture, marks, named, masked, partial=partial)]
    if named is not None and named.shape != marks.shape:
        raise MaskError(
            f"unknown has the shape {named.shape}; of a stack it must be the mask's, {marks.shape} (the same for all: "
            f"numpy.broadcast_to(unknown, {marks.shape}))."
        )
    masked_pictures = []
    for number in range(len(picture)):
        try:
            named_here, masked_here = (None if some is None else some[number] for some in (named, masked))
            masked_pictures.append(
                _masked_picture(number, picture[number], marks[number], named_here, masked_here, partial=partial)
            )
        except RestauroError as error:
            raise type(error)(f"Picture {number} of the stack: {error}") from None
    return masked_pictures


def _is_stack(mask: tuple[int, ...], image: tuple[int, ...]) -> bool:
    """Whether a mask is one of a stack of pictures: [N, H, W] for [N, H, W] or [N, H, W, C].

    A mask of an image's own shape [H, W, C] that has one to four columns is one of colours, and none.
    """
    return len(mask) == 3 and mask == image[:3] and mask[2] > (1 if len(image) == 4 else MOST_BANDS)


def _masked_picture(
    which: Any,
    picture: NDArray[Any],
    mask: NDArray[Any],
    named: NDArray[Any] | None,
    masked: NDArray[np.bool_] | None,
    *,
    partial: bool,
) -> _MaskedPicture:
    marks = weighted(mask, picture.shape) if partial else Mask(marked(mask, picture.shape))
    hole = marks.hole
    unknown = None if named is None else marked(named, picture.shape, "mask of unknown pixels") & ~hole
    if masked is not None:
        more = in_any_band(masked, hole.shape) & ~hole
        unknown = more if unknown is None else unknown | more
    stray = not_finite(picture, hole if unknown is None else hole | unknown)
    if stray is not None:
        unknown = stray if unknown is None else unknown | stray
    check_known(hole, unknown)
    return _MaskedPicture(which, hole, marks.weights, unknown, stray)


def _warn_of(masked_pictures: list[_MaskedPicture]) -> None:
    """Tell of pixels that count as unknown though nobody said so."""
    strays = [(at.which, at.stray) for at in masked_pictures if at.stray is not None]
    if not strays:
        return
    which, first = strays[0]
    row, column = np.argwhere(first)[0]
    where = f"row {row}, column {column}" + ("" if which is ... else f" of picture {which}")
    count = sum(int(np.count_nonzero(stray)) for _, stray in strays)
    warnings.warn(
        f"{count} pixels outside the mask are NaN or infinite (the first at {where}): they aren't read, and stay as "
        "they are. Mark them in mask to have them filled, or in unknown to say that this is meant.",
        stacklevel=4,
    )


def _masked_as(image: ArrayLike, result: NDArray[Any], masked_pictures: list[_MaskedPicture]) -> NDArray[Any]:
    """Return the result; of a masked array one whose holes are unmasked."""
    if not isinstance(image, np.ma.MaskedArray):
        return result
    return _unmasked(np.ma.MaskedArray(result, np.ma.getmaskarray(image).copy()), masked_pictures)


def _unmasked(out: NDArray[Any], masked_pictures: list[_MaskedPicture]) -> NDArray[Any]:
    """Unmask what was filled."""
    if isinstance(out, np.ma.MaskedArray) and out.mask is not np.ma.nomask:
        still = np.ma.getmaskarray(out).copy()
        for at in masked_pictures:
            still[at.which][at.hole] = False
        out.mask = still
    return out


def check_seed(seed: int) -> None:
    """Raise ParameterError or ParameterTypeError for what is no seed."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ParameterTypeError(f"seed must be a whole number, not {seed!r}.")
    if seed < 0:
        raise ParameterError(f"seed={seed} is out of range: it must be 0 or more.")


def load_kernels(method: Method) -> None:
    """Load a method's kernels, or compile them the first time, by filling a pixel.

    It takes a third of a second from the disk, which a caller can spend on reading files meanwhile.
    """
    hole = np.zeros((96, 96), np.bool_)
    hole[48, 48] = True
    inpaint(np.arange(hole.size * 3).astype(np.uint8).reshape(96, 96, 3), hole, method)  # a flat one skips steps
