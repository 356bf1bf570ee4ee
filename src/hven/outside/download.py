"""Downloading a large file in as many sittings as it takes: what arrived is kept, and continued where it ended.

Beside the unfinished file stands a note of what the server called it (its ETag or time of change, RFC 9110 section
8.8). It is continued by a range request under that condition only (If-Range), so that two versions of a file are
never joined.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import urllib3

from hven.errors import Invalid, TooLarge, Unavailable
from hven.outside.connection import CHUNK, MOVED, REDIRECTS, Target, check_status, request, vet

TRIES = 6
_LONGEST_PAUSE_S = 60.0
_NO_END = 1e9  # seconds: a file may take days, a single wait may not

Progress = Callable[[float, str], None]


@dataclass(slots=True)
class _Note:
    """What the server said of the file whose first bytes are here."""

    url: str
    etag: str = ""  # a strong one
    modified: str = ""
    total: int | None = None

    @property
    def condition(self) -> str:
        """What to continue under; empty where the server gave nothing to recognise the file by."""
        return self.etag or self.modified


def part_of(target: Path) -> Path:
    """Return where a file lies while it is not finished."""
    return target.with_name(f"{target.name}.part")


def forget(target: Path) -> None:
    """Remove what arrived of an unfinished file."""
    part_of(target).unlink(missing_ok=True)
    _note_path(target).unlink(missing_ok=True)


def download(
    url: str,
    target: Path,
    *,
    limit: int,
    trusted: str = "",
    room: Callable[[int], None] | None = None,
    progress: Progress | None = None,
    pause_s: float = 1.0,
) -> int:
    """Download a file; return its size in bytes. It is on the disk under its name, or still unfinished beside it.

    Parameters
    ----------
    url
        http or https.
    target
        Where it shall lie; it must not exist. `part_of` it holds what arrived so far.
    limit
        The most bytes that are taken.
    trusted
        An address that the operator configured: its scheme, host and port may be private. Where it redirects to
        another, that one may not.
    room
        Called with the bytes still to come before any is written; raises Unavailable where they have no room.
    progress
        Called with a fraction (0 while the size is not known) and words; what it raises ends the download, and the
        next one continues.
    pause_s
        The first pause after a fault that may pass; each further one is twice as long.

    Raises
    ------
    Invalid, Forbidden, NotFound
        As of `hven.outside.fetch.fetch`.
    TooLarge
        More than `limit` bytes are announced or come.
    Unavailable
        The server could not be reached or broke off again and again without any progress.
    """
    tell = progress or (lambda _fraction, _message: None)
    part, failed = part_of(target), 0
    while True:
        before = _size(part)
        try:
            total = _sitting(url, target, limit=limit, trusted=trusted, room=room, tell=tell)
        except _Busy as busy:
            failed = 1 if _size(part) > before else failed + 1
            if failed >= TRIES:
                raise Unavailable(f"{busy} It was tried {failed} times; what arrived is kept.") from busy
            _pause(max(min(pause_s * 2 ** (failed - 1), _LONGEST_PAUSE_S), busy.after_s), str(busy), tell)
            continue
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.rename(target)
        _note_path(target).unlink(missing_ok=True)
        return total


class _Busy(Unavailable):
    """A fault that may pass; `after_s` is the pause that the server asks for."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = min(after_s, _LONGEST_PAUSE_S)


def _sitting(
    url: str, target: Path, *, limit: int, trusted: str, room: Callable[[int], None] | None, tell: Progress
) -> int:
    """Continue or begin the file; return its size once it is whole."""
    part = part_of(target)
    note = _read_note(target, url)
    offset = _size(part) if note is not None else 0
    headers = {}
    if note is not None and offset:
        headers = {"Range": f"bytes={offset}-", "If-Range": note.condition}
    place = url
    for _ in range(REDIRECTS + 1):
        with _Answer(place, trusted, headers) as response:
            if response.status in MOVED:
                location = response.headers.get("Location")
                if not location:
                    raise Invalid("The address redirects, but does not say where.")
                place = urljoin(place, location)
                continue
            return _take(response, url, target, offset, note, limit=limit, room=room, tell=tell)
    raise Invalid(f"The address redirects more than {REDIRECTS} times.")


class _Answer:
    """The answer of one server; faults of the connection, and no others, become `_Busy`."""

    def __init__(self, url: str, trusted: str, headers: dict[str, str]) -> None:
        self._url, self._trusted, self._headers = url, trusted, headers

    def __enter__(self) -> urllib3.BaseHTTPResponse:
        end = time.monotonic() + _NO_END
        try:
            place: Target = vet(self._url, end, allow_private=_same_server(self._url, self._trusted))
            self._open = request(place, end, self._headers)
            return self._open.__enter__()
        except Unavailable as error:
            raise _Busy(str(error)) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self._open.__exit__(kind, error, trace)  # type: ignore[arg-type] # a traceback
        except _Busy:
            raise
        except Unavailable as again:
            raise _Busy(str(again)) from again


def _take(
    response: urllib3.BaseHTTPResponse,
    url: str,
    target: Path,
    offset: int,
    note: _Note | None,
    *,
    limit: int,
    room: Callable[[int], None] | None,
    tell: Progress,
) -> int:
    if response.status == 416 and note is not None:
        whole = re.fullmatch(r"bytes \*/(\d{1,18})", response.headers.get("Content-Range", ""))
        if whole and int(whole[1]) == offset and note.total in {None, offset}:
            return offset
        forget(target)
        raise _Busy("The file at the server has become another one; it is begun anew.")
    start, total = _begun(response, url, target, offset, note)
    if total is not None and total > limit:
        raise TooLarge(f"The file is {total} bytes long; at most {limit} are taken.")
    if room is not None:
        room((total or 0) - start)
    size = start
    with part_of(target).open("ab") as stream:
        while piece := response.read1(CHUNK):
            size += len(piece)
            if size > limit:
                raise TooLarge(f"More than {limit} bytes come from the server.")
            _write(stream, piece)
            tell(size / total if total else 0.0, f"{size / 1e6:.1f} of {(total or size) / 1e6:.1f} MB")
    if total is not None and size != total:
        raise _Busy(f"The connection broke off after {size} of {total} bytes.")
    return size


def _begun(
    response: urllib3.BaseHTTPResponse, url: str, target: Path, offset: int, note: _Note | None
) -> tuple[int, int | None]:
    """Return where an answer's bytes begin in the file, and the file's size where it is known."""
    status = response.status
    if status in {408, 425, 429} or status >= 500:
        raise _Busy(f"The server cannot give out this file now (HTTP {status}).", _retry_after(response))
    if status == 206:
        total = _continues(response, offset, note)
        if total is None:
            forget(target)
            raise _Busy("The server sent another part of the file than was asked for; it is begun anew.")
        start = offset
    else:
        check_status(status)
        start, total = 0, _announced(response)
        forget(target)
        _write_note(target, _note_of(response, url, total))
    if response.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
        raise Invalid("The server sends the file in an encoding that was not asked for.")
    return start, total


def _write(stream: BinaryIO, piece: bytes) -> None:
    try:
        stream.write(piece)
    except OSError as error:  # or it would pass for a fault of the connection
        raise Unavailable(f"The file cannot be written: {error.strerror}. What arrived is kept.") from error


def _continues(response: urllib3.BaseHTTPResponse, offset: int, note: _Note | None) -> int | None:
    """Return the whole size where a partial answer is the rest of the file that was begun; None where it is not."""
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", response.headers.get("Content-Range", ""))
    if note is None or found is None:
        return None
    first, last, total = (int(number) for number in found.groups())
    etag = response.headers.get("ETag", "")
    if first != offset or last != total - 1 or (note.total is not None and note.total != total):
        return None
    return None if note.etag and etag and etag != note.etag else total


def _announced(response: urllib3.BaseHTTPResponse) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None


def _note_of(response: urllib3.BaseHTTPResponse, url: str, total: int | None) -> _Note:
    etag = response.headers.get("ETag", "")
    strong = etag if re.fullmatch(r'"[^"\x00-\x20]*"', etag) else ""  # a weak one promises no equal bytes
    return _Note(url, strong, response.headers.get("Last-Modified", ""), total)


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"\d{1,6}", text) else 0.0


def _pause(seconds: float, why: str, tell: Progress) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        tell(0.0, f"{why} The next try is in {left:.0f} s.")
        time.sleep(min(left, 0.5))


def _same_server(url: str, trusted: str) -> bool:
    def server(text: str) -> tuple[str, str | None, int | None]:
        parts = urlsplit(text)
        return parts.scheme, parts.hostname, parts.port

    try:
        return bool(trusted) and server(url) == server(trusted)
    except ValueError:
        return False


def _note_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")


def _write_note(target: Path, note: _Note) -> None:
    _note_path(target).write_text(json.dumps(asdict(note)), encoding="utf-8")


def _read_note(target: Path, url: str) -> _Note | None:
    """Return the note of an unfinished file, where it can be continued from the same address."""
    try:
        note = _Note(**json.loads(_note_path(target).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return note if note.url == url and note.condition else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
