"""Columns: recognised by the names of VizieR and the archives, named by their owner, and checked in plain words."""

from __future__ import annotations

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.catalogues.photometric.columns import (
    check_places,
    clean_errors,
    clean_magnitudes,
    parse_columns,
    recognise,
)

VIZIER = {
    "ps1": (
        "RAJ2000 DEJ2000 objID f_objID gmag e_gmag gKmag e_gKmag rmag e_rmag rKmag imag e_imag zmag e_zmag ymag e_ymag",
        "g r i z y",
    ),
    "gaia": ("RA_ICRS DE_ICRS Source pmRA pmDE Gmag e_Gmag BPmag e_BPmag RPmag e_RPmag", "G BP RP"),
    "2mass": ("RAJ2000 DEJ2000 2MASS Jmag e_Jmag Hmag e_Hmag Kmag e_Kmag Qflg", "J H Ks"),
    "skymapper": ("RAICRS DEICRS ObjectId uPSF e_uPSF vPSF e_vPSF gPSF e_gPSF rPSF e_rPSF iPSF zPSF", "u g r i z"),
    "vhs": ("RAJ2000 DEJ2000 Jap3 e_Jap3 Hap3 e_Hap3 Ksap3 e_Ksap3", "J H Ks"),
    "gaia archive": ("source_id ra dec pmra pmdec phot_g_mean_mag phot_bp_mean_mag phot_rp_mean_mag", "G BP RP"),
    "mast": ("objID raMean decMean gMeanPSFMag gMeanPSFMagErr rMeanPSFMag rMeanPSFMagErr", "g r"),
    "irsa": ("ra dec j_m j_msigcom h_m h_msigcom k_m k_msigcom", "J H Ks"),
    "own": ("ra dec V V_err B B_err", "B V"),
    "apass": ("RAJ2000 DEJ2000 Vmag e_Vmag Bmag e_Bmag g_mag e_g_mag r_mag e_r_mag", "B V g r"),
    "sdss": ("ra dec psfMag_u psfMagErr_u psfMag_g psfMagErr_g", "u g"),
}


@pytest.mark.parametrize("what", VIZIER)
def test_columns_of_archives_are_recognised(what):
    names, keys = VIZIER[what]
    found = recognise(names.split())
    assert " ".join(found.magnitudes) == keys
    assert {found.ra, found.dec} <= set(names.split())


def test_errors_go_with_their_magnitudes():
    assert recognise(VIZIER["ps1"][0].split()).errors["r"] == "e_rmag"
    assert recognise(VIZIER["mast"][0].split()).errors == {"g": "gMeanPSFMagErr", "r": "rMeanPSFMagErr"}
    assert recognise(VIZIER["irsa"][0].split()).errors["Ks"] == "k_msigcom"
    assert recognise(VIZIER["own"][0].split()).errors == {"B": "B_err", "V": "V_err"}
    assert recognise(VIZIER["vhs"][0].split()).errors["Ks"] == "e_Ksap3"
    assert recognise(VIZIER["sdss"][0].split()).errors["u"] == "psfMagErr_u"
    found = recognise("ra dec r e_r g".split())
    assert (found.errors, found.without_errors) == ({"r": "e_r"}, ("g",))


def test_case_tells_gaia_g_from_sloan_g():
    assert recognise(["ra", "dec", "Gmag", "gmag"]).magnitudes == {"g": "gmag", "G": "Gmag"}
    assert recognise(["ra", "dec", "gmag"]).magnitudes == {"g": "gmag"}


def test_motions_are_taken_in_pairs_only():
    assert recognise("ra dec G pmRA pmDE".split()).kept["pmRA"] == "pmRA"
    assert "pmRA" not in recognise("ra dec G pmRA".split()).kept


def test_what_the_owner_says_wins():
    found = recognise("a b x dx r".split(), parse_columns("ra=a, dec=b, r=x, e_r=dx, id=r"))
    assert (found.ra, found.dec, found.magnitudes, found.errors) == ("a", "b", {"r": "x"}, {"r": "dx"})
    assert found.identifier == "r"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ra", "does not say"),
        ("ra=", "does not say"),
        ("q=x", "neither"),
        ("e_q=x", "neither"),
        ("r=nope", "no column nope"),
    ],
)
def test_what_cannot_be_meant_is_told(text, words):
    with pytest.raises(Invalid, match=words):
        recognise(["ra", "dec", "r"], parse_columns(text))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x", "y", "r"], "right ascension; name it with --columns ra="),
        (["ra", "y", "r"], "declination; name it with --columns dec="),
        (["ra", "dec", "flux"], "magnitude; name them with --columns r="),
    ],
)
def test_what_is_missing_is_told_with_what_is_there(names, words):
    with pytest.raises(Invalid, match=words) as told:
        recognise(names)
    assert names[-1] in str(told.value)


def spread(n=100, lon=(0.0, 360.0), lat=(-80.0, 80.0)):
    return np.linspace(*lon, n), np.linspace(*lat, n)


@pytest.mark.parametrize(
    ("lon", "lat", "words"),
    [
        ((0, 361), (0, 1), "right ascensions"), ((-190, 10), (0, 1), "right ascensions"),
        ((0, 10), (-95, 1), "declinations"), ((0, 6.28), (-1.5, 1.5), "radians"), ((0, 23.99), (-89, 89), "hours"),
    ],
)  # fmt: skip
def test_numbers_that_are_no_degrees_are_told(lon, lat, words):
    with pytest.raises(Invalid, match=words):
        check_places(*spread(lon=lon, lat=lat), "It", sure_of_unit=False)


def test_places_that_only_look_odd_pass():
    check_places(*spread(lon=(1, 3), lat=(0, 1.5)), "It", sure_of_unit=False)  # a field near the vernal equinox
    check_places(*spread(lon=(0, 6.28), lat=(-1.5, 1.5)), "It", sure_of_unit=True)
    check_places(*spread(lon=(-180, 180)), "It", sure_of_unit=False)
    with pytest.raises(Invalid, match="no row with a place"):
        check_places(np.array([np.nan]), np.array([1.0]), "It", sure_of_unit=False)


def test_what_archives_write_for_none_is_none():
    assert np.isnan(clean_magnitudes(np.array([-999.0, 99.0, np.inf, np.nan, -99.99]))).all()
    assert clean_magnitudes(np.array([-1.46, 25.0])).tolist() == [-1.46, 25.0]
    assert np.isnan(clean_errors(np.array([-999.0, 9.99, -0.1]))).all()
    assert clean_errors(np.array([0.0, 0.3])).tolist() == [0.0, 0.3]
