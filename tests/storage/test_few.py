"""Few bytes: with their record or not at all, found wherever they lie, moved to the store and never lost on the way."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from hven.errors import Unavailable
from hven.storage import few, services
from hven.storage.models import Blob, NewBytes

pytestmark = pytest.mark.django_db(transaction=True)


def put(content: bytes) -> Blob:
    with transaction.atomic():
        return services.put_few(content)


def undone(content: bytes) -> None:
    """Store bytes in a transaction that fails."""
    with transaction.atomic():
        services.put_few(content)
        transaction.set_rollback(True)


def read(blob: Blob) -> bytes:
    with services.open_blob(blob) as stream:
        return stream.read()


def is_stored(blob: Blob) -> bool:
    return services.store().path(blob.sha256).exists()


def left(settings: Any) -> list[Path]:
    folders = settings.HVEN_FOLDERS
    return [path for folder in (folders.blobs, folders.incoming) for path in folder.rglob("*") if path.is_file()]


def test_they_are_there_with_their_record_and_gone_with_it(settings: Any) -> None:
    blob = put(b"few")
    assert read(Blob.objects.get()) == b"few" and (blob.size, len(blob.sha256)) == (3, 64)
    undone(b"other")
    assert [one.pk for one in Blob.objects.all()] == [blob.pk] and NewBytes.objects.count() == 1
    assert left(settings) == []


def test_whoever_needs_a_path_gets_a_read_only_one() -> None:
    blob = put(b"few")
    with services.local(blob) as path:
        assert path.read_bytes() == b"few" and path.stat().st_mode & 0o777 == 0o400
    assert not NewBytes.objects.exists() and read(blob) == b"few"


def test_the_same_bytes_lie_in_one_place() -> None:
    first, again = put(b"few"), put(b"few")
    assert first.pk == again.pk and NewBytes.objects.count() == 1
    services.settle()
    assert put(b"few").pk == first.pk and not NewBytes.objects.exists()
    stored = services.put(b"stored")
    undone(b"stored")
    assert read(stored) == b"stored"


@pytest.mark.parametrize("found", [b"", b"fe", b"few and more", None])
def test_damaged_and_lost_bytes_are_mended_by_storing_them_again(found: bytes | None) -> None:
    blob = services.put(b"few")
    path = services.store().path(blob.sha256)
    path.unlink()
    if found is not None:
        path.write_bytes(found)
    put(b"few")
    assert read(blob) == b"few"
    services.settle()
    assert path.read_bytes() == b"few"


@pytest.mark.parametrize("found", [b"damaged", b"few", None])
def test_bytes_that_are_known_are_mended_and_else_left(found: bytes | None) -> None:
    services.mend(b"few")
    assert not Blob.objects.exists()
    blob = services.put(b"few")
    path = services.store().path(blob.sha256)
    path.unlink()
    if found is not None:
        path.write_bytes(found)
    services.mend(b"few")
    assert read(blob) == b"few"


def test_a_transaction_that_fails_takes_nothing_of_what_was_stored() -> None:
    blob = services.put(b"few")
    path = services.store().path(blob.sha256)
    path.chmod(0o600)
    path.write_bytes(b"fe")
    undone(b"few")
    assert read(blob) == b"few"


def test_what_cannot_be_moved_keeps_no_other_from_it() -> None:
    blobs = [put(b"%d" % number) for number in range(4)]
    services.store().path(blobs[1].sha256).mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        services.settle()
    assert [row.pk for row in NewBytes.objects.all()] == [blobs[1].pk]
    assert [read(blobs[at]) for at in (0, 2, 3)] == [b"0", b"2", b"3"]


def test_what_is_not_so_few_goes_to_the_store_at_once() -> None:
    blob = put(b"x" * (few.FEW + 1))
    assert is_stored(blob) and not NewBytes.objects.exists()
    assert not is_stored(put(b"y" * few.FEW))


def test_settling_moves_all_and_syncs_each_before_the_database_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [b"%d" % number for number in range(few.AT_ONCE + 5)]
    blobs = [put(content) for content in contents]
    synced, fsync = set(), os.fsync
    held: dict[str, bool] = {}

    def noted(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        synced.add(name)
        held[name] = NewBytes.objects.exists()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    assert services.settle() == len(blobs)
    assert not NewBytes.objects.exists() and [read(blob) for blob in blobs] == contents
    assert all(is_stored(blob) for blob in blobs)
    folders = {str(services.store().path(blob.sha256).parent) for blob in blobs}
    assert folders <= synced and len([name for name in synced if "put-" in name]) == len(blobs)
    assert all(held.values())
    assert services.settle() == 0


def test_a_settling_that_was_cut_off_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = [put(b"%d" % number) for number in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(
            type(NewBytes.objects.all()), "delete", lambda _: (_ for _ in ()).throw(OSError("the power went"))
        )
        with pytest.raises(OSError, match="power"):
            services.settle()
    assert NewBytes.objects.count() == 3 and all(is_stored(blob) for blob in blobs)
    assert services.settle() == 3 and [read(blob) for blob in blobs] == [b"0", b"1", b"2"]


def test_a_reader_that_comes_while_they_are_moved_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = put(b"few")
    new_bytes = few.new_bytes

    def moved_meanwhile(asked: Blob) -> bytes | None:
        services.settle()
        return new_bytes(asked)

    monkeypatch.setattr(few, "new_bytes", moved_meanwhile)
    assert read(blob) == b"few"


def test_bytes_that_nobody_wants_go_from_the_database_too(settings: Any) -> None:
    put(b"few")
    settings.HVEN_BLOB_GRACE = 10
    Blob.objects.update(wanted=timezone.now() - timedelta(seconds=20))
    assert services.remove_unwanted() == 1
    assert not NewBytes.objects.exists() and left(settings) == []


def test_they_are_moved_when_no_more_come_or_there_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not services.is_time_to_settle()
    put(b"few")
    assert not services.is_time_to_settle()
    monkeypatch.setattr(few, "MOST", 2)
    assert services.is_time_to_settle()
    monkeypatch.undo()
    for away in (timedelta(seconds=-60), timedelta(days=30)):  # the clock may have been set back
        Blob.objects.update(created=timezone.now() + away)
        assert services.is_time_to_settle()


def test_a_nearly_full_disk_takes_not_even_a_few(settings: Any) -> None:
    settings.HVEN_MIN_FREE_DISK = 10**18
    with pytest.raises(Unavailable, match="disk"):
        put(b"x")
    assert left(settings) == [] and not Blob.objects.exists()


def test_storing_few_waits_for_the_disk_no_more_than_the_commit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    put(b"few")
    assert waited == []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: each commit is on the disk
