"""Solver data: which fields can be placed, what one's own cameras need, and bringing it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.errors import Conflict, Invalid, NotFound
from hven.imaging.services import solver_indexes as indexes
from hven.science.catalogues.index_build import program_missing
from hven.science.catalogues.indexes import IndexFile
from hven.science.catalogues.series import ALL
from hven.web import coverage
from hven.web.actor import signed_in, user_of
from hven.web.errors import page

_NUMBERS = ("width_low", "width_high", "epoch", "catalogue_epoch")


@page
@signed_in
@require_safe
@never_cache
def solver(request: HttpRequest) -> HttpResponseBase:
    """Show the bar, the cameras, what is installed and what is being brought."""
    user = user_of(request)
    present = indexes.installed()
    groups = _groups(present)
    context = {
        "here": "solver",
        "ticks": coverage.ticks(),
        "segments": coverage.segments(present),
        "in_words": coverage.in_words(present),
        "cameras": coverage.cameras(user, present),
        "groups": groups,
        "total": sum(group["bytes"] for group in groups),
        "under_way": [_row(job) for job in indexes.under_way()],
        "ended": [_row(job) for job in indexes.last_ended()] if user.is_staff else [],
        "unfinished": indexes.unfinished(),
        "staff": user.is_staff,
        "choices": _choices(),
        "missing": program_missing(),
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "web/parts/solver.html" if part else "web/solver.html", context)


@page
@signed_in
@require_POST
def fetch(request: HttpRequest) -> HttpResponseBase:
    """Begin to fetch what the form names: one or several words of `hven index fetch`."""
    user = user_of(request)
    words = [word for word in request.POST.getlist("word") if word]
    if not words:
        raise Invalid("Choose what to fetch.")
    begun = 0
    for word in words:
        name, _, scale = word.partition(" --scale ")
        if scale and not scale.isdecimal():
            raise Invalid("A scale is a whole number.")
        try:
            indexes.ask_to_fetch(user, name, (int(scale),) if scale else ())
        except Conflict as refused:
            messages.info(request, str(refused))
        else:
            begun += 1
    if begun:
        messages.success(request, "The fetch is in the queue. This page shows how far it is; you may leave it.")
    return redirect("solver")


@page
@signed_in
@require_POST
def build(request: HttpRequest) -> HttpResponseBase:
    """Take a catalogue and begin to build an index of it."""
    user = user_of(request)
    indexes.check_staff(user)
    file = request.FILES.get("file")
    if file is None:
        raise Invalid("Choose a catalogue: a FITS table, VOTable, ECSV or CSV file.")
    filename = file.name or "catalogue"
    order: dict[str, Any] = {key: request.POST.get(key, "").strip()[:200] for key in ("ra", "dec", "mag")}
    order["name"] = request.POST.get("name", "").strip()[:60] or filename.split(".")[0]
    for key in _NUMBERS:
        order[key] = _number(request.POST.get(key, "").strip(), key)
    indexes.ask_to_build(user, file, filename, order)
    messages.success(request, f"An index is built from {filename}. This page shows how far it is; you may leave it.")
    return redirect("solver")


@page
@signed_in
@require_POST
def cancel(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Stop a fetch or a build."""
    if not indexes.cancel(user_of(request), uuid):
        messages.info(request, "That had ended already.")
    return redirect("solver")


@page
@signed_in
@require_POST
def remove(request: HttpRequest) -> HttpResponseBase:
    """Remove an index, with all its tiles, from the data folder."""
    indexes.check_staff(user_of(request))
    word = request.POST.get("word", "")
    if not word:
        raise NotFound("Choose what to remove.")
    gone, left = indexes.remove_index(word)
    if gone:
        messages.success(request, f"{len(gone)} file{'s are' if len(gone) > 1 else ' is'} removed.")
    for index in left:
        messages.info(request, f"{index.path} lies outside the data folder and stays.")
    return redirect("solver")


def _number(text: str, key: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e4:
        raise Invalid(f"{key.replace('_', ' ').capitalize()} is a number above zero.")
    return value


def _choices() -> list[dict[str, Any]]:
    """Return what can be fetched, as words with sizes; what is there already is left out."""
    found = []
    for series in ALL:
        for scale, size in sorted(series.sizes, reverse=True):
            word = f"{100 * series.number + scale}" if series.number != 52 or scale else f"{series.name} --scale 0"
            if indexes.plan_fetch(series.name, (scale,)).missing:
                found.append({"word": word, "series": series.name, "bytes": size})
    return found


def _groups(present: tuple[IndexFile, ...]) -> list[dict[str, Any]]:
    """Return the installed files by number, own ones by name, narrowest first."""
    by_name: dict[str, list[IndexFile]] = {}
    for index in present:
        by_name.setdefault(index.own_name or str(index.index_id), []).append(index)
    found = []
    for name, files in by_name.items():
        first = files[0]
        tiles = 12 * first.nside**2 if first.healpix >= 0 else 1
        found.append(
            {
                "name": name,
                "series": "own" if first.own_name else first.series,
                "low": min(file.field_low_deg for file in files),
                "high": min(max(file.field_high_deg for file in files), 180.0),
                "files": len(files),
                "of": len(files) if first.own_name else tiles,
                "bytes": sum(file.size_bytes for file in files),
                "removable": any(file.path.parent == indexes.own_folder() for file in files),
            }
        )
    return sorted(found, key=lambda group: group["low"])


def _row(job: Any) -> dict[str, Any]:
    """Return a fetch or a build as the page shows it."""
    fetching = job.kind == indexes.FETCH
    what = job.args.get("word") if fetching else job.args.get("filename")
    scales = job.args.get("scales") or []
    return {
        "job": job,
        "what": f"{'Fetch' if fetching else 'Index of'} {what}{''.join(f' --scale {scale}' for scale in scales)}",
        "result": job.result or {},
        "fetching": fetching,
    }
