"""Small pairs of a frame and a template with known changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hven.science.changes.planes import Plane
from hven.science.simulate.psf import add_stars
from hven.science.sky.wcs import Wcs

SIZE, GAIN, ZERO = 480, 1.5, 28.0
SCALE = 0.8 / 3600


@dataclass(frozen=True)
class Scene:
    frame: Plane
    template: Plane
    x: np.ndarray  # of the new sources
    y: np.ndarray
    flux: np.ndarray
    stars: np.ndarray  # (n, 3): x, y, flux


def grid(size: int = SIZE, scale: float = SCALE, angle_deg: float = 7.0, shift: float = 0.0) -> Wcs:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    cd = ((-scale * c, scale * s), (scale * s, scale * c))
    return Wcs((150.1, 2.2), ((size - 1) / 2 + shift, (size - 1) / 2 + shift), cd, size, size)


def drawn(size, x, y, flux, fwhm) -> np.ndarray:
    image = np.zeros((size, size))
    add_stars(image, np.asarray(x), np.asarray(y), np.asarray(flux), fwhm_px=fwhm, beta=3.5, faint=0.2)
    return image


def observed(light, sky, gain, rng) -> np.ndarray:
    return (rng.poisson((light + sky) * gain) / gain + rng.normal(0, 3, light.shape)).astype(np.float32)


def scene(seed=1, *, fwhm=3.2, template_fwhm=2.6, shift=0.0, template_grid=None, stars=160, new=8) -> Scene:
    """A frame of 480 pixels, its template, and new sources of S/N 15 to 150 away from the stars."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-10, SIZE + 10, (2, stars))
    flux = 800 * rng.uniform(0, 1, stars) ** (-1 / 0.8)
    flux = np.minimum(flux, 2e5)
    places: list[tuple[float, float]] = []
    while len(places) < new:
        a, b = rng.uniform(40, SIZE - 40, 2)
        others = np.r_[np.c_[x, y], np.array(places).reshape(-1, 2)]
        if np.hypot(others[:, 0] - a, others[:, 1] - b).min() > 15:
            places.append((a, b))
    u, v = np.array(places).reshape(-1, 2).T
    bright = np.geomspace(1200, 12000, new)
    here = grid()
    there = template_grid or grid(shift=shift)
    light = drawn(SIZE, np.r_[x, u], np.r_[y, v], np.r_[flux, bright], fwhm)
    p, q = there.to_pixel(*here.to_sky(x, y))
    area = (there.scale_arcsec / here.scale_arcsec) ** 2
    deep = drawn(there.width, p, q, 4 * flux, template_fwhm * here.scale_arcsec / there.scale_arcsec)
    told = here if template_grid is None else there
    frame = Plane(observed(light, 300.0, GAIN, rng), None, GAIN, here)
    template = Plane(observed(deep, 900.0 * area, 6.0, rng), None, 6.0, told)
    return Scene(frame, template, u, v, bright, np.c_[x, y, flux])


def masked(plane: Plane, mask: np.ndarray) -> Plane:
    data = plane.data.copy()
    data[mask] = np.nan
    return replace(plane, data=data, mask=mask)
