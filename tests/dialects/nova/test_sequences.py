"""What client.py, KStars and N.I.N.A. send, request by request and in their own spelling, against a live server."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits


class Wire:
    """Requests as bytes, without a session, a cookie or a Referer."""

    def __init__(self, base: str) -> None:
        self.base = base  # ends in /api/

    def send(self, url: str, body: bytes | None = None, **headers: str) -> Any:
        """Return the open answer; a body makes it a POST."""
        request = urllib.request.Request(url, body, {name.replace("_", "-"): v for name, v in headers.items()})
        return urllib.request.urlopen(request, timeout=30)

    def json(self, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
        with self.send(self.base + path, body, **headers) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain")
            return json.load(answer)

    def file(self, url: str, media_type: str | None = "application/fits", **headers: str) -> bytes:
        with self.send(url, **headers) as answer:
            assert answer.url == url  # nothing is redirected
            if media_type is not None:
                assert answer.headers["Content-Type"] == media_type
            return answer.read()

    def until(self, path: str, ended: Any, body: bytes | None = None) -> dict[str, Any]:
        """Poll, more often than clients do, until `ended` says so of the answer."""
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if ended(found := self.json(path, body)):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{path} never ended")


@pytest.fixture
def wire(live_server_with_workers: Any) -> Wire:
    return Wire(f"{live_server_with_workers.url}/nova/api/")


def _form(**words: Any) -> bytes:
    return urllib.parse.urlencode({"request-json": json.dumps(words)}).encode()


def _solved(status: dict[str, Any]) -> bool:
    assert status["status"] in {"processing", "solving", "success"}
    return bool(status["status"] == "success")


def _has_job(submission: dict[str, Any]) -> bool:
    return any(job is not None for job in submission["jobs"])


def test_client_py(wire: Wire, live_server_with_workers: Any, wide_frame: Path) -> None:
    content = wide_frame.read_bytes()
    login = wire.json("login", _form(apikey=live_server_with_workers.api_key))
    assert login["status"] == "success"
    session = login["session"]
    words = {
        "allow_commercial_use": "d", "allow_modifications": "d", "publicly_visible": "y", "scale_units": "degwidth",
        "scale_lower": 10.0, "scale_upper": 14.0, "session": session,
    }  # fmt: skip
    # Its generator ends boundary lines in a bare LF and headers in CRLF.
    mark = "===============2521702492343980833=="
    body = (
        f"--{mark}\nContent-Type: text/plain\r\nMIME-Version: 1.0\r\n"
        f'Content-disposition: form-data; name="request-json"\r\n\r\n{json.dumps(words)}\n'
        f"--{mark}\nContent-Type: application/octet-stream\r\nMIME-Version: 1.0\r\n"
        f'Content-disposition: form-data; name="file"; filename="{wide_frame}"\r\n\r\n'
    ).encode() + content + f"\n--{mark}--\n".encode()  # fmt: skip
    sent = wire.json("upload", body, Content_Type=f'multipart/form-data; boundary="{mark}"')
    assert sent["status"] == "success"
    number = sent["subid"]
    submission = wire.until(f"submissions/{number}", _has_job, _form(session=session))
    job = next(job for job in submission["jobs"] if job is not None)
    wire.until(f"jobs/{job}", _solved, _form(session=session))
    site = wire.base.replace("/api/", "")
    header = fits.Header.fromstring(wire.file(f"{site}/wcs_file/{job}").decode("ascii"))
    assert header["IMAGEW"] == 800
    assert wire.file(f"{site}/kml_file/{job}/", "application/vnd.google-earth.kmz").startswith(b"PK")
    assert wire.file(f"{site}/new_fits_file/{job}/").startswith(b"SIMPLE  =")
    assert wire.file(f"{site}/corr_file/{job}", Referer=wire.base).startswith(b"SIMPLE  =")
    assert wire.json(f"jobs/{job}/annotations", _form(session=session))["annotations"]
    for part, key in {
        "calibration": "pixscale", "tags": "tags", "machine_tags": "tags", "objects_in_field": "objects_in_field",
        "info": "original_filename",
    }.items():  # fmt: skip
        assert key in wire.json(f"jobs/{job}/{part}", _form(session=session))


def test_kstars(wire: Wire, live_server_with_workers: Any, wide_frame: Path) -> None:
    # The login body is not URL-encoded; the answers may come with any capitals, "status" is what it reads.
    login = wire.json(
        "login",
        f'request-json={{"apikey": "{live_server_with_workers.api_key}"}}'.encode(),
        Content_Type="application/x-www-form-urlencoded",
    )
    session = login["session"]
    words = {
        "session": session, "publicly_visible": "n", "scale_units": "arcsecperpix", "scale_type": "ul",
        "scale_lower": 50.0, "scale_upper": 60.0, "center_ra": 84.0, "center_dec": -1.0, "radius": 15.0,
        "crpix_center": True, "parity": 0, "allow_modifications": "n", "allow_commercial_use": "n",
    }  # fmt: skip
    mark = "boundary_.oOo._MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="
    body = (
        f"--{mark}\r\nContent-Type: application/text/plain\r\n"
        f'Content-Disposition: form-data; name="request-json"\r\n\r\n{json.dumps(words)}\r\n'
        f"--{mark}\r\nContent-Type: application/octet-stream\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{wide_frame}"\r\n\r\n'
    ).encode() + wide_frame.read_bytes() + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
    number = wire.json("upload", body, Content_Type=f'multipart/form-data; boundary="{mark}"')["subid"]
    submission = wire.until(
        f"submissions/{number}", lambda found: found["processing_finished"] not in {"None", ""} and found["jobs"]
    )
    job = submission["jobs"][0]
    assert isinstance(job, int)
    wire.until(f"jobs/{job}", _solved)
    found = wire.json(f"jobs/{job}/calibration")
    # Any of these missing makes it give up; parity is read as an integer.
    for name in ("width_arcsec", "height_arcsec", "parity", "orientation", "ra", "dec", "pixscale"):
        assert isinstance(found[name], float)
    assert found["parity"] == int(found["parity"]) == -1
    site = wire.base.removesuffix("api/")
    log = wire.file(f"{site}joblog/{job}", None).decode()
    assert "[solve]" in log
    assert wire.file(f"{site}wcs_file/{job}").startswith(b"SIMPLE  =")


def test_nina(wire: Wire, live_server_with_workers: Any, wide_frame: Path) -> None:
    login = wire.json("login/", _form(apikey=live_server_with_workers.api_key))
    words = {"publicly_visible": "n", "allow_modifications": "d", "session": login["session"]}
    words["allow_commercial_use"] = "d"
    mark = "---------------------8de2f0b1c2d3e4f"
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{json.dumps(words)}\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="image.fits"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + wide_frame.read_bytes() + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
    number = wire.json("upload", body, Content_Type=f"multipart/form-data; boundary={mark}")["subid"]
    job = wire.until(f"submissions/{number}", _has_job)["jobs"][0]
    wire.until(f"jobs/{job}", _solved)
    found = wire.json(f"jobs/{job}/calibration/")
    assert (found["ra"], found["dec"]) == pytest.approx((84.0, -1.5), abs=0.01)
    assert found["parity"] < 0
    assert -180 < found["orientation"] <= 360


def test_nina_reads_the_number_before_the_status_so_errors_are_still_json(wire: Wire) -> None:
    refused = wire.json("login/", _form(apikey="0" * 16))
    assert refused == {"status": "error", "errormessage": "bad apikey"}
    refused = wire.json("upload", _form(session="0" * 40))
    assert refused["errormessage"].startswith("no session with key")


def _client_py_form(words: dict[str, Any], name: str, content: bytes) -> tuple[bytes, str]:
    """A form as client.py builds it: lines of the boundary end in a bare LF, headers in CRLF."""
    mark = "===============2521702492343980833=="
    body = (
        f"--{mark}\nContent-Type: text/plain\r\nMIME-Version: 1.0\r\n"
        f'Content-disposition: form-data; name="request-json"\r\n\r\n{json.dumps(words)}\n'
        f"--{mark}\nContent-Type: application/octet-stream\r\nMIME-Version: 1.0\r\n"
        f'Content-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode() + content + f"\n--{mark}--\n".encode()  # fmt: skip
    return body, f'multipart/form-data; boundary="{mark}"'


def test_client_py_with_a_file_that_ends_in_a_carriage_return(wire: Wire, live_server_with_workers: Any) -> None:
    session = wire.json("login", _form(apikey=live_server_with_workers.api_key))["session"]
    hashes = {}
    for content in (b"1 2\r\n3 4\r\n5 6\r", b"1 2\r\n3 4\r\n5 6", b"1 2\r\n3 4\r\n5 6\n"):
        body, kind = _client_py_form({"session": session}, "/home/me/list.txt", content)
        sent = wire.json("upload", body, Content_Type=kind)
        assert sent["status"] == "success"
        hashes[content] = sent["hash"] == hashlib.sha1(content, usedforsecurity=False).hexdigest()
    # The bare LF takes the CR before it along, as it does at the original; nothing else is lost.
    assert list(hashes.values()) == [False, True, True]


def test_client_py_upload_xy(wire: Wire, live_server_with_workers: Any, wide_frame: Path) -> None:
    session = wire.json("login", _form(apikey=live_server_with_workers.api_key))["session"]
    with wide_frame.with_name(wide_frame.name + ".truth.csv").open() as file:
        stars = [(float(row["x"]) + 1, float(row["y"]) + 1) for row in csv.DictReader(file)]
    inside = [(x, y) for x, y in stars if 1 < x < 800 and 1 < y < 600][:100]
    words = {
        "session": session, "x": [x for x, _ in inside], "y": [y for _, y in inside], "allow_commercial_use": "d",
        "allow_modifications": "d", "publicly_visible": "y",
    }  # fmt: skip
    number = wire.json("upload", _form(**words))["subid"]
    job = wire.until(f"submissions/{number}", _has_job, _form(session=session))["jobs"][0]
    wire.until(f"jobs/{job}", _solved, _form(session=session))
    found = wire.json(f"jobs/{job}/calibration", _form(session=session))
    # Nobody told the size of the frame: its middle is that of the stars.
    assert (found["ra"], found["dec"]) == pytest.approx((84.0, -1.5), abs=0.3)
    # -J, -T and -t
    assert job in wire.json("myjobs/", _form(session=session))["jobs"]
    assert job in wire.json("jobs_by_tag?query=M+42&exact=yes", _form(session=session))["job_ids"]
    assert job in wire.json("jobs_by_tag?query=M+4&", _form(session=session))["job_ids"]


def test_client_py_with_an_archive_gets_the_first_of_its_jobs(wire: Wire, live_server_with_workers: Any) -> None:
    session = wire.json("login", _form(apikey=live_server_with_workers.api_key))["session"]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name in ("a.txt", "b.txt", "c.txt"):
            member = tarfile.TarInfo(name)
            member.size = 8
            archive.addfile(member, io.BytesIO(b"1 2\n3 4\n"))
    body, kind = _client_py_form({"session": session}, "night.tar.gz", content.getvalue())
    number = wire.json("upload", body, Content_Type=kind)["subid"]
    first = wire.until(f"submissions/{number}", _has_job, _form(session=session))["jobs"][0]
    found = wire.until(f"submissions/{number}", lambda one: one["processing_finished"] != "None")
    assert len(found["jobs"]) == 3
    assert found["jobs"][0] == first
    for job in found["jobs"]:
        wire.until(f"jobs/{job}", lambda one: one["status"] == "failure")


def test_kstars_logs_in_with_an_unencoded_body_and_sends_a_table(
    wire: Wire, live_server_with_workers: Any, wide_frame: Path
) -> None:
    login = f'request-json={{"apikey": "{live_server_with_workers.api_key}"}}'.encode()
    session = wire.json("login", login, Content_Type="application/x-www-form-urlencoded")["session"]
    with wide_frame.with_name(wide_frame.name + ".truth.csv").open() as file:
        stars = [(float(row["x"]) + 1, float(row["y"]) + 1) for row in csv.DictReader(file)]
    inside = [(x, y) for x, y in stars if 1 < x < 800 and 1 < y < 600][:100]
    columns = [fits.Column(name, "E", array=[star[i] for star in inside]) for i, name in enumerate("XY")]
    table = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(table)
    words = {
        "session": session, "publicly_visible": "n", "scale_units": "degwidth", "scale_type": "ul",
        "scale_lower": 10.0, "scale_upper": 14.0, "crpix_center": True, "parity": 2, "image_width": 800,
        "image_height": 600,
    }  # fmt: skip
    mark = "boundary_.oOo._MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="
    body = (
        f"--{mark}\r\nContent-Type: application/text/plain\r\n"
        f'Content-Disposition: form-data; name="request-json"\r\n\r\n{json.dumps(words)}\r\n'
        f"--{mark}\r\nContent-Type: application/octet-stream\r\n"
        'Content-Disposition: form-data; name="file"; filename="/tmp/stellarsolver.xyls"\r\n\r\n'
    ).encode() + table.getvalue() + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
    number = wire.json("upload", body, Content_Type=f'multipart/form-data; boundary="{mark}"')["subid"]
    finished = wire.until(f"submissions/{number}", lambda found: found["processing_finished"] not in {"None", ""})
    wire.until(f"jobs/{finished['jobs'][0]}", _solved)
    found = wire.json(f"jobs/{finished['jobs'][0]}/calibration")
    assert found["width_arcsec"] == pytest.approx(800 * 54, rel=1e-3)
