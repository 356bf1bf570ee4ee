"""From STDWeb's token to who asks."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
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
