"""What header cards mean: one reading for FITS cards and picture tags.

For every quantity the keywords are tried in order and the first sensible value wins; `Meaning.sources` names
the keyword. Values that cannot be (a negative exposure, a latitude of 200 degrees) count as absent.

Conventions that differ between programs, and the choice made here:

- XPIXSZ is the size of a binned pixel (SBFITSEXT, MaxIm DL, N.I.N.A., SharpCap), PIXSIZE1 and PIXSIZE that of a
  physical one (INDI); a comment that says "unbinned" decides otherwise.
- RA as text with colons or blanks is in hours; as a number in degrees, unless its comment speaks of hours or
  another card shows that it is 15 times too small.
- GAIN is electrons per ADU only where its comment or its size allows that: CMOS cameras write a setting there.
- East longitude is positive unless the comment says west. A pointing of exactly (0, 0) is a default, not a place.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.science.frames.cards import as_mapping
from hven.science.frames.equipment import read_detector, read_optics, read_site
from hven.science.frames.fields import Fields
from hven.science.frames.frame import Card, Frame, Meaning
from hven.science.frames.moments import read_times
from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs

FILTER = (
    "FILTER",
    "FILTNAM",
    "FILTNAME",
    "FILTER1",
    "FILTERS",
    "INSFLNAM",
    "FILTERID",
    "FILTER2",
    "BAND",
    "Instrument:Filter:Name",
)
OBJECT = ("OBJECT", "OBJNAME", "TARGNAME", "TARGET", "OBJ-NAME", "Observation:Object:Name")
TYPE = ("IMAGETYP", "IMAGTYP", "IMGTYPE", "IMTYPE", "OBSTYPE", "OBS-TYPE", "FRAME", "EXPTYPE", "Observation:Image:Type")
POINTINGS = (
    ("RA", "DEC"), ("OBJCTRA", "OBJCTDEC"), ("RA_DEG", "DEC_DEG"), ("TELRA", "TELDEC"), ("RA-TEL", "DEC-TEL"),
    ("RA-MNT", "DEC-MNT"), ("CENTRA", "CENTDEC"), ("RA_TARG", "DEC_TARG"), ("RA_OBJ", "DEC_OBJ"),
    ("OBJRA", "OBJDEC"), ("CAT-RA", "CAT-DEC"), ("RA_PNT", "DEC_PNT"), ("MOUNTRA", "MOUNTDEC"),
    ("Observation:Center:RA", "Observation:Center:Dec"), ("Observation:Object:RA", "Observation:Object:Dec"),
)  # fmt: skip


def meaning_of(cards: tuple[Card, ...], width: int, height: int, notes: list[str] | None = None) -> Meaning:
    """Return what the cards of a frame of width x height pixels say; what stays open is added to `notes`."""
    fields = Fields(cards)
    found: dict[str, Any] = {}
    read_times(fields, found, [] if notes is None else notes)
    for name, keys in (("filter", FILTER), ("object_name", OBJECT), ("image_type", TYPE)):
        found[name] = fields.text(name, keys)
    with np.errstate(all="ignore"):  # of projections that no camera has
        wcs = _roughly(as_mapping(cards), width, height)
        found["ra"], found["dec"] = _pointing(fields, wcs)
        read_optics(fields, found, wcs, width, height)
    read_detector(fields, found)
    read_site(fields, found)
    return Meaning(**{k: v for k, v in found.items() if v is not None}, sources=fields.sources)


def wcs_from(frame: Frame) -> Wcs | None:
    """Return the TAN or TAN-SIP projection that the header carries, unverified; None where it has none.

    XISF stores rows from the top, while the projection in its keywords counts them from the bottom, as FITS does
    (y = height + 0.5 - row): that is how PixInsight writes and reads them. It is turned here, so that it fits the
    frame's own rows.
    """
    wcs = Wcs.from_cards(as_mapping(frame.cards), frame.width, frame.height)
    return _upside_down(wcs) if wcs is not None and frame.format == "xisf" else wcs


def _upside_down(wcs: Wcs) -> Wcs:
    """Return the projection for rows counted from the other end."""
    (a, b), (c, d) = wcs.cd

    def turned(matrix: NDArray[np.float64] | None, sign: float) -> NDArray[np.float64] | None:
        return None if matrix is None else sign * matrix * (-1.0) ** np.arange(matrix.shape[1])

    return replace(
        wcs,
        crpix=(wcs.crpix[0], wcs.height - 1 - wcs.crpix[1]),
        cd=((a, -b), (c, -d)),
        sip_a=turned(wcs.sip_a, 1),
        sip_b=turned(wcs.sip_b, -1),
        sip_ap=turned(wcs.sip_ap, 1),
        sip_bp=turned(wcs.sip_bp, -1),
    )


# --- pointing -----------------------------------------------------------------------------------------------


def _pointing(fields: Fields, wcs: Wcs | None) -> tuple[float | None, float | None]:
    candidates = []
    for ra_key, dec_key in POINTINGS:
        ra, ra_hours = fields.angle(ra_key, hours=True)
        dec, _ = fields.angle(dec_key)
        if ra is None or dec is None or abs(dec) > 90 or not -180 <= ra <= 360 or (ra == 0 and dec == 0):
            continue
        candidates.append((ra % 360, dec, ra_hours, f"{ra_key}, {dec_key}"))
    sure = [c for c in candidates if c[2]] + ([(*wcs.centre, True, "")] if wcs else [])
    for ra, dec, certain, source in candidates:
        as_hours = ra * 15
        # A plain number below 24 may be hours: another card that is sure of its unit decides
        if (
            not certain
            and ra < 24
            and any(separation(as_hours, dec, s[0], s[1]) < 2 < separation(ra, dec, s[0], s[1]) for s in sure)
        ):
            ra = as_hours  # noqa: PLW2901  # the corrected value of this candidate
        fields.sources["ra"] = fields.sources["dec"] = source
        return _precessed(ra, dec, fields)
    if wcs is not None:
        fields.sources["ra"] = fields.sources["dec"] = "WCS"
        return wcs.centre
    ra, dec = fields.peek("CRVAL1"), fields.peek("CRVAL2")
    celestial = str(fields.value("CTYPE1")).startswith("RA--") and str(fields.value("CTYPE2")).startswith("DEC-")
    if celestial and ra is not None and dec is not None and abs(dec) <= 90 and -180 <= ra <= 360:
        fields.sources["ra"] = fields.sources["dec"] = "CRVAL1, CRVAL2"
        return ra % 360, dec
    return None, None


def _roughly(mapping: dict[str, Any], width: int, height: int) -> Wcs | None:
    """Return the header's projection; one of another kind (TPV, ZPN, SIN...) as if it were TAN, to look near."""
    ctypes = str(mapping.get("CTYPE1", "")), str(mapping.get("CTYPE2", ""))
    if ctypes[0].startswith("RA--") and ctypes[1].startswith("DEC-") and not ctypes[0].startswith("RA---TAN"):
        mapping = {**mapping, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    wcs = Wcs.from_cards(mapping, width, height)
    return wcs if wcs is not None and np.isfinite((*wcs.centre, wcs.scale_arcsec)).all() else None


def _precessed(ra: float, dec: float, fields: Fields) -> tuple[float, float]:
    """Bring a position of another equinox to J2000 (Lieske et al. 1977, A&A 58, 1): arcseconds are enough."""
    equinox = fields.peek("EQUINOX") or fields.peek("EPOCH") or 2000.0
    if not 1800 <= equinox <= 2100 or equinox == 2000:
        return ra, dec
    t = (equinox - 2000.0) / 100.0
    zeta, z, theta = (
        np.radians((a * t + b * t**2 + c * t**3) / 3600)
        for a, b, c in (
            (2306.2181, 0.30188, 0.017998), (2306.2181, 1.09468, 0.018203), (2004.3109, -0.42665, -0.041833)
        )
    )  # fmt: skip
    lon, lat = np.radians(ra) - z, np.radians(dec)  # backwards: from the equinox to J2000
    a = np.cos(lat) * np.sin(lon)
    b = np.cos(theta) * np.cos(lat) * np.cos(lon) + np.sin(theta) * np.sin(lat)
    c = -np.sin(theta) * np.cos(lat) * np.cos(lon) + np.cos(theta) * np.sin(lat)
    return float(np.degrees(np.arctan2(a, b) - zeta) % 360), float(np.degrees(np.arctan2(c, np.hypot(a, b))))
