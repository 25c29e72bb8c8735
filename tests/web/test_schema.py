"""What the page's interface says of itself holds: schemathesis asks all of it that its OpenAPI allows, and more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("fastapi", reason="the page needs the extra web")
pytest.importorskip("schemathesis", reason="the interface is tried with schemathesis, of the extra dev")

import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.web.browser import serving
from tests.web.strokes import save, textured

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]
ENDING = [
    ("DELETE", "/api/sessions/{number}"),
    ("POST", "/api/sessions/{number}/close"),
]  # which are asked of no real session
EXAMPLES = 5  # requests of each route, and of each mode


class Asking:
    """A server in a process of its own, which is asked by a program, and a session in it."""

    def __init__(self, address: str) -> None:
        self.address, _, token = address.partition("/?token=")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.session = requests.Session()
        self.number = ""

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self.session.request(method, f"{self.address}{path}", headers=self.headers, timeout=60, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("schema")
    path = save(folder / "panel.tif", textured(60, 70))
    with serving(folder / "cache", path) as server:
        asking = Asking(server.address)
        asking.number = asking.ask("POST", "/api/given")["session"]
        yield asking
        assert asking.ask("GET", "/api/start")["given"] == "panel.tif"
        assert server.process.poll() is None


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_route_answers_as_it_says(asking: Asking, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(asking.ask("GET", "/openapi.json"))
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [operation for operation in operations if operation.path != "/api/end"]  # it does
    assert len(operations) > 25
    for operation in operations:
        has_nothing_to_vary = mode is GenerationMode.NEGATIVE and not (operation.body or operation.query)
        if not has_nothing_to_vary:
            try_out(operation, asking, mode)


def try_out(operation: Any, asking: Asking, mode: GenerationMode) -> None:
    route = operation.method.upper(), operation.path

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def holds(case: Any) -> None:
        if "/sessions/{number}" in operation.path and route not in ENDING:
            case.path_parameters["number"] = asking.number
        case.headers = {**(case.headers or {}), **asking.headers}
        case.call_and_validate(base_url=asking.address, session=asking.session, checks=CHECKS, timeout=60)

    holds()
