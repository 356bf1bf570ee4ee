"""Magnitude systems: AB for the Sloan-like bands, Vega for all others."""

from __future__ import annotations

import pytest

from hven.science.catalogues.photometric.filters import FILTERS
from hven.science.catalogues.photometric.systems import magnitude_system


def test_sloan_like_bands_are_ab_and_the_others_vega():
    assert [key for key in FILTERS if magnitude_system(key) == "AB"] == list("ugrizy")


def test_an_unknown_band_is_no_bands():
    with pytest.raises(KeyError):
        magnitude_system("X")
