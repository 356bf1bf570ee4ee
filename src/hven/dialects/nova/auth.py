"""From nova's API key and session to who asks."""

from __future__ import annotations

import ipaddress
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from hven.accounts import access
from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import AccessKey
from hven.accounts.services.keys import SCOPES_OF_KIND
from hven.errors import Forbidden, Invalid, Unauthenticated
from hven.imaging.models import Reduction

VISITOR_KEY = "anonymous"
ORIGIN = "nova"  # of submissions that came by this dialect
ADDRESS_OPENS_FOR = timedelta(hours=24)


def arguments(request: HttpRequest, *, needed: bool = True) -> dict[str, Any]:
    """Return the object in the form field `request-json`; an empty one where there is none and none is needed.

    Raises
    ------
    Invalid
        There is none, or it is no JSON object; in the words that clients test.
    """
    try:
        text = request.POST.get("request-json")
    except (LookupError, UnicodeError):
        raise Invalid("The request names a character set that is none; send it in UTF-8.") from None
    if text is None and not needed:
        return {}
    if text is None:
        raise Invalid("no json")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        shown = text if len(text) <= 200 else text[:200] + "..."
        raise Invalid(f'failed to parse JSON: "{shown}"') from None
    if not isinstance(found, dict):
        raise Invalid('request-json must hold a JSON object, such as {"session": "..."}.')
    return found


def query(request: HttpRequest) -> QueryDict:
    """Return the query of the address in UTF-8, whatever character set the request names for its body."""
    return QueryDict(request.META.get("QUERY_STRING", ""), encoding="utf-8")


def session_for(key: Any) -> tuple[Actor, str]:
    """Return who has this API key, and a new session for them.

    Raises
    ------
    Unauthenticated
        The key is none that works.
    """
    if not key:
        raise Invalid('need "apikey"')
    if not isinstance(key, str):
        raise Unauthenticated("bad apikey")
    if key == VISITOR_KEY and settings.HVEN_VISITORS:
        return _visitor_session()
    try:
        actor = accounts.authenticate_secret(key.strip())
    except Unauthenticated:
        raise Unauthenticated("bad apikey") from None
    # A session that made sessions would never end.
    if actor.user is None or actor.key is None or actor.key.kind == AccessKey.Kind.SESSION:
        raise Unauthenticated("bad apikey")
    # A session can do what its key can, and no more.
    widest = SCOPES_OF_KIND[AccessKey.Kind.SESSION]
    made = accounts.make_key(
        actor.user, AccessKey.Kind.SESSION, "nova", observatory=actor.key.observatory, scopes=actor.scopes & widest,
        parent=actor.key,
    )  # fmt: skip
    return actor, made.secret


def _visitor_session() -> tuple[Actor, str]:
    actor = accounts.visitor_actor()
    made = accounts.make_key(accounts.visitor(), AccessKey.Kind.SESSION, "nova", scopes=actor.scopes)
    return actor, made.secret


def session_actor(found: dict[str, Any]) -> Actor:
    """Return who a call's session belongs to.

    Raises
    ------
    Unauthenticated
        In the words that make clients sign in again.
    """
    session = found.get("session")
    if not session:
        raise Unauthenticated('no "session" in JSON.')
    try:
        if not isinstance(session, str):
            raise Unauthenticated("not text")  # noqa: TRY301 - one refusal for both
        return accounts.authenticate_secret(session.strip())
    except Unauthenticated:
        raise Unauthenticated(f"no session with key {str(session)[:60]!r}; log in again.") from None


def key_actor(request: HttpRequest) -> Actor:
    """Return who owns the key or session in the header Authorization, which calls without a form send.

    Raises
    ------
    Unauthenticated
        There is none, or none that works.
    """
    scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() not in {"bearer", "token"} or not secret.strip():
        raise Unauthenticated("Send a key or a session in the header Authorization: Bearer KEY.")
    return accounts.authenticate_secret(secret.strip())


def page_actor(request: HttpRequest) -> Actor:
    """Return who asks for a file: somebody signed in on the pages, or anyone."""
    user = getattr(request, "user", None)
    return Actor.of(user) if user is not None and user.is_authenticated else ANYONE


def check_pixels(request: HttpRequest, reduction: Reduction) -> None:
    """Raise Forbidden unless the asker may have a frame's pixels.

    Clients fetch these without a session, so for a day they open to the address that handed the frame over. Only to
    nova's own: what came another way has its own keys, and an observatory shares its address with its visitors.
    """
    if access.may(page_actor(request), access.Verb.OPEN, reduction):
        return
    submission = reduction.submission
    ours = submission is not None and submission.origin == ORIGIN
    fresh = ours and submission is not None and timezone.now() - submission.created < ADDRESS_OPENS_FOR
    if fresh and submission is not None and submission.address and _same(submission.address, client_address(request)):
        return
    raise Forbidden("These pixels are private. Sign in on the pages, or ask from the address that submitted them.")


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address; trusted proxies were resolved before.

    None where a proxy speaks that the operator did not name: its address is everybody's and opens nothing.
    """
    if "X-Forwarded-For" in request.headers and not settings.HVEN_TRUSTED_PROXIES:
        return None
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def _same(one: str, other: str | None) -> bool:
    return other is not None and ipaddress.ip_address(one) == ipaddress.ip_address(other)
