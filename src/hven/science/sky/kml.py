"""A frame's place as KML for sky viewers: its outline, and its picture laid between its corners.

In the sky mode of KML (reference 2.2, ``hint="target=sky"``) the longitude is the right ascension less 180 degrees.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from hven.science.sky.wcs import Wcs


def sky_overlay(wcs: Wcs, name: str, picture: str = "", *, first_row_below: bool = True) -> str:
    """Return a KML document.

    Parameters
    ----------
    wcs
        The frame's projection.
    name
        Of the frame, for people.
    picture
        Path of its picture within the archive; empty for an outline alone.
    first_row_below
        Whether the picture shows the frame's first row at its bottom.
    """
    corners = _corners(wcs, first_row_below=first_row_below)
    ring = " ".join(f"{lon:.7f},{lat:.7f},0" for lon, lat in (*corners, corners[0]))
    quad = " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat in corners)
    overlay = (
        f"<GroundOverlay><name>{escape(name)}</name><Icon><href>{escape(picture)}</href></Icon>"
        f"<gx:LatLonQuad><coordinates>{quad}</coordinates></gx:LatLonQuad></GroundOverlay>\n"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2" hint="target=sky">\n'
        f"<Document><name>{escape(name)}</name>\n{overlay if picture else ''}"
        f"<Placemark><name>{escape(name)}</name><LineString><coordinates>{ring}</coordinates></LineString></Placemark>\n"
        "</Document></kml>\n"
    )


def _corners(wcs: Wcs, *, first_row_below: bool) -> list[tuple[float, float]]:
    """Return (longitude, latitude) of the picture's corners: lower left, lower right, upper right, upper left."""
    low, high = (-0.5, wcs.height - 0.5) if first_row_below else (wcs.height - 0.5, -0.5)
    right = wcs.width - 0.5
    ra, dec = wcs.to_sky([-0.5, right, right, -0.5], [low, low, high, high])
    centre = wcs.centre[0] - 180.0
    # Longitudes follow the centre's, so that a frame across 180 degrees does not reach around the globe.
    return [(centre + (lon - 180.0 - centre + 180.0) % 360.0 - 180.0, lat) for lon, lat in zip(ra, dec, strict=True)]
