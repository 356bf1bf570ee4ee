"""The page of one frame, its live part, and what its owner can do there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.accounts.access import Verb, find, may
from hven.accounts.actor import Actor
from hven.archive.models import CommercialUse, Modifications
from hven.errors import Invalid, NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, Run
from hven.imaging.services.frames import delete_reduction, set_visibility
from hven.imaging.services.solver_data import BUILD
from hven.jobs import services as jobs
from hven.jobs.models import Job, State
from hven.web import calls, hints, tiles, words
from hven.web.actor import actor_of, signed_in
from hven.web.albums import dataset_of, fillable
from hven.web.deleting import farewells
from hven.web.errors import page
from hven.web.listing import runs_of
from hven.web.planes import planes_of
from hven.web.private import cards_for
from hven.web.views.sharing import DURATIONS, links_for

MOST_RUNS = 20  # listed
MOST_TAGS = 60  # of each sort on the page
LOG_SHOWN = 20_000  # characters of a log on the page; the rest is a download away


@page
@require_safe
@never_cache
def frame(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a frame."""
    reduction = _find(actor_of(request), uuid)
    return show(request, reduction)


@page
@require_safe
@never_cache
def panel(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return what stands beside the picture, for the page to put in while a run is under way."""
    actor = actor_of(request)
    reduction = _find(actor, uuid)
    return render(request, "web/parts/panel.html", _context(request, actor, reduction))


@page
@require_POST
def rerun(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Ask for another run with other hints."""
    actor = actor_of(request)
    reduction = _find(actor, uuid, Verb.CHANGE)
    try:
        run = imaging.request_run(actor, reduction, hints.read_config(request.POST))
    except Invalid as error:
        return show(request, reduction, {"error": str(error), "typed": request.POST.dict()}, status=400)
    return redirect(f"{reverse('frame', args=[uuid])}?run={run.pk}")


@page
@require_POST
def visibility(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Make a frame public or private."""
    actor = actor_of(request)
    set_visibility(actor, _find(actor, uuid, Verb.SHARE), request.POST.get("visibility", ""))
    return redirect("frame", uuid=uuid)


@page
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say what would go and what would stay; when that is sent, delete a frame with all that was made of it."""
    actor = actor_of(request)
    reduction = _find(actor, uuid, Verb.DELETE)
    if request.method != "POST":
        context = {"going": farewells(actor, [reduction]), "action": request.path,
                   "next": reverse("frame", args=[uuid])}  # fmt: skip
        return render(request, "web/delete.html", context)
    name = reduction.name or "The frame"
    file = delete_reduction(actor, reduction)
    if file is not None:
        tiles.forget(file)
    messages.success(request, f"{name} is deleted.")
    return redirect("frames")


def chosen_run(reduction: Reduction, said: str) -> Run | None:
    """Return the run that an address names, else the newest one.

    Raises
    ------
    NotFound
        The address names a run that this frame does not have.
    """
    runs = runs_of(reduction)
    if not said:
        # What runs of steps found stands on the page of the reduction.
        return runs.exclude(job__kind="imaging.reduce").first() or runs.first()
    found = runs.filter(pk=int(said)).first() if said.isascii() and said.isdigit() and len(said) < 19 else None
    if found is None:
        raise NotFound("This frame has no such run.")
    return found


def _find(actor: Actor, uuid: UUID, verb: Verb = Verb.SEE) -> Reduction:
    return find(Reduction.objects.select_related("data_file__blob", "owner", "submission"), actor, verb, uuid=uuid)


def show(
    request: HttpRequest, reduction: Reduction, more: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Return the page of a frame that the asker may see."""
    actor = actor_of(request)
    context = _context(request, actor, reduction)
    run, more = context["run"], more or {}
    said = more.get("typed") or (run.config if run else {})
    if context["may_change"]:
        planes = planes_of(reduction.data_file) if reduction.data_file else []
        context |= {"fields": hints.common_fields(said), "groups": hints.other_groups(said, planes=planes)}
        context["fillable"] = list(fillable(actor))
    if context["may_share"]:
        context |= {"links": links_for(actor, reduction), "durations": DURATIONS.items(),
                    "links_at": reverse("frame-links", args=[reduction.uuid]),
                    "commercial_uses": CommercialUse.choices, "modifications": Modifications.choices}  # fmt: skip
    return render(request, "web/frame.html", context | more, status=status)


def _context(request: HttpRequest, actor: Actor, reduction: Reduction) -> dict[str, Any]:
    run = chosen_run(reduction, request.GET.get("run", ""))
    file = reduction.data_file
    may_open, may_change = may(actor, Verb.OPEN, reduction), may(actor, Verb.CHANGE, reduction)
    has_picture = file is not None and file.read_at is not None and file.format != "list"
    context: dict[str, Any] = {
        "reduction": reduction,
        "file": file,
        "run": run,
        "here": "frames",
        "here_list": "gallery" if actor.anonymous else "frames",
        "may_open": may_open,
        "may_change": may_change,
        "may_share": may(actor, Verb.SHARE, reduction),
        "may_delete": may(actor, Verb.DELETE, reduction),
        "album": dataset_of(actor, file),
        "tags": list(file.tags.filter(machine=False).order_by("text")[:MOST_TAGS]) if file else [],
        "machine_tags": list(file.tags.filter(machine=True).order_by("id")[:MOST_TAGS]) if file else [],
        "runs": list(runs_of(reduction)[:MOST_RUNS]),
        "cards": cards_for(file, may_change=may_change) if file else [],
        "has_picture": has_picture,
        "aspect": f"{file.width / file.height:.3f}" if file and file.width and file.height else "",
        "solution": None,
        "objects": [],
        "viewer": {"picture": has_picture and may_open, "ended": True, "overlays": None, "cards": None},
    }
    if run is None:
        return context
    steps = {step.key: step for step in run.step_runs.all()}
    products = {product.path: product.blob for product in run.files.select_related("blob")}
    solution = getattr(run, "solution", None)
    solve = steps["solve"].results if "solve" in steps else {}
    address = calls.server_address(request)
    context |= {
        "steps": list(steps.values()),
        "products": products,
        "solution": solution,
        "solve": solve,
        "objects": steps["annotate"].results.get("annotations", []) if "annotate" in steps else [],
        "why": run.why,
        "next_step": words.next_step(run),
        "log": "" if run.job is None or run.state == "done" else jobs.read_log(run.job)[-LOG_SHOWN:],
        "upload_call": calls.nova_upload(address, run.config, reduction.visibility, reduction.name or "frame.fits"),
        "results_call": calls.nova_results(address, run),
        "viewer": {
            "picture": has_picture and may_open,
            "ended": run.ended,
            "overlays": reverse("overlays", args=[reduction.uuid, run.pk]) if "overlays.json" in products else None,
            "cards": solution.wcs_cards if solution else None,
        },
    }
    if solution is not None:
        scale = solution.scale_arcsec / 3600
        context |= {
            "width_deg": solution.width * scale,
            "height_deg": solution.height * scale,
            # Rows of FITS rise on the screen, those of pictures fall.
            "up_deg": _half_turn(solution.orientation_deg + (0 if file is None or file.format == "fits" else 180)),
            "rms_px": solution.rms_arcsec / solution.scale_arcsec,
        }
    if not run.ended and run.job is not None:
        context["place"] = jobs.place_in_queue(run.job)
        context["tables"] = Job.objects.filter(kind=BUILD, state__in=[State.QUEUED, State.RUNNING]).first()
    return context


def _half_turn(degrees: float) -> float:
    """Return an angle in (-180, 180]."""
    return 180 - (180 - degrees) % 360
