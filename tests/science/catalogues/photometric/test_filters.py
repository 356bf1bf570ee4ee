"""Filters: every documented way to write one, and none that means another."""

from __future__ import annotations

import pytest

from hven.science.catalogues.photometric.filters import FILTERS, colour_of, error_column, magnitude_column, normalise


def test_the_seventeen_filters_keep_their_order():
    assert " ".join(FILTERS) == "U B V R I u g r i z y G BP RP J H Ks"


def test_every_key_name_and_alias_means_its_filter():
    for key, one in FILTERS.items():
        for written in (key, one.name, *one.aliases):
            assert normalise(written) == key, written


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("sdss_r", "r"), ("SDSS-R", "r"), ("Sloan i'", "i"), ("g'", "g"), ("ZTF_g", "g"), ("PS1_z", "z"),
        ("Bessell V", "V"), ("Johnson_B", "B"), ("cousins r", "R"), ("V Johnson", "V"), ("Ic", "I"), ("I'", "I"),
        ("  Pan-STARRS   r ", "r"), ("K", "Ks"), ("Gaia BP", "BP"), ("2MASS Ks", "Ks"), ("G", "G"), ("SG", "g"),
    ],
)  # fmt: skip
def test_common_spellings_are_understood(written, key):
    assert normalise(written) == key


@pytest.mark.parametrize("written", ["", "Clear", "L", "Ha", "OIII", "X", "None", "rr", "Red", "Luminance", "v"])
def test_what_is_no_filter_of_ours_is_none(written):
    assert normalise(written) is None


def test_case_tells_cousins_from_sloan():
    assert (normalise("R"), normalise("r"), normalise("G"), normalise("g")) == ("R", "r", "G", "g")


@pytest.mark.parametrize(
    ("keys", "pair"),
    [
        ("U B V R I", ("B", "V")), ("u g r i", ("g", "r")), ("z y", ("r", "i")), ("G BP RP", ("BP", "RP")),
        ("J H Ks", ("J", "Ks")),
    ],
)  # fmt: skip
def test_each_band_has_its_colour(keys, pair):
    assert {colour_of(key) for key in keys.split()} == {pair}


def test_columns_are_named_by_the_key():
    assert (magnitude_column("BP"), error_column("r"), FILTERS["Ks"].column) == ("BPmag", "e_rmag", "Ksmag")
