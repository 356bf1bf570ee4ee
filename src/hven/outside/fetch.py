"""Fetching an address that a user named, without letting them reach what only the server can reach.

See `hven.outside.connection` for how. Redirects are followed by hand and vetted like the first address.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import urllib3

from hven.errors import Invalid, TooLarge, Unavailable
from hven.outside.connection import CHUNK, MOVED, REDIRECTS, check_status, left, request, vet


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: its file is complete on the disk."""

    path: Path
    size: int  # bytes
    name: str  # as the server or the address calls it; a bare file name, perhaps empty
    content_type: str
    url: str  # where it was in the end


def fetch(
    url: str,
    target: Path,
    *,
    limit: int,
    time_limit_s: float,
    allow_private: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Fetched:
    """Fetch an address into a file.

    Parameters
    ----------
    url
        http or https; anything else is refused.
    target
        The file to write; it must not exist. It is removed again if anything goes wrong.
    limit
        The most bytes that are taken.
    time_limit_s
        Seconds for everything together: names, redirects, the last byte.
    allow_private
        Whether addresses of this machine and its private networks may be fetched.
    progress
        Called with a fraction (0 while the size is not known) and words.

    Raises
    ------
    Invalid
        The address is malformed, or its server does not speak HTTP properly.
    Forbidden
        It leads to a place that must not be fetched from.
    NotFound
        No such name, or the server answers with an error that is final (4xx).
    TooLarge
        More than ``limit`` bytes are announced or come.
    Unavailable
        The server does not answer, answers with a temporary error, or not in time.
    """
    end = time.monotonic() + time_limit_s
    for _ in range(REDIRECTS + 1):
        place = vet(url, end, allow_private=allow_private)
        with request(place, end) as response:
            if response.status in MOVED:
                location = response.headers.get("Location")
                if not location:
                    raise Invalid("The address redirects, but does not say where.")
                url = urljoin(url, location)
                continue
            check_status(response.status)
            size = _save(response, target, limit, end, progress)
            return Fetched(target, size, _name(response, url), response.headers.get("Content-Type", ""), url)
    raise Invalid(f"The address redirects more than {REDIRECTS} times.")


def _save(
    response: urllib3.BaseHTTPResponse,
    target: Path,
    limit: int,
    end: float,
    progress: Callable[[float, str], None] | None,
) -> int:
    too_large = TooLarge(f"The file behind the address is larger than this server's limit of {limit} bytes.")
    announced = response.headers.get("Content-Length", "")
    total = int(announced) if re.fullmatch(r"\d{1,18}", announced) else None
    if total is not None and total > limit:
        raise too_large
    if response.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
        raise Invalid("The server sends the file in an encoding that was not asked for.")
    size = 0
    try:
        with target.open("xb") as stream:
            # Read as it comes: a server that trickles must not keep a whole chunk waiting beyond the time limit.
            while piece := response.read1(CHUNK):
                size += len(piece)
                if size > limit:
                    raise too_large  # noqa: TRY301 - the file is removed on the way out
                left(end)
                stream.write(piece)
                if progress is not None:
                    progress(size / total if total else 0.0, f"{size / 1e6:.1f} MB fetched")
        if total is not None and size != total:
            raise Unavailable(f"The connection broke off after {size} of {total} bytes.")  # noqa: TRY301 - the same
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return size


def _name(response: urllib3.BaseHTTPResponse, url: str) -> str:
    message = Message()
    with contextlib.suppress(ValueError, UnicodeError):
        message["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    named = ""
    with contextlib.suppress(ValueError, LookupError):
        named = message.get_filename() or ""
    name = named or unquote(urlsplit(url).path)
    name = re.split(r"[/\\]", name)[-1]
    name = re.sub(r"[\x00-\x1f\x7f]", "", name).strip()
    return "" if name in {".", ".."} else name[-200:]
