"""Programs with keys pass what only browsers need; browsers pass all of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from hven.config.browsing import is_program


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/arcsecond/datafiles/", {"X-Arcsecond-API-Authorization": "Key x"}, True),
        ("/stdweb/api/tasks/", {"Authorization": "Token x"}, True),
        ("/arcsecond/datafiles/", {}, False),
        ("/arcsecond/datafiles/", {"Authorization": "Key x", "Cookie": "hven_session=a"}, False),
        ("/data/", {"Authorization": "Key x"}, False),
        ("/staff/", {"Authorization": "Key x"}, False),
    ],
)
def test_a_program_is_who_shows_a_key_and_no_cookie_to_a_dialect(
    path: str, headers: dict[str, str], expected: bool
) -> None:
    assert is_program(RequestFactory().get(path, headers=headers)) is expected


def test_a_key_that_is_none_is_told_without_a_session(db: None) -> None:
    for headers in ({"X-Arcsecond-API-Authorization": "Key none"}, {"Authorization": "Basic eDp5"}):
        answer = Client().get("/arcsecond/targets/", headers=headers)
        assert answer.status_code in {401, 403} and not answer.cookies


def test_a_key_beside_a_session_lifts_no_guard(user: Any, client_for: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    headers = {"Authorization": "Basic eDp5"}  # no key of hven's, so that the session counts
    answer = browser.post("/arcsecond/datasets/", {"name": "forged"}, content_type="application/json", headers=headers)
    assert answer.status_code == 403


def test_pages_of_programs_show_who_asks(user: Any, api_key: str) -> None:
    headers = {"Authorization": f"Key {api_key}", "Accept": "text/html"}
    answer = Client().get("/arcsecond/datasets/", headers=headers)
    assert answer.status_code == 200 and b"<html" in answer.content.lower()
