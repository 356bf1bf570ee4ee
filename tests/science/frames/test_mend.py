"""The working copy: repair, cut, destripe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from hven.errors import Invalid
from hven.science.frames.mend import crop, destripe, repair, write_plane
from hven.science.frames.read import read_frame


def written(path: Path, data: np.ndarray, **cards: object) -> Path:
    header = fits.Header()
    for name, value in cards.items():
        header[name.replace("__", "-")] = value
    fits.PrimaryHDU(data, header).writeto(path)
    return path


def test_numbers_that_stand_as_text_become_numbers(tmp_path: Path) -> None:
    source = written(tmp_path / "a.fits", np.zeros((8, 9), np.int16), GAIN=" 1.5 ", SATURATE="30000", EXPTIME="long")
    said = repair(source, tmp_path / "b.fits")
    header = fits.getheader(tmp_path / "b.fits")
    assert (header["GAIN"], header["SATURATE"], header["EXPTIME"]) == (1.5, 30000, "long")
    assert [line for line in said if "GAIN" in line] and not [line for line in said if "EXPTIME" in line]
    assert fits.getdata(tmp_path / "b.fits").dtype == np.dtype(">i2")


def test_a_distortion_by_pv_terms_gets_the_projection_that_has_them(tmp_path: Path) -> None:
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "PV1_5": 0.1, "PV2_5": 0.1, "WAT1_001": "x", "LTV1": -3.0}
    source = written(tmp_path / "a.fits", np.zeros((8, 9), np.float32), **cards)
    repair(source, tmp_path / "b.fits")
    header = fits.getheader(tmp_path / "b.fits")
    assert (header["CTYPE1"], header["CTYPE2"]) == ("RA---TPV", "DEC--TPV")
    assert "WAT1_001" not in header and "LTV1" not in header


def test_a_header_in_order_is_left_alone(tmp_path: Path) -> None:
    source = written(tmp_path / "a.fits", np.arange(12, dtype=np.float32).reshape(3, 4), GAIN=1.5)
    assert repair(source, tmp_path / "b.fits") == ["The header was in order."]
    assert (fits.getdata(tmp_path / "b.fits") == fits.getdata(source)).all()


@pytest.mark.parametrize(
    ("corners", "part"),
    [
        ((None, None, None, None), (slice(0, 20), slice(0, 30))),
        ((5, 3, 25, 18), (slice(3, 18), slice(5, 25))),
        ((-10, -5, None, None), (slice(15, 20), slice(20, 30))),
        ((0, 0, -4, -2), (slice(0, 18), slice(0, 26))),
    ],
)
def test_a_cut_keeps_the_part_and_its_place_in_the_sky(
    tmp_path: Path, corners: tuple[int | None, ...], part: tuple[slice, slice]
) -> None:
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 84.0, "CRVAL2": -1.5, "CRPIX1": 15.0, "CRPIX2": 10.0,
        "CDELT1": -0.01, "CDELT2": 0.01,
    }  # fmt: skip
    data = np.arange(600, dtype=np.uint16).reshape(20, 30)
    source = written(tmp_path / "a.fits", data, **cards)
    size = crop(source, tmp_path / "b.fits", *corners)
    cut = fits.getdata(tmp_path / "b.fits")
    assert (cut == data[part]).all() and cut.shape == size[::-1]
    before = WCS(fits.getheader(source)).all_pix2world(part[1].start + 2, part[0].start + 1, 0)
    after = WCS(fits.getheader(tmp_path / "b.fits")).all_pix2world(2, 1, 0)
    assert np.allclose(before, after, atol=1e-9)


@pytest.mark.parametrize("corners", [(20, 0, 10, 5), (40, 0, None, None), (0, 0, 0, 5)])
def test_a_cut_that_leaves_nothing_is_refused(tmp_path: Path, corners: tuple[int | None, ...]) -> None:
    source = written(tmp_path / "a.fits", np.zeros((20, 30), np.float32))
    with pytest.raises(Invalid, match="Nothing would be left"):
        crop(source, tmp_path / "b.fits", *corners)
    assert not (tmp_path / "b.fits").exists()


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "both"])
def test_stripes_go_and_stars_and_a_sloping_sky_stay(tmp_path: Path, direction: str) -> None:
    rng = np.random.default_rng(3)
    yy, xx = np.mgrid[:300, :400]
    sky = 500 + 0.2 * yy + 0.1 * xx
    star = 5000 * np.exp(-((yy - 150) ** 2 + (xx - 200) ** 2) / 8)
    rows = rng.normal(0, 20, (300, 1)) if direction != "vertical" else np.zeros((300, 1))
    columns = rng.normal(0, 20, (1, 400)) if direction != "horizontal" else np.zeros((1, 400))
    noise = rng.normal(0, 5, (300, 400))
    source = written(tmp_path / "a.fits", (sky + star + rows + columns + noise).astype(np.float32))
    destripe(source, tmp_path / "b.fits", direction)
    left = fits.getdata(tmp_path / "b.fits") - sky - star - noise
    assert np.std(left[20:-20, 20:-20]) < 4
    assert abs(np.mean(left)) < 3
    with pytest.raises(Invalid, match="direction"):
        destripe(source, tmp_path / "c.fits", "diagonal")


def test_a_plane_of_any_file_becomes_a_plain_fits_file(tmp_path: Path) -> None:
    data = np.ones((12, 10), np.float32)
    data[3, 4] = np.nan
    hdus = [fits.PrimaryHDU(), fits.CompImageHDU(data, fits.Header({"OBJECT": "M31", "GAIN": 2.0}))]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    write_plane(read_frame(tmp_path / "a.fits"), tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as found:
        assert len(found) == 1
        assert np.isnan(found[0].data[3, 4]) and np.nansum(found[0].data) == 119
        assert (found[0].header["OBJECT"], found[0].header["GAIN"]) == ("M31", 2.0)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(b"no FITS at all")
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    for name in ("a.fits", "empty.fits"):
        with pytest.raises(Invalid):
            repair(tmp_path / name, tmp_path / "b.fits")
