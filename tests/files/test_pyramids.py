"""Tiled pyramids: made anew from the restored picture, the tags kept, whichever way the copies lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray

from restauro.files.reading import read_picture
from restauro.files.writing import Written, write_picture

HOLE = (slice(100, 130), slice(20, 60))


def pyramid(path: Path, dtype: str, bands: int = 3, *, inside: bool) -> NDArray[Any]:
    """Write a pyramid in tiles, and return the picture."""
    rng = np.random.default_rng(0)
    array = rng.integers(0, 250, (700, 901, bands)).astype(dtype)
    image = pyvips.Image.new_from_array(array if bands > 1 else array[..., 0])
    options = {"tile": True, "pyramid": True, "tile_width": 64, "tile_height": 64, "compression": "lzw"}
    image.tiffsave(str(path), subifd=inside, **options)
    return array


def restore(source: Path, target: Path) -> Written:
    picture = read_picture(source)
    hole = np.zeros(picture.pixels.shape[:2], bool)
    hole[HOLE] = True
    picture.pixels[hole] = 255
    return write_picture(picture, target, hole=hole)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("dtype", "bands"), [("u1", 3), ("u2", 3), ("f4", 1), ("u1", 1)])
def test_a_pyramid_is_written_as_one(tmp_path: Path, inside: bool, dtype: str, bands: int) -> None:
    array = pyramid(tmp_path / "a.tif", dtype, bands, inside=inside)
    written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert written.changed_outside == 0
    assert "smaller-copies-made-anew" in [note.code for note in read_picture(tmp_path / "a.tif").notes]
    array[HOLE] = 255
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(tmp_path / "b.tif") as after:
        was, now = before.series[0].levels, after.series[0].levels
        assert [level.shape for level in was] == [level.shape for level in now]
        assert len(now) > 2
        assert now[0].keyframe.compression == was[0].keyframe.compression
        np.testing.assert_array_equal(np.atleast_3d(now[0].asarray()), array)
        halves = np.atleast_3d(now[1].asarray()).astype(float)
        means = array[:700, :900].reshape(350, 2, 450, 2, bands).astype(float).mean(axis=(1, 3))
        assert np.abs(halves - means).max() <= 1
    picture = read_picture(tmp_path / "b.tif")  # it can be restored once more
    np.testing.assert_array_equal(np.atleast_3d(picture.pixels), array)


@pytest.mark.parametrize("inside", [False, True])
def test_a_pyramid_keeps_its_tags(tmp_path: Path, inside: bool) -> None:
    pyramid(tmp_path / "plain.tif", "u1", inside=inside)
    image = pyvips.Image.new_from_file(str(tmp_path / "plain.tif")).copy(xres=11.8, yres=11.8)
    image.set_type(pyvips.GValue.gstr_type, "image-description", "A panel")
    image.tiffsave(str(tmp_path / "a.tif"), tile=True, pyramid=True, subifd=inside, bigtiff=True, resunit="cm")
    restore(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(tmp_path / "b.tif") as after:
        assert after.is_bigtiff
        for name in ("XResolution", "ResolutionUnit", "ImageDescription"):
            assert after.pages.first.tags[name].value == before.pages.first.tags[name].value


def test_what_is_no_pyramid_is_left_out(tmp_path: Path) -> None:
    array = np.zeros((320, 320, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(array, photometric="rgb", tile=(64, 64), subifds=1)
        file.write(array[::3, ::3], photometric="rgb", subfiletype=1)
    picture = read_picture(tmp_path / "a.tif")
    assert [note.code for note in picture.notes] == ["smaller-copies-left-out"]
    restore(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert len(file.series[0].levels) == 1
