"""The projection, against astropy's, and the numbers that the nova API defines."""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.science.sky import zenithal
from hven.science.sky.wcs import Wcs


def header_of(wcs: Wcs) -> fits.Header:
    header = fits.Header()
    for key, value in wcs.to_cards().items():
        header[key] = value
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, wcs.width, wcs.height
    return header


def astropy_of(wcs: Wcs) -> WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return WCS(header_of(wcs))


def rolled(
    ra: float, dec: float, scale: float, roll: float, *, mirrored: bool = False, width: int = 1200, height: int = 900
) -> Wcs:
    c, s = scale / 3600 * np.cos(np.radians(roll)), scale / 3600 * np.sin(np.radians(roll))
    cd = ((c, s), (s, -c)) if mirrored else ((c, -s), (s, c))
    return Wcs((ra, dec), (width / 2 - 7.25, height / 2 + 3.5), cd, width, height)


def with_sip(wcs: Wcs) -> Wcs:
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[2, 0], a[1, 1], a[0, 2], a[3, 0], a[1, 2] = 2e-6, -1e-6, 5e-7, 3e-9, 3e-9
    b[2, 0], b[1, 1], b[0, 2], b[0, 3], b[2, 1] = -1e-6, 2e-6, 8e-7, 3e-9, 3e-9
    return Wcs(wcs.crval, wcs.crpix, wcs.cd, wcs.width, wcs.height, sip_a=a, sip_b=b)


CASES = [
    rolled(170, 13, 1.09, 105), rolled(0.01, -5, 20, -30, mirrored=True), rolled(359.99, 60, 3, 180),
    rolled(30, 89.9, 15, 10), rolled(100, -90, 40, 250, mirrored=True), rolled(200, 45, 120, 77),
]  # fmt: skip


@pytest.mark.parametrize("sip", [False, True])
@pytest.mark.parametrize("wcs", CASES)
def test_sky_and_pixels_are_those_of_astropy(wcs, sip):
    wcs = with_sip(wcs) if sip else wcs
    other = astropy_of(wcs)
    x, y = (v.ravel() for v in np.meshgrid(np.linspace(-50, 1250, 14), np.linspace(-50, 950, 11)))
    ra, dec = wcs.to_sky(x, y)
    expected_ra, expected_dec = other.all_pix2world(x, y, 0)
    np.testing.assert_allclose(dec, expected_dec, atol=1e-9)
    np.testing.assert_allclose(((ra - expected_ra + 180) % 360 - 180) * np.cos(np.radians(dec)), 0, atol=1e-9)
    back_x, back_y = wcs.to_pixel(ra, dec)
    np.testing.assert_allclose(back_x, x, atol=1e-4)
    np.testing.assert_allclose(back_y, y, atol=1e-4)


@pytest.mark.parametrize("sip", [False, True])
@pytest.mark.parametrize("wcs", CASES)
def test_cards_lead_back_to_the_projection(wcs, sip):
    wcs = with_sip(wcs) if sip else wcs
    again = Wcs.from_cards(wcs.to_cards(), wcs.width, wcs.height)
    np.testing.assert_allclose(again.to_sky([0, 500, 1199], [0, 100, 899]), wcs.to_sky([0, 500, 1199], [0, 100, 899]))
    assert (again.crval, again.crpix, again.cd) == (wcs.crval, wcs.crpix, wcs.cd)


def test_positions_on_the_far_side_have_no_pixel():
    wcs = rolled(10, 20, 10, 0)
    x, y = wcs.to_pixel([190, 10, 101], [-20, -70.1, 0])
    assert np.isnan(x).all()
    assert np.isnan(y).all()
    assert not wcs.contains([190], [-20]).any()


@pytest.mark.filterwarnings("error")
def test_a_distorted_projection_is_silent_about_positions_that_have_no_pixel():
    x, _ = with_sip(rolled(10, 20, 10, 0)).to_pixel([190.0, 200.0], [-20.0, -30.0])
    assert np.isnan(x).all()


def test_a_distorted_projection_does_not_fold_the_far_sky_onto_the_frame():
    wcs = with_sip(rolled(10, 20, 60, 0))
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 4000), np.degrees(np.arcsin(rng.uniform(-1, 1, 4000)))
    linear = wcs.linear()
    inside = wcs.contains(ra, dec)
    assert not (inside & ~linear.contains(ra, dec, margin=60)).any()
    assert inside.any()


@pytest.mark.parametrize(
    ("cd", "parity", "orientation"),
    [
        (((-1e-4, 0.0), (0.0, 1e-4)), -1, 0.0),  # north along rising rows, east to the left
        (((1e-4, 0.0), (0.0, 1e-4)), 1, 0.0),
        (((-1e-4, 0.0), (0.0, -1e-4)), 1, 180.0),  # an ordinary picture with rows from the top
        (((0.0, 1e-4), (1e-4, 0.0)), -1, 90.0),
    ],
)
def test_parity_and_orientation(cd, parity, orientation):
    wcs = Wcs((10, 20), (50, 40), cd, 100, 80)
    assert wcs.parity == parity
    assert wcs.scale_arcsec == pytest.approx(0.36)
    assert abs(wcs.orientation_deg) == pytest.approx(abs(orientation))
    # the direction of rising rows, measured on the sky from north over east
    ra, dec = wcs.to_sky([50, 50], [40, 40.5])
    east, north = (ra[1] - ra[0]) * np.cos(np.radians(20)), dec[1] - dec[0]
    turned = np.degrees(np.arctan2(east, north))
    assert (turned - wcs.orientation_deg + 180) % 360 - 180 == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("roll", [0, 33, 90, 145, 200, 359])
@pytest.mark.parametrize("mirrored", [False, True])
def test_orientation_is_the_angle_of_rising_rows_on_the_sky(roll, mirrored):
    wcs = rolled(150, 0, 1, roll, mirrored=mirrored)
    ra, dec = wcs.to_sky([wcs.crpix[0]] * 2, [wcs.crpix[1], wcs.crpix[1] + 1])
    turned = np.degrees(np.arctan2(ra[1] - ra[0], dec[1] - dec[0]))
    assert (turned - wcs.orientation_deg + 180) % 360 - 180 == pytest.approx(0, abs=1e-3)


def test_radius_and_centre_are_those_of_the_seed():
    wcs = Wcs((10, 20), (49.5, 39.5), ((-1e-3, 0.0), (0.0, 1e-3)), 100, 80)
    assert wcs.centre == pytest.approx((10, 20))
    assert wcs.radius_deg == pytest.approx(np.hypot(100, 80) / 2 * 1e-3)


@pytest.mark.parametrize("factor", [2, 4, 0.5])
def test_binning_keeps_the_sky_where_it_is(factor):
    wcs = with_sip(rolled(30, 40, 8, 20))
    other = wcs.binned_to(factor)
    x, y = np.array([0.0, 300, 1100]), np.array([0.0, 500, 800])
    ra, dec = wcs.to_sky(x, y)
    px, py = other.to_pixel(ra, dec)
    np.testing.assert_allclose((px + 0.5) / factor - 0.5, x, atol=1e-4)
    np.testing.assert_allclose((py + 0.5) / factor - 0.5, y, atol=1e-4)


@pytest.mark.parametrize(
    "cards",
    [
        {"CDELT1": -1e-3, "CDELT2": 1e-3},
        {"CDELT1": -1e-3, "CDELT2": 2e-3, "CROTA2": 30.0},
        {"CDELT1": -1e-3, "CDELT2": 1e-3, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8},
        {"CDELT1": -1e-3, "CDELT2": 1e-3, "PC1_2": 0.1},
        {"CD1_1": -1e-3, "CD2_2": 1e-3},
    ],
)
def test_older_ways_to_write_the_matrix_are_read_as_astropy_reads_them(cards):
    base = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 30.0, "CRPIX1": 60.0, "CRPIX2": 30.0}
    header = fits.Header({**base, **cards, "CUNIT1": "deg", "CUNIT2": "deg"})
    wcs = Wcs.from_cards({**base, **cards}, 100, 80)
    x, y = np.array([0.0, 10, 99]), np.array([0.0, 70, 79])
    np.testing.assert_allclose(wcs.to_sky(x, y), WCS(header).all_pix2world(x, y, 0), atol=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"CTYPE1": "LINEAR"}, {"CTYPE1": None}, {"CRVAL1": "x"}, {"CRVAL1": float("nan")}, {"CRVAL2": 95.0},
        {"CRPIX1": None}, {"CD1_1": 0.0, "CD2_2": 0.0}, {"CD1_1": float("inf")}, {"CTYPE2": "DEC--SIN"},
    ],
)  # fmt: skip
def test_cards_that_give_no_projection_give_none(change):
    cards = {**rolled(10, 20, 1, 0).to_cards(), **change}
    assert Wcs.from_cards(cards, 100, 80) is None


def test_half_a_distortion_is_left_out():
    cards = with_sip(rolled(10, 20, 1, 0)).to_cards()
    del cards["B_ORDER"]
    wcs = Wcs.from_cards(cards, 1200, 900)
    assert wcs.sip_a is None
    assert wcs.sip_b is None


@pytest.mark.parametrize(
    "odd",
    [
        {"CDELT1": 0.0, "CDELT2": 1.0, "CROTA2": 10.0},
        {"CDELT1": 1.0, "CDELT2": 0.0},
        {"CD1_1": 0.0},
        {"CD1_1": 1.0, "CD2_2": 1.0, "CRVAL2": 99.0},
        {"CD1_1": 1.0, "CD2_2": 1.0, "CRPIX1": "middle"},
        {"CD1_1": 1.0, "CD2_2": 1.0, "CTYPE1": "RA---TAN-SIP", "A_ORDER": float("inf")},
    ],
)
def test_cards_of_hostile_headers_give_no_projection(odd: dict[str, object]) -> None:
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 1.0, "CRVAL2": 2.0, "CRPIX1": 5.0, "CRPIX2": 5.0}
    assert Wcs.from_cards(cards | odd, 10, 10) is None


def test_a_distortion_that_is_no_number_is_left_out() -> None:
    cards = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 1.0, "CRVAL2": 2.0, "CRPIX1": 5.0,
             "CRPIX2": 5.0, "CD1_1": -1.0, "CD2_2": 1.0, "A_ORDER": 2, "B_ORDER": 2, "A_2_0": "nan"}  # fmt: skip
    found = Wcs.from_cards(cards, 10, 10)
    assert found is not None
    assert found.sip_a is None
    assert found.sip_b is None


LENSES = {
    "equidistant": zenithal.EQUIDISTANT,
    "equisolid": zenithal.EQUISOLID,
    "bent": (0.0, 1.0, 0.0, -0.05, 0.0, 0.002),
}


def fisheye(radial: tuple[float, ...]) -> Wcs:
    plain = rolled(120.0, 35.0, 500.0, 17.0)
    return Wcs(plain.crval, plain.crpix, plain.cd, plain.width, plain.height, radial=radial)


@pytest.mark.parametrize("lens", LENSES)
def test_a_fisheye_agrees_with_astropy_over_the_whole_sky(lens: str) -> None:
    wcs = fisheye(LENSES[lens])
    x, y = np.random.default_rng(1).uniform((0, 0), (wcs.width, wcs.height), (400, 2)).T
    ra, dec = wcs.to_sky(x, y)
    assert np.all(np.isfinite(ra))
    assert np.abs(np.stack(wcs.to_pixel(ra, dec)) - np.stack([x, y])).max() < 1e-8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = astropy_of(wcs).all_world2pix(ra, dec, 0)
    assert np.abs(np.stack(theirs) - np.stack([x, y])).max() < 1e-6


@pytest.mark.parametrize("lens", LENSES)
def test_a_fisheye_survives_its_cards(lens: str) -> None:
    wcs = fisheye(LENSES[lens])
    again = Wcs.from_cards(wcs.to_cards(), wcs.width, wcs.height)
    assert again == wcs


def test_an_arc_projection_is_an_equidistant_fisheye() -> None:
    wcs = fisheye(zenithal.EQUIDISTANT)
    cards = wcs.to_cards() | {"CTYPE1": "RA---ARC", "CTYPE2": "DEC--ARC"}
    assert Wcs.from_cards(cards, wcs.width, wcs.height) == wcs


def test_what_a_lens_cannot_see_has_no_pixel() -> None:
    folded = (0.0, 1.0, 0.0, -1 / 3)  # stops growing at one radian
    wcs = fisheye(folded)
    x, y = wcs.to_pixel(120.0, 35.0 - 70.0)
    assert np.isnan(x) and np.isnan(y)
    ra, _ = wcs.to_sky(0.0, 0.0)
    assert np.isnan(ra)


@pytest.mark.parametrize("cards", [{"PV2_0": 0.1}, {"PV2_1": 0.5}, {"PV2_1": "x"}])
def test_a_lens_with_another_slope_at_its_axis_is_not_read(cards: dict[str, object]) -> None:
    wcs = fisheye(zenithal.EQUIDISTANT)
    assert Wcs.from_cards(wcs.to_cards() | cards, wcs.width, wcs.height) is None
