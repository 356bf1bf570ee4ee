"""Storage: whole or not at all, each content once, removed when nobody refers to it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.utils import timezone

from hven.archive.models import DataFile, Dataset
from hven.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from hven.storage import incoming, services, signing
from hven.storage.models import Blob

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hold(user):
    """Refer to a blob by a record, as records do."""
    dataset = Dataset.objects.create(owner=user, name="held")
    return lambda blob: DataFile.objects.create(owner=user, dataset=dataset, name="held", blob=blob)


@pytest.fixture
def leftovers(settings):
    """Names of files that were written and belong to nothing."""
    return lambda: sorted(path.name for path in settings.HVEN_FOLDERS.incoming.glob("*") if path.is_file())


def read(blob):
    with services.open_blob(blob) as stream:
        return stream.read()


def age(blob, seconds):
    Blob.objects.filter(pk=blob.pk).update(wanted=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.parametrize("content", [b"", b"x", os.urandom(3_000_001)])
def test_bytes_come_back_as_they_went_with_both_hashes(content, leftovers):
    blob = services.put(iter([content[:100], content[100:]]))
    assert read(blob) == content
    assert (blob.size, blob.sha256, blob.sha1) == (
        len(content),
        hashlib.sha256(content).hexdigest(),
        hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    )
    assert leftovers() == []


def test_same_bytes_are_one_blob_however_they_come(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"star")
    with path.open("rb") as stream:
        blobs = [services.put(b"star"), services.put(stream), services.put(SimpleUploadedFile("n", b"star"))]
    blobs.append(services.put_file(path))
    assert len({blob.pk for blob in blobs}) == 1
    assert not path.exists()
    assert Blob.objects.count() == 1


def test_too_many_bytes_leave_nothing(leftovers):
    with pytest.raises(TooLarge):
        services.put([b"12345", b"67890"], limit=9)
    assert services.put([b"12345", b"6789"], limit=9).size == 9
    assert leftovers() == []


def test_a_stream_that_breaks_off_leaves_nothing(leftovers):
    def broken():
        yield b"first half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        services.put(broken())
    assert leftovers() == []
    assert not Blob.objects.exists()


def test_nearly_full_disk_refuses_with_a_sentence(settings, leftovers):
    settings.HVEN_MIN_FREE_DISK = 10**18
    with pytest.raises(Unavailable, match="disk"):
        services.put(b"x")
    assert leftovers() == []


def test_stored_bytes_cannot_be_written_by_accident():
    with services.local(services.put(b"x")) as path:
        assert path.stat().st_mode & 0o777 == 0o400


def test_lost_bytes_are_not_found_and_storing_them_again_mends_it():
    blob = services.put(b"gone")
    services.store().delete(blob.sha256)
    with pytest.raises(NotFound):
        services.open_blob(blob)
    with pytest.raises(NotFound), services.local(blob):
        pass
    assert read(services.put(b"gone")) == b"gone"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "x", "put-1", "\0", "3bab4b9f-733f-4e78-aeb8-708c39b48c68/x"])
def test_upload_names_are_uuids_only(name):
    with pytest.raises(Invalid):
        services.append(name, [b"x"], offset=0)


def test_an_upload_is_continued_where_it_stopped_then_adopted():
    name, content = str(uuid4()), b"0123456789"
    assert services.append(name, [content[:4]], offset=0) == 4
    with pytest.raises(Invalid, match="byte 4"):
        services.append(name, [b"zz"], offset=2)
    assert services.append(name, [content[4:]], offset=4) == 10
    with pytest.raises(Invalid):
        services.adopt(name, size=11)
    with pytest.raises(Invalid):
        services.adopt(name, sha256="0" * 64)
    blob = services.adopt(name, size=10, sha256=hashlib.sha256(content).hexdigest().upper())
    assert read(blob) == content
    with pytest.raises(NotFound):
        services.adopt(name)


def test_two_requests_cannot_write_to_one_upload():
    name = str(uuid4())

    def slow():
        yield b"a"
        with pytest.raises(Conflict):
            services.append(name, [b"b"], offset=0)
        yield b"c"

    assert services.append(name, slow(), offset=0) == 2


def test_upload_limit_keeps_what_came_before():
    name = str(uuid4())
    with pytest.raises(TooLarge):
        services.append(name, [b"123", b"456"], offset=0, limit=5)
    assert services.append(name, [b"45"], offset=3, limit=5) == 5


def test_only_unreferenced_blobs_past_their_grace_are_removed(settings, hold):
    held, young, old = services.put(b"held"), services.put(b"young"), services.put(b"old")
    hold(held)
    age(held, settings.HVEN_BLOB_GRACE + 1)
    age(old, settings.HVEN_BLOB_GRACE + 1)
    assert services.remove_unwanted() == 1
    assert set(Blob.objects.all()) == {held, young}
    assert read(held) == b"held"
    with pytest.raises(NotFound):
        services.open_blob(old)
    assert services.references(held) == 1


def test_storing_again_renews_the_grace(settings):
    blob = services.put(b"again")
    age(blob, settings.HVEN_BLOB_GRACE + 1)
    services.put(b"again")
    assert services.remove_unwanted() == 0


def test_removal_and_storing_of_the_same_bytes_side_by_side_never_lose_them(settings, hold):
    settings.HVEN_BLOB_GRACE = 0.0
    stop = threading.Event()

    def reap():
        while not stop.is_set():
            services.remove_unwanted()
        connection.close()

    thread = threading.Thread(target=reap)
    thread.start()
    try:
        for _ in range(60):
            blob = services.put(b"contested")
            try:
                hold(blob)
            except IntegrityError:  # removed between the two: the reference is refused, which is right
                continue
            assert read(blob) == b"contested"
            DataFile.objects.all().delete()
    finally:
        stop.set()
        thread.join()


def test_sweep_takes_leftovers_and_leaves_what_is_young_or_known(settings):
    folders = settings.HVEN_FOLDERS
    known = services.put(b"known")
    orphan = services.put(b"orphan")
    Blob.objects.filter(pk=orphan.pk).delete()
    stale, fresh = folders.incoming / str(uuid4()), folders.incoming / str(uuid4())
    for path in (stale, fresh):
        path.write_bytes(b"x")
    long_ago = time.time() - 10**6
    os.utime(stale, (long_ago, long_ago))
    place = services.store()
    os.utime(place.path(orphan.sha256), (long_ago, long_ago))
    os.utime(place.path(known.sha256), (long_ago, long_ago))
    assert services.sweep() == 2
    assert fresh.exists()
    assert not stale.exists()
    assert read(known) == b"known"


def test_bytes_set_aside_by_a_removal_that_died_come_back(settings):
    blob = services.put(b"aside")
    place = services.store()
    aside = place.incoming / f"trash-{blob.sha256}"
    place.path(blob.sha256).rename(aside)
    incoming.sweep_folders(place, incoming_keep=-1, grace=10**6)
    assert read(blob) == b"aside"


def test_signed_addresses_open_one_thing_until_they_expire():
    blob = services.put(b"x")
    path = signing.sign_get(blob, "näme with space.fits", "application/fits", ttl=timedelta(minutes=1))
    token = path.removeprefix(signing.GET_PATH)
    assert signing.read_get(token) == signing.SignedGet(blob.sha256, "näme with space.fits", "application/fits")
    upload = uuid4()
    put = signing.sign_put(upload, 7, ttl=timedelta(minutes=1)).removeprefix(signing.PUT_PATH)
    assert signing.read_put(put) == signing.SignedPut(upload, 7, "", "")


def test_forged_swapped_and_expired_tokens_are_refused():
    from hven.errors import Forbidden

    blob = services.put(b"x")
    token = signing.sign_get(blob, "a", ttl=timedelta(minutes=1)).removeprefix(signing.GET_PATH)
    expired = signing.sign_get(blob, "a", ttl=timedelta(seconds=-1)).removeprefix(signing.GET_PATH)
    for wrong in ("", "x", token[:-1] + ("A" if token[-1] != "A" else "B"), expired):
        with pytest.raises(Forbidden):
            signing.read_get(wrong)
    with pytest.raises(Forbidden):
        signing.read_put(token)


def test_several_files_are_stored_together(tmp_path: Any) -> None:
    paths = [tmp_path / str(number) for number in range(20)]
    for path in paths:
        path.write_bytes(b"same" if path.name in {"3", "4"} else path.name.encode())
    blobs = services.put_files(paths)
    assert [services.open_blob(blob).read() for blob in blobs[2:6]] == [b"2", b"same", b"same", b"5"]
    assert Blob.objects.count() == 19
    assert not any(path.exists() for path in paths)


def test_of_several_files_none_is_stored_where_one_is_missing(tmp_path: Any) -> None:
    (tmp_path / "here").write_bytes(b"here")
    with pytest.raises(FileNotFoundError):
        services.put_files([tmp_path / "here", tmp_path / "gone"])
    assert not Blob.objects.exists()
    assert not list(services.store().stored())
    assert not list(services.store().incoming.glob("put-*"))
