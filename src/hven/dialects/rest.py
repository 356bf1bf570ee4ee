"""What dialects on the REST framework share; nothing of it is set for the framework as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication as Sessions
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.settings import APISettings
from rest_framework.views import APIView

from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import User
from hven.errors import Throttled, Unavailable

View = Callable[..., Any]


def described(**words: Any) -> Callable[[View], View]:
    """Describe a method of a view for OpenAPI, as `drf_spectacular.utils.extend_schema` takes it."""

    def decorate(view: View) -> View:
        view.schema = AutoSchema  # type: ignore[attr-defined] # else the framework's own, which is set for all views
        described_view: View = extend_schema(**words)(view)
        return described_view

    return decorate


class Negotiation(DefaultContentNegotiation):
    """JSON unless a browser asks; ``?format=`` belongs to the dialect, and no answer is refused for its type."""

    settings = APISettings({"URL_FORMAT_OVERRIDE": None})  # type: ignore[assignment,arg-type] # the stubs know defaults only

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer that the client likes best, the first one where it likes none."""
        listed = list(renderers)
        if request.META.get("HTTP_ACCEPT", "*/*") == "*/*":  # what programs say; comparing them all comes to the same
            return listed[0], listed[0].media_type
        try:
            found: tuple[BaseRenderer, str] = super().select_renderer(request, listed, format_suffix)
        except NotAcceptable:
            return listed[0], listed[0].media_type
        return found


class JsonBody(JSONParser):
    """JSON as the framework reads it, but for what no database keeps and no recursion follows."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read it."""
        try:
            found = super().parse(stream, media_type, parser_context)
            _check_text(found)
        except RecursionError:
            raise ParseError("JSON parse error - it is nested too deeply.") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - it holds halves of characters (lone surrogates).") from None
        return found


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, float) and not math.isfinite(value):
        raise ParseError("JSON parse error - a number is larger than any number here.")
    elif isinstance(value, dict):
        for name, each in value.items():
            name.encode()
            _check_text(each)
    elif isinstance(value, list):
        for each in value:
            _check_text(each)


class SessionAuthentication(Sessions):
    """Somebody signed in on the pages; writes are then guarded against forged requests."""


class SignedIn(BasePermission):
    """Somebody must be signed in, by key or on the pages."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Say whether somebody is."""
        return isinstance(request.user, User)


class DialectView(APIView):
    """A view of a dialect, with nothing that the framework's own settings say."""

    permission_classes: tuple[type[Any], ...] = (SignedIn,)
    renderer_classes: tuple[type[BaseRenderer], ...] = (JSONRenderer, BrowsableAPIRenderer)
    parser_classes: tuple[type[Any], ...] = (JsonBody, FormParser, MultiPartParser)
    content_negotiation_class = Negotiation
    throttle_classes = ()
    schema = AutoSchema()

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)


def actor_of(request: Request) -> Actor:
    """Return who asks."""
    if isinstance(request.auth, Actor):
        return request.auth
    return Actor.of(request.user) if isinstance(request.user, User) else ANYONE


def come_again(error: Exception) -> dict[str, str]:
    """Return the headers that say when an answer is to be had, for errors that pass by themselves."""
    if isinstance(error, Throttled):
        return {"Retry-After": str(max(1, round(error.retry_after_s)))}
    return {"Retry-After": "10"} if isinstance(error, Unavailable) else {}


def client_address(request: Request) -> str:
    """Return the client's address; trusted proxies were resolved before."""
    plain: HttpRequest = request._request  # noqa: SLF001 - the framework's name for Django's request
    return str(plain.META.get("REMOTE_ADDR", ""))
