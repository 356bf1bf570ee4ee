"""Frames and tables that the tests of stars share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from hven.science.simulate.psf import add_stars
from hven.science.stars.data import SolverData


@pytest.fixture(scope="session")
def data(solver_folder: Path) -> SolverData:
    """The solver's tables with the index files that are installed."""
    return SolverData.open(solver_folder, settings.HVEN_INDEX_FOLDERS)


@pytest.fixture(scope="session")
def data_alone(solver_folder: Path) -> SolverData:
    """The solver's tables without any index file."""
    return SolverData(solver_folder, ())


class Field:
    """Stars on a plain sky, with their truth."""

    def __init__(self, count: int = 120, size: int = 512, fwhm: float = 3.0, seed: int = 1, sky: float = 400.0) -> None:
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.uniform(12, size - 12, (2, count))
        self.flux = 800.0 * rng.uniform(0, 1, count) ** -0.9
        self.flux = np.minimum(self.flux, 2e5)
        light = np.zeros((size, size))
        add_stars(light, self.x, self.y, self.flux, fwhm_px=fwhm, beta=3.5, faint=0.05)
        self.light = light
        self.noise = np.sqrt(sky + 25)
        self.data = rng.poisson(light + sky) + rng.normal(0, 5, light.shape) + 100
        self.sky = sky + 100

    def as_type(self, dtype: type) -> np.ndarray:
        limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
        data = self.data if limits is None else np.clip(np.rint(self.data), limits.min, limits.max)
        return data.astype(dtype)


@pytest.fixture(scope="session")
def field() -> Field:
    return Field()
