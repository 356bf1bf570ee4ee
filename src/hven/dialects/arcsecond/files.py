"""Data files: taken in, listed, searched by header, changed, handed out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.archive.models import DataFile, Dataset
from hven.archive.services import receive
from hven.archive.services.header_values import compared
from hven.archive.services.receive import Delivery
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.base import ArcsecondView, uuid_of, words
from hven.dialects.arcsecond.places import ANY, MANY, ONE
from hven.dialects.rest import JsonBody, client_address, described
from hven.errors import Forbidden, Invalid
from hven.imaging.services.frames import delete_data_file
from hven.storage import services as storage

SANDBOX = "default-src 'none'; sandbox"
MOST_CONDITIONS = 20
_FIELDS = [
    OpenApiParameter(name)
    for name in (
        "dataset", "name", "tags", "observation", "calibration", "date_after", "date_before", "filter", "target_name",
        "image_type", "header.KEYWORD",
    )
]  # fmt: skip


class DataFiles(ArcsecondView):
    """Data files."""

    permission_classes = ()
    parser_classes = (MultiPartParser, FormParser, JsonBody)

    @described(parameters=_FIELDS, responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them, narrowed by dataset, name, tags, time and header cards (``header.FILTER=R``)."""
        rows = narrowed(self.rows(DataFile), request.query_params)
        return self.listed(related(rows), self.wired)

    @described(
        request={
            "multipart/form-data": {"type": "object", "properties": {"dataset": {}, "file": {"format": "binary"}}}
        },
        responses={201: dict[str, Any]},
    )
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Take a file in; whatever it holds, it is kept, and its header is read afterwards."""
        access.need(self.actor, UPLOAD, WRITE)
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("There is no file: send it as the part 'file' of a multipart/form-data request.")
        sent = words(request)
        said = sent.get("dataset")
        if not said:
            raise Invalid("dataset is the uuid of the dataset that takes the file.")
        dataset = self.find(Dataset, uuid=uuid_of(said, "dataset"))
        receive.check_fill(self.actor, dataset)
        delivery = Delivery(
            origin="arcsecond",
            name=file.name or "",
            address=client_address(request) or None,
            is_raw=switch(sent.get("is_raw"), default=True),
            tags=_tags(request),
        )
        blob = storage.put(file, limit=settings.HVEN_MAX_UPLOAD)
        made = receive.receive_file(self.actor, dataset, blob, delivery)
        return Response(self.wired(made), 201)

    def wired(self, one: DataFile) -> dict[str, Any]:
        """Return a file's JSON."""
        return wire.data_file(one, self.request.build_absolute_uri(bytes_address(one)))


class OneDataFile(ArcsecondView):
    """One data file."""

    permission_classes = ()

    @described(responses=ONE)
    def get(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Return it, with every card of its header for ``?header=1``."""
        found = self.find(DataFile, pk=number)
        answer = wire.data_file(found, request.build_absolute_uri(bytes_address(found)))
        if self.asks_for("header") and access.may(self.actor, Verb.OPEN, found):
            answer["header"] = [{"keyword": k, "value": v, "comment": c} for k, v, c in found.cards]
            answer["sources"] = found.meaning.get("sources", {})
        return Response(answer)

    @described(request=ANY, responses=ONE)
    def patch(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Set its tags, and whether it is raw."""
        found = self.find(DataFile, pk=number)
        sent = words(request)
        _check_change(self.actor, found)
        if "tags" in sent:
            tags = sent["tags"].split(",") if isinstance(sent["tags"], str) else sent["tags"]
            if not isinstance(tags, list):
                raise Invalid("tags are a list of texts.")
            receive.set_tags(found, [str(tag) for tag in tags], self.actor)
        if "is_raw" in sent:
            found.is_raw = switch(sent["is_raw"], default=found.is_raw)
            found.save(update_fields=["is_raw", "changed"])
        return Response(wire.data_file(found, request.build_absolute_uri(bytes_address(found))))

    @described(responses={204: None})
    def delete(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Delete it, with all that was made of it."""
        delete_data_file(self.actor, self.find(DataFile, Verb.DELETE, pk=number))
        return Response(status=204)


class DataFileBytes(ArcsecondView):
    """The bytes of a data file."""

    permission_classes = ()

    @described(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: int, subdomain: str = "") -> HttpResponseBase:
        """Return them as they were received."""
        found = self.find(DataFile, Verb.OPEN, pk=number)
        response: StreamingHttpResponse = FileResponse(
            storage.open_blob(found.blob), content_type="application/octet-stream"
        )
        response["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
        response["Content-Length"] = str(found.size)
        response["Content-Security-Policy"] = SANDBOX
        return response


def narrowed(rows: QuerySet[DataFile], query: Any) -> QuerySet[DataFile]:
    """Return the files that an address asks for.

    Raises
    ------
    Invalid
        A value is none, or there are very many conditions.
    """
    plain = {"name": "name", "filter": "filter", "target_name": "object_name", "image_type": "image_type"}
    by_uuid = {"dataset": "dataset__uuid", "observation": "observation__uuid", "calibration": "calibration__uuid"}
    for name, column in plain.items():
        if said := query.get(name, ""):
            rows = rows.filter(**{column: said.replace("\0", "")})
    for name, column in by_uuid.items():
        if said := query.get(name, ""):
            rows = rows.filter(**{column: uuid_of(said, name)})
    for name, lookup, end in (("date_after", "gte", False), ("date_before", "lte", True)):
        if said := query.get(name, ""):
            rows = rows.filter(**{f"middle__{lookup}": _moment(said, name, end=end)})
    for tag in [tag.strip() for tag in query.get("tags", "").split(",") if tag.strip()][:MOST_CONDITIONS]:
        rows = rows.filter(tags__text=tag)
    cards = [(key[7:], value) for key, value in query.items() if key.startswith("header.") and len(key) > 7]
    if len(cards) > MOST_CONDITIONS:
        raise Invalid(f"At most {MOST_CONDITIONS} header cards can be asked for at once.")
    for keyword, value in cards:
        rows = rows.filter(header_values__keyword=keyword.upper()[:20], header_values__text=compared(value))
    return rows


def related(rows: QuerySet[DataFile]) -> QuerySet[DataFile]:
    """Return files with what their JSON needs."""
    return rows.select_related(
        "dataset", "blob", "observation", "calibration", "owner", "observatory"
    ).prefetch_related("tags")


def bytes_address(one: DataFile) -> str:
    """Return where a file's bytes are."""
    return reverse("arcsecond-file", args=[one.pk])


def _check_change(actor: Actor, found: DataFile) -> None:
    """Let who may change a file set its tags, and who brought it with an upload key."""
    if access.may(actor, Verb.CHANGE, found):
        return
    if actor.key is not None and UPLOAD in actor.scopes and actor.user == found.owner:
        return
    raise Forbidden("You may see this file but not change it; ask its owner.")


def _tags(request: Request) -> Sequence[str]:
    """Return the tags of a form: one field with commas, or the field once a tag."""
    data: Any = request.data
    values = data.getlist("tags") if hasattr(data, "getlist") else [data.get("tags") or ""]
    return [tag.strip() for value in values for tag in str(value).split(",") if tag.strip()]


def switch(value: Any, *, default: bool) -> bool:
    """Return a switch that was sent in any case; the default where nothing was."""
    if isinstance(value, bool):
        return value
    if value is None or str(value).strip() == "":
        return default
    return str(value).strip().casefold() in {"true", "1", "yes", "on"}


def _moment(said: str, name: str, *, end: bool) -> datetime:
    try:
        day = parse_date(said)
        if day is not None:
            return datetime.combine(day, time.max if end else time.min, UTC)
        found = parse_datetime(said)
    except ValueError:
        found = None
    if found is None:
        raise Invalid(f"{name} is a day (2026-03-01) or a time in ISO 8601.")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
