"""Downloads that are made when somebody asks: pictures in full size, headers, maps for sky viewers, tables as text.

Pictures are made one at a time for the whole server (`imaging.services.pictures`); who waits too long is told so.
"""

from __future__ import annotations

import io
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from hven.errors import NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Run
from hven.storage import services as storage
from hven.web.actor import actor_of
from hven.web.errors import page
from hven.web.views.files import guarded, run_to_open

PICTURES = ("annotated", "grid", "red-green", "extraction", "plain")
SIZES = {"display": False, "full": True}
TABLES = {"corr": "corr.fits", "rdls": "rdls.fits", "axy": "axy.fits"}


@page
@require_safe
def picture(request: HttpRequest, uuid: UUID, run: int, kind: str, size: str) -> HttpResponseBase:
    """Return a picture of a run's frame."""
    if kind not in PICTURES or size not in SIZES:
        raise NotFound("There is no such picture.")
    found = run_to_open(actor_of(request), uuid, run)
    content, media_type = imaging.picture(found, kind, full=SIZES[size])
    name = f"{_stem(found)}-{kind}{'' if size == 'full' else '-small'}.{media_type.rsplit('/', 1)[1]}"
    return _saved(content, media_type, name.replace(".jpeg", ".jpg"))


@page
@require_safe
def header(request: HttpRequest, uuid: UUID, run: int) -> HttpResponseBase:
    """Return the frame's own header with the solution in it; for those who may change the frame.

    Others get the pixels with the solution, or the projection alone: a whole header may tell where it was taken.
    """
    found = run_to_open(actor_of(request), uuid, run, change=True)
    return _saved(imaging.solved_header(found), "application/fits", f"{_stem(found)}-header.fits")


@page
@require_safe
def kmz(request: HttpRequest, uuid: UUID, run: int) -> HttpResponseBase:
    """Return the frame's outline and picture for sky viewers."""
    found = run_to_open(actor_of(request), uuid, run)
    return _saved(imaging.sky_overlay(found), "application/vnd.google-earth.kmz", f"{_stem(found)}.kmz")


@page
@require_safe
def table_csv(request: HttpRequest, uuid: UUID, run: int, table: str) -> HttpResponseBase:
    """Return a table of a run as text."""
    from hven.science.stars.tables import as_csv  # noqa: PLC0415 - astropy, wanted by few requests

    if table not in TABLES:
        raise NotFound("Runs leave no such table.")
    found = run_to_open(actor_of(request), uuid, run)
    with storage.open_blob(imaging.find_product(found, TABLES[table]).blob) as stream:
        return _saved(as_csv(stream).encode(), "text/csv; charset=utf-8", f"{_stem(found)}-{table}.csv")


@page
@require_safe
def sources_csv(request: HttpRequest, uuid: UUID, run: int) -> HttpResponseBase:
    """Return the detected sources with their places in the sky as text."""
    from hven.science.stars.tables import as_csv  # noqa: PLC0415 - as above

    found = run_to_open(actor_of(request), uuid, run)
    content = as_csv(io.BytesIO(imaging.placed_sources(found))).encode()
    return _saved(content, "text/csv; charset=utf-8", f"{_stem(found)}-sources.csv")


def _stem(run: Run) -> str:
    return run.reduction.name.rsplit(".", 1)[0] or "frame"


def _saved(content: bytes, media_type: str, name: str) -> HttpResponseBase:
    response = HttpResponse(content, content_type=media_type)
    response["Cache-Control"] = "private, no-cache"
    return guarded(response, name)
