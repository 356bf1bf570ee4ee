"""Filing what was received, and what its header says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from hven.accounts.models import User
from hven.archive.models import DataFile, Dataset, HeaderValue, Submission, Tag
from hven.archive.models.tag import fold
from hven.archive.services import text_index
from hven.archive.services.header_values import searchable
from hven.archive.services.names import kept_text, safe_name
from hven.archive.services.nights import file_into_night
from hven.archive.services.places import set_place
from hven.archive.services.tags import note_words
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.stars.solution import SourceList
from hven.storage.models import Blob
from hven.storage.statements import Insert

if TYPE_CHECKING:
    from hven.science.frames.headers import Headers

INBOX = "Inbox"
_ROWS, _VALUES = Insert(DataFile), Insert(HeaderValue)
_LONGEST_TAG = 200
_READ = (
    "read_at", "format", "width", "height", "cards", "meaning", "middle", "exposure_s", "filter", "object_name",
    "camera", "image_type", "ra", "dec", "changed",
)  # fmt: skip
_GONE = {"dataset_id": None, "is_solved": False, "dataset__telescope_id": None}
_PLACE = ("x", "y", "z", "cos_radius", "sin_radius", "radius_deg", "cell")


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
    submission: Submission,
    blob: Blob,
    name: str,
    dataset: Dataset | None = None,
    visibility: str | None = None,
    *,
    is_raw: bool = True,
) -> DataFile:
    """File the bytes of a submission; who may see them follows the submission unless said otherwise.

    The caller has asked `check_quota`, once for all files that come together: it adds up what the owner has.
    """
    return write_file(submission, blob, name, dataset, visibility, is_raw=is_raw)


def write_file(
    submission: Submission,
    blob: Blob,
    name: str,
    dataset: Dataset | None = None,
    visibility: str | None = None,
    *,
    is_raw: bool = True,
) -> DataFile:
    """Write what `add_file` does, in the caller's transaction."""
    made = _ROWS.make(
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
        is_raw=is_raw,
    )
    text_index.note_new(made)
    return made


@transaction.atomic
def note_header(data_file: DataFile, told: Frame | Headers, *, says_why: bool = False) -> None:
    """Keep what reading a data file told, and nothing else of the record: its owner may have changed it meanwhile.

    Where its dataset has a telescope, the file is filed into its night. Of one without a telescope it is noted only
    where `says_why` that it belongs to no night: a frame that came to be solved is in no need of one.
    """
    meaning = told.meaning
    data_file.read_at = timezone.now()
    data_file.format = told.format
    data_file.width, data_file.height = told.width, told.height
    data_file.cards = plain_cards(told.cards)
    data_file.meaning = plain_meaning(meaning)
    data_file.middle = meaning.middle or meaning.start
    data_file.exposure_s = meaning.exposure_s
    data_file.ra, data_file.dec = meaning.ra, meaning.dec
    for name in ("filter", "object_name", "camera", "image_type"):
        setattr(data_file, name, str(_plain(getattr(meaning, name) or ""))[:70])
    # As they are now: a file may be moved, and solved, while another reads it.
    now = DataFile.objects.select_for_update().values("dataset_id", "is_solved", "dataset__telescope_id")
    present = now.filter(pk=data_file.pk).first() or _GONE  # saving says so
    columns: tuple[str, ...] = _READ
    if not present["is_solved"]:
        set_place(data_file, meaning.ra, meaning.dec, _radius_deg(told))
        columns += _PLACE
    data_file.save(update_fields=columns)
    data_file.dataset_id = int(present["dataset_id"] or 0)  # there is one, or saving had failed
    _note_values(data_file)
    text_index.note(data_file)
    if says_why or present["dataset__telescope_id"] is not None or _is_filed(data_file):
        file_into_night(data_file)


def _is_filed(data_file: DataFile) -> bool:
    """Say whether a file is in a night, or said to be in none."""
    return bool(data_file.unfiled or data_file.observation_id or data_file.calibration_id)


def _note_values(data_file: DataFile) -> None:
    """Keep the cards where searches look for them."""
    HeaderValue.objects.filter(data_file=data_file.pk).delete()
    _VALUES.many(
        {"data_file": data_file.pk, "dataset": data_file.dataset_id, "keyword": key, "text": text}
        for key, text in searchable(data_file.cards)
    )


def _radius_deg(told: Frame | Headers) -> float:
    """Return half the diagonal of a frame as far as its header tells, else 0."""
    scale = told.meaning.scale_arcsec
    if scale is None or not told.width or not told.height or not 0 < scale < math.inf:
        return 0.0
    return min(math.hypot(told.width, told.height) * scale / 7200.0, 180.0)


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
    text_index.note_again(data_file.pk)


def plain_cards(cards: Iterable[Card]) -> list[list[Any]]:
    """Return header cards as a data file keeps them: [keyword, value, comment]."""
    return [[_plain(part) for part in (card.keyword, card.value, card.comment)] for card in cards]


def plain_meaning(meaning: Meaning) -> dict[str, Any]:
    """Return what a header means as a data file keeps it."""
    return {name: _plain(value) for name, value in asdict(meaning).items() if value is not None}


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
