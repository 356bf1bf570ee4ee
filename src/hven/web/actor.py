"""Who asks for a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme

from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import User
from hven.errors import Unauthenticated

View = Callable[..., HttpResponseBase]


_LINKS = "links"  # in the session: digests of the links that were followed
_MOST_LINKS = 50


def actor_of(request: HttpRequest) -> Actor:
    """Return who is signed in, or anyone, with the shared links that this browser followed."""
    actor = Actor.of(request.user) if isinstance(request.user, User) else ANYONE
    followed = request.session.get(_LINKS)
    return accounts.with_links(actor, followed) if followed else actor


def follow_link(request: HttpRequest, digest: str) -> None:
    """Keep a shared link in the session, the newest ones of many."""
    followed = [each for each in request.session.get(_LINKS, []) if each != digest]
    request.session[_LINKS] = [*followed, digest][-_MOST_LINKS:]


def next_page(request: HttpRequest, otherwise: str) -> str:
    """Return where a form wants to lead, where that is a page of this site."""
    wanted = str(request.POST.get("next", ""))
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else otherwise


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
