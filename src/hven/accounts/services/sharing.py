"""Visibility, grants and shared links."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from hven.accounts import access
from hven.accounts.access import Verb, check
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import Grant, Observatory, Owned, Role, User, Visibility
from hven.accounts.secrets import digest, new_secret, well_formed
from hven.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link with its secret, which nobody can read again later."""

    grant: Grant
    secret: str


def set_visibility(actor: Actor, record: Owned, visibility: str) -> None:
    """Make a record private or public."""
    if visibility not in Visibility.values:
        raise Invalid("A record is private or public.")
    check(actor, Verb.SHARE, record)
    record.visibility = visibility
    record.save(update_fields=["visibility", "changed"])


@transaction.atomic
def grant_to(
    actor: Actor,
    record: Owned,
    receiver: User | Observatory,
    level: str = Grant.Level.SEE,
    *,
    least_role: int = Role.VISITOR,
    expires: datetime | None = None,
) -> Grant:
    """Let a user, or an observatory's members of at least a role, see or change a record."""
    check(actor, Verb.SHARE, record)
    if level not in Grant.Level.values:
        raise Invalid("A grant lets its receiver see or change.")
    whom = {"user": receiver} if isinstance(receiver, User) else {"observatory": receiver}
    return Grant.objects.create(
        record=record.uuid,
        record_kind=record._meta.label_lower,  # noqa: SLF001 - Django's documented name
        level=level,
        least_role=least_role,
        expires=expires,
        created_by=actor.user,
        **whom,
    )


@transaction.atomic
def grant_link(actor: Actor, record: Owned, *, expires: datetime | None = None) -> MadeLink:
    """Make a link by whose secret anyone sees and opens a record."""
    check(actor, Verb.SHARE, record)
    secret = new_secret()
    grant = Grant.objects.create(
        record=record.uuid,
        record_kind=record._meta.label_lower,  # noqa: SLF001 - Django's documented name
        link_digest=digest(secret),
        expires=expires,
        created_by=actor.user,
    )
    return MadeLink(grant, secret)


def link_actor(actor: Actor, secret: str) -> Actor:
    """Return the actor with one more link's secret in hand; a malformed secret opens nothing."""
    return with_links(actor, [digest(secret)]) if well_formed(secret) else actor


def with_links(actor: Actor, digests: Iterable[str]) -> Actor:
    """Return the actor with links in hand that were followed before, as the sha256 of their secrets."""
    known = actor if not actor.anonymous else replace(ANYONE, links=actor.links)
    return replace(known, links=known.links | {each for each in digests if each})


def shared_by(secret: str) -> Grant | None:
    """Return the grant of a link that works, None for a secret that opens nothing (any more)."""
    if not well_formed(secret):
        return None
    return access.alive_grants().filter(link_digest=digest(secret)).first()


def links_of(actor: Actor, record: Owned) -> QuerySet[Grant]:
    """Return the links that open a record, newest first; their secrets are kept nowhere.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not share the record.
    """
    check(actor, Verb.SHARE, record)
    return access.alive_grants().filter(record=record.uuid).exclude(link_digest="").order_by("-created", "-pk")


@transaction.atomic
def revoke_grant(actor: Actor, record: Owned, grant: UUID) -> None:
    """Take a grant back."""
    check(actor, Verb.SHARE, record)
    deleted, _ = Grant.objects.filter(record=record.uuid, uuid=grant).delete()
    if not deleted:
        raise NotFound("There is no such grant on this record.")
