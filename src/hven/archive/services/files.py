"""Filing what was received, and what its header says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from hven.accounts.models import User
from hven.archive.models import DataFile, Dataset, HeaderValue, Submission, Tag
from hven.archive.models.tag import fold
from hven.archive.services.header_values import searchable
from hven.archive.services.names import kept_text, safe_name
from hven.archive.services.tags import note_words
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.stars.solution import SourceList
from hven.storage.models import Blob

INBOX = "Inbox"
_LONGEST_TAG = 200
_READ = (
    "read_at", "format", "width", "height", "cards", "meaning", "middle", "exposure_s", "filter", "object_name",
    "camera", "image_type", "ra", "dec", "changed",
)  # fmt: skip


def inbox(user: User) -> Dataset:
    """Return the user's inbox, made when it is first needed."""
    found = Dataset.objects.filter(owner=user, inbox=True).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Dataset.objects.create(owner=user, name=INBOX, inbox=True)
    except IntegrityError:  # another request made it meanwhile
        return Dataset.objects.get(owner=user, inbox=True)


@transaction.atomic
def add_file(
    submission: Submission, blob: Blob, name: str, dataset: Dataset | None = None, visibility: str | None = None
) -> DataFile:
    """File the bytes of a submission; who may see them follows the submission unless said otherwise.

    The caller has asked `check_quota`, once for all files that come together: it adds up what the owner has.
    """
    return DataFile.objects.create(
        owner=submission.owner,
        observatory=submission.observatory,
        visibility=visibility or submission.visibility,
        name=safe_name(name, fallback="unnamed"),
        blob=blob,
        size=blob.size,
        submission=submission,
        dataset=dataset or submission.dataset or inbox(submission.owner),
        commercial_use=submission.commercial_use,
        modifications=submission.modifications,
    )


@transaction.atomic
def note_header(data_file: DataFile, frame: Frame) -> None:
    """Keep what reading a data file told, and nothing else of the record: its owner may have changed it meanwhile."""
    meaning = frame.meaning
    data_file.read_at = timezone.now()
    data_file.format = frame.format
    data_file.width, data_file.height = frame.width, frame.height
    data_file.cards = plain_cards(frame.cards)
    data_file.meaning = plain_meaning(meaning)
    data_file.middle = meaning.middle
    data_file.exposure_s = meaning.exposure_s
    data_file.filter = _plain(meaning.filter or "")[:70]
    data_file.object_name = _plain(meaning.object_name or "")[:70]
    data_file.camera = _plain(meaning.camera or "")[:70]
    data_file.image_type = _plain(meaning.image_type or "")[:70]
    data_file.ra, data_file.dec = meaning.ra, meaning.dec
    data_file.save(update_fields=_READ)
    data_file.header_values.all().delete()
    found = searchable(data_file.cards)
    HeaderValue.objects.bulk_create(HeaderValue(data_file=data_file, keyword=key, text=text) for key, text in found)


@transaction.atomic
def note_list(data_file: DataFile, sources: SourceList | None) -> None:
    """Keep that a data file holds a list of sources, and the size of their frame."""
    data_file.read_at = timezone.now()
    data_file.format = "list"
    if sources is not None:
        data_file.width, data_file.height = sources.width, sources.height
    data_file.save(update_fields=["read_at", "format", "width", "height", "changed"])


@transaction.atomic
def set_machine_tags(data_file: DataFile, texts: Iterable[str]) -> None:
    """Replace the tags that the solver gave."""
    data_file.tags.filter(machine=True).delete()
    unique = dict.fromkeys(_plain(text).strip()[:_LONGEST_TAG].strip() for text in texts)
    made = [Tag(data_file=data_file, text=text, folded=fold(text), machine=True) for text in unique if text]
    Tag.objects.bulk_create(made)
    note_words(tag.folded for tag in made)


def plain_cards(cards: Iterable[Card]) -> list[list[Any]]:
    """Return header cards as a data file keeps them: [keyword, value, comment]."""
    return [[_plain(part) for part in (card.keyword, card.value, card.comment)] for card in cards]


def plain_meaning(meaning: Meaning) -> dict[str, Any]:
    """Return what a header means as a data file keeps it."""
    return {name: _plain(value) for name, value in asdict(meaning).items() if value is not None}


def plain_text(text: str) -> str:
    """Return a header's text as databases keep it."""
    return str(_plain(text))


def _plain(value: Any) -> Any:
    """Return a header's value as JSON can hold it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return kept_text(value)
    if value is None or isinstance(value, int | float):
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    return str(value)
