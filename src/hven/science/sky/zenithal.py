"""Zenithal projections whose radius is a polynomial of the distance from the axis: fisheye lenses.

The FITS projection ZPN (Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.7), of which ARC, the equidistant
fisheye, is the simplest. Distances z from the axis are radians; radii are in units of the radian at the axis.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EQUIDISTANT = (0.0, 1.0)  # r = z
# r = 2 sin(z / 2), by its series up to z^13
EQUISOLID = (0.0, 1.0, 0.0, -1 / 24, 0.0, 1 / 1920, 0.0, -1 / 322_560, 0.0, 1 / 92_897_280)
_NEWTON = 30
_TABLE = 721


def radius(coefficients: tuple[float, ...], z: Floats) -> Floats:
    """Return sum of P_m z^m for distances from the axis, radians; NaN beyond the polynomial's reach."""
    with np.errstate(invalid="ignore"):
        value = np.polynomial.polynomial.polyval(z, np.asarray(coefficients))
        return np.where(z <= reach(coefficients), value, np.nan)


def distance(coefficients: tuple[float, ...], r: Floats) -> Floats:
    """Return the distance from the axis, radians, of radii; NaN where no direction is that far out."""
    end = reach(coefficients)
    table = np.linspace(0.0, end, _TABLE)
    radii = np.polynomial.polynomial.polyval(table, np.asarray(coefficients))
    z = np.interp(r, radii, table)
    slope = np.polynomial.polynomial.polyder(np.asarray(coefficients))
    for _ in range(_NEWTON):
        step = (np.polynomial.polynomial.polyval(z, np.asarray(coefficients)) - r) / np.maximum(
            np.polynomial.polynomial.polyval(z, slope), 1e-6
        )
        z = np.clip(z - step, 0.0, end)
        if np.max(np.abs(np.nan_to_num(step)), initial=0.0) < 1e-12:
            break
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(r <= radii[-1], z, np.nan), np.float64)


@lru_cache(maxsize=256)
def reach(coefficients: tuple[float, ...]) -> float:
    """Return how far from the axis, radians up to pi, the radius keeps growing."""
    z = np.linspace(0.0, np.pi, 2 * _TABLE)
    slope = np.polynomial.polynomial.polyval(z, np.polynomial.polynomial.polyder(np.asarray(coefficients)))
    falling = np.flatnonzero(slope <= 1e-3)
    return float(z[max(int(falling[0]) - 1, 0)]) if falling.size else float(np.pi)
