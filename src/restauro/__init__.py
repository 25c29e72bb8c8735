"""restauro restores damaged pictures: it fills holes and changes nothing else.

>>> import numpy as np, restauro
>>> image = np.full((8, 8), 100, np.uint8)
>>> mask = np.zeros((8, 8), bool)
>>> mask[3:5, 2:6] = True
>>> restored = restauro.inpaint(image, mask, "telea", radius=5)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what `__getattr__` finds, for type checkers and editors
    from restauro.damage.damaging import Damaged as Damaged
    from restauro.damage.damaging import damage_file as damage_file
    from restauro.damage.detecting import Detected as Detected
    from restauro.damage.detecting import detect_file as detect_file
    from restauro.damage.detection import detect as detect
    from restauro.damage.kinds import make_damage as make_damage
    from restauro.damage.rendering import render_cracks as render_cracks
    from restauro.errors import DataError as DataError
    from restauro.errors import EvaluationError as EvaluationError
    from restauro.errors import ImageError as ImageError
    from restauro.errors import ImageTypeError as ImageTypeError
    from restauro.errors import MaskError as MaskError
    from restauro.errors import MaskTypeError as MaskTypeError
    from restauro.errors import MethodError as MethodError
    from restauro.errors import ModelError as ModelError
    from restauro.errors import ParameterError as ParameterError
    from restauro.errors import ParameterTypeError as ParameterTypeError
    from restauro.errors import ReadError as ReadError
    from restauro.errors import RestauroError as RestauroError
    from restauro.errors import TrainingError as TrainingError
    from restauro.errors import WriteError as WriteError
    from restauro.files.reading import read_picture as read_picture
    from restauro.files.writing import Written as Written
    from restauro.files.writing import write_picture as write_picture
    from restauro.inpainting import inpaint as inpaint
    from restauro.mask import grow_mask as grow_mask
    from restauro.method import DEFAULT_METHOD as DEFAULT_METHOD
    from restauro.method import Method as Method
    from restauro.method import Parameter as Parameter
    from restauro.method import Task as Task
    from restauro.method import method_class as method_class
    from restauro.method import method_names as method_names
    from restauro.picture import Picture as Picture
    from restauro.picture_mask import PictureMask as PictureMask
    from restauro.picture_mask import read_mask as read_mask
    from restauro.restoring import Restored as Restored
    from restauro.restoring import restore_file as restore_file

__version__ = "0.1.0"

# Public names and the modules they live in, imported on first use so that `import restauro` costs NumPy alone.
_PUBLIC = {
    "inpaint": "inpainting",
    "DEFAULT_METHOD": "method",
    "Method": "method",
    "Parameter": "method",
    "Task": "method",
    "method_names": "method",
    "method_class": "method",
    "Picture": "picture",
    "read_picture": "files.reading",
    "Written": "files.writing",
    "write_picture": "files.writing",
    "PictureMask": "picture_mask",
    "read_mask": "picture_mask",
    "grow_mask": "mask",
    "Restored": "restoring",
    "restore_file": "restoring",
    "make_damage": "damage.kinds",
    "render_cracks": "damage.rendering",
    "Damaged": "damage.damaging",
    "damage_file": "damage.damaging",
    "detect": "damage.detection",
    "Detected": "damage.detecting",
    "detect_file": "damage.detecting",
    "RestauroError": "errors",
    "ImageError": "errors",
    "ImageTypeError": "errors",
    "MaskError": "errors",
    "MaskTypeError": "errors",
    "MethodError": "errors",
    "ParameterError": "errors",
    "ParameterTypeError": "errors",
    "ReadError": "errors",
    "WriteError": "errors",
    "ModelError": "errors",
    "DataError": "errors",
    "EvaluationError": "errors",
    "TrainingError": "errors",
}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'restauro' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"restauro.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
