"""Odd paths, to every function that takes one: each does its work or ends with a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import restauro
from restauro.errors import ParameterError, ParameterTypeError, RestauroError, checked_path
from restauro.evaluation.comparing import compare_file
from restauro.evaluation.references import make_way


class _Bytes(os.PathLike[bytes]):
    def __fspath__(self) -> bytes:
        return b"a.png"


def restored(mask: Any = "m.png", source: Any = "a.png", target: Any = "o.png", **options: Any) -> object:
    return restauro.restore_file(source, target, mask=mask, method="harmonic", overwrite=True, **options)


def damaged(source: Any = "a.png", target: Any = "o.png", **options: Any) -> object:
    return restauro.damage_file(source, target, kind="losses", overwrite=True, **options)


def detected(source: Any = "a.png", target: Any = "o.png", **options: Any) -> object:
    return restauro.detect_file(source, target, kind="color", colour="#ff0000", overwrite=True, **options)


def written(target: Any) -> object:
    restoration = restauro.Restoration.open("a.png").mask_from("m.png").fill("harmonic")
    return restoration.write(target, overwrite=True)


def compared(source: Any = "a.png", mask: Any = "m.png", **options: Any) -> object:
    return compare_file(source, [make_way("mean-colour")], mask=mask, **options)


CALLS: dict[str, Callable[[Any], object]] = {
    "restore_file, source": lambda path: restored(source=path),
    "restore_file, target": lambda path: restored(target=path),
    "restore_file, mask": lambda path: restored(mask=path),
    "restore_file, save_mask": lambda path: restored(save_mask=path),
    "Restoration.open": restauro.Restoration.open,
    "Restoration.mask_from": lambda path: restauro.Restoration.open("a.png").mask_from(path),
    "Restoration.write": written,
    "read_picture": restauro.read_picture,
    "read_mask": lambda path: restauro.read_mask(path, restauro.read_picture("a.png")),
    "write_picture": lambda path: restauro.write_picture(restauro.read_picture("a.png"), path, overwrite=True),
    "damage_file, source": lambda path: damaged(source=path),
    "damage_file, target": lambda path: damaged(target=path),
    "damage_file, mask_out": lambda path: damaged(mask_out=path),
    "detect_file, source": lambda path: detected(source=path),
    "detect_file, target": lambda path: detected(target=path),
    "detect_file, preview": lambda path: detected(preview=path),
    "detect_file, hints": lambda path: detected(hints=path),
    "compare_file, source": lambda path: compared(source=path),
    "compare_file, mask": lambda path: compared(mask=path),
    "compare_file, truth": lambda path: compared(truth=path),
    "network": lambda path: restauro.method_class("network")(model=path),
}
# What may be left out.
MAY_BE_NONE = {
    "restore_file, save_mask",
    "damage_file, mask_out",
    "detect_file, preview",
    "detect_file, hints",
    "compare_file, truth",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pyvips.Image.black(20, 10, bands=3).linear(1, 90).cast("uchar").copy(interpretation="srgb").pngsave("a.png")
    pyvips.Image.black(20, 10).draw_rect(255, 4, 4, 6, 2, fill=True).pngsave("m.png")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("path", [None, b"a.png", 3, 3.5, ["a.png"], {"a.png": 1}, object(), True, _Bytes()])
def test_what_is_no_path_is_told_so(call: str, path: Any) -> None:
    if path is None and call in MAY_BE_NONE:
        CALLS[call](path)
        return
    with pytest.raises(RestauroError) as raised:
        CALLS[call](path)
    assert isinstance(raised.value, TypeError) or "mask" in call  # which may be an array, and a number is nearly one
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "path", ["a\0b.png", "\0", "a\ud800.png", "x" * 300 + ".png", "x/" * 3000 + "x.png", "a.png/b.png", "..", "."]
)
def test_what_no_file_is_called_by_is_told_so(call: str, path: str) -> None:
    with pytest.raises(RestauroError):
        CALLS[call](path)
    with pytest.raises(RestauroError):
        CALLS[call](Path(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(CALLS)),
    st.text(st.characters(exclude_characters="/", exclude_categories=[]), max_size=12),
    st.sampled_from(["", ".png", ".tif", ".jpg", ".npy", "/x.png"]),
    st.sampled_from([str, Path]),
)
def test_odd_names_end_well_or_with_a_sentence(call: str, name: str, ending: str, kind: type) -> None:
    with suppress(RestauroError):
        CALLS[call](kind(name + ending))


def test_the_sentences() -> None:
    words = "The picture is given by its file's name, a text or a pathlib.Path, not by None."
    with pytest.raises(ParameterTypeError, match=words):
        restauro.read_picture(None)  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match=r"pathlib.Path, not by ndarray\."):
        restauro.read_picture(np.zeros((3, 3)))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"The target's name 'a\\x00.png' can't be a file's: leave out '\\x00'\."):
        restored(target="a\0.png")
    with pytest.raises(ParameterError, match=r"The mask's name .* leave out '\\ud800'\."):
        restored(mask="\ud800")
    assert checked_path(Path("a.png"), "The picture") == checked_path("a.png", "The picture") == Path("a.png")
