"""The last resort: the solver's stars with magnitudes that follow from theirs, and none that do not."""

from __future__ import annotations

import numpy as np
import pytest

from hven.science.catalogues.photometric.fallback import WARNING, fallback_rows
from hven.science.catalogues.reference import ReferenceStars


@pytest.fixture(scope="module")
def stars(solver_folder):
    return ReferenceStars.open(solver_folder / "reference")


def test_stars_come_with_magnitudes_near_their_own(stars):
    table = fallback_rows(stars, 84.0, -1.5, 3.0)
    assert len(table) > 100
    known = ~table["Vmag"].mask & ~table["Gmag"].mask
    difference = np.asarray(table["Vmag"][known] - table["Gmag"][known], float)
    assert known.sum() > 50
    assert np.all((difference > -0.1) & (difference < 3))
    assert np.all(np.asarray(table["e_Vmag"][known]) >= 0.03)


def test_a_known_star_has_its_published_magnitudes(stars):
    # 37 Geminorum, a solar analogue: V 5.74, B - V 0.57 (Hipparcos catalogue, ESA SP-1200)
    table = fallback_rows(stars, 103.8278, 25.3757, 0.01, epoch=2000.0)
    assert len(table) == 1
    assert table["Vmag"][0] == pytest.approx(5.74, abs=0.05)
    assert table["Bmag"][0] - table["Vmag"][0] == pytest.approx(0.57, abs=0.08)


def test_stars_of_tycho_alone_have_v_and_nothing_else(stars, tycho2):
    table = fallback_rows(stars, 84.0, -1.5, 3.0)
    alone = table["Gmag"].mask
    if not alone.any():
        pytest.skip("the table here has no stars of Tycho-2")
    assert not table["Vmag"][alone].mask.any()
    assert table["rmag"][alone].mask.all()
    assert np.all(np.asarray(table["e_Vmag"][alone]) == 0.1)


def test_the_warning_says_what_to_do():
    assert "hven catalogue add" in WARNING
