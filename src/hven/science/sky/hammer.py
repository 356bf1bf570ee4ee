"""The whole sky on one oval: the equal-area projection of Hammer (1892), and lines to read it by.

The map is 2 wide and 1 high with its middle at (0, 0) and y upwards; east is left, as the sky is seen from below.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.science.sky.sphere import angles

OBLIQUITY_DEG = 23.4392911  # of J2000: IAU 1976
# The galactic plane's pole and the node of its equator on the celestial one (ICRS; Hipparcos catalogue, volume 1).
_GALACTIC_POLE = (192.85948, 27.12825)
Line = tuple[NDArray[np.float64], NDArray[np.float64]]


def project(ra: ArrayLike, dec: ArrayLike) -> Line:
    """Return x in [-1, 1] and y in [-0.5, 0.5] of positions in degrees; 0h lies in the middle."""
    lon = np.radians((np.asarray(ra, float) + 180.0) % 360.0 - 180.0) / 2
    lat = np.radians(np.asarray(dec, float))
    scale = np.sqrt(1 + np.cos(lat) * np.cos(lon))
    return -np.cos(lat) * np.sin(lon) / scale, np.sin(lat) / (2 * scale)


def great_circle(pole_ra: float, pole_dec: float, points: int = 361) -> Line:
    """Return right ascension and declination, degrees, along the great circle around a pole; its ends meet."""
    a, d = np.radians(pole_ra), np.radians(pole_dec)
    first = np.array([-np.sin(a), np.cos(a), 0.0])
    second = np.array([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)])
    turn = np.linspace(0, 2 * np.pi, points)[:, None]
    return angles(np.cos(turn) * first + np.sin(turn) * second)


def ecliptic() -> Line:
    """Return positions along the ecliptic of J2000, degrees."""
    return great_circle(270.0, 90.0 - OBLIQUITY_DEG)


def galactic_plane() -> Line:
    """Return positions along the middle of the Milky Way, degrees."""
    return great_circle(*_GALACTIC_POLE)


def pieces(ra: ArrayLike, dec: ArrayLike) -> list[Line]:
    """Return a line on the map, cut where it leaves over one side and comes back over the other."""
    x, y = project(ra, dec)
    cuts = np.flatnonzero(np.hypot(np.diff(x), np.diff(y)) > 0.3) + 1
    parts = zip(np.split(x, cuts), np.split(y, cuts), strict=True)
    return [(px, py) for px, py in parts if len(px) > 1]


@lru_cache(maxsize=1)
def grid() -> tuple[list[Line], Line]:
    """Return the lines of right ascension (each 2 h) and declination (each 30 degrees), and the map's outline."""
    along, across = np.linspace(-90, 90, 61), np.linspace(-179.999, 179.999, 121)
    meridians = [project(np.full_like(along, ra), along) for ra in range(0, 360, 30) if ra != 180]
    parallels = [project(across, np.full_like(across, dec)) for dec in range(-60, 90, 30)]
    turn = np.linspace(0, 2 * np.pi, 121)
    return meridians + parallels, (np.cos(turn), np.sin(turn) / 2)
