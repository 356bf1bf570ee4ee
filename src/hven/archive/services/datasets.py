"""Datasets: named folders of files, of a person or of an observatory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Grant, Observatory
from hven.accounts.services.nearness import near
from hven.accounts.services.owning import new_owner
from hven.archive.models import Dataset, Rule
from hven.archive.services.names import kept_text
from hven.errors import Conflict, Forbidden, Invalid, NotFound
from hven.sites.models import Telescope
from hven.sites.services.sites import refile

LONGEST = 200
MOST_TAGS = 200
RESERVED = "arcsecond"  # tags that begin with it are a client's own


@dataclass(frozen=True, slots=True)
class DatasetWords:
    """What is said of a dataset; None leaves a thing as it is."""

    name: str | None = None
    about: str | None = None
    telescope: Telescope | None = None
    no_telescope: bool = False  # take the telescope away
    tags: Sequence[str] | None = None
    observer: str | None = None
    rule: str | None = None  # a value of `Rule`, or empty: as the telescope says


@transaction.atomic
def create_dataset(actor: Actor, words: DatasetWords, observatory: Observatory | None = None) -> Dataset:
    """Make a dataset of one's own, or of an observatory.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, or no member of the observatory.
    Invalid
        It has no name.
    Conflict
        There is one of that name already.
    NotFound
        The actor may not see the telescope.
    """
    owner = new_owner(actor, observatory, Dataset.change_role, UPLOAD, WRITE)
    if observatory is not None:
        # Members wait for each other, so that a name comes once.
        Observatory.objects.select_for_update().get(pk=observatory.pk)
        if Dataset.objects.filter(observatory=observatory, name__iexact=(words.name or "").strip()).exists():
            raise Conflict(f"{observatory.name} has a dataset of that name already.")
    dataset = Dataset(owner=owner, observatory=observatory)
    _say(actor, dataset, words)
    try:
        with transaction.atomic():
            dataset.save()
    except IntegrityError:
        raise Conflict("You have a dataset of that name already.") from None
    return dataset


@transaction.atomic
def change_dataset(actor: Actor, dataset: Dataset, words: DatasetWords) -> Dataset:
    """Change what is said of a dataset; with another telescope its files' nights follow."""
    access.check(actor, access.Verb.CHANGE, dataset)
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if dataset.inbox and words.name is not None and words.name != dataset.name:
        raise Invalid("An inbox keeps its name.")
    before = dataset.telescope_id
    _say(actor, dataset, words)
    try:
        with transaction.atomic():
            dataset.save()
    except IntegrityError:
        raise Conflict("There is a dataset of that name already.") from None
    if dataset.telescope_id != before:
        from hven.archive.services.nights import refile_dataset  # noqa: PLC0415 - they know each other

        refile_dataset(dataset, actor)
        if dataset.telescope is not None:
            refile(actor, dataset.telescope)
    return dataset


def visible_datasets(actor: Actor, observatory: Observatory | None = None) -> QuerySet[Dataset]:
    """Return the datasets that the actor may see: those of an observatory, or personal ones."""
    found = access.visible(Dataset.objects.select_related("telescope"), actor)
    if observatory is not None:
        return found.filter(observatory=observatory).order_by("id")
    return found.filter(observatory__isnull=True).order_by("id")


@transaction.atomic
def delete_dataset_with_files(actor: Actor, dataset: Dataset) -> None:
    """Delete an empty dataset; one that holds files is kept until they are gone or moved.

    Whoever files into it meanwhile waits: a file comes before, and keeps it, or finds it gone.

    Raises
    ------
    Conflict
        It holds files; the sentence says how many.
    """
    access.check(actor, access.Verb.DELETE, dataset)
    if dataset.inbox:
        raise Invalid("An inbox cannot be deleted.")
    if Dataset.objects.select_for_update().filter(pk=dataset.pk).first() is None:
        raise NotFound("There is no such dataset any more.")
    held = dataset.data_files.count()
    if held:
        raise Conflict(f"The dataset holds {held} files; delete or move them first.")
    uuid = dataset.uuid
    dataset.delete()
    Grant.objects.filter(record=uuid).delete()


def rule_of(dataset: Dataset) -> str | None:
    """Return what filing a frame in a dataset starts: its own rule, else its telescope's; None for nothing."""
    said = dataset.rule or (dataset.telescope.rule if dataset.telescope is not None else Rule.NONE)
    return None if said == Rule.NONE else str(said)


def checked_tags(tags: Sequence[Any]) -> list[str]:
    """Return tags as they are kept: trimmed, each once.

    Raises
    ------
    Invalid
        There are very many, or one is very long.
    """
    found = list(dict.fromkeys(text for tag in tags if (text := kept_text(str(tag)).strip())))
    if len(found) > MOST_TAGS or any(len(tag) > LONGEST for tag in found):
        raise Invalid(f"There are at most {MOST_TAGS} tags, each of up to {LONGEST} characters.")
    return found


def _say(actor: Actor, dataset: Dataset, words: DatasetWords) -> None:
    if words.name is not None:
        dataset.name = kept_text(words.name).strip()
    if not dataset.name or len(dataset.name) > LONGEST:
        raise Invalid(f"A dataset's name has 1 to {LONGEST} characters.")
    if words.about is not None:
        dataset.about = kept_text(words.about)[:10_000]
    if words.observer is not None:
        dataset.observer = kept_text(words.observer)[:LONGEST]
    if words.tags is not None:
        dataset.tags = checked_tags(words.tags)
    if words.rule is not None:
        if words.rule and words.rule not in Rule.values:
            raise Invalid(f"A rule is one of {', '.join(Rule.values)}, or empty: as the telescope says.")
        dataset.rule = words.rule
    _set_telescope(actor, dataset, words)


def _set_telescope(actor: Actor, dataset: Dataset, words: DatasetWords) -> None:
    if words.no_telescope:
        dataset.telescope = None
    if words.telescope is not None:
        if not access.may(actor, access.Verb.SEE, words.telescope):
            raise NotFound("There is no such telescope, or you may not see it.")
        # its nights belong to its owner: whoever merely sees a public one opens none
        new = words.telescope.pk != dataset.telescope_id
        if new and not Telescope.objects.filter(near(actor), pk=words.telescope.pk).exists():
            raise Forbidden("This telescope is somebody else's; ask its owner to share it with you.")
        dataset.telescope = words.telescope
