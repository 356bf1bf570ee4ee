"""From STDWeb's token or session to who asks."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as Sessions
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import User
from hven.errors import Unauthenticated

_SCHEMES = frozenset({"token", "bearer"})


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Token <40 hex>``: any of hven's access keys, within its scopes."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """Return the user and the actor; None where no key is shown."""
        scheme, _, secret = str(request.META.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
        if scheme.lower() not in _SCHEMES:
            return None
        try:
            actor = accounts.authenticate_secret(secret.strip())
        except Unauthenticated:
            raise AuthenticationFailed("Invalid token.") from None
        if actor.user is None:
            raise AuthenticationFailed("Invalid token.")
        return actor.user, actor

    def authenticate_header(self, request: Request) -> str:
        """Return what an answer 401 asks for."""
        return "Token"


class SessionAuthentication(Sessions):
    """Somebody signed in on the pages; writes are then guarded against forged requests."""


class SignedIn(BasePermission):
    """Somebody must be signed in, by key or on the pages."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Say whether somebody is."""
        return isinstance(request.user, User)


def actor_of(request: Request) -> Actor:
    """Return who asks."""
    if isinstance(request.auth, Actor):
        return request.auth
    return Actor.of(request.user) if isinstance(request.user, User) else ANYONE


def client_address(request: Request) -> str:
    """Return the client's address; trusted proxies were resolved before."""
    plain: HttpRequest = request._request  # noqa: SLF001 - the framework's name for Django's request
    return str(plain.META.get("REMOTE_ADDR", ""))
