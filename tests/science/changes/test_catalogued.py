"""The search by catalogues: which objects stay, and why the others went."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table

from hven.errors import Invalid
from hven.science.changes.catalogued import Criteria, MovingBodies, Reference, search_catalogued

ARCSEC = 1 / 3600
CRITERIA = Criteria(radius_deg=1.5 * ARCSEC, fwhm_deg=3 * ARCSEC)


def field(n: int = 40) -> tuple[Table, Reference]:
    """Objects half of which a catalogue lists, in a system 0.3 mag brighter."""
    rng = np.random.default_rng(1)
    ra, dec = 150 + np.arange(n) * 0.01, 2 + rng.uniform(0, 0.2, n)
    mag = rng.uniform(15, 20, n)
    flux = 10 ** (-0.4 * (mag - 28))
    table = Table({
        "ra": ra, "dec": dec, "flags": np.zeros(n, int), "flux": flux, "fluxerr": np.full(n, 50.0), "mag_calib": mag,
        "NUMBER": np.arange(1, n + 1),
    })  # fmt: skip
    half = n // 2
    error = rng.normal(0, 0.2 * ARCSEC, (2, half))
    # stars beside the frame say how deep the catalogue is
    beside = rng.uniform(12, 23, 300)
    return table, Reference(
        "A",
        np.r_[ra[:half] + error[0], rng.uniform(160, 161, 300)],
        np.r_[dec[:half] + error[1], rng.uniform(2, 3, 300)],
        np.r_[mag[:half] - 0.3, beside],
    )


def numbers(found) -> set[int]:
    return set(found.table["NUMBER"].tolist())


def test_what_no_catalogue_lists_stays_most_significant_first() -> None:
    table, reference = field()
    found = search_catalogued(table, [reference], CRITERIA)
    assert numbers(found) == set(range(21, 41))
    assert found.rejected == {"in A": 20}
    assert (np.diff(found.table["flux"]) <= 0).all()


def test_an_object_that_outshines_its_match_stays_unless_every_match_counts() -> None:
    table, reference = field()
    reference.mag[4] += 2.5
    reference.mag[5] += 1.5
    assert numbers(search_catalogued(table, [reference], CRITERIA)) == {5, *range(21, 41)}
    assert numbers(search_catalogued(table, [reference], replace(CRITERIA, mag_diff=0.0))) == set(range(21, 41))
    reference.mag[4] = np.nan
    assert 5 not in numbers(search_catalogued(table, [reference], CRITERIA))


def test_flags_drop_all_but_deblended_and_masks_nearby() -> None:
    table, reference = field()
    table["flags"][20:26] = [0x2, 0x100, 0x4, 0x200, 0x800, 0x1]
    found = search_catalogued(table, [reference], CRITERIA)
    assert numbers(found) == {21, 22, *range(27, 41)}
    assert found.rejected["flagged"] == 3 and found.rejected["not of the shape of a star"] == 1
    loose = search_catalogued(table, [reference], replace(CRITERIA, prefilter=False))
    assert 25 in numbers(loose)


def test_pairs_that_the_frame_blends_are_dropped_in_a_second_pass() -> None:
    table, reference = field()
    ra, dec, mag = table["ra"][30], table["dec"][30], table["mag_calib"][30]
    pair = Reference(
        "B", np.array([ra - 2 * ARCSEC, ra + 2 * ARCSEC]), np.array([dec, dec]), np.array([mag + 0.7, mag + 0.8])
    )
    found = search_catalogued(table, [reference, pair], CRITERIA)
    assert 31 not in numbers(found) and found.rejected["blended stars"] == 1
    assert 31 in numbers(search_catalogued(table, [reference, pair], replace(CRITERIA, blends=False)))
    faint = replace(pair, mag=np.array([mag + 4.0, mag + 4.0]))
    assert 31 in numbers(search_catalogued(table, [reference, faint], CRITERIA))


def test_part_of_a_brighter_star_is_dropped() -> None:
    table, reference = field()
    table["flags"][33] = 0x2
    near = Reference("B", np.array([table["ra"][33] + 4 * ARCSEC]), np.array([table["dec"][33]]), np.array([14.0]))
    assert 34 not in numbers(search_catalogued(table, [reference, near], CRITERIA))


def test_minor_planets_are_named_and_dropped() -> None:
    table, reference = field()
    bodies = MovingBodies(
        np.array(["Ceres", "Vesta"]), np.array([table["ra"][25] + 4 * ARCSEC, 10.0]),
        np.array([table["dec"][25], 10.0]), np.array([5.0, 1.0]),
    )  # fmt: skip
    found = search_catalogued(table, [reference], CRITERIA, bodies=bodies)
    assert 26 not in numbers(found) and found.matched == {"26": "Ceres"} and found.rejected["minor planets"] == 1


def test_only_the_cone_and_what_other_frames_show_too() -> None:
    table, reference = field()
    cone = replace(CRITERIA, cone=(150.3, 2.1, 0.12))
    inside = search_catalogued(table, [reference], cone)
    assert inside.rejected["outside the cone"] > 0
    assert (np.abs(inside.table["ra"] - 150.3) < 0.13).all()
    other = table[[22, 24, 3]]
    assert numbers(search_catalogued(table, [reference], CRITERIA, others=[other])) == {23, 25}


def test_what_is_fainter_than_every_catalogue_reaches_cannot_be_said_to_be_new() -> None:
    table, reference = field()
    table["mag_calib_err"] = np.full(40, 0.1)
    shallow = replace(reference, mag=np.minimum(reference.mag, 18.0))
    found = search_catalogued(table, [shallow], CRITERIA)
    assert max(found.table["mag_calib"]) < 18.5
    assert found.rejected["fainter than the catalogues reach"] > 3
    assert len(search_catalogued(table, [shallow, reference], CRITERIA).table) == 20
    assert len(search_catalogued(table, [shallow], replace(CRITERIA, beyond_depth=True)).table) >= 20


def test_no_more_than_a_hundred_are_kept() -> None:
    table, _ = field(260)
    found = search_catalogued(table, [], CRITERIA)
    assert len(found.table) == 100 and found.rejected == {"beyond the first 100": 160}


def test_objects_without_a_position_are_counted_and_lists_without_columns_refused() -> None:
    table, reference = field()
    table["ra"][39] = np.nan
    assert search_catalogued(table, [reference], CRITERIA).rejected["no position"] == 1
    table.remove_column("ra")
    with pytest.raises(Invalid, match="column ra"):
        search_catalogued(table, [reference], CRITERIA)
    with pytest.raises(Invalid, match="radius"):
        search_catalogued(field()[0], [], replace(CRITERIA, radius_deg=0.0))
