"""Datasets: the list, one with its frames, and what its owner does with it; addresses call them albums."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.accounts.access import Verb, check, find, may, visible
from hven.accounts.actor import WRITE, Actor
from hven.accounts.models import Visibility
from hven.accounts.services import set_visibility
from hven.archive import services as archive
from hven.archive.models import DataFile, Dataset
from hven.archive.services import datasets
from hven.archive.services.datasets import DatasetWords
from hven.errors import Conflict, Forbidden, Invalid, NotFound
from hven.imaging import services as imaging
from hven.imaging.services.search import Wanted
from hven.sites.models import Telescope
from hven.web import listing
from hven.web.actor import actor_of
from hven.web.asking import Asked, understand
from hven.web.belonging import observatories_of, observatory_named, own_records
from hven.web.errors import page
from hven.web.views.frames import as_csv, list_context
from hven.web.views.sharing import DURATIONS, links_for

PER_PAGE = 24
_MOST_COUNTED = 1_000
_COVER = 3  # pictures


@page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def albums(request: HttpRequest) -> HttpResponseBase:
    """Show the datasets that one may see, and make one."""
    actor, error = actor_of(request), ""
    if request.method == "POST":
        try:
            made = _make(actor, request.POST)
        except (Conflict, Invalid, NotFound) as refused:
            error = str(refused)
        else:
            return redirect("dataset", uuid=made.uuid)
    found = archive.visible_albums(actor).select_related("owner", "observatory", "telescope")
    shown: Any = Paginator(found, PER_PAGE).get_page(request.GET.get("page", "1"))
    _describe(actor, list(shown))
    context = {
        "page": shown,
        "error": error,
        "typed": request.POST,
        "query": "",
        "may_make": not actor.anonymous and WRITE in actor.scopes,
        "telescopes": [] if actor.anonymous else own_records(Telescope, actor),
        "observatories": observatories_of(actor),
        "here": "data",
    }
    return render(request, "web/albums.html", context, status=400 if error else 200)


@transaction.atomic
def _make(actor: Actor, said: QueryDict) -> Dataset:
    telescope = None
    if named := said.get("telescope", ""):
        try:
            telescope = find(Telescope.objects.all(), actor, uuid=UUID(named))
        except ValueError:
            raise Invalid("Choose one of your telescopes.") from None
    words = DatasetWords(name=said.get("name", ""), about=said.get("about", "").strip(), telescope=telescope)
    made = datasets.create_dataset(actor, words, observatory_named(actor, said.get("observatory", "")))
    if said.get("visibility") == Visibility.PUBLIC:
        set_visibility(actor, made, Visibility.PUBLIC)
    return made


@page
@require_safe
@never_cache
def album(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a dataset with its frames."""
    return show(request, _find(actor_of(request), uuid))


@page
@require_safe
@never_cache
def album_csv(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return the frames of a dataset as a table."""
    actor = actor_of(request)
    found = _find(actor, uuid)
    return as_csv(actor, understand(actor, Asked.of(request.GET), Wanted(album=found)), found.name)


@page
@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Give a dataset another name and other words about it."""
    actor = actor_of(request)
    found = _find(actor, uuid, Verb.CHANGE)
    try:
        archive.rename_album(actor, found, request.POST.get("name", ""), about=request.POST.get("about", "").strip())
    except (Invalid, Conflict) as refused:
        found.refresh_from_db()
        return show(request, found, {"error": str(refused), "typed": request.POST}, status=400)
    return redirect("album", uuid=uuid)


@page
@require_POST
def visibility(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Make a dataset public or private, with its frames where that is said."""
    actor = actor_of(request)
    found = _find(actor, uuid, Verb.SHARE)
    if found.inbox:
        raise Forbidden("An inbox is for its owner alone; make a dataset of what you want to show.")
    wanted, files = request.POST.get("visibility", ""), request.POST.get("files") == "yes"
    changed = imaging.set_album_visibility(actor, found, wanted, files=files)
    frames = f", and {changed} file{'' if changed == 1 else 's'} with it" if files else ""
    messages.success(request, f"{found.name} is {wanted}{frames}.")
    return redirect("album", uuid=uuid)


@page
@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a dataset; its frames stay."""
    actor = actor_of(request)
    found = _find(actor, uuid, Verb.DELETE)
    archive.delete_album(actor, found)
    messages.success(request, f"The dataset {found.name} is deleted. Its frames are in their owners' inboxes.")
    return redirect("data")


def show(request: HttpRequest, found: Dataset, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """Return the page of a dataset that the asker may see."""
    actor = actor_of(request)
    path = reverse("album", args=[found.uuid])
    may_share = may(actor, Verb.SHARE, found) and not found.inbox
    context = list_context(request, Wanted(album=found), here="album", path=path, objects=True)
    context |= {
        "album": found,
        "telescope": found.telescope if found.telescope and may(actor, Verb.SEE, found.telescope) else None,
        "may_change": may(actor, Verb.CHANGE, found) and not found.inbox,
        "may_share": may_share,
        "may_delete": may(actor, Verb.DELETE, found) and not found.inbox,
        "links": links_for(actor, found) if may_share else [],
        "durations": DURATIONS.items(),
        "links_at": reverse("album-links", args=[found.uuid]),
        "with_owner": found.owner != request.user,
    }
    return render(request, "web/album.html", context | (more or {}), status=status)


def _find(actor: Actor, uuid: UUID, verb: Verb = Verb.SEE) -> Dataset:
    found = find(archive.visible_albums(actor), actor, Verb.SEE, uuid=uuid)
    check(actor, verb, found)
    return found


def _describe(actor: Actor, shown: list[Any]) -> None:
    """Say how many files of each dataset the asker may see, and the pictures of its newest frames."""
    telescopes = visible(Telescope.objects.filter(pk__in=[each.telescope_id for each in shown]), actor).in_bulk()
    for each in shown:
        files = visible(DataFile.objects.filter(dataset=each), actor)
        each.files = imaging.count_up_to(files, _MOST_COUNTED + 1)
        each.many = each.files > _MOST_COUNTED
        newest: list[Any] = list(listing.with_rows(imaging.search(actor, Wanted(album=each)))[:_COVER])
        each.cover = [one for one in newest if one.has_picture]
        each.pictures = [] if each.cover else list(files.filter(width__isnull=False).order_by("-id")[:_COVER])
        each.telescope_seen = telescopes.get(each.telescope_id)
