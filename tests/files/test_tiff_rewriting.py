"""Which tags of a TIFF go where, by the names that tifffile knows them by."""

from __future__ import annotations

import pytest
import tifffile

from restauro.files import tiff_rewriting, tiff_tags
from restauro.files.tiff_pages import TiffPage
from restauro.files.tiff_tags import Form, Tag

LAYOUT = [
    "ImageWidth",
    "ImageLength",
    "BitsPerSample",
    "Compression",
    "PhotometricInterpretation",
    "FillOrder",
    "StripOffsets",
    "SamplesPerPixel",
    "RowsPerStrip",
    "StripByteCounts",
    "PlanarConfiguration",
    "Predictor",
    "ColorMap",
    "TileWidth",
    "TileLength",
    "TileOffsets",
    "TileByteCounts",
    "ExtraSamples",
    "SampleFormat",
]
# Of other samples, of gaps in the old file, or pointing into it; ImageSourceData: Photoshop's layers, of which a note
# of their own tells.
NOT_TRUE_ANY_MORE = [
    "MinSampleValue",
    "MaxSampleValue",
    "FreeOffsets",
    "FreeByteCounts",
    "SubIFDs",
    "SMinSampleValue",
    "SMaxSampleValue",
    "JPEGTables",
    "JPEGProc",
    "JPEGInterchangeFormat",
    "JPEGInterchangeFormatLength",
    "JPEGRestartInterval",
    "JPEGLosslessPredictors",
    "JPEGPointTransforms",
    "JPEGQTables",
    "JPEGDCTables",
    "JPEGACTables",
    "YCbCrCoefficients",
    "YCbCrSubSampling",
    "YCbCrPositioning",
    "ReferenceBlackWhite",
    "LercParameters",
    "ImageSourceData",
]
EXIF = [
    "ImageDescription",
    "Make",
    "Model",
    "Orientation",
    "TransferFunction",
    "Software",
    "DateTime",
    "Artist",
    "WhitePoint",
    "PrimaryChromaticities",
    "Copyright",
    "XResolution",
    "YResolution",
    "ResolutionUnit",
    "ExifTag",
    "GPSTag",
]
CARRIED = ["XMP", "IPTCNAA", "ImageResources", "InterColorProfile"]
OF_TIFF = ["NewSubfileType", "SubfileType", "Thresholding", "PageNumber", "InkSet", "NumberOfInks"]
GEOREFERENCE = [
    "ModelPixelScaleTag",
    "ModelTiepointTag",
    "ModelTransformationTag",
    "GeoKeyDirectoryTag",
    "GeoDoubleParamsTag",
    "GeoAsciiParamsTag",
]
IN_WORDS = dict.fromkeys(GEOREFERENCE, "its georeference") | {"GDAL_NODATA": "its nodata value"}
IN_WORDS |= {"GDAL_METADATA": "GDAL's data", "IJMetadata": "ImageJ's data", "IJMetadataByteCounts": "ImageJ's data"}

CODES = {name: code for code, name in sorted(tifffile.TIFF.TAGS.items(), reverse=True)}  # of two, the lower
TAG = Tag(4, 1, b"\1\0\0\0")


@pytest.mark.parametrize("name", [*LAYOUT, *NOT_TRUE_ANY_MORE, *EXIF, *CARRIED, *OF_TIFF])
def test_what_means_nothing_elsewhere_or_is_carried_over_is_not_named(name: str) -> None:
    assert tiff_rewriting.only_here({CODES[name]: TAG}) == []


@pytest.mark.parametrize(("name", "words"), IN_WORDS.items())
def test_what_other_formats_do_not_hold_is_named(name: str, words: str) -> None:
    assert tiff_rewriting.only_here({CODES[name]: TAG}) == [words]


def test_all_other_tags_are_named_by_their_codes() -> None:
    known = {*LAYOUT, *NOT_TRUE_ANY_MORE, *EXIF, *CARRIED, *OF_TIFF, *IN_WORDS}
    silent = {516, tiff_tags.CREDENTIALS}  # a table of an old JPEG; of content credentials, which have no name there
    others = {code for code in range(65536) if not known & set(tifffile.TIFF.TAGS.getall(code) or ())} - silent
    named = tiff_rewriting.only_here(dict.fromkeys(others, TAG))
    assert named == [f"tags {', '.join(str(code) for code in sorted(others))}"]
    assert tiff_rewriting.only_here({tiff_tags.CREDENTIALS: TAG}) == ["its content credentials (C2PA)"]


def test_only_what_exif_allows_is_in_its_block() -> None:
    every = dict.fromkeys(range(65536), TAG)
    page = TiffPage(every, Form("<", big=False), ())
    block = tiff_rewriting.exif_block(page)
    assert block is not None
    assert int.from_bytes(block[14:16], "little") == len(EXIF)
    codes = [int.from_bytes(block[start : start + 2], "little") for start in range(16, 16 + 12 * len(EXIF), 12)]
    assert codes == sorted(CODES[name] for name in EXIF)
