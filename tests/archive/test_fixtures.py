"""Every real file at hand goes in through the dialect, is read by the job, and says what others read in it."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import xml.etree.ElementTree as ET
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

from hven.jobs.models import Job
from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs

# First match wins; what an archive of this kind is known to read, and the misspelling in a fixture of its own.
KEYWORDS = {
    "date": ("DATE-OBS", "DATE_OBS", "DATE"),
    "target_name": ("OBJECT",),
    "filter": ("FILTER", "FILTER1"),
    "exposure_time": ("EXPTIME", "EXPOSURE"),
    "image_type": ("IMAGETYP", "IMAGTYP", "FRAME"),
}
# A space before the T and a clock of 12 hours in the comment: no reader takes it.
BY_HAND = {"2015-02-19 T11:04:00": "2015-02-19T11:04:00"}


def by_astropy(content: bytes, name: str) -> dict[str, Any] | None:
    """What astropy reads in a FITS file, in whatever it is packed; None for what is no FITS."""
    if name.endswith((".zip", ".gz", ".gzip", ".bz2", ".bzip2")):
        content = unpacked(content, name)
    if not content.startswith(b"SIMPLE"):
        return None
    with fits.open(io.BytesIO(content)) as hdus:
        header = next((hdu.header for hdu in hdus if hdu.header.get("NAXIS")), hdus[0].header)
        return dict(header)


def unpacked(content: bytes, name: str) -> bytes:
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(archive.namelist()[0])
    return gzip.decompress(content) if name.endswith(("gz", "gzip")) else bz2.decompress(content)


def by_xml(content: bytes) -> dict[str, Any] | None:
    """The FITS keywords of an XISF file by the standard library's reader."""
    if not content.startswith(b"XISF0100"):
        return None
    (length,) = struct.unpack_from("<I", content, 8)
    root = ET.fromstring(content[16 : 16 + length].rstrip(b"\0").decode())  # noqa: S314 - files of our own
    first = next(each for each in root if each.tag.endswith("Image"))
    keywords = [each for each in first.iter() if each.tag.endswith("FITSKeyword")]
    return {each.attrib["name"]: each.attrib["value"].strip("'").strip() for each in keywords}


def expected(header: dict[str, Any]) -> dict[str, Any]:
    """What the archive should say of a frame whose header another reader read."""
    found: dict[str, Any] = {}
    for name, keywords in KEYWORDS.items():
        found[name] = next((header[key] for key in keywords if header.get(key) not in {None, ""}), None)
    exposure = None if found["exposure_time"] is None else float(found["exposure_time"])
    said = BY_HAND.get(str(found["date"]), found["date"])
    start = Time(said, scale="utc").to_datetime(UTC) if said else None
    middle = start and start + timedelta(seconds=exposure or 0) / 2
    words = {name: str(found[name] or "").strip() for name in ("target_name", "filter", "image_type")}
    return {**words, "exposure_time": exposure, "date": middle}


def check(found: dict[str, Any], header: dict[str, Any] | None) -> None:
    """Compare an answer of the archive with another reader's header; None is for what is no frame."""
    assert found["parsed"] is True, found["name"]
    if header is None:
        assert (found["format"], found["date"], found["filter"], found["unfiled"]) == (None, None, "", ""), found
        return
    wanted = expected(header)
    date = found["date"] and datetime.fromisoformat(found["date"])
    assert (date is None) is (wanted["date"] is None), found
    assert date is None or abs((date - wanted["date"]).total_seconds()) < 1e-3, (found["name"], date, wanted["date"])
    for name in ("target_name", "filter", "exposure_time", "image_type"):
        assert found[name] == wanted[name], (found["name"], name, found[name], wanted[name])


@pytest.fixture
def night(user: Any) -> tuple[Caller, str]:
    """A caller, and a dataset of theirs with a telescope."""
    caller = Caller(user)
    site = caller.post("observingsites/", {"name": "Hven", "coordinates": {"longitude": 12.7, "latitude": 55.9}})
    telescope = caller.post("telescopes/", {"name": "Quadrant", "observing_site": site["uuid"]})["uuid"]
    return caller, caller.post("datasets/", {"name": "Night", "telescope": telescope})["uuid"]


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["fits-archive", "xisf"])
def test_every_fixture_says_what_other_readers_read_in_it(
    night: tuple[Caller, str], shared_data: Path, folder: str
) -> None:
    caller, dataset = night
    paths = sorted(path for path in (shared_data / folder).rglob("*") if path.is_file())
    sent: dict[int, Path] = {}
    for number, path in enumerate(paths):
        made = caller.upload(dataset, path.read_bytes(), f"{number}-{path.name}")
        sent[made["id"]] = path
    run_jobs()
    assert not Job.objects.exclude(state="done").exists()
    frames = 0
    for identity, path in sent.items():
        content = path.read_bytes()
        header = by_xml(content) or by_astropy(content, path.name)
        found = caller.get(f"datafiles/{identity}/")
        check(found, header)
        frames += header is not None
        assert (found["observation"] is not None) is (header is not None), path.name
        assert caller.get(f"datafiles/{identity}/file/") == content
    assert frames >= 4


def test_a_spectrum_of_one_dimension_is_filed_without_a_size(night: tuple[Caller, str], shared_data: Path) -> None:
    caller, dataset = night
    content = (shared_data / "fits-archive" / "fits" / "very_simple.fits").read_bytes()
    made = caller.upload(dataset, content, "spectrum.fits")
    run_jobs()
    found = caller.get(f"datafiles/{made['id']}/", header="1")
    assert (found["format"], found["width"], found["height"]) == ("fits", None, None)
    assert found["sources"]["filter"] == "FILTER" and found["observation"]
    said = {card["keyword"]: card["value"] for card in found["header"]}
    assert said["NAXIS1"] == 1181 and said["CTYPE1"] == "LINEAR"


@pytest.mark.parametrize("ending", ["gz", "gzip", "bz2", "bzip2", "zip", "fz"])
def test_a_packed_frame_says_the_same_as_the_plain_one(
    night: tuple[Caller, str], shared_data: Path, ending: str
) -> None:
    caller, dataset = night
    content = (shared_data / "fits-archive" / "fits" / "file1.fits").read_bytes()
    packed = packed_as(ending, content)
    made = caller.upload(dataset, packed, f"file1.fits.{ending}")
    run_jobs()
    found = caller.get(f"datafiles/{made['id']}/")
    check(found, by_astropy(content, "file1.fits"))
    assert (found["name"], found["width"], found["height"]) == (f"file1.fits.{ending}", 752, 582)
    assert caller.get(f"datafiles/{made['id']}/file/") == packed


def packed_as(ending: str, content: bytes) -> bytes:
    out = io.BytesIO()
    if ending == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("night/file1.fits", content)
    elif ending == "fz":
        with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as hdus:
            header = hdus[0].header.copy()
            squeezed = fits.CompImageHDU(np.asarray(hdus[0].data), header, compression_type="RICE_1")
            fits.HDUList([fits.PrimaryHDU(), squeezed]).writeto(out, output_verify="ignore")
    else:
        out.write(gzip.compress(content) if ending.startswith("g") else bz2.compress(content))
    return out.getvalue()


def xisf(keywords: str, before: str = "") -> bytes:
    """An XISF file of one small image with these keyword elements."""
    header = (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<xisf version="1.0" '
        'xmlns="http://www.pixinsight.com/xisf"><Image geometry="4:3:1" sampleFormat="UInt8" colorSpace="Gray" '
        f'location="attachment:4096:12">{keywords}</Image></xisf>'
    ).encode()
    return (b"XISF0100" + struct.pack("<II", len(header), 0) + header).ljust(4096, b"\0") + bytes(12)


def test_keywords_of_xisf_lose_the_quotes_of_fits(night: tuple[Caller, str]) -> None:
    caller, dataset = night
    said = {"FILTER": "'Red     '", "DATE-OBS": "'2023-01-25T16:26:06.994'", "OBJECT": "'O''Neill 2 '", "EXPTIME": "4."}
    words = "".join(f'<FITSKeyword name="{name}" value="{value}" comment=""/>' for name, value in said.items())
    made = caller.upload(dataset, xisf(words), "quoted.xisf")
    run_jobs()
    found = caller.get(f"datafiles/{made['id']}/")
    assert (found["filter"], found["target_name"], found["exposure_time"]) == ("Red", "O'Neill 2", 4.0)
    assert found["date"] == "2023-01-25T16:26:08.994000Z" and found["observation"]


@pytest.mark.parametrize(
    ("card", "value", "middle"),
    [
        ("DATE-OBS", "2002-01-28T02:45:1.875", "2002-01-28T02:45:01.875000Z"),
        ("DATE-OBS", "2015-02-19 T11:04:00", "2015-02-19T11:04:00Z"),
        ("DATE_OBS", "2015-02-19T11:04:00", "2015-02-19T11:04:00Z"),
        ("DATE", "2015-02-19T11:04:00", "2015-02-19T11:04:00Z"),
        ("DATE-OBS", "2015-02-19 11:04", "2015-02-19T11:04:00Z"),
        ("DATE-OBS", "2015-02-19T11:04:00Z", "2015-02-19T11:04:00Z"),
        ("DATE-OBS", "19/02/99", None),  # a day of the old standard, and no time in it
        ("DATE-OBS", "", None),
        ("DATE-OBS", "yesterday", None),
        ("DATE-OBS", "2015-13-45T99:99:99", None),
        ("DATE-OBS", "0000-00-00T00:00:00", None),
    ],
)
def test_dates_are_read_in_the_shapes_that_occur(
    night: tuple[Caller, str], card: str, value: str, middle: str | None
) -> None:
    caller, dataset = night
    made = caller.upload(dataset, frame(1, **{card.replace("-", "__"): value}), "dated.fits")
    run_jobs()
    found = caller.get(f"datafiles/{made['id']}/")
    if middle is None:
        assert found["observation"] is None or value == "19/02/99"
        assert "no time" in found["unfiled"] or value == "19/02/99"
    else:
        assert found["date"] == middle and found["observation"]
