"""Transformations: the Sun in both systems as published elsewhere, the papers' coefficients, limits and errors."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from hven.science.catalogues.photometric.transformations import FAMILIES, add_bands

# The Sun's apparent magnitudes, Willmer 2018, ApJS 236, 47, Table 3: Pan-STARRS (AB), Johnson-Cousins (Vega).
SUN_PS1 = {"g": -26.54, "r": -26.93, "i": -27.05}
SUN_JOHNSON = {"B": -26.13, "V": -26.76, "R": -27.15, "I": -27.47}


def rule(family, target):
    return next(one for one in FAMILIES[family] if one.target == target)


@pytest.mark.parametrize("target", ["B", "V", "R", "I"])
def test_the_sun_comes_out_as_published_elsewhere(target):
    # Willmer gives 0.02 for colours and the paper a scatter of up to 0.032
    assert rule("ps1", target)(SUN_PS1) == pytest.approx(SUN_JOHNSON[target], abs=0.04)


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("B", (0.212, 0.556, 0.034, 0.032)), ("V", (0.005, 0.462, 0.013, 0.012)),
        ("R", (-0.137, -0.108, -0.029, 0.015)), ("I", (-0.366, -0.136, -0.018, 0.017)),
    ],
)  # fmt: skip
def test_pan_starrs_coefficients_are_table_6_of_tonry_2012(target, values):
    one = rule("ps1", target)
    assert (*one.coefficients, one.scatter_mag) == values
    assert "750, 99" in one.paper


@pytest.mark.parametrize(
    ("target", "colour", "difference"),
    [  # G minus the target by the polynomials of Riello et al. 2021, Table C.2 (B: Gaia DR3, Table 5.9), by hand
        ("V", 0.5, -0.0720375), ("V", 2.0, -0.74688), ("R", 0.5, 0.1427159), ("I", 1.0, 0.67843), ("B", 1.0, -0.972201),
        ("g", 1.0, -0.565), ("r", 1.0, 0.03078), ("i", 1.0, 0.249206),
    ],
)  # fmt: skip
def test_gaia_relations_give_the_published_differences(target, colour, difference):
    found = rule("gaia", target)({"G": 15.0, "BP": 15.0 + colour, "RP": 15.0})
    assert 15.0 - found == pytest.approx(difference, abs=2e-6)


def test_outside_its_colours_a_transformation_gives_nothing():
    v = rule("gaia", "i")({"G": np.full(4, 15.0), "BP": 15 + np.array([0.4, 0.6, 1.9, 2.1]), "RP": np.full(4, 15.0)})
    assert np.isfinite(v).tolist() == [False, True, True, False]


def test_errors_are_those_of_a_numerical_experiment():
    rng = np.random.default_rng(3)
    one = rule("ps1", "B")
    magnitudes, errors = {"g": 15.6, "r": 15.0}, {"g": 0.02, "r": 0.03}
    drawn = {key: rng.normal(magnitudes[key], errors[key], 200_000) for key in magnitudes}
    spread = np.hypot(np.std(one(drawn)), one.scatter_mag)
    assert one.errors(magnitudes, errors) == pytest.approx(spread, rel=0.01)


def test_bands_are_added_once_with_errors_and_where_values_are():
    table = Table(
        {
            "gmag": MaskedColumn([15.5, 16.0, 17.0], mask=[False, True, False]),
            "rmag": [15.0, 15.5, 14.0],
            "imag": [14.8, 15.3, 13.0],
            "e_gmag": [0.01, 0.01, 0.01],
            "e_rmag": [0.01, 0.01, 0.01],
            "Vmag": [1.0, 2.0, 3.0],
        }
    )
    assert add_bands(table, "ps1") == ("B", "R", "I")
    assert list(table["Vmag"]) == [1.0, 2.0, 3.0]
    # the second has no g, the third is redder than any star
    assert np.isfinite(table["Bmag"]).tolist() == [True, False, False]
    assert table["e_Bmag"][0] > 0.032
    assert np.isfinite(table["e_Imag"][0])  # although nothing is known of the error of i
    assert add_bands(table, "ps1") == ()


@pytest.mark.parametrize("family", ["", "none", "sdss", "skymapper", "2mass"])
def test_unknown_families_add_nothing(family):
    table = Table({"gmag": [15.0], "rmag": [14.0], "imag": [13.9]})
    assert add_bands(table, family) == ()
    assert table.colnames == ["gmag", "rmag", "imag"]
