"""Requests that name a strange character set are answered all the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.test.client import FakePayload

from hven.ops.charsets import known_charsets


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("text/plain", "text/plain"),
        ("text/plain; charset=latin-1", "text/plain; charset=latin-1"),
        ('text/plain; charset="UTF-8"; x=1', 'text/plain; charset="UTF-8"; x=1'),
        ("text/plain; charset=rot13", "text/plain; charset=utf-8"),
        ('text/plain; Charset = "zlib"; x=1', "text/plain; charset=utf-8; x=1"),
        ("text/plain; charset=utf-16", "text/plain; charset=utf-8"),
        ("text/plain; charset*=utf-8''rot13", "text/plain; charset=utf-8"),
        ("text/plain; charset=", "text/plain; charset=utf-8"),
        ("text/plain; charset=a\0b", "text/plain; charset=utf-8"),
        ("multipart/form-data; boundary=charset; charset=hex", "multipart/form-data; boundary=charset; charset=utf-8"),
    ],
)
def test_only_what_decodes_ascii_is_believed(said: str, read: str) -> None:
    seen: dict[str, Any] = {}
    known_charsets(lambda environ, _start: seen.update(environ) or [])({"CONTENT_TYPE": said}, None)
    assert seen["CONTENT_TYPE"] == read


@pytest.mark.django_db  # a request closes old connections, which tests before this one may have left
@pytest.mark.parametrize("charset", ["rot13", "undefined", "zlib", "utf-16"])
def test_a_query_beside_a_strange_charset_is_answered(charset: str) -> None:
    from hven.config.wsgi import application

    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/nova/api/nonsense", "QUERY_STRING": "query=x",
        "HTTP_HOST": "testserver", "SERVER_NAME": "testserver", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
        "wsgi.input": FakePayload(b""),
        "CONTENT_LENGTH": "0", "CONTENT_TYPE": f"application/x-www-form-urlencoded; charset={charset}",
        "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    content = b"".join(application(environ, lambda status, _headers: said.append(status)))
    assert said == ["404 Not Found"]  # and no failure of the server before it looked at the address
    assert b"nothing at this address" in content
