"""What hides the sky at a place, and when a target stands clear of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.almanac import Night, Track

Floats = NDArray[np.float64]
DARK_DEG = -18.0  # of the Sun: astronomical night


def horizon_at(points: Sequence[Sequence[float]], azimuth_deg: Floats) -> Floats:
    """Return the altitude in degrees, (n,), up to which the sky is hidden at azimuths (n,).

    Parameters
    ----------
    points
        (azimuth, altitude) in degrees, from north by east; between them the mask runs straight, and round through
        north. No points hide nothing above 0.
    """
    azimuth = np.asarray(azimuth_deg, float) % 360.0
    if not len(points):
        return np.zeros(azimuth.shape)
    at = np.asarray(sorted((float(a) % 360.0, float(h)) for a, h in points), float)
    return np.asarray(np.interp(azimuth, at[:, 0], at[:, 1], period=360.0), float)


def clear_spells(
    night: Night,
    track: Track,
    points: Sequence[Sequence[float]] = (),
    *,
    least_deg: float = 0.0,  # altitude below which nobody observes
    sun_deg: float = DARK_DEG,
) -> list[tuple[datetime, datetime]]:
    """Return when a target stands above the horizon's mask while the Sun is below an altitude, to the nearest step."""
    above = track.altitude_deg > np.maximum(horizon_at(points, track.azimuth_deg), least_deg)
    good = above & (night.sun_deg < sun_deg)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    moments = [night.start + timedelta(minutes=float(m)) for m in night.minutes]
    return [(moments[first], moments[last - 1]) for first, last in zip(edges[::2], edges[1::2], strict=True)]
