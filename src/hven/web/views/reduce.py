"""The page on which a frame is reduced step by step, and what can be done there."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.accounts.access import Verb, find, may
from hven.accounts.actor import Actor
from hven.errors import HvenError, Invalid
from hven.imaging.models import Preset, Reduction, Run
from hven.imaging.services import candidates as found_by_steps
from hven.imaging.services import folder, preprocess, reductions
from hven.imaging.services.candidates import SOURCES
from hven.storage import services as storage
from hven.web import calls, steps
from hven.web.actor import actor_of
from hven.web.errors import page

# What can be looked at in turn, by the file in the folder.
LOOKS = (
    ("image.fits", "frame"),
    ("mask.fits", "mask"),
    ("filtered.fits", "without stars"),
    ("segmentation.fits", "segments"),
    ("sub_image.fits", "frame, cut"),
    ("sub_template.fits", "template"),
    ("sub_conv.fits", "template, matched"),
    ("sub_diff.fits", "difference"),
    ("sub_sdiff.fits", "difference in deviations"),
    ("custom_template.fits", "own template"),
    ("custom_mask.fits", "own mask"),
)
FIGURES = (
    ("zp", "Zero point", "mag", 3),
    ("color_term", "Colour term", "", 4),
    ("fwhm", "Width of stars", "px", 2),
    ("mag_limit", "Limit", "mag", 2),
)
CHANGES = ("fix", "crop", "destripe", "reset")
UPLOADS = ("custom_mask.fits", "custom_template.fits", "custom_template_mask.fits")


@page
@require_safe
@never_cache
def reduce(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show a frame's steps."""
    return show(request, find_reduction(actor_of(request), uuid))


@page
@require_safe
@never_cache
def panel(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return the cards, for the page to put in while a run is under way."""
    actor = actor_of(request)
    return render(request, "web/parts/steps.html", _context(request, actor, find_reduction(actor, uuid)))


@page
@require_POST
def process(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Ask for steps to be done, with what stands in a card's form."""
    actor = actor_of(request)
    reduction = find_reduction(actor, uuid, Verb.CHANGE)
    names = request.POST.getlist("steps")
    names = names[0].split(",") if len(names) == 1 else names
    try:
        changed = steps.read_form(names[:1], request.POST, reduction.config)
        reductions.process(actor, reduction, names, changed)
    except HvenError as error:
        return show(request, reduction, {"error": str(error)}, typed=request.POST.dict(), status=400)
    return redirect("reduce", uuid=uuid)


@page
@require_POST
def cancel(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Stop what waits or is under way."""
    actor = actor_of(request)
    reductions.cancel_reduction(actor, find_reduction(actor, uuid, Verb.CHANGE))
    return redirect("reduce", uuid=uuid)


@page
@require_POST
def configure(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Replace the configuration by what was typed, or lay a preset over it."""
    actor = actor_of(request)
    reduction = find_reduction(actor, uuid, Verb.CHANGE)
    text = request.POST.get("config", "")
    try:
        if request.POST.get("preset"):
            preset = Preset.objects.filter(pk=_number(request.POST["preset"]) or 0).first()
            if preset is None:
                raise Invalid("There is no such preset.")
            config = {**reduction.config, **preset.config}
            for file in preset.files.select_related("blob"):
                folder.put_file(actor, reduction, file.path, file.blob)
        else:
            config = json.loads(text)
            if not isinstance(config, dict):
                raise Invalid("The configuration is a JSON object.")
        reductions.set_up(actor, reduction, config=config, title=request.POST.get("title"))
    except (HvenError, ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, HvenError) else f"That is no JSON: {error}."
        return show(request, reduction, {"error": said, "config_text": text}, status=400)
    messages.success(request, "The configuration is set.")
    return redirect("reduce", uuid=uuid)


@page
@require_POST
def change(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Mend the header, cut, take stripes off, or go back to what was received."""
    actor = actor_of(request)
    reduction = find_reduction(actor, uuid, Verb.CHANGE)
    what = request.POST.get("what", "")
    try:
        if what == "fix":
            for line in preprocess.fix_header(actor, reduction):
                messages.success(request, line)
        elif what == "crop":
            corners = {name: _number(request.POST.get(name, "")) for name in ("x1", "y1", "x2", "y2")}
            preprocess.crop(actor, reduction, corners)
            messages.success(request, "The frame is cut. Run inspect again: masks and tables are still the old ones.")
        elif what == "destripe":
            preprocess.destripe(actor, reduction, request.POST.get("direction", "both"))
            messages.success(request, "Stripes are taken off. Run inspect again.")
        elif what == "reset":
            preprocess.reset(actor, reduction)
            messages.success(request, "The frame is as it was received.")
        elif what == "duplicate":
            copy = reductions.duplicate_reduction(actor, reduction)
            messages.success(request, "This is the copy.")
            return redirect("reduce", uuid=copy.uuid)
        else:
            raise Invalid(f"What can be done with a frame is {', '.join(CHANGES)}.")
    except HvenError as error:
        return show(request, reduction, {"error": str(error)}, status=400)
    return redirect("reduce", uuid=uuid)


@page
@require_POST
def upload(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Lay a mask or a template into the folder, or take one away."""
    actor = actor_of(request)
    reduction = find_reduction(actor, uuid, Verb.CHANGE)
    path = request.POST.get("path", "")
    try:
        if request.POST.get("remove"):
            folder.delete_file(actor, reduction, path)
            return redirect("reduce", uuid=uuid)
        if path not in UPLOADS:
            raise Invalid(f"Files to be laid here are {', '.join(UPLOADS)}.")
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("Choose a file.")
        folder.check_idle(reduction)
        folder.put_file(actor, reduction, path, storage.put(file, limit=settings.HVEN_MAX_UPLOAD))
    except HvenError as error:
        return show(request, reduction, {"error": str(error)}, status=400)
    messages.success(request, f"{path} lies in the folder.")
    return redirect("reduce", uuid=uuid)


def find_reduction(actor: Actor, uuid: UUID, verb: Verb = Verb.OPEN) -> Reduction:
    """Return a reduction with what its page needs."""
    rows = Reduction.objects.select_related("data_file__blob", "owner", "latest_run__job", "solution")
    return find(rows, actor, verb, uuid=uuid)


def show(
    request: HttpRequest,
    reduction: Reduction,
    more: dict[str, Any] | None = None,
    *,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the page of a reduction that the asker may open."""
    context = _context(request, actor_of(request), reduction, typed)
    return render(request, "web/reduce.html", context | (more or {}), status=status)


def _context(
    request: HttpRequest, actor: Actor, reduction: Reduction, typed: dict[str, str] | None = None
) -> dict[str, Any]:
    run: Run | None = reduction.latest_run
    active = run is not None and not run.ended
    may_change = may(actor, Verb.CHANGE, reduction)
    rows = folder.current(reduction)
    paths = {row.path for row in rows}
    config = reduction.config
    figures = [
        {"title": title, "value": float(config[key]), "unit": unit, "digits": digits, "error": config.get(f"{key}_err")}
        for key, title, unit, digits in FIGURES
        if isinstance(config.get(key), int | float)
    ]
    return {
        "reduction": reduction,
        "here": "frames",
        "run": run,
        "active": active,
        "why": "" if run is None or active or not reduction.stage.endswith("failed") else run.why,
        "cards": steps.cards(reduction, run, typed),
        "may_change": may_change,
        "figures": figures,
        "filter": config.get("filter") or "",
        "system": config.get("mag_system") or "",
        "looks": [(path, words) for path, words in LOOKS if path in paths],
        "listing": folder.listing(reduction),
        "uploads": [(path, path in paths) for path in UPLOADS],
        "changed": "image.orig.fits" in paths,
        "config_text": json.dumps(config, indent=1, ensure_ascii=False),
        "presets": Preset.objects.all() if may_change else (),
        "lists": _lists(reduction),
        "shared": [one.name for one in reductions.shared_with(reduction)],
        "targets": config.get("targets") if isinstance(config.get("targets"), list) else [],
        "calls": calls.stdweb_calls(calls.server_address(request), reduction),
    }


def _lists(reduction: Reduction) -> list[dict[str, Any]]:
    lists = []
    for source in SOURCES:
        try:
            rows = found_by_steps.candidates(reduction, source)
        except Invalid:  # somebody laid another file there
            lists.append({"source": source, "rows": [], "open": 0, "unreadable": True})
            continue
        if rows is not None:
            lists.append({"source": source, "rows": rows, "open": sum(one.word == "open" for one in rows)})
    return lists


def _number(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise Invalid("Pixels are whole numbers.") from None


def page_of(reduction: Reduction) -> str:
    """Return the address of a reduction's page."""
    return reverse("reduce", args=[reduction.uuid])
