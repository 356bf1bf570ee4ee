"""The light curve of a place on the sky, over all frames that one may open."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hven.errors import Invalid
from hven.imaging.services.light_curves import MOST_FRAMES, Point, is_good, is_seen
from hven.imaging.services.light_curves import light_curve as measured
from hven.web.actor import actor_of, signed_in
from hven.web.csv_list import harmless
from hven.web.errors import page
from hven.web.lightplot import Plot, plot
from hven.web.positions import find_place
from hven.web.views.files import guarded

FORMS = {"csv": "text/csv; charset=utf-8", "vot": "application/x-votable+xml", "txt": "text/plain; charset=utf-8"}
COLUMNS = (
    "frame", "kind", "mid_utc", "mjd_utc", "bjd_tdb", "filter", "system", "mag", "mag_err", "limit",
    "separation_arcsec", "flags",
)  # fmt: skip
_AAVSO_BANDS = {"g": "SG", "r": "SR", "i": "SI", "z": "SZ", "u": "SU", "G": "GG", "BP": "GBP", "RP": "GRP", "Ks": "K"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    text: str
    radius: float
    name: str
    ra: float | None = None
    dec: float | None = None
    error: str = ""


@page
@signed_in
@require_safe
@never_cache
def light_curve(request: HttpRequest) -> HttpResponseBase:
    """Show the light curve of a place."""
    asked = _asked(request)
    points: list[Point] = []
    more = False
    drawn: Plot | None = None
    if asked.ra is not None and asked.dec is not None:
        points, more = measured(actor_of(request), asked.ra, asked.dec, asked.radius)
        drawn = plot(points)
    context = {
        "here": "frames",
        "wanted": asked,
        "points": points,
        "drawn": drawn,
        "more": more,
        "most": MOST_FRAMES,
        "query": request.GET.urlencode(),
        "good": is_good,
    }
    return render(request, "web/light_curve.html", context, status=400 if asked.error else 200)


@page
@signed_in
@require_safe
@never_cache
def table(request: HttpRequest, form: str) -> HttpResponseBase:
    """Return the light curve as CSV, as VOTable, or in AAVSO's extended format."""
    if form not in FORMS:
        raise Invalid("Light curves come as csv, vot, or txt for AAVSO.")
    asked = _asked(request)
    if asked.ra is None or asked.dec is None:
        raise Invalid(asked.error or "Say which place: at=RA DEC.")
    points, _ = measured(actor_of(request), asked.ra, asked.dec, asked.radius)
    made: bytes | str
    if form == "vot":
        made = _votable(points)
    else:
        made = _csv(points) if form == "csv" else aavso(points, asked.name or asked.text)
    name = f"light-curve-{asked.ra:.4f}{asked.dec:+.4f}.{form}"
    return guarded(HttpResponse(made, content_type=FORMS[form]), name)


def aavso(points: list[Point], name: str) -> str:
    """Return measurements in AAVSO's extended file format; what has no magnitude is given as fainter than its limit."""
    lines = ["#TYPE=Extended", "#OBSCODE=", "#SOFTWARE=hven", "#DELIM=,", "#DATE=JD", "#OBSTYPE=CCD"]
    lines.append("#NAME,DATE,MAG,MERR,FILT,TRANS,MTYPE,CNAME,CMAG,KNAME,KMAG,AMASS,GROUP,CHART,NOTES")
    star = name.replace(",", " ").replace("\n", " ").strip().upper() or "UNKNOWN"
    for point in points:
        if point.mjd is None or point.kind == "difference":
            continue
        seen = is_seen(point)
        value = point.mag if seen else point.limit
        if value is None:
            continue
        magnitude = f"{value:.3f}" if seen else f"<{value:.1f}"
        error = f"{point.error:.3f}" if seen and point.error is not None else "na"
        band = _AAVSO_BANDS.get(point.filter, point.filter or "CV")
        row = [star, f"{point.mjd + 2400000.5:.6f}", magnitude, error, band, "NO", "STD", "ENSEMBLE"]
        lines.append(",".join([*row, "na", "na", "na", "na", "na", "na", f"frame {point.reduction.pk}"]))
    return "\r\n".join(lines) + "\r\n"


def _asked(request: HttpRequest) -> Asked:
    text = request.GET.get("at", "").strip()[:200]
    name = request.GET.get("name", "").strip()[:100]
    try:
        radius = float(request.GET.get("r", "") or 3.0)
    except ValueError:
        return Asked(text, 3.0, name, error="The radius is a number of arcseconds.")
    if not text:
        return Asked(text, radius, name)
    if not 0 < radius <= 60:
        return Asked(text, 3.0, name, error="The radius lies between 0 and 60 arcseconds.")
    place = find_place(text)
    if place is None:
        return Asked(
            text,
            radius,
            name,
            error="That is no position and no deep-sky object: write 150.1163 2.2058, or 10 00 27.9 +02 12 21.",
        )
    return Asked(text, radius, name, *place)


def _rows(points: list[Point]) -> list[tuple[Any, ...]]:
    return [
        (
            point.reduction.name,
            point.kind,
            point.time.isoformat() if point.time is not None else "",
            point.mjd,
            point.bjd_tdb,
            point.filter,
            point.system,
            point.mag,
            point.error,
            point.limit,
            point.separation_arcsec,
            point.flags,
        )
        for point in points
    ]


def _csv(points: list[Point]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(points):
        writer.writerow(["" if value is None else harmless(value) for value in row])
    return out.getvalue()


def _votable(points: list[Point]) -> bytes:
    from astropy.table import Table  # noqa: PLC0415 - heavy, wanted by few requests

    units = {
        "mjd_utc": "d",
        "bjd_tdb": "d",
        "mag": "mag",
        "mag_err": "mag",
        "limit": "mag",
        "separation_arcsec": "arcsec",
    }
    texts = {"frame", "kind", "mid_utc", "filter", "system"}
    found = Table()
    for number, name in enumerate(COLUMNS):
        values = [row[number] for row in _rows(points)]
        if name in texts:
            found[name] = [str(value) for value in values] if values else [""][:0]
        else:
            found[name] = [float("nan") if value is None else value for value in values]
        if name in units:
            found[name].unit = units[name]
    content = io.BytesIO()
    found.write(content, format="votable")
    return content.getvalue()
