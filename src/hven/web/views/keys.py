"""Access keys: list, make, revoke."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hven.accounts import services as accounts
from hven.accounts.models import AccessKey, User
from hven.accounts.services.keys import MadeKey
from hven.errors import Invalid
from hven.web.actor import signed_in, user_of
from hven.web.calls import server_address
from hven.web.errors import page

KINDS = {
    AccessKey.Kind.API: "for programs: may do all that you may",
    AccessKey.Kind.UPLOAD: "for a camera: hands over frames and takes nothing out",
    AccessKey.Kind.PERSONAL: "for your own scripts: may do all that you may",
    AccessKey.Kind.TOKEN: "for a while: ends by itself after 30 days",
}


@page
@never_cache
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponseBase:
    """Show the keys that work, and make one; its secret is in this one answer and nowhere else."""
    user = user_of(request)
    made, error = None, ""
    if request.method == "POST":
        try:
            made = _make(user, request.POST.get("kind", ""), request.POST.get("name", "").strip())
        except Invalid as refused:
            error = str(refused)
    context = {
        "keys": accounts.list_keys(user).exclude(kind=AccessKey.Kind.SESSION),
        "kinds": [(kind.value, words) for kind, words in KINDS.items()],
        "made": made,
        "error": error,
        "address": server_address(request),
    }
    return render(request, "web/keys.html", context, status=400 if error else 200)


@page
@signed_in
@require_POST
def revoke(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """End a key."""
    key = accounts.revoke_key(user_of(request), uuid)
    messages.success(request, f"The key {key.prefix}… is revoked. Programs that use it are refused from now on.")
    return redirect("keys")


def _make(user: User, kind: str, name: str) -> MadeKey:
    if kind not in KINDS:
        raise Invalid("Choose what the key is for.")
    return accounts.mint_token(user, name) if kind == AccessKey.Kind.TOKEN else accounts.make_key(user, kind, name)
