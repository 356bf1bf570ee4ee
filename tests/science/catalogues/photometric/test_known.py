"""Known catalogues and surveys: what is documented of them, and which is chosen where nobody says."""

from __future__ import annotations

import pytest

from hven.science.catalogues.photometric.filters import FILTERS
from hven.science.catalogues.photometric.known import (
    CATALOGUES,
    NEIGHBOURS,
    TEMPLATES,
    catalogue_for,
    reference_answers,
    survey_filter,
    templates_for,
)


def test_the_eight_catalogues_with_their_limits_and_identifiers():
    assert {key: (one.limit_column, one.vizier) for key, one in CATALOGUES.items()} == {
        "gaiadr3syn": ("rmag", "I/360/syntphot"),
        "ps1": ("rmag", "II/349/ps1"),
        "skymapper": ("rPSF", "II/379/smssdr4"),
        "sdss": ("rmag", "V/154/sdss16"),
        "atlas": ("rmag", "J/ApJ/867/105/refcat2"),
        "gaiaedr3": ("Gmag", "I/350/gaiaedr3"),
        "2mass": ("Jmag", "II/246/out"),
        "vhs": ("Jap3", "II/367/vhs_dr5"),
    }
    for one in CATALOGUES.values():
        assert set(one.filters) <= set(FILTERS)
        assert one.columns[one.limit_filter] == one.limit_column


def test_answers_have_the_documented_shapes():
    answers = reference_answers()
    assert list(answers) == ["filters", "catalogs", "templates"]
    assert answers["filters"]["R"] == {"name": "Johnson-Cousins R", "aliases": ["Rc"]}
    assert answers["filters"]["g"]["aliases"] == [
        "sdssg", "SDSS g", "SDSS-g", "SDSS-g'", "Sloan-g", "sloang", "Sloan g", "Sg", "SG", "sG", "ZTF_g",
    ]  # fmt: skip
    assert "ZTF_z" not in answers["filters"]["z"]["aliases"]
    assert answers["catalogs"]["2mass"] == {"name": "2MASS PSC", "filters": ["J", "H", "Ks"], "limit": "Jmag"}
    assert answers["templates"]["custom"] == {"name": "Custom template"}
    assert answers["templates"]["ps1"]["filters"] == ["g", "r", "i", "z"]
    assert answers["templates"]["skymapper"]["filters"]["g"] == "CDS/P/Skymapper/DR4/g"
    assert answers["templates"]["2mass"]["filters"] == {
        "J": "CDS/P/2MASS/J", "H": "CDS/P/2MASS/H", "Ks": "CDS/P/2MASS/K",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "dec", "name"),
    [
        ("V", 10, "gaiadr3syn"), ("U", -80, "gaiadr3syn"), ("G", 0, "gaiaedr3"), ("RP", 0, "gaiaedr3"),
        ("J", 5, "2mass"), ("Ks", -5, "vhs"), ("r", 40, "ps1"), ("z", -29.9, "ps1"), ("g", -30.1, "skymapper"),
        ("u", 40, "ps1"),
    ],
)  # fmt: skip
def test_the_catalogue_follows_from_filter_and_declination(key, dec, name):
    assert catalogue_for(key, dec) == name


@pytest.mark.parametrize(
    ("key", "dec", "names"),
    [
        ("r", 20, ("ps1", "ls")), ("r", 60, ("ps1", "ls")), ("r", -50, ("ls", "skymapper")), ("u", -50, ("skymapper",)),
        ("J", 10, ("2mass",)), ("V", 20, ("ps1", "ls")), ("u", 20, ("ps1",)),
    ],
)  # fmt: skip
def test_the_templates_follow_from_filter_and_declination(key, dec, names):
    assert templates_for(key, dec) == names


def test_bands_that_surveys_lack_have_a_stand_in():
    assert [survey_filter(key) for key in ("B", "V", "R", "I", "r", "Ks")] == ["g", "g", "r", "i", "r", "Ks"]


def test_neighbours_are_asked_where_they_have_sky():
    assert {key for key, one in NEIGHBOURS.items() if one.covers(45)} == {"gaiaedr3", "ps1"}
    assert {key for key, one in NEIGHBOURS.items() if one.covers(-50)} == {"gaiaedr3", "skymapper", "des"}
    assert TEMPLATES["ps1"].covers(-29) and not TEMPLATES["ps1"].covers(-31)
