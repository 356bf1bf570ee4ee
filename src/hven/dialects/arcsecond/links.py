"""Links by which anybody who has them sees a data package and fetches its files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Grant
from hven.archive.models import Package
from hven.archive.services.packages import check_share
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.base import ArcsecondView, number, words
from hven.dialects.arcsecond.places import ANY, MANY
from hven.dialects.rest import described
from hven.errors import Invalid

LONGEST_DAYS = 3650.0


class ByLink(ArcsecondView):
    """A view that opens to the secret of a link as well: ``?link=SECRET``."""

    @property
    def actor(self) -> Actor:
        """Who asks, with the link in hand."""
        return accounts.link_actor(super().actor, self.request.query_params.get("link", ""))


class _LinksView(ArcsecondView):
    """What views of links share."""

    def _package(self, uuid: UUID) -> Package:
        """Return a package that the caller may give to others."""
        found: Package = self.find(Package, uuid=uuid)
        check_share(self.actor, found)
        return found


class PackageLinks(_LinksView):
    """The links of a data package."""

    @described(responses=MANY)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """List them, without their secrets, which are kept nowhere."""
        package = self._package(uuid)
        return Response([_wired(one) for one in accounts.links_of(self.actor, package)])

    @described(request=ANY, responses={201: dict[str, Any]})
    def post(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Make one, for some ``days`` or until it is taken back; the answer alone has its address."""
        package = self._package(uuid)
        days = number(words(request), "days")
        if days is not None and not 0 < days <= LONGEST_DAYS:
            raise Invalid(f"days is a number of days up to {LONGEST_DAYS:g}, or left out.")
        ends = None if days is None else timezone.now() + timedelta(days=days)
        made = accounts.grant_link(self.actor, package, expires=ends)
        address = request.build_absolute_uri(reverse("arcsecond-package", args=[package.uuid]))
        return Response({**_wired(made.grant), "secret": made.secret, "download": f"{address}?link={made.secret}"}, 201)


class OnePackageLink(_LinksView):
    """One link of a data package."""

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, link: UUID, subdomain: str = "") -> Response:
        """Take it back."""
        accounts.revoke_grant(self.actor, self._package(uuid), link)
        return Response(status=204)


def _wired(one: Grant) -> dict[str, Any]:
    return {"uuid": str(one.uuid), "date_created": wire.time(one.created), "expires": wire.time(one.expires)}
