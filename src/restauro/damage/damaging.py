"""`damage_file`: a picture file in, a damaged copy out, and the mask of what was damaged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import compiling
from restauro.damage.kinds import kind_named
from restauro.errors import ParameterError, Remedy, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.masks import check_mask_target, make_folder, write_mask
from restauro.files.reading import read_picture
from restauro.files.writing import check_target, counted_outside, write_picture
from restauro.mask import full_scale, parse_colour
from restauro.notes import Note
from restauro.picture import Picture, as_seen, as_stored
from restauro.record import Record

FILLS = ("white", "black", "mean", "noise")
RENDERED_KINDS = ("cracks", "scratches")


@dataclass(frozen=True)
class Damaged(Record):
    """What was done to a file: what every `restauro.record.Record` says, and more.

    Attributes
    ----------
    mask
        The mask that was written, if one was.
    kind, seed
        What was drawn.
    hole_pixels
        Number of pixels in the mask; of rendered cracks with their rim.
    changed_outside, counted_outside
        As of `restauro.Restored`.
    """

    mask: Path | None
    kind: str
    seed: int
    hole_pixels: int
    changed_outside: int
    counted_outside: str


def damage_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    kind: str,
    ratio: float | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    fill: str | None = None,
    render: bool = False,
    contrast: float | None = None,
    mask_out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Damaged:
    """Write a damaged copy of a picture file, with all else that the file holds, and the mask that goes with it.

    The mask is `make_damage(kind, height, width, ratio, seed, **options)` of the picture as people see it. Colours
    change; transparency stays. Files are written under another name and moved into place at the end, and their folders
    are made if they are missing.

    Parameters
    ----------
    source, target
        Picture files. The target's ending says its format. From JPEG to JPEG the blocks that holes touch are encoded
        anew, to other formats nothing outside the holes changes.
    kind, ratio, seed, options
        See `restauro.damage.kinds.make_damage`; seed is its `rng`.
    fill
        What is painted into the holes: "white" (the default), "black", "mean" (the mean colour of what is left),
        "noise" (every band of every pixel drawn by itself) or "#rrggbb".
    render
        Make cracks or scratches look like such instead: see `restauro.damage.rendering.render_cracks`.
    contrast
        Of rendered cracks, in 255ths of the full scale; by default drawn from 15 to 60.
    mask_out
        A PNG to write the mask to, as people see it, white is hole; of rendered cracks it includes their bright rim.
    overwrite
        Replace files that are there.
    max_pixels
        See `restauro.read_picture`.

    Raises
    ------
    RestauroError
        A sentence that says what is wrong and what to do. The target isn't written then.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> folder = tempfile.TemporaryDirectory()
    >>> panel, copy, mask = (Path(folder.name, name) for name in ("panel.png", "damaged.png", "mask.png"))
    >>> pyvips.Image.black(200, 100).linear(1, 90).cast("uchar").pngsave(str(panel))
    >>> damaged = damage_file(panel, copy, kind="losses", ratio=0.1, seed=7, mask_out=mask)
    >>> damaged.changed_outside, round(damaged.hole_pixels / (200 * 100), 2)
    (0, 0.1)
    >>> folder.cleanup()
    """
    start = compiling.clock()
    options = dict(options or {})
    check_options(kind, ratio=ratio, seed=seed, fill=fill, render=render, contrast=contrast, options=options)
    source, target = checked_path(source, "The picture"), checked_path(target, "The target")
    mask = checked_path(mask_out, "The mask") if mask_out else None
    picture = read_picture(source, max_pixels=max_pixels)
    if mask:
        check_mask_target(mask, (source, target), overwrite=overwrite)
        make_folder(mask.parent)
    make_folder(target.parent)
    check_target(picture, target, overwrite=overwrite)
    seen = as_seen(picture.pixels, picture.orientation)
    height, width = seen.shape[:2]
    rng = np.random.default_rng(seed)
    hole = kind_named(kind).make(height, width, ratio, rng, **options)
    if render:
        hole = _render(picture, seen, hole, contrast, rng)
    else:
        _paint(picture, seen, hole, fill or "white", rng)
    written = write_picture(picture, target, hole=as_stored(hole, picture.orientation), overwrite=overwrite)
    if mask:
        write_mask(hole, mask, after="The picture was written, but")
    notes = written.notes
    outside = counted_outside(picture, target)
    if outside == "blocks":
        text = "A PNG or a TIFF would differ in the holes only; in a JPEG their blocks change a little too."
        notes += (Note("blocks-changed-too", text),)
    return Damaged(
        source=source,
        target=target,
        mask=mask,
        width=width,
        height=height,
        kind=kind,
        seed=seed,
        hole_pixels=int(np.count_nonzero(hole)),
        seconds=compiling.clock() - start,
        changed_outside=written.changed_outside,
        counted_outside=outside,
        notes=notes,
    )


def check_options(
    kind: str,
    *,
    ratio: float | None,
    seed: int,
    fill: str | None,
    render: bool,
    contrast: float | None,
    options: Mapping[str, Any],
) -> None:
    """Raise ParameterError for what is wrong whatever the picture; see `damage_file`."""
    kind_named(kind).check(ratio, options)
    if seed < 0:
        raise ParameterError(f"seed={seed} is out of range: it must be 0 or more.")
    if render and kind not in RENDERED_KINDS:
        raise ParameterError(f"{kind.capitalize()} can't be rendered, only {' and '.join(RENDERED_KINDS)}: use a fill.")
    if render and fill:
        raise ParameterError(f"Rendered {kind} have no fill: leave out {fill}, or the rendering.")
    if contrast is not None and not render:
        raise ParameterError("A contrast is for rendered cracks and scratches", Remedy("render", True))
    if contrast is not None and not 0 < contrast <= 255:
        raise ParameterError(f"The contrast {contrast:g} is out of range: it is above 0, at most 255.")
    if fill and fill not in FILLS and (fill[0] != "#" or parse_colour(fill) is None):
        raise ParameterError(f"There is no fill {fill!r}: it is {', '.join(FILLS)} or a colour, #rrggbb.")


def _colours(picture: Picture, seen: NDArray[Any]) -> NDArray[Any]:
    """Return a view [H, W, C] of a picture's colours, without its transparency."""
    if picture.is_premultiplied:
        raise ParameterError(
            "The TIFF's colours are multiplied by their opacity, and damage would not be: save it with plain "
            "(unassociated) transparency, or without."
        )
    if seen.ndim == 2:
        return seen[:, :, None]
    return seen[:, :, :-1] if picture.has_alpha else seen


def _paint(picture: Picture, seen: NDArray[Any], hole: NDArray[np.bool_], fill: str, rng: np.random.Generator) -> None:
    """Fill the holes, as people see them, in place."""
    colours = _colours(picture, seen)
    white = _white(colours)
    value: Any
    if fill == "noise":
        drawn = rng.random((np.count_nonzero(hole), colours.shape[2])) * white
        value = drawn if colours.dtype.kind == "f" else np.rint(drawn)
    elif fill == "mean":
        known = ~hole[:, :, None]
        if colours.dtype.kind == "f":
            known = known & np.isfinite(colours)
        if not known.any():
            raise ParameterError("There is no mean colour, because all of the picture is hole: use another fill.")
        value = np.mean(colours, axis=(0, 1), where=known, dtype=float)
        value = value if colours.dtype.kind == "f" else np.rint(value)
    elif fill[0] == "#":
        value = _of_bands(picture, colours, fill) * (white / 255)
    elif picture.is_cmyk:  # bands of ink
        value = np.zeros(colours.shape[2]) if fill == "white" else np.where(np.arange(colours.shape[2]) == 3, white, 0)
    else:
        value = white if fill == "white" else 0
    colours[hole] = value


def _white(colours: NDArray[Any]) -> float:
    """Return the full scale; of floats beyond 1, which have none, the highest value."""
    if colours.dtype.kind != "f":
        return full_scale(colours.dtype)
    return max(1.0, float(np.max(colours, where=np.isfinite(colours), initial=1)))


def _of_bands(picture: Picture, colours: NDArray[Any], fill: str) -> NDArray[np.float64]:
    """Return a colour, of 255, in as many bands as the picture has."""
    colour = parse_colour(fill)
    bands = colours.shape[2]
    if colour is None or picture.is_cmyk or bands not in (1, 3):
        what = "inks (CMYK)" if picture.is_cmyk else f"{bands} bands"
        raise ParameterError(f"The picture has {what}, in which the colour {fill} has no meaning: use another fill.")
    if bands == 1 and len(set(colour)) > 1:
        raise ParameterError(f"The picture is grey and the colour {fill} isn't: give a grey one.")
    return np.array(colour[:bands], float)


def _render(
    picture: Picture, seen: NDArray[Any], hole: NDArray[np.bool_], contrast: float | None, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Render cracks, as people see them, in place; return the mask of what was changed."""
    from restauro.damage.rendering import render_cracks

    colours = _colours(picture, seen)
    if picture.is_cmyk:
        raise ParameterError("Cracks can't be rendered in inks (CMYK): convert the picture to RGB, or use a fill.")
    if colours.dtype not in (np.uint8, np.uint16) and not (colours.dtype.kind == "f" and _white(colours) == 1):
        raise ParameterError(
            "Cracks can be rendered in pictures of 8 or 16 bits, or of floats from 0 to 1, and this one's values "
            f"({colours.dtype}) aren't: convert it, or use a fill."
        )
    rendered, truth = render_cracks(colours, hole, rng, contrast=contrast)
    colours[truth] = rendered[truth]
    return truth
