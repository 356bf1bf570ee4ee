"""The files that nova's clients fetch: headers, tables, pictures."""

from __future__ import annotations

from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

from hven.dialects.nova import auth
from hven.dialects.nova.errors import View, file_call
from hven.dialects.nova.views import find_run
from hven.imaging import services as imaging
from hven.storage import services as storage


def product(path: str, media_type: str, filename: str = "", *, pixels: bool = False) -> View:
    """Return a view that serves one product of a job.

    Parameters
    ----------
    path
        The product's path within its run.
    media_type
        The exact Content-Type: clients compare it, so it takes no parameters.
    filename
        Under which it is saved; empty for pictures, which are shown.
    pixels
        Whether it shows the frame itself, which the frame's grants guard.
    """

    @file_call
    def view(request: HttpRequest, number: str) -> HttpResponseBase:
        run = find_run(number)
        if pixels:
            auth.check_pixels(request, run)
        found = imaging.find_product(run, path)
        return _file(storage.open_blob(found.blob), found.blob.size, media_type, filename)

    return view


@file_call
def new_fits_file(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve the frame's pixels with the solution in their header."""
    run = find_run(number)
    auth.check_pixels(request, run)
    path = imaging.solved_frame(run)
    stream = path.open("rb")
    size = path.stat().st_size
    path.unlink()  # the open file stays readable, and is gone with the answer
    return _file(stream, size, "application/fits", "new-image.fits")


@file_call
def job_log(request: HttpRequest, number: str) -> HttpResponse:
    """Serve what a job's steps said, as text."""
    run = find_run(number)
    lines = [f"Job {run.pk}: {run.state.value}", *([run.why] if run.why else [])]
    for step in run.step_runs.all():
        lines += ["", f"[{step.key}] {step.state}", step.log.rstrip()]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


def _file(stream: BinaryIO, size: int, media_type: str, filename: str) -> FileResponse:
    response = FileResponse(stream, as_attachment=bool(filename), filename=filename, content_type=media_type)
    response["Content-Length"] = str(size)
    response["X-Content-Type-Options"] = "nosniff"
    return response


wcs_file = product("wcs.fits", "application/fits", "wcs.fits")
rdls_file = product("rdls.fits", "application/fits", "rdls.fits")
axy_file = product("axy.fits", "application/fits", "axy.fits")
corr_file = product("corr.fits", "application/fits", "corr.fits")
annotated_display = product("annotated.jpg", "image/jpeg", pixels=True)
