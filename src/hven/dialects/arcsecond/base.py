"""What all views of the dialect share: who asks, for which observatory, lists as arrays and as pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from rest_framework.pagination import PageNumberPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from hven.accounts import access
from hven.accounts.access import Verb
from hven.accounts.actor import Actor
from hven.accounts.models import Membership, Observatory, Owned
from hven.dialects.arcsecond.auth import KeyAuthentication
from hven.dialects.arcsecond.errors import exception_handler
from hven.dialects.arcsecond.wire import Known
from hven.dialects.rest import DialectView, SessionAuthentication
from hven.errors import Invalid, NotFound

LOCAL = "local"  # a self-hosted server's own observatory, whatever it is called
STREAMED_FROM = 1000  # rows of an array that is sent as it is read


class Pages(PageNumberPagination):
    """Pages where one is asked for."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class ArcsecondView(DialectView):
    """A view of the dialect, of one's own records or, with a subdomain in front, of an observatory's."""

    authentication_classes: tuple[type[Any], ...] = (KeyAuthentication, SessionAuthentication)
    pages: type[Pages] = Pages

    def get_exception_handler(self) -> Callable[..., Any]:
        """Return the dialect's own."""
        return exception_handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let nothing in that no database looks for."""
        super().initial(request, *args, **kwargs)
        if any("\0" in value for value in kwargs.values() if isinstance(value, str)):
            raise NotFound("Not found.")
        if any("\0" in value for values in request.query_params.lists() for value in (values[0], *values[1])):
            raise Invalid("The address holds a NUL character, which nothing here is called by.")

    @cached_property
    def observatory(self) -> Observatory | None:
        """The observatory that the address names; None for one's own records.

        Raises
        ------
        NotFound
            There is none of that subdomain.
        """
        subdomain = self.kwargs.get("subdomain")
        return None if subdomain is None else find_observatory(self.actor, subdomain)

    @cached_property
    def known(self) -> Known:
        """Which sites and telescopes may be named to the caller."""
        return Known(self.actor)

    def rows(self, model: type[Model], verb: Verb = Verb.SEE) -> QuerySet[Any]:
        """Return the records of a kind that a list shows: the observatory's, or one's own and those shared with one."""
        seen = access.visible(model._default_manager.all(), self.actor, verb)  # noqa: SLF001 - Django's documented name
        if self.observatory is not None:
            return seen.filter(observatory=self.observatory).order_by("id")
        if self.actor.user is None:
            return seen.filter(visibility="public").order_by("id")
        # What one works on, whatever this key may do with it; not what is merely public.
        worker = Actor.of(self.actor.user)
        mine = access.visible(seen.filter(observatory__isnull=True), worker, Verb.CHANGE)
        return (seen.filter(visibility="public") if self.asks_for("public") else mine).order_by("id")

    def asks_for(self, name: str) -> bool:
        """Say whether a switch is on in the address."""
        return self.request.query_params.get(name, "").casefold() in {"1", "true", "yes"}

    def find(self, model: type[Any], verb: Verb = Verb.SEE, **lookup: Any) -> Any:
        """Return one record; in an observatory's addresses it must be the observatory's, or public."""
        rows = model._default_manager.all()  # noqa: SLF001 - as above
        if self.observatory is not None:
            rows = rows.filter(observatory=self.observatory)
        return access.find(rows, self.actor, verb, **lookup)

    def listed(self, rows: QuerySet[Any], wire: Callable[[Any], dict[str, Any]]) -> HttpResponseBase:
        """Answer with a list: a bare array, or a page of it where one is asked for."""
        if "page" in self.request.query_params:
            pages = self.pages()
            page = pages.paginate_queryset(rows, self.request, self)
            return pages.get_paginated_response([wire(row) for row in page or ()])
        plain = isinstance(self.request.accepted_renderer, JSONRenderer)
        if plain and rows[STREAMED_FROM : STREAMED_FROM + 1].exists():
            return StreamingHttpResponse(_array(rows, wire), content_type="application/json")
        return Response([wire(row) for row in rows])


def _array(rows: QuerySet[Any], wire: Callable[[Any], dict[str, Any]]) -> Iterator[str]:
    opening = "["
    for row in rows.iterator(chunk_size=1000):
        yield opening + json.dumps(wire(row), default=str)
        opening = ","
    yield "]" if opening == "," else "[]"


def find_observatory(actor: Actor, subdomain: str) -> Observatory:
    """Return the observatory of a subdomain; `local` is the only one there is, or that the caller is in."""
    found = Observatory.objects.filter(slug=subdomain.casefold()).first()
    if found is None and subdomain.casefold() == LOCAL:
        every = list(Observatory.objects.order_by("id")[:2])
        if len(every) == 1:
            found = every[0]
        elif actor.user is not None:
            mine = [one.observatory for one in places_of(actor).select_related("observatory")]
            found = mine[0] if len(mine) == 1 else None
    if found is None:
        raise NotFound("There is no organisation of that subdomain here.")
    return found


def places_of(actor: Actor) -> QuerySet[Membership]:
    """Return where somebody is a member; by the key of an observatory, there only."""
    found = Membership.objects.filter(user=actor.user)
    bound = actor.key.observatory_id if actor.key is not None else None
    return found if bound is None else found.filter(observatory=bound)


def words(request: Request) -> dict[str, Any]:
    """Return the object that a request holds.

    Raises
    ------
    Invalid
        It holds another thing.
    """
    return words_in(request.data)


def words_in(data: Any) -> dict[str, Any]:
    """Return the object that was sent, as `words` does."""
    if not isinstance(data, dict):
        raise Invalid("Send a JSON object.")
    return {str(name): _kept(value) for name, value in data.items()}


def _kept(value: Any) -> Any:
    """Return what was sent without NUL characters, which not every database keeps."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {str(_kept(name)): _kept(each) for name, each in value.items()}
    return [_kept(each) for each in value] if isinstance(value, list) else value


def text(found: dict[str, Any], name: str) -> str | None:
    """Return a text that was sent, None where it was not."""
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, str | int | float):
        raise Invalid(f"{name} takes text.")
    return str(value)


def number(found: dict[str, Any], name: str) -> float | None:
    """Return a number that was sent, None where it was not."""
    value = found.get(name)
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"{name} takes a number.") from None


def uuid_of(value: Any, name: str) -> UUID:
    """Return a uuid that was sent."""
    try:
        return UUID(str(value))
    except ValueError:
        raise Invalid(f"{name} takes a uuid.") from None


def owned(model: type[Owned]) -> str:
    """Return what a kind of record is called in sentences."""
    return model._meta.verbose_name.lower() if model._meta.verbose_name else "record"  # noqa: SLF001 - as above
