"""Linear light of stored values, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Light(NamedTuple):
    """How stored values and linear light, 0 to 1, belong together."""

    full: float
    is_coded: bool

    @classmethod
    def of(cls, image: NDArray[Any], hole: NDArray[np.bool_]) -> Light:
        """Integers are coded as sRGB, their largest value is white; of floats the largest known one is."""
        if image.dtype.kind in "iu":
            return cls(float(np.iinfo(image.dtype).max), True)
        if image.dtype.kind == "b":
            return cls(1.0, False)
        known = np.abs(image[~hole])
        return cls(float(known.max()) or 1.0 if known.size else 1.0, False)

    def of_stored(self, values: NDArray[Any]) -> NDArray[np.float64]:
        v = values.astype(np.float64) / self.full
        return np.where(v <= 0.04045, v / 12.92, ((np.maximum(v, 0) + 0.055) / 1.055) ** 2.4) if self.is_coded else v

    def to_stored(self, light: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.is_coded:
            return light * self.full
        v = np.where(light <= 0.04045 / 12.92, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
        return v * self.full
