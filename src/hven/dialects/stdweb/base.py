"""What all views of the dialect share; nothing here is set for the REST framework as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.settings import APISettings
from rest_framework.views import APIView

from hven.accounts.actor import Actor
from hven.dialects.stdweb.auth import KeyAuthentication, SessionAuthentication, SignedIn, actor_of
from hven.dialects.stdweb.errors import exception_handler

View = Callable[..., Any]


def described(**words: Any) -> Callable[[View], View]:
    """Describe a method of a view for OpenAPI, as `drf_spectacular.utils.extend_schema` takes it."""

    def decorate(view: View) -> View:
        view.schema = AutoSchema  # type: ignore[attr-defined] # else the framework's own, which is set for all views
        described_view: View = extend_schema(**words)(view)
        return described_view

    return decorate


class Negotiation(DefaultContentNegotiation):
    """JSON unless a browser asks; ``?format=`` belongs to pictures, and no answer is refused for its type."""

    settings = APISettings({"URL_FORMAT_OVERRIDE": None})  # type: ignore[assignment,arg-type] # the stubs know defaults only

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer that the client likes best, the first one where it likes none."""
        listed = list(renderers)
        try:
            found: tuple[BaseRenderer, str] = super().select_renderer(request, listed, format_suffix)
        except NotAcceptable:
            return listed[0], listed[0].media_type
        return found


class StdwebView(APIView):
    """A view of the dialect."""

    authentication_classes: tuple[type[Any], ...] = (KeyAuthentication, SessionAuthentication)
    permission_classes: tuple[type[Any], ...] = (SignedIn,)
    renderer_classes: tuple[type[BaseRenderer], ...] = (JSONRenderer, BrowsableAPIRenderer)
    parser_classes: tuple[type[Any], ...] = (JSONParser, FormParser, MultiPartParser)
    content_negotiation_class = Negotiation
    throttle_classes = ()
    schema = AutoSchema()

    def get_exception_handler(self) -> Callable[..., Any]:
        """Return the dialect's own."""
        return exception_handler

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Take the number in an address as one: its pattern lets digits through only."""
        if "number" in self.kwargs:
            self.kwargs["number"] = int(self.kwargs["number"])
        return super().initialize_request(request, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)
