"""For whom a new record is made: oneself, or an observatory that one works for."""

from __future__ import annotations

from hven.accounts.actor import WRITE, Actor
from hven.accounts.models import Observatory, Role
from hven.errors import Invalid


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
