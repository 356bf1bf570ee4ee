"""Targets and lists of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Observatory
from hven.accounts.services.owning import new_owner
from hven.archive.models import ListedTarget, Target, TargetList
from hven.archive.services.datasets import checked_tags
from hven.archive.services.names import kept_text
from hven.errors import Invalid, NotFound

BY_IDENTIFIER = frozenset({Target.Kind.SMALL_BODY, Target.Kind.MICROLENSING, Target.Kind.TRANSIENT})
MOST_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class TargetWords:
    """What is said of a target; None leaves a thing as it is."""

    name: str | None = None
    identifier: str | None = None
    kind: str | None = None
    mode: str | None = None
    ra: float | None = None  # degrees, ICRS
    dec: float | None = None
    details: dict[str, Any] | None = None
    colour: str | None = None
    notes: str | None = None
    tags: Sequence[str] | None = None


@transaction.atomic
def create_target(actor: Actor, words: TargetWords, observatory: Observatory | None = None) -> Target:
    """Make a target of one's own, or of an observatory.

    Raises
    ------
    Unauthenticated, Forbidden, Invalid
        The actor is nobody or no member; the target has no name where its kind needs one, or lies nowhere.
    """
    target = Target(owner=new_owner(actor, observatory), observatory=observatory)
    _say(target, words)
    target.save()
    return target


@transaction.atomic
def change_target(actor: Actor, target: Target, words: TargetWords) -> Target:
    """Change what is said of a target."""
    access.check(actor, access.Verb.CHANGE, target)
    _say(target, words)
    target.save()
    return target


@transaction.atomic
def create_list(actor: Actor, name: str, about: str = "", observatory: Observatory | None = None) -> TargetList:
    """Make an empty list of targets."""
    made = TargetList(owner=new_owner(actor, observatory), observatory=observatory)
    return name_list(made, name, about)


def name_list(targets: TargetList, name: str | None, about: str | None) -> TargetList:
    """Set a list's name and description; None leaves one as it is."""
    if name is not None:
        targets.name = kept_text(name).strip()
    if not targets.name or len(targets.name) > 200:
        raise Invalid("A list's name has 1 to 200 characters.")
    if about is not None:
        targets.about = kept_text(about)[:10_000]
    targets.save()
    return targets


@transaction.atomic
def set_listed(actor: Actor, targets: TargetList, wanted: Sequence[Target]) -> None:
    """Make these the targets of a list, in this order, each once."""
    access.check(actor, access.Verb.CHANGE, targets)
    if len(wanted) > MOST_LISTED:
        raise Invalid(f"A list holds at most {MOST_LISTED:,} targets.")
    for target in wanted:
        if not access.may(actor, access.Verb.SEE, target):
            raise NotFound("There is no such target, or you may not see it.")
    targets.listed.all().delete()
    unique = list({target.pk: target for target in wanted}.values())
    ListedTarget.objects.bulk_create(
        ListedTarget(list=targets, target=target, position=number) for number, target in enumerate(unique)
    )


def _say(target: Target, words: TargetWords) -> None:
    for field in fields(words):
        value: Any = getattr(words, field.name)
        if value is None:
            continue
        if field.name == "tags":
            value = checked_tags(value)
        if isinstance(value, str):
            value = kept_text(value).strip()
        setattr(target, field.name, value)
    _check(target)


def _check(target: Target) -> None:
    if target.kind not in Target.Kind.values:
        raise Invalid(f"A target is one of {', '.join(Target.Kind.values)}.")
    needed, words_for = (
        (target.identifier, "an identifier") if target.kind in BY_IDENTIFIER else (target.name, "a name")
    )
    if not needed:
        raise Invalid(f"A target of the class {target.kind} needs {words_for}.")
    if len(target.name) > 200 or len(target.identifier) > 200 or len(target.notes) > 10_000:
        raise Invalid("Names and identifiers have up to 200 characters, notes up to 10,000.")
    for value, low, high in ((target.ra, -360.0, 360.0), (target.dec, -90.0, 90.0)):
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            raise Invalid("Right ascensions and declinations are degrees on the sphere.")
    if target.ra is not None:
        target.ra %= 360
