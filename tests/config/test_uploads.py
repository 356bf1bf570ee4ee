"""Files of forms: hashed while they come, taken over without a copy, and nothing lost when that cannot be."""

from __future__ import annotations

import hashlib
import io
import os

import pytest
from django.conf import settings
from django.http.multipartparser import MultiPartParser

from hven.config.uploads import LimitedUpload
from hven.errors import TooLarge
from hven.storage import services as storage

BODY = bytes(range(256)) * 12_345


def parsed(*bodies: bytes):
    mark = "mark"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{n}.fits"\r\n\r\n'.encode()
        + body
        + b"\r\n"
        for n, body in enumerate(bodies)
    ]
    content = b"".join([*parts, f"--{mark}--\r\n".encode()])
    meta = {"CONTENT_TYPE": f"multipart/form-data; boundary={mark}", "CONTENT_LENGTH": str(len(content))}
    _, files = MultiPartParser(meta, io.BytesIO(content), [LimitedUpload()], "utf-8").parse()
    return files.getlist("file")


@pytest.mark.parametrize("size", [0, 1, 65_536, 1024 * 1024, len(BODY)])
def test_a_file_knows_its_hashes(size) -> None:
    (file,) = parsed(BODY[:size])
    assert file.hashes == (
        hashlib.sha256(BODY[:size]).hexdigest(),
        hashlib.sha1(BODY[:size], usedforsecurity=False).hexdigest(),
    )


def test_each_file_of_a_form_has_its_own_hashes() -> None:
    files = parsed(BODY, BODY[:100], BODY)
    assert [file.hashes[0] for file in files] == [hashlib.sha256(b).hexdigest() for b in (BODY, BODY[:100], BODY)]


def test_storage_takes_the_file_over_as_it_is(db) -> None:
    (file,) = parsed(BODY)
    number = os.stat(file.temporary_file_path()).st_ino  # noqa: PTH116 - a name, not a path
    blob = storage.put(file)
    assert (blob.sha256, blob.size) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    with storage.local(blob) as path:
        assert path.stat().st_ino == number
        assert path.read_bytes() == BODY
        assert path.stat().st_mode & 0o777 == 0o400
    file.close()
    assert list(settings.HVEN_FOLDERS.forms.iterdir()) == []


def test_a_file_that_is_put_twice_is_stored_all_the_same(db) -> None:
    (file,) = parsed(BODY)
    assert storage.put(file) == storage.put(file)
    file.close()


def test_a_limit_of_the_caller_counts_for_a_form_too(db) -> None:
    (file,) = parsed(BODY)
    with pytest.raises(TooLarge):
        storage.put(file, limit=1000)


def test_a_form_beyond_the_servers_limit_is_cut_off(settings) -> None:
    settings.HVEN_MAX_UPLOAD = 100_000
    with pytest.raises(TooLarge, match="100000"):
        parsed(BODY)
