"""Signing in with a password, slowed down for those who guess."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from django.contrib.auth import authenticate
from django.db.models import Q
from django.utils import timezone

from hven.accounts.models import SignInAttempt, User
from hven.accounts.secrets import digest
from hven.errors import Throttled, Unauthenticated

WINDOW = timedelta(minutes=15)
# By name and address together: a person who forgot. By address: one guesser, many names. By name: many addresses, and
# high enough that a stranger cannot lock somebody out by a few wrong guesses.
MOST_BOTH, MOST_ADDRESS, MOST_NAME = 5, 30, 100


def sign_in(username: str, password: str, address: str) -> User:
    """Return the user with this name and password.

    Parameters
    ----------
    username, password
        As typed.
    address
        The client's IP address.

    Raises
    ------
    Unauthenticated
        Name and password do not belong together; the message does not say whether the name exists.
    Throttled
        Too many attempts failed; ``retry_after_s`` says when to come back.
    """
    name, place = digest(username.strip().lower()), _network(address)
    now = timezone.now()
    # Written before the password is looked at, so that attempts side by side all count.
    attempt = SignInAttempt.objects.create(name_digest=name, address=place, at=now)
    recent = SignInAttempt.objects.filter(at__gt=now - WINDOW).exclude(pk=attempt.pk)
    for condition, most in (
        (Q(name_digest=name, address=place), MOST_BOTH),
        (Q(address=place), MOST_ADDRESS),
        (Q(name_digest=name), MOST_NAME),
    ):
        times = list(recent.filter(condition).order_by("-at").values_list("at", flat=True)[:most])
        if len(times) >= most:
            attempt.delete()
            wait = max(1.0, (times[-1] + WINDOW - now).total_seconds())
            raise Throttled(f"Too many attempts failed. Try again in {_spoken(wait)}.", wait)
    user = authenticate(None, username=username.strip(), password=password)
    if not isinstance(user, User):
        raise Unauthenticated("This name and password do not belong together.")
    SignInAttempt.objects.filter(name_digest=name, address=place).delete()
    return user


def _network(address: str) -> str:
    """Return what is counted: an IPv4 address, or the /64 of an IPv6 one, since one household owns all of that."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False).network_address)


def _spoken(seconds: float) -> str:
    minutes = int(-(-seconds // 60))
    return "a minute" if minutes <= 1 else f"{minutes} minutes"
