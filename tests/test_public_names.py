from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import restauro

NAMES = [
    "DEFAULT_METHOD",
    "Damaged",
    "DataError",
    "Detected",
    "EvaluationError",
    "ImageError",
    "ImageTypeError",
    "MaskError",
    "MaskTypeError",
    "Method",
    "MethodError",
    "ModelError",
    "Parameter",
    "ParameterError",
    "ParameterTypeError",
    "Picture",
    "PictureMask",
    "ReadError",
    "RestauroError",
    "Restored",
    "Task",
    "TrainingError",
    "WriteError",
    "Written",
    "damage_file",
    "detect",
    "detect_file",
    "grow_mask",
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
    module = importlib.import_module(f"restauro.{restauro._PUBLIC[name]}")
    assert getattr(restauro, name) is getattr(module, name)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(restauro.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == {name: f"restauro.{module}" for name, module in restauro._PUBLIC.items()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'restauro' has no attribute 'inpant'"):
        restauro.inpant  # noqa: B018
