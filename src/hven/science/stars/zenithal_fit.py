"""Least squares for a fisheye's projection: an axis, a scaled rotation, and the radius as a polynomial (ZPN)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from hven.science.sky.sphere import angles, tangent_basis
from hven.science.sky.wcs import Wcs

Floats = NDArray[np.float64]
# In the order in which they are set free: where the axis points (2), scale, turn | P_3 | the axis on the frame (2) |
# P_5 | aspect and shear of the pixels | P_7
STAGES = (4, 5, 7, 8, 10, 11)
_PAIRS_FOR = (0, 14, 24, 40, 60, 120)
_STEP = np.array([1.0, 1.0, 0.02, 0.02, 0.05, 10.0, 10.0, 0.02, 0.01, 0.01, 0.01])


@dataclass(frozen=True, slots=True)
class _Model:
    """A projection and the small changes that a fit tries on it."""

    start: Wcs

    def at(self, p: Floats) -> Wcs:
        """Return the projection changed by p, in the order of STAGES (degrees, logarithm, radians, pixels)."""
        east, north, outward = tangent_basis(*self.start.crval)
        ra, dec = angles(outward + np.radians(p[0]) * east + np.radians(p[1]) * north)
        turn = np.array([[np.cos(p[3]), -np.sin(p[3])], [np.sin(p[3]), np.cos(p[3])]])
        shape = np.array([[1 + p[8], p[9]], [p[9], 1 - p[8]]])
        cd = np.asarray(self.start.cd) @ turn @ shape * np.exp(p[2])
        radial = np.zeros(8)
        given = np.asarray(self.start.radial)[:8]
        radial[: given.size] = given
        radial[[3, 5, 7]] += p[[4, 7, 10]]
        return replace(
            self.start,
            crval=(float(ra), float(dec)),
            crpix=(self.start.crpix[0] + float(p[5]), self.start.crpix[1] + float(p[6])),
            cd=((float(cd[0, 0]), float(cd[0, 1])), (float(cd[1, 0]), float(cd[1, 1]))),
            radial=tuple(float(value) for value in np.trim_zeros(radial, "b")),
        )


def freedom_for(pairs: int, span_deg: float) -> int:
    """Return how many numbers so many pairs, out to `span_deg` from the axis, can tell."""
    most = 2 if span_deg < 35 else 3 if span_deg < 50 else len(STAGES)
    return max(count for count, needed in zip(STAGES[:most], _PAIRS_FOR, strict=False) if pairs >= needed)


def fit_zenithal(
    wcs: Wcs, places: tuple[Floats, Floats], sky: tuple[Floats, Floats], *, sigma: Floats, free: int
) -> Wcs:
    """Return the zenithal projection that best puts stars at their measured pixels.

    Parameters
    ----------
    wcs : Wcs
        A first guess with a radial polynomial.
    places, sky : pairs of (n,)
        x and y, 0-based pixels; right ascension and declination of the same stars, ICRS degrees.
    sigma : (n,)
        Expected error of each along one axis, pixels; errors beyond pull less and less.
    free : int
        How many numbers are fitted, in the order of STAGES.

    """
    model = _Model(wcs)
    (x, y), (ra, dec) = places, sky

    def misses(p: Floats) -> Floats:
        whole = np.zeros(STAGES[-1])
        whole[:free] = p
        px, py = model.at(whole).to_pixel(ra, dec)
        off = np.concatenate([(px - x) / sigma, (py - y) / sigma])
        return np.asarray(np.clip(np.nan_to_num(off, nan=1e3), -1e3, 1e3), np.float64)

    found = least_squares(misses, np.zeros(free), x_scale=_STEP[:free], loss="soft_l1", max_nfev=40)
    whole = np.zeros(STAGES[-1])
    whole[:free] = found.x
    return model.at(whole)


def turned(
    rays: Floats,
    sky: Floats,
    *,
    scale_deg: float,
    axis: tuple[float, float],
    size: tuple[int, int],
    lens: tuple[float, ...],
) -> Wcs:
    """Return the projection that turns a camera's rays to the sky best (Kabsch 1976, Acta Cryst. A32, 922).

    Parameters
    ----------
    rays : (n, 3)
        Unit vectors in the camera: x along columns, y along rows, z along the axis.
    sky : (n, 3)
        Unit vectors of the same directions, ICRS.
    scale_deg, axis, size, lens
        Degrees per pixel at the axis, its 0-based pixel, the frame's width and height, the radial polynomial.

    """
    u, _, vt = np.linalg.svd(sky.T @ rays)
    # an improper rotation is a mirrored picture, which is as good
    matrix = u @ vt
    ra, dec = angles(matrix[:, 2])
    east, north, _ = tangent_basis(ra, dec)
    cd = scale_deg * np.array(
        [[matrix[:, 0] @ east, matrix[:, 1] @ east], [matrix[:, 0] @ north, matrix[:, 1] @ north]]
    )
    rows = ((float(cd[0, 0]), float(cd[0, 1])), (float(cd[1, 0]), float(cd[1, 1])))
    return Wcs((float(ra), float(dec)), axis, rows, *size, radial=lens)


def rays_of(x: Floats, y: Floats, scale_deg: float, axis: tuple[float, float]) -> Floats:
    """Return the unit vectors, (n, 3), at which an equidistant fisheye sees pixels; NaN beyond 175 degrees."""
    u, v = x - axis[0], y - axis[1]
    z = np.radians(scale_deg) * np.hypot(u, v)
    z = np.where(z < np.radians(175), z, np.nan)
    turn = np.arctan2(v, u)
    return np.stack([np.sin(z) * np.cos(turn), np.sin(z) * np.sin(turn), np.cos(z)], axis=-1)
