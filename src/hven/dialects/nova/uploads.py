"""What nova's clients hand over: files, addresses, lists of sources, and several lists in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse

from hven.accounts import access
from hven.accounts.actor import UPLOAD, WRITE, Actor
from hven.archive import services as archive
from hven.archive.models import Submission
from hven.dialects.nova import auth, words
from hven.dialects.nova.errors import json_answer, json_call
from hven.errors import Invalid
from hven.imaging import services as imaging
from hven.imaging.services.runs import Item, Request
from hven.storage import services as storage
from hven.storage.models import Blob

LIST_NAME = "json-xy"
Lists = tuple[list[float], list[float]]


@json_call
def upload(request: HttpRequest) -> HttpResponse:
    """Take a frame, an archive of frames, or lists of sources, and ask for them to be solved."""
    found = auth.arguments(request)
    actor = auth.session_actor(found)
    taken = _take_lists(request, actor, found)
    if taken is not None:
        return taken
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Invalid("There is no file: send it as the part 'file' of a multipart/form-data request.")
    asked = _request(request, actor, found, file.name or "")
    access.need(actor, UPLOAD, WRITE)
    blob = storage.put(file)
    return _accepted(imaging.submit_file(actor, blob, asked), hash=blob.sha1)


@json_call
def url_upload(request: HttpRequest) -> HttpResponse:
    """Take an address to fetch a frame from, or lists of sources."""
    found = auth.arguments(request)
    actor = auth.session_actor(found)
    taken = _take_lists(request, actor, found)
    if taken is not None:
        return taken
    url = found.get("url")
    if not isinstance(url, str) or not url.strip():
        raise Invalid("There is no url to fetch a frame from.")
    if len(url) > 2000:
        raise Invalid("The url is longer than 2,000 characters.")
    if not url.strip().isprintable():
        raise Invalid("The url contains characters that no address has.")
    name = url.split("?")[0].split("#")[0].rstrip("/").rsplit("/", 1)[-1]
    return _accepted(imaging.submit_url(actor, url.strip(), _request(request, actor, found, name)))


def _take_lists(request: HttpRequest, actor: Actor, found: dict[str, Any]) -> HttpResponse | None:
    """Take the lists of sources of a call, which win over a file; None where it has none."""
    batch = words.batch(found)
    each = [found] if batch is None else batch
    if len(each) > settings.HVEN_MAX_MEMBERS:
        raise Invalid(f"lists has more than {settings.HVEN_MAX_MEMBERS:,} entries.")
    lists = [words.source_lists(one) for one in each]
    if batch is None and lists[0] is None:
        return None
    whole = [one for one in lists if one is not None]
    if len(whole) < len(lists):
        raise Invalid(f"Entry {lists.index(None) + 1} of lists has no x and y.")
    asked = _request(request, actor, found, LIST_NAME)
    access.need(actor, UPLOAD, WRITE)
    blobs = _tables(whole, [words.frame_size(one) for one in each])
    items = [Item(blob, LIST_NAME, words.solve_config(one)) for blob, one in zip(blobs, each, strict=True)]
    submission = imaging.submit_files(actor, items, asked)
    if batch is None:
        return _accepted(submission, hash=blobs[0].sha1)
    return _accepted(submission, count=len(items))


def _tables(lists: Sequence[Lists], sizes: Sequence[tuple[int | None, int | None]]) -> list[Blob]:
    """Store lists as FITS tables, as the service does."""
    from hven.science.stars.tables import source_list, write_sources  # noqa: PLC0415 - astropy, for few requests

    folder: Path = settings.HVEN_FOLDERS.scratch
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lists-", dir=folder) as scratch:
        paths = []
        for number, ((x, y), (width, height)) in enumerate(zip(lists, sizes, strict=True)):
            sources = source_list(np.array(x) - 1, np.array(y) - 1, width=width, height=height)
            paths.append(Path(scratch) / f"{number}.fits")
            write_sources(paths[-1], sources)
        storage.check_room(sum(path.stat().st_size for path in paths))
        return storage.put_files(paths)


def _request(request: HttpRequest, actor: Actor, found: dict[str, Any], name: str) -> Request:
    title = words.album(found)
    return Request(
        origin="nova",
        name=name,
        config=words.solve_config(found),
        arguments=words.kept(found),
        address=auth.client_address(request),
        visibility=words.visibility(found),
        dataset=_album(actor, title) if title else None,
        licence=archive.Licence(*words.licence(found)),
    )


def _album(actor: Actor, title: str) -> Any:
    album = archive.albums_to_fill(actor, title).first()
    if album is None:
        raise Invalid(archive.NO_ALBUM)
    return album


def _accepted(record: Submission, **more: Any) -> HttpResponse:
    return json_answer({"status": "success", "subid": record.pk, **more})
