"""What all views of the dialect share; nothing here is set for the REST framework as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from hven.accounts.actor import Actor
from hven.dialects.rest import JsonBody, Negotiation, SessionAuthentication, SignedIn, actor_of
from hven.dialects.stdweb.auth import KeyAuthentication
from hven.dialects.stdweb.errors import exception_handler


class StdwebView(APIView):
    """A view of the dialect."""

    authentication_classes: tuple[type[Any], ...] = (KeyAuthentication, SessionAuthentication)
    permission_classes: tuple[type[Any], ...] = (SignedIn,)
    renderer_classes: tuple[type[BaseRenderer], ...] = (JSONRenderer, BrowsableAPIRenderer)
    parser_classes: tuple[type[Any], ...] = (JsonBody, FormParser, MultiPartParser)
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
