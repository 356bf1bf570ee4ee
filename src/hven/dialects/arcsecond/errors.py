"""How errors look to Arcsecond's clients: one table; views contain no try. All are ``{"detail": sentence}``."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework.response import Response
from rest_framework.views import exception_handler as of_the_framework

from hven.dialects.rest import come_again
from hven.errors import (
    Conflict,
    Forbidden,
    HvenError,
    Invalid,
    NoRoom,
    NotFound,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

TABLE: dict[type[Exception], tuple[int, str]] = {
    Unauthenticated: (401, ""),
    Forbidden: (403, ""),
    NotFound: (404, ""),
    Conflict: (400, ""),  # clients know no 409: a file that is there already is told by the sentence
    TooLarge: (413, ""),
    Throttled: (429, ""),
    NoRoom: (507, ""),
    Unavailable: (503, ""),
    Invalid: (400, ""),
    HvenError: (400, ""),
    Http404: (404, "Not found."),
    RequestDataTooBig: (413, "The request has too many or too large fields; files go into the part 'file'."),
    MultiPartParserError: (400, "The request could not be read: its parts do not fit together. Nothing was stored."),
    UnreadablePostError: (400, "The request could not be read: it was cut off. Nothing was stored."),
    SuspiciousOperation: (400, "The request could not be read."),
    BadRequest: (400, "The request could not be read."),
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer for an error; None lets it through as a fault of the server's own."""
    if isinstance(error, tuple(TABLE)):
        status, said, headers = answer_to(error)
        return Response(said, status, headers=headers)
    return of_the_framework(error, context)


def answer_to(error: Exception) -> tuple[int, dict[str, str], dict[str, str]]:
    """Return status, body and headers of the answer for an error of the table."""
    status, text = next(said for kind, said in TABLE.items() if isinstance(error, kind))
    return status, {"detail": text or str(error)}, come_again(error)
