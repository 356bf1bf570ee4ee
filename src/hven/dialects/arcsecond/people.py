"""Keys, profiles, organisations and their members."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts.actor import Actor
from hven.accounts.models import Membership, Observatory, Role, User
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.auth import answers_to, key_owner
from hven.dialects.arcsecond.base import ArcsecondView, find_observatory, places_of, text, words
from hven.dialects.rest import described
from hven.errors import Forbidden, NotFound, Unauthenticated

_ONE = {200: dict[str, Any]}
_KEY = {"application/json": {"type": "object", "properties": {"username": {}, "key": {}, "organisation": {}}}}


class VerifyKey(ArcsecondView):
    """Whether a key is a user's."""

    authentication_classes = ()
    permission_classes = ()

    @described(request=_KEY, responses={204: None})
    def post(self, request: Request) -> Response:
        """Answer 204 where the key works and is this user's."""
        _verified(request)
        return Response(status=204)


class VerifyOrganisation(ArcsecondView):
    """Whether a user may upload to an organisation."""

    authentication_classes = ()
    permission_classes = ()

    @described(request=_KEY, responses={204: None})
    def post(self, request: Request) -> Response:
        """Answer 204 where the key is this user's, who is at least a member there."""
        caller = _verified(request)
        subdomain = text(words(request), "organisation") or ""
        observatory = find_observatory(self.actor, subdomain)
        if not places_of(caller).filter(observatory=observatory, role__gte=Role.MEMBER).exists():
            raise Forbidden("You are not a member of this organisation, or the key is another organisation's.")
        return Response(status=204)


class Profile(ArcsecondView):
    """A user's profile."""

    @described(responses=_ONE)
    def get(self, request: Request, username: str, subdomain: str = "") -> Response:
        """Return one's own profile, or that of somebody of the same organisation."""
        user = User.objects.filter(username__iexact=username, is_visitor=False).first()
        me = self.actor.user
        memberships = Membership.objects.filter(user=user).select_related("observatory").order_by("pk")
        if user is None or me is None:
            raise NotFound("Not found.")
        if user != me:
            memberships = memberships.filter(observatory__in=places_of(self.actor).values("observatory"))
            if not memberships.exists():
                raise NotFound("Not found.")
        return Response(wire.profile(user, list(memberships), whole=user == me))


class Organisation(ArcsecondView):
    """An organisation."""

    @described(responses=_ONE)
    def get(self, request: Request, name: str) -> Response:
        """Return it."""
        return Response(wire.organisation(find_observatory(self.actor, name)))


class Organisations(ArcsecondView):
    """All organisations that one is in."""

    @described(responses={200: list[dict[str, Any]]})
    def get(self, request: Request) -> Response:
        """List them."""
        mine = Observatory.objects.filter(pk__in=places_of(self.actor).values("observatory")).order_by("pk")
        return Response([wire.organisation(one) for one in mine])


class Members(ArcsecondView):
    """The members of an organisation."""

    @described(responses={200: list[dict[str, Any]]})
    def get(self, request: Request, subdomain: str) -> Response:
        """List them, for members."""
        rows = Membership.objects.filter(observatory=self.observatory).select_related("user").order_by("pk")
        mine = rows.filter(pk__in=places_of(self.actor).values("pk"), role__gte=Role.MEMBER).first()
        if mine is None:
            raise Forbidden("The list of members is for members.")
        return Response([wire.member(one, whole=mine.role >= Role.ADMIN or one == mine) for one in rows])


def _verified(request: Request) -> Actor:
    found = words(request)
    actor = key_owner((text(found, "key") or "").strip())
    if actor is None or actor.user is None or not answers_to(actor.user, text(found, "username") or ""):
        raise Unauthenticated("Invalid username or key.")
    return actor
