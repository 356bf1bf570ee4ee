"""The permission function: one rule, for lists and for single records alike.

- A public record is seen and opened by anyone.
- Its owner may do everything with it; so may members of its observatory, except give it away to others (``share``),
  which takes an admin there.
- A grant lets its receivers see and open it, or change it as well. A link opens also what is filed in its record (the
  files of an album, and what is made of them), as far as that belongs to the record's owner.
- A key may do what its user may, within its scopes; a key of an observatory opens that observatory's records only.
- Of records that are `overseen` (reductions), staff see, change and delete everybody's; whoever has the permission
  ``view_all_tasks`` or ``edit_all_tasks`` sees, or sees and changes them. Elsewhere being staff gives nothing:
  operators act through the staff pages, where every change is logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from hven.accounts import actor as scopes
from hven.accounts.actor import Actor
from hven.accounts.models import Grant, Membership, Owned, Role, User, Visibility
from hven.errors import Forbidden, NotFound, Unauthenticated
from hven.storage.statements import Question

M = TypeVar("M", bound=Model)


class Verb(StrEnum):
    """What may be done with a record."""

    SEE = "see"  # know that it is there, read what is known about it
    OPEN = "open"  # take its bytes, pixels and products
    CHANGE = "change"
    DELETE = "delete"
    SHARE = "share"  # visibility and grants


_NEEDS: dict[Verb, frozenset[str]] = {
    Verb.SEE: frozenset({scopes.READ, scopes.UPLOAD}),
    Verb.OPEN: frozenset({scopes.READ}),
    Verb.CHANGE: frozenset({scopes.WRITE}),
    Verb.DELETE: frozenset({scopes.WRITE}),
    Verb.SHARE: frozenset({scopes.WRITE}),
}
_GRANTED = frozenset({Verb.SEE, Verb.OPEN, Verb.CHANGE})  # what a grant can allow
_NOTHING = Q(pk__in=())
_PLACES = Question(lambda user: Membership.objects.filter(user=user).values_list("observatory_id", "role"), user=int)


def permitted(actor: Actor, verb: Verb | str, path: str = "", kind: type[Model] | None = None) -> Q:
    """Return the condition on records with which the actor may do this.

    Parameters
    ----------
    actor
        Who asks.
    verb
        One of `Verb`.
    path
        Relation from the queried model to the owned record, such as ``"reduction"`` or ``"run__reduction"``; empty
        when the model is itself an `Owned`.
    kind
        The model of that owned record, which says what it is filed in, which roles change it, and who oversees it.
    """
    verb = Verb(verb)
    return rule(standing(actor, verb, kind), verb, path, kind, timezone.now())


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the rule looks at of who asks. Two of the same standing may do the same at the same time."""

    user_id: int | None
    scopes: frozenset[str]
    links: frozenset[str]
    bound_to: int | None = None  # the observatory of the key
    places: tuple[tuple[int, int], ...] = ()  # of each membership the observatory and the role
    oversees: bool = False


def standing(
    actor: Actor, verb: Verb, kind: type[Model] | None = None, places: tuple[tuple[int, int], ...] | None = None
) -> Standing:
    """Return where the actor stands now; `places` are those of `places_of`, for who knows them already."""
    bound = actor.key.observatory_id if actor.key is not None else None
    if actor.user is None or not actor.scopes & _NEEDS[verb]:
        return Standing(None if actor.user is None else actor.user.pk, actor.scopes, actor.links, bound)
    overseen = getattr(kind, "overseen", False) and actor.key_opens_all and oversees(actor.user, verb)
    if places is None:
        places = places_of(actor.user) if verb in _GRANTED and not overseen else ()
    return Standing(actor.user.pk, actor.scopes, actor.links, bound, places, overseen)


def places_of(user: User) -> tuple[tuple[int, int], ...]:
    """Return of each of a user's memberships the observatory and the role."""
    return tuple(sorted((place, role) for place, role in _PLACES.rows(user=user.pk)))


def rule(who: Standing, verb: Verb, path: str, kind: type[Model] | None, now: datetime) -> Q:
    """Return the condition of `permitted`: it hangs on nothing but these arguments."""
    within = getattr(kind, "filed_in", "")
    if not who.scopes & _NEEDS[verb]:
        return _NOTHING
    at = f"{path}__" if path else ""
    looking = verb in {Verb.SEE, Verb.OPEN}
    allowed = Q(**{f"{at}visibility": Visibility.PUBLIC}) if looking else _NOTHING
    if looking and who.links:
        # never the empty digest, which grants to users have
        shared = alive_grants(now).filter(link_digest__in=who.links - {""}).values("record")
        allowed |= Q(**{f"{at}uuid__in": shared})
        if within:
            allowed |= Q(**{f"{at}{within}__uuid__in": shared, f"{at}{within}__owner": F(f"{at}owner")})
    if who.user_id is None:
        return allowed
    if who.oversees:
        return Q(pk__isnull=False)
    own = Q(**{f"{at}owner": who.user_id})
    rank = _least_role(kind, verb)
    places = Membership.objects.filter(user=who.user_id, role__gte=rank).values("observatory")
    own |= Q(**{f"{at}observatory__in": places})
    if verb in _GRANTED:
        own |= Q(**{f"{at}uuid__in": _granted(who, now, change=not looking)})
    if who.bound_to is not None:
        own &= Q(**{f"{at}observatory": who.bound_to})
    return allowed | own


def visible(queryset: QuerySet[M], actor: Actor, verb: Verb | str = Verb.SEE, path: str = "") -> QuerySet[M]:
    """Return the records of a query with which the actor may do this; each comes once."""
    return queryset.filter(permitted(actor, verb, path, _owned(queryset.model, path)))


def may(actor: Actor, verb: Verb | str, record: Model, path: str = "") -> bool:
    """Say whether the actor may do this with one saved record."""
    found = type(record)._default_manager.filter(pk=record.pk)  # noqa: SLF001 - Django's documented name
    return visible(found, actor, verb, path).exists()


def find(queryset: QuerySet[M], actor: Actor, verb: Verb | str = Verb.SEE, path: str = "", **lookup: Any) -> M:
    """Return the one record that the look-up names.

    Raises
    ------
    NotFound
        There is none, or none that the actor may know of.
    Unauthenticated, Forbidden
        The actor may see it and may not do this.
    """
    record = visible(queryset, actor, Verb.SEE, path).filter(**lookup).first()
    if record is None:
        raise NotFound("There is no such record, or you may not see it.")
    if verb != Verb.SEE:
        check(actor, verb, record, path)
    return record


def check(actor: Actor, verb: Verb | str, record: Model, path: str = "") -> None:
    """Raise Unauthenticated or Forbidden unless the actor may do this with the record; NotFound where it is gone."""
    if may(actor, verb, record, path):
        return
    if not type(record)._default_manager.filter(pk=record.pk).exists():  # noqa: SLF001 - Django's documented name
        raise NotFound("There is no such record any more.")
    if actor.anonymous:
        raise Unauthenticated("Sign in, or send an access key, to do this.")
    if not actor.scopes & _NEEDS[Verb(verb)]:
        raise Forbidden("This access key does not allow that; use one with more rights.")
    raise Forbidden("You may see this record but not do that with it; ask its owner.")


def need(actor: Actor, *any_of: str) -> None:
    """Raise Unauthenticated or Forbidden unless somebody is signed in whose scopes include one of these."""
    if actor.anonymous:
        raise Unauthenticated("Sign in, or send an access key, to do this.")
    if not actor.scopes & set(any_of):
        raise Forbidden("This access key does not allow that; use one with more rights.")


def alive_grants(now: datetime | None = None) -> QuerySet[Grant]:
    """Return the grants that have not ended."""
    return Grant.objects.filter(Q(expires__isnull=True) | Q(expires__gt=now or timezone.now()))


def _owned(model: type[Model], path: str) -> type[Model] | None:
    """Return the model at the end of a path of relations."""
    for name in path.split("__") if path else ():
        related = model._meta.get_field(name).related_model  # noqa: SLF001 - Django's documented name
        if not isinstance(related, type):
            return None
        model = related
    return model


def _least_role(kind: type[Model] | None, verb: Verb) -> int:
    """Return the least role in a record's observatory that does this with it."""
    if verb == Verb.SHARE:
        return Role.ADMIN
    if verb in {Verb.SEE, Verb.OPEN}:
        return Role.VISITOR if getattr(kind, "visitors_see", False) else Role.MEMBER
    if verb == Verb.CHANGE and getattr(kind, "visitors_change", False):
        return Role.VISITOR
    return int(getattr(kind, "change_role", Role.MEMBER))


def oversees(user: User, verb: Verb) -> bool:
    """Say whether a user does this with everybody's overseen records; sharing stays with their owners."""
    if verb == Verb.SHARE or not user.is_active:
        return False
    if user.is_staff:
        return True
    if verb == Verb.CHANGE:
        return user.has_perm("imaging.edit_all_tasks")
    return verb != Verb.DELETE and (user.has_perm("imaging.view_all_tasks") or user.has_perm("imaging.edit_all_tasks"))


def _granted(who: Standing, now: datetime, *, change: bool) -> QuerySet[Grant, Any]:
    places = Q(pk__in=())
    for observatory, role in who.places:
        places |= Q(observatory=observatory, least_role__lte=role)
    grants = alive_grants(now).filter(Q(user=who.user_id) | places)
    if change:
        grants = grants.filter(level=Grant.Level.CHANGE)
    return grants.values("record")


__all__ = ["Owned", "Verb", "check", "find", "may", "need", "oversees", "permitted", "visible"]
