"""Numbers of formats against what the standards and other libraries call them."""

from __future__ import annotations

import struct

import tifffile

from restauro.files import jpeg_segments, png_chunks, tiff_pages, tiff_tags


def test_sizes_of_tiff_types_are_tifffiles() -> None:
    formats = {int(kind): f"={layout}" for kind, layout in tifffile.TIFF.DATA_FORMATS.items()}
    assert {kind: struct.calcsize(layout) for kind, layout in formats.items()} == tiff_tags._SIZE


def test_colours_that_tiffs_are_refused_for_are_tifffiles() -> None:
    named = {code: tifffile.PHOTOMETRIC(code).name for code in tiff_pages._UNREADABLE}
    expected = {
        8: "CIELAB",
        9: "ICCLAB",
        10: "ITULAB",
        32803: "CFA",
        32844: "LOGL",
        32845: "LOGLUV",
        34892: "LINEAR_RAW",
    }
    assert named == expected
    assert not tiff_pages._UNREADABLE.keys() & tiff_pages._READABLE


def test_bands_of_png_colour_types() -> None:
    """PNG specification, table 11.1: 1 palette, 2 colour, 4 alpha are the bits of a type."""
    for colour_type, bands in png_chunks._BANDS.items():
        colours = 3 if colour_type & 2 and not colour_type & 1 else 1
        assert bands == colours + bool(colour_type & 4)
    assert set(png_chunks._BANDS) == {0, 2, 3, 4, 6}


def test_reserved_markers_of_jpeg() -> None:
    """ITU-T T.81, table B.1: from 02 to BF."""
    assert (jpeg_segments.RESERVED[0], jpeg_segments.RESERVED[-1]) == (0x02, 0xBF)
