"""Where records lie on the sky: the condition of touching a circle, and the place of a data file."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, TypeVar

from django.db.models import F, FloatField, Model, Q, QuerySet, Value
from django.db.models.functions import Cast

from hven.archive.models import DataFile
from hven.science.sky.cells import ranges
from hven.science.sky.discs import Cone, disc

M = TypeVar("M", bound=Model)
PLACE = ("x", "y", "z", "cos_radius", "sin_radius", "radius_deg", "cell")  # columns of a data file


def touching(rows: QuerySet[M], cone: Cone) -> QuerySet[M]:
    """Return the records whose circle touches a cone.

    Parameters
    ----------
    rows
        Of a model with the columns of `hven.science.sky.discs.Disc` and ``radius_deg``, and an index that begins with
        ``cell`` and holds the others, so that it is all that is read.
    cone
        What is touched.

    Raises
    ------
    Invalid
        The position lies nowhere on the sky, or the radius is none.
    """
    cone.check()
    near = Q()
    for low, high in ranges(cone.ra, cone.dec, cone.radius):
        near |= Q(cell__gte=low, cell__lte=high)
    here = disc(cone.ra, cone.dec, cone.radius)
    # cos(distance) against cos(radius + the frame's radius), written with what is stored.
    found: Any = rows.filter(near).annotate(
        facing=Cast(F("x") * Value(here.x) + F("y") * Value(here.y) + F("z") * Value(here.z), FloatField()),
        bound=Cast(F("cos_radius") * Value(here.cos_radius) - F("sin_radius") * Value(here.sin_radius), FloatField()),
    )
    touched: QuerySet[M] = found.filter(
        Q(facing__gte=F("bound") - Value(1e-12)) | Q(radius_deg__gte=180.0 - cone.radius)
    )
    return touched


def place_columns(ra: float | None, dec: float | None, radius_deg: float = 0.0) -> dict[str, float | None]:
    """Return the columns that say where a frame lies (degrees, ICRS); radius 0 where nobody knows.

    A header may say anything: what is no place on the sky leaves the file without one.
    """
    on_sky = ra is not None and dec is not None and math.isfinite(ra) and -90 <= dec <= 90
    if ra is not None and dec is not None and on_sky and math.isfinite(radius_deg):
        return {**asdict(disc(ra % 360.0, dec, radius_deg)), "radius_deg": min(radius_deg, 180.0)}
    return dict.fromkeys(PLACE)


def note_solution(data_file_id: int, ra: float, dec: float, radius_deg: float) -> None:
    """Keep where a frame was found to lie, for searches; what its header says of it counts there no more."""
    found = {**asdict(disc(ra, dec, radius_deg)), "radius_deg": min(radius_deg, 180.0)}
    DataFile.objects.filter(pk=data_file_id).update(**found, is_solved=True)
