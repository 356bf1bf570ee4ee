"""The brightness of a place over all frames that hold it: measurements, and limits where nothing was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import QuerySet

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.errors import HvenError, Invalid
from hven.imaging.models import Reduction, ReductionFile
from hven.imaging.services import tables
from hven.imaging.services.search import Cone, Wanted, search

MOST_FRAMES = 2000
WIDEST_ARCSEC = 60.0
_GOOD = ~0x102  # flags that say nothing against a measurement: deblended, masked pixels in the footprint
_COLUMNS = ["ra", "dec", "mag_calib", "mag_calib_err", "flags", "mag_filter_name", "mag_color_name", "mag_color_term"]


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement, or one limit."""

    reduction: Reduction
    time: Any  # datetime: the middle of the exposure, UTC; None where the file does not say
    bjd_tdb: float | None
    filter: str  # key
    system: str  # AB or Vega
    mag: float | None  # None: a limit only
    error: float | None
    limit: float | None  # magnitude, at the signal-to-noise ratio that the reduction kept
    separation_arcsec: float | None
    flags: int
    kind: str  # target, difference, source or limit

    @property
    def mjd(self) -> float | None:
        """The modified Julian date of the middle, UTC."""
        return None if self.time is None else self.time.timestamp() / 86400 + 40587.0


def light_curve(actor: Actor, ra: float, dec: float, radius_arcsec: float = 3.0) -> tuple[list[Point], bool]:
    """Return the measurements of a place (ICRS degrees), oldest first, and whether there are more frames than are read.

    In each frame that was calibrated and holds the place: forced photometry of a target there, else the nearest source
    within the radius, else the frame's limit. Photometry on a difference stands beside it.

    Raises
    ------
    Invalid
        The place is none on the sphere, or the radius none.
    """
    if not (math.isfinite(ra) and -90 <= dec <= 90):
        raise Invalid("A place has a right ascension and a declination between -90 and 90 degrees.")
    if not 0 < radius_arcsec <= WIDEST_ARCSEC:
        raise Invalid(f"The radius lies between 0 and {WIDEST_ARCSEC:g} arcseconds.")
    frames = list(_frames(actor, ra, dec)[: MOST_FRAMES + 1])
    points: list[Point] = []
    for reduction in frames[:MOST_FRAMES]:
        points += _points(reduction, ra, dec, radius_arcsec)
    points.sort(key=lambda point: (point.mjd is None, point.mjd or 0.0))
    return points, len(frames) > MOST_FRAMES


def _frames(actor: Actor, ra: float, dec: float) -> QuerySet[Reduction]:
    """Return the calibrated frames whose circle holds the place and whose products the actor may open."""
    found = search(actor, Wanted(cone=Cone(ra % 360, dec, 0.0)), access.Verb.OPEN)
    calibrated = ReductionFile.objects.filter(current=True, path="objects.parquet").values("reduction")
    rows = found.filter(pk__in=calibrated)
    return rows.select_related("data_file", "solution").order_by("-id")


def _points(reduction: Reduction, ra: float, dec: float, radius_arcsec: float) -> list[Point]:
    solution = reduction.solution
    if solution is None or not bool(solution.wcs.contains(np.array([ra]), np.array([dec]))[0]):
        return []
    files = {
        row.path: row
        for row in reduction.files.filter(
            current=True, path__in=["objects.parquet", "target.vot", "sub_target.vot"]
        ).select_related("blob")
    }
    found: list[Point] = []
    for path, kind in (("sub_target.vot", "difference"), ("target.vot", "target"), ("objects.parquet", "source")):
        if path not in files or (kind == "source" and any(point.kind == "target" for point in found)):
            continue
        try:
            table = tables.read_table(files[path], _COLUMNS)
        except HvenError:
            continue
        point = _nearest(reduction, table, ra, dec, radius_arcsec, kind)
        if point is not None:
            found.append(point)
    if not any(point.kind in {"target", "source"} for point in found):
        limit = _magnitude(reduction.config.get("mag_limit"))
        if limit is not None:
            found.append(_point(reduction, None, limit, None, "limit"))
    return found


def _nearest(  # noqa: PLR0917 - a place and its circle
    reduction: Reduction, table: Any, ra: float, dec: float, radius_arcsec: float, kind: str
) -> Point | None:
    if not len(table) or not {"ra", "dec", "mag_calib"} <= set(table.colnames):
        return None
    try:
        east = (np.asarray(table["ra"], float) - ra + 180) % 360 - 180
        east *= math.cos(math.radians(dec))
        north = np.asarray(table["dec"], float) - dec
    except (TypeError, ValueError):
        return None  # somebody laid another table here
    apart = 3600 * np.hypot(east, north)
    if apart.ndim != 1:
        return None
    apart[~np.isfinite(apart)] = np.inf
    nearest = int(np.argmin(apart))
    if apart[nearest] > radius_arcsec:
        return None
    row = {name: tables.plain(table[name][nearest]) for name in table.colnames}
    return _point(reduction, row, _magnitude(row.get("mag_limit")), float(apart[nearest]), kind)


def _point(
    reduction: Reduction, row: dict[str, Any] | None, limit: float | None, separation: float | None, kind: str
) -> Point:
    values = row or {}
    config, file = reduction.config, reduction.data_file
    name = str(values.get("mag_filter_name") or config.get("cat_col_mag") or config.get("filter") or "")
    mag = _magnitude(values.get("mag_calib"))
    flags = _number(values.get("flags"), 0, 2**31) or 0
    return Point(
        reduction=reduction,
        time=file.middle if file is not None else None,
        bjd_tdb=_number(config.get("bjd_tdb"), 0, 1e7),
        filter=name.removesuffix("mag"),
        system=str(config.get("mag_system") or ""),
        mag=mag,
        error=_number(values.get("mag_calib_err"), 0, 10) if mag is not None else None,
        limit=limit if limit is not None else _magnitude(config.get("mag_limit")),
        separation_arcsec=separation,
        flags=int(flags),
        kind=kind,
    )


def is_seen(point: Point) -> bool:
    """Say whether there is a measurement; what is fainter than the frame's limit is none."""
    return point.mag is not None and (point.limit is None or point.mag <= point.limit)


def _magnitude(value: Any) -> float | None:
    return _number(value, -40, 60)


def _number(value: Any, low: float, high: float) -> float | None:
    """Return a number in a range, None for anything else: files and settings are what people made of them."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if low <= found <= high else None


def is_good(point: Point) -> bool:
    """Say whether no flag speaks against a measurement."""
    return not point.flags & _GOOD
