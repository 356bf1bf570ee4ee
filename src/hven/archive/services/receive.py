"""Taking files into a dataset: accepted first and whatever they hold, read by a job afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from hven.accounts.actor import Actor
from hven.archive.models import DataFile, Dataset
from hven.archive.models.tag import Tag, fold
from hven.archive.services import text_index
from hven.archive.services.datasets import checked_tags
from hven.archive.services.files import write_waiting
from hven.archive.services.filling import GONE, check_fill
from hven.archive.services.names import safe_name
from hven.archive.services.quotas import check_quota
from hven.archive.services.submissions import giver
from hven.archive.services.tags import note_words
from hven.archive.services.unread import ask_to_read
from hven.errors import Conflict, NotFound
from hven.storage import services as storage
from hven.storage.models import Blob
from hven.storage.statements import Question

_PACKED = re.compile(r"\.(gz|gzip|bz2|bzip2|zip|fz)$", re.IGNORECASE)
_MOST_NUMBERED = 100_000
SMALL = 1_000_000  # bytes: others wait for the database while so few go to the disk
# Whoever files into the same dataset waits here, so that a name is taken once; not so the records that refer to it.
_LOCK = Question(
    lambda pk: (
        Dataset.objects.select_for_update(no_key=True).filter(pk=pk).values_list("name", "observatory_id", "visibility")
    ),
    pk=int,
)
# A range and not LIKE, which no index answers.
_NEAR = Question(
    lambda dataset, first, last: DataFile.objects.filter(dataset=dataset, name__gte=first, name__lte=last).values_list(
        "pk", "name", "blob_id"
    ),
    dataset=int,
    first=str,
    last=str,
)


class Duplicate(Conflict):
    """The very same file lies in the dataset already."""

    def __init__(self, present: DataFile) -> None:
        super().__init__(f"The file {present.name} already exists in dataset {present.dataset.name}.")
        self.present = present


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a file came."""

    name: str
    is_raw: bool = True
    tags: Sequence[str] = ()


def receive_bytes(actor: Actor, dataset: Dataset, file: Any, delivery: Delivery) -> DataFile:
    """Store a file that came with a form, and file it in a dataset that `find_to_fill` gave.

    A small file that lies in memory becomes bytes and record in one transaction. Errors are those of `receive_file` and
    of `storage.put`.
    """
    if getattr(file, "hashes", None) is not None or file.size >= SMALL:
        return _file(actor, dataset, storage.put(file, limit=settings.HVEN_MAX_UPLOAD), delivery)
    tags = checked_tags(delivery.tags)
    content = file.read()
    try:
        with transaction.atomic():
            _locked(dataset)
            if actor.user is not None:
                check_quota(actor.user, len(content))  # before anything is stored
            return _filed(actor, dataset, storage.put_few(content), delivery, tags)
    except Duplicate:
        storage.mend(content)
        raise


def receive_file(actor: Actor, dataset: Dataset, blob: Blob, delivery: Delivery) -> DataFile:
    """File stored bytes in a dataset and ask for their header to be read.

    The same name with other bytes gets a number: a camera that counts from 1 again must lose nothing.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not upload, or not into this dataset.
    NotFound
        The dataset is gone.
    Duplicate
        A file of that name with the same bytes lies there already.
    TooLarge
        It is more than the owner may keep.
    """
    check_fill(actor, dataset)
    return _file(actor, dataset, blob, delivery)


def _file(actor: Actor, dataset: Dataset, blob: Blob, delivery: Delivery) -> DataFile:
    tags = checked_tags(delivery.tags)
    with transaction.atomic():
        return _filed(actor, _locked(dataset), blob, delivery, tags)


def _locked(dataset: Dataset) -> Dataset:
    """Bring up to date what files take from their dataset; it stays so to the end of the transaction."""
    found = _LOCK.rows(pk=dataset.pk)
    if not found:
        raise NotFound(GONE)
    [(dataset.name, dataset.observatory_id, dataset.visibility)] = found
    return dataset


def _filed(actor: Actor, dataset: Dataset, blob: Blob, delivery: Delivery, tags: Sequence[str]) -> DataFile:
    name = _free_name(dataset, safe_name(delivery.name, fallback="unnamed"), blob)
    owner = giver(actor)
    check_quota(owner, blob.size)
    # What lies in an observatory's dataset is the observatory's, whoever brought it.
    observatory = dataset.observatory or (actor.key.observatory if actor.key else None)
    data_file = write_waiting(owner, observatory, blob, name, dataset, is_raw=delivery.is_raw)
    if tags:
        set_tags(data_file, tags, actor)
    ask_to_read(owner)
    return data_file


def set_tags(data_file: DataFile, tags: Sequence[str], actor: Actor) -> None:
    """Make these the tags that people gave a file."""
    data_file.tags.filter(machine=False).delete()
    made = [Tag(data_file=data_file, text=tag, folded=fold(tag), by=actor.user) for tag in checked_tags(tags)]
    Tag.objects.bulk_create(made)
    note_words(tag.folded for tag in made)
    text_index.note_again(data_file.pk)


def _free_name(dataset: Dataset, name: str, blob: Blob) -> str:
    """Return the name under which a file is filed.

    Raises
    ------
    Duplicate
        The same bytes lie there under this name, or under one that was numbered after it.
    """
    stem, ending = _parts(name)
    pattern = rf"^{re.escape(stem)} \(\d+\){re.escape(ending)}$"
    taken = set()
    beginning = stem[:150]
    for pk, present, blob_id in _NEAR.rows(dataset=dataset.pk, first=beginning, last=f"{beginning}\U0010ffff"):
        if present == name or re.match(pattern, present):
            if blob_id == blob.pk:
                raise Duplicate(DataFile.objects.select_related("dataset").get(pk=pk))
            taken.add(present)
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
