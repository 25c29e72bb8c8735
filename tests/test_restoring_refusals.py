"""What `restore_file` refuses, before it compiles or writes anything."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from restauro.errors import ImageError, MaskError, MethodError, ParameterError, ReadError, RestauroError, WriteError
from restauro.restoring_files import restore_file
from tests.panels import CLEAN, HOLE, files_in, save


def test_where_all_else_is_unknown_there_is_nothing_to_fill_from(tmp_path: Path) -> None:
    heights = np.full(HOLE.shape, np.nan, np.float32)
    heights[HOLE] = 1
    tifffile.imwrite(tmp_path / "dem.tif", heights)
    with pytest.raises(MaskError, match="All pixels are hole or unknown, so there is no known pixel to fill from"):
        restore_file(tmp_path / "dem.tif", tmp_path / "out.tif", mask=HOLE)


def test_a_full_mask_is_refused(panel: Path, tmp_path: Path) -> None:
    mask = save(tmp_path / "full.png", np.full(HOLE.shape, 255, np.uint8))
    with pytest.raises(MaskError, match="All of the picture is hole, so there is nothing to fill it from"):
        restore_file(panel, tmp_path / "out.tif", mask=mask, accept_large_holes=True)


def test_a_mask_that_looks_inverted_is_refused(panel: Path, tmp_path: Path) -> None:
    mask = save(tmp_path / "inverted.png", np.where(HOLE, 0, 255).astype(np.uint8))
    with pytest.raises(
        MaskError, match=r"94.5% of the picture is hole, so the mask looks inverted: use polarity=.black. where"
    ):
        restore_file(panel, tmp_path / "out.tif", mask=mask)
    assert restore_file(panel, tmp_path / "a.tif", mask=mask, polarity="black").hole_pixels == HOLE.sum()
    with pytest.raises(MaskError, match=r'use polarity="white" where'):
        restore_file(panel, tmp_path / "out.tif", mask=save(tmp_path / "m.png", HOLE * np.uint8(255)), polarity="black")
    restored = restore_file(panel, tmp_path / "b.tif", mask=mask, accept_large_holes=True)
    assert restored.hole_pixels == (~HOLE).sum()


def test_sixty_percent_is_where_masks_look_inverted(panel: Path, tmp_path: Path) -> None:
    values = np.zeros(HOLE.shape, np.uint8)
    values[:24] = 255  # 60 %
    assert restore_file(panel, tmp_path / "out.tif", mask=save(tmp_path / "m.png", values)).hole_pixels == 24 * 56
    values[24, 0] = 255
    with pytest.raises(MaskError, match="looks inverted"):
        restore_file(panel, tmp_path / "new.tif", mask=save(tmp_path / "m.png", values))


def test_a_large_hole_that_cannot_be_inverted_names_no_polarity(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "depth.tif", np.where(CLEAN[..., 0] < 30, np.nan, 1).astype(np.float32))
    with pytest.raises(MaskError, match=r"75.0% of the picture is hole: use accept_large_holes=True if that"):
        restore_file(tmp_path / "depth.tif", tmp_path / "out.tif", mask="nan")


@pytest.mark.parametrize(
    ("option", "sentence"),
    [({"workers": 0}, "workers=0"), ({"seed": -1}, "seed=-1"), ({"progress": 5}, "5 can't be called")],
)
def test_a_dry_run_refuses_what_a_run_would(
    panel: Path, losses: Path, tmp_path: Path, option: dict[str, Any], sentence: str
) -> None:
    for dry_run in (True, False):
        with pytest.raises(RestauroError, match=sentence):
            restore_file(panel, tmp_path / "new.tif", mask=losses, dry_run=dry_run, **option)


WRONG: list[tuple[dict[str, Any], type[RestauroError], str]] = [
    (
        {"target": "panel.tif"},
        WriteError,
        "is the picture itself: choose another name, or use overwrite=True",
    ),
    ({"target": "losses.png"}, WriteError, "is the mask: choose another name"),
    ({"target": "losses.png", "overwrite": True}, WriteError, "is the mask: choose another name"),
    ({"target": "there.tif"}, WriteError, "is there already"),
    ({"target": "x" * 300 + "/out.tif"}, WriteError, r"The folder .*x can't be made \(.*\): choose another"),
    ({"target": "out.psd"}, WriteError, r"end in \.psd"),
    ({"save_mask": "used.jpg"}, WriteError, r"written as a PNG, so .*used.jpg must end in .png"),
    ({"save_mask": "panel.tif.png", "target": "panel.tif.png"}, WriteError, "which is the picture"),
    (
        {"save_mask": "there.png"},
        WriteError,
        r"there.png is there already: choose another name, or use over",
    ),
    ({"source": "missing.tif"}, ReadError, "There is no such file"),
    ({"mask": "missing.png"}, ReadError, "The mask .*missing.png: There is no such file"),
    ({"mask": "small.png"}, MaskError, "The mask .*small.png: It is 10 x 10 pixels and the picture 56 x 40"),
    ({"grow": -1}, MaskError, "can't grow by -1 pixels"),
    ({"method": "tela"}, MethodError, "did you mean 'telea'"),
    ({"method": "telea", "parameters": {"radius": 1000}}, ParameterError, "radius=1000 is out of range"),
    ({"method": "telea", "parameters": {"raduis": 3}}, ParameterError, "no parameter 'raduis'.*did you mean 'radius'"),
]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(("wrong", "error", "sentence"), WRONG)
def test_what_is_wrong_is_said_and_nothing_is_written(
    panel: Path, losses: Path, tmp_path: Path, wrong: dict[str, Any], error: type, sentence: str, dry_run: bool
) -> None:
    save(tmp_path / "small.png", np.eye(10, dtype=np.uint8))
    save(tmp_path / "there.png", np.eye(10, dtype=np.uint8))
    save(tmp_path / "there.tif", np.eye(10, dtype=np.uint8))
    before = files_in(tmp_path)
    given: dict[str, Any] = {"source": panel, "target": tmp_path / "out.tif", "mask": losses} | wrong
    for name in {"source", "target", "mask", "save_mask"} & set(given):
        given[name] = tmp_path / given[name]
    with pytest.raises(error, match=sentence):
        restore_file(given.pop("source"), given.pop("target"), **given, dry_run=dry_run)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"mask": np.where(HOLE, 0, 255)},
        {"mask": np.where(HOLE, 0, 255), "values": [255]},
        {"mask": np.where(HOLE, 255, 0), "polarity": "black"},
        {"mask": np.full(HOLE.shape, 255), "accept_large_holes": True},
        {"mask": np.where(HOLE, 255, 0)[1:]},
        {"mask": np.dstack([255 * HOLE, 90 * HOLE, np.arange(56) + 0 * HOLE])},
        {"mask": 0 * HOLE},  # isn't wrong, and needs none either
        {"mask": b"no picture"},
        {"mask": "alpha"},
        {"mask": "color:#zzzzzz"},
        {"mask": np.where(HOLE, 255, 0), "grow": 1001},
    ],
)
def test_a_wrong_mask_loads_no_kernels(
    panel: Path, tmp_path: Path, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time they are compiled, which takes longer than to say what is wrong."""
    loaded: list[object] = []
    monkeypatch.setattr("restauro.restoring_files.load_kernels", loaded.append)
    mask = wrong.pop("mask")
    if isinstance(mask, bytes):
        (tmp_path / "mask.png").write_bytes(mask)
    elif not isinstance(mask, str):
        save(tmp_path / "mask.png", mask.astype(np.uint8))
    named = mask if isinstance(mask, str) else tmp_path / "mask.png"
    with contextlib.nullcontext() if isinstance(mask, np.ndarray) and not mask.any() else pytest.raises(RestauroError):
        restore_file(panel, tmp_path / "out.tif", mask=named, **wrong)
    assert loaded == []


@pytest.mark.parametrize("how", ["inverted", "soft and inverted", "of another size", "grown"])
def test_a_wrong_mask_compiles_nothing(panel: Path, tmp_path: Path, how: str) -> None:
    mask = np.where(HOLE, 0, 255)
    mask[0, :9] = np.arange(9) * 20 if how == "soft and inverted" else 255
    save(tmp_path / "mask.png", (mask[1:] if how == "of another size" else mask).astype(np.uint8))
    code = f"""
    from restauro import RestauroError, restore_file
    try:
        restore_file({str(panel)!r}, "out.tif", mask="mask.png", grow={1001 if how == "grown" else 0})
    except RestauroError as error:
        print(error)
    """
    settings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.count("\n") == 1
    assert not list(tmp_path.rglob("*.nbi"))


@pytest.mark.parametrize(
    ("grow", "what"),
    [
        (
            15,
            "% of the picture is hole when the mask is grown by 15 pixels (it is 5.5% before): use grow=... with less",
        ),
        (1000, "All of the picture is hole when the mask is grown by 1000 pixels (it is 5.5% before), so there is"),
    ],
)
def test_what_growing_covers_is_blamed_on_growing(
    panel: Path, losses: Path, tmp_path: Path, grow: int, what: str
) -> None:
    with pytest.raises(MaskError, match=re.escape(what)) as refused:
        restore_file(panel, tmp_path / "out.tif", mask=losses, grow=grow)
    assert "polarity" not in str(refused.value)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_not_called_nan(tmp_path: Path, value: float) -> None:
    heights = CLEAN[..., 0].astype(np.float32)
    heights[HOLE] = value
    source = tmp_path / "heights.tif"
    tifffile.imwrite(source, heights)
    mask = f"value:{value}"
    with pytest.raises(ImageError, match=f"has infinity in 124 pixels that aren't hole: use mask=.{mask}. to have it"):
        restore_file(source, tmp_path / "out.tif", mask="nan")
    assert restore_file(source, tmp_path / "out.tif", mask=mask).hole_pixels == 124
    assert np.isfinite(tifffile.imread(tmp_path / "out.tif")).all()
