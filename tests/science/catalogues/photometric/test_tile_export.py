"""Exporting: what was brought comes out again, in every format, and an old file is never overwritten."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from hven.errors import Conflict, Invalid
from hven.science.catalogues.photometric.sources import open_source
from hven.science.catalogues.photometric.tile_export import export_catalogue
from hven.science.catalogues.photometric.tile_write import import_catalogue
from hven.science.catalogues.photometric.tiles import TiledCatalogue


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    rng = np.random.default_rng(1)
    table = Table({"ra": rng.uniform(0, 360, 500), "dec": rng.uniform(-80, 80, 500), "r": rng.uniform(10, 20, 500)})
    table["g"] = np.where(rng.random(500) < 0.2, np.nan, table["r"] + 0.5)
    table["id"] = np.arange(500)
    table.write(folder / "c.fits")
    import_catalogue(open_source(folder / "c.fits"), folder / "c", name="c", origin="c.fits")
    return TiledCatalogue.open(folder / "c")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".fits", ".vot", ".ecsv"])
def test_what_went_in_comes_out_and_in_again(catalogue, tmp_path, suffix):
    assert export_catalogue(catalogue.rows(100), tmp_path / f"out{suffix}", rows=len(catalogue)) == 500
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]
    again = import_catalogue(open_source(tmp_path / f"out{suffix}"), tmp_path / "c", name="c", origin="out")
    assert (again.rows, again.filters) == (500, ("g", "r"))
    before, after = catalogue.cone(100, 0, 60), TiledCatalogue.open(tmp_path / "c").cone(100, 0, 60)
    assert list(before["id"]) == list(after["id"])
    np.testing.assert_allclose(before["gmag"].filled(-1), after["gmag"].filled(-1), atol=1e-5)


def test_other_endings_and_files_that_are_there_are_refused(catalogue, tmp_path):
    with pytest.raises(Invalid, match=r"\.parquet"):
        export_catalogue(catalogue.rows(), tmp_path / "out.doc")
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(Conflict):
        export_catalogue(catalogue.rows(), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_an_interrupted_export_leaves_nothing(catalogue, tmp_path):
    def stop(_fraction, _words):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_catalogue(catalogue.rows(50), tmp_path / "out.csv", stop, 500)
    assert list(tmp_path.iterdir()) == []
