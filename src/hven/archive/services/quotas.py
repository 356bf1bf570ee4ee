"""What a user's files take, and whether more would be too much."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Sum

from hven.accounts.models import User
from hven.accounts.services import storage_quota
from hven.archive.models import DataFile
from hven.errors import TooLarge


def bytes_kept(user: User) -> int:
    """Return the bytes of all files that a user owns; the same bytes filed twice count twice."""
    total: int | None = DataFile.objects.filter(owner=user).aggregate(total=Sum("size"))["total"]
    return total or 0


def check_quota(user: User, more: int) -> None:
    """Raise TooLarge where so many more bytes would exceed what the user may keep, or a visitor hand over."""
    if user.is_visitor and more > settings.HVEN_VISITOR_UPLOAD:
        raise TooLarge(f"Without an account a file may have {_shown(settings.HVEN_VISITOR_UPLOAD)}; sign in for more.")
    most = storage_quota(user)
    if most and (kept := bytes_kept(user)) + more > most:
        raise TooLarge(
            f"This file of {_shown(more)} does not fit: your files take {_shown(kept)} of {_shown(most)}. "
            "Delete some, or ask the operator for more."
        )


def _shown(size: int) -> str:
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.3g} {unit}"
