"""Surveys' own archives: which images, undone scaling, masks, zero points; in the shapes that the archives document."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from tests.services import serving

from hven.errors import Invalid, NotFound, Unavailable
from hven.outside.ask import Asking, resting
from hven.outside.cones import DiskCache
from hven.outside.surveys import LegacySurvey, PanStarrs, bricks_at, points, ps1_files, read_image
from hven.science.sky.wcs import Wcs

SCALE = 0.25 / 3600
LIST = """projcell subcell ra dec filter mjd type filename shortname badflag
1784 59 150.0 2.2 r 0 stack /rings.v3.skycell/1784/059/rings.v3.skycell.1784.059.stk.r.unconv.fits short.fits 0
"""


@pytest.fixture(autouse=True)
def _rested():
    resting.clear()


@pytest.fixture
def cache(tmp_path):
    return DiskCache(tmp_path / "cache", 10**9)


@pytest.fixture
def wcs():
    return Wcs((150.0, 2.2), (49.5, 49.5), ((-2e-4, 0.0), (0.0, 2e-4)), 100, 100)


def ps1_fits(values, *, exposure=100.0, ra=150.0, dec=2.2, packed=True):
    """A stack as the archive has it: inverse hyperbolic sines, PC00100j, the image in a compressed HDU."""
    header = fits.Header()
    height, width = values.shape
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CRPIX1"], header["CRPIX2"] = (width + 1) / 2, (height + 1) / 2
    header["CDELT1"], header["CDELT2"] = SCALE, SCALE
    header["PC001001"], header["PC001002"], header["PC002001"], header["PC002002"] = -1.0, 0.0, 0.0, 1.0
    header["EXPTIME"] = exposure
    if packed:
        header["BOFFSET"], header["BSOFTEN"] = 0.5, 20.0
        values = 1.0857362 * np.arcsinh((values - 0.5) / (2 * 20.0))
    stream = io.BytesIO()
    image = fits.CompImageHDU(values.astype(np.float32), header, quantize_level=0.0, compression_type="GZIP_1")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(stream)
    return stream.getvalue()


def test_points_lie_close_enough_for_any_cell(wcs):
    assert len(points(wcs)) == 4
    wide = Wcs((150.0, 2.2), (499.5, 499.5), ((-1e-3, 0.0), (0.0, 1e-3)), 1000, 1000)
    places = points(wide)
    assert len(places) >= 49
    with pytest.raises(Unavailable, match="too wide"):
        points(Wcs((150.0, 2.2), (499.5, 499.5), ((-0.02, 0.0), (0.0, 0.02)), 1000, 1000))


def test_the_list_of_files_is_read_by_its_columns():
    assert list(ps1_files(LIST)) == ["1784.059"]
    assert ps1_files(LIST.splitlines()[0]) == {}
    for wrong in ("", "<html>", "a b c\n1 2 3\n"):
        with pytest.raises(Invalid):
            ps1_files(wrong)
    assert ps1_files(LIST.replace("/rings.v3.skycell/1784/059/", "/../../etc/")) == {}


def test_stacks_come_linear_on_one_zero_point_with_their_mask(wcs, cache):
    rng = np.random.default_rng(1)
    flux = rng.normal(1000.0, 50.0, (40, 60))
    flags = np.zeros((40, 60), np.int32)
    flags[3, 4], flags[5, 6], flags[7, 8] = 0x20, 0x80, 0x8  # saturated, suspected only, blank
    mask = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(flags, fits.open(io.BytesIO(ps1_fits(flux)))[1].header)])
    stream = io.BytesIO()
    mask.writeto(stream)
    routes = {
        "/cgi-bin/ps1filenames.py": LIST,
        "/rings.v3.skycell/1784/059/rings.v3.skycell.1784.059.stk.r.unconv.fits": ps1_fits(flux),
        "/rings.v3.skycell/1784/059/rings.v3.skycell.1784.059.stk.r.unconv.mask.fits": stream.getvalue(),
    }
    said = []
    with serving(routes) as service:
        survey = PanStarrs(service.url)
        [image] = survey.template("r", wcs, Asking(trusted=service.url), cache, said.append)
        asked = len(service.asked)
        assert {"filters": "r", "type": "stack"}.items() <= service.asked[0][1].items()
        list(survey.template("r", wcs, Asking(trusted=service.url), cache, said.append))
        assert len(service.asked) == asked  # all of it is kept
    np.testing.assert_allclose(image.data, flux / 100.0, rtol=1e-4)
    assert sorted(zip(*np.nonzero(image.mask), strict=True)) == [(3, 4), (7, 8)]
    assert image.wcs.scale_arcsec == pytest.approx(0.25)
    assert image.wcs.parity == -1
    assert "1 sky cells" in said[0]


def test_a_stack_without_its_mask_is_used_and_said(wcs, cache):
    stack = "/rings.v3.skycell/1784/059/rings.v3.skycell.1784.059.stk.r.unconv.fits"
    routes = {"/cgi-bin/ps1filenames.py": LIST, stack: ps1_fits(np.ones((10, 10)))}
    said = []
    with serving(routes) as service:
        [image] = PanStarrs(service.url).template("r", wcs, Asking(trusted=service.url), cache, said.append)
    assert not image.mask.any()
    assert "without its mask" in said[1]


def test_where_pan_starrs_has_nothing_it_is_told(wcs, cache):
    with serving({"/cgi-bin/ps1filenames.py": LIST.splitlines()[0] + "\n"}) as service, pytest.raises(NotFound):
        list(PanStarrs(service.url).template("r", wcs, Asking(trusted=service.url), cache, print))


def bricks():
    table = Table(
        {
            "BRICKNAME": ["1499p020", "1501p020", "1499p022", "1501p022"],
            "RA1": [149.875 - 0.125, 150.0, 149.75, 150.0],
            "RA2": [150.0, 150.25, 150.0, 150.25],
            "DEC1": [2.0, 2.0, 2.2, 2.2],
            "DEC2": [2.2, 2.2, 2.4, 2.4],
        }
    )
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.table_to_hdu(table)]).writeto(stream)
    return gzip.compress(stream.getvalue())


def brick_fits(values, dtype=np.float32):
    header = fits.Header()
    for name, value in Wcs((150.1, 2.1), (9.5, 9.5), ((-7e-5, 0), (0, 7e-5)), 20, 20).to_cards().items():
        header[name] = value
    stream = io.BytesIO()
    image = fits.CompImageHDU(
        values.astype(dtype),
        header,
        **({"quantize_level": 0.0, "compression_type": "GZIP_1"} if dtype == np.float32 else {}),
    )
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(stream)
    return stream.getvalue()


def test_bricks_are_found_by_their_bounds(tmp_path):
    (tmp_path / "b.gz").write_bytes(bricks())
    assert bricks_at(tmp_path / "b.gz", [(149.9, 2.1), (150.1, 2.3), (150.2, 2.39)]) == ["1499p020", "1501p022"]
    assert bricks_at(tmp_path / "b.gz", [(10, 10)]) == []


def test_bricks_come_on_our_zero_point_with_the_bands_own_mask(wcs, cache):
    flags = np.zeros((20, 20), np.int16)
    flags[1, 1], flags[2, 2], flags[3, 3] = 0x8, 0x4, 0x40  # r saturated, g saturated, r masked in all
    values = np.full((20, 20), 10.0)
    values[5, 5] = 0.0
    south = "/dr10/south/coadd/150/1501p020/legacysurvey-1501p020"
    north = "/dr9/north/coadd/149/1499p022/legacysurvey-1499p022"
    routes = {
        "/dr10/survey-bricks.fits.gz": bricks(),
        f"{south}-image-r.fits.fz": brick_fits(values),
        f"{south}-maskbits.fits.fz": brick_fits(flags, np.int16),
        f"{north}-image-r.fits.fz": brick_fits(values),
    }
    said = []
    frame = Wcs((150.0, 2.2), (499.5, 499.5), ((-2e-4, 0.0), (0.0, 2e-4)), 1000, 1000)
    with serving(routes) as service:
        images = list(LegacySurvey(service.url).template("r", frame, Asking(trusted=service.url), cache, said.append))
    assert sorted(image.name for image in images) == ["brick 1499p022", "brick 1501p020"]
    with_mask = next(image for image in images if image.name == "brick 1501p020")
    assert with_mask.data[10, 10] == pytest.approx(10 * 10 ** (0.4 * 2.5))
    assert sorted(zip(*np.nonzero(with_mask.mask), strict=True)) == [(1, 1), (3, 3), (5, 5)]
    assert said[-1] == "Legacy Survey: 2 of 4 bricks have r"


def test_where_the_legacy_survey_has_nothing_it_is_told(wcs, cache):
    with serving({"/dr10/survey-bricks.fits.gz": bricks()}) as service, pytest.raises(NotFound, match="no z images"):
        list(LegacySurvey(service.url).template("z", wcs, Asking(trusted=service.url), cache, print))


def test_without_a_network_surveys_are_unavailable(wcs, cache):
    for survey in (PanStarrs("https://stsci.example.invalid"), LegacySurvey("https://nersc.example.invalid")):
        with pytest.raises(Unavailable):
            list(survey.template("r", wcs, Asking(time_limit_s=5), cache, print))
    assert not cache.folder.exists() or list(cache.folder.iterdir()) == []


def test_files_that_are_no_images_are_told(tmp_path):
    (tmp_path / "page.fits").write_bytes(b"<html>error</html>" * 200)
    with pytest.raises(Invalid, match="no FITS image"):
        read_image(tmp_path / "page.fits", "it")
    fits.PrimaryHDU(np.zeros((5, 5))).writeto(tmp_path / "bare.fits")
    with pytest.raises(Invalid, match="gnomonic"):
        read_image(tmp_path / "bare.fits", "it")
