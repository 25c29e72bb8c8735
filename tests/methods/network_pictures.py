"""Pictures for networks of tests, and what these make of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import restauro
from tests.networks import tiny_model
from tests.promises.pictures import picture


def damaged(shape: tuple[int, ...], dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """A picture that is smaller than the context, so that all of it is seen, and a hole."""
    hole = np.zeros(shape[:2], bool)
    hole[2:5, 1:6] = True
    return picture(np.random.default_rng(11), shape, dtype), hole


def fill(image: np.ndarray, hole: np.ndarray, **options: Any) -> np.ndarray:
    return restauro.inpaint(image, hole, "network", model=str(tiny_model()), **options)
