"""Signing in and out, the first set-up, sign-up, passwords."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from hven.accounts import services as accounts
from hven.accounts.models import User
from hven.errors import Conflict, Forbidden, HvenError, Invalid, NotFound, Throttled, Unauthenticated
from hven.web.actor import signed_in, user_of
from hven.web.errors import page, status_of

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@page
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the sign-in form, and sign in."""
    back = _back(request)
    if isinstance(request.user, User) and request.method != "POST":
        return redirect(back)
    context = {"next": back, "signup": settings.HVEN_SIGNUP, "setup": accounts.setup_open()}
    if request.method != "POST":
        return render(request, "web/sign_in.html", context)
    name = request.POST.get("username", "")
    try:
        user = accounts.sign_in(name, request.POST.get("password", ""), request.META.get("REMOTE_ADDR", ""))
    except (Unauthenticated, Throttled) as error:
        # 400, not 401: a browser would expect a scheme of authentication with that.
        status = 429 if isinstance(error, Throttled) else 400
        response = render(request, "web/sign_in.html", context | {"error": str(error), "name": name}, status=status)
        if isinstance(error, Throttled):
            response["Retry-After"] = str(int(error.retry_after_s) + 1)
        return response
    login(request, user, backend=_BACKEND)
    return redirect(back)


@page
@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End the session."""
    logout(request)
    return redirect("sign-in")


@page
@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Make the first administrator by way of the link that the server printed."""
    if not accounts.setup_open():
        raise NotFound("This server is set up already. Sign in instead.")
    context = {"secret": secret}
    if request.method != "POST":
        return render(request, "web/set_up.html", context)
    try:
        username, password, email = _new_account(request)
        user = accounts.complete_setup(secret, username, password, email)
    except (Invalid, Conflict) as error:
        return _again(request, "web/set_up.html", context, error)
    login(request, user, backend=_BACKEND)
    return redirect("upload")


@page
@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponseBase:
    """Make an account, where the operator allows it."""
    if not settings.HVEN_SIGNUP:
        raise NotFound("This server's operator makes accounts; ask them for one.")
    if request.method != "POST":
        return render(request, "web/sign_up.html")
    try:
        user = accounts.sign_up(*_new_account(request))
    except (Invalid, Conflict, Forbidden) as error:
        return _again(request, "web/sign_up.html", {}, error)
    login(request, user, backend=_BACKEND)
    return redirect("upload")


@page
@never_cache
@signed_in
@sensitive_post_parameters("current", "password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponseBase:
    """Give oneself another password; other sessions end, this one stays."""
    if request.method != "POST":
        return render(request, "web/password.html")
    user = user_of(request)
    try:
        password = _twice(request)
        accounts.change_password(user, password, current=request.POST.get("current", ""))
    except Invalid as error:
        return _again(request, "web/password.html", {}, error)
    update_session_auth_hash(request, user)
    messages.success(request, "Your password is changed. Other browsers have to sign in again.")
    return redirect("password")


def _new_account(request: HttpRequest) -> tuple[str, str, str]:
    return request.POST.get("username", ""), _twice(request), request.POST.get("email", "")


def _twice(request: HttpRequest) -> str:
    password = request.POST.get("password", "")
    if not password:
        raise Invalid("Choose a password.")
    if password != request.POST.get("again", ""):
        raise Invalid("The two passwords differ; type the same one twice.")
    return password


def _again(request: HttpRequest, template: str, context: Mapping[str, object], error: HvenError) -> HttpResponse:
    typed = {"name": request.POST.get("username", ""), "email": request.POST.get("email", "")}
    return render(request, template, {**context, **typed, "error": str(error)}, status=status_of(error))


def _back(request: HttpRequest) -> str:
    """Return where to go after signing in: a page of this site only."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and not wanted.startswith(settings.LOGIN_URL) else "/"
