"""What is more to somebody than merely public: their own, their observatories', and what was shared with them."""

from __future__ import annotations

from django.db.models import F, Q

from hven.accounts.access import alive_grants
from hven.accounts.actor import Actor
from hven.accounts.models import Membership


def near(actor: Actor) -> Q:
    """Return the condition on owned records that are near to the actor; whether they may be seen is asked besides."""
    if actor.user is None:
        return Q(pk__in=())
    places = Membership.objects.filter(user=actor.user).values("observatory")
    member = Q(observatory__memberships__user=actor.user, observatory__memberships__role__gte=F("least_role"))
    given = alive_grants().filter(Q(user=actor.user) | member).values("record")
    return Q(owner=actor.user) | Q(observatory__in=places) | Q(uuid__in=given)
