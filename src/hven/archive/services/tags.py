"""Words that people put on files, beside those of the solver."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.archive.models import DataFile, Tag, TagWord
from hven.archive.models.tag import fold
from hven.archive.services import text_index
from hven.archive.services.names import kept_text
from hven.errors import Invalid, NotFound

LONGEST = 200  # characters
MOST = 200  # of one person's words on one file


@transaction.atomic
def add_tag(actor: Actor, data_file: DataFile, text: str) -> Tag:
    """Put a word on a data file; one that is there already, in whatever capitals, stays as it is.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the file.
    Invalid
        There is no text, or too much of it, or too many tags.
    """
    access.check(actor, access.Verb.CHANGE, data_file)
    text = " ".join(kept_text(text).split())
    if not text:
        raise Invalid("A tag has at least one letter.")
    if len(text) > LONGEST:
        raise Invalid(f"A tag has at most {LONGEST} letters.")
    mine = data_file.tags.filter(machine=False)
    present = mine.filter(folded=fold(text)).first()
    if present is not None:
        return present
    if mine.count() >= MOST:
        raise Invalid(f"A file has at most {MOST} tags of people.")
    tag = Tag.objects.create(data_file=data_file, text=text, by=actor.user)
    note_words([tag.folded])
    text_index.note_again(data_file.pk)
    return tag


@transaction.atomic
def remove_tag(actor: Actor, data_file: DataFile, text: str) -> None:
    """Take a person's word off a data file; those of the solver stay.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not change the file.
    NotFound
        No person put that word on it.
    """
    access.check(actor, access.Verb.CHANGE, data_file)
    deleted, _ = data_file.tags.filter(machine=False, folded=fold(kept_text(text))).delete()
    if not deleted:
        raise NotFound("The file has no such tag of a person.")
    text_index.note_again(data_file.pk)


def tagged(text: str, *, exact: bool = False) -> Q:
    """Return the condition on tags that are a text, or contain it, whatever the capitals."""
    folded = fold(kept_text(text))
    if exact:
        return Q(folded=folded)
    return Q(folded__in=TagWord.objects.filter(folded__contains=folded).values("folded"))


def note_words(folded: Iterable[str]) -> None:
    """Keep texts of tags where parts of them are looked for."""
    TagWord.objects.bulk_create([TagWord(folded=text) for text in sorted(set(folded))], ignore_conflicts=True)
