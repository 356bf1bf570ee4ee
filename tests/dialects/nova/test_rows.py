"""Every address of the contract, row by row, against a live server: what is asked, what type and content come back."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from PIL import Image


@dataclass(frozen=True)
class Job:
    """A solved job on a live server, and how to ask about it."""

    url: str  # of the dialect, without a slash at its end
    key: str
    session: str
    submission: int
    number: int
    calibration: int
    image: int
    user_image: int

    def open(self, path: str, words: dict[str, Any] | None = None, **headers: str) -> Any:
        body = None if words is None else urllib.parse.urlencode({"request-json": json.dumps(words)}).encode()
        return urllib.request.urlopen(urllib.request.Request(f"{self.url}/{path}", body, headers), timeout=60)

    def json(self, path: str, words: dict[str, Any] | None = None) -> dict[str, Any]:
        with self.open(path, words) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain")
            return json.load(answer)

    def named(self, path: str) -> str:
        """Return an address of the contract with this job's numbers in it."""
        numbers = {"SUBID": self.submission, "CALID": self.calibration, "ID": self.image, "J": self.number}
        for name, number in numbers.items():
            path = path.replace(f"/{name}", f"/{number}")
        return path


@pytest.fixture(scope="module")
def job(live_server_with_workers: Any, wide_frame: Path) -> Job:
    server = live_server_with_workers
    url = f"{server.url}/nova"
    asking = Job(url, server.api_key, "", 0, 0, 0, 0, 0)
    session = asking.json("api/login", {"apikey": server.api_key})["session"]
    mark = "m1234567890"
    text = json.dumps({"session": session, "publicly_visible": "y"})
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{text}\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="wide.fits"\r\n\r\n'
    ).encode() + wide_frame.read_bytes() + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/upload", body, headers), timeout=60) as answer:
        number = json.load(answer)["subid"]
    end = time.monotonic() + 90
    while time.monotonic() < end:
        found = asking.json(f"api/submissions/{number}")
        if found["job_calibrations"]:
            one, calibration = found["job_calibrations"][0]
            image, user_image = found["images"][0], found["user_images"][0]
            return Job(url, server.api_key, session, number, one, calibration, image, user_image)
        time.sleep(0.05)
    raise AssertionError(server.log())


# --- 1.2: the JSON layer --------------------------------------------------------------------------------------

CALIBRATION = {"ra", "dec", "width_arcsec", "height_arcsec", "radius", "pixscale", "orientation", "parity"}


def _login(job: Job) -> None:
    found = job.json("api/login", {"apikey": job.key})
    assert set(found) == {"status", "message", "session"}


def _upload(job: Job) -> None:
    found = job.json("api/upload", {"session": job.session, "x": [1, 2], "y": [3, 4]})
    assert set(found) == {"status", "subid", "hash"}


def _url_upload(job: Job) -> None:
    found = job.json("api/url_upload", {"session": job.session, "url": "http://127.0.0.1:9/a.fits"})
    assert set(found) == {"status", "subid"}
    assert set(job.json("api/url_upload", {"session": job.session, "x": [1, 2], "y": [3, 4]})) >= {"hash"}


def _submissions(job: Job) -> None:
    for words in (None, {"session": job.session}):
        found = job.json(f"api/submissions/{job.submission}", words)
        assert found["jobs"] == [job.number]
        assert "status" not in found
        assert {"user", "processing_started", "processing_finished", "user_images", "images"} <= set(found)


def _jobs(job: Job) -> None:
    for words in (None, {"session": job.session}):
        assert job.json(f"api/jobs/{job.number}", words) == {"status": "success"}


def _calibration(job: Job) -> None:
    found = job.json(f"api/jobs/{job.number}/calibration")
    assert set(found) == CALIBRATION
    assert all(isinstance(value, float) for value in found.values())


def _info(job: Job) -> None:
    found = job.json(f"api/jobs/{job.number}/info")
    assert set(found) == {
        "objects_in_field", "machine_tags", "tags", "status", "original_filename", "calibration",
    }  # fmt: skip
    assert set(found["calibration"]) == CALIBRATION - {"width_arcsec", "height_arcsec"}


def _tags(job: Job) -> None:
    for path in ("tags", "machine_tags"):
        assert "M 42" in job.json(f"api/jobs/{job.number}/{path}")["tags"]


def _objects(job: Job) -> None:
    assert "M 42" in job.json(f"api/jobs/{job.number}/objects_in_field")["objects_in_field"]


def _annotations(job: Job) -> None:
    found = job.json(f"api/jobs/{job.number}/annotations?nbright=3")["annotations"]
    assert len([one for one in found if one["type"] == "bright"]) == 3


def _myjobs(job: Job) -> None:
    for path in ("api/myjobs", "api/myjobs/", "api/myjobs/anything"):
        found = job.json(path, {"session": job.session})
        assert found["status"] == "success"
        assert job.number in found["jobs"]
    assert job.json("api/myjobs", {})["errormessage"] == 'no "session" in JSON.'


def _submission_images(job: Job) -> None:
    found = job.json("api/submission_images", {"session": job.session, "subid": job.submission})
    assert found == {"status": "success", "image_ids": [job.user_image]}
    for subid in (10**9, "x", None, [1], -1):
        absent = job.json("api/submission_images", {"session": job.session, "subid": subid})
        assert absent == {"status": "error", "errormessage": "submission does not exist"}


def _jobs_by_tag(job: Job) -> None:
    # client.py leaves an "&" at the end where it does not ask for the whole tag.
    for query, hit in (("m+42&exact=yes", True), ("m+4&", True), ("m+4&exact=yes", False), ("no+such+tag&", False)):
        for words in (None, {"session": job.session}):
            assert (job.number in job.json(f"api/jobs_by_tag?query={query}", words)["job_ids"]) == hit
    assert job.json("api/jobs_by_tag/")["status"] == "error"


def _other_surveys(job: Job) -> None:
    for survey in ("sdss", "galex"):
        found = job.json(f"api/{survey}_image_for_wcs", {"session": job.session, "wcs": {"crval1": 1.0}})
        assert found["status"] == "error"
        assert "no other" in found["errormessage"]


def _logout(job: Job) -> None:
    with pytest.raises(urllib.error.HTTPError) as absent:
        job.open("api/logout", {"session": job.session})
    assert absent.value.code == 404


ROWS_2: dict[str, Callable[[Job], None]] = {
    "login": _login,
    "upload": _upload,
    "url_upload": _url_upload,
    "submissions-ID": _submissions,
    "jobs-ID": _jobs,
    "jobs-ID-calibration": _calibration,
    "jobs-ID-info": _info,
    "jobs-ID-tags-and-machine_tags": _tags,
    "jobs-ID-objects_in_field": _objects,
    "jobs-ID-annotations": _annotations,
    "myjobs": _myjobs,
    "submission_images": _submission_images,
    "jobs_by_tag": _jobs_by_tag,
    "sdss-and-galex_image_for_wcs": _other_surveys,
    "logout": _logout,
}


@pytest.mark.parametrize("row", ROWS_2)
def test_a_row_of_the_json_layer(job: Job, row: str) -> None:
    ROWS_2[row](job)


# --- 1.4: the files -------------------------------------------------------------------------------------------


def _columns(*names: str) -> Callable[[bytes], None]:
    def check(content: bytes) -> None:
        with fits.open(io.BytesIO(content)) as hdus:
            assert hdus[1].columns.names == list(names)
            assert len(hdus[1].data) > 5

    return check


def _header(content: bytes) -> None:
    header = fits.Header.fromstring(content.decode("ascii"))
    assert (header["IMAGEW"], header["IMAGEH"], header["NAXIS"]) == (800, 600, 0)
    assert any("Log-odds" in line for line in header["COMMENT"])


def _frame(content: bytes) -> None:
    with fits.open(io.BytesIO(content)) as hdus:
        assert hdus[0].data.shape == (600, 800)
        assert hdus[0].header["CTYPE1"].startswith("RA---TAN")


def _merged(content: bytes) -> None:
    with fits.open(io.BytesIO(content)) as hdus:
        assert hdus[0].data is None
        assert hdus[0].header["EXPTIME"] == 30.0
        assert hdus[0].header["CTYPE1"].startswith("RA---TAN")


def _size(*size: int) -> Callable[[bytes], None]:
    def check(content: bytes) -> None:
        image = Image.open(io.BytesIO(content))
        assert image.size == size
        colours = image.convert("RGB").getcolors(2**24)
        assert colours is not None
        assert len(colours) > 10

    return check


def _kmz(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["doc.kml", "preview.jpg"]
        text = archive.read("doc.kml").decode()
    assert 'hint="target=sky"' in text
    assert "<gx:LatLonQuad>" in text


def _text(*parts: str) -> Callable[[bytes], None]:
    return lambda content: [None for part in parts if content.decode().index(part) < 0].clear()


FITS, JPEG, PNG, PLAIN = "application/fits", "image/jpeg", "image/png", "text/plain; charset=utf-8"
ROWS_4: dict[str, tuple[str, str, Callable[[bytes], None]]] = {
    "wcs_file/J": (FITS, "wcs.fits", _header),
    "new_fits_file/J": (FITS, "new-image.fits", _frame),
    "new_header_file/J": (FITS, "new-header.fits", _merged),
    "rdls_file/J": (FITS, "rdls.fits", _columns("RA", "DEC", "MAG")),
    "axy_file/J": (FITS, "axy.fits", _columns("X", "Y", "FLUX", "BACKGROUND")),
    "corr_file/J": (
        FITS,
        "corr.fits",
        _columns(
            "field_x", "field_y", "field_ra", "field_dec", "index_x", "index_y", "index_ra", "index_dec", "index_id",
            "field_id", "match_weight", "MAG", "FLUX", "BACKGROUND",
        ),
    ),
    "image_rd_file/J": (FITS, "image-radec.fits", _columns("X", "Y", "FLUX", "BACKGROUND", "RA", "DEC")),
    "kml_file/J": ("application/vnd.google-earth.kmz", "image.kmz", _kmz),
    "annotated_display/J": (JPEG, "", _size(640, 480)),
    "annotated_full/J": (JPEG, "", _size(800, 600)),
    "grid_display/J": (JPEG, "", _size(640, 480)),
    "grid_full/J": (JPEG, "", _size(800, 600)),
    "red_green_image_display/J": (PNG, "", _size(640, 480)),
    "red_green_image_full/J": (PNG, "", _size(800, 600)),
    "extraction_image_display/J": (PNG, "", _size(640, 480)),
    "extraction_image_full/J": (PNG, "", _size(800, 600)),
    "sky_plot/zoom0/CALID": (PNG, "", _size(1000, 500)),
    "sky_plot/zoom1/CALID": (PNG, "", _size(500, 500)),
    "sky_plot/zoom2/CALID": (PNG, "", _size(500, 500)),
    "sky_plot/zoom3/CALID": (PNG, "", _size(500, 500)),
    "joblog/J": (PLAIN, "", _text("[solve]", "solve-field", "--crpix-center", "wide.fits")),
    "joblog2/J": (PLAIN, "", _text("[solve]")),
    "image/ID": (JPEG, "", _size(800, 600)),
    "wwt_image/ID": (JPEG, "", _size(800, 600)),
    "thumbnail_of_image/ID": (JPEG, "", _size(256, 192)),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS_4)
def test_a_row_of_the_files(job: Job, row: str) -> None:
    media_type, filename, check = ROWS_4[row]
    for slash in ("", "/"):
        with job.open(job.named(row) + slash) as answer:
            assert answer.headers["Content-Type"] == media_type
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            content = answer.read()
            assert int(answer.headers["Content-Length"]) == len(content)
            disposition = answer.headers["Content-Disposition"] or ""
            assert disposition.endswith(f'filename="{filename}"' if filename else "")
        check(content)


@pytest.mark.parametrize("survey", ["sdss", "galex", "unwise", "legacysurvey"])
def test_a_row_of_other_surveys(job: Job, survey: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as absent:
        job.open(f"{survey}_image_display/{job.calibration}")
    assert absent.value.code == 404
    assert b"no pictures of other surveys" in absent.value.read()


@pytest.mark.parametrize("row", ["status/SUBID", "user_images/ID"])
def test_a_row_of_the_pages(job: Job, row: str) -> None:
    path = row.replace("SUBID", str(job.submission)).replace("ID", str(job.user_image))
    with job.open(path) as answer:
        assert "/frames/" in answer.url or "/frame/" in answer.url
        assert answer.headers["Content-Type"].startswith("text/html")
        assert b"wide.fits" in answer.read()


@pytest.mark.parametrize("path", ["axy_file", "corr_file", "rdls_file", "image_rd_file"])
def test_tables_come_as_text_too(job: Job, path: str) -> None:
    with job.open(f"{path}/{job.number}?format=csv") as answer:
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        lines = answer.read().decode().splitlines()
    with job.open(f"{path}/{job.number}") as answer, fits.open(io.BytesIO(answer.read())) as hdus:
        assert lines[0].split(",") == hdus[1].columns.names
        assert len(lines) == len(hdus[1].data) + 1
        assert float(lines[1].split(",")[0]) == pytest.approx(hdus[1].data[0][0])
