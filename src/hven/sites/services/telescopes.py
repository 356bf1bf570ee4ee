"""Making, correcting, moving and deleting telescopes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db import transaction

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Observatory
from hven.accounts.services.owning import new_owner
from hven.errors import Invalid, NotFound
from hven.sites.models import Rule, Site, Stay, Telescope
from hven.sites.services.sites import refile


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


@transaction.atomic
def create_telescope(actor: Actor, words: TelescopeWords, observatory: Observatory | None = None) -> Telescope:
    """Make a telescope of one's own, or of an observatory, standing at a site since ever.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor is nobody, no admin of the observatory, or may not see the site.
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
    if words.site is not None and words.site != telescope.site_at():
        _check_site(actor, words.site)
        stay = telescope.stays.order_by("-since").first() if telescope.stays.filter(since__isnull=False) else None
        stay = stay or telescope.stays.first()
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


@transaction.atomic
def delete_telescope(actor: Actor, telescope: Telescope) -> None:
    """Delete a telescope with its nights; the files that it took stay, without a night."""
    access.check(actor, access.Verb.DELETE, telescope)
    refile(actor, telescope)
    telescope.delete()


def _check_site(actor: Actor, site: Site) -> None:
    if not access.may(actor, access.Verb.SEE, site):
        raise NotFound("There is no such site, or you may not see it.")


def _say(telescope: Telescope, words: TelescopeWords) -> None:
    for field in fields(words):
        value: Any = getattr(words, field.name)
        if value is not None and field.name != "site":
            setattr(telescope, field.name, value)
    telescope.name = telescope.name.strip()
    if not telescope.name or len(telescope.name) > 200:
        raise Invalid("A telescope's name has 1 to 200 characters.")
    if telescope.rule not in Rule.values:
        raise Invalid(f"The rule of a telescope is one of {', '.join(Rule.values)}.")
    for name in ("aperture_mm", "focal_length_mm"):
        value = getattr(telescope, name)
        if value is not None and not 0 < value < 1e6:
            raise Invalid("Apertures and focal lengths are positive numbers of millimetres.")
