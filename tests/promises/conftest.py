"""Every test in this folder runs for every method: it takes `method` as an argument."""

from __future__ import annotations

import pytest

from restauro.method import method_names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "method" in metafunc.fixturenames:
        metafunc.parametrize("method", method_names())
