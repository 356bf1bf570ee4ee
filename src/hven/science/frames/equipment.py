"""What header cards say of optics, detector and site. The conventions followed stand in header.py."""

import re
from typing import Any

import numpy as np

from hven.science.frames.fields import Fields
from hven.science.sky.wcs import Wcs

ARCSEC_PER_UM_MM = 206.264806  # arcseconds per (micrometre / millimetre)
FULL_FRAME_DIAGONAL_MM = 43.2666  # what "35 mm equivalent" refers to

FOCAL = ("FOCALLEN", "FOCAL", "FOCALLENGTH", "FOCLEN", "FOCLENGT", "FocalLength")
XISF_FOCAL = "Instrument:Telescope:FocalLength"  # metres by the specification, millimetres of some programs
BINNED_PIXEL = (("XPIXSZ", "YPIXSZ"), ("XPIXELSZ", "YPIXELSZ"), ("PIXSZ1", "PIXSZ2"),
                ("Instrument:Sensor:XPixelSize", "Instrument:Sensor:YPixelSize"))  # fmt: skip
PHYSICAL_PIXEL = (("PIXSIZE1", "PIXSIZE2"), ("PIXSIZE", "PIXSIZE"), ("PIXELSZ", "PIXELSZ"), ("CCDPSIZE", "CCDPSIZE"))
BINNING = (
    ("XBINNING", "YBINNING"), ("BINX", "BINY"), ("XBIN", "YBIN"), ("CCDXBIN", "CCDYBIN"), ("CCDBINX", "CCDBINY"),
    ("BIN1", "BIN2"), ("BINNING1", "BINNING2"),
    ("Instrument:Camera:XBinning", "Instrument:Camera:YBinning"),
)  # fmt: skip
SCALE = (
    "SCALE", "PIXSCALE", "PIXSCAL", "PIXSCAL1", "PIXSCALX", "SECPIX", "SECPIX1", "CCDSCALE", "PLATESCL",
    "PLTSCALE",
)  # fmt: skip
LATITUDE = (
    "SITELAT", "LATITUDE", "OBSLAT", "LAT-OBS", "OBSGEO-B", "GEOLAT", "LAT_OBS", "OBS-LAT", "SITE-LAT",
    "GPSLatitude", "Observation:Location:Latitude",
)  # fmt: skip
LONGITUDE = (
    "SITELONG", "LONGITUD", "OBSLONG", "LONG-OBS", "OBSGEO-L", "GEOLON", "LONG_OBS", "OBS-LONG", "SITE-LON",
    "SITELON", "LON-OBS", "GPSLongitude", "Observation:Location:Longitude",
)  # fmt: skip
ELEVATION = (
    "SITEELEV", "SITEALT", "OBSALT", "ALT-OBS", "ELEV-OBS", "OBSGEO-H", "OBSELEV", "ALT_OBS", "OBS-ELEV",
    "GPSAltitude", "Observation:Location:Elevation",
)  # fmt: skip


def read_optics(fields: Fields, found: dict[str, Any], wcs: Wcs | None, width: int, height: int) -> None:
    """Put focal length, binning, pixel size and scale, each of a binned pixel, into `found`."""
    focal = fields.number("focal_length_mm", FOCAL, 0.5, 1e6, unit=_millimetres) or _xisf_focal(fields)
    binning = _binning(fields)
    pixel = _pixel_size(fields, binning) or _exif_pixel(fields, width)
    scale = fields.number("scale_arcsec", SCALE, 1e-3, 7200.0, unit=_arcsec_per_pixel)
    if scale is None and pixel and (per_mm := fields.peek("PLTSCALE")) and "mm" in fields.comment("PLTSCALE"):
        scale = per_mm * pixel / 1000
        fields.sources["scale_arcsec"] = f"PLTSCALE, {fields.sources['pixel_size_um']}"
    if scale is None and focal and pixel:
        scale = ARCSEC_PER_UM_MM * pixel / focal
        fields.sources["scale_arcsec"] = f"{fields.sources['focal_length_mm']}, {fields.sources['pixel_size_um']}"
    if scale is None and wcs is not None and 1e-3 < wcs.scale_arcsec < 7200:
        scale = wcs.scale_arcsec
        fields.sources["scale_arcsec"] = "WCS"
    equivalent = fields.peek("FocalLengthIn35mmFilm")
    if scale is None and equivalent and equivalent > 0 and width and height:
        half = FULL_FRAME_DIAGONAL_MM / 2 / equivalent
        scale = float(2 * np.degrees(half) * 3600 / np.hypot(width, height))
        fields.sources["scale_arcsec"] = "FocalLengthIn35mmFilm"
    found.update(focal_length_mm=focal, binning=binning, pixel_size_um=pixel, scale_arcsec=scale)


def _binning(fields: Fields) -> tuple[int, int] | None:
    for x_key, y_key in BINNING:
        x, y = fields.peek(x_key), fields.peek(y_key)
        if x and 1 <= x <= 64:
            fields.sources["binning"] = x_key
            return int(x), int(y) if y and 1 <= y <= 64 else int(x)
    for key in ("CCDSUM", "BINNING"):
        numbers = re.findall(r"\d+", str(fields.value(key) or ""))
        if numbers and all(len(n) < 3 and 1 <= int(n) <= 64 for n in numbers[:2]):
            fields.sources["binning"] = key
            return int(numbers[0]), int(numbers[min(1, len(numbers) - 1)])
    return None


def _pixel_size(fields: Fields, binning: tuple[int, int] | None) -> float | None:
    factor = binning[0] if binning else 1
    for keys, physical in ((BINNED_PIXEL, False), (PHYSICAL_PIXEL, True)):
        for key, _ in keys:
            size = fields.peek(key)
            if size and re.search(r"\bmm\b|millim", fields.comment(key)):
                size *= 1000
            if size and 0.1 <= size <= 500:
                fields.sources["pixel_size_um"] = key
                return size * factor if physical or "unbinned" in fields.comment(key) else size
    return None


def _exif_pixel(fields: Fields, width: int) -> float | None:
    """Return the pixel size from the focal plane's resolution, scaled where the picture was made smaller."""
    resolution, unit = fields.peek("FocalPlaneXResolution"), fields.peek("FocalPlaneResolutionUnit") or 2
    per_unit = {2: 25_400.0, 3: 10_000.0, 4: 1000.0, 5: 1.0}.get(int(unit))
    if not resolution or resolution <= 0 or per_unit is None:
        return None
    size = per_unit / resolution * ((fields.peek("ExifImageWidth") or width) / width)
    if not 0.3 <= size <= 500:
        return None
    fields.sources["pixel_size_um"] = "FocalPlaneXResolution"
    return size


def _xisf_focal(fields: Fields) -> float | None:
    """Return the focal length of an XISF property where its size leaves no doubt of its unit."""
    size = fields.peek(XISF_FOCAL)
    if size is None or not (0.004 <= size <= 20 or 40 <= size <= 1e5):
        return None
    fields.sources["focal_length_mm"] = XISF_FOCAL
    return size * 1000 if size <= 20 else size


def _millimetres(_key: str, comment: str) -> float:
    low = comment.lower()
    if re.search(r"\b(m|metres?|meters?)\b", low) and "mm" not in low:
        return 1000.0
    return 10.0 if re.search(r"\bcm\b", low) else 1.0


def _arcsec_per_pixel(key: str, comment: str) -> float | None:
    low = comment.lower()
    if "/mm" in low or "per mm" in low or (key == "PLTSCALE" and "mm" in low):
        return None
    if key == "SCALE" and not re.search(r"arc|pix|sec|\"", low) and low:
        return None  # some other scale
    return 3600.0 if re.search(r"\bdeg", low) else 60.0 if "arcmin" in low else 1.0


def read_detector(fields: Fields, found: dict[str, Any]) -> None:
    """Put gain, read noise, saturation, camera and telescope into `found`."""
    gain = fields.number("gain", ("EGAIN", "GAINEFF"), 1e-4, 1e4)
    if gain is None and (value := fields.peek("GAIN")) is not None:
        comment = fields.comment("GAIN")
        said = re.search(r"e-?\s*/|e-?\s*per|electron|photon", comment)
        setting = re.search(r"setting|sensor|camera gain|index|db\b", comment)
        if 1e-4 <= value <= 1e4 and (said or (0.05 <= value <= 20 and not setting and value != 1)):
            gain = value
            fields.sources["gain"] = "GAIN"
    found["gain"] = gain
    found["read_noise_e"] = fields.number(
        "read_noise_e", ("RDNOISE", "READNOIS", "READNOISE", "RON", "ENOISE"), 1e-3, 1e4
    )
    found["saturation"] = fields.number("saturation", ("SATURATE", "SATURATION", "SATLEVEL", "SATURLEV"), 1.0, 1e12)
    found["camera"] = fields.text("camera", ("INSTRUME", "CAMERA", "DETECTOR", "Model", "Instrument:Camera:Name"))
    found["telescope"] = fields.text("telescope", ("TELESCOP", "LensModel", "Instrument:Telescope:Name"))


def read_site(fields: Fields, found: dict[str, Any]) -> None:
    """Put the site into `found`; a place of exactly (0, 0) is a default and left out."""
    for key in LATITUDE:
        value, _ = fields.angle(key)
        if value is not None and abs(value) <= 90:
            south = key == "GPSLatitude" and str(fields.value("GPSLatitudeRef")).upper().startswith("S")
            found["site_latitude"] = -value if south else value
            fields.sources["site_latitude"] = key
            break
    for key in LONGITUDE:
        value, _ = fields.angle(key)
        if value is not None and -180 <= value <= 360:
            comment = fields.comment(key)
            west = key == "GPSLongitude" and str(fields.value("GPSLongitudeRef")).upper().startswith("W")
            west = west or bool(re.search(r"west\s*(is\s*)?positive|\+\s*w(est)?\b|degrees?\s+w(est)?\b", comment))
            value = -value if west else value
            found["site_longitude"] = value - 360 if value > 180 else value
            fields.sources["site_longitude"] = key
            break
    if "site_latitude" not in found or "site_longitude" not in found:
        return
    if found["site_latitude"] == 0 and found["site_longitude"] == 0:
        del (
            found["site_latitude"],
            found["site_longitude"],
            fields.sources["site_latitude"],
            fields.sources["site_longitude"],
        )
        return
    found["site_elevation_m"] = fields.number("site_elevation_m", ELEVATION, -500.0, 9000.0)
