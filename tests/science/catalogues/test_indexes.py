"""Index files: found, described, and told from other files."""

from pathlib import Path

import pytest
from astropy.io import fits

from hven.science.catalogues.indexes import covered_widths, find_indexes

INSTALLED = Path("/usr/share/astrometry")


def write_index(path: Path, **cards: object) -> None:
    header = fits.Header()
    usual = {"INDEXID": 5204, "DIMQUADS": 4, "SCALE_L": 0.0024, "SCALE_U": 0.0033, "NSTARS": 10, "NQUADS": 20}
    for key, value in {**usual, "HEALPIX": 7, "HPNSIDE": 2, **cards}.items():
        header[key] = value
    fits.PrimaryHDU(header=header).writeto(path)


def test_an_index_is_described_by_its_header(tmp_path: Path) -> None:
    write_index(tmp_path / "a.fits")
    (index,) = find_indexes([tmp_path])
    assert (index.index_id, index.healpix, index.nside, index.stars_per_quad) == (5204, 7, 2, 4)
    assert index.quad_low_arcmin == pytest.approx(8.25, abs=0.01)
    assert "5200" in index.series
    assert index.field_low_deg < index.field_high_deg


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty.fits").write_bytes(b"")
    (tmp_path / "noise.fits").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "cut.fits").write_bytes(b"SIMPLE  =                    T")
    fits.PrimaryHDU().writeto(tmp_path / "image.fits")
    write_index(tmp_path / "wrong.fits", SCALE_L="wide")
    (tmp_path / "folder.fits").mkdir()
    (tmp_path / "index.txt").write_text("INDEXID")
    assert find_indexes([tmp_path, tmp_path / "missing"]) == ()
    assert covered_widths(()) is None


def test_a_file_in_two_folders_counts_once_and_the_widest_come_first(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    write_index(one / "a.fits")
    write_index(two / "a.fits")
    write_index(two / "b.fits", INDEXID=4119, SCALE_L=0.4, SCALE_U=0.6, HEALPIX=-1)
    found = find_indexes([one, two])
    assert [i.index_id for i in found] == [4119, 5204]
    assert found[1].path.parent == one


@pytest.mark.tycho2
def test_the_installed_series_is_known() -> None:
    found = find_indexes([INSTALLED])
    if not found:
        pytest.skip("no Tycho-2 index files are installed")
    by_id = {i.index_id: i for i in found}
    assert by_id[4110].quad_low_arcmin == pytest.approx(60, rel=0.01)
    assert by_id[4110].stars_per_quad == 4
    assert by_id[4111].stars_per_quad == 3
    low, high = covered_widths(found) or (0, 0)
    assert 0.3 < low < 1.0
    assert high > 60


def test_only_complete_sets_cover_the_whole_sky(tmp_path: Path) -> None:
    from hven.science.catalogues.indexes import whole_sky

    for tile in range(48):
        write_index(tmp_path / f"index-5204-{tile:02d}.fits", HEALPIX=tile)
    write_index(tmp_path / "index-5205-01.fits", INDEXID=5205, HEALPIX=1)
    write_index(tmp_path / "index-4110.fits", INDEXID=4110, HEALPIX=-1, HPNSIDE=0)
    write_index(tmp_path / "own-m31-02.fits", INDEXID=10012, HEALPIX=-1, HPNSIDE=0)
    assert {index.index_id for index in whole_sky(find_indexes([tmp_path]))} == {5204, 4110}
