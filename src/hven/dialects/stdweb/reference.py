"""STDWeb's presets and its reference data: filters, catalogues, templates."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hven.dialects.rest import described
from hven.dialects.stdweb import wire
from hven.dialects.stdweb.base import StdwebView
from hven.errors import NotFound
from hven.imaging.models import Preset


class Presets(StdwebView):
    """Configurations that operators offer."""

    @described(responses={200: list[dict[str, Any]]})
    def get(self, request: Request) -> Response:
        """List them."""
        return Response([wire.preset(one) for one in Preset.objects.order_by("id")])


class OnePreset(StdwebView):
    """One of them."""

    @described(responses={200: dict[str, Any]})
    def get(self, request: Request, number: int) -> Response:
        """Return it."""
        found = Preset.objects.filter(pk=number).first() if number < 2**63 else None
        if found is None:
            raise NotFound("No Preset matches the given query.")
        return Response(wire.preset(found))


class Reference(StdwebView):
    """What filters, catalogues and templates there are; open to everybody."""

    authentication_classes = ()
    permission_classes = ()

    @described(responses={200: dict[str, Any]})
    def get(self, request: Request, kind: str = "") -> Response:
        """Return the names of all, or one kind in full."""
        data = wire.reference_data()
        if not kind:
            return Response({name: list(each) for name, each in data.items()})
        if kind not in data:
            raise NotFound("Unknown reference data type")
        return Response(data[kind])
