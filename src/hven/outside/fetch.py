"""Fetching an address that a user named, without letting them reach what only the server can reach.

Every address is resolved once, vetted, and connected to by number, so what was vetted is what answers (a name that
resolves differently a moment later changes nothing). Redirects are followed by hand and vetted in the same way.
Proxies of the environment, cookies, credentials and content encodings play no part.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from hven.errors import Forbidden, Invalid, NotFound, TooLarge, Unavailable
from hven.outside.addresses import forbidden_reason

REDIRECTS = 5
CHUNK = 256 * 1024
_STEP_S = 20.0  # no single wait of the connection is longer
_AGENT = "hven (self-hosted observatory server)"
_MOVED = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: its file is complete on the disk."""

    path: Path
    size: int  # bytes
    name: str  # as the server or the address calls it; a bare file name, perhaps empty
    content_type: str
    url: str  # where it was in the end


@dataclass(frozen=True, slots=True)
class _Target:
    """One vetted place to connect to."""

    parts: SplitResult
    host: str
    port: int
    address: str


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
        place = _vet(url, end, allow_private=allow_private)
        with _request(place, end) as response:
            if response.status in _MOVED:
                location = response.headers.get("Location")
                if not location:
                    raise Invalid("The address redirects, but does not say where.")
                url = urljoin(url, location)
                continue
            _check_status(response.status)
            size = _save(response, target, limit, end, progress)
            return Fetched(target, size, _name(response, url), response.headers.get("Content-Type", ""), url)
    raise Invalid(f"The address redirects more than {REDIRECTS} times.")


def _vet(url: str, end: float, *, allow_private: bool) -> _Target:
    if len(url) > 8000 or re.search(r"[\x00-\x20\x7f]", url):
        raise Invalid("The address contains spaces or control characters, or is too long.")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        name = host if _numeric(host) else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise Invalid("The address is malformed.") from error
    if parts.scheme not in {"http", "https"}:
        raise Invalid("Only http and https addresses are fetched.")
    if parts.username is not None or parts.password is not None:
        raise Invalid("The address contains a user name or password; such addresses are not fetched.")
    if not name:
        raise Invalid("The address names no server.")
    addresses = _resolve(name, port, end)
    if not allow_private:
        for address in addresses:
            # One bad address among good ones is reason enough: which of them answers is not for its owner to choose.
            if reason := forbidden_reason(address):
                raise Forbidden(f"The server {host} lies at {reason}, from where hven fetches nothing.")
    return _Target(parts, name, port, addresses[0])


def _resolve(host: str, port: int, end: float) -> list[str]:
    # The system's resolver knows no time limit of ours; a thread that hangs in it is left behind.
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolve")
    try:
        found = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(_left(end))
    except Overdue:
        raise Unavailable(f"The name {host} could not be resolved in time.") from None
    except (OSError, UnicodeError) as error:
        temporary = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        kind = Unavailable if temporary else NotFound
        raise kind(f"There is no server called {host}, or its name cannot be resolved now.") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    # IPv4 first: a machine without IPv6 still gets IPv6 addresses from many resolvers.
    ordered = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)
    return list(dict.fromkeys(str(entry[4][0]) for entry in ordered))


@contextlib.contextmanager
def _request(place: _Target, end: float) -> Iterator[urllib3.BaseHTTPResponse]:
    path = place.parts.path or "/"
    path = urllib3.util.parse_url(path + (f"?{place.parts.query}" if place.parts.query else "")).url
    wait = urllib3.Timeout(connect=_left(end), read=_left(end))
    headers = {"Host": _host_header(place), "User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    pool: urllib3.HTTPConnectionPool
    if place.parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            place.address, place.port, timeout=wait, retries=False, ssl_context=ssl.create_default_context(),
            server_hostname=place.host, assert_hostname=place.host,
        )  # fmt: skip
    else:
        pool = urllib3.HTTPConnectionPool(place.address, place.port, timeout=wait, retries=False)
    try:
        response = pool.urlopen(
            "GET", path, headers=headers, redirect=False, preload_content=False, decode_content=False, retries=False
        )
        try:
            yield response
        finally:
            response.close()
    except (HTTPError, OSError) as error:
        raise _explained(error, place.host) from error
    finally:
        pool.close()


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
                _left(end)
                stream.write(piece)
                if progress is not None:
                    progress(size / total if total else 0.0, f"{size / 1e6:.1f} MB fetched")
        if total is not None and size != total:
            raise Unavailable(f"The connection broke off after {size} of {total} bytes.")  # noqa: TRY301 - the same
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return size


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise Unavailable("Fetching the address took too long and was given up.")
    return min(left, _STEP_S)


def _check_status(status: int) -> None:
    if status == 200:
        return
    if status in {401, 403, 407}:
        raise NotFound(f"The server does not give out this file (HTTP {status}).")
    if 400 <= status < 500 and status not in {408, 425, 429}:
        raise NotFound(f"The server has no such file (HTTP {status}).")
    if status in {408, 425, 429} or status >= 500:
        raise Unavailable(f"The server cannot give out this file now (HTTP {status}).")
    raise Invalid(f"The server answers in a way that is no file (HTTP {status}).")


def _explained(error: Exception, host: str) -> Exception:
    if isinstance(error, (urllib3.exceptions.SSLError, ssl.SSLError)):
        return Invalid(f"The certificate of {host} cannot be trusted.")
    if isinstance(error, (urllib3.exceptions.ProtocolError, urllib3.exceptions.InvalidHeader)):
        return Unavailable(f"The connection to {host} broke off, or does not speak HTTP.")
    if isinstance(error, (urllib3.exceptions.TimeoutError, TimeoutError)):
        return Unavailable(f"The server {host} did not answer in time.")
    return Unavailable(f"The server {host} cannot be reached.")


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


def _host_header(place: _Target) -> str:
    name = f"[{place.host}]" if ":" in place.host else place.host
    standard = 443 if place.parts.scheme == "https" else 80
    return name if place.port == standard else f"{name}:{place.port}"


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
