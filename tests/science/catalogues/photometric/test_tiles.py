"""Catalogues in tiles: cones equal to a search through all rows, wherever they lie; whole or not there at all."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from hven.errors import Invalid, NotFound
from hven.science.catalogues.photometric import tile_write
from hven.science.catalogues.photometric.columns import recognise
from hven.science.catalogues.photometric.sources import Source
from hven.science.catalogues.photometric.tile_write import import_catalogue
from hven.science.catalogues.photometric.tiles import TiledCatalogue
from hven.science.sky.sphere import separation

ROWS = 60_000


def sky(rows=ROWS, seed=2):
    """Stars all over the sky, crowded around one place, some without r."""
    rng = np.random.default_rng(seed)
    wide = rows // 2
    ra = np.concatenate([rng.uniform(0, 360, wide), 83 + rng.normal(0, 1.0, rows - wide)]) % 360
    dec = np.concatenate([np.degrees(np.arcsin(rng.uniform(-1, 1, wide))), -5 + rng.normal(0, 1.0, rows - wide)])
    r = rng.uniform(10, 20, rows).astype(np.float32)
    r[rng.random(rows) < 0.05] = np.nan
    return {"RAJ2000": ra, "DEJ2000": dec, "gmag": (rng.uniform(10, 20, rows)).astype(np.float32), "rmag": r,
            "e_rmag": np.full(rows, 0.01, np.float32), "id": np.arange(rows).astype(str).astype(object)}  # fmt: skip


def source_of(data, piece=7000):
    columns = recognise(["RAJ2000", "DEJ2000", "gmag", "rmag", "e_rmag", "id"])
    rows = len(data["rmag"])

    def pieces():
        for start in range(0, rows, piece):
            yield {name: values[start : start + piece] for name, values in data.items()}, min(1, (start + piece) / rows)

    return Source(columns, rows, pieces)


@pytest.fixture(scope="module")
def data():
    return sky()


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    # small groups and parts, so that a few thousand rows show what millions do
    patch = pytest.MonkeyPatch()
    for name, value in (
        ("_ROWS_OF_TILE", 40),
        ("_ROWS_OF_GROUP", 500),
        ("_ROWS_OF_PART", 9000),
        ("_ROWS_OF_STRETCH", 3000),
    ):
        patch.setattr(tile_write, name, value)
    place = tmp_path_factory.mktemp("catalogues") / "ps1"
    import_catalogue(source_of(data), place, name="ps1", origin="test", family="ps1", epoch=2012.0, licence="free")
    patch.undo()
    return place


@pytest.fixture
def catalogue(folder):
    found = TiledCatalogue.open(folder)
    yield found
    found.close()


def expected(data, ra, dec, radius):
    return np.flatnonzero(separation(data["RAJ2000"], data["DEJ2000"], ra, dec) <= radius)


@pytest.mark.parametrize(
    ("ra", "dec", "radius"),
    [
        (83, -5, 1.0), (83, -5, 0.05), (0, 0, 3), (359.9, 45, 5), (180, 90, 4), (12, -90, 6), (83, -5, 30),
        (10, 10, 180), (200, 40, 0.001),
    ],
)  # fmt: skip
def test_a_cone_holds_what_a_search_through_all_rows_finds(catalogue, data, ra, dec, radius):
    found = catalogue.cone(ra, dec, radius)
    assert sorted(found["id"].astype(int)) == expected(data, ra, dec, radius).tolist()
    assert catalogue.count(ra, dec, radius) >= len(found)


def test_rows_come_brightest_first_and_keep_their_values(catalogue, data):
    found = catalogue.cone(83, -5, 1.0)
    r = found["rmag"].filled(np.nan)
    assert np.all(np.diff(r[np.isfinite(r)]) >= 0)
    assert found["rmag"].mask.any()
    rows = found["id"].astype(int)
    np.testing.assert_array_equal(found["RAJ2000"], data["RAJ2000"][rows])
    np.testing.assert_array_equal(found["gmag"].filled(np.nan), data["gmag"][rows])
    assert (str(found["RAJ2000"].unit), str(found["rmag"].unit)) == ("deg", "mag")


def test_limits_columns_and_numbers(catalogue, data):
    found = catalogue.cone(83, -5, 2.0, fainter_left_out=("rmag", 14.0))
    wanted = [row for row in expected(data, 83, -5, 2.0) if data["rmag"][row] <= 14.0]
    assert sorted(found["id"].astype(int)) == wanted
    assert len(catalogue.cone(83, -5, 2.0, most=10)) == 10
    assert catalogue.cone(83, -5, 1.0, columns=["gmag"]).colnames == ["RAJ2000", "DEJ2000", "gmag"]
    with pytest.raises(Invalid, match="no column Vmag"):
        catalogue.cone(83, -5, 1.0, columns=["Vmag"])


def test_an_empty_cone_has_the_columns_of_a_full_one(tmp_path):
    data = {name: values[:100] for name, values in sky(100).items()}
    data["DEJ2000"] = np.abs(data["DEJ2000"])
    import_catalogue(source_of(data), tmp_path / "n", name="n", origin="test")
    found = TiledCatalogue.open(tmp_path / "n").cone(10, -60, 0.5)
    assert (len(found), set(found.colnames)) == (0, set(data))


def test_all_rows_come_once(catalogue):
    pieces = list(catalogue.rows(5000))
    assert len(pieces) > 3
    assert sorted(np.concatenate([piece["id"].astype(int) for piece in pieces])) == list(range(ROWS))
    assert catalogue.counts.sum() == ROWS == len(catalogue)


def test_the_description_says_what_it_is(catalogue):
    one = catalogue.description
    assert (one.rows, one.left_out, one.filters, one.sort_column, one.epoch) == (ROWS, 0, ("g", "r"), "rmag", 2012.0)
    assert (one.systems, one.licence, one.family) == ({"g": "AB", "r": "AB"}, "free", "ps1")
    assert one.order > 3
    assert one.bytes > 100_000


def test_rows_without_a_place_or_any_magnitude_are_left_out_and_counted(tmp_path):
    data = sky(100)
    data["RAJ2000"][3] = np.nan
    data["rmag"][5] = data["gmag"][5] = np.nan
    data["rmag"][6] = np.nan
    one = import_catalogue(source_of(data), tmp_path / "n", name="n", origin="test")
    assert (one.rows, one.left_out) == (98, 2)


def test_tiles_follow_the_density(tmp_path):
    dense = sky(60_000)
    dense["RAJ2000"] = 10 + np.random.default_rng(1).uniform(0, 1, 60_000)
    dense["DEJ2000"] = np.random.default_rng(2).uniform(0, 1, 60_000)
    one = import_catalogue(source_of(dense), tmp_path / "dense", name="dense", origin="test")
    two = import_catalogue(source_of(sky(2000)), tmp_path / "thin", name="thin", origin="test")
    assert one.order > two.order
    assert one.area_deg2 == pytest.approx(1, rel=0.2)


def test_a_catalogue_without_stars_is_told_and_leaves_nothing(tmp_path):
    data = sky(50)
    data["rmag"][:] = data["gmag"][:] = np.nan
    with pytest.raises(Invalid, match="No row"):
        import_catalogue(source_of(data), tmp_path / "n", name="n", origin="test")
    with pytest.raises(Invalid, match="no rows"):
        import_catalogue(
            source_of({name: values[:0] for name, values in data.items()}), tmp_path / "n", name="n", origin="t"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", [0.1, 0.7])
def test_an_interrupted_import_leaves_nothing(tmp_path, moment):
    def stop(fraction, _words):
        if fraction >= moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_catalogue(source_of(sky(20_000), 500), tmp_path / "n", name="n", origin="test", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_exchange_keeps_the_old_one(tmp_path):
    import_catalogue(source_of(sky(100)), tmp_path / "n", name="n", origin="old")

    def stop(_fraction, _words):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_catalogue(source_of(sky(200)), tmp_path / "n", name="n", origin="new", replace=True, progress=stop)
    assert TiledCatalogue.open(tmp_path / "n").description.source == "old"
    import_catalogue(source_of(sky(200)), tmp_path / "n", name="n", origin="new", replace=True)
    assert len(TiledCatalogue.open(tmp_path / "n")) == 200


def test_what_a_killed_import_left_behind_goes_after_a_day(tmp_path):
    import os

    for name, age in ((".importing-old", 2 * 86_400), (".importing-new", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (tmp_path.stat().st_mtime - age,) * 2)
    import_catalogue(source_of(sky(100)), tmp_path / "n", name="n", origin="test")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".importing-new", "n"]


def test_progress_only_grows_and_ends_at_one(tmp_path):
    told = []
    import_catalogue(
        source_of(sky(20_000), 3000), tmp_path / "n", name="n", origin="t", progress=lambda f, w: told.append(f)
    )
    assert told == sorted(told)
    assert (told[0] < 0.2, told[-1]) == (True, 1.0)


def test_a_catalogue_removed_under_a_reader_is_a_sentence(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "gone")
    reader, fresh = TiledCatalogue.open(tmp_path / "gone"), TiledCatalogue.open(tmp_path / "gone")
    before = len(reader.cone(83, -5, 0.2))
    shutil.rmtree(tmp_path / "gone")
    assert len(reader.cone(83, -5, 0.2)) == before  # its files are open
    with pytest.raises(NotFound, match="removed meanwhile"):
        fresh.cone(83, -5, 0.2)
    with pytest.raises(NotFound, match="no catalogue gone"):
        TiledCatalogue.open(tmp_path / "gone")


def test_a_damaged_catalogue_is_a_sentence(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "bad")
    for path in (tmp_path / "bad").glob("part-*"):
        path.write_bytes(b"PAR1 no more")
    with pytest.raises(NotFound, match="damaged"):
        TiledCatalogue.open(tmp_path / "bad").cone(83, -5, 1)
    (tmp_path / "bad" / "tiles.npz").write_bytes(b"nothing")
    with pytest.raises(NotFound, match="damaged"):
        TiledCatalogue.open(tmp_path / "bad")
    (tmp_path / "bad" / "catalogue.json").write_text('{"layout": 99}')
    with pytest.raises(NotFound, match="another version"):
        TiledCatalogue.open(tmp_path / "bad")
