"""How errors look to nova's clients: one table, and the decorators that apply it; views contain no try."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from hven.errors import Conflict, Final, Forbidden, HvenError, Invalid, NotFound, Retriable, Unavailable

View = Callable[..., HttpResponseBase]
log = logging.getLogger(__name__)

# The JSON layer answers 200 to whatever a client did wrong: clients read "errormessage", and break on other codes.
STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    Unavailable: 507,
    Invalid: 200,
    Forbidden: 200,
    Conflict: 200,
    Retriable: 200,
    Final: 200,
    HvenError: 200,
}
# Files are asked for by programs that save whatever comes with 200: an error there must not look like a file.
FILE_STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    Unavailable: 503,
    Forbidden: 403,
    Invalid: 404,
    Conflict: 409,
    HvenError: 404,
}
_BROKEN = "The request could not be read: it was cut off, or its parts do not fit together. Nothing was stored."
_TOO_MUCH = "The request has too many or too large fields; files go into a part called 'file'."


def json_answer(content: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return JSON as nova does: as text/plain, which some clients insist on."""
    return HttpResponse(json.dumps(content), content_type="text/plain; charset=utf-8", status=status)


def error_answer(sentence: str, status: int = 200) -> HttpResponse:
    """Return the envelope of errors."""
    return json_answer({"status": "error", "errormessage": sentence}, status)


def json_call(view: View) -> View:
    """Make a view of the JSON layer: no CSRF, errors in nova's envelope."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the table below decides; what is in no table is raised again
            return error_answer(*_read(error, STATUS))

    return wrapped


def file_call(view: View) -> View:
    """Make a view that answers with a file: errors are a sentence with a status that is not 200."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - as above
            sentence, status = _read(error, FILE_STATUS)
            return HttpResponse(sentence + "\n", content_type="text/plain; charset=utf-8", status=status)

    return wrapped


def _read(error: Exception, table: dict[type[Exception], int]) -> tuple[str, int]:
    for kind, status in table.items():
        if isinstance(error, kind):
            return str(error), status
    if isinstance(error, Http404):
        return "There is nothing at this address.", 404
    if isinstance(error, RequestDataTooBig | SuspiciousOperation):
        return _TOO_MUCH, 200
    if isinstance(error, MultiPartParserError | UnreadablePostError | BadRequest):
        return _BROKEN, 200
    raise error
