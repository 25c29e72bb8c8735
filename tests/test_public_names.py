from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import restauro

NAMES = [
    "ChoiceParameter",
    "DEFAULT_METHOD",
    "Damaged",
    "DataError",
    "Detected",
    "EvaluationError",
    "Heal",
    "ImageError",
    "ImageTypeError",
    "Mask",
    "MaskError",
    "MaskTypeError",
    "Method",
    "MethodError",
    "ModelError",
    "Note",
    "Parameter",
    "ParameterError",
    "ParameterTypeError",
    "Picture",
    "PictureMask",
    "PolicyError",
    "ReadError",
    "Remedy",
    "RestauroError",
    "Restoration",
    "Restored",
    "Task",
    "TextParameter",
    "TrainingError",
    "WriteError",
    "Written",
    "damage_file",
    "detect",
    "detect_each",
    "detect_file",
    "grow_mask",
    "heal",
    "infrared_mask",
    "inpaint",
    "make_damage",
    "method_class",
    "method_names",
    "read_mask",
    "read_picture",
    "render_cracks",
    "restore_file",
    "write_picture",
]


def test_these_names_are_public() -> None:
    assert sorted(restauro.__all__) == NAMES
    assert set(NAMES) <= set(dir(restauro))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_its_module_has(name: str) -> None:
    module = importlib.import_module(f"restauro.{listed()[name]}")
    assert getattr(restauro, name) is getattr(module, name)


def listed() -> dict[str, str]:
    """Return the names that type checkers and editors see, and their modules."""
    stub = ast.parse(Path(restauro.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        str(alias.asname): str(node.module)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_see_the_same_names() -> None:
    assert sorted(listed()) == NAMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No restauro attribute inpant"):
        restauro.inpant  # noqa: B018
