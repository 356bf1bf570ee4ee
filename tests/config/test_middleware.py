"""What every request passes before a view sees it."""

from __future__ import annotations

import ipaddress
import json
import logging

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from hven.config import logs, middleware


@pytest.fixture
def client(db, client):
    return client


def test_strict_policies_stand_on_every_answer(client):
    for path in ("/healthz", "/no/such/page", "/staff/login/"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "a b", "", "[::1", "x/y", "1.2.3.4.5", "evil.example:80"]
)
def test_unknown_host_names_are_refused(client, host):
    answer = client.get("/healthz", headers={"host": host})
    assert answer.status_code == 400
    assert b"HVEN_HOSTS" in answer.content


@pytest.mark.parametrize(
    "host", ["testserver", "LOCALHOST:8000", "127.0.0.1", "192.168.1.7:8000", "[::1]:8000", "localhost."]
)
def test_own_names_and_addresses_are_answered(client, host):
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_request_id_is_kept_when_harmless_and_made_otherwise(client):
    assert client.get("/healthz", headers={"x-request-id": "abc-1"})["X-Request-ID"] == "abc-1"
    for wrong in ("a b", "x" * 65, "é", "a\nb"):
        made = client.get("/healthz", HTTP_X_REQUEST_ID=wrong)["X-Request-ID"]
        assert made != wrong
        assert made.isalnum()


def seen(settings, remote, trusted=("10.0.0.0/8",), **headers):
    """The request as a view sees it."""
    settings.HVEN_TRUSTED_PROXIES = tuple(map(ipaddress.ip_network, trusted))
    caught = []
    wrapped = middleware.TrustedProxy(lambda request: caught.append(request) or HttpResponse())
    wrapped(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))
    return caught[0]


def test_strangers_cannot_say_who_they_are(settings):
    request = seen(
        settings, "8.8.8.8", **{"x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https", "x-forwarded-host": "evil"}
    )
    assert request.META["REMOTE_ADDR"] == "8.8.8.8"
    assert request.scheme == "http"
    assert request.META.get("HTTP_HOST") != "evil"


def test_the_nearest_untrusted_address_is_the_client(settings):
    request = seen(
        settings, "10.0.0.1", **{"x-forwarded-for": "6.6.6.6, 1.1.1.1, 10.0.0.2", "x-forwarded-proto": "https"}
    )
    assert request.META["REMOTE_ADDR"] == "1.1.1.1"
    assert request.is_secure()


def test_nonsense_in_the_chain_ends_the_search(settings):
    assert seen(settings, "10.0.0.1", **{"x-forwarded-for": "1.1.1.1, nonsense"}).META["REMOTE_ADDR"] == "10.0.0.1"


def test_dialect_answers_at_the_root_of_its_own_host(settings):
    settings.HVEN_DIALECT_HOSTS = {"nova.example": "nova"}
    paths = []
    wrapped = middleware.DialectHosts(lambda request: paths.append(request.path_info) or HttpResponse())
    for host, path in (
        ("nova.example:80", "/api/login"), ("nova.example", "/nova/api/login"), ("other.example", "/api/login"),
        ("NOVA.example", "/"), ("nova.example", "/static/x.css"),
    ):  # fmt: skip
        wrapped(RequestFactory().get(path, headers={"host": host}))
    assert paths == ["/nova/api/login", "/nova/api/login", "/api/login", "/nova/", "/static/x.css"]


def test_upload_over_the_limit_ends_with_413_and_leaves_nothing(client, settings):
    from django.core.files.uploadedfile import SimpleUploadedFile

    settings.HVEN_MAX_UPLOAD = 1000
    client.raise_request_exception = False
    answer = client.post("/staff/login/", {"file": SimpleUploadedFile("a.fits", b"x" * 3_000_000)})
    assert answer.status_code == 413
    assert b"1000 bytes" in answer.content
    assert list(settings.HVEN_FOLDERS.forms.iterdir()) == []


def test_log_lines_are_readable_or_json_and_carry_the_request():
    record = logging.makeLogRecord(
        {"name": "hven.x", "levelname": "INFO", "levelno": 20, "msg": "a %s", "args": ("b",), "job": 7}
    )
    token = logs.request_id.set("id-1")
    logs.AddRequestId().filter(record)
    logs.request_id.reset(token)
    assert logs.Text().format(record).endswith("info    hven.x: a b [id-1]")
    line = json.loads(logs.Json().format(record))
    assert (line["message"], line["request_id"], line["job"], line["level"]) == ("a b", "id-1", 7, "info")
