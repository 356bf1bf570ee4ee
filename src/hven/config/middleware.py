"""What every request passes: an id, the proxy's word, the host's name, security headers, dialects' own host names."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from hven.config.logs import request_id

Answer = Callable[[HttpRequest], HttpResponseBase]

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


class RequestId:
    """Give each request an id, taken from X-Request-ID when that is harmless, for logs and the answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        given = request.headers.get("X-Request-ID", "")
        name = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else secrets.token_hex(6)
        token = request_id.set(name)
        try:
            response = self.answer(request)
        finally:
            request_id.reset(token)
        response.headers.setdefault("X-Request-ID", name)
        return response


class TrustedProxy:
    """Believe X-Forwarded-For, -Proto and -Host of the proxies named by the operator, and of nobody else."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        if self._trusted(request.META.get("REMOTE_ADDR", "")):
            self._believe(request)
        return self.answer(request)

    @staticmethod
    def _trusted(address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in settings.HVEN_TRUSTED_PROXIES)

    def _believe(self, request: HttpRequest) -> None:
        # The nearest address that no trusted proxy has is the client: what stands left of it may be invented.
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        for address in reversed(chain):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                break
            request.META["REMOTE_ADDR"] = address
            if not self._trusted(address):
                break
        if host := request.headers.get("X-Forwarded-Host", "").split(",")[-1].strip():
            request.META["HTTP_HOST"] = host
        if request.headers.get("X-Forwarded-Proto", "").split(",")[-1].strip() == "https":
            request.META["wsgi.url_scheme"] = request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]  # always a WSGIRequest


class HostCheck:
    """Answer only to known host names and to IP addresses: a page of a stranger's domain must not reach this server."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        host = request.META.get("HTTP_HOST", request.META.get("SERVER_NAME", ""))
        name = host_name(host)
        if name is None or not (name in settings.HVEN_ANSWERS_TO or _is_address(name)):
            return HttpResponse(
                "This server does not answer to that host name. Its operator can add the name to HVEN_HOSTS.\n",
                status=400,
                content_type="text/plain",
            )
        return self.answer(request)


class SecurityHeaders:
    """Put the strict policies on every answer that has none of its own."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        response = self.answer(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


class DialectHosts:
    """On a dialect's own host names its paths stand at the root: put the prefix in front unless it is there."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        dialect = settings.HVEN_DIALECT_HOSTS.get(host_name(request.META.get("HTTP_HOST", "")) or "")
        prefix = settings.HVEN_DIALECT_PREFIXES.get(dialect or "")
        if prefix and not request.path_info.startswith((f"/{prefix}/", settings.STATIC_URL)):
            request.path_info = f"/{prefix}{request.path_info}"
            request.path = f"/{prefix}{request.path}"
        return self.answer(request)


def host_name(host: str) -> str | None:
    """Return the name of a Host header in lower case, without the port and the brackets; None if it is malformed."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", host)
    if match is None:
        return None
    return (match[1] or match[2]).lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
