"""Datasets as forms and frames name them; addresses call them albums."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from hven.accounts.access import Verb, find, visible
from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset
from hven.errors import Invalid

MOST_OFFERED = 200


def fillable(actor: Actor) -> Any:
    """Return the datasets that somebody may put files into, their inbox among them, by name."""
    if actor.user is None:
        return Dataset.objects.none()
    albums = visible(Dataset.objects.all(), actor, Verb.CHANGE)
    return albums.filter(Q(inbox=False) | Q(owner=actor.user)).order_by("-inbox", "name", "id")[:MOST_OFFERED]


def album_to_fill(actor: Actor, said: str) -> Dataset | None:
    """Return the dataset that a form names by its uuid; None where it names none.

    Raises
    ------
    Invalid, NotFound, Unauthenticated, Forbidden
        There is no such dataset, or the actor may not put files into it.
    """
    if not said:
        return None
    try:
        uuid = UUID(said)
    except ValueError:
        raise Invalid("Choose one of your datasets.") from None
    # somebody else's inbox is nobody's dataset
    return find(archive.visible_albums(actor), actor, Verb.CHANGE, uuid=uuid)


def dataset_of(actor: Actor, file: DataFile | None) -> Dataset | None:
    """Return the dataset that a file is in, for those who may know of it."""
    return archive.visible_albums(actor).filter(pk=file.dataset_id).first() if file else None
