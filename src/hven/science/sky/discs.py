"""Circles on the sky as ordered tables keep and find them: a cell, a unit vector, the cosine and sine of a radius."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hven.errors import Invalid
from hven.science.sky.cells import cell_of


@dataclass(frozen=True, slots=True)
class Cone:
    """A circle on the sky, ICRS degrees; frames whose own circle touches it are found."""

    ra: float
    dec: float
    radius: float = 0.0

    def check(self) -> None:
        """Raise Invalid where it lies nowhere on the sky, or has no radius."""
        if not (math.isfinite(self.ra) and -90 <= self.dec <= 90 and 0 <= self.radius <= 180):
            raise Invalid("A position has a declination between -90 and 90 degrees and a radius between 0 and 180.")


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle as a table keeps it."""

    x: float  # of the centre's unit vector
    y: float
    z: float
    cos_radius: float
    sin_radius: float
    cell: int  # of `hven.science.sky.cells`


def disc(ra: float, dec: float, radius: float) -> Disc:
    """Return what a table keeps of a circle: centre and radius in degrees, ICRS."""
    lon, lat, wide = math.radians(ra), math.radians(dec), min(radius, 180.0)
    return Disc(
        x=math.cos(lat) * math.cos(lon),
        y=math.cos(lat) * math.sin(lon),
        z=math.sin(lat),
        cos_radius=math.cos(math.radians(wide)),
        sin_radius=math.sin(math.radians(wide)),
        cell=cell_of(ra, dec, wide),
    )
