"""One search of data files: what is found, for whom, in which order, and by which index."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import Visibility
from hven.archive import services as archive
from hven.archive.models import Calibration, DataFile, Dataset, NightLog, Observation
from hven.archive.services.search import KINDS, FilesWanted, count_up_to, search_files
from hven.errors import Invalid
from hven.imaging.models import Reduction, Run, Solution
from hven.science.frames.frame import Card, Meaning
from hven.science.frames.headers import Headers
from hven.science.sky.discs import Cone
from hven.sites.models import Telescope
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)


class Files:
    """Makes data files of one user, and says which a search finds."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.actor = Actor.of(user)
        self.submission = archive.new_submission(self.actor, origin="web")

    def add(self, name: str, dataset: Dataset | None = None, cards: tuple[Card, ...] = (), **said: Any) -> DataFile:
        file = archive.add_file(self.submission, storage.put(name.encode()), name, dataset)
        archive.note_header(file, Headers("fits", cards, Meaning(**said), 100, 100))
        return file

    def found(self, **wanted: Any) -> list[str]:
        return [one.name for one in search_files(self.actor, FilesWanted(**wanted))]


@pytest.fixture
def files(user: Any) -> Files:
    return Files(user)


def test_all_come_newest_first_and_in_the_order_asked_for(files: Files) -> None:
    for name, day in (("b", 2), ("a", None), ("c", 1)):
        files.add(name, middle=datetime(2026, 3, day, tzinfo=UTC) if day else None)
    assert files.found() == ["c", "a", "b"]
    assert files.found(order="oldest") == ["b", "a", "c"]
    assert files.found(order="name") == ["a", "b", "c"]
    assert files.found(order="name backwards") == ["c", "b", "a"]
    assert files.found(order="taken") == ["c", "b", "a"]
    assert files.found(order="taken backwards") == ["b", "c", "a"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"order": "size"}, {"kind": "darks"}, {"cone": Cone(1, 91)}, {"cone": Cone(float("nan"), 0)},
        {"cone": Cone(1, 1, -1)}, {"header": (("A", "b"),) * 21}, {"tags": ("a",) * 21},
    ],
)  # fmt: skip
def test_what_cannot_be_looked_for_is_refused(files: Files, wanted: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        files.found(**wanted)


def test_columns_tags_and_times_are_exact(files: Files) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    one = files.add("1", filter="R", object_name="M31", image_type="Light", middle=noon)
    files.add("2", filter="r", object_name="M 31", image_type="Dark", middle=noon.replace(hour=13))
    archive.add_tag(files.actor, one, "Best")
    for wanted in (
        {"name": "1"}, {"filter": "R"}, {"object_name": "M31"}, {"image_type": "Light"}, {"tags": ("Best",)},
        {"taken_to": noon}, {"filter": "R", "tags": ("Best",), "text": "m31"},
        {"object_name": "M31", "taken_from": noon, "taken_to": noon},
    ):  # fmt: skip
        assert files.found(**wanted) == ["1"], wanted
    assert files.found(taken_from=noon) == ["2", "1"]
    assert files.found(tags=("best",)) == files.found(tags=("Best", "Worst")) == files.found(name="\0") == []


def test_header_cards_compare_whatever_their_form_and_within_the_dataset(files: Files) -> None:
    album, other = archive.make_album(files.actor, "a"), archive.make_album(files.actor, "b")
    cards = (Card("FILTER", "Clear "), Card("EXPTIME", 30.0))
    for name, dataset in (("1", album), ("2", other), ("3", album)):
        files.add(name, dataset, cards if name != "3" else cards[1:])
    assert files.found(header=(("filter", "CLEAR"),)) == ["2", "1"]
    assert files.found(header=(("EXPTIME", "3e1"),), dataset=album) == ["3", "1"]
    assert files.found(header=(("EXPTIME", "30"), ("FILTER", "clear")), dataset=album) == ["1"]
    assert files.found(header=(("EXPTIME", "31"),)) == files.found(header=(("\0", "\ud800"),)) == []


def test_texts_narrow_with_all_else(files: Files) -> None:
    album = archive.make_album(files.actor, "a")
    files.add("NGC7331_R_1.fits", album, (Card("OBSERVER", "Tycho"),))
    files.add("NGC7331_B_2.fits", None, (Card("OBSERVER", "Tycho"),))
    assert files.found(text="tycho") == files.found(text=" ") == ["NGC7331_B_2.fits", "NGC7331_R_1.fits"]
    assert files.found(text="ngc tych", dataset=album) == ["NGC7331_R_1.fits"]
    assert files.found(text="tycho", header=(("OBSERVER", "tycho"),), dataset=album, cone=Cone(1, 1, 180)) == []
    assert files.found(text="***") == []


@pytest.mark.parametrize(
    ("cone", "names"),
    [
        (Cone(10.0, 20.0, 0.0), ["framed"]),
        (Cone(10.0, 20.4, 0.0), ["framed"]),
        (Cone(10.0, 21.0, 0.0), []),
        (Cone(10.0, 21.0, 0.5), ["framed"]),
        (Cone(359.99, 0.0, 0.02), ["zero"]),
        (Cone(0.0, 90.0, 0.1), ["pole"]),
        (Cone(77.0, 7.0, 180.0), ["pole", "zero", "framed"]),
    ],
)
def test_a_cone_finds_the_frames_whose_circle_touches_it(files: Files, cone: Cone, names: list[str]) -> None:
    files.add("framed", ra=10.0, dec=20.0, scale_arcsec=36.0)  # a diagonal of 1.41 degrees
    files.add("zero", ra=0.0, dec=0.0)
    files.add("pole", ra=123.0, dec=89.95)
    files.add("nowhere")
    files.add("nonsense", ra=10.0, dec=200.0)
    assert files.found(cone=cone) == names
    assert files.found(cone=cone, dataset=archive.inbox(files.user)) == names


def test_a_solution_says_better_than_the_header_where_a_frame_lies(files: Files) -> None:
    file = files.add("a", ra=10.0, dec=20.0)
    run = Run.objects.create(reduction=Reduction.objects.create(owner=files.user, data_file=file), steps=["solve"])
    Solution.objects.create(
        run=run, ra=50.0, dec=-20.0, radius_deg=1.0, scale_arcsec=1.0, orientation_deg=0.0, parity=-1, width=10,
        height=10, stars_matched=9, rms_arcsec=0.1, log_odds=99.0, rung="test", seconds=0.1, catalogue="none",
        wcs_cards={},
    )  # fmt: skip
    assert files.found(cone=Cone(10, 20, 1)) == []
    assert files.found(cone=Cone(50, -21)) == ["a"]
    archive.note_header(file, Headers("fits", (), Meaning(ra=10.0, dec=20.0)))
    assert files.found(cone=Cone(50, -21)) == ["a"]
    file.refresh_from_db()
    assert (file.ra, file.dec) == (10.0, 20.0)


def test_nights_their_parts_and_kinds_narrow(files: Files) -> None:
    telescope = Telescope.objects.create(owner=files.user, name="t")
    night = NightLog.objects.create(owner=files.user, telescope=telescope, date=date(2026, 3, 1))
    observation = Observation.objects.create(owner=files.user, night=night, target_name="M31")
    calibration = Calibration.objects.create(owner=files.user, night=night, name="bias")
    light, bias, lost = files.add("light"), files.add("bias"), files.add("lost")
    files.add("text")
    DataFile.objects.filter(pk=light.pk).update(observation=observation)
    DataFile.objects.filter(pk=bias.pk).update(calibration=calibration)
    DataFile.objects.filter(pk=lost.pk).update(unfiled="No time.")
    inbox = archive.inbox(files.user)
    for dataset in (None, inbox):
        assert files.found(night=night, dataset=dataset) == ["bias", "light"]
        assert files.found(observation=observation, dataset=dataset) == ["light"]
        assert files.found(calibration=calibration, dataset=dataset) == ["bias"]
        assert files.found(observation=observation, calibration=calibration, dataset=dataset) == []
        kinds = {kind: files.found(kind=kind, dataset=dataset) for kind in KINDS}
        assert kinds == {"lights": ["light"], "calibrations": ["bias"], "unfiled": ["lost"], "other": ["text"]}


def test_strangers_find_nothing_and_see_no_more_than_is_shown(files: Files) -> None:
    album = archive.make_album(files.actor, "a")
    shown = files.add("NGC1.fits", album, (Card("OBSERVER", "Tycho"),), ra=1.0, dec=1.0)
    archive.add_tag(files.actor, shown, "t")
    stranger = Actor.of(accounts.create_user("stranger", "a long password"))
    every: list[dict[str, Any]] = [
        {}, {"dataset": album}, {"text": "ngc1"}, {"text": "ngc1", "dataset": album}, {"cone": Cone(1, 1)},
        {"header": (("OBSERVER", "tycho"),)}, {"tags": ("t",)}, {"name": "NGC1.fits"}, {"kind": "other"},
    ]  # fmt: skip
    for actor in (stranger, ANYONE):
        for wanted in every:
            assert not search_files(actor, FilesWanted(**wanted)), wanted
    DataFile.objects.update(visibility=Visibility.PUBLIC)
    for actor in (stranger, ANYONE):
        for wanted in every:
            assert [one.pk for one in search_files(actor, FilesWanted(**wanted))] == [shown.pk], wanted
            assert not search_files(actor, FilesWanted(**wanted), access.Verb.CHANGE), wanted


def test_counting_ends_where_nobody_reads_on(files: Files) -> None:
    for name in "abc":
        files.add(name)
    for wanted in ({}, {"text": "a"}, {"dataset": archive.inbox(files.user)}):
        all_of_it = search_files(files.actor, FilesWanted(**wanted))
        assert count_up_to(all_of_it) == len(all_of_it)
    assert count_up_to(search_files(files.actor, FilesWanted()), 2) == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases choose by what is in their tables")
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "file_by_dataset"), ({"name": "a"}, "file_by_name_in_dataset"),
        ({"kind": "calibrations"}, "file_calibration"),
        ({"header": (("FILTER", "r"),)}, "VIRTUAL TABLE INDEX"),
        ({"cone": Cone(10, 20, 1)}, "COVERING INDEX file_place"),
        ({"text": "m31"}, "VIRTUAL TABLE INDEX"), ({"filter": "R"}, "file_by_filter_in_dataset"),
        ({"object_name": "M31"}, "file_by_object_in_dataset"), ({"image_type": "dark"}, "file_by_type_in_dataset"),
        ({"order": "name"}, "file_by_name_in_dataset"),
        ({"object_name": "M31", "taken_from": datetime(2026, 3, 1, tzinfo=UTC)}, "file_by_object_in_dataset"),
    ],
)  # fmt: skip
def test_a_dataset_is_searched_by_indexes_without_sorting(files: Files, wanted: dict[str, Any], index: str) -> None:
    rows = search_files(files.actor, FilesWanted(dataset=archive.inbox(files.user), **wanted))
    plan = rows[:50].explain()
    assert index in plan
    assert "TEMP B-TREE FOR ORDER" not in plan
    assert "SCAN archive_" not in plan.replace("SCAN archive_filetext", "")
