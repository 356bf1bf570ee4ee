"""Files that come in pieces, by the tus protocol 1.0.0."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from hven.archive.models import DataFile, Upload
from hven.archive.services import resumable
from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs

CONTENT = frame(7, DATE__OBS="2026-03-01T20:00:00", OBJECT="M31")


class Tus:
    """A client of the protocol."""

    def __init__(self, caller: Caller) -> None:
        self.caller, self.http = caller, caller.http
        self.headers = {**caller.headers, "Tus-Resumable": "1.0.0"}

    def announce(self, dataset: str, content: bytes, name: str = "a.fits", **more: str) -> Any:
        words = {"filename": name, "dataset": dataset, **more}
        said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in words.items())
        headers = {**self.headers, "Upload-Length": str(len(content)), "Upload-Metadata": said}
        return self.http.post("/arcsecond/datafiles/resumable/", headers=headers)

    def send(self, address: str, piece: bytes, offset: int, **more: Any) -> Any:
        options = {"content_type": "application/offset+octet-stream", **more}
        return self.http.patch(address, piece, headers={**self.headers, "Upload-Offset": str(offset)}, **options)

    def where(self, address: str) -> int:
        answer = self.http.head(address, headers=self.headers)
        assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
        return int(answer["Upload-Offset"])


@pytest.fixture
def tus(tycho: Caller) -> Tus:
    return Tus(tycho)


@pytest.fixture
def dataset(tycho: Caller, telescope: str) -> str:
    made: str = tycho.post("datasets/", {"name": "d", "telescope": telescope})["uuid"]
    return made


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_comes_in_pieces_and_is_filed_with_the_last(tus: Tus, tycho: Caller, dataset: str) -> None:
    answer = tus.announce(dataset, CONTENT, tags="a,b", is_raw="false")
    assert (answer.status_code, answer["Tus-Resumable"], answer["Upload-Offset"]) == (201, "1.0.0", "0")
    address = answer["Location"]
    assert tus.send(address, CONTENT[:1000], 0)["Upload-Offset"] == "1000"
    assert tus.where(address) == 1000
    assert not DataFile.objects.exists()
    answer = tus.send(address, CONTENT[1000:], 1000)
    assert (answer.status_code, int(answer["Upload-Offset"])) == (204, len(CONTENT))
    run_jobs()
    filed = tus.http.get(address, headers=tus.headers).json()["data_file"]
    assert (filed["name"], filed["tags"], filed["is_raw"]) == ("a.fits", ["a", "b"], False)
    assert tycho.get(f"datafiles/{filed['id']}/file/") == CONTENT
    assert tycho.get("nightlogs/")[0]["date"] == "2026-03-01"


def test_an_interrupted_upload_is_continued_when_it_is_announced_again(tus: Tus, dataset: str) -> None:
    first = tus.announce(dataset, CONTENT, sha256=sha(CONTENT))["Location"]
    tus.send(first, CONTENT[:2000], 0)
    again = tus.announce(dataset, CONTENT, sha256=sha(CONTENT))
    assert (again["Location"], again["Upload-Offset"]) == (first, "2000")
    assert tus.send(first, CONTENT[1000:], 1000).status_code == 409
    assert tus.send(first, CONTENT[2000:], 2000).status_code == 204
    answer = tus.announce(dataset, CONTENT, sha256=sha(CONTENT))
    assert answer.status_code == 400 and "already exists in dataset" in answer.json()["detail"]


def test_bytes_that_are_not_what_was_announced_are_not_filed(tus: Tus, dataset: str) -> None:
    address = tus.announce(dataset, CONTENT, sha256=sha(b"other"))["Location"]
    answer = tus.send(address, CONTENT, 0)
    assert answer.status_code == 400 and "not what was announced" in answer.json()["detail"]
    assert not DataFile.objects.exists()
    address = tus.announce(dataset, CONTENT[:100], "short.fits")["Location"]
    assert tus.send(address, CONTENT, 0).status_code == 413
    assert not DataFile.objects.exists()


def test_a_duplicate_is_told_at_the_end_where_no_hash_was_announced(tus: Tus, tycho: Caller, dataset: str) -> None:
    tycho.upload(dataset, CONTENT)
    address = tus.announce(dataset, CONTENT)["Location"]
    answer = tus.send(address, CONTENT, 0)
    assert answer.status_code == 400 and "already exists in dataset" in answer.json()["detail"]
    assert DataFile.objects.count() == 1


def test_an_empty_file_and_options_and_ending(tus: Tus, dataset: str) -> None:
    answer = tus.http.options("/arcsecond/datafiles/resumable/", headers=tus.headers)
    assert (answer["Tus-Version"], answer["Tus-Extension"]) == ("1.0.0", "creation,termination")
    assert tus.announce(dataset, b"", "empty.txt").status_code == 201
    assert DataFile.objects.get().size == 0
    address = tus.announce(dataset, CONTENT)["Location"]
    tus.send(address, CONTENT[:10], 0)
    assert tus.http.delete(address, headers=tus.headers).status_code == 204
    assert tus.http.head(address, headers=tus.headers).status_code == 404


def test_nobody_continues_what_somebody_else_began(tus: Tus, sophie: Caller, dataset: str) -> None:
    address = tus.announce(dataset, CONTENT)["Location"]
    other = Tus(sophie)
    assert other.send(address, CONTENT, 0).status_code == 404
    assert other.announce(dataset, CONTENT).status_code == 404
    assert tus.http.head(address).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "many"}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "99999999999999"}, 413),
        ({"Upload-Length": "5", "Upload-Metadata": "dataset !!!"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": ""}, 400),
    ],
)
def test_a_wrong_announcement_is_told(tus: Tus, dataset: str, headers: dict[str, str], status: int) -> None:
    said = f"dataset {base64.b64encode(dataset.encode()).decode()}"
    answer = tus.http.post(
        "/arcsecond/datafiles/resumable/", headers={**tus.headers, "Upload-Metadata": said, **headers}
    )
    assert answer.status_code == status and answer.json()["detail"]


def test_pieces_come_with_their_media_type_and_offset(tus: Tus, dataset: str) -> None:
    address = tus.announce(dataset, CONTENT)["Location"]
    assert tus.send(address, CONTENT, 0, content_type="application/json").status_code == 415
    headers = {**tus.headers}
    answer = tus.http.patch(address, CONTENT, content_type="application/offset+octet-stream", headers=headers)
    assert answer.status_code == 400


def test_old_uploads_are_forgotten(tus: Tus, dataset: str, settings: Any) -> None:
    tus.announce(dataset, CONTENT)
    assert resumable.forget_old() == 0
    settings.HVEN_INCOMING_KEEP = 0.0
    assert resumable.forget_old() == 1
    assert not Upload.objects.exists()
