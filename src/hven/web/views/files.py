"""Bytes of frames: tiles, pictures, tables, originals. Every one asks whether the frame may be opened."""

from __future__ import annotations

from typing import BinaryIO
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.http import require_safe

from hven.accounts.access import Verb, find, may
from hven.accounts.actor import Actor
from hven.archive.models import DataFile
from hven.errors import Invalid, NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, ReductionFile, Run
from hven.storage import services as storage
from hven.storage import signing
from hven.storage.models import Blob
from hven.web.actor import actor_of
from hven.web.errors import page
from hven.web.private import without_position
from hven.web.tiles import pyramid_of

SANDBOX = "default-src 'none'; style-src 'none'; sandbox"
SHOWN = {"image/jpeg", "image/png", "application/json"}  # what a browser may show; all else is saved
PRODUCTS = ("wcs.fits", "corr.fits", "rdls.fits", "axy.fits", "annotated.jpg", "detection.jpg", "preview.jpg")


@page
@require_safe
def tile(request: HttpRequest, uuid: UUID, level: int, x: int, y: int) -> HttpResponseBase:
    """Return one tile of a frame in the stretch that the address names."""
    from hven.web.stretches import stretch_of  # noqa: PLC0415 - OpenCV, wanted by viewers only

    data_file, plane = picture_of(actor_of(request), uuid, request.GET.get("run", ""))
    # Pixels never change; the tag holds what the address says and the version of rendering.
    tag = quote_etag(f"1-{data_file.uuid.hex}-{level}-{x}-{y}-{request.GET.urlencode()}"[:300])
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    content = pyramid_of(data_file, plane).render(level, x, y, stretch_of(request.GET))
    return cached(HttpResponse(content, content_type="image/jpeg"), tag)


@page
@require_safe
def product(request: HttpRequest, uuid: UUID, run: int, path: str) -> HttpResponseBase:
    """Return a product of a run."""
    if path not in PRODUCTS:
        raise NotFound("Runs leave no such file.")
    found = imaging.find_product(run_to_open(actor_of(request), uuid, run), path)
    return _product(request, found, "" if found.media_type in SHOWN else path)


@page
@require_safe
def overlays(request: HttpRequest, uuid: UUID, run: int) -> HttpResponseBase:
    """Return what a viewer draws over the picture."""
    return _product(request, imaging.find_product(run_to_open(actor_of(request), uuid, run), "overlays.json"), "")


@page
@require_safe
def thumbnail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return the small picture of a frame, from the newest run that made one."""
    reduction = find(Reduction.objects.all(), actor_of(request), Verb.OPEN, uuid=uuid)
    found = reduction.files.select_related("blob").filter(path="thumbnail.jpg").order_by("-id").first()
    if found is None:
        raise NotFound("This frame has no picture yet.")
    return _product(request, found, "")


@page
@require_safe
def original(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Return a file as it was received."""
    actor = actor_of(request)
    reduction = find(Reduction.objects.select_related("data_file__blob"), actor, Verb.OPEN, uuid=uuid)
    data_file = reduction.data_file
    if data_file is None:
        raise NotFound("This frame's file has not arrived.")
    stream = storage.open_blob(data_file.blob)
    if not may(actor, Verb.CHANGE, reduction):
        with stream:
            cut = without_position(stream, data_file.format)
        if cut is not None:
            return guarded(HttpResponse(cut, content_type="application/octet-stream"), data_file.name)
        stream = storage.open_blob(data_file.blob)
    return streamed(stream, data_file.blob.size, "application/octet-stream", data_file.name)


@page
@require_safe
def solved(request: HttpRequest, uuid: UUID, run: int) -> HttpResponseBase:
    """Return the frame's pixels as FITS with the solution in the header."""
    found = run_to_open(actor_of(request), uuid, run)
    path = imaging.solved_frame(found)
    stream, size = path.open("rb"), path.stat().st_size
    path.unlink()  # the open file stays readable, and is gone with the answer
    stem = found.reduction.name.rsplit(".", 1)[0] or "frame"
    return streamed(stream, size, "application/fits", f"{stem}-solved.fits")


@page
@require_safe
def blob(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return bytes to whoever holds a signed address."""
    allowed = signing.read_get(token)
    found = Blob.objects.filter(sha256=allowed.sha256).first()
    if found is None:
        raise NotFound("These bytes are gone.")
    return streamed(storage.open_blob(found), found.size, allowed.content_type, allowed.filename)


def picture_of(actor: Actor, uuid: UUID, run: str = "") -> tuple[DataFile, str]:
    """Return the data file of a frame whose pixels the actor may open, and the plane of it that a run took."""
    reduction = find(Reduction.objects.select_related("data_file__blob"), actor, Verb.OPEN, uuid=uuid)
    if reduction.data_file is None:
        raise NotFound("This frame's file has not arrived.")
    if not run:
        return reduction.data_file, ""
    numbered = run.isascii() and run.isdigit() and len(run) < 19
    found = reduction.runs.filter(pk=int(run)).first() if numbered else None
    if found is None:
        raise NotFound("This frame has no such run.")
    return reduction.data_file, found.config.get("plane") or ""


def guarded(response: HttpResponseBase, filename: str = "") -> HttpResponseBase:
    """Keep what users sent from acting as a page of this site."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = SANDBOX
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    if filename:
        response["Content-Disposition"] = (
            content_disposition_header(as_attachment=True, filename=filename) or "attachment"
        )
    return response


def run_to_open(actor: Actor, uuid: UUID, number: int, *, change: bool = False) -> Run:
    """Return a run of a frame that the actor may open, and change where that is asked."""
    if number >= 2**63:
        raise Invalid("There is no run of that number.")
    related = ("reduction__data_file__blob", "solution", "job")
    verb = Verb.CHANGE if change else Verb.OPEN
    return find(Run.objects.select_related(*related), actor, verb, "reduction", reduction__uuid=uuid, pk=number)


def _product(request: HttpRequest, found: ReductionFile, filename: str) -> HttpResponseBase:
    tag = quote_etag(found.blob.sha256)
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    stream = storage.open_blob(found.blob)
    return cached(streamed(stream, found.blob.size, found.media_type, filename), tag)


def streamed(stream: BinaryIO, size: int, media_type: str, filename: str) -> HttpResponseBase:
    """Send bytes piece by piece, as a download where a name is given."""
    response = FileResponse(stream, content_type=media_type)
    response["Content-Length"] = str(size)
    return guarded(response, filename)


def cached(response: HttpResponseBase, tag: str) -> HttpResponseBase:
    """Let a browser keep an answer for a day."""
    # By this browser only, and asked again each day: who may open a frame can change.
    response["Cache-Control"] = "private, max-age=86400"
    response["ETag"] = tag
    response["Vary"] = "Cookie"
    return guarded(response)
