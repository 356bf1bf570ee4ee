"""Finding files by words and header cards: what of a file goes into the full-text table, and how it is asked.

Words are made here and not in the database, so that SQLite (FTS5) and PostgreSQL (tsvector) find the same: without
regard to capitals and accents, split at whatever is no letter and no digit. A search is for beginnings of words.

Each header card that searches can ask for is one more word, a digest of its keyword and value that nobody can type. A
row of an ordinary table for each card would take whoever reads headers five times as long to write, and searches for
several cards at once twice as long to answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol

from django.db import connection
from django.db.models import QuerySet

from hven.archive.models import DataFile, Dataset, FileText, Tag
from hven.archive.services.header_values import compared, is_left_out, searchable, to_remember
from hven.archive.services.names import kept_text
from hven.science.frames.whereabouts import tells_place
from hven.storage.statements import Lookup

MOST_ASKED = 50  # words of one question; what comes after them is not looked at
_MOST_OF_HEADER, _MOST = 200, 600  # words of one file, without its cards
_LONGEST = 60  # characters of a word; longer ones are found by their beginnings
# Begins the words that stand for datasets and cards: no letter, so that nobody can type such a word.
_MARK = "\u00b7"
_AT_ONCE = 500  # files
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)([T ][\d:.]*Z?)?$")
_INSERT = "INSERT OR REPLACE INTO archive_filetext (rowid, words) VALUES (%s, %s)"
_INSERT_POSTGRESQL = (
    "INSERT INTO archive_filetext (rowid, words) VALUES (%s, array_to_tsvector(%s::text[]))"
    " ON CONFLICT (rowid) DO UPDATE SET words = excluded.words"
)
_TAGS = Lookup(lambda pks: Tag.objects.filter(data_file__in=pks).order_by("id").values_list("data_file", "text"))


@dataclass(frozen=True, slots=True)
class HeaderWords:
    """What stands in the full-text table for a header: words of its texts, and one for each card, each once."""

    words: list[str]
    cards: list[str]


class Indexed(Protocol):
    """What words are made of; a data file has it, and so has one of a migration."""

    pk: int
    dataset_id: int
    name: str
    object_name: str
    filter: str
    camera: str
    image_type: str
    cards: list[Any]


@lru_cache(maxsize=5_000)  # the frames of a night say much alike
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text: small letters without accents, split at what is no letter and no digit."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", kept_text(text)).casefold())
    kept = "".join(each if each.isalnum() else " " for each in plain if not unicodedata.combining(each))
    return tuple(word[:_LONGEST] for word in kept.split())


def file_words(file: Indexed, tags: Iterable[str], of_header: HeaderWords | None = None) -> list[str]:
    """Return the words by which a file is found, each once, its dataset's first; `header_words` may be known."""
    header = header_words(file.cards) if of_header is None else of_header
    found: dict[str, None] = {_dataset_word(file.dataset_id): None}
    for text in (file.name, file.object_name, file.filter, file.camera, file.image_type, *tags):
        found.update(dict.fromkeys(words_of(text)))
    found.update(dict.fromkeys(header.words))
    return [*list(found)[:_MOST], *header.cards]


def header_words(cards: Sequence[Sequence[Any]]) -> HeaderWords:
    """Return what stands in the full-text table for a header."""
    found: dict[str, None] = {}
    for keyword, value, *_ in cards:
        if len(found) >= _MOST_OF_HEADER:
            break
        found.update(_of_known_card(keyword, value) if to_remember(value, keyword) else _of_card(keyword, value))
    return HeaderWords(list(found)[:_MOST_OF_HEADER], [_card_word(*pair) for pair in searchable(cards)])


def note(*files: Indexed, of_headers: Mapping[int, HeaderWords] | None = None) -> None:
    """Keep the words of files as their records and tags are now, in the caller's transaction.

    What is known already of their `header_words` is taken from `of_headers`.
    """
    known = of_headers or {}
    tags: dict[int, list[str]] = {file.pk: [] for file in files}
    for pk, text in _TAGS.rows(tags):
        tags[pk].append(text)
    write((file.pk, file_words(file, tags[file.pk], known.get(file.pk))) for file in files)


def note_new(file: Indexed) -> None:
    """Keep the words of a file that was made just now and has no tags yet."""
    write([(file.pk, file_words(file, ()))])


def note_again(data_file_id: int) -> None:
    """Keep the words of a file as the database has it: who changes its tags may hold an older record."""
    note_rows(DataFile.objects.filter(pk=data_file_id))


def note_rows(files: QuerySet[DataFile]) -> None:
    """Keep the words of many files, part by part."""
    needed = files.only("id", "dataset_id", "name", "object_name", "filter", "camera", "image_type", "cards")
    batch: list[DataFile] = []
    for file in needed.order_by("id").iterator(chunk_size=_AT_ONCE):
        batch.append(file)
        if len(batch) == _AT_ONCE:
            note(*batch)
            batch = []
    note(*batch)


def write(rows: Iterable[tuple[int, Sequence[str]]], using: Any = connection) -> None:
    """Write words of files into the table of a database."""
    whole = using.vendor == "postgresql"
    values = [(pk, list(words) if whole else " ".join(words)) for pk, words in rows]
    if values:
        with using.cursor() as cursor:
            cursor.executemany(_INSERT_POSTGRESQL if whole else _INSERT, values)


def having(text: str, dataset: Dataset | None = None, cards: Iterable[tuple[str, str]] = ()) -> QuerySet[FileText, int]:
    """Return the ids of the files that have all words of a text, or words that begin so, and all of some cards.

    Parameters
    ----------
    text
        Empty where nothing but cards is asked for; a text without any letter or digit finds none.
    dataset
        To look in; None for all.
    cards
        (keyword, value); values compare as `hven.archive.services.header_values.compared` does.
    """
    asked = [f"{word}*" for word in list(dict.fromkeys(words_of(text)))[:MOST_ASKED]]
    of_cards = [_card_word(kept_text(key).strip().upper(), compared(kept_text(value))) for key, value in cards]
    if (text.strip() and not asked) or not (asked or of_cards):
        return FileText.objects.none().values_list("data_file_id", flat=True)
    within = () if dataset is None else (_dataset_word(dataset.pk),)
    said = (*within, *of_cards, *asked)
    return FileText.objects.filter(words__has=said).values_list("data_file_id", flat=True)


def _dataset_word(dataset_id: int) -> str:
    # Without it a word that all files have would be looked up in all datasets to find the few of one.
    return f"{_MARK}{dataset_id}"


@lru_cache(maxsize=20_000)  # what most frames of a camera say alike
def _card_word(keyword: str, text: str) -> str:
    digest = blake2b(f"{keyword}\0{text}".encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return f"{_MARK}c{digest}"


def _of_card(keyword: str, value: Any) -> dict[str, None]:
    """Return the words of a header card's text, each once; numbers are found by their values alone."""
    if not isinstance(value, str) or is_left_out(keyword) or tells_place(keyword):
        return {}  # who may not read where a frame was taken must not find it by that either
    text = value.strip().strip("'")
    if time := _TIME.match(text):
        return dict.fromkeys(words_of(time[1]))  # the day; the rest would be a word of its own for each file
    if any(letter.isalpha() for letter in text) and text.casefold() not in {"nan", "inf", "-inf"}:
        return dict.fromkeys(words_of(text))
    return {}


_of_known_card = lru_cache(maxsize=10_000, typed=True)(_of_card)
