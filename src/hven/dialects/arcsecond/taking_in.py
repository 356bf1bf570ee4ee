"""Taking files in: what every upload asks for, and the short way for those that programs send by the thousands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, reverse

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.accounts.models import Observatory
from hven.archive.models import DataFile, Tag
from hven.archive.services import receive
from hven.archive.services.filling import find_to_fill
from hven.archive.services.receive import Delivery
from hven.dialects.arcsecond import wire
from hven.dialects.arcsecond.auth import key_of
from hven.dialects.arcsecond.base import find_observatory, uuid_of, words_in
from hven.dialects.arcsecond.errors import TABLE, answer_to
from hven.dialects.small_forms import plain_form
from hven.errors import Invalid

_NO_TAGS = Tag.objects.none()
_ANY_ID = 1234567890123


def take_in(actor: Actor, observatory: Observatory | None, data: Any, files: Any) -> DataFile:
    """File what a form brings; whatever it holds, it is kept, and its header is read afterwards.

    Raises
    ------
    Invalid
        The form has no file, or names no dataset.
    Unauthenticated, Forbidden, NotFound, Conflict, TooLarge, NoRoom
        As `hven.archive.services.receive.receive_file`.
    """
    access.need(actor, UPLOAD, WRITE)
    file = files.get("file")
    if file is None:
        raise Invalid("There is no file: send it as the part 'file' of a multipart/form-data request.")
    sent = words_in(data)
    said = sent.get("dataset")
    if not said:
        raise Invalid("dataset is the uuid of the dataset that takes the file.")
    dataset = find_to_fill(actor, uuid_of(said, "dataset"), observatory)
    delivery = Delivery(
        name=file.name or "",
        is_raw=switch(sent.get("is_raw"), default=True),
        tags=_tags(data),
    )
    made = receive.receive_bytes(actor, dataset, file, delivery)
    if not delivery.tags:
        made._prefetched_objects_cache = {"tags": _NO_TAGS}  # type: ignore[attr-defined] # noqa: SLF001 - a new file
    return made


def short_way(request: HttpRequest, subdomain: str | None = None) -> HttpResponse | None:
    """Answer the upload of a small, plain form by somebody with a key; None for all else, which the view answers.

    The framework's views take a tenth of the time that such an upload takes as a whole.
    """
    if not is_small(request) or request.META.get("HTTP_ACCEPT", "*/*") not in {"*/*", "application/json"}:
        return None
    actor = key_of(request)
    if actor is None or request.META.get("QUERY_STRING"):
        return None
    try:
        form = plain_form(request)
        if form is None:
            return None
        observatory = None if subdomain is None else find_observatory(actor, subdomain)
        made = take_in(actor, observatory, *form)
    except tuple(TABLE) as error:
        status, said, headers = answer_to(error)
        return _json(said, status, headers)
    return _json(wired(made, here(request)), 201)


def is_small(request: HttpRequest) -> bool:
    """Say whether the body of a request is read into memory: a way by the disk takes longer than all else."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    return length.isdecimal() and int(length) < min(receive.SMALL, settings.HVEN_MAX_UPLOAD)


def form_of(request: HttpRequest) -> tuple[Any, Any] | None:
    """Return the fields and the files of a form with files; None where the request holds none.

    Django reads it: the framework would look at its type seven times.
    """
    if request.content_type != "multipart/form-data":
        return None
    if is_small(request):
        request.upload_handlers = [MemoryFileUploadHandler(request)]
    return request.POST, request.FILES


def wired(one: DataFile, here: str) -> dict[str, Any]:
    """Return a file's JSON; `here` is the server's address as the caller knows it, see `here`."""
    before, _, after = _bytes_of_any(get_script_prefix())
    return wire.data_file(one, f"{here}{before}{one.pk}{after}")


def here(request: Any) -> str:
    """Return the server's own address as the caller knows it, without a slash at the end."""
    return f"{request.scheme}://{request.get_host()}"


def switch(value: Any, *, default: bool) -> bool:
    """Return a switch that was sent in any case; the default where nothing was."""
    if isinstance(value, bool):
        return value
    if value is None or str(value).strip() == "":
        return default
    return str(value).strip().casefold() in {"true", "1", "yes", "on"}


@lru_cache(maxsize=4)
def _bytes_of_any(prefix: str) -> tuple[str, str, str]:
    """Return the address of a file's bytes, in parts: finding it for each file of a list takes longer than the list."""
    return reverse("arcsecond-file", args=[_ANY_ID]).partition(str(_ANY_ID))


def _tags(data: Any) -> Sequence[str]:
    """Return the tags of a form: one field with commas, or the field once a tag."""
    values = data.getlist("tags") if hasattr(data, "getlist") else [data.get("tags") or ""]
    return [tag.strip() for value in values for tag in str(value).split(",") if tag.strip()]


def _json(data: Any, status: int, headers: Any = None) -> HttpResponse:
    said = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(
        said.encode(), status=status, content_type="application/json", headers={"Vary": "Accept", **(headers or {})}
    )
