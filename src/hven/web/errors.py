"""How errors look on pages: one table from hven's errors to status codes, and one page for all of them."""

from __future__ import annotations

import logging
import sys
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.template.loader import render_to_string

from hven import errors
from hven.web.actor import View

log = logging.getLogger(__name__)

# The first that fits counts, so the narrower stand above the wider.
STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.Invalid, 400),
    (errors.Throttled, 429),
    (errors.Unavailable, 503),
    (errors.Retriable, 503),
)
TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "Not yours to open",
    404: "Nothing here",
    405: "Not that way",
    409: "Not now",
    413: "Too large",
    429: "Too many attempts",
    500: "Something broke",
    503: "Not available just now",
    507: "The disk is full",
}
NEXT = {
    400: "Go back, change what the sentence names, and send it again.",
    403: "Ask the owner to share it with you, or sign in as somebody who may.",
    404: "The address may be mistyped, the record deleted, or shared with others only.",
    405: "Open the page that the form stands on and use that.",
    409: "Look at the record again: somebody or something changed it meanwhile.",
    413: "Send a smaller file, or ask the operator to raise HVEN_MAX_UPLOAD.",
    429: "Wait for a while; the right password works again then.",
    500: "It was written to the server's log. Try again; if it stays, tell the operator what you did.",
    503: "Try again in a moment.",
    507: "Nothing was stored. Ask the operator to make room; finished frames stay as they are.",
}
NOT_READ = "The request could not be read: it was cut off, or its parts do not fit together. Nothing was stored."


def status_of(error: Exception) -> int:
    """Return the status code for one of hven's errors; 500 for what is in no table."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def page(view: View) -> View:
    """Make a view of a page: hven's errors become the error page with their sentence."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except errors.Unauthenticated as error:
            if wants_page(request) and request.method in {"GET", "HEAD"}:
                return redirect_to_login(request.get_full_path())
            return answer(request, 401, str(error))
        except errors.HvenError as error:
            response = answer(request, status_of(error), str(error))
            if isinstance(error, errors.Throttled):
                response["Retry-After"] = str(int(error.retry_after_s) + 1)
            return response

    return wrapped


def wants_page(request: HttpRequest) -> bool:
    """Say whether the client is a person's browser opening a page."""
    return "text/html" in request.headers.get("Accept", "") and not request.headers.get("HX-Request")


def answer(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    """Return an error as the client can show it: a page, JSON, or one line of text."""
    accept = request.headers.get("Accept", "")
    if wants_page(request):
        context = {
            "status": status,
            "heading": TITLES.get(status, "That did not work"),
            "sentence": sentence,
            "next": NEXT.get(status, ""),
        }
        if status >= 500:
            # Without the database and the user, which may be what is broken.
            return HttpResponse(render_to_string("web/error_plain.html", context), status=status)
        return render(request, "web/error.html", context, status=status)
    if "json" in accept:
        return JsonResponse({"error": sentence}, status=status)
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses to read."""
    return answer(request, 400, NOT_READ)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself forbids."""
    return answer(request, 403, "You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for an address that nothing answers."""
    return answer(request, 404, "There is no page at this address.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer for a form whose token is missing or old."""
    return answer(
        request,
        403,
        "This form was open for too long, or did not come from this site. Open its page again and resend it.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view caught: hven's errors by the table, anything else by 500 without a word of its inside."""
    error = sys.exc_info()[1]
    if isinstance(error, errors.HvenError):
        response = answer(request, status_of(error), str(error))
        if isinstance(error, errors.Throttled):
            response["Retry-After"] = str(int(error.retry_after_s) + 1)
        return response
    if isinstance(error, MultiPartParserError | UnreadablePostError):
        return answer(request, 400, NOT_READ)
    return answer(request, 500, "Something went wrong inside hven.")
