"""Errors: the same sentence as a page, as JSON, as text; and never what is inside."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from hven import errors
from hven.web import errors as pages


@pytest.mark.parametrize("path", ["/nowhere", "/frames/not-a-uuid/", "/%00", "/frames/../../etc/passwd"])
def test_a_missing_page_says_so_in_the_clients_own_form(client_for, user, path) -> None:
    client = client_for(user)
    page = client.get(path, HTTP_ACCEPT="text/html")
    assert page.status_code == 404
    assert "Nothing here" in page.content.decode()
    assert client.get(path, HTTP_ACCEPT="application/json").json()["error"].endswith(".")
    assert client.get(path).content.decode().endswith(".\n")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid("Why."), 400), (errors.Forbidden("Why."), 403), (errors.NotFound("Why."), 404),
        (errors.TooLarge("Why."), 413), (errors.Unavailable("Why."), 503), (errors.Throttled("Why.", 9), 429),
        (errors.Conflict("Why."), 409), (errors.Unauthenticated("Why."), 401), (RuntimeError("secret"), 500),
    ],
)  # fmt: skip
def test_what_nothing_caught_is_answered_by_the_table(db, monkeypatch, error, status) -> None:
    request = RequestFactory().get("/", HTTP_ACCEPT="application/json")
    monkeypatch.setattr(pages.sys, "exc_info", lambda: (type(error), error, None))
    answer = pages.server_error(request)
    assert answer.status_code == status
    assert b"secret" not in answer.content
    assert ("Retry-After" in answer) == (status == 429)


def test_a_broken_view_shows_a_page_without_its_inside(client_for, user, monkeypatch) -> None:
    from hven.web.views import frames

    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(frames.listing, "page_of", broken)
    client = client_for(user)
    client.raise_request_exception = False
    answer = client.get("/frames/", HTTP_ACCEPT="text/html")
    assert answer.status_code == 500
    assert "Something broke" in answer.content.decode()
    assert "secret" not in answer.content.decode()


def test_no_page_holds_a_style_or_a_script_of_its_own(client_for, user, make_frame) -> None:
    import re

    client = client_for(user)
    made = make_frame(user, visibility="public")
    compare = f"/compare/?a={made.run.pk}&b={made.run.pk}"
    lists = ("/frames/", "/frames/?look=map", "/gallery/", "/albums/", compare, f"{made.path}delete/")
    for path in (made.path, *lists, "/upload/", "/queue/", "/keys/", "/password/", "/nowhere"):
        page = client.get(path, HTTP_ACCEPT="text/html").content.decode()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:", page), path
        scripts = re.findall(r"<script([^>]*)>", page)
        assert all("src=" in script or "application/json" in script for script in scripts), path
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page), path


def test_the_stylesheets_stay_small(checkout) -> None:
    assert (checkout / "src/hven/web/static/web/hven.css").stat().st_size < 30_000
    assert (checkout / "src/hven/web/static/web/pages.css").stat().st_size < 20_000
