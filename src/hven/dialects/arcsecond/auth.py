"""From Arcsecond's keys to who asks."""

from __future__ import annotations

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
        said = str(request.META.get(HEADER) or request.META.get("HTTP_AUTHORIZATION") or "").strip()
        scheme, _, secret = said.partition(" ")
        if scheme.lower() not in _SCHEMES:
            return None
        actor = key_owner(secret.strip())
        if actor is None or actor.user is None:
            raise AuthenticationFailed("Invalid key.")
        return actor.user, actor

    def authenticate_header(self, request: Request) -> str:
        """Return what an answer 401 asks for."""
        return "Key"


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
