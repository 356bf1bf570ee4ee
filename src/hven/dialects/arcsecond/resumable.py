"""Data files that come in pieces: the tus protocol, version 1.0.0, with the extensions creation and termination.

A client announces a file with its length, name, dataset and, better, its sha256; announcing the same one again gives
the upload that was interrupted. When the last byte is here the file is filed as a plain upload is; GET says as which.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from hven.archive.models import Dataset, Upload
from hven.archive.services import resumable
from hven.archive.services.receive import Delivery
from hven.dialects.arcsecond.base import ArcsecondView, uuid_of
from hven.dialects.arcsecond.places import ONE
from hven.dialects.arcsecond.taking_in import here, switch, wired
from hven.dialects.rest import described
from hven.errors import Conflict, Invalid

VERSION = "1.0.0"
EXTENSIONS = "creation,termination"
PIECES = "application/offset+octet-stream"
CHUNK = 1 << 20


class Pieces(BaseParser):
    """Leaves the body where it is: it is read as it comes."""

    media_type = PIECES

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return nothing."""
        return {}


class _TusView(ArcsecondView):
    """What views of the protocol share."""

    parser_classes = (Pieces,)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the protocol on every answer."""
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *args, **kwargs)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say what is understood."""
        return Response(
            status=204,
            headers={
                "Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(settings.HVEN_MAX_UPLOAD),
            },
        )  # fmt: skip


class Resumable(_TusView):
    """Announcing a file."""

    @described(request=None, responses={201: None})
    def post(self, request: Request, subdomain: str = "") -> Response:
        """Announce one; Location says where its bytes go, Upload-Offset how many are here already."""
        said = metadata(request.headers.get("Upload-Metadata", ""))
        length = _whole(request, "Upload-Length", "says how many bytes the file has")
        if not said.get("dataset"):
            raise Invalid("The header Upload-Metadata names the dataset that takes the file, by its uuid.")
        dataset = self.find(Dataset, uuid=uuid_of(said["dataset"], "dataset"))
        delivery = Delivery(
            name=said.get("filename") or said.get("name") or "",
            is_raw=switch(said.get("is_raw"), default=True),
            tags=[tag.strip() for tag in said.get("tags", "").split(",") if tag.strip()],
        )
        upload = resumable.announce(self.actor, dataset, delivery, length, said.get("sha256", ""))
        if length == 0:
            resumable.continue_upload(self.actor, upload, (), 0, _delivery(upload))
        address = request.build_absolute_uri(reverse("arcsecond-upload", args=[upload.uuid]))
        headers = {"Location": address, "Upload-Offset": str(resumable.offset_of(upload))}
        return Response(status=201, headers=headers)


class OneResumable(_TusView):
    """A file on its way."""

    @described(responses=ONE)
    def get(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Say how far it is, and as which data file it was filed."""
        upload = resumable.find_upload(self.actor, str(uuid))
        filed = upload.data_file
        answer = None
        if filed is not None:
            answer = wired(filed, here(request))
        return Response(
            {
                "uuid": str(upload.uuid), "name": upload.name, "length": upload.length,
                "offset": resumable.offset_of(upload), "data_file": answer,
            }
        )  # fmt: skip

    @described(responses={200: None})
    def head(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Say how many bytes are here."""
        upload = resumable.find_upload(self.actor, str(uuid))
        return Response(
            headers={"Upload-Offset": str(resumable.offset_of(upload)), "Upload-Length": str(upload.length)}
        )

    @described(request=None, responses={204: None})
    def patch(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """Take the next bytes."""
        if (request.content_type or "").partition(";")[0].strip() != PIECES:
            raise UnsupportedMediaType(request.content_type or "")
        upload = resumable.find_upload(self.actor, str(uuid))
        offset = _whole(request, "Upload-Offset", "says from which byte on the body continues")
        if offset != resumable.offset_of(upload):
            return Response(
                {"detail": f"The upload stands at byte {resumable.offset_of(upload)}, not at {offset}."}, status=409
            )
        size, _ = resumable.continue_upload(self.actor, upload, _body(request), offset, _delivery(upload))
        return Response(status=204, headers={"Upload-Offset": str(size)})

    @described(responses={204: None})
    def delete(self, request: Request, uuid: UUID, subdomain: str = "") -> Response:
        """End it, and forget what came; a file that is filed stays."""
        upload = resumable.find_upload(self.actor, str(uuid))
        if upload.data_file is not None:
            raise Conflict("The file is complete and filed; delete the data file instead.")
        resumable.end_upload(upload)
        return Response(status=204)


def metadata(text: str) -> dict[str, str]:
    """Return the pairs of the header Upload-Metadata: names with values in base64.

    Raises
    ------
    Invalid
        It is written in another way.
    """
    found = {}
    for pair in text.split(","):
        name, _, value = pair.strip().partition(" ")
        if not name:
            continue
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid(f"The value of {name[:40]} in Upload-Metadata is no text in base64.") from None
    return found


def _whole(request: Request, header: str, what: str) -> int:
    try:
        return int(request.headers.get(header, ""))
    except ValueError:
        raise Invalid(f"The header {header} {what}.") from None


def _delivery(upload: Upload) -> Delivery:
    return Delivery(name=upload.name, is_raw=upload.is_raw, tags=upload.tags)


def _body(request: Request) -> Iterator[bytes]:
    stream = request._request  # noqa: SLF001 - the framework's name for Django's request
    while piece := stream.read(CHUNK):
        yield piece
