"""What tests share: the pictures that are not in the repository, and how Hypothesis searches."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from restauro.numerics.kernel import MODE
from tests.panels import CLEAN, HOLE, save

# Runs of continuous integration are all alike; at home every run tries new examples. Tests of kernels run three ways:
# as Python and by the JIT with fewer, since that libraries do the same bit by bit has a test of its own.
_EXAMPLES = 100 if MODE == "compiled" or not os.environ.get("CI") else 20
settings.register_profile("home", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=_EXAMPLES)
settings.load_profile("ci" if os.environ.get("CI") else "home")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of pictures too large for the repository; skip the test where there is none."""
    folder = Path(os.environ.get("RESTAURO_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs pictures that are not in the repository: {folder} (or RESTAURO_SHARED) isn't there")
    return folder


@pytest.fixture
def ctrl_c_arrives() -> Iterator[None]:
    """Undo what a shell does that starts the tests in the background: it has the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    damaged = CLEAN.copy()
    damaged[HOLE] = 0
    return save(tmp_path / "panel.tif", damaged)


@pytest.fixture
def losses(tmp_path: Path) -> Path:
    return save(tmp_path / "losses.png", np.where(HOLE, 255, 0).astype(np.uint8))
