"""From Arcsecond's keys to who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import User
from hven.errors import Unauthenticated

HEADER = "HTTP_X_ARCSECOND_API_AUTHORIZATION"
_SCHEMES = frozenset({"key", "token", "bearer"})


class KeyAuthentication(BaseAuthentication):
    """``X-Arcsecond-API-Authorization: Key <key>``, or any of hven's keys in ``Authorization``."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """Return the user and the actor; None where no key is shown."""
        secret = _shown(request.META)
        if secret is None:
            return None
        actor = key_owner(secret)
        if actor is None or actor.user is None:
            raise AuthenticationFailed("Invalid key.")
        return actor.user, actor

    def authenticate_header(self, request: Request) -> str:
        """Return what an answer 401 asks for."""
        return "Key"


def key_of(request: HttpRequest) -> Actor | None:
    """Return who shows a key with a request; None where there is none that works."""
    secret = _shown(request.META)
    actor = None if secret is None else key_owner(secret)
    return None if actor is None or actor.user is None else actor


def _shown(headers: Mapping[str, Any]) -> str | None:
    said = str(headers.get(HEADER) or headers.get("HTTP_AUTHORIZATION") or "").strip()
    scheme, _, secret = said.partition(" ")
    return secret.strip() if scheme.lower() in _SCHEMES else None


def key_owner(secret: str) -> Actor | None:
    """Return who shows this key; None where it is none that works."""
    try:
        return accounts.authenticate_secret(secret)
    except Unauthenticated:
        return None


def answers_to(user: User, name: str) -> bool:
    """Say whether a user goes by a name: the user name or the e-mail address."""
    said = name.strip().casefold()
    return bool(said) and said in {user.username.casefold(), user.email.casefold()}
