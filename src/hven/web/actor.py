"""Who asks for a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase

from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import User
from hven.errors import Unauthenticated

View = Callable[..., HttpResponseBase]


def actor_of(request: HttpRequest) -> Actor:
    """Return who is signed in, or anyone."""
    return Actor.of(request.user) if isinstance(request.user, User) else ANYONE


def user_of(request: HttpRequest) -> User:
    """Return the user who is signed in; Unauthenticated when nobody is."""
    if not isinstance(request.user, User):
        raise Unauthenticated("Sign in to see this page.")
    return request.user


def signed_in(view: View) -> View:
    """Make a view of a page that takes a signed-in user; others are sent to the sign-in page and back."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User):
            back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
            return redirect_to_login(back)
        return view(request, *args, **kwargs)

    return wrapped
