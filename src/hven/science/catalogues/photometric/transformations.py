"""Magnitudes of one photometric system from those of another, by published polynomials of a colour.

Each transformation names its paper, the colours between which it holds, and the scatter about it; that scatter is
added in quadrature to the error that follows from the magnitudes' own. Outside its colours a value is NaN: better
none than an extrapolated one. What is published for other catalogues (SkyMapper) is left out where its coefficients
could not be verified.

Pan-STARRS1 (and ATLAS-REFCAT2, which is on its system): Tonry et al. 2012, ApJ 750, 99, Table 6, quadratics in g - r.
Gaia: Riello et al. 2021, A&A 649, A3, Tables C.1 and C.2, and for B the documentation of Gaia DR3, Table 5.9, both in
BP - RP; the g, r, i that it gives are those of the SDSS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hven.science.catalogues.photometric.filters import error_column, magnitude_column

if TYPE_CHECKING:
    from astropy.table import Column, MaskedColumn, Table

Floats = NDArray[np.float64]
_TONRY = "Tonry et al. 2012, ApJ 750, 99, Table 6"
_RIELLO = "Riello et al. 2021, A&A 649, A3, Table C.2"
_GAIA_DR3 = "Gaia DR3 documentation, section 5.5.1, Table 5.9"


@dataclass(frozen=True, slots=True)
class Transformation:
    """target = base + sum of coefficients[k] * colour**k, in magnitudes."""

    target: str  # keys of filters
    base: str
    colour: tuple[str, str]
    coefficients: tuple[float, ...]  # the constant first
    low: float  # of the colour, magnitudes
    high: float
    scatter_mag: float
    paper: str

    @property
    def needs(self) -> frozenset[str]:
        """The filters whose magnitudes it takes."""
        return frozenset({self.base, *self.colour})

    def __call__(self, magnitudes: Mapping[str, ArrayLike]) -> Floats:
        """Return magnitudes of the target; NaN outside its colours.

        Parameters
        ----------
        magnitudes
            Arrays of one shape by the key of the filter.
        """
        colour = self._colour(magnitudes)
        base = np.asarray(magnitudes[self.base], float)
        value = base + np.polynomial.polynomial.polyval(colour, self.coefficients)
        with np.errstate(invalid="ignore"):
            inside = (colour >= self.low) & (colour <= self.high)
        return np.asarray(np.where(inside, value, np.nan), float)

    def errors(self, magnitudes: Mapping[str, ArrayLike], errors: Mapping[str, ArrayLike]) -> Floats:
        """Return the errors of what it gives: the magnitudes' own, propagated, and the scatter, in quadrature.

        An error that is not known counts as none, so that the scatter stays.
        """
        slope = np.polynomial.polynomial.polyval(
            self._colour(magnitudes), np.polynomial.polynomial.polyder(self.coefficients)
        )
        total = np.full(np.shape(slope), self.scatter_mag**2)
        for key in self.needs:
            weight = (key == self.base) + ((key == self.colour[0]) * 1.0 - (key == self.colour[1])) * slope
            total = total + (weight * np.nan_to_num(np.asarray(errors[key], float))) ** 2
        return np.asarray(np.sqrt(total), float)

    def _colour(self, magnitudes: Mapping[str, ArrayLike]) -> Floats:
        bluer, redder = (np.asarray(magnitudes[key], float) for key in self.colour)
        return np.asarray(bluer - redder, float)


def _tonry(target: str, base: str, coefficients: tuple[float, float, float], scatter_mag: float) -> Transformation:
    # The paper fits stars and no limits are known here; these are the stellar locus in g - r, hot stars to M dwarfs.
    return Transformation(target, base, ("g", "r"), coefficients, -0.5, 1.5, scatter_mag, _TONRY)


def _gaia(
    target: str,
    coefficients: tuple[float, ...],
    colours: tuple[float, float],
    scatter_mag: float,
    paper: str = _RIELLO,
) -> Transformation:
    # The tables give G - target, hence the signs.
    negated = tuple(-coefficient for coefficient in coefficients)
    return Transformation(target, "G", ("BP", "RP"), negated, *colours, scatter_mag, paper)


FAMILIES: Mapping[str, tuple[Transformation, ...]] = MappingProxyType(
    {
        "ps1": (
            _tonry("B", "g", (0.212, 0.556, 0.034), 0.032),
            _tonry("V", "r", (0.005, 0.462, 0.013), 0.012),
            _tonry("R", "r", (-0.137, -0.108, -0.029), 0.015),
            _tonry("I", "i", (-0.366, -0.136, -0.018), 0.017),
        ),
        "gaia": (
            _gaia("B", (0.01448, -0.6874, -0.3604, 0.06718, -0.006061), (-0.5, 4.0), 0.0633, _GAIA_DR3),
            _gaia("V", (-0.02704, 0.01424, -0.2156, 0.01426), (-0.5, 5.0), 0.03017),
            _gaia("R", (-0.02275, 0.3961, -0.1243, -0.01396, 0.003775), (0.0, 4.0), 0.03167),
            _gaia("I", (0.01753, 0.76, -0.0991), (-0.5, 4.5), 0.03765),
            _gaia("g", (0.2199, -0.6365, -0.1548, 0.0064), (0.3, 3.0), 0.0745),
            _gaia("r", (-0.09837, 0.08592, 0.1907, -0.1701, 0.02263), (0.0, 3.0), 0.03776),
            _gaia("i", (-0.293, 0.6404, -0.09609, -0.002104), (0.5, 2.0), 0.04092),
        ),
    }
)
_KEYS = ("U", "B", "V", "R", "I", "u", "g", "r", "i", "z", "y", "G", "BP", "RP", "J", "H", "Ks")


def add_bands(table: Table, family: str) -> tuple[str, ...]:
    """Add the magnitudes that follow from a table's own by transformation, with errors, in place.

    Parameters
    ----------
    table
        Rows of reference stars with columns as of `magnitude_column`; columns that are there are left alone. Values
        that are missing are masked or NaN; what is added has NaN for them.
    family
        Whose magnitudes they are: ``ps1`` or ``gaia``; others add nothing.

    Returns
    -------
    tuple of str
        The keys of the filters that were added.
    """
    from astropy.table import Column  # noqa: PLC0415 - slow to import, and not for the web

    own = {key for key in _KEYS if magnitude_column(key) in table.colnames}
    added: list[str] = []
    magnitudes = {key: filled(table[magnitude_column(key)]) for key in own}
    errors = {
        key: filled(table[error_column(key)]) if error_column(key) in table.colnames else np.full(len(table), np.nan)
        for key in own
    }
    for rule in FAMILIES.get(family, ()):
        if rule.target in own or not rule.needs <= own:
            continue
        value = rule(magnitudes)
        error = np.where(np.isfinite(value), rule.errors(magnitudes, errors), np.nan)
        table[magnitude_column(rule.target)] = Column(value, unit="mag", description=f"by {rule.paper}")
        table[error_column(rule.target)] = Column(error, unit="mag")
        added.append(rule.target)
    return tuple(added)


def filled(column: Column | MaskedColumn) -> Floats:
    """Return a column's numbers, shape (n,), with NaN where they are masked."""
    if hasattr(column, "filled"):
        return np.asarray(column.astype(float).filled(np.nan), float)
    return np.asarray(column, float)
