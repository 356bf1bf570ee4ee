"""How far two projections agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hven.science.sky.agreement import agreement
from hven.science.sky.wcs import Wcs

FRAME = Wcs((84.0, -1.5), (399.5, 299.5), ((-0.001, 0.0002), (0.0002, 0.001)), 800, 600)


def test_a_projection_agrees_with_itself() -> None:
    found = agreement(FRAME, FRAME)
    assert found.max_px < 1e-6
    assert found.overlap == 1
    assert found.centres_deg == pytest.approx(0, abs=1e-9)


def test_a_shift_is_found_as_it_is() -> None:
    found = agreement(FRAME, replace(FRAME, crpix=(402.5, 303.5)))
    assert found.max_px == pytest.approx(5, abs=1e-3)
    assert found.rms_px == pytest.approx(5, abs=1e-3)
    assert found.centres_deg * 3600 / FRAME.scale_arcsec == pytest.approx(5, rel=1e-3)


def test_distortion_shows_at_the_edges() -> None:
    bent = np.zeros((3, 3))
    bent[2, 0] = 1e-6
    found = agreement(FRAME, replace(FRAME, sip_a=bent, sip_b=np.zeros((3, 3))))
    assert found.max_px == pytest.approx(1e-6 * 399.5**2, rel=0.01)
    assert found.rms_px < found.max_px / 1.5


def test_frames_side_by_side_share_what_they_share() -> None:
    found = agreement(FRAME, replace(FRAME, crpix=(FRAME.crpix[0] - 400, FRAME.crpix[1])), points=81)
    assert found.overlap == pytest.approx(0.5, abs=0.02)
    assert agreement(FRAME, replace(FRAME, crval=(84.0, 40.0))).overlap == 0


def test_the_other_side_of_the_sky_is_out_of_reach() -> None:
    found = agreement(FRAME, replace(FRAME, crval=(264.0, 1.5)))
    assert found.max_px == found.rms_px == float("inf")
    assert found.affine is None
    assert found.centres_deg == pytest.approx(180, abs=0.01)


def test_pixels_of_a_turned_and_larger_picture_are_mapped_back() -> None:
    turned = Wcs(FRAME.crval, (1000.0, 700.0), ((0.0001, 0.0005), (0.0005, -0.0001)), 2000, 1400)
    affine = agreement(FRAME, turned).affine
    x, y = turned.to_pixel(*FRAME.to_sky(100.0, 450.0))
    assert affine @ [float(x), float(y), 1.0] == pytest.approx([100, 450], abs=0.05)
