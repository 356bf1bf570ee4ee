"""The place of a frame as KML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from hven.science.sky.kml import sky_overlay
from hven.science.sky.wcs import Wcs

SPACE = {"k": "http://www.opengis.net/kml/2.2", "gx": "http://www.google.com/kml/ext/2.2"}


def _wcs(ra: float, dec: float, width: int = 100, height: int = 50) -> Wcs:
    """North up, east left, a degree wide."""
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": (width + 1) / 2,
        "CRPIX2": (height + 1) / 2, "CD1_1": -0.01, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.01,
    }  # fmt: skip
    wcs = Wcs.from_cards(cards, width, height)
    assert wcs is not None
    return wcs


def _quad(text: str) -> list[tuple[float, ...]]:
    found = ET.fromstring(text).find(".//gx:LatLonQuad/k:coordinates", SPACE)  # noqa: S314 - our own text
    assert found is not None
    return [tuple(float(part) for part in pair.split(",")) for pair in (found.text or "").split()]


def test_the_picture_lies_between_its_corners_from_the_lower_left() -> None:
    quad = _quad(sky_overlay(_wcs(180.0, 0.0), "a", "a.jpg"))
    # East is left, and the longitude grows with right ascension.
    assert [tuple(round(v, 3) for v in corner) for corner in quad] == [
        (0.5, -0.25), (-0.5, -0.25), (-0.5, 0.25), (0.5, 0.25),
    ]  # fmt: skip
    upside_down = _quad(sky_overlay(_wcs(180.0, 0.0), "a", "a.jpg", first_row_below=False))
    assert upside_down[0] == pytest.approx(quad[3])


@pytest.mark.parametrize("ra", [0.0, 0.2, 359.9, 180.0])
def test_a_frame_across_the_edge_of_longitudes_does_not_reach_around_the_globe(ra: float) -> None:
    longitudes = [lon for lon, _ in _quad(sky_overlay(_wcs(ra, 20.0), "a", "a.jpg"))]
    assert max(longitudes) - min(longitudes) < 1.2


def test_an_outline_stands_alone_where_there_is_no_picture_and_names_are_only_text() -> None:
    text = sky_overlay(_wcs(10.0, 20.0), "<a> & b]]>")
    tree = ET.fromstring(text)  # noqa: S314 - our own text
    assert tree.find(".//k:GroundOverlay", SPACE) is None
    assert tree.find(".//k:LineString", SPACE) is not None
    name = tree.find(".//k:Document/k:name", SPACE)
    assert name is not None
    assert name.text == "<a> & b]]>"
    assert re.search('hint="target=sky"', text)
