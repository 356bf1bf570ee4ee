"""What tells where a frame was taken, and what is left of a picture without it."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from hven.errors import Forbidden
from hven.science.frames.equipment import ELEVATION, LATITUDE, LONGITUDE
from hven.science.frames.whereabouts import tells_place, without_position

OTHERS = (
    "HIERARCH ESO TEL GEOLAT", "ESO TEL GEOLON", "ESO TEL GEOELEV", "Observation:Location:Name", "OBSGEO-X", "sitelat ",
    "SITELATITUDE", "LAT", "XMP", "GPSTimeStamp",
)  # fmt: skip


def picture(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("keyword", [*LATITUDE, *LONGITUDE, *ELEVATION, *OTHERS])
def test_whatever_is_read_as_the_site_tells_the_place(keyword: str) -> None:
    assert tells_place(keyword)


@pytest.mark.parametrize(
    "keyword",
    ["RA", "DEC", "OBJECT", "ALTITUDE", "OBSERVER", "OBSERVAT", "TELESCOP", "TELALT", "ESO TEL ALT", "PLATESCL", "",
     "FILTER", "GLAT", "Observation:Time:Start"],
)  # fmt: skip
def test_other_cards_do_not(keyword: str) -> None:
    assert not tells_place(keyword)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("known", [True, False])
def test_pictures_come_without_exif_read_or_not(kind: str, known: bool) -> None:
    content = picture(kind)
    cut = without_position(io.BytesIO(content), kind if known else "")
    assert cut is not None
    assert b"a maker" in content
    assert b"a maker" not in cut
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(cut))), np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (picture("tiff"), "tiff"),
        (picture("tiff"), ""),
        (gzip.compress(picture("jpeg")), "jpeg"),
        (gzip.compress(picture("jpeg")), ""),
        (b"XISF0100", ""),
        (b"of a camera nobody knows" + bytes(10), "raw"),
    ],
)
def test_what_cannot_be_cut_is_withheld(content: bytes, kind: str) -> None:
    with pytest.raises(Forbidden):
        without_position(io.BytesIO(content), kind)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"SIMPLE  =                    T", "fits"),
        (b"SIMPLE  =                    T", ""),
        (gzip.compress(b"SIMPLE  =                    T"), "fits"),
        (b"12.5 13.5 100\n14.5 15.5 90\n", "list"),
        (b"What happened in the night.\n", ""),
        (b"", ""),
    ],
)
def test_what_is_no_picture_is_handed_on_as_it_is(content: bytes, kind: str) -> None:
    assert without_position(io.BytesIO(content), kind) is None
