"""Telescopes: what may be said of them, and what becomes of their nights."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from hven.accounts.actor import Actor
from hven.accounts.models import Membership, Observatory, Role
from hven.accounts.services import grant_to, set_visibility
from hven.errors import Conflict, Forbidden, Invalid, NotFound
from hven.jobs.models import Job
from hven.sites import services as sites
from hven.sites.models import Rule, Site, Telescope
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


@pytest.fixture
def elsewhere(actor: Actor) -> Site:
    return sites.create_site(actor, SiteWords(name="Prague", longitude_deg=14.4, latitude_deg=50.1))


def test_whoever_deletes_a_site_hears_of_no_telescope_that_they_may_not_see(
    actor: Actor, telescope: Telescope, other_user: Any
) -> None:
    site = telescope.site_at()
    assert site is not None
    Telescope.objects.create(owner=other_user, name="A secret one").stays.create(site=site)
    with pytest.raises(Conflict, match=r"\(Quadrant and others\)"):
        sites.delete_site(actor, site)
    sites.delete_telescope(actor, telescope)
    with pytest.raises(Conflict, match=r"\(of others\)"):
        sites.delete_site(actor, site)


def test_nobody_stands_a_telescope_at_a_site_that_is_merely_public(
    actor: Actor, elsewhere: Site, other_user: Any
) -> None:
    other = Actor.of(other_user)
    words = TelescopeWords(name="Sextant", site=elsewhere)
    with pytest.raises(NotFound):
        sites.create_telescope(other, words)
    set_visibility(actor, elsewhere, "public")
    with pytest.raises(Forbidden, match=r"somebody else's"):
        sites.create_telescope(other, words)
    grant_to(actor, elsewhere, other_user)
    made = sites.create_telescope(other, words)
    hven = sites.create_site(actor, SiteWords(name="Hven", longitude_deg=12.7, latitude_deg=55.9))
    set_visibility(actor, hven, "public")
    for act in (
        lambda: sites.change_telescope(other, made, TelescopeWords(site=hven)),
        lambda: sites.move_telescope(other, made, hven, datetime(2026, 6, 1, tzinfo=UTC)),
    ):
        with pytest.raises(Forbidden):
            act()
    assert made.site_at() == elsewhere


def test_members_stand_telescopes_at_their_observatorys_site(
    actor: Actor, elsewhere: Site, user: Any, other_user: Any
) -> None:
    observatory = Observatory.objects.create(name="Stjerneborg", slug="stjerneborg")
    Site.objects.update(observatory=observatory, visibility="public")
    Membership.objects.create(user=other_user, observatory=observatory, role=Role.VISITOR)
    made = sites.create_telescope(Actor.of(other_user), TelescopeWords(name="Sextant", site=elsewhere))
    assert made.site_at() == elsewhere


def test_a_day_means_the_noon_at_the_new_site(actor: Actor, telescope: Telescope) -> None:
    far = sites.create_site(actor, SiteWords(name="Mauna Kea", longitude_deg=-155.0, latitude_deg=19.8))
    stay = sites.move_telescope_on(actor, telescope, far, date(2026, 3, 16))
    assert stay.since == datetime(2026, 3, 16, 22, 20, tzinfo=UTC)
    for day in (date.min, date.max):
        with pytest.raises(Invalid):
            sites.move_telescope_on(actor, telescope, far, day)


@pytest.mark.parametrize("longitude", [-155.0, 0.0, 14.4, 150.0, 180.0])
def test_a_night_belongs_to_the_stay_that_lasts_for_most_of_it(
    actor: Actor, telescope: Telescope, longitude: float
) -> None:
    first = telescope.site_at()
    there = sites.create_site(actor, SiteWords(name="There", longitude_deg=longitude, latitude_deg=1.0))
    sites.move_telescope_on(actor, telescope, there, date(2026, 3, 16))

    def of(night: date) -> Any:
        stay = telescope.stay_of_night(night)
        return None if stay is None else stay.site

    assert [of(date(2026, 3, day)) for day in (14, 15, 16, 17)] == [first, first, there, there]
    assert (of(date.min), of(date.max)) == (first, there)
    assert Telescope(pk=0).stay_of_night(date(2026, 3, 16)) is None


def test_a_correction_is_of_the_stay_that_holds_now(actor: Actor, telescope: Telescope, elsewhere: Site) -> None:
    first = telescope.site_at()
    now = timezone.now()
    sites.move_telescope(actor, telescope, elsewhere, now - timedelta(days=9))
    to_come = sites.create_site(actor, SiteWords(name="Stjerneborg", longitude_deg=12.7, latitude_deg=55.9))
    sites.move_telescope(actor, telescope, to_come, now + timedelta(days=9))
    corrected = sites.create_site(actor, SiteWords(name="Prague Castle", longitude_deg=14.4, latitude_deg=50.1))
    sites.change_telescope(actor, telescope, TelescopeWords(site=elsewhere))  # as it is
    sites.change_telescope(actor, telescope, TelescopeWords(site=corrected))
    stood = [stay.site for stay in telescope.stays.order_by("id")]
    assert stood == [first, corrected, to_come]


def test_what_no_database_keeps_and_no_page_shows_leaves_the_words(actor: Actor, telescope: Telescope) -> None:
    site = sites.create_site(actor, SiteWords(name="A\0B\u202e\ud800\n C", about="one\0\ntwo"))
    assert (site.name, site.about) == ("AB? C", "one\ntwo")
    said = sites.change_telescope(actor, telescope, TelescopeWords(name="Q\0\x1b", alias="q\0\t1", about="\0x"))
    assert (said.name, said.alias, said.about) == ("Q", "q 1", "x")
    with pytest.raises(Invalid):
        sites.change_telescope(actor, telescope, TelescopeWords(alias="x" * 71))
    with pytest.raises(Invalid):
        sites.create_site(actor, SiteWords(name="\0\u202e"))
