"""The one base of the pages' JSON: sessions with CSRF, JSON only, errors by the table of the pages."""

from __future__ import annotations

from typing import Any

from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from hven import errors
from hven.accounts.actor import Actor
from hven.web.actor import actor_of
from hven.web.errors import NOT_READ, status_of


class PageView(APIView):
    """A view that the scripts of the pages talk to."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = ()
    renderer_classes = (JSONRenderer,)
    status_codes: dict[type[Exception], int] = {}  # what differs from the pages' table

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request._request)  # noqa: SLF001 - the framework's name for Django's request

    def handle_exception(self, exc: Exception) -> Response:
        """Return ``{"error": sentence}`` for what is meant for the client; anything else is raised again."""
        if isinstance(exc, errors.HvenError):
            status = next((code for kind, code in self.status_codes.items() if isinstance(exc, kind)), status_of(exc))
            response = Response({"error": str(exc)}, status)
            if isinstance(exc, errors.Throttled):
                response["Retry-After"] = str(int(exc.retry_after_s) + 1)
        elif isinstance(exc, APIException):
            response = Response({"error": _sentence(exc)}, exc.status_code)
        elif isinstance(exc, Http404):
            response = Response({"error": "There is nothing at this address."}, 404)
        elif isinstance(exc, MultiPartParserError | UnreadablePostError):
            response = Response({"error": NOT_READ}, 400)
        else:
            raise exc
        response.exception = True
        return response


def _sentence(error: APIException) -> str:
    if error.status_code == 403:
        return "This page was open for too long, or is not of this site. Load it anew and try again."
    if error.status_code == 405:
        return "This address does not take that method."
    detail: Any = error.detail
    return str(detail) if isinstance(detail, str) else "The request does not fit this address."
