"""The magnitude system of each filter: AB for the Sloan-like ones, Vega for the others.

Which magnitudes a catalogue gives is a convention of the catalogue; those here hold for all catalogues that hven
knows (Tonry et al. 2012, ApJ 750, 99 for Pan-STARRS; Montegriffo et al. 2023, A&A 674, A33 for synthetic photometry
of Gaia; Riello et al. 2021, A&A 649, A3 for Gaia; Skrutskie et al. 2006, AJ 131, 1163 for 2MASS).
"""

from __future__ import annotations

from typing import Literal

from hven.science.catalogues.photometric.filters import FILTERS

MagnitudeSystem = Literal["AB", "Vega"]
_AB = frozenset("ugrizy")


def magnitude_system(key: str) -> MagnitudeSystem:
    """Return the system in which a filter's magnitudes are given; KeyError for a key that is no filter's."""
    return "AB" if FILTERS[key].key in _AB else "Vega"
