"""What a user's files take, and whether more would be too much."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Sum

from hven.accounts.models import User
from hven.accounts.services import storage_quota
from hven.archive.models import DataFile, Submission
from hven.errors import TooLarge


def bytes_kept(user: User) -> int:
    """Return the bytes of all files that a user owns, and of archives that are not unpacked.

    The same bytes filed twice count twice.
    """
    files: int | None = DataFile.objects.filter(owner=user).aggregate(total=Sum("size"))["total"]
    waiting = Submission.objects.filter(owner=user, blob__isnull=False)
    archives: int | None = waiting.aggregate(total=Sum("blob__size"))["total"]
    return (files or 0) + (archives or 0)


def check_quota(user: User, *sizes: int) -> None:
    """Raise TooLarge where files of so many bytes would exceed what the user may keep, or a visitor hand over."""
    if user.is_visitor and max(sizes, default=0) > settings.HVEN_VISITOR_UPLOAD:
        raise TooLarge(f"Without an account a file may have {_shown(settings.HVEN_VISITOR_UPLOAD)}; sign in for more.")
    most, more = storage_quota(user), sum(sizes)
    if most and (kept := bytes_kept(user)) + more > most:
        what = "This file" if len(sizes) == 1 else f"These {len(sizes):,} files"
        raise TooLarge(
            f"{what} of {_shown(more)} cannot be kept: your files take {_shown(kept)} of {_shown(most)}. "
            "Delete some, or ask the operator for more."
        )


def _shown(size: int) -> str:
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.3g} {unit}"
