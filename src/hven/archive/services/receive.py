"""Taking files into a dataset: accepted first and whatever they hold, read by a job afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.archive.models import DataFile, Dataset, Submission
from hven.archive.models.tag import Tag, fold
from hven.archive.services.datasets import checked_tags
from hven.archive.services.files import add_file
from hven.archive.services.names import safe_name
from hven.archive.services.quotas import check_quota
from hven.archive.services.submissions import finish_submission, new_submission
from hven.archive.services.tags import note_words
from hven.errors import Conflict, Forbidden
from hven.jobs import services as jobs
from hven.storage.models import Blob

READ = "archive.read"
_PACKED = re.compile(r"\.(gz|gzip|bz2|bzip2|zip|fz)$", re.IGNORECASE)
_MOST_NUMBERED = 100_000


class Duplicate(Conflict):
    """The very same file lies in the dataset already."""

    def __init__(self, present: DataFile) -> None:
        super().__init__(f"The file {present.name} already exists in dataset {present.dataset.name}.")
        self.present = present


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a file came."""

    origin: str  # the dialect, or "web"
    name: str
    address: str | None = None
    is_raw: bool = True
    tags: Sequence[str] = ()


def receive_file(actor: Actor, dataset: Dataset, blob: Blob, delivery: Delivery) -> DataFile:
    """File stored bytes in a dataset and ask for their header to be read.

    The same name with other bytes gets a number: a camera that counts from 1 again must lose nothing.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not upload, or not into this dataset.
    Duplicate
        A file of that name with the same bytes lies there already.
    TooLarge
        It is more than the owner may keep.
    """
    access.need(actor, UPLOAD, WRITE)
    check_fill(actor, dataset)
    tags = checked_tags(delivery.tags)
    with transaction.atomic():
        # Whoever files into the same dataset waits here, so that a name is taken once.
        dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
        name = _free_name(dataset, safe_name(delivery.name, fallback="unnamed"), blob)
        submission = _submission(actor, dataset, delivery)
        check_quota(submission.owner, blob.size)
        data_file = add_file(submission, blob, name, dataset, dataset.visibility)
        if not delivery.is_raw:
            data_file.is_raw = False
            data_file.save(update_fields=["is_raw"])
        set_tags(data_file, tags, actor)
        finish_submission(submission)
        jobs.enqueue(READ, {"data_file_id": data_file.pk}, created_by=actor.user)
    return data_file


def check_fill(actor: Actor, dataset: Dataset) -> None:
    """Raise Forbidden unless the actor may put files into a dataset: who changes it, or fills it by an upload key."""
    if access.may(actor, access.Verb.CHANGE, dataset):
        return
    with_key = actor.key is not None and UPLOAD in actor.scopes and actor.user is not None
    if with_key and access.may(Actor.of(actor.user), access.Verb.CHANGE, dataset):  # type: ignore[arg-type] # tested
        bound = actor.key.observatory_id if actor.key is not None else None
        if bound is None or bound == dataset.observatory_id:
            return
    raise Forbidden("You may not put files into this dataset; ask its owner.")


def set_tags(data_file: DataFile, tags: Sequence[str], actor: Actor) -> None:
    """Make these the tags that people gave a file."""
    data_file.tags.filter(machine=False).delete()
    made = [Tag(data_file=data_file, text=tag, folded=fold(tag), by=actor.user) for tag in checked_tags(tags)]
    Tag.objects.bulk_create(made)
    note_words(tag.folded for tag in made)


def _submission(actor: Actor, dataset: Dataset, delivery: Delivery) -> Submission:
    submission = new_submission(
        actor,
        origin=delivery.origin,
        name=delivery.name,
        address=delivery.address,
        visibility=dataset.visibility,
        dataset=dataset,
    )
    if dataset.observatory_id is not None:
        # What lies in an observatory's dataset is the observatory's, whoever brought it.
        submission.observatory = dataset.observatory
        submission.save(update_fields=["observatory"])
    return submission


def _free_name(dataset: Dataset, name: str, blob: Blob) -> str:
    """Return the name under which a file is filed.

    Raises
    ------
    Duplicate
        The same bytes lie there under this name, or under one that was numbered after it.
    """
    stem, ending = _parts(name)
    pattern = rf"^{re.escape(stem)} \(\d+\){re.escape(ending)}$"
    taken: dict[str, DataFile] = {}
    for each in dataset.data_files.filter(name__startswith=stem[:150]).select_related("dataset"):
        if each.name == name or re.match(pattern, each.name):
            if each.blob_id == blob.pk:
                raise Duplicate(each)
            taken[each.name] = each
    if name not in taken:
        return name
    for number in range(2, _MOST_NUMBERED):
        numbered = f"{stem} ({number}){ending}"
        if numbered not in taken:
            return numbered
    raise Conflict(f"There are too many files called {name} in this dataset.")


def _parts(name: str) -> tuple[str, str]:
    """Return a name without its ending, and the ending: .fits.gz counts as one."""
    packed = _PACKED.search(name)
    rest, last = (name[: packed.start()], packed[0]) if packed else (name, "")
    stem, dot, ending = rest.rpartition(".")
    if not stem or len(ending) > 10:
        return rest, last
    return stem, f"{dot}{ending}{last}"
