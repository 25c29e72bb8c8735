"""Every test in this folder runs for every method, with defaults, as `method`; for network with texture too."""

from __future__ import annotations

import pytest

from restauro.method import Method, make_method, method_names
from tests.networks import needed, ready

DETAILED = "network with detail"
# partial-convolution is network with another model, and here both have the tiny one.
TRIED = [name for name in method_names() if name != "partial-convolution"]


@pytest.fixture(scope="session", params=[*TRIED, DETAILED])
def method(request: pytest.FixtureRequest) -> Method:
    return (
        make_method("network", {"detail": 0.6, **needed("network")})
        if request.param == DETAILED
        else ready(request.param)
    )
