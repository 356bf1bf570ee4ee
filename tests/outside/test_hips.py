"""Cuts of HiPS: the frame's own grid is asked for, and what is no cut is told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.services import serving

from hven.errors import Invalid, Unavailable
from hven.outside import hips
from hven.outside.ask import Asking, resting
from hven.science.sky.wcs import Wcs


@pytest.fixture(autouse=True)
def _rested():
    resting.clear()


@pytest.fixture
def wcs():
    sip = np.zeros((3, 3))
    sip[2, 0] = 1e-6
    return Wcs((150.0, 2.0), (49.5, 39.5), ((-2e-4, 1e-5), (1e-5, 2e-4)), 100, 80, sip_a=sip, sip_b=sip)


def test_the_grid_is_handed_over_without_its_distortion(wcs):
    asked = hips.question("CDS/P/DES-DR2/r", wcs)
    cards = json.loads(asked["wcs"])
    assert (asked["hips"], asked["format"]) == ("CDS/P/DES-DR2/r", "fits")
    assert (cards["NAXIS1"], cards["NAXIS2"], cards["CTYPE1"]) == (100, 80, "RA---TAN")
    assert not any(name.startswith(("A_", "B_", "IMAGE")) for name in cards)
    assert (cards["CRPIX1"], cards["CD1_1"]) == (50.5, -2e-4)


def test_the_cut_is_written_as_it_comes(wcs, tmp_path):
    with serving({"/cut": b"SIMPLE  =" + b" " * 100}) as service:
        asking = Asking(trusted=service.url)
        assert hips.cut("CDS/P/2MASS/J", wcs, tmp_path / "cut.fits", asking, address=f"{service.url}/cut") == 109
        assert service.asked[0][1]["hips"] == "CDS/P/2MASS/J"


def test_frames_that_cannot_be_cut_are_told(wcs, tmp_path):
    with pytest.raises(Invalid, match="million pixels"):
        hips.question("x", replace(wcs, width=10_000, height=10_000))
    with pytest.raises(Invalid, match="fisheye"):
        hips.cut("x", replace(wcs, radial=(0.0, 1.0)), tmp_path / "x", Asking())
    with pytest.raises(Unavailable, match="hips2fits"):
        hips.cut("x", wcs, tmp_path / "x", Asking(time_limit_s=5), address="https://alasky.example.invalid/x")
    assert list(tmp_path.iterdir()) == []
