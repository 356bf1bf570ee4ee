"""Transactions that do not wait for the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def unsynced() -> Iterator[None]:
    """Open a transaction that a power cut may undo, whole and with all that came after it; a crash does not.

    For work that would then be done again by itself: whoever else writes waits for the disk once less. Within another
    transaction it lasts as that one does.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            yield
    elif connection.vendor == "sqlite":
        connection.ensure_connection()
        [(before,)] = connection.connection.execute("PRAGMA synchronous").fetchall()
        connection.connection.execute("PRAGMA synchronous=NORMAL")  # the write-ahead log is not flushed at the end
        try:
            with transaction.atomic():
                yield
        finally:
            if connection.connection is not None:  # Django closes one that it could not roll back
                connection.connection.execute(f"PRAGMA synchronous={before}")
    else:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit = off")
            yield
