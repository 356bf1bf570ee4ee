"""Sites: where telescopes stand, what their sky does tonight, what hides it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.accounts.access import Verb, find, may, visible
from hven.accounts.actor import Actor
from hven.accounts.models import Role
from hven.errors import HvenError, Invalid
from hven.sites import services
from hven.sites.models import Site, Stay, Telescope
from hven.sites.services import SiteWords
from hven.web import skyplot
from hven.web.actor import actor_of, signed_in
from hven.web.asking import place_named
from hven.web.belonging import observatories_of, observatory_named, own_records
from hven.web.errors import page

MOST = 200  # sites or telescopes of one list
_PART = r"(\d+(?:[.,]\d+)?)"
_ANGLE = re.compile(
    rf"([NSEW])?\s*([+\-−])?\s*{_PART}\s*(?:[°D:]|DEG|\s)?\s*"
    rf"(?:{_PART}\s*(?:[′'M:]|\s)?\s*)?(?:{_PART}\s*[″\"]?\s*)?([NSEW])?"
)


@page
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sites(request: HttpRequest) -> HttpResponseBase:
    """List sites and telescopes; make a site."""
    actor, error = actor_of(request), ""
    if request.method == "POST":
        try:
            observatory = observatory_named(actor, request.POST.get("observatory", ""), Role.ADMIN)
            made = services.create_site(actor, words_of(request.POST), observatory)
        except HvenError as refused:
            error = str(refused)
        else:
            return redirect("site", uuid=made.uuid)
    shown = own_records(Site, actor)
    telescopes = own_records(Telescope, actor)
    places = sites_now(actor, telescopes)
    for telescope in telescopes:
        telescope.site = places.get(telescope.pk)  # type: ignore[attr-defined]
    context = {
        "sites": shown,
        "telescopes": telescopes,
        "observatories": observatories_of(actor, Role.ADMIN),
        "error": error,
        "typed": request.POST,
        "here": "nights",
    }
    return render(request, "web/sites.html", context, status=400 if error else 200)


@page
@require_safe
@never_cache
def site(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a site."""
    return show(request, find(Site.objects.select_related("observatory"), actor_of(request), uuid=uuid))


@page
@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Change what is said of a site."""
    actor = actor_of(request)
    found = find(Site.objects.all(), actor, Verb.CHANGE, uuid=uuid)
    try:
        services.change_site(actor, found, words_of(request.POST))
    except Invalid as refused:
        found.refresh_from_db()
        return show(request, found, {"error": str(refused), "typed": request.POST}, status=400)
    messages.success(request, "Saved. Nights of its telescopes follow where the longitude changed.")
    return redirect("site", uuid=uuid)


@page
@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a site at which no telescope stood."""
    actor = actor_of(request)
    found = find(Site.objects.all(), actor, Verb.DELETE, uuid=uuid)
    services.delete_site(actor, found)
    messages.success(request, f"{found.name} is deleted.")
    return redirect("sites")


def sites_now(actor: Actor, telescopes: Sequence[Telescope]) -> dict[int, Site]:
    """Return where telescopes stand now, by their keys, for those that the actor may know of."""
    stays = Stay.objects.filter(Q(since__isnull=True) | Q(since__lte=timezone.now()), telescope__in=telescopes)
    # the last one counts
    last = {stay.telescope_id: stay.site_id for stay in stays.order_by(F("since").asc(nulls_first=True))}
    seen = visible(Site.objects.filter(pk__in=last.values()), actor).in_bulk()
    return {telescope: seen[site] for telescope, site in last.items() if site in seen}


def show(request: HttpRequest, found: Site, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """Return the page of a site that the asker may see."""
    actor = actor_of(request)
    stays = Telescope.objects.filter(stays__site=found).distinct()
    context = {
        "site": found,
        "observatory": found.observatory,
        "telescopes": list(visible(stays, actor).order_by("name", "id")[:MOST]),
        "may_change": may(actor, Verb.CHANGE, found),
        "may_delete": may(actor, Verb.DELETE, found),
        "horizon": skyplot.horizon_points(found.horizon) if found.horizon else "",
        "horizon_text": "\n".join(f"{azimuth:g} {altitude:g}" for azimuth, altitude in found.horizon),
        "here": "nights",
        **tonight_context(request, found),
    }
    return render(request, "web/site.html", context | (more or {}), status=status)


def tonight_context(request: HttpRequest, site: Site | None) -> dict[str, Any]:
    """Return what a page shows of a night at a site: almanac, and a target's way where one is asked for."""
    at = request.GET.get("at", "").strip()[:200]
    context: dict[str, Any] = {"at": at, "sky": None, "almanac": None, "plot_error": ""}
    if site is None or not site.is_placed:
        return context
    night = _night(request.GET.get("night", "")) or skyplot.tonight(site, timezone.now())
    sky = skyplot.sky_night(site, night)
    target = place_named(at) if at else None
    if at and target is None:
        context["plot_error"] = f"“{at}” is neither a position nor an object of the catalogue."
    context |= {
        "night": night,
        "almanac": skyplot.almanac(sky, night),
        "sky": skyplot.sky_plot(site, sky, target),
        "target": target,
    }
    return context


def words_of(said: Mapping[str, Any]) -> SiteWords:
    """Read the form of a site.

    Raises
    ------
    Invalid
        A number is none.
    """
    return SiteWords(
        name=said.get("name", "").strip() or None,
        longitude_deg=degrees_said(said.get("longitude", ""), "longitude", "EW"),
        latitude_deg=degrees_said(said.get("latitude", ""), "latitude", "NS"),
        height_m=number_said(said.get("height", ""), "height"),
        horizon=_horizon(said["horizon"]) if "horizon" in said else None,
        about=said.get("about", "").strip() if "about" in said else None,
        without=emptied(said, height="height_m"),
    )


def emptied(said: Mapping[str, Any], **names: str) -> frozenset[str]:
    """Return what a form takes away: the fields that it sends empty, by what records call them."""
    return frozenset(field for name, field in names.items() if name in said and not said[name].strip())


def number_said(text: str, name: str) -> float | None:
    """Return a number of a form, None for nothing; a comma may stand for the point."""
    text = text.strip().replace(",", ".").replace("−", "-")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Invalid(f"The {name} is a number, such as 12.5.") from None


def degrees_said(text: str, name: str, sides: str) -> float | None:
    """Return an angle as people write it: -16.5117, 16 30 42 W, S 33, 28°18′N; None for nothing.

    Parameters
    ----------
    name
        What it is, for the sentence.
    sides
        The letters of the positive and the negative side: NS or EW.
    """
    # in 28d18m0s the s means seconds, elsewhere the south
    text = re.sub(r"(?<=\d)s\b", "″", text.strip()) if re.search("[dm]", text) else text.strip()
    text = text.upper()
    if not text:
        return None
    found = _ANGLE.fullmatch(text)
    letter = "" if found is None else found[1] or found[6] or ""
    if found is None or (found[1] and found[6]) or (letter and letter not in sides) or (letter and found[2]):
        raise Invalid(f"The {name} is an angle, such as -16.5117 or 16 30 42 {sides[1]}.")
    parts = [float(part.replace(",", ".")) for part in found.group(3, 4, 5) if part]
    if any(part >= 60 for part in parts[1:]) or any(part % 1 for part in parts[:-1]):
        raise Invalid(f"The {name} has minutes or seconds that are none.")
    value: float = sum(part / 60**power for power, part in enumerate(parts))
    return -value if found[2] in {"-", "−"} or letter == sides[1] else value


def _horizon(text: str) -> Sequence[Sequence[float]]:
    points = []
    for number, row in enumerate(text.splitlines(), 1):
        parts = row.replace(",", " ").split()
        if not parts or parts[0].startswith("#"):
            continue
        try:
            azimuth, altitude = (float(part) for part in parts)
        except ValueError:
            raise Invalid(f"Line {number} of the horizon is not an azimuth and an altitude in degrees.") from None
        points.append((azimuth, altitude))
    return points


def _night(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    return found if found is not None and 1900 <= found.year <= 2100 else None
