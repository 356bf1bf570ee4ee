"""What the viewer and the tray ask for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request as ApiRequest
from rest_framework.response import Response

from hven.accounts.access import need, visible
from hven.accounts.actor import UPLOAD, WRITE
from hven.archive import services as archive
from hven.archive.models import DataFile, Submission
from hven.errors import Invalid, Unavailable
from hven.imaging import services as imaging
from hven.imaging.models import Run
from hven.imaging.services.runs import Request
from hven.jobs import services as jobs
from hven.storage import services as storage
from hven.web import calls, hints, words
from hven.web.albums import album_to_fill
from hven.web.api.base import PageView
from hven.web.tiles import pyramid_of
from hven.web.views.files import picture_of

MOST_FOLLOWED = 60


class Upload(PageView):
    """Take one file with what is known about it."""

    parser_classes = (MultiPartParser,)
    status_codes = {Unavailable: 507}

    def post(self, request: ApiRequest) -> Response:
        """File it and ask for its first run."""
        need(self.actor, UPLOAD, WRITE)
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("Choose a file to upload.")
        wanted = Request(
            origin="web",
            name=file.name or "",
            config=hints.read_config(request.POST),
            address=request.META.get("REMOTE_ADDR") or None,
            visibility=_visibility(request),
            dataset=album_to_fill(self.actor, str(request.POST.get("album", ""))),
            licence=archive.Licence(request.POST.get("commercial_use", ""), request.POST.get("modifications", "")),
        )
        submission = imaging.submit_file(self.actor, storage.put(file), wanted)
        return Response(_row(_runs_of(submission).get()), 201)


class Follow(PageView):
    """How the submissions of a tray are getting on."""

    def get(self, request: ApiRequest) -> Response:
        """Return a row for each submission that the address names and the user may see."""
        named = [text for text in request.GET.get("submissions", "").split(",") if text][:MOST_FOLLOWED]
        try:
            uuids = [UUID(text) for text in named]
        except ValueError:
            raise Invalid("submissions is a list of ids with commas between them.") from None
        mine = visible(Submission.objects.filter(uuid__in=uuids), self.actor)
        runs = Run.objects.filter(reduction__submission__in=mine).select_related(
            "job", "solution", "reduction__submission"
        )
        newest = {run.reduction_id: run for run in runs.order_by("id")}
        return Response({"rows": [_row(run) for run in newest.values()]})


class Picture(PageView):
    """The size of a frame's picture and the limits of its brightness."""

    def get(self, request: ApiRequest, uuid: UUID) -> Response:
        """Return what a viewer needs; the tiles are made first, where nobody looked at the frame before."""
        from hven.science.frames.stretch import KINDS, Stretch  # noqa: PLC0415 - OpenCV, wanted by viewers only

        data_file, plane = picture_of(self.actor, uuid, request.GET.get("run", ""))
        pyramid = pyramid_of(data_file, plane)
        curves = {kind: pyramid.curves(Stretch(kind)) for kind in KINDS}
        return Response(
            {
                "width": pyramid.width,
                "height": pyramid.height,
                "tile": pyramid.tile,
                "levels": pyramid.levels,
                "colour": pyramid.colour,
                "flipped": pyramid.flipped,
                "minimum": min(numbers.minimum for numbers in pyramid.numbers),
                "maximum": max(numbers.maximum for numbers in pyramid.numbers),
                "median": pyramid.numbers[0].median,
                "sigma": pyramid.numbers[0].sigma,
                "limits": {kind: [c[0].low, c[0].high] for kind, c in curves.items()},
                "unit": _unit(data_file),
            }
        )


class Value(PageView):
    """The number of one pixel."""

    def get(self, request: ApiRequest, uuid: UUID) -> Response:
        """Return the value at ``x``, ``y``: 0-based pixels of the file; null where a pixel has none."""
        data_file, plane = picture_of(self.actor, uuid, request.GET.get("run", ""))
        try:
            x, y = int(request.GET.get("x", "")), int(request.GET.get("y", ""))
        except ValueError:
            raise Invalid("x and y are whole numbers of pixels.") from None
        return Response({"x": x, "y": y, "value": pyramid_of(data_file, plane).value_at(x, y)})


class Call(PageView):
    """What stands in a form, as an API call."""

    parser_classes = (FormParser, MultiPartParser)

    def post(self, request: ApiRequest) -> Response:
        """Return the commands for the values given."""
        config = hints.read_config(request.POST)
        address = calls.server_address(request._request)  # noqa: SLF001 - the framework's name for Django's request
        return Response({"call": calls.nova_upload(address, config, _visibility(request) or "")})


def _visibility(request: ApiRequest) -> str | None:
    said = request.POST.get("visibility", "")
    if said not in {"", "public", "private"}:
        raise Invalid("A frame is private or public.")
    return said or None


def _runs_of(submission: Submission) -> Any:
    return Run.objects.filter(reduction__submission=submission).select_related("job", "reduction__submission")


def _row(run: Run) -> dict[str, Any]:
    """Return a run as the tray shows it."""
    word, look = words.state_of(run)
    job = run.job
    return {
        "submission": str(run.reduction.submission.uuid) if run.reduction.submission else None,
        "frame": reverse("frame", args=[run.reduction.uuid]),
        "name": run.reduction.name,
        "state": word,
        "look": look,
        "ended": run.ended,
        "progress": job.progress if job else 0.0,
        "message": job.message if job else "",
        "place": jobs.place_in_queue(job) if job and not run.ended else None,
        "why": run.why,
    }


def _unit(data_file: DataFile) -> str:
    """Return the unit of pixels that a header names; ADU where none does, as cameras count."""
    for keyword, value, *_ in data_file.cards:
        if keyword == "BUNIT" and isinstance(value, str) and value.strip():
            return value.strip()[:20]
    return "ADU"
