"""The dialect's own description: whatever fits or does not fit it, no call is a fault of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings

from hven.imaging.models import Preset
from tests.dialects.stdweb.conftest import Caller

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """The description as a client gets it."""
    answer = Client().get("/stdweb/api/schema/?format=json")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_every_address_of_the_dialect_is_described(description: dict[str, Any]) -> None:
    from hven.dialects.stdweb.urls import urlpatterns

    described = {path.rstrip("/") for path in description["paths"]}
    assert "/api/tasks/{number}/process" in described
    assert len(described) == len(urlpatterns) - 2  # all but the description itself and its page


def test_the_page_on_which_the_api_can_be_tried_asks_no_other_server(db: None) -> None:
    answer = Client().get("/stdweb/api/docs/")
    assert answer.status_code == 200
    assert b"http://" not in answer.content and b"https://" not in answer.content


@pytest.mark.parametrize("known", [True, False], ids=["a task that is there", "any task"])
def test_no_call_is_a_fault_of_the_server(
    description: dict[str, Any], tycho: Caller, staff: Caller, known: bool
) -> None:
    number = tycho.create()["id"]
    Preset.objects.create(name="p", config={})
    schema = schemathesis.openapi.from_dict(description)
    calls = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if known and (operation.method.upper(), operation.path) == ("DELETE", "/api/tasks/{number}/"):
            continue

        @settings(
            max_examples=6, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            nonlocal calls
            if known and "number" in (case.path_parameters or {}):
                case.path_parameters["number"] = number
            if known and "path" in (case.path_parameters or {}):
                case.path_parameters["path"] = "image.fits"
            answer = ask(staff, case)
            calls += 1
            assert answer.status_code < 500 or answer.status_code == 503, (
                case.method, case.formatted_path, case.query, case.body, answer.content[:300],
            )  # fmt: skip

        call()
    assert calls > 60


def ask(caller: Caller, case: Any) -> Any:
    """Do a generated call with Django's client."""
    path = "/stdweb" + case.formatted_path
    query = {str(k): str(v) for k, v in (case.query or {}).items() if v is not None}
    method = case.method.lower()
    headers = dict(caller.headers)
    if method in {"get", "delete"}:
        return getattr(caller.http, method)(path, query_params=query, headers=headers)
    body = case.body if not isinstance(case.body, type(schemathesis.specs)) else None
    if (case.media_type or "").startswith("multipart") and isinstance(body, dict):
        fields = {k: v if isinstance(v, str | bytes) else json.dumps(v, default=str) for k, v in body.items()}
        fields = {k: v.replace("\0", "") if isinstance(v, str) else v for k, v in fields.items()}
        if method == "post":
            return caller.http.post(path, fields, headers=headers)
    try:
        text = json.dumps(body, default=str)
    except (TypeError, ValueError):
        text = "null"
    return getattr(caller.http, method)(path, text, content_type="application/json", headers=headers)
