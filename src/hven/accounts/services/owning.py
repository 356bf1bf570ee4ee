"""Whose a new record is."""

from __future__ import annotations

from hven.accounts import access
from hven.accounts.actor import WRITE, Actor
from hven.accounts.models import Membership, Observatory, Role, User
from hven.errors import Forbidden, Unauthenticated


def new_owner(actor: Actor, observatory: Observatory | None = None, role: int = Role.MEMBER, *scopes: str) -> User:
    """Return who owns a record that the actor makes, for themselves or for an observatory.

    Parameters
    ----------
    observatory
        Whose the record is besides; None for a record of one's own.
    role
        The least role in that observatory that makes such records.
    scopes
        One of which the actor's key must have; by default the right to write.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, has a key without that right or of another observatory, or too low a role.
    """
    access.need(actor, *(scopes or (WRITE,)))
    user = actor.user
    if user is None or user.is_visitor:
        raise Unauthenticated("Sign in, or send an access key, to do this.")
    bound = actor.key.observatory_id if actor.key is not None else None
    if bound is not None and (observatory is None or observatory.pk != bound):
        raise Forbidden("This access key is for the records of one observatory only.")
    if observatory is not None:
        member = Membership.objects.filter(user=user, observatory=observatory, role__gte=role)
        if not member.exists():
            raise Forbidden(f"In {observatory.name} this takes the role {Role(role).label.lower()}.")
    return user
