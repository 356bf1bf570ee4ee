"""Zip archives of files: what is in them, and what their manifest says."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hven.accounts.actor import ANYONE, Actor
from hven.archive import services as archive
from hven.archive.models import DataFile
from hven.archive.services.datasets import DatasetWords, create_dataset
from hven.archive.services.handing_out import zip_for
from hven.archive.services.zips import MANIFEST
from hven.storage import services as storage
from tests.web.conftest import picture_bytes

pytestmark = pytest.mark.django_db


def packed(actor: Actor) -> zipfile.ZipFile:
    files = DataFile.objects.select_related("blob", "dataset").order_by("id")
    return zipfile.ZipFile(io.BytesIO(b"".join(zip_for(actor, files))))


def file(user: Any, content: bytes, name: str, **said: Any) -> DataFile:
    made = archive.add_file(archive.new_submission(Actor.of(user), origin="web"), storage.put(content), name)
    DataFile.objects.filter(pk=made.pk).update(**said)
    return made


@pytest.fixture
def pictures(user: Any) -> None:
    file(user, picture_bytes("jpeg"), "read.jpg", format="jpeg")
    file(user, picture_bytes("png"), "unread.png")
    file(user, b"II*\0 and so on", "phone.tiff", format="tiff")
    file(user, b"a remark", "remark.txt")


def test_strangers_get_pictures_without_their_place_and_hear_what_was_left_out(pictures: None, tmp_path: Path) -> None:
    found = packed(ANYONE)
    assert found.namelist() == ["Inbox/read.jpg", "Inbox/unread.png", "Inbox/remark.txt", MANIFEST]
    assert not any(b"a maker" in found.read(name) for name in found.namelist())
    left_out = [line for line in found.read(MANIFEST).decode().splitlines() if line.startswith("#")]
    assert len(left_out) == 1
    assert left_out[0].startswith("# left out: Inbox/phone.tiff: Only its owner")
    found.extractall(tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", MANIFEST], cwd=tmp_path, check=True)


def test_who_may_change_them_gets_them_as_they_came(user: Any, pictures: None) -> None:
    found = packed(Actor.of(user))
    assert found.read("Inbox/read.jpg") == picture_bytes("jpeg")
    assert "Inbox/phone.tiff" in found.namelist()
    assert "#" not in found.read(MANIFEST).decode()


def test_a_lost_file_leaves_the_others_readable(user: Any) -> None:
    lost = file(user, b"lost", "lost.txt")
    file(user, b"kept", "kept.txt")
    storage.store().delete(lost.blob.sha256)
    found = packed(Actor.of(user))
    assert found.testzip() is None
    assert found.read("Inbox/kept.txt") == b"kept"
    assert "# left out: Inbox/lost.txt: The bytes of this file are not" in found.read(MANIFEST).decode()


def test_files_of_one_name_in_one_folder_are_numbered(user: Any) -> None:
    for number, name in enumerate(("a.fits.gz", "A.fits.gz", "b", "b", "b (2)")):
        file(user, str(number).encode(), name)
    other = create_dataset(Actor.of(user), DatasetWords(name="inbox?"))
    file(user, b"elsewhere", "b", dataset=other)
    assert packed(Actor.of(user)).namelist() == [
        "Inbox/a.fits.gz", "Inbox/A (2).fits.gz", "Inbox/b", "Inbox/b (2)", "Inbox/b (2) (2)", "inbox?/b", MANIFEST,
    ]  # fmt: skip
