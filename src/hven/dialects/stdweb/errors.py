"""How errors look to STDWeb's clients: one table; views contain no try.

Three shapes stand side by side, as in the original: ``{"error": ...}`` for what a view checks, ``{"detail": ...}`` for
what is not there or not allowed at all, and maps from field to sentences for what was sent.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework.response import Response
from rest_framework.views import exception_handler as of_the_framework

from hven.dialects.rest import come_again
from hven.errors import (
    Conflict,
    Forbidden,
    HvenError,
    Invalid,
    NotFound,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from hven.imaging.services.folder import Busy
from hven.imaging.services.preprocess import NoFrame
from hven.imaging.services.previews import Unreadable

# exception: status, the body's key ("" for a bare list), and the text where it is not the error's own
TABLE: dict[type[Exception], tuple[int, str, str]] = {
    Busy: (409, "error", "Task is already being processed"),
    NoFrame: (404, "error", ""),
    Unreadable: (400, "", ""),
    Unauthenticated: (401, "detail", "Authentication credentials were not provided."),
    Forbidden: (403, "error", "Permission denied"),
    NotFound: (404, "detail", ""),
    Conflict: (409, "error", ""),
    TooLarge: (413, "error", ""),
    Throttled: (429, "detail", ""),
    Unavailable: (503, "error", ""),
    Invalid: (400, "error", ""),
    HvenError: (400, "error", ""),
    RequestDataTooBig: (413, "error", "The request has too many or too large fields; files go into the part 'file'."),
    MultiPartParserError: (400, "error", "The request could not be read: its parts do not fit together."),
    UnreadablePostError: (400, "error", "The request could not be read: it was cut off. Nothing was stored."),
    SuspiciousOperation: (400, "error", "The request could not be read."),
    BadRequest: (400, "error", "The request could not be read."),
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer for an error; None lets it through as a fault of the server's own."""
    for kind, (status, key, text) in TABLE.items():
        if isinstance(error, kind):
            sentence = text or str(error)
            return Response({key: sentence} if key else [sentence], status, headers=come_again(error))
    return of_the_framework(error, context)
