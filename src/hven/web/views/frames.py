"""The lists of frames: one's own, what everybody may see, what is in a dataset."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hven.accounts.actor import WRITE, Actor
from hven.archive import services as archive
from hven.imaging.services.search import Wanted
from hven.web import csv_list, listing
from hven.web.actor import actor_of, signed_in
from hven.web.albums import fillable
from hven.web.asking import STATES, Asked, Understood, understand
from hven.web.errors import page
from hven.web.skymap import sky_map

MOST_ALBUMS = 200  # offered in a form
ORDER_WORDS = {
    "newest": "newest first",
    "oldest": "oldest first",
    "name": "name, A to Z",
    "name backwards": "name, Z to A",
    "exposed": "taken last first",
    "exposed first": "taken first first",
}


@page
@signed_in
@require_safe
@never_cache
def frames(request: HttpRequest) -> HttpResponseBase:
    """Show the frames as a grid, a table or a map, narrowed as the address says."""
    return render(request, "web/frames.html", list_context(request, _mine(request), here="frames"))


@page
@require_safe
@never_cache
def gallery(request: HttpRequest) -> HttpResponseBase:
    """Show what everybody may see: a map of where it lies, and the pictures."""
    context = list_context(request, Wanted(public=True), here="gallery", objects=True)
    return render(request, "web/gallery.html", context)


@page
@signed_in
@require_safe
@never_cache
def frames_csv(request: HttpRequest) -> HttpResponseBase:
    """Return the list of frames as a table."""
    return as_csv(actor_of(request), understand(actor_of(request), Asked.of(request.GET), _mine(request)), "frames")


@page
@require_safe
@never_cache
def gallery_csv(request: HttpRequest) -> HttpResponseBase:
    """Return the list of what everybody may see as a table."""
    plan = understand(actor_of(request), Asked.of(request.GET), Wanted(public=True))
    return as_csv(actor_of(request), plan, "gallery")


def as_csv(actor: Actor, plan: Understood, name: str) -> HttpResponseBase:
    """Return a list as a table that is sent while it is read."""
    rows = csv_list.lines(listing.frames(actor, listing.settled(actor, plan)))
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.csv") or ""
    return response


def list_context(
    request: HttpRequest, base: Wanted, *, here: str, objects: bool = False, path: str = ""
) -> dict[str, Any]:
    """Return what the template of a list shows.

    Parameters
    ----------
    request
        Its address narrows the list.
    base
        The search within which it is narrowed.
    here
        Which list it is; the look is kept by it.
    objects
        Whether rows say what the solver found on them.
    path
        Of the page; that of `here` where empty.
    """
    actor, asked = actor_of(request), Asked.of(request.GET)
    plan = listing.settled(actor, understand(actor, asked, base))
    if asked.look and request.user.is_authenticated:
        request.session[f"{here}_look"] = asked.look
    look = asked.look or request.session.get(f"{here}_look", "grid")
    path = path or reverse(here)
    found = listing.page_of(actor, plan, request.GET.get("page", "1"), objects=objects)
    at_map = (look == "map" or here == "gallery") and found.number == 1
    drawn = sky_map(actor, plan.wanted, path, asked.address) if at_map and not plan.nothing else None
    return {
        "page": found,
        "asked": asked,
        "plan": plan,
        "chips": [(chip.words, f"{path}?{urlencode(chip.without)}") for chip in plan.chips],
        "look": look,
        "looks": [(name, f"{path}?{urlencode({**asked.address, 'look': name})}") for name in ("grid", "table", "map")],
        "map": drawn,
        "states": list(STATES),
        "orders": ORDER_WORDS.items(),
        "sorts": _sorts(asked, path),
        "query": urlencode(asked.address),
        "path": path,
        "here": here,
        "albums": list(archive.visible_albums(actor)[:MOST_ALBUMS]),
        "fillable": list(fillable(actor)),
        "selecting": not actor.anonymous and WRITE in actor.scopes and here != "gallery",
        "with_owner": here == "gallery" or asked.whose == "all",
    }


def _sorts(asked: Asked, path: str) -> dict[str, tuple[str, str]]:
    """Return for each column that sorts the address that its head leads to, and how it is sorted now."""
    found = {}
    for column, (up, down) in {
        "name": ("name", "name backwards"),
        "taken": ("exposed first", "exposed"),
        "uploaded": ("oldest", "newest"),
    }.items():
        now = {up: "ascending", down: "descending"}.get(asked.order, "")
        usual = up if column == "name" else down
        other = down if usual == up else up
        wanted = other if asked.order == usual else usual
        found[column] = (f"{path}?{urlencode({**asked.address, 'order': wanted})}", now)
    return found


def _mine(request: HttpRequest) -> Wanted:
    return Wanted() if request.GET.get("whose") == "all" else Wanted(owner=actor_of(request).user)
