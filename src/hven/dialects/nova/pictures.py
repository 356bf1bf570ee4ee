"""The pictures that nova's clients fetch: of a job's frame, of the sky around it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from hven.dialects.nova import auth
from hven.dialects.nova.errors import View, file_call
from hven.dialects.nova.files import answer
from hven.dialects.nova.views import find_run, record_id
from hven.errors import NotFound
from hven.imaging import services as imaging
from hven.imaging.models import Reduction, Solution
from hven.storage import services as storage


def picture(kind: str) -> View:
    """Return a view of one kind of picture of a job's frame, in the size that the address names."""

    @file_call
    def view(request: HttpRequest, size: str, number: str) -> HttpResponseBase:
        run = find_run(number)
        auth.check_pixels(request, run.reduction)
        return _shown(*imaging.picture(run, kind, full=size == "full"))

    return view


@file_call
def image(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve an image as a JPEG of its full size, whatever it was: nothing that a camera hid in it goes along."""
    found = _reduction(request, number)
    runs = found.runs.select_related("job", "reduction__data_file").order_by("-id")
    ended = next((run for run in runs if run.ended), None)
    if ended is None:
        raise NotFound("There is no picture of this image yet.")
    return _shown(*imaging.picture(ended, "plain", full=True))


@file_call
def thumbnail(request: HttpRequest, number: str) -> HttpResponseBase:
    """Serve the small picture of an image."""
    found = imaging.thumbnail(_reduction(request, number))
    return answer(storage.open_blob(found.blob), found.blob.size, found.media_type, "")


@file_call
def sky_plot(request: HttpRequest, zoom: str, number: str) -> HttpResponseBase:
    """Serve a map of the sky with the field of a calibration; where it lies anyone may know."""
    solution = Solution.objects.filter(pk=record_id(number)).first()
    if solution is None:
        raise NotFound(f"There is no calibration {number}.")
    return _shown(imaging.sky_map(solution, int(zoom)), "image/png")


@file_call
def other_survey(request: HttpRequest, number: str) -> HttpResponseBase:
    """Say that pictures of other surveys are not to be had here."""
    raise NotFound("hven shows no pictures of other surveys: it holds none and asks no other server for them.")


def _reduction(request: HttpRequest, number: str) -> Reduction:
    """Return the first frame made of an image that the asker may have."""
    found = Reduction.objects.filter(data_file=record_id(number)).order_by("id").first()
    if found is None:
        raise NotFound(f"There is no image {number}.")
    auth.check_pixels(request, found)
    return found


def _shown(content: bytes, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["X-Content-Type-Options"] = "nosniff"
    return response


annotated = picture("annotated")
grid = picture("grid")
red_green = picture("red-green")
extraction = picture("extraction")
