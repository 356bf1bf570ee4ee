"""STDWeb's files: those of a task with previews and cutouts, and those of the folder for local files."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.accounts.actor import READ
from hven.dialects.rest import described
from hven.dialects.stdweb import wire, words
from hven.dialects.stdweb.base import StdwebView
from hven.dialects.stdweb.serializers import FilePart
from hven.dialects.stdweb.tasks import find_task
from hven.errors import Invalid, NotFound
from hven.imaging.services import folder, local_files, previews, tables
from hven.imaging.steps.workspace import checked_path, media_type
from hven.storage import services as storage

CHUNK = 1 << 20
# A page that somebody uploaded must not run as one of this site's.
SANDBOX = "default-src 'none'; sandbox"
_BYTES = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
_PICTURE = {(200, "image/jpeg"): OpenApiTypes.BINARY}
_LOOK = [
    OpenApiParameter("width", int),
    OpenApiParameter("format", enum=["jpeg", "png"]),
    OpenApiParameter("quality", int),
    OpenApiParameter("ext", int),
    OpenApiParameter("cmap"),
    OpenApiParameter("stretch", enum=["linear", "log", "sqrt", "asinh"]),
    OpenApiParameter("qmin", float),
    OpenApiParameter("qmax", float),
    OpenApiParameter("r0", float),
]


class TaskFiles(StdwebView):
    """The files of a task."""

    @described(responses={200: list[dict[str, Any]]})
    def get(self, request: Request, number: int) -> Response:
        """List what lies at the top."""
        task = find_task(self.actor, number, Verb.OPEN)
        return Response([wire.entry(one) for one in folder.listing(task)])


class TaskFile(StdwebView):
    """One file of a task."""

    parser_classes = (MultiPartParser, FormParser)

    @described(responses=_BYTES)
    def get(self, request: Request, number: int, path: str) -> HttpResponseBase:
        """Return its bytes."""
        task = find_task(self.actor, number, Verb.OPEN)
        row, convert = tables.find_table(task, _known(path))
        if convert:
            content = tables.as_votable(row)
            return _attachment(io.BytesIO(content), path, len(content))
        return _attachment(storage.open_blob(row.blob), row.path, row.blob.size)

    @described(request=FilePart, responses={201: dict[str, Any]})
    def post(self, request: Request, number: int, path: str) -> Response:
        """Put a file there, in place of one of that path."""
        task = find_task(self.actor, number, Verb.CHANGE)
        path = checked_path(path)
        folder.check_idle(task)
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("No file provided")
        row = folder.put_file(self.actor, task, path, storage.put(file, limit=settings.HVEN_MAX_UPLOAD))
        return Response({"path": row.path, "size": row.blob.size}, 201)

    @described(responses={204: None})
    def delete(self, request: Request, number: int, path: str) -> Response:
        """Take a file, or a folder with all in it, away."""
        folder.delete_file(self.actor, find_task(self.actor, number, Verb.CHANGE), _known(path.strip("/")))
        return Response(status=204)


class Preview(StdwebView):
    """A picture of a FITS file of a task."""

    @described(parameters=_LOOK, responses=_PICTURE)
    def get(self, request: Request, number: int, path: str) -> HttpResponseBase:
        """Return it in false colours, as the query says."""
        task = find_task(self.actor, number, Verb.OPEN)
        row = folder.find_file(task, _known(path))
        look, plane = words.look(request.query_params)
        return _picture(previews.file_preview(task, row, look, plane), look.form)


class Cutout(StdwebView):
    """A picture of a cutout's planes side by side."""

    @described(parameters=_LOOK[:3], responses=_PICTURE)
    def get(self, request: Request, number: int, path: str) -> HttpResponseBase:
        """Return it."""
        task = find_task(self.actor, number, Verb.OPEN)
        row = folder.find_file(task, _known(path))
        query = request.query_params
        form = words.form(query)
        width, quality = int(words.number(query, "width", 800)), int(words.number(query, "quality", 80))
        return _picture(previews.cutout_picture(row, width, form, quality), form)


class LocalFiles(StdwebView):
    """The folder for local files: listings, and files to take away."""

    @described(responses={200: list[dict[str, Any]]})
    def get(self, request: Request, path: str = "") -> HttpResponseBase:
        """List a folder, or return a file's bytes."""
        access.need(self.actor, READ)
        found = local_files.find(path.rstrip("/"))
        if found.is_dir():
            return Response([wire.entry(one) for one in local_files.listing(path.rstrip("/"))])
        if not found.is_file():
            raise NotFound("Invalid path")
        return _attachment(local_files.open_file(found), path, found.stat().st_size)


class LocalPreview(StdwebView):
    """A picture of a FITS file of the folder for local files."""

    @described(parameters=_LOOK, responses=_PICTURE)
    def get(self, request: Request, path: str) -> HttpResponseBase:
        """Return it in false colours, as the query says."""
        access.need(self.actor, READ)
        found = local_files.find(path)
        if not found.is_file():
            raise NotFound("Invalid path")
        look, plane = words.look(request.query_params)
        return _picture(previews.path_preview(found, look, plane), look.form)


def _known(path: str) -> str:
    """Return a path in the form in which files are kept; NotFound where none could be."""
    try:
        return checked_path(path)
    except Invalid:
        raise NotFound("File not found") from None


def _attachment(stream: Any, path: str, size: int) -> HttpResponseBase:
    name = PurePosixPath(path).name
    response: StreamingHttpResponse = FileResponse(stream, content_type=media_type(path))
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Content-Length"] = str(size)
    response["Content-Security-Policy"] = SANDBOX
    return response


def _picture(content: bytes, form: str) -> HttpResponse:
    response = HttpResponse(content, content_type=f"image/{form}")
    response["Cache-Control"] = "private, no-cache"
    return response
