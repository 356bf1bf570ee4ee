"""Drawing point sources: pixel-integrated profiles, placed to a thousandth of a pixel."""

import numpy as np
from numpy.typing import NDArray

_PHASES = 8  # stamps per pixel and axis; between them the four nearest are mixed, which keeps the centroid
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_CHUNK = 4_000_000  # pixels drawn at once


def profile(fwhm_px: float, beta: float, half: int) -> NDArray[np.float64]:
    """Return stamps of unit total flux, shape (P+1, P+1, 2 half+1, 2 half+1), for offsets k/P - 1/2 in y and x.

    Moffat (1969, A&A 3, 455) with exponent `beta`, or a Gaussian where `beta` is 0; each pixel integrated by
    4 x 4 Gauss-Legendre nodes. Fluxes are normalised to infinity.
    """
    offsets = np.arange(_PHASES + 1) / _PHASES - 0.5
    axis = np.arange(-half, half + 1)
    # Shape (P+1, pixels, nodes): distance of each node from the star.
    distance = axis[None, :, None] + 0.5 * _NODES[None, None, :] - offsets[:, None, None]
    square = distance**2
    weights = _WEIGHTS / 2
    if beta == 0:
        sigma = fwhm_px / 2.3548200450309493
        line = np.einsum("pin,n->pi", np.exp(-square / (2 * sigma**2)), weights) / (sigma * np.sqrt(2 * np.pi))
        return np.asarray(np.einsum("pi,qj->pqij", line, line))
    alpha2 = fwhm_px**2 / 4 / (2 ** (1 / beta) - 1)
    norm = (beta - 1) / (np.pi * alpha2)
    stamps = np.zeros((_PHASES + 1, _PHASES + 1, axis.size, axis.size))
    for m, wy in enumerate(weights):
        for n, wx in enumerate(weights):
            r2 = square[:, None, :, m, None] + square[None, :, None, :, n]
            stamps += norm * wy * wx * (1 + r2 / alpha2) ** -beta
    return stamps


def add_stars(
    image: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    flux: NDArray[np.float64],
    *,
    fwhm_px: float,
    beta: float,
    faint: float,
) -> None:
    """Add point sources to an image in place.

    Parameters
    ----------
    image
        Shape (height, width).
    x, y, flux
        Arrays of one length; 0-based pixels, and the flux in the image's unit.
    fwhm_px, beta
        The profile.
    faint
        Wings are drawn until they fall below this flux a pixel.
    """
    halves = _half_sizes(flux, fwhm_px, beta, faint, max(image.shape))
    for half in np.unique(halves):
        stamps = profile(fwhm_px, beta, int(half))
        members = np.flatnonzero(halves == half)
        size = 2 * int(half) + 1
        step = max(1, _CHUNK // size**2)
        for start in range(0, members.size, step):
            some = members[start : start + step]
            _draw(image, x[some], y[some], flux[some], stamps=stamps, half=int(half))


def _half_sizes(flux: NDArray[np.float64], fwhm_px: float, beta: float, faint: float, largest: int) -> NDArray[np.intp]:
    """Return half the stamp's size for each star: a few classes, so that profiles are computed once each."""
    classes = np.unique(np.round(fwhm_px * np.array([2.5, 4.0, 8.0, 16.0, 32.0, 64.0]) + 1).astype(int))
    classes = classes[classes < max(largest, classes[0] + 1)]
    if beta == 0:
        return np.full(flux.shape, classes[min(1, classes.size - 1)])
    alpha2 = fwhm_px**2 / 4 / (2 ** (1 / beta) - 1)
    norm = (beta - 1) / (np.pi * alpha2)
    ratio = np.maximum(norm * np.maximum(flux, 0) / max(faint, 1e-12), 1.0)
    reach = np.sqrt(alpha2 * (ratio ** (1 / beta) - 1))
    return np.asarray(classes[np.minimum(np.searchsorted(classes, reach), classes.size - 1)])


def _draw(
    image: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    flux: NDArray[np.float64],
    *,
    stamps: NDArray[np.float64],
    half: int,
) -> None:
    height, width = image.shape
    ix, iy = np.floor(x + 0.5).astype(int), np.floor(y + 0.5).astype(int)
    px, py = (x - ix + 0.5) * _PHASES, (y - iy + 0.5) * _PHASES
    kx, ky = np.minimum(px.astype(int), _PHASES - 1), np.minimum(py.astype(int), _PHASES - 1)
    fx, fy = (px - kx)[:, None, None], (py - ky)[:, None, None]
    drawn = (
        stamps[ky, kx] * (1 - fy) * (1 - fx)
        + stamps[ky, kx + 1] * (1 - fy) * fx
        + stamps[ky + 1, kx] * fy * (1 - fx)
        + stamps[ky + 1, kx + 1] * fy * fx
    ) * flux[:, None, None]
    axis = np.arange(-half, half + 1)
    rows, columns = iy[:, None] + axis, ix[:, None] + axis
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    flat = (rows[:, :, None] * width + columns[:, None, :])[inside]
    image += np.bincount(flat, drawn[inside], height * width).reshape(height, width)
