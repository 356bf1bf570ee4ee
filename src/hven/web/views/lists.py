"""Upload and queue: what is handed over, and what is being done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.accounts.access import Verb, find
from hven.accounts.actor import Actor
from hven.archive.models import CommercialUse, Modifications
from hven.imaging import services as imaging
from hven.imaging.models import Run
from hven.imaging.services.solver_data import BUILD
from hven.jobs import services as jobs
from hven.jobs.models import ENDS, Job, State
from hven.web import calls, hints
from hven.web.actor import actor_of, next_page, signed_in
from hven.web.albums import fillable
from hven.web.errors import page
from hven.web.listing import LongPaginator

RUNS_PER_PAGE = 40
RUN = "imaging.run"


@page
@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """Go to the frames."""
    return redirect("frames")


@page
@signed_in
@require_safe
def upload(request: HttpRequest) -> HttpResponseBase:
    """Show where files are dropped, with what is known about them."""
    context = {
        "fields": hints.common_fields({}),
        "visibility": settings.HVEN_DEFAULT_VISIBILITY,
        "limit": settings.HVEN_MAX_UPLOAD,
        "address": calls.server_address(request),
        "call": calls.nova_upload(calls.server_address(request), {}, settings.HVEN_DEFAULT_VISIBILITY),
        "albums": list(fillable(actor_of(request))),
        "album": request.GET.get("album", ""),
        "commercial_uses": CommercialUse.choices,
        "modifications": Modifications.choices,
        "here": "upload",
    }
    return render(request, "web/upload.html", context)


@page
@signed_in
@require_safe
@never_cache
def queue(request: HttpRequest) -> HttpResponseBase:
    """Show the runs that one asked for: what waits and works first, then what ended.

    Found by their jobs, which know who asked: from all frames of somebody who has a million it would take seconds.
    """
    actor = actor_of(request)
    mine = Job.objects.filter(created_by=actor.user, kind=RUN)
    # sorted here: asked to sort, SQLite goes through all jobs in order instead of to the few that wait
    open_jobs = sorted(mine.filter(state__in=[State.QUEUED, State.RUNNING]).order_by().values_list("pk", flat=True))
    waiting = _runs(actor, open_jobs[:RUNS_PER_PAGE])
    for run in waiting:
        run.place = jobs.place_in_queue(run.job) if run.job else None
    ended = LongPaginator(mine.filter(state__in=ENDS).order_by("-id"), RUNS_PER_PAGE)
    shown: Any = ended.get_page(request.GET.get("page", "1"))
    shown.object_list = _runs(actor, [job.pk for job in shown])
    for run in shown:
        run.took_s = (run.finished - run.started).total_seconds() if run.finished and run.started else None
    context = {
        "waiting": waiting,
        "page": shown,
        "tables": Job.objects.filter(kind=BUILD, state__in=[State.QUEUED, State.RUNNING]).first(),
        "here": "queue",
        "query": "",
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "web/parts/queue.html" if part else "web/queue.html", context)


@page
@signed_in
@require_POST
def cancel(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Stop a run."""
    actor = actor_of(request)
    run = find(Run.objects.all(), actor, Verb.CHANGE, "reduction", uuid=uuid)
    if not imaging.cancel_run(actor, run):
        messages.info(request, "That run had ended already.")
    return redirect(next_page(request, "queue"))


@page
@signed_in
@require_POST
def retry(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Ask for an ended run once more."""
    actor = actor_of(request)
    run = find(Run.objects.all(), actor, Verb.CHANGE, "reduction", uuid=uuid)
    imaging.repeat_run(actor, run)
    return redirect(next_page(request, "queue"))


@signed_in
@require_safe
@never_cache
def under_way(request: HttpRequest) -> HttpResponse:
    """Return how many of one's own runs wait or work, for the head of every page."""
    return render(request, "web/parts/under_way.html")


def _runs(actor: Actor, found: Iterable[int]) -> list[Any]:
    """Return the runs of jobs that the actor may see, in the jobs' order."""
    order = {pk: place for place, pk in enumerate(found)}
    runs = imaging.visible_runs(actor).filter(job__in=list(order))
    return sorted(runs, key=lambda run: order[run.job_id or 0])
