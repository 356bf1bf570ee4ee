"""The map of the whole sky as it is drawn: lines once, and a dot for each patch with frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.conf import settings

from hven.accounts.actor import Actor
from hven.errors import HvenError
from hven.imaging.services.places import MOST_FRAMES, Place, places
from hven.imaging.services.search import Wanted
from hven.science.sky import hammer

HALF = 490.0  # units of the drawing from the middle of the map to its side
MIDDLE = (500.0, 252.0)
MOST_DOTS = 2_000
MOST_LISTED = 40
_FAINTEST = 3.6  # star of the background


@dataclass(frozen=True, slots=True)
class Dot:
    """A patch with frames as the map shows it."""

    x: float
    y: float
    r: float
    place: Place
    address: str  # of the list of its frames

    @property
    def words(self) -> str:
        """How many frames there are."""
        return "1 frame" if self.place.count == 1 else f"{self.place.count} frames"


def sky_map(actor: Actor, wanted: Wanted, page: str, address: dict[str, str]) -> dict[str, Any]:
    """Return what the template draws: the frames of a search, each dot leading to a page that lists those near it."""
    found = places(actor, wanted)
    shown = [_dot(place, page, address) for place in found[:MOST_DOTS]]
    total = sum(place.count for place in found)
    return {
        "dots": shown,
        "listed": shown[:MOST_LISTED],
        "total": total,
        "part": total >= MOST_FRAMES,
        "page": page,
        "lines": lines(),
    }


@lru_cache(maxsize=1)
def lines() -> dict[str, Any]:
    """Return the paths of grid, ecliptic, Milky Way and bright stars, and the labels."""
    grid, outline = hammer.grid()
    hours = [(f"{ra // 15}h", *_at(ra, 0)) for ra in range(0, 360, 30) if ra != 180]
    degrees = [(f"{dec:+d}°".replace("-", "−"), *_at(-179.9, dec)) for dec in (-60, -30, 30, 60)]
    return {
        "outline": _path([outline]),
        "grid": _path(grid),
        "ecliptic": _path(hammer.pieces(*hammer.ecliptic())),
        "galaxy": _path(hammer.pieces(*hammer.galactic_plane())),
        "stars": _stars(),
        "hours": hours,
        "degrees": degrees,
    }


def _dot(place: Place, page: str, address: dict[str, str]) -> Dot:
    x, y = _at(place.ra, place.dec)
    rest = {name: value for name, value in address.items() if name not in {"near", "radius", "look"}}
    near = {"near": f"{place.ra:.3f} {place.dec:+.3f}", "radius": f"{place.radius_deg:g}"}
    radius = min(11.0, 4.0 + 1.1 * np.log2(place.count))
    return Dot(x, y, round(float(radius), 1), place, f"{page}?{urlencode({**rest, **near})}")


def _at(ra: float, dec: float) -> tuple[float, float]:
    x, y = hammer.project(ra, dec)
    return round(MIDDLE[0] + HALF * float(x), 1), round(MIDDLE[1] - HALF * float(y), 1)


def _path(parts: list[hammer.Line]) -> str:
    found = []
    for x, y in parts:
        points = [f"{MIDDLE[0] + HALF * px:.1f} {MIDDLE[1] - HALF * py:.1f}" for px, py in zip(x, y, strict=True)]
        found.append("M" + "L".join(points))
    return "".join(found)


def _stars() -> list[str]:
    """Return the bright stars as paths of points, the brightest first; none where the catalogue is not installed."""
    from hven.science.catalogues.bright import bright_stars  # noqa: PLC0415 - the catalogue, once

    try:
        stars = bright_stars(settings.HVEN_ASSETS / "d3-celestial" / "data")
    except (HvenError, OSError, ValueError):
        return []
    from hven.science.sky.sphere import angles  # noqa: PLC0415 - with it

    x, y = hammer.project(*angles(stars.vector))
    found = []
    for low, high in ((-3.0, 1.5), (1.5, 2.6), (2.6, _FAINTEST)):
        bright = (stars.v_mag >= low) & (stars.v_mag < high)
        points = zip(x[bright], y[bright], strict=True)
        found.append("".join(f"M{MIDDLE[0] + HALF * px:.0f} {MIDDLE[1] - HALF * py:.0f}h0" for px, py in points))
    return found
