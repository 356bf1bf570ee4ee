"""The files that nova's clients fetch: headers, tables, logs."""

from __future__ import annotations

import io
from typing import BinaryIO

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from hven.accounts import access
from hven.archive.models import Submission
from hven.dialects.nova import auth
from hven.dialects.nova.command import solve_field
from hven.dialects.nova.errors import View, file_call
from hven.dialects.nova.views import find_run, record_id
from hven.errors import NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Reduction
from hven.jobs import services as jobs
from hven.storage import services as storage

FITS = "application/fits"
KMZ = "application/vnd.google-earth.kmz"
TEXT = "text/plain; charset=utf-8"
_TRACE = "Traceback (most recent call last)"


def product(path: str, filename: str) -> View:
    """Return a view that serves one product of a job as FITS, and a table as text with ``?format=csv``.

    Parameters
    ----------
    path
        The product's path within its run.
    filename
        Under which it is saved.
    """

    @file_call
    def view(request: HttpRequest, number: str) -> HttpResponseBase:
        found = imaging.find_product(find_run(number), path)
        stream = storage.open_blob(found.blob)
        if _wants_csv(request) and path != "wcs.fits":
            with stream:
                return _csv(stream, filename)
        return answer(stream, found.blob.size, FITS, filename)

    return view


@file_call
def image_rd_file(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve the detected sources with their places in the sky."""
    content = imaging.placed_sources(find_run(number))
    stream = io.BytesIO(content)
    return _csv(stream, "image-radec.fits") if _wants_csv(request) else _bytes(content, FITS, "image-radec.fits")


@file_call
def new_fits_file(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve the frame's pixels with the solution in their header."""
    run = find_run(number)
    auth.check_pixels(request, run.reduction)
    path = imaging.solved_frame(run)
    stream = path.open("rb")
    size = path.stat().st_size
    path.unlink()  # the open file stays readable, and is gone with the answer
    return answer(stream, size, FITS, "new-image.fits")


@file_call
def new_header_file(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve the frame's header with the solution in it, without pixels; as guarded as these, for what it may tell."""
    run = find_run(number)
    auth.check_pixels(request, run.reduction)
    return _bytes(imaging.solved_header(run), FITS, "new-header.fits")


@file_call
def kml_file(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve the frame's outline and picture for sky viewers."""
    run = find_run(number)
    auth.check_pixels(request, run.reduction)
    return _bytes(imaging.sky_overlay(run), KMZ, "image.kmz")


@file_call
def job_log(request: HttpRequest, number: str) -> HttpResponse:
    """Serve what a job's steps said, and the solve-field command that asks the same."""
    run = find_run(number)
    lines = [f"Job {run.pk}: {run.state.value}", *([run.why] if run.why else [])]
    lines += ["", "The same asked of solve-field:", solve_field(run.config, run.reduction.name)]
    for step in run.step_runs.all():
        lines += ["", f"[{step.key}] {step.state}", step.log.rstrip()]
    return HttpResponse("\n".join(lines) + "\n", content_type=TEXT)


@file_call
def worker_log(request: HttpRequest, number: str) -> HttpResponse:
    """Serve the log of the process that carried a job out."""
    run = find_run(number)
    text = jobs.read_log(run.job) if run.job is not None else ""
    if not access.may(auth.page_actor(request), access.Verb.OPEN, run.reduction):
        text = text.partition(_TRACE)[0]  # a fault's trace tells of the server
    return HttpResponse(text or f"Nothing was logged for job {run.pk}.\n", content_type=TEXT)


@file_call
def submission_page(request: HttpRequest, number: str) -> HttpResponseBase:
    """Go to the page of a submission's first frame."""
    record = Submission.objects.filter(pk=record_id(number)).first()
    first = record.reductions.order_by("id").first() if record is not None else None
    if first is None:
        raise NotFound(f"There is no submission {number}.")
    return _page(first)


@file_call
def image_page(request: HttpRequest, number: str) -> HttpResponseBase:
    """Go to the page of a frame."""
    found = Reduction.objects.filter(pk=record_id(number)).first()
    if found is None:
        raise NotFound(f"There is no image {number}.")
    return _page(found)


def answer(stream: BinaryIO, size: int, media_type: str, filename: str) -> FileResponse:
    """Return a file; with a name it is saved, without one shown."""
    response = FileResponse(stream, as_attachment=bool(filename), filename=filename, content_type=media_type)
    response["Content-Length"] = str(size)
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _bytes(content: bytes, media_type: str, filename: str) -> FileResponse:
    return answer(io.BytesIO(content), len(content), media_type, filename)


def _wants_csv(request: HttpRequest) -> bool:
    return auth.query(request).get("format", "").lower() in {"csv", "text"}


def _csv(stream: BinaryIO, filename: str) -> FileResponse:
    from hven.science.stars.tables import as_csv  # noqa: PLC0415 - astropy, wanted by few requests

    content = as_csv(stream).encode()
    return _bytes(content, "text/csv; charset=utf-8", filename.replace(".fits", ".csv"))


def _page(reduction: Reduction) -> HttpResponseRedirect:
    # Pages stand under the server's own name, which a dialect's host is not.
    page = reverse("frame", args=[reduction.uuid], urlconf=settings.ROOT_URLCONF)
    return HttpResponseRedirect(f"{settings.HVEN_PUBLIC_URL.rstrip('/')}{page}")


wcs_file = product("wcs.fits", "wcs.fits")
rdls_file = product("rdls.fits", "rdls.fits")
axy_file = product("axy.fits", "axy.fits")
corr_file = product("corr.fits", "corr.fits")
