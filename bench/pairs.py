"""Pairs of a frame and its template with known changes, harder than a constant star image on one grid.

Drawn with the project's own simulator. Each kind asks one thing of a subtraction: a template that is less sharp, star
images that vary over the field, a projection that is off, another grid, crowding, large masks.
"""

from dataclasses import dataclass, field

import numpy as np
import sep

from hven.science.changes.planes import Plane
from hven.science.simulate.psf import add_stars
from hven.science.sky.wcs import Wcs

SIZE = 2048
SCALE = 0.8 / 3600  # degrees a pixel
GAIN, SKY, READ, ZERO, FULL = 1.5, 400.0, 8.0, 28.0, 30000.0
TEMPLATE_GAIN, TEMPLATE_SKY, TEMPLATE_READ, TEMPLATE_ZERO, TEMPLATE_FULL = 6.0, 900.0, 4.0, 29.5, 250_000.0
BETA = 3.5
FAINT = 0.3  # counts a pixel, to which wings are drawn
TRANSIENTS, VARIABLES = 40, 20
KINDS = ("sharper_frame", "equal_seeing", "varying_psf", "misregistered", "other_grid", "crowded", "masked")


@dataclass(frozen=True)
class Pair:
    """A frame, its template, and what changed: positions on the frame, 0-based, and counts."""

    kind: str
    frame: Plane
    template: Plane
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    flux: np.ndarray = field(repr=False)
    fwhm: np.ndarray = field(repr=False)  # of their images
    variables: np.ndarray = field(repr=False)  # (n, 2)
    stars: np.ndarray = field(repr=False)  # (n, 3): x, y, counts of constant stars


def _wcs(size: int, scale: float, angle_deg: float, shift: float = 0.0) -> Wcs:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    cd = ((-scale * c, scale * s), (scale * s, scale * c))
    return Wcs((150.1163, 2.2058), ((size - 1) / 2 + shift, (size - 1) / 2 + shift), cd, size, size)


def _light(size: int, x: np.ndarray, y: np.ndarray, *, flux: np.ndarray, fwhm: np.ndarray) -> np.ndarray:
    """Draw stars whose width varies, in classes of a hundredth of a pixel."""
    image = np.zeros((size, size))
    near = (x > -30) & (y > -30) & (x < size + 30) & (y < size + 30)
    classes = np.round(fwhm / 0.02).astype(int)
    for each in np.unique(classes[near]):
        some = near & (classes == each)
        add_stars(image, x[some], y[some], flux[some], fwhm_px=0.02 * each, beta=BETA, faint=FAINT)
    return image


def _observed(light: np.ndarray, gain: float, read: float, full: float, rng: np.random.Generator) -> np.ndarray:
    electrons = rng.poisson(np.maximum(light, 0) * gain) + rng.normal(0, read, light.shape)
    return np.minimum(electrons / gain, full).astype(np.float32)


def make_pair(kind: str, seed: int, size: int = SIZE) -> Pair:
    """Return a pair of a kind."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    count = 20_000 if kind == "crowded" else 1500
    mag = 4 * np.log10(10 ** (0.25 * 13.5) + rng.random(count) * (10 ** (0.25 * 22) - 10 ** (0.25 * 13.5)))
    x, y = rng.uniform(-20, size + 20, (2, count))
    change = np.zeros(count)
    variable = rng.choice(
        np.flatnonzero((mag > 15.5) & (mag < 19) & (x > 40) & (y > 40) & (x < size - 40) & (y < size - 40)),
        VARIABLES,
        replace=False,
    )
    change[variable] = rng.choice([-1, 1], VARIABLES) * rng.uniform(0.4, 1.2, VARIABLES)
    new_x, new_y = rng.uniform(60, size - 60, (2, TRANSIENTS))
    new_mag = rng.uniform(16.5, 21.0, TRANSIENTS)
    here, there, grid = _wcs(size, SCALE, 7.0), _wcs(size, SCALE, 7.0), size
    told = there
    fwhm, template_fwhm = np.full(count, 3.2), np.full(count, 2.6)
    new_fwhm = np.full(TRANSIENTS, 3.2)
    if kind == "sharper_frame":
        fwhm[:], new_fwhm[:], template_fwhm[:] = 2.6, 2.6, 3.4
    if kind == "equal_seeing":
        template_fwhm[:] = 3.2
    if kind == "varying_psf":
        fwhm, new_fwhm = _varying(x, y, size), _varying(new_x, new_y, size)
        template_fwhm = 2.6 + 0.4 * ((x - size / 2) / size)
    if kind == "misregistered":
        there = _wcs(size, SCALE, 7.0, shift=0.3)
    if kind == "other_grid":
        grid = round(1.7 * size)
        there = told = _wcs(grid, SCALE / 1.4, 38.0)
        template_fwhm[:] = 2.6 * 1.4
    frame_light = _light(
        size,
        np.r_[x, new_x],
        np.r_[y, new_y],
        flux=10 ** (-0.4 * (np.r_[mag + change, new_mag] - ZERO)),
        fwhm=np.r_[fwhm, new_fwhm],
    )
    u, v = there.to_pixel(*here.to_sky(x, y))
    template_light = _light(grid, u, v, flux=10 ** (-0.4 * (mag - TEMPLATE_ZERO)), fwhm=template_fwhm)
    area = (there.scale_arcsec / here.scale_arcsec) ** 2
    slope = 1 + 0.05 * np.linspace(-1, 1, size)
    frame = _observed(frame_light + SKY * slope[None, :], GAIN, READ, FULL, rng)
    template = _observed(template_light + TEMPLATE_SKY * area, TEMPLATE_GAIN, TEMPLATE_READ, TEMPLATE_FULL, rng)
    mask = None
    seen = np.ones(TRANSIENTS, bool)
    if kind == "masked":
        mask = _blots(size, 0.3, rng)
        near = np.round(new_y).astype(int), np.round(new_x).astype(int)
        seen = ~mask[near]
        frame[mask] = 0.0
    constant = (change == 0) & (x > 0) & (y > 0) & (x < size - 1) & (y < size - 1)
    return Pair(
        kind,
        Plane(frame, mask, GAIN, here, FULL),
        Plane(template, None, TEMPLATE_GAIN, told, TEMPLATE_FULL),
        new_x[seen], new_y[seen], 10 ** (-0.4 * (new_mag[seen] - ZERO)), new_fwhm[seen],
        np.column_stack([x[variable], y[variable]]),
        np.column_stack([x[constant], y[constant], 10 ** (-0.4 * (mag[constant] - ZERO))]),
    )  # fmt: skip


def share_in_circle(fwhm: np.ndarray, radius: float) -> np.ndarray:
    """Return the light of stars of these widths that a circle about them holds."""
    widths = np.linspace(fwhm.min() - 0.05, fwhm.max() + 0.05, 9)
    shares = []
    for width in widths:
        star = np.zeros((81, 81))
        add_stars(star, np.array([40.0]), np.array([40.0]), np.array([1.0]), fwhm_px=width, beta=BETA, faint=1e-9)
        shares.append(sep.sum_circle(star, [40.0], [40.0], radius, subpix=0)[0][0])
    return np.interp(fwhm, widths, shares)


def _varying(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    u, v = (x - size / 2) / size, (y - size / 2) / size
    return 3.1 + 0.5 * u + 1.6 * (u**2 + v**2)


def _blots(size: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of columns, rectangles and discs that covers so much of the frame."""
    mask = np.zeros((size, size), bool)
    mask[:, rng.integers(0, size, 30)] = True
    rows, columns = np.ogrid[:size, :size]
    while mask.mean() < share:
        cx, cy, r = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(20, 120)
        mask |= np.hypot(columns - cx, rows - cy) < r
    return mask
