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
    "read_picture": "picture",
    "write_picture": "picture",
    "read_mask": "mask",
    "grow_mask": "mask",
    "restore_file": "restoring",
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
}
