"""Sessions as layers for other programs, and what a hand has changed of them there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError, MaskError
from restauro.files.layers import Layer, Layered, flattened, write_layers
from restauro.holes import Box
from restauro.web.guided import AVOID, SOURCES
from restauro.web.planes import DAMAGE, SOUND

if TYPE_CHECKING:
    from restauro.web.session import Session

ORIGINAL, MASK = "Original", "Mask: "  # what masks' names begin with
MARKS = f"{MASK}marks"
_KINDS = {
    "heal": "Healed",
    "source": "Healed from a source",
    "restore": "Restored",
    "part": "Parts taken",
    "edits": "By hand",
}
_PAINTED = {
    f"{MASK}allowed sources": ("guides", SOURCES),
    f"{MASK}forbidden sources": ("guides", AVOID),
    f"{MASK}hints of damage": ("hints", DAMAGE),
    f"{MASK}hints of what is sound": ("hints", SOUND),
}


def save_layers(session: Session, target: Path) -> None:
    """Write a session as a layered file: the untouched picture, what was restored by kind, masks by name.

    All visible layers together are the picture as it is, bit for bit.

    Raises
    ------
    ImageError
        The picture has transparency, inks, or other samples than 8 or 16 bits.
    """
    picture = session.picture
    if picture.pixels.dtype not in (np.uint8, np.uint16) or picture.bits not in (8, 16):
        raise ImageError(f"Layers hold 8 or 16 bits, and the picture has {picture.bits}: save a project.")
    if picture.has_alpha or picture.is_cmyk or picture.bands not in (1, 3):
        raise ImageError("Layers are made of grey and RGB pictures without transparency: save a project.")
    with session.lock:
        layers = _layers(session)
    write_layers(layers, target, profile=picture.metadata.get("icc-profile-data"))


def _layers(session: Session) -> list[Layer]:
    seen, dtype = session.retouch.seen, session.picture.pixels.dtype
    whole = (0, session.size[0], 0, session.size[1])
    layers = [Layer(ORIGINAL, np.atleast_3d(session.retouch.untouched(whole)))]
    owner = _owners(session)
    for number, name in enumerate(_KINDS.values(), 1):
        layers += _layer(name, owner == number, lambda box: seen[box[0] : box[1], box[2] : box[3]])
    layers += _mask(MARKS, session.marks, dtype)
    for name, (plane, level) in _PAINTED.items():
        if session.planes[plane].painted:
            painted = np.where(session.planes[plane].levels == level, np.uint8(255), np.uint8(0))
            layers += _mask(name, painted, dtype)
    return layers


def changed_by_hand(session: Session, layered: Layered) -> tuple[Box, NDArray[np.uint8], NDArray[Any]] | None:
    """Return where visible layers differ from the picture as it is: the box, levels [h, w], values; None: nowhere.

    Raises
    ------
    MaskError, ReadError
        The layers are of another size; they have fewer bits, or colours for a grey picture.
    """
    check_size(session, layered)
    picture = [layer for layer in layered.layers if not layer.name.startswith(MASK)]
    whole = (0, session.size[0], 0, session.size[1])
    now = session.retouch.seen
    pixels = flattened(picture, session.retouch.untouched(whole))
    differs = (pixels != now).reshape(*session.size, -1).any(axis=2)
    box = _box_of(differs)
    if box is None:
        return None
    inside = slice(box[0], box[1]), slice(box[2], box[3])
    levels = np.where(differs[inside], np.uint8(255), np.uint8(0))
    return box, levels, pixels[inside][differs[inside]]


def marks_by_hand(session: Session, layered: Layered) -> NDArray[np.uint8] | None:
    """Return the marks of the layer that is called so, uint8 [H, W]; None where there is none, or nothing new."""
    layer = layered.named(MARKS)
    if layer is None:
        return None
    full = np.iinfo(layer.pixels.dtype).max
    opacity = layer.pixels[..., -1] if layer.pixels.shape[2] in (2, 4) else np.full(layer.pixels.shape[:2], full)
    marks = np.zeros(session.size, np.uint8)
    one = Layer(MARKS, np.ceil(opacity / full * 255).astype(np.uint8)[..., np.newaxis], layer.top, layer.left)
    marks = flattened([one], marks)
    return None if np.array_equal(marks, session.marks) else marks


def check_size(session: Session, layered: Layered) -> None:
    """Raise MaskError where layers aren't as large as the picture."""
    if (layered.height, layered.width) != session.size:
        raise MaskError(
            f"The layers are {layered.width} x {layered.height} pixels and the picture {session.size[1]} x "
            f"{session.size[0]}: load those of this very picture."
        )


def _owners(session: Session) -> NDArray[np.uint8]:
    """Return by which kind of result each pixel was made last, uint8 [H, W], counted from 1; 0: by none."""
    owner = np.zeros(session.size, np.uint8)
    kinds = list(_KINDS)
    for number in sorted(session.patches):
        if session.shown[number]:
            step, patch = session.step(number), session.patches[number]
            kind = "source" if step.kind == "heal" and step.values["method"] == "heal" else step.kind
            window = owner[patch.box[0] : patch.box[1], patch.box[2] : patch.box[3]]
            window[patch.levels > 0] = kinds.index(kind) + 1
    return owner


def _layer(name: str, mask: NDArray[np.bool_], pixels: Any) -> list[Layer]:
    """Return a layer of the pixels that a mask [H, W] marks, or none; `pixels` gives those of a box."""
    box = _box_of(mask)
    if box is None:
        return []
    here = np.atleast_3d(pixels(box))
    full = np.iinfo(here.dtype).max
    opacity = np.where(mask[box[0] : box[1], box[2] : box[3]], here.dtype.type(full), here.dtype.type(0))
    return [Layer(name, np.concatenate([here, opacity[..., np.newaxis]], axis=2), box[0], box[2])]


def _mask(name: str, levels: NDArray[np.uint8], dtype: np.dtype[Any]) -> list[Layer]:
    """Return a hidden layer of levels [H, W]: white, as opaque as they are; none where all are 0."""
    box = _box_of(levels > 0)
    if box is None:
        return []
    opacity = levels[box[0] : box[1], box[2] : box[3]].astype(dtype) * (257 if dtype == np.uint16 else 1)
    white = np.full_like(opacity, np.iinfo(dtype).max)
    return [Layer(name, np.stack([white, opacity], axis=2).astype(dtype), box[0], box[2], visible=False)]


def _box_of(mask: NDArray[np.bool_]) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
