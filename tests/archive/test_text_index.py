"""The words by which files are found, and that they are kept true."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset, FileText
from hven.archive.services import text_index
from hven.archive.services.receive import set_tags
from hven.science.frames.frame import Card, Meaning
from hven.science.frames.headers import Headers
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)


def found(text: str, dataset: Dataset | None = None) -> set[int]:
    return set(text_index.having(text, dataset))


@pytest.fixture
def file(user: Any) -> DataFile:
    submission = archive.new_submission(Actor.of(user), origin="web")
    return archive.add_file(submission, storage.put(b"a"), "NGC7331_R_0001.fits")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NGC7331_R_0001.fits", ["ngc7331", "r", "0001", "fits"]),
        ("Ångström-Straße", ["angstrom", "strasse"]),
        ("M 31 (Δ Cep)", ["m", "31", "δ", "cep"]),
        ("x²", ["x2"]),
        ("\0\ud800", []),
        ("a" * 100, ["a" * 60]),
    ],
)
def test_words_are_small_letters_without_accents(text: str, words: list[str]) -> None:
    assert list(text_index.words_of(text)) == words


def test_a_file_is_found_by_its_name_as_soon_as_it_is_filed_and_no_more_when_it_is_gone(file: DataFile) -> None:
    assert found("ngc73") == found("FITS r 0001") == found("r", file.dataset) == {file.pk}
    assert found("ngc7331 b") == found("gc7331") == found("inbox") == set()
    file.delete()
    assert found("ngc73") == set()
    assert not FileText.objects.exists()


def test_a_dataset_is_looked_through_alone(file: DataFile, user: Any) -> None:
    other = archive.make_album(Actor.of(user), "other")
    assert found("fits", other) == set()
    archive.move_files(Actor.of(user), [file], other)
    assert found("fits", other) == {file.pk}
    assert found("fits", archive.inbox(user)) == set()


def test_texts_of_the_header_are_found_and_its_numbers_and_layout_are_not(file: DataFile) -> None:
    cards = (
        Card("SIMPLE", value=True), Card("NAXIS1", 4711), Card("OBSERVER", "Müller, Käthe"), Card("EXPTIME", 300.5),
        Card("DATE-OBS", "2026-03-01T20:11:12.5"), Card("OBJCTRA", "12 34 56"), Card("HISTORY", "flattened"),
    )  # fmt: skip
    meaning = Meaning(object_name="Whirlpool", filter="Halpha", camera="ASI1600", image_type="Light Frame")
    archive.note_header(file, Headers("fits", cards, meaning))
    for text in ("muller", "KATHE mu", "2026-03-01", "whirl halpha asi light ngc7331"):
        assert found(text) == {file.pk}, text
    for text in ("4711", "300", "12 34", "20t11", "flattened", "t"):
        assert found(text) == set(), text
    archive.note_header(file, Headers("fits", (), Meaning(object_name="Sunflower")))
    assert found("sunflower") == {file.pk}
    assert found("whirlpool") == set()


def test_nobody_finds_a_file_by_where_it_was_taken(file: DataFile) -> None:
    cards = [["SITELAT", "28d18m00s", ""], ["ESO TEL GEOLON", "16d30m west", ""], ["OBSERVER", "Sophie", ""]]
    DataFile.objects.filter(pk=file.pk).update(cards=cards)
    text_index.note_again(file.pk)
    assert found("sophie") == {file.pk}
    assert found("28d18m00s") == found("west") == set()


def test_the_migration_takes_places_out_of_the_words_that_are_there(file: DataFile, user: Any) -> None:
    from importlib import import_module

    from django.apps import apps
    from django.db import connection

    archive.add_tag(Actor.of(user), file, "best")
    other = archive.add_file(archive.new_submission(Actor.of(user), origin="web"), storage.put(b"b"), "other.fits")
    DataFile.objects.filter(pk=file.pk).update(cards=[["SITELAT", "28d18m00s", ""]])
    text_index.write([(file.pk, ["28d18m00s"]), (other.pk, ["other"])])
    with connection.schema_editor() as editor:
        import_module("hven.archive.migrations.0014_cards_as_words").write_words(apps, editor)
    assert found("28d18m00s") == set()
    assert found("ngc7331 best") == {file.pk}
    assert found("other") == {other.pk}


def test_tags_of_people_and_of_the_solver_are_found_while_they_are_there(file: DataFile, user: Any) -> None:
    actor = Actor.of(user)
    archive.add_tag(actor, file, "First Light")
    archive.set_machine_tags(file, ["M 106"])
    set_tags(file, ["first light", "best"], actor)
    assert found("light") == found("m 106") == found("best fir") == {file.pk}
    archive.remove_tag(actor, file, "best")
    archive.set_machine_tags(file, [])
    assert found("best") == found("106") == set()
    set_tags(file, [], actor)
    assert found("light") == set()
    assert found("ngc7331") == {file.pk}


def test_who_tags_an_older_record_takes_no_words_away(file: DataFile, user: Any) -> None:
    archive.note_header(DataFile.objects.get(pk=file.pk), Headers("fits", (), Meaning(object_name="Whirlpool")))
    archive.add_tag(Actor.of(user), file, "best")
    assert found("whirlpool best") == {file.pk}


def test_the_words_of_a_file_are_bounded(file: DataFile) -> None:
    cards = tuple(Card(f"KEY{n}", f"word{n}") for n in range(1000))
    archive.note_header(file, Headers("fits", cards, Meaning(start=datetime(2026, 3, 1, tzinfo=UTC))))
    assert found("word199") == {file.pk}
    assert found("word200") == set()


@pytest.mark.parametrize(
    "text",
    [
        '"', "''", "*", "NEAR(a b)", "AND", "OR NOT", "-", ":", "words:r", "^r", "\0", "\ud800", "r'; --", "{r}", "(",
        "\\",
    ],
)  # fmt: skip
def test_signs_mean_nothing_to_the_database(file: DataFile, text: str) -> None:
    assert found(text, file.dataset) <= {file.pk}
    assert found(f"ngc7331 {''.join(sign for sign in text if not sign.isalpha())}") == {file.pk}


def test_many_words_are_asked_up_to_a_bound(file: DataFile) -> None:
    assert found(" ".join(f"w{n}" for n in range(5000))) == set()
    assert found("fits " * 5000) == {file.pk}


def test_cards_and_words_are_asked_together(file: DataFile) -> None:
    cards = [["OBSERVER", "Sophie", ""], ["EXPTIME", 30, ""]]
    DataFile.objects.filter(pk=file.pk).update(cards=cards)
    text_index.note_again(file.pk)
    for asked in (("observer", " SOPHIE "),), (("EXPTIME", "30.0"), ("OBSERVER", "sophie")):
        assert set(text_index.having("ngc73", file.dataset, asked)) == {file.pk}
        assert set(text_index.having("", None, asked)) == {file.pk}
        assert set(text_index.having("m31", None, asked)) == set(text_index.having("?!", None, asked)) == set()
    for asked in (("OBSERVER", "soph"),), (("OBSERVER", "sophie"), ("EXPTIME", "31")), (("TELESCOP", "sophie"),):
        assert set(text_index.having("", file.dataset, asked)) == set()


def test_nobody_types_the_word_that_stands_for_a_card(file: DataFile) -> None:
    text_index.write(
        [(file.pk, text_index.file_words(file, (), text_index.header_words([["OBSERVER", "Sophie", ""]])))]
    )
    [word] = text_index.header_words([["OBSERVER", "Sophie", ""]]).cards
    assert found("sophie") == {file.pk}
    assert found(word) == found(word[:9]) == found(word[1:]) == set()


class AnyText(TestCase):
    """Whatever is typed is answered, and what a file is called finds it."""

    @settings(deadline=None)
    @given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
    def test_whatever_is_typed_is_answered(self, text: str) -> None:
        user = accounts.create_user("typist", "a long password")
        submission = archive.new_submission(Actor.of(user), origin="web")
        made = archive.add_file(submission, storage.put(b"b"), f"x{text}")
        has_words = any(True for _ in text_index.words_of(text))
        if has_words and "\0" not in text:
            DataFile.objects.filter(pk=made.pk).update(object_name="")
            text_index.write([(made.pk, list(text_index.words_of(text)))])
            assert found(text) == {made.pk}
        else:
            assert found(text) <= {made.pk}
