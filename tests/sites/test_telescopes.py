"""Telescopes: what may be said of them, and what becomes of their nights."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.errors import Conflict, Invalid
from hven.jobs.models import Job
from hven.sites import services as sites
from hven.sites.models import Rule, Telescope
from hven.sites.services import SiteWords, TelescopeWords


@pytest.fixture
def actor(user: Any) -> Actor:
    return Actor.of(user)


@pytest.fixture
def telescope(actor: Actor) -> Telescope:
    site = sites.create_site(actor, SiteWords(name="Hven", longitude_deg=12.7, latitude_deg=55.9))
    return sites.create_telescope(actor, TelescopeWords(name="Quadrant", site=site))


def test_a_new_telescope_starts_nothing_until_somebody_says_so(actor: Actor, telescope: Telescope) -> None:
    assert telescope.rule == Rule.NONE
    assert sites.change_telescope(actor, telescope, TelescopeWords(rule="photometry")).rule == Rule.PHOTOMETRY
    assert sites.change_telescope(actor, telescope, TelescopeWords(name="Sextant")).rule == Rule.PHOTOMETRY


@pytest.mark.parametrize(
    "words",
    [
        TelescopeWords(name=" "),
        TelescopeWords(name="x" * 201),
        TelescopeWords(rule="develop"),
        TelescopeWords(aperture_mm=0.0),
        TelescopeWords(focal_length_mm=float("nan")),
    ],
)
def test_what_makes_no_sense_is_told_and_changes_nothing(
    actor: Actor, telescope: Telescope, words: TelescopeWords
) -> None:
    with pytest.raises(Invalid):
        sites.change_telescope(actor, telescope, words)
    telescope.refresh_from_db()
    assert (telescope.name, telescope.rule, telescope.aperture_mm) == ("Quadrant", "none", None)


def test_a_telescope_that_moved_leaves_its_first_site_in_place(actor: Actor, telescope: Telescope) -> None:
    first = telescope.site_at()
    other = sites.create_site(actor, SiteWords(name="Prague", longitude_deg=14.4, latitude_deg=50.1))
    since = datetime(2026, 6, 1, tzinfo=UTC)
    sites.move_telescope(actor, telescope, other, since)
    assert telescope.site_at(datetime(2026, 5, 31, tzinfo=UTC)) == first
    assert telescope.site_at(since) == telescope.site_at() == other
    for site in (first, other):
        assert site is not None
        with pytest.raises(Conflict, match="Quadrant"):
            sites.delete_site(actor, site)


def test_whoever_deletes_a_telescope_asks_for_its_files_to_be_filed_anew(actor: Actor, telescope: Telescope) -> None:
    identity = telescope.pk
    sites.delete_telescope(actor, telescope)
    assert Job.objects.get(kind="archive.refile").args == {"telescope_id": identity}
