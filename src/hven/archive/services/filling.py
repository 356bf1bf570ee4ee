"""Who may put files into a dataset: asked once with each file, and therefore with one statement."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from hven.accounts import access
from hven.accounts.access import Standing, Verb, rule, standing
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Observatory
from hven.archive.models import Dataset
from hven.errors import Forbidden, NotFound
from hven.storage.statements import Question, columns, record

GONE = "The dataset was deleted meanwhile; the file was not kept."
_REFUSED = "You may not put files into this dataset; ask its owner."
_OWN = len(columns(Dataset))


def check_fill(actor: Actor, dataset: Dataset) -> None:
    """Raise Forbidden unless the actor may put files into a dataset: who changes it, or fills it by an upload key.

    Raise Unauthenticated where nobody asks, NotFound where the dataset is gone.
    """
    access.need(actor, UPLOAD, WRITE)
    if access.may(actor, Verb.CHANGE, dataset):
        return
    if _with_key(actor) and access.may(Actor.of(actor.user), Verb.CHANGE, dataset):  # type: ignore[arg-type] # tested
        bound = actor.key.observatory_id if actor.key is not None else None
        if bound is None or bound == dataset.observatory_id:
            return
    if not Dataset.objects.filter(pk=dataset.pk).exists():
        raise NotFound(GONE)
    raise Forbidden(_REFUSED)


def find_to_fill(actor: Actor, uuid: UUID, observatory: Observatory | None = None) -> Dataset:
    """Return the dataset of a uuid, of an observatory if one is named, as `access.find` and `check_fill` together.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not upload, or not into this dataset.
    NotFound
        There is none, or none that the actor may see.
    """
    access.need(actor, UPLOAD, WRITE)
    places = access.places_of(actor.user) if actor.user is not None else ()
    question = _question(
        standing(actor, Verb.SEE, Dataset, places),
        standing(actor, Verb.CHANGE, Dataset, places),
        standing(Actor.of(actor.user), Verb.CHANGE, Dataset, places) if _with_key(actor) else None,  # type: ignore[arg-type] # tested
        None if observatory is None else observatory.pk,
    )
    found = question.rows(uuid=uuid, now=timezone.now())
    if not found:
        raise NotFound("There is no such record, or you may not see it.")
    [values] = found
    if not values[-1]:
        raise Forbidden(_REFUSED)
    dataset = record(Dataset, values[:_OWN])
    if dataset.observatory_id is not None:
        dataset.observatory = record(Observatory, values[_OWN:-1])
    return dataset


# Made of nothing but its arguments, which hold all that the permission function looks at: who stands elsewhere than
# before asks another question.
@lru_cache(maxsize=256)
def _question(see: Standing, change: Standing, worker: Standing | None, observatory_id: int | None) -> Question:
    def make(uuid: UUID, now: datetime) -> QuerySet[Any, Any]:
        rows = Dataset.objects.filter(rule(see, Verb.SEE, "", Dataset, now), uuid=uuid)
        if observatory_id is not None:
            rows = rows.filter(observatory=observatory_id)
        fills = rule(change, Verb.CHANGE, "", Dataset, now)
        if worker is not None:
            there = Q() if change.bound_to is None else Q(observatory=change.bound_to)
            fills |= rule(worker, Verb.CHANGE, "", Dataset, now) & there
        return rows.annotate(fills=ExpressionWrapper(fills, BooleanField())).values_list(
            *columns(Dataset), *(f"observatory__{name}" for name in columns(Observatory)), "fills"
        )

    return Question(make, uuid=UUID, now=datetime)


def _with_key(actor: Actor) -> bool:
    """Say whether a key brings files for a user who may do more than the key."""
    return actor.key is not None and UPLOAD in actor.scopes and actor.user is not None
