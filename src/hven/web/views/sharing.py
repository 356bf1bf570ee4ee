"""Links that show a frame, a dataset or a package to whoever has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hven.accounts import services as accounts
from hven.accounts.access import Verb, find
from hven.accounts.models import Grant, Owned
from hven.archive.models import Dataset, Package
from hven.errors import Invalid, NotFound
from hven.imaging.models import Reduction
from hven.web.actor import actor_of, follow_link
from hven.web.calls import server_address
from hven.web.errors import page

DURATIONS = {"": "until it is taken back", "1": "for a day", "7": "for a week", "30": "for 30 days"}
_PAGES: dict[str, tuple[type[Owned], str]] = {
    "imaging.reduction": (Reduction, "frame"),
    "archive.dataset": (Dataset, "album"),
    "archive.package": (Package, "package"),
}
_GONE = "This link opens nothing: it was taken back, or has ended. Ask whoever sent it for another."


@page
@require_safe
@never_cache
def shared(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Keep the link in the browser's session and go to what it shows."""
    grant = accounts.shared_by(secret)
    if grant is None or grant.record_kind not in _PAGES:
        raise NotFound(_GONE)
    model, name = _PAGES[grant.record_kind]
    if not model._default_manager.filter(uuid=grant.record).exists():  # noqa: SLF001 - Django's documented name
        raise NotFound(_GONE)
    follow_link(request, grant.link_digest)
    response = redirect(name, uuid=grant.record)
    response["Referrer-Policy"] = "no-referrer"
    return response


@page
@require_POST
@never_cache
def frame_links(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Make a link to a frame, shown once, or take one back."""
    from hven.web.views.image import show  # noqa: PLC0415 - they name each other

    reduction = find(Reduction.objects.select_related("data_file__blob", "owner", "submission"), actor_of(request),
                     Verb.SHARE, uuid=uuid)  # fmt: skip
    made = change_links(request, reduction)
    return redirect("frame", uuid=uuid) if made is None else show(request, reduction, {"made_link": made})


@page
@require_POST
@never_cache
def album_links(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Make a link to a dataset, shown once, or take one back."""
    from hven.web.views.albums import show  # noqa: PLC0415 - they name each other

    album = find(Dataset.objects.select_related("owner"), actor_of(request), Verb.SHARE, uuid=uuid)
    if album.inbox:
        raise Invalid("An inbox is for its owner alone; make a dataset of what you want to show.")
    made = change_links(request, album)
    return redirect("album", uuid=uuid) if made is None else show(request, album, {"made_link": made})


def links_for(actor: Any, record: Owned) -> list[Grant]:
    """Return the links of a record for those who may share it."""
    return list(accounts.links_of(actor, record)[:50])


def change_links(request: HttpRequest, record: Owned) -> str | None:
    """Do what the form says; return the address of a link that was made."""
    actor = actor_of(request)
    if (said := request.POST.get("revoke", "")) != "":
        try:
            accounts.revoke_grant(actor, record, UUID(said))
        except ValueError:
            raise NotFound("There is no such link.") from None
        messages.success(request, "The link is taken back. It opens nothing from now on.")
        return None
    days = request.POST.get("days", "")
    if days not in DURATIONS:
        raise Invalid("Choose how long the link shall work.")
    expires = timezone.now() + timedelta(days=int(days)) if days else None
    secret = accounts.grant_link(actor, record, expires=expires).secret
    return f"{server_address(request)}{reverse('shared', args=[secret])}"
