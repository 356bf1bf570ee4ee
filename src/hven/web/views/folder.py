"""Files of a reduction's folder for its pages: bytes, pictures, candidates as tables, the mask that people draw."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hven.accounts.access import Verb, may
from hven.errors import HvenError, Invalid, NotFound
from hven.imaging.models import Reduction
from hven.imaging.services import candidates as found_by_steps
from hven.imaging.services import custom_mask, folder, previews, tables
from hven.imaging.steps.workspace import IMAGE
from hven.storage import services as storage
from hven.web.actor import actor_of
from hven.web.csv_list import harmless
from hven.web.errors import page
from hven.web.views.files import guarded, streamed
from hven.web.views.reduce import find_reduction

SHOWN = frozenset({"image/png", "image/jpeg"})  # in the page; all else is a download
WIDEST = 2000  # pixels of a look
REGION_ARCSEC = 5.0
STRIP = ("IMAGE", "TEMPLATE", "CONVOLVED", "DIFF", "FILTERED", "MASK")  # what a row of candidates shows


@page
@require_safe
@never_cache
def file(request: HttpRequest, uuid: UUID, path: str) -> HttpResponseBase:
    """Return a file's bytes."""
    reduction = find_reduction(actor_of(request), uuid)
    row, convert = tables.find_table(reduction, path)
    name = path.rsplit("/", 1)[-1]
    if convert:
        return guarded(HttpResponse(tables.as_votable(row), content_type="application/x-votable+xml"), name)
    return streamed(storage.open_blob(row.blob), row.blob.size, row.media_type, "" if row.media_type in SHOWN else name)


@page
@require_safe
@never_cache
def look(request: HttpRequest, uuid: UUID, path: str) -> HttpResponseBase:
    """Return a picture of a FITS file in the folder."""
    from hven.science.frames.coloured import Look  # noqa: PLC0415 - OpenCV, wanted by few requests

    reduction = find_reduction(actor_of(request), uuid)
    row = folder.find_file(reduction, path)
    said = request.GET
    try:
        wanted = Look(
            width=min(int(said.get("width", 1000)), WIDEST), cmap=said.get("cmap", "gray"),
            stretch=said.get("stretch", "asinh"), low=float(said.get("low", 0.5)), high=float(said.get("high", 99.7)),
        )  # fmt: skip
    except ValueError:
        raise Invalid("Widths and percentiles are numbers.") from None
    content = previews.file_preview(reduction, row, wanted)
    return guarded(HttpResponse(content, content_type="image/jpeg"))


@page
@require_safe
@never_cache
def cutout(request: HttpRequest, uuid: UUID, path: str) -> HttpResponseBase:
    """Return a cutout's planes side by side as a picture."""
    reduction = find_reduction(actor_of(request), uuid)
    planes = STRIP if "strip" in request.GET else ()
    content = previews.cutout_picture(folder.find_file(reduction, path), 1000, "jpeg", 85, planes)
    return guarded(HttpResponse(content, content_type="image/jpeg"))


@page
@require_POST
def judge(request: HttpRequest, uuid: UUID, key: str) -> HttpResponseBase:
    """Accept or reject candidates, or leave them open again."""
    actor = actor_of(request)
    reduction = find_reduction(actor, uuid, Verb.CHANGE)
    names = request.POST.getlist("name")
    word = request.POST.get("word", "")
    found_by_steps.judge(actor, reduction, found_by_steps.source_of(key), names, word)
    if "HX-Request" in request.headers:
        return HttpResponse(status=204)
    return redirect(f"{reverse('reduce', args=[uuid])}#candidates-{key}")


@page
@require_safe
@never_cache
def candidates_as(request: HttpRequest, uuid: UUID, key: str, form: str) -> HttpResponseBase:
    """Return candidates as VOTable, DS9 regions or CSV, all or those of one verdict."""
    reduction = find_reduction(actor_of(request), uuid)
    source = found_by_steps.source_of(key)
    if form not in {"vot", "reg", "csv"}:
        raise NotFound("Candidates come as vot, reg or csv.")
    word = request.GET.get("verdict", "")
    table = found_by_steps.as_table(reduction, source, word)
    name = f"{source.table.removesuffix('.vot')}{'-' + word if word else ''}.{form}"
    if form == "vot":
        content = io.BytesIO()
        table.write(content, format="votable")
        return guarded(HttpResponse(content.getvalue(), content_type="application/x-votable+xml"), name)
    if form == "reg":
        from hven.science.changes.regions import ds9_regions  # noqa: PLC0415 - as above

        if not {"ra", "dec"} <= set(table.colnames):
            raise Invalid(f"{source.table} has no places.")
        names = [found_by_steps.name_of(row, number) for number, row in enumerate(tables.rows_of(table), 1)]
        try:
            regions = ds9_regions(table["ra"], table["dec"], REGION_ARCSEC, names)
        except (TypeError, ValueError):
            raise Invalid(f"{source.table} has places that are no numbers.") from None
        return guarded(HttpResponse(regions, content_type="text/plain; charset=utf-8"), name)
    return guarded(HttpResponse(_csv(table), content_type="text/csv; charset=utf-8"), name)


@page
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mask(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Show the mask's editor; take what was drawn."""
    actor = actor_of(request)
    reduction = find_reduction(actor, uuid)
    frame = request.GET.get("of", IMAGE)
    if frame not in custom_mask.MASKS:
        raise NotFound("Masks are drawn on the frame and on an own template.")
    error = ""
    drawn = custom_mask.read_drawn(reduction, frame)
    if request.method == "POST":
        try:
            drawn = custom_mask.parse(_json(request.POST.get("drawn", "")))
            custom_mask.save_drawn(actor, reduction, drawn, frame)
        except HvenError as problem:
            error = str(problem)
        else:
            return redirect("reduce", uuid=uuid)
    width, height = _size(reduction, frame)
    context = {
        "reduction": reduction,
        "here": "frames",
        "frame": frame,
        "width": width,
        "height": height,
        "drawn": {
            "rectangles": [[one.x1, one.y1, one.x2, one.y2] for one in drawn.rectangles],
            "invert": drawn.invert,
        },
        "error": error,
        "may_change": may(actor, Verb.CHANGE, reduction),
    }
    return render(request, "web/mask.html", context, status=400 if error else 200)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("What was drawn did not come through; draw it again.") from None


def _size(reduction: Reduction, frame: str) -> tuple[int, int]:
    plane = previews.blob_plane(folder.find_file(reduction, frame).blob)
    return plane.width, plane.height


def _csv(table: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.colnames)
    for row in tables.rows_of(table):
        writer.writerow(["" if value is None else harmless(value) for value in row.values()])
    return out.getvalue()
