"""The short way of small forms: what it reads is what Django reads, and what it is not sure of it leaves to Django."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.core.handlers.wsgi import WSGIRequest

from hven.dialects.small_forms import plain_form

BOUND = "d41d8cd98f00b204"


def request_of(body: bytes, kind: str = f"multipart/form-data; boundary={BOUND}") -> WSGIRequest:
    return WSGIRequest(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)),
         "wsgi.input": io.BytesIO(body), "SERVER_NAME": "x", "SERVER_PORT": "80"}
    )  # fmt: skip


def told(fields: Any, files: Any) -> Any:
    read = {
        name: [(one.name, one.content_type, one.size, (one.seek(0), one.read())[1]) for one in files.getlist(name)]
        for name in files
    }
    return {name: fields.getlist(name) for name in fields}, read


def by_django(body: bytes, kind: str = f"multipart/form-data; boundary={BOUND}") -> Any:
    request = request_of(body, kind)
    request.upload_handlers = [MemoryFileUploadHandler(request)]
    return told(request.POST, request.FILES)


def form(*parts: tuple[str, bytes], end: bytes = b"\r\n") -> bytes:
    mark = b"--" + BOUND.encode()
    return (
        b"".join(mark + b"\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts)
        + mark
        + b"--"
        + end
    )


DATASET = ('Content-Disposition: form-data; name="dataset"', b"0b1c")
FILE = (
    'Content-Disposition: form-data; name="file"; filename="a b.fits"\r\nContent-Type: image/fits',
    b"SIMPLE\r\n--x\0",
)


@pytest.mark.parametrize(
    "body",
    [
        form(DATASET, FILE),
        form(FILE, DATASET, end=b""),
        form(DATASET, ('Content-Disposition: form-data; name="file"; filename="M31_(R)-001.fit.gz"', b"")),
        form(DATASET, DATASET, ('content-disposition: FORM-DATA; name="tags"', "näh\xff".encode("latin-1"))),
        form(('Content-Disposition: form-data; name="is_raw"', b"True"), FILE),
    ],
)  # fmt: skip
def test_plain_forms_are_read_as_django_reads_them(body: bytes) -> None:
    found = plain_form(request_of(body))
    assert found is not None
    assert told(*found) == by_django(body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(DATASET, FILE), "multipart/form-data"),
        (form(DATASET, FILE), f"multipart/form-data; boundary={BOUND}; charset=latin-1"),
        (form(DATASET, FILE), f'multipart/form-data; boundary="{BOUND}"'),
        (form(DATASET, FILE), "application/x-www-form-urlencoded"),
        (b"before\r\n" + form(DATASET, FILE), ""),
        (form(DATASET, FILE) + b"after", ""),
        (form(DATASET, FILE)[:-8], ""),
        (form(DATASET, FILE).replace(b"\r\n\r\n", b"\r\n"), ""),
        (form(('Content-Disposition: form-data; name="file"; filename="../a"', b"x")), ""),
        (form(('Content-Disposition: form-data; name="file"; filename="C:\\\\a"', b"x")), ""),
        (form(('Content-Disposition: form-data; name="file"; filename="a&amp;b"', b"x")), ""),
        (form(('Content-Disposition: form-data; name="file"; filename="ä"', b"x")), ""),
        (form(("Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%41", b"x")), ""),
        (form(('Content-Disposition: form-data; name="file"; filename=""', b"x")), ""),
        (form(('Content-Disposition: form-data; name=" a"', b"x")), ""),
        (form(('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64', b"eA==")), ""),
        (form(FILE, (FILE[0].replace("a b", "c"), b"--" + BOUND.encode())), ""),
        (form(*[DATASET] * 60), ""),
    ],
)  # fmt: skip
def test_of_all_else_nothing_is_said_and_django_reads_the_same_bytes(body: bytes, kind: str) -> None:
    kind = kind or f"multipart/form-data; boundary={BOUND}"
    request = request_of(body, kind)
    assert plain_form(request) is None
    request.upload_handlers = [MemoryFileUploadHandler(request)]
    try:
        expected = by_django(body, kind)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the same
        with pytest.raises(type(error)):
            told(request.POST, request.FILES)
    else:
        assert told(request.POST, request.FILES) == expected


@pytest.mark.parametrize("seed", range(40))
def test_no_spoilt_form_is_read_otherwise_than_django_reads_it(seed: int) -> None:
    chance = random.Random(seed)
    whole = form(DATASET, FILE, ('Content-Disposition: form-data; name="tags"', b"a,b"))
    pieces = [
        b"\r\n",
        b"--" + BOUND.encode(),
        b"--",
        b'"',
        b";",
        b"\0",
        b"name=",
        b"\r\n\r\n",
        b" ",
        b"\xff",
        b"%22",
        b"/",
    ]
    read = 0
    for _ in range(150):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(body))
            body[at : at + chance.choice([0, 0, 1, 5])] = chance.choice([b"", *pieces])
        found = plain_form(request_of(bytes(body)))
        if found is not None:
            read += 1
            assert told(*found) == by_django(bytes(body)), bytes(body)
    assert read  # what is spoilt within a file's bytes is still a form
