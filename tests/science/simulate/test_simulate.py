"""The simulator's own truth: stars where it says, fluxes and noise as it says, the same frame for the same seed."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from hven.errors import Invalid
from hven.science.catalogues.reference import ReferenceStars, build_reference
from hven.science.simulate.exposure import _trail, simulate
from hven.science.simulate.field import density
from hven.science.simulate.psf import add_stars
from hven.science.simulate.spec import Spec
from hven.science.simulate.write import write_exposure

CALM = Spec(
    width=400, height=300, stars="random", random_stars=0, hot_pixels=0, cosmic_rays=0, gradient=0.0, read_noise_e=5.0
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ReferenceStars:
    folder = tmp_path_factory.mktemp("solver") / "reference"
    build_reference(folder, [])
    return ReferenceStars.open(folder)


@pytest.mark.parametrize("beta", [0.0, 2.5, 3.5])
@pytest.mark.parametrize("place", [(50.0, 50.0), (50.49, 49.51), (50.13, 50.87)])
def test_a_star_has_its_flux_and_its_centroid(beta: float, place: tuple[float, float]) -> None:
    image = np.zeros((101, 101))
    add_stars(image, *(np.array([v]) for v in (*place, 1e6)), fwhm_px=3.0, beta=beta, faint=0.001)
    rows, columns = np.indices(image.shape)
    assert image.sum() == pytest.approx(1e6, rel=0.02)
    assert (image * columns).sum() / image.sum() == pytest.approx(place[0], abs=0.01)
    assert (image * rows).sum() / image.sum() == pytest.approx(place[1], abs=0.01)


def test_a_star_over_the_edge_lends_its_wing_only() -> None:
    image = np.zeros((40, 40))
    add_stars(image, np.array([-3.0]), np.array([20.0]), np.array([1e5]), fwhm_px=4.0, beta=3.5, faint=0.01)
    assert 0 < image.sum() < 2e4
    assert image[:, 0].sum() > image[:, 5].sum() > 0


def test_the_empty_sky_has_the_level_and_the_noise_of_its_camera() -> None:
    data = simulate(CALM).data.astype(float)
    assert data.mean() == pytest.approx(500 + 250 / 1.5, rel=0.002)
    assert data.std() == pytest.approx(np.sqrt(250 + 25) / 1.5, rel=0.03)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(reference: ReferenceStars) -> None:
    spec = Spec(width=200, height=200, width_deg=10)
    first, second = simulate(spec, reference), simulate(spec, reference)
    assert np.array_equal(first.data, second.data)
    assert not np.array_equal(first.data, simulate(replace(spec, seed=2), reference).data)


def test_real_stars_stand_where_astropy_puts_the_catalogue(reference: ReferenceStars) -> None:
    spec = Spec(ra=0.3, dec=85.0, width=500, height=400, width_deg=10, orientation_deg=40, distortion=0.01)
    exposure = simulate(spec, reference)
    real = exposure.stars.taken(exposure.stars.catalogue == "gaia")
    header = fits.Header()
    header.update(exposure.wcs.to_cards())
    x, y = WCS(header).all_world2pix(real.ra, real.dec, 0, maxiter=50)
    assert len(real) > 100
    assert np.abs(x - real.x).max() < 1e-3
    assert np.abs(y - real.y).max() < 1e-3
    brightest = np.argmin(np.where(exposure.wcs.contains(real.ra, real.dec, -10), real.mag, 99))
    column, row = round(real.x[brightest]), round(real.y[brightest])
    assert exposure.data[row, column] > np.percentile(exposure.data, 99.9)


@pytest.mark.parametrize(("orientation", "parity"), [(0.0, -1), (33.0, 1), (-133.0, -1), (179.0, 1)])
def test_the_projection_has_the_orientation_and_parity_asked_for(orientation: float, parity: int) -> None:
    wcs = Spec(orientation_deg=orientation, parity=parity).wcs()
    assert wcs.parity == parity
    assert wcs.orientation_deg == pytest.approx(orientation)
    # "East of north, of rising rows": a step along the rows moves towards that position angle.
    ra, dec = wcs.to_sky(wcs.crpix[0], wcs.crpix[1] + 1)
    east, north = (ra - wcs.crval[0]) * np.cos(np.radians(wcs.crval[1])), dec - wcs.crval[1]
    assert np.degrees(np.arctan2(east, north)) == pytest.approx(orientation, abs=0.01)


def test_signal_to_noise_is_what_a_perfect_aperture_gets() -> None:
    spec = replace(CALM, random_stars=1, limit_mag=10.0)
    snrs, sums = [], []
    for seed in range(60):
        exposure = simulate(replace(spec, seed=seed))
        if not exposure.wcs.contains(exposure.stars.ra, exposure.stars.dec, -20)[0]:
            continue
        x, y = round(exposure.stars.x[0]), round(exposure.stars.y[0])
        stamp = exposure.data[y - 8 : y + 9, x - 8 : x + 9].astype(float) - (500 + 250 / 1.5)
        sums.append(stamp.sum() / exposure.flux_adu[0])
        snrs.append(exposure.snr[0])
    assert min(snrs) >= 4.9
    assert np.median(sums) == pytest.approx(0.97, abs=0.25)


def test_trails_are_as_long_as_asked_and_keep_the_light() -> None:
    spec = replace(CALM, random_stars=100, trail_px=30.0)
    kernel = _trail(spec)
    rows, columns = np.nonzero(kernel > kernel.max() / 3)
    assert np.hypot(np.ptp(rows), np.ptp(columns)) == pytest.approx(30, abs=2)
    assert np.degrees(np.arctan2(np.ptp(rows), np.ptp(columns))) == pytest.approx(30, abs=3)
    round_stars, trailed = simulate(replace(spec, trail_px=0.0)).data, simulate(spec).data
    assert trailed.max() < round_stars.max()
    assert trailed.astype(float).sum() == pytest.approx(round_stars.astype(float).sum(), rel=0.001)


def test_clouds_hot_pixels_and_cosmic_rays_leave_their_marks() -> None:
    cloudy = simulate(replace(CALM, clouds=0.9)).data
    assert np.ptp(cloudy[::20, ::20].astype(float)) > 80
    hit = simulate(replace(CALM, cosmic_rays=5))
    assert hit.cosmic_rays.sum() >= 5
    assert hit.data[hit.cosmic_rays].mean() > simulate(CALM).data.max()


def test_the_milky_way_is_denser_than_the_pole_and_more_so_for_faint_stars() -> None:
    assert density(10, 0) > density(10, 90) > 0
    assert density(18, 0) / density(18, 90) > density(10, 0) / density(10, 90)


@pytest.mark.parametrize(
    "wrong", [{"width": 4}, {"width_deg": 0}, {"dec": 91}, {"parity": 0}, {"fwhm_px": 0.1}, {"ra": float("nan")}]
)
def test_a_specification_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        Spec(**wrong)


def test_files_carry_the_frame_and_its_truth(tmp_path: Path, reference: ReferenceStars) -> None:
    exposure = simulate(Spec(width=100, height=80, width_deg=9, hints=True), reference)
    truth = json.loads(write_exposure(exposure, tmp_path / "a.fits").read_text())
    with fits.open(tmp_path / "a.fits") as hdus:
        assert np.array_equal(hdus[0].data, exposure.data)
        assert hdus[0].header["EXPTIME"] == 30.0
        assert "CRVAL1" not in hdus[0].header
        scale = 206.265 * hdus[0].header["XPIXSZ"] / hdus[0].header["FOCALLEN"]
    assert truth["scale_arcsec"] == pytest.approx(scale, rel=1e-3)
    assert truth["ra"] == pytest.approx(83.8)
    with (tmp_path / "a.fits.truth.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(exposure.stars)
    for name in ("b.jpg", "c.png", "d.tiff"):
        write_exposure(exposure, tmp_path / name)
        assert Image.open(tmp_path / name).size == (100, 80)
    with pytest.raises(Invalid, match=r"\.gif"):
        write_exposure(exposure, tmp_path / "e.gif")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1), ("hot_pixels", -5), ("cosmic_rays", -1), ("trail_px", float("nan")), ("trail_px", 1e9),
        ("clouds", 1.5), ("missing", -0.1), ("gain", 0.0), ("distortion", 3.0), ("limit_mag", float("inf")),
        ("exposure_s", -1.0), ("orientation_deg", float("nan")), ("random_stars", 10**9),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(Invalid, match=name):
        replace(CALM, **{name: value})
