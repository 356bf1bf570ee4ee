"""What filing a frame starts: the dataset's rule, else its telescope's."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.archive.services.datasets import DatasetWords, change_dataset, create_dataset, rule_of
from hven.errors import Invalid
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.sites import services as sites
from hven.sites.services import SiteWords, TelescopeWords
from tests.dialects.arcsecond.conftest import Caller, frame


@pytest.fixture
def telescope(user: Any) -> Any:
    actor = Actor.of(user)
    site = sites.create_site(actor, SiteWords(name="Hven", longitude_deg=12.7, latitude_deg=55.9))
    return sites.create_telescope(actor, TelescopeWords(name="Quadrant", site=site))


@pytest.mark.parametrize(
    ("of_dataset", "of_telescope", "starts"),
    [
        ("", "none", None),
        ("", "solve", "solve"),
        ("", "photometry", "photometry"),
        ("none", "photometry", None),
        ("solve", "photometry", "solve"),
        ("photometry", "none", "photometry"),
    ],
)
def test_a_datasets_own_rule_goes_before_its_telescopes(
    user: Any, telescope: Any, of_dataset: str, of_telescope: str, starts: str | None
) -> None:
    actor = Actor.of(user)
    telescope = sites.change_telescope(actor, telescope, TelescopeWords(rule=of_telescope))
    dataset = create_dataset(actor, DatasetWords(name="Night", telescope=telescope, rule=of_dataset))
    assert rule_of(dataset) == starts
    dataset = change_dataset(actor, dataset, DatasetWords(no_telescope=True))
    assert rule_of(dataset) == (None if of_dataset in {"", "none"} else of_dataset)


def test_a_rule_that_is_none_is_told(user: Any, telescope: Any) -> None:
    actor = Actor.of(user)
    for rule in ("develop", ""):
        with pytest.raises(Invalid, match="none, solve, photometry"):
            sites.change_telescope(actor, telescope, TelescopeWords(rule=rule))
    with pytest.raises(Invalid, match="none, solve, photometry"):
        create_dataset(actor, DatasetWords(name="Night", rule="develop"))


def test_frames_follow_the_rule_of_their_telescope_unless_their_dataset_says_none(user: Any) -> None:
    tycho = Caller(user)
    place = {"longitude": 12.7, "latitude": 55.9}
    site = tycho.post("observingsites/", {"name": "Hven", "coordinates": place})["uuid"]
    made = tycho.post("telescopes/", {"name": "Quadrant", "observing_site": site})
    assert made["rule"] == "none"
    path = f"telescopes/{made['uuid']}/"
    assert tycho.patch(path, {"rule": "solve"})["rule"] == "solve" and tycho.get(path)["rule"] == "solve"
    assert "none, solve" in tycho.patch(path, {"rule": "develop"}, 400)["detail"]
    follows = tycho.post("datasets/", {"name": "follows", "telescope": made["uuid"]})
    refuses = tycho.post("datasets/", {"name": "refuses", "telescope": made["uuid"], "rule": "none"})
    assert (follows["rule"], refuses["rule"]) == (None, "none")
    for dataset in (follows, refuses):
        tycho.upload(dataset["uuid"], frame(1, OBJECT="M31", DATE__OBS="2026-03-01T20:00:00"), "light.fits")
    for job in Job.objects.filter(kind="archive.read", state=State.QUEUED):
        jobs.run_here(job)
    (begun,) = Job.objects.filter(kind="imaging.begin")
    assert begun.args["rule"] == "solve"
    assert tycho.patch(f"datasets/{refuses['uuid']}/", {"rule": None})["rule"] is None
