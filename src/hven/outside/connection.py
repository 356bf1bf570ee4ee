"""Connecting to other servers: each address is resolved once, vetted, and connected to by number.

What was vetted is what answers: a name that resolves differently a moment later changes nothing. Redirects are
left to the caller, who vets them in the same way. Proxies of the environment, cookies, credentials and content
encodings play no part.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from hven.errors import Forbidden, Invalid, NotFound, Unavailable
from hven.outside.addresses import forbidden_reason

REDIRECTS = 5
MOVED = frozenset({301, 302, 303, 307, 308})
CHUNK = 256 * 1024
_STEP_S = 20.0  # no single wait of the connection is longer
_AGENT = "hven (self-hosted observatory server)"


@dataclass(frozen=True, slots=True)
class Target:
    """One vetted place to connect to."""

    parts: SplitResult
    host: str
    port: int
    address: str


def vet(url: str, end: float, *, allow_private: bool) -> Target:
    """Return where an address leads, resolved and allowed.

    Raises
    ------
    Invalid
        The address is malformed, or not http or https.
    Forbidden
        It leads to a place that must not be fetched from.
    NotFound, Unavailable
        Its server's name is not known, or cannot be resolved now.
    """
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
    return Target(parts, name, port, addresses[0])


def _resolve(host: str, port: int, end: float) -> list[str]:
    # The system's resolver knows no time limit of ours; a thread that hangs in it is left behind.
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolve")
    try:
        found = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(left(end))
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
def request(place: Target, end: float, more: Mapping[str, str] | None = None) -> Iterator[urllib3.BaseHTTPResponse]:
    """Ask for a vetted place, with more headers where wanted; the answer's body is not read yet.

    Raises
    ------
    Unavailable, Invalid
        The server cannot be reached, breaks off, or does not speak HTTP. What the block raises itself passes.
    """
    path = place.parts.path or "/"
    path = urllib3.util.parse_url(path + (f"?{place.parts.query}" if place.parts.query else "")).url
    wait = urllib3.Timeout(connect=left(end), read=left(end))
    headers = {"Host": _host_header(place), "User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    headers.update(more or {})
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


def left(end: float) -> float:
    """Return the seconds that a single wait may take before a moment of the monotonic clock; Unavailable after it."""
    left = end - time.monotonic()
    if left <= 0:
        raise Unavailable("Fetching the address took too long and was given up.")
    return min(left, _STEP_S)


def check_status(status: int) -> None:
    """Raise what a status other than 200 means: NotFound for good, Unavailable for now, Invalid for nonsense."""
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


def _host_header(place: Target) -> str:
    name = f"[{place.host}]" if ":" in place.host else place.host
    standard = 443 if place.parts.scheme == "https" else 80
    return name if place.port == standard else f"{name}:{place.port}"


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
