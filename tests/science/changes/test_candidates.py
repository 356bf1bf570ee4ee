"""Candidates: what is kept, what is dropped and why, and the columns of the list."""

from dataclasses import replace

import numpy as np
import pytest

from hven.science.changes.candidates import MASKED_APERTURE, Search, find, measured
from hven.science.changes.fluxes import Calibration
from hven.science.changes.planes import Difference

from .scenes import Scene, drawn, grid

CALIBRATION = Calibration(28.0, 0.01, "rmag", "gmag - rmag", -0.08)
SEARCH = Search(radius_px=3.6, sn=6.0, gain=1.5)


def test_the_list_has_the_columns_of_an_object_list(pair: Scene, difference: Difference) -> None:
    table = find(difference, SEARCH, calibration=CALIBRATION, wcs=grid()).table
    for name in (
        "mag", "magerr", "flux", "fluxerr", "x", "y", "xerr", "yerr", "a", "b", "theta", "FLUX_RADIUS", "fwhm", "flags",
        "bg", "NUMBER", "MAG_AUTO", "FLUX_MAX", "FLUX_AUTO", "ra", "dec", "bg_local", "npix_aper", "bg_fluxerr",
        "mag_calib", "mag_calib_err", "mag_filter_name", "mag_color_name", "mag_color_term", "mag_limit",
    ):  # fmt: skip
        assert name in table.colnames, name
    assert len(table) == 8
    assert (np.diff(table["FLUX_AUTO"]) <= 0).all()
    places = grid().to_pixel(table["ra"], table["dec"])
    assert np.asarray(places) == pytest.approx(np.array([table["x"], table["y"]]), abs=1e-6)
    assert (table["mag_limit"] > table["mag_calib"]).all()


def test_artefacts_are_dropped_with_a_reason_or_kept_with_a_flag(difference: Difference) -> None:
    diff, significance = difference.diff.copy(), difference.significance.copy()
    diff[200, 200] += 3000.0
    significance[200, 200] = 40.0
    spoiled = replace(difference, diff=diff, significance=significance)
    found = find(spoiled, SEARCH)
    assert found.rejected == {"not of the shape of a star": 1}
    assert len(found.table) == 8
    kept = find(spoiled, replace(SEARCH, shape_filter=False)).table
    ray = np.hypot(kept["x"] - 200, kept["y"] - 200) < 2
    assert len(kept) == 9 and (kept["flags"][ray] & 0x800 > 0).all() and not (kept["flags"][~ray] & 0x800).any()


def test_a_moved_star_is_dropped_unless_asked_for(pair: Scene, difference: Difference) -> None:
    inside = (pair.stars[:, :2] > 60).all(axis=1) & (pair.stars[:, :2] < 420).all(axis=1)
    x, y, flux = pair.stars[inside][pair.stars[inside, 2].argmax()]
    moved = (drawn(480, [x + 0.3], [y], [flux], 3.2) - drawn(480, [x], [y], [flux], 3.2)).astype(np.float32)
    significance = difference.significance.copy()
    significance[round(y), round(x) + 1] = 30.0
    spoiled = replace(difference, diff=difference.diff + moved, significance=significance)
    assert len(find(spoiled, SEARCH).table) == 8
    loose = find(spoiled, replace(SEARCH, shape_filter=False, adjust_filter=False)).table
    assert len(loose) == 9
    strict = find(spoiled, replace(SEARCH, shape_filter=False))
    assert len(strict.table) == 8
    assert strict.rejected == {"explained by a shift or a change of its star": 1}


def test_forced_photometry_measures_what_is_there_and_limits_what_is_not(pair: Scene, difference: Difference) -> None:
    x, y = np.r_[pair.x[:1], 100.0], np.r_[pair.y[:1], 35.0]
    table = measured(difference, x, y, SEARCH, calibration=CALIBRATION, wcs=grid())
    assert np.asarray(table["x"]) == pytest.approx(x)
    assert table["flux"][0] / table["fluxerr"][0] > 8
    assert abs(table["flux"][1]) < 4 * table["fluxerr"][1]
    assert np.isfinite(table["mag_limit"]).all()
    negative = replace(difference, diff=-difference.diff)
    assert np.isnan(measured(negative, x, y, SEARCH, calibration=CALIBRATION)["mag_calib"][0])


def test_masked_pixels_in_the_aperture_are_flagged(pair: Scene, difference: Difference) -> None:
    mask = difference.mask.copy()
    mask[round(pair.y[0]) + 3, round(pair.x[0])] = True
    table = measured(replace(difference, mask=mask), pair.x, pair.y, SEARCH)
    assert (np.flatnonzero(table["flags"] & MASKED_APERTURE) == 0).all() and table["flags"][0]


def test_a_large_frame_asks_for_more_than_five_deviations(difference: Difference) -> None:
    small = difference.threshold(0.3)
    assert difference.threshold(0.01) > small > difference.threshold(3.0)
    quiet = find(difference, replace(SEARCH, sn=1.0, false_alarms=0.1)).table
    assert len(quiet) == 8
