"""The reference stars: where they are, how they move, and that a cone forgets none."""

from pathlib import Path

import numpy as np
import pytest

from hven.errors import Invalid, NotFound
from hven.science.catalogues import reference
from hven.science.catalogues.reference import GAIA, ReferenceStars, build_reference, is_current, read_index_stars
from hven.science.sky.sphere import separation

INDEXES = Path("/usr/share/astrometry")


@pytest.fixture(scope="module")
def gaia_only(tmp_path_factory: pytest.TempPathFactory) -> ReferenceStars:
    folder = tmp_path_factory.mktemp("gaia") / "reference"
    build_reference(folder, [])
    return ReferenceStars.open(folder)


def test_a_missing_table_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ReferenceStars.open(tmp_path)


def test_a_table_knows_whether_it_was_built_from_these_files(gaia_only: ReferenceStars, tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    assert not is_current(folder, [])
    build_reference(folder, [])
    assert is_current(folder, [])
    build_reference(folder, [])  # over an older one
    assert is_current(folder, [])
    assert [path.name for path in tmp_path.iterdir()] == ["reference"]


@pytest.mark.parametrize("centre", [(0.0, 0.0), (359.99, 10.0), (12.0, 90.0), (200.0, -89.5), (83.8, -5.4)])
@pytest.mark.parametrize("radius", [0.3, 2.0, 20.0])
def test_a_cone_holds_exactly_the_stars_within_it(
    gaia_only: ReferenceStars, centre: tuple[float, float], radius: float
) -> None:
    rows = gaia_only.cone(*centre, radius)
    everything = gaia_only._columns
    inside = separation(everything["ra"], everything["dec"], *centre) <= radius
    assert len(rows) == int(inside.sum())
    assert np.all(np.diff(rows.mag) >= 0)


@pytest.mark.parametrize("radius", [0.5, 3.0, 25.0])
def test_a_limit_keeps_the_brightest(gaia_only: ReferenceStars, radius: float) -> None:
    rows, all_rows = gaia_only.cone(100.0, 20.0, radius, limit=7), gaia_only.cone(100.0, 20.0, radius)
    assert np.array_equal(rows.mag, all_rows.mag[:7])


def test_colours_are_those_of_the_package_and_not_motions(gaia_only: ReferenceStars) -> None:
    barnard = gaia_only.cone(269.4485, 4.7394, 0.01)
    assert barnard.mag[0] == pytest.approx(8.19, abs=0.01)
    assert barnard.colour[0] == pytest.approx(2.83, abs=0.02)
    assert np.abs(gaia_only._columns["pmra"]).max() == 0


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index-4107.fits"
    path.write_bytes(b"SIMPLE  =                    T" + b" " * 2850)
    with pytest.raises(Invalid, match=r"index-4107\.fits"):
        read_index_stars(path)
    assert reference.densest_tycho2([path, tmp_path / "absent.fits"]) is None


@pytest.mark.tycho2
def test_tycho2_adds_stars_and_motions(tycho2: Path, tmp_path: Path) -> None:
    files = sorted(tycho2.glob("index-tycho2-1[0-9]*.fits"))
    folder = tmp_path / "reference"
    build_reference(folder, files)
    stars = ReferenceStars.open(folder)
    assert stars.description["stars"]["tycho2"] > 10_000
    # 107 Piscium moves by -302 and -677 mas/yr (Hipparcos; van Leeuwen 2007, A&A 474, 653).
    now, then = stars.cone(25.624, 20.268, 0.05, epoch=2016.0), stars.cone(25.624, 20.268, 0.05, epoch=2026.0)
    assert now.catalogue[0] == GAIA
    step = (then.ra[0] - now.ra[0]) * np.cos(np.radians(20.268)) * 3600, (then.dec[0] - now.dec[0]) * 3600
    assert step == pytest.approx((-3.02, -6.77), abs=0.15)


@pytest.mark.tycho2
def test_positions_of_an_index_agree_with_gaia(tycho2: Path, gaia_only: ReferenceStars) -> None:
    ra, dec, mag = read_index_stars(next(tycho2.glob("index-tycho2-1[2]*.fits")))
    chosen = np.flatnonzero((mag > 6) & (mag < 8))[:200]
    near = [gaia_only.cone(ra[i], dec[i], 5 / 3600) for i in chosen]
    offsets = [separation(ra[i], dec[i], c.ra[0], c.dec[0]) * 3600 for i, c in zip(chosen, near, strict=True) if len(c)]
    assert len(offsets) > 180
    assert np.median(offsets) < 1.0
