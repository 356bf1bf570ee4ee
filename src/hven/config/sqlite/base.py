"""Django's SQLite, but for how it waits for whoever writes just now.

SQLite itself looks again after 1, 2, 5, 10, 15, 20, 25 and more milliseconds, while a transaction here lasts a few:
whoever sends many small files beside busy workers would mostly sleep. So the turn is asked for every millisecond.
"""

from __future__ import annotations

import sqlite3
import time

from django.db.backends.sqlite3 import base

_LOOK_EVERY_S = 0.001


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions begin soon after another's end."""

    def _start_transaction_under_autocommit(self) -> None:
        """Begin a transaction; OperationalError where others write for longer than the timeout of the settings."""
        self.ensure_connection()
        seconds = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        connection: sqlite3.Connection = self.connection
        mode = self.transaction_mode  # type: ignore[attr-defined] # the stubs do not know it
        end = time.monotonic() + seconds
        with self.wrap_database_errors:
            connection.execute("PRAGMA busy_timeout=0")
            try:
                while not _begun(connection, f"BEGIN {mode or 'DEFERRED'}", last=time.monotonic() > end):
                    time.sleep(_LOOK_EVERY_S)
            finally:
                connection.execute(f"PRAGMA busy_timeout={round(1000 * seconds)}")


def _begun(connection: sqlite3.Connection, begin: str, *, last: bool) -> bool:
    """Try to begin; return False where somebody else writes, and raise that where it was the last try."""
    try:
        connection.execute(begin)
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
