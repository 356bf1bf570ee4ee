"""Least squares for a projection: TAN with the reference at the frame's centre, and SIP where it pays.

The standard coordinates of the stars are polynomials of the pixel coordinates; their linear terms are the CD
matrix and the higher ones, multiplied by its inverse, the SIP coefficients (Shupe et al. 2005, ASP Conf. 347, 491).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hven.science.sky.sphere import angles, tangent_basis, unit_vectors
from hven.science.sky.wcs import Wcs

Floats = NDArray[np.float64]
MOST_ORDER = 5
_STARS_PER_TERM = 3.0
_WORTH = 0.90  # of the prediction error's square, for a further order
_INVERSE_GRID = 24
_TURNS = 12


def terms(order: int) -> list[tuple[int, int]]:
    """Return the exponents (p, q) of u^p v^q with p + q <= order, lowest first."""
    return [(p, total - p) for total in range(order + 1) for p in range(total, -1, -1)]


def recentred(wcs: Wcs) -> Wcs:
    """Return the linear projection with its reference at the frame's centre."""
    x0, y0 = wcs.centre_pixel
    points = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], float) * 0.25 * min(wcs.width, wcs.height)
    ra, dec = wcs.to_sky(points[:, 0] + x0, points[:, 1] + y0)
    crval = float(ra[0]), float(dec[0])
    xi, eta = standard(ra, dec, crval)
    step = 2 * points[1, 0]
    cd = (
        (float((xi[1] - xi[2]) / step), float((xi[3] - xi[4]) / step)),
        (float((eta[1] - eta[2]) / step), float((eta[3] - eta[4]) / step)),
    )
    return Wcs(crval, (x0, y0), cd, wcs.width, wcs.height)


def standard(ra: Floats, dec: Floats, crval: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return the standard coordinates xi and eta, degrees, about a position."""
    vectors = unit_vectors(ra, dec)
    east, north, outward = tangent_basis(*crval)
    cosine = np.maximum(vectors @ outward, 1e-6)
    return np.degrees(vectors @ east / cosine), np.degrees(vectors @ north / cosine)


def fit_projection(
    wcs: Wcs,
    places: tuple[Floats, Floats],
    sky: tuple[Floats, Floats],
    *,
    sigma: Floats,
    order: int = 1,
) -> Wcs:
    """Return the projection of a given order that best puts stars at their measured pixels.

    Parameters
    ----------
    wcs : Wcs
        A first guess; its reference pixel is kept, and its reference position if that is within the frame.
    places, sky : pairs of (n,)
        x and y, 0-based pixels; right ascension and declination of the same stars, ICRS degrees.
    sigma : (n,)
        Expected error of each along one axis, pixels.
    order : int
        1: linear (TAN); 2 and more: TAN-SIP of that order.

    """
    (x, y), (ra, dec) = places, sky
    crpix = wcs.crpix
    half = 0.5 * max(wcs.width, wcs.height)
    u, v = (x - crpix[0]) / half, (y - crpix[1]) / half
    exponents = terms(order)
    design = np.stack([u**p * v**q for p, q in exponents], axis=1)
    crval = wcs.crval
    weight = 1.0 / sigma
    scale = wcs.scale_arcsec / 3600
    columns = np.zeros((len(exponents), 2))
    robust = np.ones_like(weight)
    for turn in range(_TURNS):
        xi, eta = standard(ra, dec, crval)
        target = np.column_stack([xi, eta])
        scaled = (weight * np.sqrt(robust))[:, None]
        columns = least_squares(design * scaled, target * scaled)
        residual = (design @ columns - target) / scale
        size = np.hypot(residual[:, 0], residual[:, 1]) * weight
        spread = max(float(np.median(size)) / 1.18, 0.3)
        # Tukey's biweight: far outliers have no pull at all
        robust = np.clip(1 - (size / (4.7 * spread)) ** 2, 0.0, 1.0) ** 2
        if np.count_nonzero(robust) < len(exponents) + 1:
            robust = np.ones_like(weight)
        # the axes turn with the reference near a pole: the last fit and its reference must belong together
        if turn == _TURNS - 1 or np.hypot(*columns[0]) < 1e-6 * scale or not np.all(np.isfinite(columns)):
            break
        east, north, outward = tangent_basis(*crval)
        shift = np.radians(columns[0])
        moved = angles(shift[0] * east + shift[1] * north + outward)
        crval = float(moved[0]), float(moved[1])
    columns = columns / half ** np.array([[p + q] for p, q in exponents])
    cd = (
        (float(columns[1, 0]), float(columns[2, 0])),
        (float(columns[1, 1]), float(columns[2, 1])),
    )
    result = Wcs(crval, crpix, cd, wcs.width, wcs.height)
    if order < 2:
        return result
    higher = np.linalg.inv(np.asarray(cd)) @ columns[3:].T
    a, b = np.zeros((order + 1, order + 1)), np.zeros((order + 1, order + 1))
    for (p, q), coefficient_a, coefficient_b in zip(exponents[3:], *higher, strict=True):
        a[p, q], b[p, q] = coefficient_a, coefficient_b
    return with_inverse(replace(result, sip_a=a, sip_b=b))


def least_squares(design: Floats, target: Floats) -> Floats:
    """Solve by the normal equations: with pixels scaled to the frame they are well conditioned, and quick."""
    normal = design.T @ design
    try:
        return np.asarray(np.linalg.solve(normal, design.T @ target), np.float64)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], np.float64)


def best_order(
    wcs: Wcs,
    places: tuple[Floats, Floats],
    sky: tuple[Floats, Floats],
    *,
    sigma: Floats,
    most: int,
) -> int:
    """Return the order that predicts stars best that it was not fitted to.

    Measured by the error of leaving one out (the PRESS statistic, Allen 1974, Technometrics 16, 125); a further
    order must lower it by a tenth, and there must be three stars a term.
    """
    (x, y), (ra, dec) = places, sky
    half = 0.5 * max(wcs.width, wcs.height)
    u, v = (x - wcs.crpix[0]) / half, (y - wcs.crpix[1]) / half
    xi, eta = standard(ra, dec, wcs.crval)
    weight = 1.0 / sigma
    target = np.column_stack([xi, eta]) * weight[:, None]
    best, lowest = 1, np.inf
    for order in range(1, most + 1):
        exponents = terms(order)
        if order > 1 and x.size < _STARS_PER_TERM * len(exponents):
            break
        design = np.stack([u**p * v**q for p, q in exponents], axis=1) * weight[:, None]
        try:
            root = np.linalg.cholesky(design.T @ design)
        except np.linalg.LinAlgError:
            break
        basis = np.linalg.solve(root, design.T).T
        leverage = np.clip(np.sum(basis**2, axis=1), 0, 0.999)
        residual = (target - basis @ (basis.T @ target)) / (1 - leverage)[:, None]
        size = np.sum(residual**2, axis=1)
        error = float(np.mean(np.minimum(size, 16 * np.median(size))))
        if error < (_WORTH if order > 1 else 1.0) * lowest:
            best, lowest = order, error
    return best


def with_inverse(wcs: Wcs) -> Wcs:
    """Return the projection with the inverse polynomials AP and BP, fitted on a grid over the frame."""
    if wcs.sip_a is None or wcs.sip_b is None:
        return wcs
    order = min(wcs.sip_a.shape[0] - 1 + 1, 9)
    grid_x, grid_y = np.meshgrid(
        np.linspace(-0.5, wcs.width - 0.5, _INVERSE_GRID), np.linspace(-0.5, wcs.height - 0.5, _INVERSE_GRID)
    )
    ra, dec = wcs.to_sky(grid_x.ravel(), grid_y.ravel())
    straight = wcs.linear()
    x, y = straight.to_pixel(ra, dec)
    du, dv = grid_x.ravel() - x, grid_y.ravel() - y
    half = 0.5 * max(wcs.width, wcs.height)
    u, v = (x - wcs.crpix[0]) / half, (y - wcs.crpix[1]) / half
    exponents = terms(order)
    design = np.stack([u**p * v**q for p, q in exponents], axis=1)
    columns = least_squares(design, np.column_stack([du, dv]))
    columns = columns / half ** np.array([[p + q] for p, q in exponents])
    ap, bp = np.zeros((order + 1, order + 1)), np.zeros((order + 1, order + 1))
    for (p, q), (a, b) in zip(exponents, columns, strict=True):
        ap[p, q], bp[p, q] = a, b
    return replace(wcs, sip_ap=ap, sip_bp=bp)
