"""Files that come by other doors, or are moved: nights and searches follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import Calibration, DataFile, Dataset, NightLog, Observation
from hven.archive.services import albums
from hven.archive.services.nights import NO_TELESCOPE
from hven.archive.services.search import FilesWanted, search_files
from hven.jobs.models import Job
from hven.science.frames.frame import Card, Meaning
from hven.science.frames.headers import Headers
from hven.sites.models import Site, Stay, Telescope
from hven.sites.services.sites import REFILE
from hven.storage import services as storage

pytestmark = pytest.mark.django_db(transaction=True)
EVENING = datetime(2026, 3, 1, 20, tzinfo=UTC)


class Nights:
    """Makes frames in datasets of telescopes."""

    def __init__(self, user: Any) -> None:
        self.user, self.actor = user, Actor.of(user)
        self.site = Site.objects.create(owner=user, name="s", longitude_deg=11.0, latitude_deg=47.0)

    def dataset(self, name: str) -> Dataset:
        telescope = Telescope.objects.create(owner=self.user, name=name)
        Stay.objects.create(telescope=telescope, site=self.site)
        return Dataset.objects.create(owner=self.user, name=name, telescope=telescope)

    def frame(self, dataset: Dataset | None, name: str = "a", minutes: float = 0.0, **said: Any) -> DataFile:
        submission = archive.new_submission(self.actor, origin="nova")
        file = archive.add_file(submission, storage.put(f"{name}{minutes}".encode()), name, dataset)
        said = {"object_name": "M31", "middle": EVENING + timedelta(minutes=minutes)} | said
        archive.note_header(file, Headers("fits", (Card("OBSERVER", "Tycho"),), Meaning(**said), 10, 10))
        return DataFile.objects.get(pk=file.pk)


@pytest.fixture
def nights(user: Any) -> Nights:
    return Nights(user)


def test_a_frame_that_comes_by_any_door_into_a_telescopes_dataset_is_in_its_night(nights: Nights) -> None:
    file = nights.frame(nights.dataset("t"))
    assert file.observation is not None
    assert file.observation.target_name == "M31"
    assert nights.frame(nights.dataset("u"), image_type="Bias").calibration is not None


def test_a_frame_of_the_inbox_is_in_no_need_of_a_night(nights: Nights) -> None:
    file = nights.frame(None)
    assert (file.observation, file.unfiled) == (None, "")


def test_files_that_are_moved_are_filed_anew_and_leave_nothing_behind(nights: Nights) -> None:
    one, two = nights.dataset("one"), nights.dataset("two")
    light, bias = nights.frame(one, "light"), nights.frame(one, "bias", image_type="Bias")
    left = light.observation_id, bias.calibration_id
    assert archive.move_files(nights.actor, [light, bias], two) == 2
    light.refresh_from_db()
    bias.refresh_from_db()
    assert light.observation is not None
    assert light.observation.dataset == bias.calibration.dataset == two
    assert light.observation.night is not None
    assert light.observation.night.telescope == two.telescope
    assert not Observation.objects.filter(pk=left[0]).exists()
    assert not Calibration.objects.filter(pk=left[1]).exists()
    for wanted in (FilesWanted(dataset=two, text="tycho"), FilesWanted(dataset=two, header=(("OBSERVER", "TYCHO"),))):
        assert set(search_files(nights.actor, wanted)) == {light, bias}
    assert not search_files(nights.actor, FilesWanted(dataset=one))


def test_files_that_are_moved_to_where_no_telescope_is_say_so(nights: Nights) -> None:
    file = nights.frame(nights.dataset("one"))
    archive.move_files(nights.actor, [file], archive.make_album(nights.actor, "album"))
    file.refresh_from_db()
    assert (file.observation, file.unfiled) == (None, NO_TELESCOPE)
    assert not Observation.objects.exists()


def test_many_files_that_are_moved_are_filed_by_a_job(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "_AT_ONCE", 2)
    one, two = nights.dataset("one"), nights.dataset("two")
    files = [nights.frame(one, str(number)) for number in range(5)]
    assert archive.move_files(nights.actor, files, two) == 5
    assert Job.objects.filter(kind=REFILE, args={"dataset_id": two.pk}).count() == 1
    for wanted in (FilesWanted(dataset=two, text="tycho"), FilesWanted(dataset=two, header=(("OBSERVER", "Tycho"),))):
        assert search_files(nights.actor, wanted).count() == 5


def test_what_a_deleted_album_held_is_found_in_the_inbox(nights: Nights) -> None:
    album = archive.make_album(nights.actor, "album")
    file = nights.frame(album)
    archive.delete_album(nights.actor, album)
    inbox = archive.inbox(nights.user)
    for wanted in (FilesWanted(dataset=inbox, text="m31"), FilesWanted(dataset=inbox, header=(("OBSERVER", "tycho"),))):
        assert list(search_files(nights.actor, wanted)) == [file]


def test_observations_are_counted_by_their_first_frames_in_whatever_order_they_come(nights: Nights) -> None:
    dataset = nights.dataset("t")
    for target, minutes in (("C", 30), ("B", 20), ("C", 40), ("A", 25), ("A", 10), ("B", 50)):
        nights.frame(dataset, target, minutes, object_name=target)
    counted = Observation.objects.order_by("index").values_list("index", "target_name")
    assert list(counted) == [(1, "A"), (2, "B"), (3, "C")]
    first = DataFile.objects.get(middle=EVENING + timedelta(minutes=10))
    archive.move_files(nights.actor, [first], nights.dataset("u"))
    of_night = Observation.objects.filter(night=NightLog.objects.get(telescope=dataset.telescope))
    assert list(of_night.order_by("index").values_list("index", "target_name")) == [(1, "B"), (2, "A"), (3, "C")]


def test_one_more_frame_of_a_long_night_asks_no_more_than_the_first_ones(nights: Nights) -> None:
    dataset = nights.dataset("t")
    asked = []
    for minutes in range(30):
        with CaptureQueriesContext(connection) as queries:
            nights.frame(dataset, f"f{minutes}", minutes)
        asked.append(len(queries))
    assert asked[-1] <= asked[1]
