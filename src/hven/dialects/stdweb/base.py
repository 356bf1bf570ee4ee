"""What all views of the dialect share; nothing here is set for the REST framework as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request

from hven.dialects.rest import DialectView, SessionAuthentication
from hven.dialects.stdweb.auth import KeyAuthentication
from hven.dialects.stdweb.errors import exception_handler


class StdwebView(DialectView):
    """A view of the dialect."""

    authentication_classes: tuple[type[Any], ...] = (KeyAuthentication, SessionAuthentication)

    def get_exception_handler(self) -> Callable[..., Any]:
        """Return the dialect's own."""
        return exception_handler

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Take the number in an address as one: its pattern lets digits through only."""
        if "number" in self.kwargs:
            self.kwargs["number"] = int(self.kwargs["number"])
        return super().initialize_request(request, *args, **kwargs)
