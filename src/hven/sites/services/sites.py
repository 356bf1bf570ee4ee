"""Making, changing and deleting sites."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Observatory
from hven.accounts.services.owning import new_owner
from hven.accounts.text import kept_line, kept_text
from hven.errors import Conflict, Invalid
from hven.jobs import services as jobs
from hven.sites.models import Site, Telescope

REFILE = "archive.refile"  # a kind of job that the archive registers: nights follow what is said of a telescope
LONGEST_ABOUT = 10_000  # characters
_MOST_HORIZON = 721


@dataclass(frozen=True, slots=True)
class SiteWords:
    """What is said of a site; None leaves a thing as it is."""

    name: str | None = None
    longitude_deg: float | None = None  # east positive
    latitude_deg: float | None = None
    height_m: float | None = None
    horizon: Sequence[Sequence[float]] | None = None  # (azimuth, altitude) in degrees
    about: str | None = None
    without: frozenset[str] = frozenset()  # fields that are taken away: height_m


@transaction.atomic
def create_site(actor: Actor, words: SiteWords, observatory: Observatory | None = None) -> Site:
    """Make a site of one's own, or of an observatory.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, or no admin of the observatory.
    Invalid
        It has no name, or lies nowhere on the globe.
    """
    owner = new_owner(actor, observatory, Site.change_role)
    site = Site(owner=owner, observatory=observatory)
    if not words.name:
        raise Invalid("A site needs a name.")
    _say(site, words)
    site.save()
    return site


@transaction.atomic
def change_site(actor: Actor, site: Site, words: SiteWords) -> Site:
    """Change what is said of a site; the nights of its telescopes follow."""
    access.check(actor, access.Verb.CHANGE, site)
    site = Site.objects.select_for_update().get(pk=site.pk)
    before = site.longitude_deg
    _say(site, words)
    site.save()
    if site.longitude_deg != before:
        for telescope in Telescope.objects.filter(stays__site=site).distinct():
            refile(actor, telescope)
    return site


@transaction.atomic
def delete_site(actor: Actor, site: Site) -> None:
    """Delete a site at which no telescope ever stood.

    Raises
    ------
    Conflict
        One did; its nights would lose their place.
    """
    access.check(actor, access.Verb.DELETE, site)
    stood = Telescope.objects.filter(stays__site=site).distinct()
    if stood.exists():
        known = access.visible(stood, actor)
        names = list(known.order_by("name", "id").values_list("name", flat=True)[:3])
        others = stood.count() > len(names)
        said = f"{', '.join(names)}{' and others' if others else ''}" if names else "of others"
        raise Conflict(f"Telescopes stand or stood there ({said}); move or delete them first.")
    site.delete()


def refile(actor: Actor, telescope: Telescope) -> None:
    """Ask for the nights of a telescope's files to be worked out anew."""
    jobs.enqueue(REFILE, {"telescope_id": telescope.pk}, created_by=actor.user)


def _say(site: Site, words: SiteWords) -> None:
    if words.longitude_deg is not None and not -360 <= words.longitude_deg <= 360:
        raise Invalid("A longitude lies between -180 and 180 degrees, east positive.")
    if words.latitude_deg is not None and not -90 <= words.latitude_deg <= 90:
        raise Invalid("A latitude lies between -90 and 90 degrees.")
    if words.height_m is not None and not -1000 <= words.height_m <= 1e6:
        raise Invalid("A height is a number of metres above the sea.")
    for name in words.without & {"height_m"}:
        setattr(site, name, None)
    for field in fields(words):
        value: Any = getattr(words, field.name)
        if value is None or field.name == "without":
            continue
        if field.name == "horizon":
            value = _horizon(value)
        if field.name == "longitude_deg":
            value = value if -180 <= value <= 180 else 180 - (180 - value) % 360
        setattr(site, field.name, value)
    site.name, site.about = kept_line(site.name), kept_text(site.about)[:LONGEST_ABOUT]
    if not site.name or len(site.name) > 200:
        raise Invalid("A site's name has 1 to 200 characters.")


def _horizon(points: Sequence[Sequence[float]]) -> list[list[float]]:
    try:
        found = sorted([float(azimuth) % 360, float(altitude)] for azimuth, altitude in points)
    except (TypeError, ValueError):
        raise Invalid("A horizon is a list of [azimuth, altitude] in degrees.") from None
    if len(found) > _MOST_HORIZON or not all(math.isfinite(a) and -90 <= h <= 90 for a, h in found):
        raise Invalid(f"A horizon has up to {_MOST_HORIZON} points with altitudes between -90 and 90 degrees.")
    return found
