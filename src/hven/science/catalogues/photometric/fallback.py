"""The last resort of photometry: the reference stars that come with the solver, bright ones with few magnitudes.

Gaia stars (to G = 10) have G and BP - RP, of which `transformations` makes B, V, R, I, g, r and i. Stars of Tycho-2
alone have VT and no colour; their V is VT - 0.06 +- 0.1, which is the relation V = VT - 0.090 (BT - VT) (ESA 1997, The
Hipparcos and Tycho Catalogues, volume 1, section 1.3, appendix 4) at the usual colours of stars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hven.science.catalogues.photometric.columns import DEC, RA
from hven.science.catalogues.photometric.filters import FILTERS, error_column, magnitude_column
from hven.science.catalogues.photometric.transformations import FAMILIES
from hven.science.catalogues.reference import GAIA, ReferenceStars

if TYPE_CHECKING:
    from astropy.table import Table

WARNING = (
    "No reference catalogue could be had, so the bright stars that come with the solver (Gaia to magnitude 10, and "
    "Tycho-2) stand in, with magnitudes transformed from theirs: expect errors of 0.05 magnitudes and more, and few "
    "stars. `hven catalogue add` brings a catalogue that works without a network."
)
_G_ERROR, _V_FROM_VT, _V_ERROR = 0.01, -0.06, 0.1


def fallback_rows(
    stars: ReferenceStars, ra: float, dec: float, radius_deg: float, *, epoch: float | None = None
) -> Table:
    """Return the solver's stars within a circle as reference stars, brightest first.

    Parameters
    ----------
    stars
        The table of the solver.
    ra, dec, radius_deg
        The circle, ICRS degrees.
    epoch
        Julian year to which they are moved; by default they stand where their catalogues have them.

    Returns
    -------
    astropy.table.Table
        RAJ2000, DEJ2000, Gmag, and B, V, R, I, g, r, i where they follow; masked where they do not.
    """
    from astropy.table import MaskedColumn, Table  # noqa: PLC0415 - slow to import, and not for the web

    found = stars.cone(ra, dec, radius_deg, epoch=epoch)
    gaia = found.catalogue == GAIA
    nothing = np.full(len(found), np.nan)
    values = {"G": np.where(gaia, found.mag, np.nan)}
    errors = {"G": np.where(gaia, _G_ERROR, np.nan)}
    # only the difference of BP and RP is known, and only that is asked for
    given = {"G": values["G"], "BP": np.where(gaia, found.colour, np.nan), "RP": np.zeros(len(found))}
    given_errors = {"G": errors["G"], "BP": nothing, "RP": nothing}
    for rule in FAMILIES["gaia"]:
        values[rule.target] = rule(given)
        known = np.isfinite(values[rule.target])
        errors[rule.target] = np.where(known, rule.errors(given, given_errors), np.nan)
    values["V"] = np.where(gaia, values["V"], found.mag + _V_FROM_VT)
    errors["V"] = np.where(gaia, errors["V"], _V_ERROR)
    table = Table({RA: found.ra, DEC: found.dec})
    for key in (key for key in FILTERS if key in values):
        for name, column in ((magnitude_column(key), values[key]), (error_column(key), errors[key])):
            table[name] = MaskedColumn(column, mask=~np.isfinite(column), unit="mag")
    table[RA].unit = table[DEC].unit = "deg"
    return table
