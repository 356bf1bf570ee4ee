"""What only browsers need: sessions, who is signed in, guards of forms, messages. Programs with keys pass by.

A program that shows a key and no cookie has no session, and whoever has none has nothing that could be forged.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.deprecation import MiddlewareMixin

_KEYS = ("HTTP_AUTHORIZATION", "HTTP_X_ARCSECOND_API_AUTHORIZATION")


def is_program(request: HttpRequest) -> bool:
    """Say whether a request of a dialect shows a key and no cookie."""
    if request.META.get("HTTP_COOKIE") or not any(name in request.META for name in _KEYS):
        return False
    return request.path_info.startswith(tuple(f"/{prefix}/" for prefix in settings.HVEN_DIALECT_PREFIXES.values()))


class _ForBrowsers(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known = request.__dict__
        if "_is_program" not in known:  # all of them ask
            known["_is_program"] = is_program(request)
        # nothing here is asynchronous
        handle: Any = self.get_response if known["_is_program"] else super().__call__
        answer: HttpResponseBase = handle(request)
        return answer


class Sessions(_ForBrowsers, SessionMiddleware):
    """Sessions of browsers."""


class Forms(_ForBrowsers, CsrfViewMiddleware):
    """Guards forms of browsers; views that are not exempt are guarded for programs too."""


class SignIn(_ForBrowsers, AuthenticationMiddleware):
    """Who is signed in."""


class Messages(_ForBrowsers, MessageMiddleware):
    """Sentences for the next page."""
