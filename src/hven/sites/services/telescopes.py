"""Making, correcting, moving and deleting telescopes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Observatory
from hven.accounts.services.nearness import near
from hven.accounts.services.owning import new_owner
from hven.accounts.text import kept_line, kept_text
from hven.errors import Forbidden, Invalid, NotFound
from hven.science.sky.nights import night_bounds
from hven.sites.models import Rule, Site, Stay, Telescope
from hven.sites.services.sites import LONGEST_ABOUT, refile

LONGEST_ALIAS = 70  # characters, as header cards have
_FIRST_YEAR, _LAST_YEAR = 1600, 2200


@dataclass(frozen=True, slots=True)
class TelescopeWords:
    """What is said of a telescope; None leaves a thing as it is."""

    name: str | None = None
    site: Site | None = None
    alias: str | None = None
    aperture_mm: float | None = None
    focal_length_mm: float | None = None
    device: int | None = None
    rule: str | None = None  # what filing one of its frames starts: a value of `Rule`
    about: str | None = None
    without: frozenset[str] = frozenset()  # fields that are taken away: aperture_mm, focal_length_mm


@transaction.atomic
def create_telescope(actor: Actor, words: TelescopeWords, observatory: Observatory | None = None) -> Telescope:
    """Make a telescope of one's own, or of an observatory, standing at a site since ever.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, no admin of the observatory, or the site is merely public.
    NotFound
        The actor may not see the site.
    Invalid
        It has no name or no site.
    """
    owner = new_owner(actor, observatory, Telescope.change_role)
    if not words.name:
        raise Invalid("A telescope needs a name.")
    if words.site is None:
        raise Invalid("A telescope stands at a site; name one.")
    _check_site(actor, words.site)
    telescope = Telescope(owner=owner, observatory=observatory)
    _say(telescope, words)
    telescope.save()
    Stay.objects.create(telescope=telescope, site=words.site)
    return telescope


@transaction.atomic
def change_telescope(actor: Actor, telescope: Telescope, words: TelescopeWords) -> Telescope:
    """Correct what is said of a telescope. Another site is a correction of where it stands now: its nights follow."""
    access.check(actor, access.Verb.CHANGE, telescope)
    telescope = Telescope.objects.select_for_update().get(pk=telescope.pk)
    _say(telescope, words)
    telescope.save()
    stay = telescope.stay_at(timezone.now()) or telescope.stay_at()
    if words.site is not None and (stay is None or stay.site != words.site):
        _check_site(actor, words.site)
        if stay is None:
            Stay.objects.create(telescope=telescope, site=words.site)
        else:
            stay.site = words.site
            stay.save(update_fields=["site"])
        refile(actor, telescope)
    return telescope


@transaction.atomic
def move_telescope(actor: Actor, telescope: Telescope, site: Site, since: datetime) -> Stay:
    """Say that a telescope stands elsewhere from a moment on; nights before stay where they were.

    Raises
    ------
    Invalid
        The moment names no time zone.
    """
    access.check(actor, access.Verb.CHANGE, telescope)
    if since.tzinfo is None:
        raise Invalid("Say from when on, with a time zone.")
    _check_site(actor, site)
    telescope = Telescope.objects.select_for_update().get(pk=telescope.pk)
    stay, _ = Stay.objects.update_or_create(telescope=telescope, since=since, defaults={"site": site})
    refile(actor, telescope)
    return stay


def move_telescope_on(actor: Actor, telescope: Telescope, site: Site, day: date) -> Stay:
    """Say that a telescope stands elsewhere from a day on: from the noon there with which that day's night begins.

    Raises
    ------
    Invalid
        The day lies centuries off.
    """
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise Invalid(f"Say from which day on, of the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return move_telescope(actor, telescope, site, night_bounds(day, site.longitude_deg or 0.0)[0])


@transaction.atomic
def delete_telescope(actor: Actor, telescope: Telescope) -> None:
    """Delete a telescope with its nights; the files that it took stay, without a night."""
    access.check(actor, access.Verb.DELETE, telescope)
    refile(actor, telescope)
    telescope.delete()


def _check_site(actor: Actor, site: Site) -> None:
    """Let telescopes stand where they belong: at one's own sites, an observatory's, and those that were shared.

    At a merely public site a stranger's telescope would keep its owner from deleting it.
    """
    if not access.may(actor, access.Verb.SEE, site):
        raise NotFound("There is no such site, or you may not see it.")
    if not Site.objects.filter(near(actor), pk=site.pk).exists():
        raise Forbidden("That site is somebody else's; make one of your own at that place.")


def _say(telescope: Telescope, words: TelescopeWords) -> None:
    for name in words.without & {"aperture_mm", "focal_length_mm"}:
        setattr(telescope, name, None)
    for field in fields(words):
        value: Any = getattr(words, field.name)
        if value is not None and field.name not in {"site", "without"}:
            setattr(telescope, field.name, value)
    telescope.name, telescope.alias = kept_line(telescope.name), kept_line(telescope.alias)
    telescope.about = kept_text(telescope.about)[:LONGEST_ABOUT]
    if len(telescope.alias) > LONGEST_ALIAS:
        raise Invalid(f"What headers call a telescope has up to {LONGEST_ALIAS} characters.")
    if not telescope.name or len(telescope.name) > 200:
        raise Invalid("A telescope's name has 1 to 200 characters.")
    if telescope.rule not in Rule.values:
        raise Invalid(f"The rule of a telescope is one of {', '.join(Rule.values)}.")
    for name in ("aperture_mm", "focal_length_mm"):
        value = getattr(telescope, name)
        if value is not None and not 0 < value < 1e6:
            raise Invalid("Apertures and focal lengths are positive numbers of millimetres.")
