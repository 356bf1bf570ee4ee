"""A deep synthetic catalogue of a small part of the sky, indexes made of it, and frames drawn from it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hven.science.catalogues.star_lists import StarList
from hven.science.sky.wcs import Wcs


def need_program() -> None:
    """Skip where the program is not installed; where CI runs that is a failure."""
    if shutil.which("build-astrometry-index"):
        return
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail("CI needs build-astrometry-index (Debian's astrometry.net), which is not here")
    pytest.skip("needs build-astrometry-index (Debian's astrometry.net), which is not here")


def deep_stars(count: int = 24_000, seed: int = 5) -> StarList:
    """Stars on four square degrees around 150.07 +20, as dense as Gaia to magnitude 19."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(149.0, 151.13, count), rng.uniform(19.0, 21.0, count)
    mag = 8 + np.log10(1 + rng.uniform(0, 1, count) * (10 ** (0.35 * 11) - 1)) / 0.35
    order = np.argsort(mag, kind="stable")
    return StarList(ra[order], dec[order], mag[order], ("RA", "DEC", "MAG"))


def draw(stars: StarList, ra: float, dec: float, angle_deg: float, *, parity: int = -1, seed: int = 1):
    """Return the pixels of a frame of 12 by 9 arcminutes, 0.5 arcseconds a pixel, and its projection."""
    from hven.science.simulate.psf import add_stars

    scale, angle = 0.5 / 3600, np.radians(angle_deg)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    wcs = Wcs((ra, dec), (719.5, 539.5), ((parity * cosine, sine), (-parity * sine, cosine)), 1440, 1080)
    rng = np.random.default_rng(seed)
    x, y = wcs.to_pixel(stars.ra, stars.dec)
    seen = (x > -5) & (x < 1445) & (y > -5) & (y < 1085) & (rng.random(len(stars)) > 0.1)
    light = np.zeros((1080, 1440))
    flux = 2000 * 10 ** (-0.4 * (stars.mag[seen] - 18))
    add_stars(light, x[seen], y[seen], flux, fwhm_px=3.5, beta=3.0, faint=0.5)
    pixels = rng.poisson(light + 200) + rng.normal(0, 5, light.shape)
    return pixels.astype(np.float32), wcs


def built(folder: Path, stars: StarList | None = None, scale: int = 2, first_id: int = 10_000, name: str = "deep"):
    """Build one index of the deep catalogue; return its path."""
    from hven.science.catalogues.index_build import build_indexes

    need_program()
    folder.mkdir(parents=True, exist_ok=True)
    (path,) = build_indexes(stars or deep_stars(), folder, name, (scale,), first_id=first_id)
    return path
