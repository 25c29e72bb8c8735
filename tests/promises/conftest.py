"""Every test in this folder runs for every method: it takes `method`, with defaults, as an argument."""

from __future__ import annotations

import pytest

from restauro.method import Method, method_names
from tests.networks import ready


@pytest.fixture(scope="session", params=method_names())
def method(request: pytest.FixtureRequest) -> Method:
    return ready(request.param)
