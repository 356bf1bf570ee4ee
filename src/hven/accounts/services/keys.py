"""Making, finding and ending access keys."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hven.accounts import actor as scope
from hven.accounts.actor import Actor
from hven.accounts.models import AccessKey, Membership, Observatory, Role, User
from hven.accounts.secrets import digest, new_secret, well_formed
from hven.errors import Forbidden, Invalid, NotFound, Unauthenticated
from hven.storage.statements import Question, columns, record

SCOPES_OF_KIND: dict[str, frozenset[str]] = {
    AccessKey.Kind.API: scope.ALL,
    AccessKey.Kind.PERSONAL: scope.ALL,
    AccessKey.Kind.UPLOAD: frozenset({scope.UPLOAD}),
    AccessKey.Kind.TOKEN: frozenset({scope.READ, scope.UPLOAD, scope.WRITE}),
    AccessKey.Kind.SESSION: frozenset({scope.READ, scope.UPLOAD, scope.WRITE}),
}
LIFETIMES: dict[str, timedelta] = {
    AccessKey.Kind.TOKEN: timedelta(days=30),
    AccessKey.Kind.SESSION: timedelta(days=1),
}
TOKENS_ALIVE = 10
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key with its secret, which nobody can read again later."""

    key: AccessKey
    secret: str


@transaction.atomic
def make_key(
    user: User,
    kind: str = "api",
    name: str = "",
    *,
    observatory: Observatory | None = None,
    scopes: frozenset[str] | None = None,
    lifetime: timedelta | None = None,
    parent: AccessKey | None = None,
) -> MadeKey:
    """Make an access key for a user; the answer holds its secret once. It ends at the latest with its parent.

    Raises
    ------
    Invalid
        The kind or a scope is unknown, the scopes exceed the kind's, or the name is too long.
    Forbidden
        The user is no member of the observatory.
    """
    if kind not in AccessKey.Kind.values:
        raise Invalid(f"There is no kind of key called {kind}; choose one of {', '.join(AccessKey.Kind.values)}.")
    widest = SCOPES_OF_KIND[kind]
    scopes = widest if scopes is None else scopes
    if not scopes or not scopes <= widest:
        raise Invalid(f"A key of the kind {kind} can have these scopes: {', '.join(sorted(widest))}.")
    if len(name) > 100:
        raise Invalid("A key's name has at most 100 characters.")
    if observatory is not None:
        member = Membership.objects.filter(user=user, observatory=observatory, role__gte=Role.MEMBER)
        if not member.exists():
            raise Forbidden(f"{user.username} is no member of {observatory.name}.")
    lifetime = lifetime or LIFETIMES.get(kind)
    secret = new_secret()
    key = AccessKey.objects.create(
        user=user,
        kind=kind,
        name=name,
        prefix=secret[:8],
        digest=digest(secret),
        scopes=sorted(scopes),
        observatory=observatory,
        parent=parent,
        expires=None if lifetime is None else timezone.now() + lifetime,
    )
    return MadeKey(key, secret)


@transaction.atomic
def mint_token(user: User, name: str = "") -> MadeKey:
    """Make a token of 30 days; of a user's tokens the ten newest stay alive."""
    made = make_key(user, AccessKey.Kind.TOKEN, name)
    alive = AccessKey.objects.filter(user=user, kind=AccessKey.Kind.TOKEN).filter(_alive()).order_by("-id")
    surplus = list(alive.values_list("pk", flat=True)[TOKENS_ALIVE:])
    AccessKey.objects.filter(pk__in=surplus).update(revoked=timezone.now())
    return made


def list_keys(user: User) -> QuerySet[AccessKey]:
    """Return a user's keys that work, newest first."""
    return AccessKey.objects.filter(user=user).filter(_alive()).order_by("-id")


@transaction.atomic
def revoke_key(user: User, key: UUID | str) -> AccessKey:
    """End one of a user's keys, named by its uuid or by its first digits.

    Raises
    ------
    NotFound
        The user has no such key.
    Invalid
        Several keys begin with these digits.
    """
    keys = list_keys(user)
    try:
        named = keys.filter(uuid=UUID(str(key)))
    except ValueError:
        named = keys.filter(prefix=str(key)[:8]) if len(str(key)) >= 8 else keys.none()
    found = list(named.select_for_update()[:2])
    if not found:
        raise NotFound("There is no such key. `hven key list` shows the keys that work.")
    if len(found) > 1:
        raise Invalid("Several keys begin with these digits; name the one by its uuid.")
    found[0].revoked = timezone.now()
    found[0].save(update_fields=["revoked"])
    found[0].children.filter(revoked__isnull=True).update(revoked=found[0].revoked)
    return found[0]


def authenticate_secret(secret: str) -> Actor:
    """Return who shows this secret.

    Raises
    ------
    Unauthenticated
        It is no secret of a living key of an active user.
    """
    refusal = Unauthenticated("This access key is not valid. It may have expired or been revoked; make a new one.")
    if not well_formed(secret):
        raise refusal
    wanted = digest(secret)
    now = timezone.now()
    found = _BY_DIGEST.rows(digest=wanted, now=now)
    key = _key_with_user(found[0]) if found else None
    # The look-up goes by digest, so its time tells nothing about a secret; the comparison guards against collations.
    if key is None or not hmac.compare_digest(key.digest, wanted) or not key.user.is_active:
        raise refusal
    if (
        key.observatory_id is not None
        and not Membership.objects.filter(
            user=key.user_id, observatory=key.observatory_id, role__gte=Role.MEMBER
        ).exists()
    ):
        raise refusal
    if key.last_used is None or abs(now - key.last_used) > _USE_NOTED_EVERY:
        AccessKey.objects.filter(pk=key.pk).update(last_used=now)
    return Actor(user=key.user, key=key, scopes=frozenset(key.scopes))


def _alive(now: datetime | None = None) -> Q:
    return Q(revoked__isnull=True) & (Q(expires__isnull=True) | Q(expires__gt=now or timezone.now()))


def _key_with_user(values: list[Any]) -> AccessKey:
    own = len(columns(AccessKey))
    key = record(AccessKey, values[:own])
    user: User = record(User, values[own:])
    key._state.fields_cache["user"] = user  # noqa: SLF001 - as select_related does it
    return key


# Each request with a key asks this.
_BY_DIGEST = Question(
    lambda digest, now: AccessKey.objects.filter(_alive(now), digest=digest).values_list(
        *columns(AccessKey), *(f"user__{name}" for name in columns(User))
    ),
    digest=str,
    now=datetime,
)
