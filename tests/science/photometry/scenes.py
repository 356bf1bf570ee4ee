"""Frames with known truth for the tests of photometry, made with hven's own simulator of profiles."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from astropy.table import Table

from hven.science.frames.frame import Meaning
from hven.science.simulate.psf import add_stars
from hven.science.sky.wcs import Wcs

ZERO_POINT, COLOUR_TERM = 28.0, -0.08
SCALE = 0.8 / 3600


class Scene:
    """Stars, some galaxies and cosmic rays on a sloping sky."""

    def __init__(
        self, *, size: int = 512, stars: int = 150, seed: int = 1, fwhm: float = 3.2, galaxies: int = 0,
        cosmics: int = 0, trail: float = 0.0, sky: float = 400.0, gain: float = 1.5, faintest: float = 21.5,
        saturation: float = 30000.0, slope: float = 0.05, saturated: int = 0,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng([seed, size, stars])
        self.size, self.gain, self.fwhm, self.saturation = size, gain, fwhm, saturation
        low, steep = 14.0, 0.25
        u = rng.random(stars)
        self.rmag = np.log10(10 ** (steep * low) + u * (10 ** (steep * faintest) - 10 ** (steep * low))) / steep
        self.rmag[:saturated] = 12.0
        self.colour = np.clip(rng.normal(0.65, 0.35, stars), -0.4, 1.8)
        self.x, self.y = rng.uniform(10, size - 11, (2, stars))
        self.mag = self.rmag - COLOUR_TERM * self.colour
        self.flux = 10 ** (-0.4 * (self.mag - ZERO_POINT))
        light = np.zeros((size, size))
        add_stars(light, self.x, self.y, self.flux, fwhm_px=fwhm, beta=3.5, faint=0.02)
        self.galaxy_x, self.galaxy_y = rng.uniform(25, size - 26, (2, galaxies))
        for x, y in zip(self.galaxy_x, self.galaxy_y, strict=True):
            light += _galaxy(size, x, y, 10 ** (-0.4 * (rng.uniform(17, 19) - ZERO_POINT)), rng.uniform(2, 4), fwhm)
        if trail:
            light = _trailed(light, trail)
        self.light = light
        level = sky * (1 + slope * np.linspace(-1, 1, size)[None, :])
        electrons = rng.poisson((light + level) * gain) + rng.normal(0, 8, light.shape)
        data = electrons / gain
        self.cosmic = np.zeros((size, size), bool)
        for _ in range(cosmics):
            x, y, angle = rng.uniform(5, size - 5), rng.uniform(5, size - 5), rng.uniform(0, np.pi)
            for step in range(rng.integers(1, 12)):
                row, column = int(y + step * np.sin(angle)), int(x + step * np.cos(angle))
                if 0 <= row < size and 0 <= column < size:
                    data[row, column] += rng.uniform(800, 8000)
                    self.cosmic[row, column] = True
        self.data = np.minimum(data, saturation).astype(np.float32)
        self.wcs = Wcs(
            (150.1, 2.2), ((size - 1) / 2, (size - 1) / 2), ((-SCALE, 0.1 * SCALE), (0.1 * SCALE, SCALE)), size, size
        )
        self.ra, self.dec = self.wcs.to_sky(self.x, self.y)
        error = np.clip(0.005 * 10 ** (0.25 * (self.rmag - 16)), 0.005, 0.12)
        self.catalogue = Table(
            {
                "RAJ2000": self.ra, "DEJ2000": self.dec,
                "gmag": self.rmag + self.colour + rng.normal(0, error), "e_gmag": error,
                "rmag": self.rmag + rng.normal(0, error), "e_rmag": error,
            }
        )  # fmt: skip

    @property
    def meaning(self) -> Meaning:
        return Meaning(filter="r", gain=self.gain, saturation=self.saturation)

    @property
    def cards(self) -> dict[str, Any]:
        return {
            **self.wcs.to_cards(), "GAIN": (self.gain, "electrons per ADU"), "SATURATE": self.saturation, "FILTER": "r",
            "EXPTIME": 120.0, "DATE-OBS": "2026-07-16T02:13:45.000",
        }  # fmt: skip

    def lonely(self, apart: float = 14.0) -> np.ndarray:
        """Say which stars have no other star or galaxy near, nor the edge."""
        x, y = np.r_[self.x, self.galaxy_x], np.r_[self.y, self.galaxy_y]
        distance = np.hypot(self.x[:, None] - x, self.y[:, None] - y)
        distance[np.arange(self.x.size), np.arange(self.x.size)] = np.inf
        edge = np.minimum.reduce([self.x, self.y, self.size - 1 - self.x, self.size - 1 - self.y])
        return (distance.min(axis=1) > apart) & (edge > 20)


def _galaxy(size: int, x: float, y: float, flux: float, scale: float, fwhm: float) -> np.ndarray:
    yy, xx = np.mgrid[:size, :size]
    disc = np.exp(-np.hypot(xx - x, yy - y) / scale)
    return cv2.GaussianBlur(flux * disc / disc.sum(), (0, 0), fwhm / 2.355)


def _trailed(light: np.ndarray, length: float) -> np.ndarray:
    half = int(length) + 2
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for t in np.linspace(-0.5, 0.5, 101) * length:
        column, row = half + 0.87 * t, half + 0.5 * t
        kernel[round(row), round(column)] += 1
    return cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_CONSTANT)
