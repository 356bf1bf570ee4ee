"""One search for all lists: what is found, for whom, and by which index."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from django.db import connection

from hven.accounts.actor import ANYONE, Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Tag, TagWord
from hven.errors import Invalid
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, Run, RunState, Solution
from hven.imaging.services.search import Cone, Wanted, search, touching
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.sky.cells import cell_of, ranges
from hven.science.sky.sphere import separation
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)


def _solution(run: Run, ra: float, dec: float, radius: float) -> Solution:
    return Solution.objects.create(
        run=run, ra=ra, dec=dec, radius_deg=radius, scale_arcsec=1.0, orientation_deg=0.0, parity=-1, width=10,
        height=10, stars_matched=9, rms_arcsec=0.1, log_odds=99.0, rung="test", seconds=0.1, catalogue="none",
        wcs_cards={},
    )  # fmt: skip


class Frames:
    """Makes reductions of one user, and says which a search finds."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.actor = Actor.of(user)
        self.submission = archive.new_submission(self.actor, origin="web")

    def add(self, name: str, **place: float) -> Reduction:
        file = archive.add_file(self.submission, storage.put(name.encode()), name)
        reduction = Reduction.objects.create(owner=self.user, name=name, data_file=file)
        run = Run.objects.create(reduction=reduction, steps=["solve"])
        if place:
            _solution(run, place["ra"], place["dec"], place["radius"])
        return Reduction.objects.get(pk=reduction.pk)

    def found(self, **wanted: Any) -> list[str]:
        return [one.name for one in search(self.actor, Wanted(**wanted))]


@pytest.fixture
def frames(user: Any) -> Frames:
    return Frames(user)


def test_everything_comes_newest_first_and_in_the_order_asked_for(frames: Frames) -> None:
    for name in ("b.fits", "a.fits", "c.fits"):
        frames.add(name)
    assert frames.found() == ["c.fits", "a.fits", "b.fits"]
    assert frames.found(order="oldest") == ["b.fits", "a.fits", "c.fits"]
    assert frames.found(order="name") == ["a.fits", "b.fits", "c.fits"]
    with pytest.raises(Invalid):
        frames.found(order="size")


def test_names_objects_cameras_and_tags_are_found_by_a_part(frames: Frames) -> None:
    m42, other = frames.add("Orion-1.fits"), frames.add("b.fits")
    DataFile.objects.filter(pk=other.data_file_id).update(camera="ZWO ASI1600")
    archive.add_tag(frames.actor, m42.data_file, "First Light")
    assert frames.found(name="orion") == frames.found(text="ORION") == ["Orion-1.fits"]
    assert frames.found(text="asi16") == ["b.fits"]
    assert frames.found(text="t lig") == ["Orion-1.fits"]
    assert frames.found(name="asi16") == []
    assert frames.found(text="nothing") == []


def test_tags_are_found_whole_or_in_part_whatever_the_capitals(frames: Frames) -> None:
    one, two = frames.add("1"), frames.add("2")
    archive.set_machine_tags(one.data_file, ["NGC 10", "Ångström"])
    archive.set_machine_tags(two.data_file, ["NGC 1"])
    assert frames.found(tag="ngc 1") == ["2", "1"]
    assert frames.found(tag="ngc 1", exact_tag=True) == ["2"]
    assert frames.found(tag="ÅNGSTRÖM", exact_tag=True) == ["1"]
    assert frames.found(tag="%") == []


def test_the_solution_is_that_of_the_newest_run_that_found_one(frames: Frames) -> None:
    one = frames.add("1", ra=10, dec=0, radius=1)
    frames.add("2")
    first = one.solution
    assert first is not None
    again = Run.objects.create(reduction=one, steps=["solve"])
    one.refresh_from_db()
    assert one.latest_run == again
    assert one.solution == first
    second = _solution(again, 20, 0, 1)
    one.refresh_from_db()
    assert one.solution == second
    assert frames.found(cone=Cone(10, 0)) == []
    assert frames.found(cone=Cone(20, 0)) == ["1"]
    assert frames.found(solved=True) == ["1"]
    assert frames.found(solved=False) == ["2"]


def test_states_are_those_of_the_latest_run(frames: Frames) -> None:
    one = frames.add("1")
    Run.objects.filter(reduction=one).update(outcome=RunState.DONE)
    assert frames.found(state="done") == ["1"]
    Run.objects.create(reduction=one, steps=["solve"], outcome=RunState.NO_SOLUTION)
    assert frames.found(state="done") == []
    assert frames.found(state="no solution") == ["1"]
    with pytest.raises(Invalid):
        frames.found(state="lost")


@pytest.mark.parametrize(
    ("cone", "found"),
    [
        (Cone(359.9, 0.0, 0.0), ["zero"]),
        (Cone(1.2, 0.0, 0.0), []),
        (Cone(1.2, 0.0, 0.3), ["zero"]),
        (Cone(180.0, 89.5, 0.0), ["pole"]),
        (Cone(0.0, 89.5, 0.0), ["pole"]),
        (Cone(90.0, 80.0, 9.5), ["pole"]),
        (Cone(200.0, -45.0, 0.01), ["narrow"]),
        (Cone(100.0, -30.0, 180.0), ["narrow", "pole", "zero"]),
    ],
)
def test_a_cone_finds_the_frames_whose_circle_touches_it(frames: Frames, cone: Cone, found: list[str]) -> None:
    frames.add("zero", ra=0.0, dec=0.0, radius=1.0)
    frames.add("pole", ra=33.0, dec=89.9, radius=1.0)
    frames.add("narrow", ra=200.01, dec=-45.0, radius=0.01)
    assert frames.found(cone=cone) == found


def test_cells_lose_no_disc() -> None:
    rng = np.random.default_rng(4)
    ra, dec = rng.uniform(0, 360, 3000), np.degrees(np.arcsin(rng.uniform(-1, 1, 3000)))
    radius = 10 ** rng.uniform(-2.5, 1.8, 3000)
    cells = np.array([cell_of(*each) for each in zip(ra, dec, radius, strict=True)])
    for place in ((0.0, 0.0), (359.99, 60.0), (180.0, 90.0), (12.0, -89.0), (271.0, 23.4)):
        for reach in (0.0, 0.4, 7.0, 95.0):
            touch = separation(*place, ra, dec) <= reach + radius
            inside = np.zeros(ra.size, bool)
            for low, high in ranges(*place, reach):
                inside |= (cells >= low) & (cells <= high)
            assert not (touch & ~inside).any()
    narrow = np.array([cell_of(a, d, 0.3) for a, d in zip(ra, dec, strict=True)])
    looked_at = sum(((narrow >= low) & (narrow <= high)).sum() for low, high in ranges(12.0, 40.0, 0.1))
    assert looked_at < 10


@pytest.mark.parametrize("cone", [Cone(1, 91), Cone(float("nan"), 0), Cone(1, 1, -1), Cone(1, 1, 181)])
def test_places_that_are_none_are_refused(frames: Frames, cone: Cone) -> None:
    with pytest.raises(Invalid):
        frames.found(cone=cone)


def test_the_time_of_exposure_the_album_and_header_values_narrow(frames: Frames) -> None:
    album = archive.make_album(frames.actor, "Comets")
    one, two = frames.add("1"), frames.add("2")
    archive.move_files(frames.actor, [one.data_file], album)
    cards = (Card("INSTRUME", "ASI 1600"), Card("EXPTIME", 300), Card("COMMENT", "nobody looks here"))
    when = datetime(2026, 3, 1, tzinfo=UTC)
    frame = Frame(data=np.zeros((3, 4), np.float32), cards=cards, meaning=Meaning(middle=when))
    archive.note_header(two.data_file, frame)
    assert frames.found(album=album) == ["1"]
    assert frames.found(exposed_from=when, exposed_to=when) == ["2"]
    assert frames.found(exposed_from=datetime(2026, 3, 2, tzinfo=UTC)) == []
    assert frames.found(header=(("instrume", "asi 1600"), ("EXPTIME", "300.0"))) == ["2"]
    assert frames.found(header=(("EXPTIME", "301"),)) == []
    assert frames.found(header=(("COMMENT", "nobody looks here"),)) == []


def test_nobody_finds_what_they_may_not_see(frames: Frames, other_user: Any) -> None:
    one, _two = frames.add("1", ra=1, dec=1, radius=1), frames.add("2")
    stranger = Actor.of(other_user)
    assert not search(stranger, Wanted())
    assert not search(ANYONE, Wanted(cone=Cone(1, 1)))
    imaging.set_visibility(frames.actor, one, "public")
    for actor in (stranger, ANYONE):
        assert [r.name for r in search(actor, Wanted(owner=frames.user))] == ["1"]
    assert frames.found(public=False) == ["2"]


def test_counting_stops_where_nobody_reads_on(frames: Frames) -> None:
    for name in "abc":
        frames.add(name)
    assert imaging.count_up_to(search(frames.actor, Wanted()), 2) == 2
    assert imaging.count_up_to(search(frames.actor, Wanted())) == 3


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plan in SQLite's words")
def test_positions_and_headers_are_looked_up_by_index(frames: Frames) -> None:
    plan = touching(Cone(10, 20, 0.5)).explain()
    assert "SCAN" not in plan
    plan = search(frames.actor, Wanted(header=(("A", "b"),))).explain()
    assert "SCAN U0 VIRTUAL TABLE INDEX" in plan


def test_records_of_earlier_versions_are_made_findable(frames: Frames) -> None:
    from importlib import import_module

    from django.apps import apps

    one = frames.add("1", ra=200.0, dec=-45.0, radius=0.5)
    archive.add_tag(frames.actor, one.data_file, "First Light")
    DataFile.objects.update(cards=[["INSTRUME", "ASI 1600", ""]])
    Reduction.objects.update(latest_run=None, solution=None)
    Solution.objects.update(x=0, y=0, z=0, cell=0, cos_radius=0, sin_radius=0)
    Tag.objects.update(folded="")
    TagWord.objects.all().delete()
    wanted: list[dict[str, Any]] = [
        {"cone": Cone(200.0, -45.0)}, {"tag": "first"}, {"header": (("INSTRUME", "asi 1600"),)}, {"solved": True},
    ]  # fmt: skip
    assert [frames.found(**each) for each in wanted] == [[]] * 4
    for name in ("archive.migrations.0003_fill_search", "imaging.migrations.0003_fill_latest_and_places"):
        import_module(f"hven.{name}").fill(apps, None)
    with connection.schema_editor() as editor:
        import_module("hven.archive.migrations.0014_cards_as_words").write_words(apps, editor)
    assert [frames.found(**each) for each in wanted] == [["1"]] * 4
    assert Reduction.objects.get().latest_run == Run.objects.get()
