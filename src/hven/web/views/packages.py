"""Packages: datasets put together to be handed on, by a link, to people, or to everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.accounts.access import Verb, find, may, visible
from hven.accounts.actor import WRITE, Actor
from hven.archive import services as archive
from hven.archive.models import Dataset, Package
from hven.archive.services import packages as service
from hven.archive.services.packages import PackageWords
from hven.errors import HvenError, Invalid, NotFound
from hven.web.actor import actor_of, signed_in
from hven.web.belonging import observatories_of, observatory_named, own_records
from hven.web.errors import page
from hven.web.views.data import as_zip
from hven.web.views.sharing import DURATIONS, change_links, links_for

PER_PAGE = 30


@page
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def packages(request: HttpRequest) -> HttpResponseBase:
    """List the packages that one may see; make one."""
    actor, error = actor_of(request), ""
    if request.method == "POST":
        try:
            observatory = observatory_named(actor, request.POST.get("observatory", ""))
            made = service.create_package(actor, _words(actor, request.POST), observatory)
        except HvenError as refused:
            error = str(refused)
        else:
            return redirect("package", uuid=made.uuid)
    found = visible(Package.objects.select_related("owner", "observatory"), actor)
    context = {
        "page": Paginator(found.order_by("name", "id"), PER_PAGE).get_page(request.GET.get("page", "1")),
        "datasets": _to_pack(actor),
        "observatories": observatories_of(actor),
        "may_make": WRITE in actor.scopes,
        "error": error,
        "typed": request.POST,
        "chosen": request.POST.getlist("datasets"),
        "query": "",
        "here": "data",
    }
    return render(request, "web/packages.html", context, status=400 if error else 200)


@page
@require_safe
@never_cache
def package(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a package."""
    return show(request, find(Package.objects.select_related("owner", "observatory"), actor_of(request), uuid=uuid))


@page
@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Change what is said of a package, and what is in it."""
    actor = actor_of(request)
    found = find(Package.objects.select_related("owner", "observatory"), actor, Verb.CHANGE, uuid=uuid)
    try:
        service.change_package(actor, found, _words(actor, request.POST, found))
    except HvenError as refused:
        found.refresh_from_db()
        chosen = request.POST.getlist("datasets")
        return show(request, found, {"error": str(refused), "typed": request.POST, "chosen": chosen}, status=400)
    messages.success(request, "Saved.")
    return redirect("package", uuid=uuid)


@page
@require_POST
def share(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say who sees a package besides those who own it: everybody, or people by their names."""
    actor = actor_of(request)
    found = find(Package.objects.select_related("owner", "observatory"), actor, uuid=uuid)
    service.check_share(actor, found)
    if wanted := request.POST.get("visibility", ""):
        service.change_package(actor, found, PackageWords(public=wanted == "public"))
        messages.success(request, f"{found.name} is {'public' if wanted == 'public' else 'private'}.")
        return redirect("package", uuid=uuid)
    typed = request.POST.get("people", "")
    try:
        service.share_with(actor, found, [name.strip() for name in typed.split(",") if name.strip()])
    except (Invalid, NotFound) as refused:
        return show(request, found, {"people_error": str(refused), "people": typed}, status=400)
    messages.success(request, "Saved.")
    return redirect("package", uuid=uuid)


@page
@require_POST
@never_cache
def links(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Make a link to a package, shown once, or take one back."""
    actor = actor_of(request)
    found = find(Package.objects.select_related("owner", "observatory"), actor, uuid=uuid)
    service.check_share(actor, found)
    made = change_links(request, found)
    return redirect("package", uuid=uuid) if made is None else show(request, found, {"made_link": made})


@page
@require_safe
@never_cache
def package_zip(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return the files of a package, packed while they are sent."""
    actor = actor_of(request)
    found = find(Package.objects.all(), actor, Verb.OPEN, uuid=uuid)
    return as_zip(actor, service.files_of_package(actor, found), found.name)


@page
@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a package; its datasets stay."""
    actor = actor_of(request)
    found = find(Package.objects.all(), actor, Verb.DELETE, uuid=uuid)
    service.delete_package(actor, found)
    messages.success(request, f"{found.name} is deleted. Its datasets stay.")
    return redirect("packages")


def show(request: HttpRequest, found: Package, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """Return the page of a package that the asker may see."""
    actor = actor_of(request)
    may_change, may_share = may(actor, Verb.CHANGE, found), service.may_share(actor, found)
    files = service.files_of_package(actor, found)
    held = files.aggregate(count=Count("pk"), size=Sum("size"))
    counts = dict(files.order_by().values_list("dataset").annotate(count=Count("pk")))
    inside = list(service.datasets_of_package(actor, found))
    known = set(archive.visible_albums(actor).filter(pk__in=[each.pk for each in inside]).values_list("pk", flat=True))
    context = {
        "package": found,
        "inside": [(each, counts.get(each.pk, 0), each.pk in known) for each in inside],
        "count": held["count"],
        "size": held["size"] or 0,
        "datasets": _to_pack(actor, inside) if may_change else [],
        "chosen": [str(each.uuid) for each in inside],
        "may_change": may_change,
        "may_share": may_share,
        "may_open": may(actor, Verb.OPEN, found),
        "may_delete": may(actor, Verb.DELETE, found),
        "people": ", ".join(service.shared_with(found)) if may_share else "",
        "links": links_for(actor, found) if may_share else [],
        "durations": DURATIONS.items(),
        "links_at": reverse("package-links", args=[found.uuid]),
        "here": "data",
    }
    return render(request, "web/package.html", context | (more or {}), status=status)


def _to_pack(actor: Actor, inside: Sequence[Dataset] = ()) -> list[Dataset]:
    """Return the datasets that a form offers: those that somebody may hand on, after those that are in a package."""
    within = {each.pk for each in inside}
    own = own_records(Dataset, actor, Verb.OPEN)
    return [*inside, *(each for each in own if not each.inbox and each.pk not in within)]


def _words(actor: Actor, said: Mapping[str, Any], package: Package | None = None) -> PackageWords:
    try:
        wanted = [UUID(each) for each in said.getlist("datasets")]  # type: ignore[attr-defined] # a QueryDict
    except ValueError:
        raise Invalid("Choose some of your datasets.") from None
    inside = {} if package is None else {each.uuid: each for each in service.datasets_of_package(actor, package)}
    chosen = [inside.get(each) or find(Dataset.objects.all(), actor, Verb.OPEN, uuid=each) for each in wanted]
    return PackageWords(name=said.get("name", ""), about=said.get("about", "").strip(), datasets=chosen)
