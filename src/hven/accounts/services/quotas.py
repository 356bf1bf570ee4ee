"""How much a user may keep and ask for at once."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from hven.accounts.models import User
from hven.errors import Invalid

MOST_QUEUED = 2**31 - 1
MOST_STORAGE = 2**63 - 1


def storage_quota(user: User) -> int:
    """Return the most bytes that a user's files may take; 0 for no limit."""
    return settings.HVEN_QUOTA_STORAGE if user.quota_storage is None else user.quota_storage


def queue_quota(user: User) -> int:
    """Return how many of a user's jobs may wait or run at once; 0 for no limit."""
    return settings.HVEN_QUOTA_QUEUED if user.quota_queued is None else user.quota_queued


@transaction.atomic
def set_quotas(user: User, *, storage: int | None, queued: int | None) -> None:
    """Give a user limits of their own; None takes the server's settings again, 0 means no limit.

    Raises
    ------
    Invalid
        A limit is negative, or beyond what can be counted.
    """
    if not 0 <= (storage or 0) <= MOST_STORAGE or not 0 <= (queued or 0) <= MOST_QUEUED:
        raise Invalid("A limit is 0, for none, or a positive number.")
    user.quota_storage, user.quota_queued = storage, queued
    user.save(update_fields=["quota_storage", "quota_queued"])
