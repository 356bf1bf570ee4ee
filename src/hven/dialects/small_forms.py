"""Reading small forms with files as programs write them: all of Django's generality takes longer than storing the file.

Only the plainest form is read here; of anything else Django's own parser gets the same bytes.
"""

from __future__ import annotations

import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict

_TYPE = re.compile(r"multipart/form-data; ?boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", re.IGNORECASE)
_NAME = rb"[\w.()+,=-](?:[\w.()+,= -]{0,98}[\w.()+,=-])?"  # nothing that anybody would have to decode
_HEAD = re.compile(
    rb'Content-Disposition: form-data; name="(%s)"(?:; filename="(%s)")?(?:\r\nContent-Type: ?([\w.+/-]{1,100}))?'
    % (_NAME, _NAME),
    re.IGNORECASE,
)
_MOST_PARTS = 50
Form = tuple[MultiValueDict[str, str], MultiValueDict[str, Any]]


def plain_form(request: HttpRequest) -> Form | None:
    """Return the fields and the files of a form of RFC 7578; None where Django should read it.

    Call it for a body that may be held in memory. It reads the body; Django finds it on the request.
    """
    fields: MultiValueDict[str, str] = MultiValueDict()
    files: MultiValueDict[str, Any] = MultiValueDict()
    for head, content in _parts(request):
        said = _HEAD.fullmatch(head)
        if said is None:
            return None
        name, file_name, kind = ((each or b"").decode() for each in said.groups())
        if file_name:
            files.appendlist(name, SimpleUploadedFile(file_name, content, kind))
        elif not kind:
            fields.appendlist(name, content.decode(errors="replace"))
        else:
            return None
    return (fields, files) if fields or files else None


def _parts(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Return head and content of each part of a body; nothing where it is not a plain form as a whole."""
    found = _TYPE.fullmatch(request.META.get("CONTENT_TYPE", ""))
    if found is None or hasattr(request, "_files"):
        return []
    mark = b"--" + found[1].encode()
    body = request.body.removesuffix(b"\r\n")
    if not body.startswith(mark + b"\r\n") or not body.endswith(b"\r\n" + mark + b"--"):
        return []
    parts = body[len(mark) + 2 : -len(mark) - 4].split(b"\r\n" + mark + b"\r\n", _MOST_PARTS)
    # Django ends a part at the mark even within a line.
    if body.count(mark) != len(parts) + 1 or len(parts) > _MOST_PARTS:
        return []
    halves = [part.partition(b"\r\n\r\n") for part in parts]
    return [(head, content) for head, _, content in halves] if all(gap for _, gap, _ in halves) else []
