"""Transactions that do not wait for the disk."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from hven.storage.models import Blob
from hven.storage.statements import Lookup
from hven.storage.transactions import unsynced


def _blob(number: int) -> Blob:
    return Blob.objects.create(sha256=f"{number:064x}", sha1=f"{number:040x}", size=number)


def _fail(number: int) -> None:
    with unsynced():
        _blob(number)
        raise ZeroDivisionError


def _is_synced() -> bool:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            return int(cursor.fetchone()[0]) == 2
        cursor.execute("SHOW synchronous_commit")
        return str(cursor.fetchone()[0]) == "on"


@pytest.mark.django_db(transaction=True)
def test_only_the_transaction_itself_does_not_wait_for_the_disk() -> None:
    assert _is_synced()
    with unsynced():
        assert not _is_synced()
        _blob(1)
    assert _is_synced()
    assert Blob.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_fails_leaves_nothing_and_the_next_one_waits_again() -> None:
    with pytest.raises(ZeroDivisionError):
        _fail(1)
    assert _is_synced()
    assert not Blob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_within_another_transaction_it_is_a_part_of_that_one() -> None:
    with transaction.atomic():
        _blob(1)
        with pytest.raises(ZeroDivisionError):
            _fail(2)
        with unsynced():
            _blob(3)
        assert _is_synced()
    assert list(Blob.objects.order_by("size").values_list("size", flat=True)) == [1, 3]


@pytest.mark.django_db
def test_a_lookup_gives_the_rows_of_any_number_of_ids() -> None:
    pks = [_blob(number).pk for number in range(8)]
    lookup = Lookup(lambda ids: Blob.objects.filter(pk__in=ids).order_by("-pk").values_list("pk", "size"), at_once=3)
    assert lookup.rows([]) == []
    assert lookup.rows(pks[:1]) == [[pks[0], 0]]
    assert lookup.rows([pks[1], pks[1], -1]) == [[pks[1], 1]]
    assert sorted(size for _, size in lookup.rows(pks)) == list(range(8))
