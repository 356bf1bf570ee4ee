"""What is broken, hostile or oddly named is taken in, read within bounds, and loses nothing."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hven.archive.models import DataFile, Dataset, Upload
from hven.jobs.models import Job
from hven.science.frames.headers import read_headers
from hven.storage.models import Blob
from tests.archive.test_fixtures import xisf
from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs

WHOLE = frame(1, DATE__OBS="2026-03-01T20:00:00", OBJECT="M31", FILTER="R", EXPTIME=60.0)
MIDDLE = "2026-03-01T20:00:30Z"


@pytest.fixture
def tycho(user: Any) -> Caller:
    return Caller(user)


@pytest.fixture
def dataset(tycho: Caller) -> str:
    """A dataset with a telescope."""
    site = tycho.post("observingsites/", {"name": "Hven", "coordinates": {"longitude": 12.7, "latitude": 55.9}})
    telescope = tycho.post("telescopes/", {"name": "Quadrant", "observing_site": site["uuid"]})["uuid"]
    made: str = tycho.post("datasets/", {"name": "Night", "telescope": telescope})["uuid"]
    return made


def taken(tycho: Caller, dataset: str, content: bytes, name: str = "odd.fits") -> dict[str, Any]:
    """Send a file, do what a worker would, and return what the archive says of it; its bytes are what they were."""
    made = tycho.upload(dataset, content, name)
    run_jobs()
    assert list(Job.objects.exclude(state="done").values_list("kind", "error_text")) == []
    assert tycho.get(f"datafiles/{made['id']}/file/") == content
    found: dict[str, Any] = tycho.get(f"datafiles/{made['id']}/", header="1")
    assert found["parsed"] is True
    return found


# --- broken files ---------------------------------------------------------------------------------------------------


def test_a_frame_cut_inside_its_data_is_filed_by_its_header(tycho: Caller, dataset: str) -> None:
    found = taken(tycho, dataset, WHOLE[: 2880 + 50])
    assert (found["date"], found["target_name"], found["filter"]) == (MIDDLE, "M31", "R")
    assert found["observation"]


@pytest.mark.parametrize("length", [0, 1, 80, 400])
def test_a_frame_cut_inside_its_header_is_kept(tycho: Caller, dataset: str, length: int) -> None:
    found = taken(tycho, dataset, WHOLE[:length])
    assert (found["date"], found["observation"], found["size"]) == (None, None, length)


def test_junk_in_a_header_costs_no_more_than_its_card(tycho: Caller, dataset: str) -> None:
    cards = bytearray(WHOLE)
    at = cards.index(b"FILTER  ")
    cards[at : at + 80] = b"\xff\x00\x80" * 26 + b"  "
    found = taken(tycho, dataset, bytes(cards))
    assert (found["date"], found["target_name"], found["filter"]) == (MIDDLE, "M31", "")


def block(*cards: str) -> bytes:
    return "".join(card.ljust(80) for card in (*cards, "END")).ljust(2880).encode()


PRIMARY = block("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0",
                "DATE-OBS= '2026-03-01T20:00:00'", "OBJECT  = 'M31     '")  # fmt: skip
EXTENSION = block("XTENSION= 'IMAGE   '", "BITPIX  =                    8", "NAXIS   =                    0")


class Endless(io.RawIOBase):
    """A FITS file of a million HDUs that lies nowhere: 2.9 GB, made as it is read."""

    units = 1_000_000

    def __init__(self) -> None:
        self.at = self.given = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + {0: 0, 1: self.at, 2: 2880 * (self.units + 1)}[whence]
        return self.at

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= 1 << 20, "a reader asks for very much at once"
        out = b""
        while len(out) < size and self.at < 2880 * (self.units + 1):
            unit, inside = divmod(self.at, 2880)
            piece = (EXTENSION if unit else PRIMARY)[inside : inside + size - len(out)]
            out, self.at = out + piece, self.at + len(piece)
        self.given += len(out)
        return out


def test_of_a_million_hdus_the_first_few_are_looked_at() -> None:
    file = Endless()
    tracemalloc.start()
    found = read_headers(file)  # type: ignore[arg-type] # as much of a binary file as is used
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.format, found.meaning.object_name) == ("fits", "M31")
    assert found.meaning.start == datetime(2026, 3, 1, 20, tzinfo=UTC)
    assert file.given < 1 << 20
    assert peak < 4 << 20


def test_a_file_of_many_hdus_is_filed_by_its_primary(tycho: Caller, dataset: str) -> None:
    found = taken(tycho, dataset, PRIMARY + EXTENSION * 5000)
    assert (found["target_name"], found["date"]) == ("M31", "2026-03-01T20:00:00Z")
    assert len(found["header"]) < 100


# --- bombs ----------------------------------------------------------------------------------------------------------

LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("doctype", "entity"), [(LAUGHS, "&j;"), (OUTSIDE, "&secret;"), ("", "&unknown;")], ids=["laughs", "file", "none"]
)
def test_entities_in_xisf_are_not_followed(tycho: Caller, dataset: str, doctype: str, entity: str) -> None:
    words = f'<FITSKeyword name="OBJECT" value="x" comment=""/><Property id="a" type="String">{entity}</Property>'
    tracemalloc.start()
    found = taken(tycho, dataset, xisf(words, doctype), "bomb.xisf")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 << 20
    assert "root:" not in json.dumps(found) and "lollol" not in json.dumps(found)
    assert (found["target_name"], found["observation"]) == ("", None)


@pytest.mark.parametrize("kind", ["gz", "zip", "nested"])
def test_bombs_are_kept_packed(tycho: Caller, dataset: str, kind: str) -> None:
    content = bomb(kind)
    assert len(content) < 2 << 20
    tracemalloc.start()
    found = taken(tycho, dataset, content, f"bomb.fits.{kind}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 512 << 20  # what unpacks to gigabytes
    assert (found["format"], found["observation"]) == (None, None)


def bomb(kind: str) -> bytes:
    """A frame of 1 GB of zeros, packed."""
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.fits", "w") as entry:
            for piece in pieces():
                entry.write(piece)
    else:
        with gzip.GzipFile(fileobj=out, mode="wb") as packed:
            for piece in pieces():
                packed.write(piece)
    return out.getvalue() if kind != "nested" else gzip.compress(gzip.compress(out.getvalue()))


def pieces() -> Any:
    yield PRIMARY
    for _ in range(1000):
        yield bytes(1 << 20)


def test_a_zip_of_names_with_paths_is_read_and_writes_nowhere(tycho: Caller, dataset: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"../../../..{tmp_path}/escaped.fits", WHOLE)
    found = taken(tycho, dataset, out.getvalue(), "night.zip")
    assert (found["name"], found["target_name"], found["date"]) == ("night.zip", "M31", MIDDLE)
    assert list(tmp_path.iterdir()) == []


def test_a_zip_of_several_files_is_kept_unread(tycho: Caller, dataset: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.fits", WHOLE)
        archive.writestr("b.fits", WHOLE)
    assert taken(tycho, dataset, out.getvalue(), "two.zip")["observation"] is None


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\x\\y.fits", "y.fits"),
        ("..\\..\\y.fits", "y.fits"),
        ("a\0b.fits", "ab.fits"),
        ("n" * 300 + ".fits", "n" * 195 + ".fits"),
        ("...", "unnamed"),
        (".hidden.fits", "hidden.fits"),
        ("   ", "unnamed"),
        ("Åse M31 ★ 星.fits", "Åse M31 ★ 星.fits"),
        ("A\u030ase.fits", "Åse.fits"),  # one name, however its letters are composed
        ("photo\u202efdp.exe", "photofdp.exe"),
        ('quo"te;name=x.fits', 'quo"te;name=x.fits'),
        ("CON.fits", "CON.fits"),
        ("%2e%2e%2fetc.fits", "%2e%2e%2fetc.fits"),
        ("&lt;b&gt;.fits", "<b>.fits"),
    ],
)
def test_names_are_kept_without_what_could_harm(tycho: Caller, dataset: str, sent: str, kept: str) -> None:
    made = send(tycho, dataset, sent.encode())
    assert made["name"] == kept
    assert Path(kept).name == kept
    assert tycho.get(f"datafiles/{made['id']}/file/") == WHOLE
    answer = tycho.http.get(f"/arcsecond/datafiles/{made['id']}/file/", headers=tycho.headers)
    assert "\n" not in answer["Content-Disposition"] and "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize("name", [b"", b".", b"..", b"/", b"line\r\nbreak.fits", b"\xff\xfe.fits", b"a" * 5000])
def test_what_is_no_name_at_all_is_told_or_kept_under_another(tycho: Caller, dataset: str, name: bytes) -> None:
    answer = send(tycho, dataset, name, None)
    if "detail" in answer:
        assert answer["detail"].endswith(".") and not DataFile.objects.exists()
    else:
        assert answer["name"].isprintable() and 0 < len(answer["name"]) <= 200


def send(tycho: Caller, dataset: str, name: bytes, status: int | None = 201) -> Any:
    """Send a frame under a name that the test client would mend."""
    quoted = name.replace(b'"', b'\\"')
    body = b"".join(
        (
            b'--XX\r\nContent-Disposition: form-data; name="dataset"\r\n\r\n', dataset.encode(), b"\r\n",
            b'--XX\r\nContent-Disposition: form-data; name="file"; filename="', quoted, b'"\r\n',
            b"Content-Type: application/octet-stream\r\n\r\n", WHOLE, b"\r\n--XX--\r\n",
        )
    )  # fmt: skip
    answer = tycho.http.post(
        "/arcsecond/datafiles/", body, content_type="multipart/form-data; boundary=XX", headers=tycho.headers
    )
    assert answer.status_code in ({201, 400} if status is None else {status}), answer.content
    return answer.json()


# --- datasets in use ------------------------------------------------------------------------------------------------


def test_a_dataset_that_holds_files_stays(tycho: Caller, dataset: str) -> None:
    made = tycho.upload(dataset, WHOLE)
    assert "1 files" in tycho.delete(f"datasets/{dataset}/", 400)["detail"]
    assert tycho.get(f"datafiles/{made['id']}/")["dataset"] == dataset


def test_a_file_for_a_deleted_dataset_is_refused_and_leaves_nothing(tycho: Caller, dataset: str) -> None:
    tycho.delete(f"datasets/{dataset}/")
    assert tycho.upload(dataset, WHOLE, status=404)["detail"].endswith(".")
    assert not DataFile.objects.exists() and not Job.objects.filter(kind="archive.read").exists()


def test_a_dataset_deleted_while_a_file_comes_is_told(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hven.archive.services import receive

    filed = receive.receive_bytes

    def slowly(*args: Any, **kwargs: Any) -> Any:
        Dataset.objects.filter(uuid=dataset).delete()
        return filed(*args, **kwargs)

    monkeypatch.setattr(receive, "receive_bytes", slowly)
    assert "deleted meanwhile" in tycho.upload(dataset, WHOLE, status=404)["detail"]
    assert not DataFile.objects.exists() and not Blob.objects.exists()


def test_a_file_that_comes_while_its_dataset_is_deleted_keeps_it(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hven.accounts import access

    check = access.check

    def meanwhile(actor: Any, verb: Any, record: Any, path: str = "") -> None:
        check(actor, verb, record, path)
        if verb == access.Verb.DELETE and not DataFile.objects.exists():
            tycho.upload(dataset, WHOLE)

    monkeypatch.setattr(access, "check", meanwhile)
    assert "1 files" in tycho.delete(f"datasets/{dataset}/", 400)["detail"]
    assert DataFile.objects.get().dataset.uuid.hex == dataset.replace("-", "")


def announce(tycho: Caller, dataset: str) -> str:
    import base64

    said = {"filename": "a.fits", "dataset": dataset}
    words = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    headers = {**tycho.headers, "Upload-Length": str(len(WHOLE)), "Upload-Metadata": words}
    answer = tycho.http.post("/arcsecond/datafiles/resumable/", headers=headers)
    assert answer.status_code == 201, answer.content
    return str(answer["Location"])


def piece(tycho: Caller, address: str, content: bytes, offset: int) -> Any:
    return tycho.http.patch(
        address, content, content_type="application/offset+octet-stream",
        headers={**tycho.headers, "Upload-Offset": str(offset)},
    )  # fmt: skip


def test_an_upload_on_its_way_ends_with_its_dataset(tycho: Caller, dataset: str) -> None:
    address = announce(tycho, dataset)
    assert piece(tycho, address, WHOLE[:1000], 0).status_code == 204
    tycho.delete(f"datasets/{dataset}/")
    assert not Upload.objects.exists()
    answer = piece(tycho, address, WHOLE[1000:], 1000)
    assert answer.status_code == 404 and answer.json()["detail"].endswith(".")
    assert not DataFile.objects.exists()


def test_a_dataset_deleted_while_the_last_piece_comes_is_told(
    tycho: Caller, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hven.storage import services as storage

    address = announce(tycho, dataset)
    adopt = storage.adopt

    def slowly(*args: Any, **kwargs: Any) -> Any:
        Dataset.objects.filter(uuid=dataset).delete()
        return adopt(*args, **kwargs)

    monkeypatch.setattr(storage, "adopt", slowly)
    answer = piece(tycho, address, WHOLE, 0)
    assert answer.status_code == 404 and "deleted meanwhile" in answer.json()["detail"]


def test_a_package_loses_a_deleted_dataset_and_keeps_the_others(tycho: Caller, dataset: str) -> None:
    other = tycho.post("datasets/", {"name": "other"})["uuid"]
    tycho.upload(other, WHOLE, "kept.fits")
    package = tycho.post("datapackages/", {"name": "P", "datasets": [dataset, other]})["uuid"]
    tycho.delete(f"datasets/{dataset}/")
    assert tycho.get(f"datapackages/{package}/")["datasets"] == [other]
    with zipfile.ZipFile(io.BytesIO(tycho.get(f"datapackages/{package}/zip/"))) as archive:
        assert "other/kept.fits" in archive.namelist()


def test_files_of_a_deleted_telescope_stay_and_say_why_they_lie_in_no_night(tycho: Caller, dataset: str) -> None:
    found = taken(tycho, dataset, WHOLE)
    assert found["observation"]
    telescope = tycho.get(f"datasets/{dataset}/")["telescope"]
    tycho.delete(f"telescopes/{telescope}/")
    run_jobs()
    found = tycho.get(f"datafiles/{found['id']}/")
    assert found["observation"] is None and "telescope" in found["unfiled"]
    assert tycho.get("nightlogs/") == []
    again = tycho.upload(dataset, WHOLE + b" ", "more.fits")
    run_jobs()
    assert "telescope" in tycho.get(f"datafiles/{again['id']}/")["unfiled"]


@pytest.mark.parametrize("found", [b"", b"SIMPLE", None])
def test_a_file_that_was_damaged_is_mended_by_sending_it_again(
    tycho: Caller, dataset: str, found: bytes | None
) -> None:
    from hven.storage import services as storage

    made = tycho.upload(dataset, WHOLE)
    storage.settle()
    path = storage.store().path(made["sha256"])
    path.unlink()
    if found is not None:
        path.write_bytes(found)
    assert "already exists" in tycho.upload(dataset, WHOLE, status=400)["detail"]
    assert tycho.get(f"datafiles/{made['id']}/file/") == WHOLE


def test_a_frame_whose_file_was_deleted_before_it_is_read_is_no_fault(tycho: Caller, dataset: str) -> None:
    made = tycho.upload(dataset, WHOLE)
    tycho.delete(f"datafiles/{made['id']}/")
    run_jobs()
    assert [one.state for one in Job.objects.filter(kind="archive.read")] == ["done"]


# --- the disk -------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(settings: Any) -> None:
    """A disk of which nothing may be used any more."""
    settings.HVEN_MIN_FREE_DISK = 1 << 60


@pytest.mark.usefixtures("full")
def test_on_a_full_disk_nothing_is_half_stored(tycho: Caller, dataset: str, settings: Any) -> None:
    answer = tycho.upload(dataset, WHOLE, status=507)
    assert "disk" in answer["detail"]
    assert not DataFile.objects.exists() and not Blob.objects.exists()
    folders = settings.HVEN_FOLDERS
    assert [path for folder in (folders.blobs, folders.incoming) for path in folder.rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_up_keeps_what_came_of_an_upload(tycho: Caller, dataset: str, settings: Any) -> None:
    address = announce(tycho, dataset)
    piece(tycho, address, WHOLE[:1000], 0)
    settings.HVEN_MIN_FREE_DISK = 1 << 60
    assert piece(tycho, address, WHOLE[1000:], 1000).status_code == 507
    assert not DataFile.objects.exists()
    settings.HVEN_MIN_FREE_DISK = 0
    answer = tycho.http.head(address, headers=tycho.headers)
    at = int(answer["Upload-Offset"])
    assert at >= 1000
    assert piece(tycho, address, WHOLE[at:], at).status_code == 204
    assert tycho.get(f"datafiles/{DataFile.objects.get().pk}/file/") == WHOLE
