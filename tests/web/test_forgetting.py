"""Tiles go with the file that they show, whoever deletes it."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.imaging import services as imaging
from hven.storage import services as storage
from hven.web.tiles import cache_folder


@pytest.mark.django_db(transaction=True)
def test_a_deleted_file_leaves_no_tiles(user: Any) -> None:
    actor = Actor.of(user)
    file = archive.add_file(archive.new_submission(actor, origin="web"), storage.put(b"x"), "a.fits")
    folders = [cache_folder() / f"{file.uuid}{plane}" for plane in ("", "-0123456789abcdef", "-units")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "level-0").write_bytes(b"pixels")
    imaging.delete_data_file(actor, file)
    assert not any(folder.exists() for folder in folders)
