"""Signed addresses of bytes: whoever holds one may read (or write) that one thing until it expires.

Storage signs and checks; pages and dialects serve. A token stands in the path ``<prefix>/<token>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core import signing

from hven.errors import Forbidden
from hven.storage.models import Blob

GET_PATH = "/blobs/get/"
PUT_PATH = "/blobs/put/"


@dataclass(frozen=True, slots=True)
class SignedGet:
    """What a token lets its holder read."""

    sha256: str
    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class SignedPut:
    """What a token lets its holder hand over."""

    upload: UUID
    size: int  # bytes, exactly
    sha256: str  # empty when it was not announced
    content_type: str


def sign_get(blob: Blob, filename: str, content_type: str = "application/octet-stream", *, ttl: timedelta) -> str:
    """Return the path under which a blob's bytes can be read for a while."""
    return GET_PATH + _sign("get", [blob.sha256, filename, content_type], ttl)


def read_get(token: str) -> SignedGet:
    """Return what a token of `sign_get` allows; raise Forbidden if it is forged or too old."""
    sha256, filename, content_type = _read("get", token)
    return SignedGet(sha256, filename, content_type)


def sign_put(upload: UUID, size: int, sha256: str = "", content_type: str = "", *, ttl: timedelta) -> str:
    """Return the path to which an announced upload can be sent for a while."""
    return PUT_PATH + _sign("put", [upload.hex, size, sha256, content_type], ttl)


def read_put(token: str) -> SignedPut:
    """Return what a token of `sign_put` allows; raise Forbidden if it is forged or too old."""
    upload, size, sha256, content_type = _read("put", token)
    return SignedPut(UUID(upload), size, sha256, content_type)


def _sign(verb: str, content: list[Any], ttl: timedelta) -> str:
    # Each token carries its own lifetime inside the signature, so that its holder cannot stretch it.
    return signing.dumps([int(ttl.total_seconds()), *content], salt=f"hven.storage.{verb}", compress=True)


def _read(verb: str, token: str) -> list[Any]:
    salt = f"hven.storage.{verb}"
    try:
        content: list[Any] = signing.loads(token, salt=salt)
        signing.loads(token, salt=salt, max_age=content[0])
    except signing.SignatureExpired:
        raise Forbidden("This link has expired. Ask for a new one.") from None
    except signing.BadSignature:
        raise Forbidden("This link is not valid.") from None
    return content[1:]
