"""Data files: taken in, listed, searched by header, changed, handed out."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime, time
from functools import cached_property, wraps
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.accounts.actor import UPLOAD, Actor
from hven.archive.models import Calibration, DataFile, Dataset, Observation
from hven.archive.services import receive
from hven.archive.services.handing_out import bytes_for
from hven.archive.services.search import MOST_CARDS, FilesWanted, count_up_to, narrow
from hven.dialects.arcsecond.base import ArcsecondView, Pages, uuid_of, words
from hven.dialects.arcsecond.places import ANY, MANY, ONE
from hven.dialects.arcsecond.taking_in import form_of, here, short_way, switch, take_in, wired
from hven.dialects.rest import JsonBody, described
from hven.errors import Forbidden, Invalid
from hven.imaging.services.frames import delete_data_file
from hven.science.frames.whereabouts import tells_place
from hven.science.sky.discs import Cone
from hven.storage import services as storage

SANDBOX = "default-src 'none'; sandbox"
_LAST_PAGE = 10**9  # databases know no larger offsets
MOST_COUNTED = 10_000  # files of a list; of a longer one the pages say only that there are more
_FIELDS = [
    OpenApiParameter(name)
    for name in (
        "dataset", "name", "tags", "observation", "calibration", "date_after", "date_before", "filter", "target_name",
        "image_type", "header.KEYWORD", "search", "ra", "dec", "radius",
    )
]  # fmt: skip


class Counted(Paginator):  # type: ignore[type-arg] # generic in the stubs only
    """Pages of a list that may be very long: counting all of it for each page would take longer than the page."""

    @cached_property
    def count(self) -> int:
        """How many there are, up to one more than are counted."""
        return count_up_to(self.object_list, MOST_COUNTED + 1)  # type: ignore[arg-type] # always a query

    def page(self, number: int | str) -> Any:
        """Return a page; beyond what was counted the rows themselves say whether another one follows."""
        if self.count > MOST_COUNTED and str(number).isdecimal() and 0 < int(number) < _LAST_PAGE:
            first = (int(number) - 1) * self.per_page
            rows = list(self.object_list[first : first + self.per_page + 1])
            if rows:
                self.count = max(self.count, first + len(rows))
                return Page(rows[: self.per_page], int(number), self)
        return super().page(number)


class FilePages(Pages):
    """Pages of data files."""

    django_paginator_class = Counted

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return a page of files with what their JSON needs.

        That is looked up for the page alone: together with the conditions, databases begin at whatever is rarest.
        """
        found: list[int] = super().paginate_queryset(queryset.values_list("pk", flat=True), request, view) or []
        files = related(DataFile.objects.all()).in_bulk(list(found))
        return [files[pk] for pk in found if pk in files]


class DataFiles(ArcsecondView):
    """Data files."""

    pages = FilePages
    permission_classes = ()
    parser_classes = (MultiPartParser, FormParser, JsonBody)

    @described(parameters=_FIELDS, responses=MANY)
    def get(self, request: Request, subdomain: str = "") -> HttpResponseBase:
        """List them, narrowed by dataset, name, tags, time, header cards (``header.FILTER=R``), words, and place."""
        rows = narrowed(self.rows(DataFile), request.query_params)
        if any(name.startswith("header.") and tells_place(name[7:]) for name in request.query_params):
            # Where on the ground a file was taken is found by those alone who read it there.
            user = self.actor.user
            rows = rows.none() if user is None else access.visible(rows, Actor.of(user), Verb.CHANGE)
        return self.listed(related(rows), self.wired)

    @described(
        request={
            "multipart/form-data": {"type": "object", "properties": {"dataset": {}, "file": {"format": "binary"}}}
        },
        responses={201: dict[str, Any]},
    )
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Take a file in; whatever it holds, it is kept, and its header is read afterwards."""
        plain: HttpRequest = request._request  # noqa: SLF001 - the framework's name for Django's request
        data, files = form_of(plain) or (request.data, request.FILES)
        return Response(self.wired(take_in(self.actor, self.observatory, data, files)), 201)

    @classmethod
    def as_view(cls, **words: Any) -> Any:
        """Return the view, with the short way for what uploads mostly are."""
        whole = super().as_view(**words)

        @wraps(whole)
        def view(request: HttpRequest, subdomain: str | None = None) -> HttpResponseBase:
            said = {} if subdomain is None else {"subdomain": subdomain}
            return (short_way(request, subdomain) if request.method == "POST" else None) or whole(request, **said)

        return view

    def wired(self, one: DataFile) -> dict[str, Any]:
        """Return a file's JSON."""
        return wired(one, self.here)

    @cached_property
    def here(self) -> str:
        """The server's own address as the caller knows it."""
        return here(self.request)


class OneDataFile(ArcsecondView):
    """One data file."""

    permission_classes = ()

    @described(responses=ONE)
    def get(self, request: Request, number: int, subdomain: str = "") -> Response:
        """Return it, with every card of its header for ``?header=1``, with its hashes for ``?checksum=1``."""
        found = self.find(DataFile, pk=number)
        answer = wired(found, here(request))
        if self.asks_for("header") and access.may(self.actor, Verb.OPEN, found):
            whole = access.may(self.actor, Verb.CHANGE, found)
            cards = [card for card in found.cards if whole or not tells_place(str(card[0]))]
            answer["header"] = [{"keyword": k, "value": v, "comment": c} for k, v, c in cards]
            answer["sources"] = found.meaning.get("sources", {})
        if self.asks_for("checksum"):
            answer["checksum"] = {"sha256": found.blob.sha256, "sha1": found.blob.sha1 or None}
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
        return Response(wired(found, here(request)))

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
        """Return them as they were received; to who may not change the file without what tells where it was taken."""
        found = self.find(DataFile, Verb.OPEN, pk=number)
        cut = bytes_for(self.actor, found)
        stream = storage.open_blob(found.blob) if cut is None else io.BytesIO(cut)
        digest = bytes.fromhex(found.blob.sha256) if cut is None else hashlib.sha256(cut).digest()
        response: StreamingHttpResponse = FileResponse(stream, content_type="application/octet-stream")
        response["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
        response["Content-Length"] = str(found.size if cut is None else len(cut))
        response["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest).decode()}:"
        response["Content-Security-Policy"] = SANDBOX
        return response


def narrowed(rows: QuerySet[DataFile], query: Any) -> QuerySet[DataFile]:
    """Return the files that an address asks for.

    Raises
    ------
    Invalid
        A value is none, or there are very many conditions.
    """
    by_uuid: dict[str, Any] = {}
    for name, kind in (("dataset", Dataset), ("observation", Observation), ("calibration", Calibration)):
        if said := query.get(name, ""):
            by_uuid[name] = kind._default_manager.filter(uuid=uuid_of(said, name)).first()  # noqa: SLF001 - Django's documented name
    if None in by_uuid.values():
        return rows.none()
    tags = [tag.strip() for tag in query.get("tags", "").split(",") if tag.strip()]
    cards = [(key[7:], value) for key, value in query.items() if key.startswith("header.") and len(key) > 7]
    return narrow(
        rows,
        FilesWanted(
            **by_uuid,
            text=query.get("search", ""),
            header=tuple(cards),
            cone=_cone(query),
            taken_from=_moment(query, "date_after", end=False),
            taken_to=_moment(query, "date_before", end=True),
            name=query.get("name", ""),
            filter=query.get("filter", ""),
            object_name=query.get("target_name", ""),
            image_type=query.get("image_type", ""),
            tags=tuple(tags[:MOST_CARDS]),
            order="oldest",
        ),
    )


def related(rows: QuerySet[DataFile]) -> QuerySet[DataFile]:
    """Return files with what their JSON needs."""
    return rows.select_related(
        "dataset", "blob", "observation", "calibration", "owner", "observatory"
    ).prefetch_related("tags")


def _check_change(actor: Actor, found: DataFile) -> None:
    """Let who may change a file set its tags, and who brought it with an upload key."""
    if access.may(actor, Verb.CHANGE, found):
        return
    if actor.key is not None and UPLOAD in actor.scopes and actor.user == found.owner:
        return
    raise Forbidden("You may see this file but not change it; ask its owner.")


def _cone(query: Any) -> Cone | None:
    """Return the circle that an address asks for, None where it names no place."""
    said = {name: query.get(name, "").strip() for name in ("ra", "dec", "radius")}
    if not said["ra"] and not said["dec"] and not said["radius"]:
        return None
    try:
        return Cone(float(said["ra"]), float(said["dec"]), float(said["radius"] or 0.0))
    except ValueError:
        raise Invalid("A place on the sky is ra and dec, and a radius where it is wanted, in degrees.") from None


def _moment(query: Any, name: str, *, end: bool) -> datetime | None:
    said = query.get(name, "")
    if not said:
        return None
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
