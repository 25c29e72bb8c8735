from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageCms

from restauro.datasets import open_pictures
from restauro.detection.detecting_files import detect_file
from restauro.errors import ImageError
from restauro.evaluation.comparing import compare_file
from restauro.evaluation.references import make_way
from restauro.files.reading import read_picture
from restauro.picture import Picture
from restauro.viewing import check_floats, view

RNG = np.random.default_rng(5)
# White is kept free: it is looked for, and not found, so that previews have no marks.
COLOUR = RNG.integers(0, 240, (24, 32, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 61000, (24, 32, 3), dtype=np.uint16)
FLOATS = RNG.random((24, 32, 3), np.float32) * np.float32(0.9)
PASTEL = (100 + COLOUR * 0.2).astype(np.uint8)  # within sRGB: what isn't, Little CMS cuts off by several ways
ALPHA = RNG.integers(0, 256, (24, 32, 1), dtype=np.uint8)


def profile(name: str) -> bytes:
    """Return one of the profiles that libvips brings."""
    return bytes(pyvips.Operation.call("profile_load", name))


def through(name: str, pixels: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """Return sRGB by another program's way of asking Little CMS."""
    source, target = (ImageCms.ImageCmsProfile(BytesIO(profile(one))) for one in (name, "srgb"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    image = Image.fromarray(pixels, mode) if mode != "CMYK" else Image.frombytes(mode, (32, 24), pixels.tobytes())
    converted = ImageCms.profileToProfile(image, source, target, renderingIntent=intent, outputMode="RGB")
    assert converted is not None
    return np.asarray(converted)


def save(path: Path, pixels: NDArray[Any], interpretation: str, icc: str | None = None, turned: int = 1) -> Path:
    image = pyvips.Image.new_from_array(pixels, interpretation=interpretation).copy()
    if icc:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile(icc))
    if turned != 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", turned)
    image.write_to_file(str(path))
    return path


def rounded(values: NDArray[Any], full: float) -> NDArray[np.uint8]:
    return np.rint(values.astype(np.float64) / full * 255).astype(np.uint8)


INKS = np.concatenate([COLOUR, ALPHA // 2], axis=2)
# The file's name, its pixels, libvips' word for them, an embedded profile, how it is turned, and what is to be seen.
CASES: dict[str, tuple[str, NDArray[Any], str, str | None, int, NDArray[np.uint8]]] = {
    "colour": ("a.png", COLOUR, "srgb", None, 1, COLOUR),
    "grey": ("a.png", COLOUR[..., 0], "b-w", None, 1, COLOUR[..., 0]),
    "alpha": ("a.png", np.concatenate([COLOUR, ALPHA], axis=2), "srgb", None, 1, COLOUR),
    "grey with alpha": ("a.png", np.concatenate([COLOUR[..., :1], ALPHA], axis=2), "b-w", None, 1, COLOUR[..., 0]),
    "16 bits": ("a.png", DEEP, "rgb16", None, 1, rounded(DEEP, 65535)),
    "16 bits, grey": ("a.tif", DEEP[..., 0], "grey16", None, 1, rounded(DEEP[..., 0], 65535)),
    "floats": ("a.tif", FLOATS, "scrgb", None, 1, rounded(FLOATS, 1)),
    "floats, grey": ("a.tif", FLOATS[..., 0], "b-w", None, 1, rounded(FLOATS[..., 0], 1)),
    "32 bits": ("a.tif", DEEP.astype(np.uint32) * 65537, "rgb", None, 1, rounded(DEEP, 65535)),
    "turned": ("a.tif", COLOUR, "srgb", None, 6, np.rot90(COLOUR, -1)),
    "profile": ("a.png", PASTEL, "srgb", "p3", 1, through("p3", PASTEL, "RGB")),
    "profile, 16 bits": ("a.png", PASTEL * np.uint16(257), "rgb16", "p3", 1, through("p3", PASTEL, "RGB")),
    "profile, floats": ("a.tif", PASTEL / np.float32(255), "scrgb", "p3", 1, through("p3", PASTEL, "RGB")),
    "profile, alpha": ("a.png", np.concatenate([PASTEL, ALPHA], axis=2), "srgb", "p3", 1, through("p3", PASTEL, "RGB")),
    "inks": ("a.tif", INKS, "cmyk", None, 1, through("cmyk", INKS, "CMYK")),
    "inks with a profile": ("a.tif", INKS, "cmyk", "cmyk", 1, through("cmyk", INKS, "CMYK")),
    "more bands": ("a.tif", np.concatenate([COLOUR, ALPHA, ALPHA], axis=2), "multiband", None, 1, COLOUR),
}


@pytest.mark.parametrize("case", CASES)
def test_previews_sheets_and_data_sets_show_the_same_and_the_right_colours(tmp_path: Path, case: str) -> None:
    name, pixels, interpretation, icc, turned, expected = CASES[case]
    (tmp_path / "in").mkdir()
    path = save(tmp_path / "in" / name, pixels, interpretation, icc, turned)
    seen = view(read_picture(path))
    assert seen.shape == expected.shape
    # Little CMS has a way for 8 bits and another for 16, which differ by one value.
    assert np.abs(seen.astype(int) - expected).max() <= (1 if icc or interpretation == "cmyk" else 0)
    in_colour = np.repeat(seen[:, :, np.newaxis], 3, axis=2) if seen.ndim == 2 else seen
    assert np.array_equal(open_pictures(path.parent).read(0), in_colour)

    mask = np.zeros(seen.shape[:2], np.uint8)
    mask[4, 5] = 255
    save(tmp_path / "mask.png", mask, "b-w")
    compared = compare_file(path, [make_way("mean-colour")], mask=tmp_path / "mask.png", workers=1)
    assert np.array_equal(compared.damaged, seen)
    if pixels.dtype == np.uint32:
        return  # in which no damage is looked for
    found = detect_file(
        path, tmp_path / "found.png", kind="color", colour="#ffffff", tolerance=0, preview=tmp_path / "preview.png"
    )
    assert not found.pixels
    assert np.array_equal(pyvips.Image.new_from_file(str(tmp_path / "preview.png")).numpy(), in_colour)


def picture(pixels: NDArray[Any]) -> Picture:
    return Picture(pixels, Path("a.tif"), "tiff", orientation=1, has_alpha=False)


def test_floats_that_have_no_white_are_refused_unless_they_are_hole() -> None:
    pixels = np.array([[0.5, 1.0], [0.25, 37.0]], np.float32)
    with pytest.raises(ImageError, match=r"from 0, black, to 1, white, and the picture's go from 0\.25 to 37: divide"):
        view(picture(pixels))
    hole = pixels > 1
    for under in (37, np.nan, np.inf, -np.inf):
        pixels[hole] = under
        assert np.array_equal(view(picture(pixels), hole)[~hole], [128, 255, 64])
    pixels[hole] = np.nan
    with pytest.raises(ImageError, match="holds NaN, which can't be shown"):
        check_floats(pixels)


def test_signed_samples_are_refused() -> None:
    with pytest.raises(ImageError, match="Samples of type short can't be shown: convert them to 8 or 16 bits"):
        view(picture(np.zeros((2, 2), np.int16)))
