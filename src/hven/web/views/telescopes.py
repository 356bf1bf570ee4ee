"""Telescopes: where they stand and stood, what filing their frames starts, their nights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.accounts.access import Verb, find, may, visible
from hven.accounts.actor import Actor
from hven.accounts.models import Role
from hven.archive.models import Dataset
from hven.archive.services.nights import visible_nights
from hven.errors import Forbidden, HvenError, Invalid, NotFound
from hven.sites import services
from hven.sites.models import Rule, Site, Telescope
from hven.sites.services import TelescopeWords
from hven.web.actor import actor_of, signed_in
from hven.web.belonging import observatories_of, observatory_named, own_records
from hven.web.errors import page
from hven.web.views.sites import MOST, emptied, number_said, tonight_context

NIGHTS = 14  # shown


@page
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: HttpRequest) -> HttpResponseBase:
    """Make a telescope at a site."""
    actor, error = actor_of(request), ""
    if request.method == "POST":
        try:
            observatory = observatory_named(actor, request.POST.get("observatory", ""), Role.ADMIN)
            made = services.create_telescope(actor, _words(actor, request.POST), observatory)
        except HvenError as refused:
            error = str(refused)
        else:
            return redirect("telescope", uuid=made.uuid)
    context = {
        "sites": _sites(actor),
        "observatories": observatories_of(actor, Role.ADMIN),
        "rules": Rule.choices,
        "error": error,
        "typed": request.POST,
        "site_named": request.POST.get("site", request.GET.get("site", "")),
        "here": "nights",
    }
    return render(request, "web/telescope_new.html", context, status=400 if error else 200)


@page
@require_safe
@never_cache
def telescope(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a telescope."""
    return show(request, find(Telescope.objects.select_related("observatory"), actor_of(request), uuid=uuid))


@page
@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Correct what is said of a telescope; its nights follow."""
    actor = actor_of(request)
    found = find(Telescope.objects.all(), actor, Verb.CHANGE, uuid=uuid)
    try:
        services.change_telescope(actor, found, _words(actor, request.POST))
    except (Invalid, NotFound, Forbidden) as refused:
        found.refresh_from_db()
        return show(request, found, {"error": str(refused), "typed": request.POST}, status=400)
    messages.success(request, "Saved. Where its site was corrected, its nights are worked out anew.")
    return redirect("telescope", uuid=uuid)


@page
@require_POST
def move(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say that a telescope stands elsewhere from a day on; past nights stay."""
    actor = actor_of(request)
    found = find(Telescope.objects.all(), actor, Verb.CHANGE, uuid=uuid)
    try:
        since, site = _moved(actor, request.POST)
        services.move_telescope_on(actor, found, site, since)
    except (Invalid, NotFound, Forbidden) as refused:
        more = {"error": str(refused), "typed": request.POST, "is_moving": True}
        return show(request, found, more, status=400)
    messages.success(request, f"From {since} on it stands at {site.name}; nights before stay as they are.")
    return redirect("telescope", uuid=uuid)


@page
@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a telescope with its nights; its files stay."""
    actor = actor_of(request)
    found = find(Telescope.objects.all(), actor, Verb.DELETE, uuid=uuid)
    services.delete_telescope(actor, found)
    messages.success(request, f"{found.name} is deleted. Its files stay, without a night.")
    return redirect("sites")


def show(request: HttpRequest, found: Telescope, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """Return the page of a telescope that the asker may see."""
    actor = actor_of(request)
    moment = timezone.now()
    stays = [
        (stay.site if may(actor, Verb.SEE, stay.site) else None, stay.since, stay.since and stay.since > moment)
        for stay in found.stays.select_related("site").order_by(F("since").asc(nulls_first=True))
    ]
    now = found.site_at(moment)
    site = now if now is not None and may(actor, Verb.SEE, now) else None
    nights = visible_nights(actor).filter(telescope=found)
    context = {
        "telescope": found,
        "observatory": found.observatory,
        "site": site,
        "stays": stays,
        "nights": list(nights[:NIGHTS]),
        "datasets": list(visible(Dataset.objects.filter(telescope=found), actor).order_by("name", "id")[:MOST]),
        "may_change": may(actor, Verb.CHANGE, found),
        "may_delete": may(actor, Verb.DELETE, found),
        "sites": _sites(actor, site),
        "rules": Rule.choices,
        "here": "nights",
        **tonight_context(request, site),
    }
    return render(request, "web/telescope.html", context | (more or {}), status=status)


def _words(actor: Actor, said: Mapping[str, Any]) -> TelescopeWords:
    rule = said.get("rule", "")
    return TelescopeWords(
        name=said.get("name", "").strip() or None,
        site=_site(actor, said.get("site", "")),
        alias=said.get("alias", "").strip()[:70] if "alias" in said else None,
        aperture_mm=number_said(said.get("aperture", ""), "aperture"),
        focal_length_mm=number_said(said.get("focal_length", ""), "focal length"),
        about=said.get("about", "").strip() if "about" in said else None,
        rule=rule or None,
        without=emptied(said, aperture="aperture_mm", focal_length="focal_length_mm"),
    )


def _moved(actor: Actor, said: Mapping[str, Any]) -> tuple[date, Site]:
    """Read from which day on a telescope stands at which site."""
    try:
        since = parse_date(said.get("since", ""))
    except ValueError:
        since = None
    site = _site(actor, said.get("site", ""))
    if since is None or site is None:
        raise Invalid("Choose the new site, and the day from which on it stands there.")
    return since, site


def _site(actor: Actor, said: str) -> Site | None:
    if not said:
        return None
    try:
        return find(Site.objects.all(), actor, uuid=UUID(said))
    except ValueError:
        raise Invalid("Choose one of your sites.") from None


def _sites(actor: Actor, present: Site | None = None) -> list[Site]:
    """Return the sites that a form offers: those at which somebody may stand a telescope, and where it stands now."""
    own = own_records(Site, actor)
    return own if present is None or present in own else [present, *own]
