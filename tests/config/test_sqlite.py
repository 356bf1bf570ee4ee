"""Waiting for whoever writes to the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction

from hven.config.sqlite import base

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def writer() -> Iterator[sqlite3.Connection]:
    """Somebody else who writes to the same file."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def waits_ms() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        return int(cursor.fetchone()[0])


def test_a_transaction_begins_as_soon_as_the_other_has_ended(
    writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            writer.execute("COMMIT")

    monkeypatch.setattr(base.time, "sleep", sleep)
    before = waits_ms()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert slept == [base._LOOK_EVERY_S] * 3
    assert waits_ms() == before


def test_who_waits_too_long_is_told(writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 7))
    monkeypatch.setattr(base.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(base.time, "sleep", lambda _seconds: None)
    before = waits_ms()
    with pytest.raises(OperationalError, match="locked"), transaction.atomic():
        pass
    assert waits_ms() == before
    writer.execute("ROLLBACK")
    with transaction.atomic():  # and the connection is as good as before
        pass


def test_another_fault_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_seconds: float) -> None:
        pytest.fail("it waited")

    monkeypatch.setattr(base.time, "sleep", never)
    with transaction.atomic(), pytest.raises(OperationalError, match="within a transaction"):
        connection._start_transaction_under_autocommit()
