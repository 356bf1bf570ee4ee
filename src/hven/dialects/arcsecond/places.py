"""Observing sites and telescopes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts.access import Verb
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.base import ArcsecondView, number, text, uuid_of, words
from hven.dialects.rest import described
from hven.errors import Invalid
from hven.sites import services as sites
from hven.sites.models import Site, Telescope
from hven.sites.services import SiteWords, TelescopeWords

ANY: dict[str, Any] = {"application/json": {"type": "object"}}
ONE = {200: dict[str, Any]}
MANY = {200: list[dict[str, Any]]}
MOST_DEVICE = 2**31 - 1


class Sites(ArcsecondView):
    """Observing sites."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        rows = self.rows(Site).select_related("owner", "observatory").prefetch_related("stays__telescope")
        if name := request.query_params.get("name", ""):
            rows = rows.filter(name=name)
        return self.listed(rows, partial(wire.site, known=self.known))

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        made = sites.create_site(self.actor, _site_words(words(request)), self.observatory)
        return Response(wire.site(made, self.known), 201)


class OneSite(ArcsecondView):
    """One observing site."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.site(self.find(Site, uuid=uuid), self.known))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Change it."""
        found = self.find(Site, Verb.CHANGE, uuid=uuid)
        return Response(wire.site(sites.change_site(self.actor, found, _site_words(words(request))), self.known))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it, where no telescope ever stood there."""
        sites.delete_site(self.actor, self.find(Site, Verb.DELETE, uuid=uuid))
        return Response(status=204)


class Telescopes(ArcsecondView):
    """Telescopes."""

    @described(responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them."""
        rows = self.rows(Telescope).select_related("owner", "observatory").prefetch_related("stays__site")
        if name := request.query_params.get("name", ""):
            rows = rows.filter(name=name)
        return self.listed(rows, partial(wire.telescope, known=self.known))

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Make one."""
        made = sites.create_telescope(self.actor, self._words(request), self.observatory)
        return Response(wire.telescope(made, self.known), 201)

    def _words(self, request: Request) -> TelescopeWords:
        return telescope_words(self, words(request))


class OneTelescope(ArcsecondView):
    """One telescope."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Return it."""
        return Response(wire.telescope(self.find(Telescope, uuid=uuid), self.known))

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Correct it; with ``since`` beside another site, say that it moved there then."""
        found = self.find(Telescope, Verb.CHANGE, uuid=uuid)
        sent = words(request)
        said = telescope_words(self, sent)
        since = _moment(sent)
        if since is not None:
            if said.site is None:
                raise Invalid("since goes with the observing_site to which the telescope moved.")
            sites.move_telescope(self.actor, found, said.site, since)
            sent.pop("observing_site")
            said = telescope_words(self, sent)
        return Response(wire.telescope(sites.change_telescope(self.actor, found, said), self.known))

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Delete it with its nights; its files stay."""
        sites.delete_telescope(self.actor, self.find(Telescope, Verb.DELETE, uuid=uuid))
        return Response(status=204)


def telescope_words(view: ArcsecondView, sent: dict[str, Any]) -> TelescopeWords:
    """Return what was said of a telescope."""
    at = sent.get("observing_site")
    device = number(sent, "device")
    if device is not None and not (0 <= device <= MOST_DEVICE and device.is_integer()):
        raise Invalid("device is the whole number of its mount in a control room.")
    return TelescopeWords(
        name=text(sent, "name"),
        site=None if at in (None, "") else view.find(Site, uuid=uuid_of(at, "observing_site")),
        alias=text(sent, "alias"),
        aperture_mm=number(sent, "aperture_mm"),
        focal_length_mm=number(sent, "focal_length_mm"),
        device=None if device is None else int(device),
        rule=text(sent, "rule"),
        about=text(sent, "description"),
    )


def _site_words(sent: dict[str, Any]) -> SiteWords:
    place = sent.get("coordinates")
    if place is not None and not isinstance(place, dict):
        raise Invalid("coordinates are an object of longitude, latitude and height.")
    place = place or {}
    horizon = sent.get("horizon")
    if horizon is not None and not isinstance(horizon, list):
        raise Invalid("A horizon is a list of [azimuth, altitude] in degrees.")
    return SiteWords(
        name=text(sent, "name"),
        longitude_deg=number(place, "longitude"),
        latitude_deg=number(place, "latitude"),
        height_m=number(place, "height"),
        horizon=horizon,
        about=text(sent, "description"),
    )


def _moment(sent: dict[str, Any]) -> datetime | None:
    said = text(sent, "since")
    if said is None:
        return None
    try:
        found = parse_datetime(said)
        moment = None if found is None or found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # years before the first, and after the last
        moment = None
    if moment is None:
        raise Invalid("since is a time in ISO 8601 with its zone, such as 2026-03-01T12:00:00Z.")
    return moment
