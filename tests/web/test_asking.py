"""What people type into the search box and its panel, and what is searched for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hven.accounts.actor import ANYONE, Actor
from hven.imaging.services.search import Cone, Wanted
from hven.web.asking import Asked, understand

pytestmark = pytest.mark.django_db


def understood(text: str = "", actor: Actor = ANYONE, **fields: str):
    return understand(actor, Asked.of({"q": text, **fields}), Wanted())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 30 45 +41 16", Cone(187.6875, 41.2666667)),
        ("187.7 12.39 r=2", Cone(187.7, 12.39, 2.0)),
        ("187.7 -12.39 r=30'", Cone(187.7, -12.39, 0.5)),
        ("M31 r=2", Cone(10.6847917, 41.2690556, 2.0)),
        ('near:"84.05 -1.2"', Cone(84.05, -1.2)),
    ],
)
def test_places_are_understood(text, expected) -> None:
    cone = understood(text).wanted.cone
    assert (cone.ra, cone.dec, cone.radius) == pytest.approx((expected.ra, expected.dec, expected.radius))


@pytest.mark.parametrize("text", ["M31", "m 31", "NGC 224", "andromeda galaxy"])
def test_an_object_is_looked_for_by_its_name_and_at_its_place(text) -> None:
    found = understood(text)
    assert found.wanted.text == text
    assert found.wanted.place.ra == pytest.approx(10.684, abs=0.01)


def test_words_that_name_no_object_are_text_alone() -> None:
    assert understood("frame of mine").wanted == Wanted(text="frame of mine")


def test_parts_with_names_are_taken_apart() -> None:
    found = understood('dark sky tag:"Orion Nebula" FILTER=R exptime=30 state:solved name:wide')
    assert found.wanted == Wanted(
        text="dark sky", tag="Orion Nebula", name="wide", state="done", header=(("FILTER", "R"), ("EXPTIME", "30"))
    )
    assert [chip.words for chip in found.chips] == [
        "tag Orion Nebula", "FILTER = R", "EXPTIME = 30", "state solved", "name wide", "“dark sky”",
    ]  # fmt: skip


def test_every_mark_can_be_taken_away_alone() -> None:
    asked = Asked.of({"q": 'dark tag:"a b" FILTER=R', "solved": "yes", "order": "name"})
    chips = {chip.words: chip.without for chip in understand(ANYONE, asked, Wanted()).chips}
    rest = {"solved": "yes", "order": "name"}
    assert chips["tag a b"] == {"q": "dark FILTER=R", **rest}
    assert chips["FILTER = R"] == {"q": 'dark tag:"a b"', **rest}
    assert chips["“dark”"] == {"q": 'tag:"a b" FILTER=R', **rest}
    assert chips["solved"] == {"q": 'dark tag:"a b" FILTER=R', "order": "name"}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-01", 1, 1),
        ("2026-03-01..2026-03-04", 1, 4),
        ("from:2026-03-01 to:2026-03-04", 1, 4),
        ("date:2026-03-02", 2, 2),
    ],
)
def test_days_are_whole_days_of_utc(text, first, last) -> None:
    found = understood(text).wanted
    assert found.exposed_from == datetime(2026, 3, first, tzinfo=UTC)
    assert found.exposed_to == datetime(2026, 3, last, 23, 59, 59, 999999, tzinfo=UTC)


def test_the_panel_says_the_same_as_the_box() -> None:
    panel = understood(tag="comet", near="M31", radius="2", keyword="FILTER", value="R", solved="no", state="failed")
    assert panel.wanted == Wanted(
        tag="comet", cone=panel.wanted.cone, header=(("FILTER", "R"),), solved=False, state="failed"
    )
    assert panel.wanted.cone.radius == 2
    assert understood(**{"from": "2026-03-01"}).wanted.exposed_to is None


@pytest.mark.parametrize(
    ("text", "fields"),
    [("near:nowhere", {}), ("", {"near": "nowhere"}), ("from:yesterday", {}), ("FILTER=", {}), ("state:odd", {}),
     ("tag:a tag:b", {}), ("", {"near": "1 2", "radius": "wide"}), ("album:nothing", {}), ("", {"album": "nothing"})],
)  # fmt: skip
def test_what_is_not_understood_is_said(text, fields) -> None:
    assert all(note.endswith(".") for note in understood(text, **fields).notes)
    assert understood(text, **fields).notes or text == "FILTER="


def test_a_place_that_is_none_finds_nothing_rather_than_everything() -> None:
    assert understood("near:nowhere").nothing
    assert understood("album:nothing").nothing


def test_albums_are_those_that_one_may_see(user, other_user) -> None:
    from hven.archive.services import make_album

    mine = make_album(Actor.of(user), "Comets")
    theirs = make_album(Actor.of(other_user), "comets")
    for text, fields in (("album:COMETS", {}), ("", {"album": str(mine.uuid)})):
        assert understood(text, Actor.of(user), **fields).wanted.album == mine
        assert understood(text, **fields).nothing
    assert understood("", Actor.of(user), album=str(theirs.uuid)).nothing


def test_where_a_frame_was_taken_is_searched_in_ones_own_only(user) -> None:
    assert understood("SITELAT=55.9").nothing
    mine = understood("SITELAT=55.9", Actor.of(user))
    assert mine.wanted.owner == user
    assert not mine.nothing


@pytest.mark.parametrize("text", ["%", "\0", '"', 'tag:"', "=", ":", "a:b:c", "'; drop", "r=2", "x" * 500, "tag:", "♄"])
def test_anything_can_be_typed(text, user) -> None:
    from hven.imaging.services import search

    found = understood(text, Actor.of(user))
    assert list(search(Actor.of(user), found.wanted)) == []
