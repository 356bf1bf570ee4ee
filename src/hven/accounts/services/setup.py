"""The first start: an administrator from the settings, or a one-time link in the log."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hven.accounts.models import SetupLink, User
from hven.accounts.secrets import digest, new_secret, well_formed
from hven.accounts.services.users import create_user
from hven.errors import Forbidden, Invalid

LIFETIME = timedelta(hours=24)


def setup_open() -> bool:
    """Say whether nobody administers this server yet."""
    return not User.objects.filter(is_superuser=True).exists()


@transaction.atomic
def make_setup_secret() -> str:
    """Return the secret of a new set-up link; older ones end."""
    SetupLink.objects.all().delete()
    secret = new_secret()
    SetupLink.objects.create(digest=digest(secret), expires=timezone.now() + LIFETIME)
    return secret


@transaction.atomic
def complete_setup(secret: str, username: str, password: str, email: str = "") -> User:
    """Make the first administrator by way of the link.

    Raises
    ------
    Forbidden
        The link is used, old or wrong, or there is an administrator already.
    Invalid
        The name or the password does not do; the link stays good.
    """
    link = SetupLink.objects.select_for_update().filter(digest=digest(secret)).first() if well_formed(secret) else None
    if link is None or link.expires <= timezone.now() or not setup_open():
        raise Forbidden("This set-up link is no longer good. Start hven again: it prints a new one if there is need.")
    if not password:
        raise Invalid("Choose a password.")
    user = create_user(username, password, email=email, admin=True)
    SetupLink.objects.all().delete()
    return user


def first_run() -> str | None:
    """Prepare the first administrator; return the secret of a set-up link when somebody has to open it.

    With ``HVEN_ADMIN_USER`` and ``HVEN_ADMIN_PASSWORD`` the administrator is made at once. Both do nothing later on.
    """
    if not setup_open():
        return None
    name, password = settings.HVEN_ADMIN_USER, settings.HVEN_ADMIN_PASSWORD
    if bool(name) != bool(password):
        raise Invalid("HVEN_ADMIN_USER and HVEN_ADMIN_PASSWORD work together only; set both or none.")
    if name:
        create_user(name, password, admin=True)
        return None
    return make_setup_secret()
