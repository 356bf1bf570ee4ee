"""Filing what was received, and what its header says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from hven.accounts.models import Observatory, User
from hven.archive.models import DataFile, Dataset, Submission, Tag
from hven.archive.models.tag import fold
from hven.archive.services import text_index
from hven.archive.services.header_values import to_remember
from hven.archive.services.names import kept_text, safe_name
from hven.archive.services.nights import FILED, file_into_nights, locked_files
from hven.archive.services.places import PLACE, place_columns
from hven.archive.services.tags import note_words
from hven.errors import NotFound
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.stars.solution import SourceList
from hven.storage.models import Blob
from hven.storage.statements import Insert, Update

if TYPE_CHECKING:
    from hven.science.frames.headers import Headers

INBOX = "Inbox"
_LONGEST_TAG = 200
_WORDS = ("filter", "object_name", "camera", "image_type")
_ROWS = Insert(DataFile)
_OF_HEADER = (
    "read_at", "format", "width", "height", "cards", "meaning", "middle", "exposure_s", "ra", "dec", *_WORDS,
)  # fmt: skip
_READ = Update(DataFile, *_OF_HEADER, *PLACE, "awaits_reading", *FILED)
# What a record needs not hold while it is filed, as it is set anew or not looked at: making it would take longer.
_ANEW = (*_OF_HEADER, "created", "changed", "commercial_use", "modifications", "submission_id", "is_raw")


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


def write_waiting(
    owner: User, observatory: Observatory | None, blob: Blob, name: str, dataset: Dataset, *, is_raw: bool
) -> DataFile:
    """Write, in the caller's transaction, a file that came into a dataset; whoever reads its header notes its words."""
    return _ROWS.make(
        owner=owner,
        observatory=observatory,
        visibility=dataset.visibility,
        name=name,
        blob=blob,
        size=blob.size,
        dataset=dataset,
        is_raw=is_raw,
        awaits_reading=True,
    )


def note_header(data_file: DataFile, told: Frame | Headers) -> None:
    """Keep what reading a data file told, and nothing else of the record: its owner may have changed it meanwhile.

    Where its dataset has a telescope, the file is filed into its night.
    """
    said = said_by(told)
    if not note_headers({data_file.pk: said}):
        raise NotFound("The file was deleted meanwhile.")
    for name, value in said.columns.items():
        setattr(data_file, name, value)


@dataclass(frozen=True, slots=True)
class Said:
    """What is kept of a header."""

    columns: dict[str, Any]  # of the data file
    ready: dict[str, Any]  # as parameters, but for the place
    words: text_index.HeaderWords
    unread: str  # why it could not be read, a sentence; empty where it could


def said_by(told: Frame | Headers) -> Said:
    """Return what is kept of a header; it takes as long as writing it, so do it before the transaction."""
    meaning = told.meaning
    words = {name: str(_plain(getattr(meaning, name) or ""))[:70] for name in _WORDS}
    columns: dict[str, Any] = {
        "read_at": timezone.now(), "format": told.format, "width": _pixels(told.width), "height": _pixels(told.height),
        "cards": plain_cards(told.cards), "meaning": plain_meaning(meaning), "middle": meaning.middle or meaning.start,
        "exposure_s": meaning.exposure_s, "ra": meaning.ra, "dec": meaning.dec, **words,
        **place_columns(meaning.ra, meaning.dec, _radius_deg(told)),
    }  # fmt: skip
    unread = told.notes[0][:200] if told.notes and not told.format else ""
    ready = _READ.ready({name: value for name, value in columns.items() if name not in PLACE})  # see `note_headers`
    return Said(columns, ready, text_index.header_words(columns["cards"]), unread)


@transaction.atomic(savepoint=False)
def note_headers(read: Mapping[int, Said], *, says_why: bool = False) -> list[DataFile]:
    """Keep what the headers of files said, and file them into their nights; return the files as they are now.

    Parameters
    ----------
    read
        `said_by` the headers of files, by the files' ids. Files that are gone meanwhile are passed over.
    says_why
        It was what the files waited for. Of those whose dataset has no telescope it is noted that they belong to no
        night: a frame that came to be solved is in no need of one.
    """
    # As they are now: a file may be moved, and solved, while another reads it.
    files = locked_files(list(read), without=_ANEW)
    for file in files:
        place = {name: getattr(file, name) for name in PLACE} if file.is_solved else {}
        for name, value in (read[file.pk].columns | place).items():
            setattr(file, name, value)
        file.awaits_reading = file.awaits_reading and not says_why  # others leave it to be filed
    filed = [file for file in files if says_why or file.dataset.telescope_id is not None or _is_filed(file)]
    text_index.note(*files, of_headers={pk: said.words for pk, said in read.items()})
    ready = {pk: said.ready for pk, said in read.items()}
    if len(filed) < len(files):
        _READ.many([file for file in files if file not in filed], ready)
    file_into_nights(filed, {pk: said.unread for pk, said in read.items()}, write=partial(_READ.many, ready=ready))
    return files


def _pixels(number: int | None) -> int | None:
    """Return a number of pixels as databases keep it; a header may say anything."""
    return number if number is not None and 0 <= number < 2**31 else None


def _is_filed(data_file: DataFile) -> bool:
    """Say whether a file is in a night, or said to be in none."""
    return bool(data_file.unfiled or data_file.observation_id or data_file.calibration_id)


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
    return [[*_plain_card(card)] for card in cards]


def _plain_card(card: Card) -> tuple[Any, ...]:
    parts = card.keyword, card.value, card.comment
    is_known = to_remember(card.value, card.keyword + card.comment)
    return _known_parts(*parts) if is_known else _plain_parts(*parts)


def _plain_parts(*parts: Any) -> tuple[Any, ...]:
    return tuple(_plain(part) for part in parts)


_known_parts = lru_cache(maxsize=10_000, typed=True)(_plain_parts)  # typed: 1, 1.0 and T are equal


def plain_meaning(meaning: Meaning) -> dict[str, Any]:
    """Return what a header means as a data file keeps it."""
    said = {each.name: getattr(meaning, each.name) for each in fields(meaning)}
    return {name: _plain(value) for name, value in said.items() if value is not None}


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
