"""What belongs to somebody: the records that forms offer, the observatories for which new ones are made."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model

from hven.accounts.access import Verb, visible
from hven.accounts.actor import WRITE, Actor
from hven.accounts.models import Observatory, Role
from hven.accounts.services.nearness import near
from hven.errors import Invalid

M = TypeVar("M", bound=Model)
MOST_OFFERED = 200


def own_records(model: type[M], actor: Actor, verb: Verb = Verb.SEE) -> list[M]:
    """Return what forms offer of a kind: one's own, the observatories', and what was shared; not what is merely public.

    At most 200, by name.
    """
    found = visible(model._default_manager.filter(near(actor)), actor, verb)  # noqa: SLF001 - Django's documented name
    return list(found.order_by("name", "pk")[:MOST_OFFERED])


def observatories_of(actor: Actor, role: int = Role.MEMBER) -> list[Observatory]:
    """Return the observatories in which somebody has at least a role, by name."""
    if actor.user is None or WRITE not in actor.scopes:
        return []
    found = Observatory.objects.filter(memberships__user=actor.user, memberships__role__gte=role)
    return list(found.order_by("name", "pk")[:200])


def observatory_named(actor: Actor, slug: str, role: int = Role.MEMBER) -> Observatory | None:
    """Return the observatory that a form names; None where it names none.

    Raises
    ------
    Invalid
        It is none of theirs.
    """
    if not slug:
        return None
    found = next((each for each in observatories_of(actor, role) if each.slug == slug), None)
    if found is None:
        raise Invalid("Choose one of your observatories.")
    return found
