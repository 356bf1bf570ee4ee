"""Templates: on the frame's own grid, flux kept, from this machine first, then from the survey that was named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from hven.config.folders import Folders
from hven.errors import Conflict, Invalid, NotFound, Unavailable
from hven.imaging.services import templates
from hven.imaging.services.template_grid import aligned, coverage
from hven.outside import hips, surveys
from hven.outside.ask import resting
from hven.outside.surveys import SurveyImage
from hven.science.sky.wcs import Wcs
from tests.outside.test_surveys import ps1_fits
from tests.services import serving

FRAME = Wcs((150.0, 2.2), (59.5, 49.5), ((-2e-4, 3e-5), (3e-5, 2e-4)), 120, 100)


@pytest.fixture
def place(settings, tmp_path):
    settings.HVEN_FOLDERS = Folders(tmp_path / "data")
    settings.HVEN_FOLDERS.make()
    settings.HVEN_OUTSIDE = True
    settings.HVEN_OUTSIDE_TIME_LIMIT = 5.0
    settings.HVEN_OUTSIDE_CACHE = 10**8
    settings.HVEN_VIZIER_URL = "https://vizier.example.invalid"
    resting.clear()
    yield tmp_path
    resting.clear()


def stars(wcs, width_arcsec=2.5, flux=1000.0, seed=1):
    """Round stars of one flux at fixed places on the sky around the frame's middle, drawn on a projection's grid."""
    rng = np.random.default_rng(seed)
    x, y = FRAME.to_sky(rng.uniform(15, 105, 12), rng.uniform(15, 85, 12))
    sigma = width_arcsec / 2.3548 / wcs.scale_arcsec
    data = np.zeros((wcs.height, wcs.width))
    columns, rows = np.meshgrid(np.arange(wcs.width), np.arange(wcs.height))
    for u, v in zip(*wcs.to_pixel(x, y), strict=True):
        data += flux / (2 * np.pi * sigma**2) * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * sigma**2))
    return data


def survey_grid(scale_arcsec, size=500, angle=20.0):
    cosine, sine = np.cos(np.radians(angle)) * scale_arcsec / 3600, np.sin(np.radians(angle)) * scale_arcsec / 3600
    return Wcs((150.001, 2.199), ((size - 1) / 2,) * 2, ((-cosine, sine), (sine, cosine)), size, size)


def image_on(grid, **more):
    data = stars(grid, **more).astype(np.float32)
    return SurveyImage(data, np.zeros(data.shape, bool), grid, "it")


def write(path, wcs, data, **cards):
    header = fits.Header()
    for name, value in (wcs.to_cards() | cards).items():
        header[name] = value
    fits.writeto(path, data.astype(np.float32), header)
    return path


# --- the grid ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.2, 0.25, 0.5, 0.72])
def test_stars_land_where_they_are_with_their_flux(scale):
    flux, mask = aligned([image_on(survey_grid(scale, 700))], FRAME)
    direct = stars(FRAME)
    if scale * 700 > 100:
        assert not mask[20:80, 20:100].any()
    inside = np.s_[20:80, 20:100]
    # bins of finer pixels widen stars a little; positions and fluxes stay
    assert np.abs(flux[inside] - direct[inside]).max() < 0.08 * direct.max()
    assert flux[inside].sum() == pytest.approx(direct[inside].sum(), rel=0.01)
    rows, columns = np.indices(flux.shape)
    for axis in (rows, columns):
        there, here = (np.sum(axis[inside] * image[inside]) / np.sum(image[inside]) for image in (direct, flux))
        assert here == pytest.approx(there, abs=0.05)


def test_a_distorted_frame_gets_its_template_distorted():
    sip = np.zeros((3, 3))
    sip[2, 0] = 4e-4
    bent = replace(FRAME, sip_a=sip, sip_b=sip)
    flux, _ = aligned([image_on(survey_grid(0.5, 400))], bent)
    direct = stars(bent)
    assert np.abs(flux - direct)[20:80, 20:100].max() < 0.08 * direct.max()


def test_gaps_are_masked_and_filled_by_another_image():
    grid = survey_grid(0.5, 400)
    whole = image_on(grid)
    holed = SurveyImage(whole.data, np.zeros(whole.mask.shape, bool), grid, "holed")
    holed.mask[150:250, 150:250] = True
    flux, mask = aligned([holed], FRAME)
    assert 0.05 < mask.mean() < 0.9
    assert np.all(flux[mask] == 0)
    both, mask = aligned([holed, whole], FRAME)
    alone, _ = aligned([whole], FRAME)
    assert not mask[20:80, 20:100].any()
    np.testing.assert_allclose(both[20:80, 20:100], alone[20:80, 20:100], atol=0.05 * alone.max())


def test_missing_numbers_do_no_harm():
    image = image_on(survey_grid(0.25, 600))
    image.data[300, 300] = np.nan
    image.mask[300, 300] = True
    flux, mask = aligned([image], FRAME)
    assert np.isfinite(flux).all()
    assert mask.mean() < 0.5


def test_coverage_is_the_share_of_the_frame():
    assert coverage(survey_grid(0.5, 600), FRAME) == 1.0
    assert 0.1 < coverage(survey_grid(0.5, 80), FRAME) < 0.6
    assert coverage(replace(FRAME, crval=(10.0, 10.0)), FRAME) == 0.0


# --- this machine -----------------------------------------------------------------------------------------------------


def test_a_stored_template_serves_before_any_survey(place):
    grid = survey_grid(0.5, 400)
    stored = templates.add_template(write(place / "deep.fits", grid, stars(grid), FILTER="SDSS r"), fwhm_arcsec=2.5)
    assert (stored.name, stored.filter) == ("deep", "r")
    assert (stored.ra, stored.dec) == pytest.approx((150.001, 2.199), abs=1e-3)
    said = []
    found = templates.template_for(FRAME, "R", "ps1", log=said.append)
    assert found.source == "the template deep on this machine"
    assert found.data.shape == (100, 120)
    assert (found.fwhm_arcsec, found.filter) == (2.5, "r")
    assert said == ["Template: the template deep on this machine, which covers 100 % of the frame."]


def test_the_better_of_several_is_taken(place):
    grid = survey_grid(0.5, 400)
    data = stars(grid)
    templates.add_template(write(place / "blurred.fits", grid, data), filter_name="r", fwhm_arcsec=4.0)
    templates.add_template(write(place / "sharp.fits", grid, data), filter_name="r", fwhm_arcsec=2.0)
    templates.add_template(write(place / "green.fits", grid, data), filter_name="g", fwhm_arcsec=1.0)
    small = survey_grid(0.5, 120)
    templates.add_template(write(place / "small.fits", small, stars(small)), filter_name="r", fwhm_arcsec=1.0)
    assert "sharp" in templates.template_for(FRAME, "r", log=print).source
    assert "green" in templates.template_for(FRAME, "g", log=print).source
    assert "small" in templates.template_for(FRAME, "r", "small", log=print).source
    with pytest.raises(Unavailable, match="covers this frame in z"):
        templates.template_for(FRAME, "z", "custom", log=print)


def test_a_template_of_a_corner_does_not_keep_a_survey_from_the_rest(sky, place):
    corner = replace(survey_grid(0.5, 60), crval=FRAME.to_sky(5, 5))
    corner = replace(corner, crval=tuple(float(angle) for angle in corner.crval))
    templates.add_template(write(place / "corner.fits", corner, stars(corner)), filter_name="r")
    assert "Survey" in templates.template_for(FRAME, "r", "des", log=print).source
    assert "corner" in templates.template_for(FRAME, "r", "corner", log=print).source


def test_what_is_no_template_is_told_and_leaves_nothing(place):
    (place / "text.fits").write_text("no image")
    fits.writeto(place / "bare.fits", np.zeros((5, 5)))
    for path, words in (
        (place / "text.fits", "no FITS"),
        (place / "bare.fits", "gnomonic"),
        (place / "none", "no file"),
    ):
        with pytest.raises(Invalid, match=words):
            templates.add_template(path)
    good = write(place / "good.fits", FRAME, stars(FRAME))
    for more, words in (
        ({"name": "a/b"}, "letters"),
        ({"name": "ps1"}, "survey"),
        ({"filter_name": "Q"}, "no filter"),
        ({"fwhm_arcsec": -1.0}, "above zero"),
    ):
        with pytest.raises(Invalid, match=words):
            templates.add_template(good, **more)
    assert not templates.folder().exists() or list(templates.folder().iterdir()) == []
    templates.add_template(good)
    with pytest.raises(Conflict):
        templates.add_template(good)


def test_a_removed_template_is_gone_and_told(place):
    templates.add_template(write(place / "one.fits", FRAME, stars(FRAME)))
    (templates.folder() / "one" / "template.fits").unlink()  # as under a reader
    with pytest.raises(NotFound, match="removed"):
        templates.template_for(FRAME, "r", "one", log=print)
    assert templates.remove_template("one").name == "one"
    assert templates.stored_templates() == []
    with pytest.raises(Invalid, match="ask for auto, custom, ps1"):
        templates.template_for(FRAME, "r", "one", log=print)
    with pytest.raises(NotFound):
        templates.remove_template("one")


# --- surveys -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sky(place, settings, monkeypatch):
    """The archives of Pan-STARRS and of CDS's HiPS on loopback."""

    def cut(_path, parameters):
        cards = json.loads(parameters["wcs"])
        grid = Wcs.from_cards(cards, cards["NAXIS1"], cards["NAXIS2"])
        write(place / "cut.fits", grid, stars(grid))
        content = (place / "cut.fits").read_bytes()
        (place / "cut.fits").unlink()
        return content

    def stack(path, _parameters):
        if ".mask." in path:
            return 404
        grid = Wcs((150.0, 2.2), (299.5, 299.5), ((-0.25 / 3600, 0.0), (0.0, 0.25 / 3600)), 600, 600)
        return ps1_fits(stars(grid) * 100.0)

    listing = (
        "projcell subcell ra dec filter mjd type filename shortname badflag\n"
        "1784 59 150.0 2.2 r 0 stack /rings/rings.v3.skycell.1784.059.stk.r.unconv.fits s.fits 0\n"
    )
    with serving({"/hips": cut, "/cgi-bin/ps1filenames.py": listing, "/rings/": stack}) as found:
        settings.HVEN_VIZIER_URL = found.url  # which makes this server one that the operator named
        monkeypatch.setattr(hips.cut, "__kwdefaults__", {"address": f"{found.url}/hips"})
        archives = {"ps1": surveys.PanStarrs(found.url), "ls": surveys.LegacySurvey(found.url)}
        monkeypatch.setattr(templates, "ARCHIVES", archives)
        yield found


def test_a_hips_is_cut_on_the_frames_grid_and_kept(sky):
    said = []
    found = templates.template_for(FRAME, "r", "des", log=said.append)
    direct = stars(FRAME)
    assert np.abs(found.data - direct).max() < 0.02 * direct.max()
    assert found.covered == 1.0
    assert (found.source, found.zero_point_mag) == ("Dark Energy Survey DR2 (HiPS)", None)
    assert said[-1].startswith("Template: Dark Energy Survey DR2 (HiPS) in r")
    templates.template_for(FRAME, "r", "des", log=print)
    assert len(sky.asked) == 1
    assert sky.asked[0][1]["hips"] == "CDS/P/DES-DR2/r"


def test_sky_cells_come_on_one_zero_point(sky):
    found = templates.template_for(FRAME, "r", "auto", log=print)
    assert (found.source, found.zero_point_mag) == ("Pan-STARRS DR2", 25.0)
    direct = stars(FRAME)
    assert found.data[20:80, 20:100].sum() == pytest.approx(direct[20:80, 20:100].sum(), rel=0.02)


def test_a_band_that_a_survey_lacks_has_a_stand_in_or_is_told(sky):
    said = []
    found = templates.template_for(FRAME, "R", "ps1", log=said.append)
    assert found.filter == "r"
    assert "Pan-STARRS DR2 has no R; r stands in." in said
    with pytest.raises(Unavailable, match="no images in u"):
        templates.template_for(FRAME, "u", "ps1", log=print)
    with pytest.raises(Unavailable, match="does not reach"):
        templates.template_for(replace(FRAME, crval=(150.0, 60.0)), "r", "des", log=print)


def test_a_page_of_error_is_not_kept_as_a_cut(sky):
    sky.routes["/hips"] = b"<html>busy</html>"
    for _ in range(2):
        with pytest.raises(Unavailable, match="no FITS image"):
            templates.template_for(FRAME, "r", "des", log=print)
    assert len(sky.asked) == 2


def test_without_services_all_reasons_are_told(place, settings):
    settings.HVEN_OUTSIDE = False
    with pytest.raises(Unavailable, match=r"No template on this machine covers most.*HVEN_OUTSIDE"):
        templates.template_for(FRAME, "r", "auto", log=print)
    with pytest.raises(Invalid, match="fisheye"):
        templates.template_for(replace(FRAME, radial=(0.0, 1.0)), "r", log=print)
