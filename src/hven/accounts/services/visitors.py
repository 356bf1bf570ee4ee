"""People without an account, where the operator lets them hand over frames."""

from __future__ import annotations

from django.conf import settings
from django.db import IntegrityError, transaction

from hven.accounts.actor import UPLOAD, Actor
from hven.accounts.models import User
from hven.errors import Unauthenticated

NAME = "anonymous"


def visitor() -> User:
    """Return the account that stands for all visitors, made when it is first needed; nobody can sign in to it."""
    found = User.objects.filter(is_visitor=True).first()
    if found is not None:
        return found
    # somebody may have taken the name before visitors were let in
    for name in (NAME, "anonymous-visitor", "hven-anonymous-visitor"):
        try:
            with transaction.atomic():
                user = User(username=name, is_visitor=True)
                user.set_unusable_password()
                user.save(force_insert=True)
        except IntegrityError:
            made = User.objects.filter(is_visitor=True).first()  # by another request meanwhile
            if made is not None:
                return made
        else:
            return user
    raise Unauthenticated("Sign in, or send an access key, to hand something over.")


def visitor_actor() -> Actor:
    """Return who hands over without an account: such a one may upload, and nothing else.

    Raises
    ------
    Unauthenticated
        The operator lets no visitors in.
    """
    if not settings.HVEN_VISITORS:
        raise Unauthenticated("Sign in, or send an access key, to hand something over.")
    return Actor(user=visitor(), scopes=frozenset({UPLOAD}))
