"""Frames of one-shot-colour cameras: the pattern of their filters is seen, and taken away without moving a star."""

import io

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from tests.science.frames.writers import image, xisf

from hven.science.frames.mosaic import balanced, is_mosaic, light_of
from hven.science.frames.pixels import luminance
from hven.science.frames.read import read_frame
from hven.science.sky.sphere import separation
from hven.science.sky.wcs import Wcs
from hven.science.stars.data import SolverData
from hven.science.stars.ladder import solve
from hven.science.stars.tables import write_solved_frame

GAINS = np.array([[0.45, 1.0], [1.0, 0.7]])


@pytest.fixture
def grey(rng):
    """A sky of 1000 with noise of 10 and a few stars, (120, 160)."""
    y, x = np.mgrid[0:120, 0:160]
    data = rng.normal(1000, 10, y.shape)
    for at_x, at_y in rng.uniform(5, 115, (12, 2)):
        data += 5000 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 1.3**2))
    return data


def coloured(grey):
    return grey * np.tile(GAINS, (grey.shape[0] // 2, grey.shape[1] // 2))


def test_a_pattern_is_seen_without_a_word_in_the_header(grey):
    assert is_mosaic(coloured(grey), {})
    assert not is_mosaic(grey, {})
    assert is_mosaic(coloured(grey).astype(np.uint16), {})
    assert not is_mosaic(np.full((100, 100), 7, np.uint16), {})


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ({"BAYERPAT": "RGGB"}, True),
        ({"BAYERPAT": "GBRG  ", "XBAYROFF": 1, "YBAYROFF": 1}, True),
        ({"COLORTYP": "RGGB"}, True),
        ({"BAYERPAT": "RGGB", "XBINNING": 2}, False),  # binning has mixed the colours
        ({"COLORTYP": "MONO"}, False),
        ({"BAYERPAT": None}, False),
        ({}, False),
    ],
)
def test_a_header_says_what_the_camera_was(grey, cards, said):
    assert is_mosaic(grey, cards) is said


def test_sites_get_equal_weights_up_to_the_edges():
    pattern = np.tile(GAINS * 1000, (10, 12))
    np.testing.assert_allclose(light_of(pattern), GAINS.mean() * 1000, rtol=1e-6)


def test_values_near_the_largest_float_do_not_overflow(rng):
    data = (rng.choice([-1.0, 1.0], (40, 40)) * 3.3e38).astype(np.float32)
    assert np.isfinite(light_of(data)).all()
    colours = np.repeat(data[..., None], 3, axis=-1)
    colours[..., 0] *= -1
    assert np.isfinite(luminance(colours)).all()


def test_colours_of_any_pattern_are_brought_to_one_level(rng):
    colours = rng.integers(0, 3, (60, 60)).astype(np.uint8)
    data = np.array([300.0, 900.0, 500.0])[colours] + 64
    flat = balanced(data.astype(np.uint16), colours, np.array([64.0, 64.0, 64.0, 64.0], np.float32))
    np.testing.assert_allclose(flat, 900, rtol=1e-5)


def test_a_fits_mosaic_is_read_as_light_and_keeps_its_pixels(grey, fits_bytes):
    data = coloured(grey).astype(np.uint16)
    frame = read_frame(io.BytesIO(fits_bytes(data, {"BAYERPAT": "RGGB"})))
    np.testing.assert_array_equal(frame.stored, data)
    assert frame.data.dtype == np.float32
    assert np.std(frame.data[:8, :8]) < 10  # no pattern is left
    plain = read_frame(io.BytesIO(fits_bytes(grey.astype(np.uint16))))
    assert plain.stored is None
    assert plain.notes == ()


def test_colour_cubes_of_either_order_are_colours_and_no_mosaic(rng, fits_bytes):
    colours = rng.integers(0, 60000, (3, 40, 50), np.uint16)
    planes = read_frame(io.BytesIO(fits_bytes(colours, {"BAYERPAT": "RGGB"})))
    pixels = read_frame(io.BytesIO(fits_bytes(np.ascontiguousarray(np.moveaxis(colours, 0, -1)))))
    for frame in (planes, pixels):
        np.testing.assert_array_equal(frame.rgb, np.moveaxis(colours, 0, -1))
        assert frame.stored is None
        assert frame.plane == "HDU 0, 3 colours"
    np.testing.assert_array_equal(
        read_frame(io.BytesIO(fits_bytes(np.ascontiguousarray(np.moveaxis(colours, 0, -1)))), plane="0:2").data,
        colours[1],
    )


def test_an_xisf_names_its_filters_in_an_element_of_its_own(grey):
    data = coloured(grey).astype(np.uint16)
    inside = '<ColorFilterArray pattern="RGGB" width="2" height="2"/>'
    for content in (xisf(image(data, inside=inside)), xisf(image(data))):
        np.testing.assert_array_equal(read_frame(io.BytesIO(content)).stored, data)
    flat = (grey * 0 + 1000).astype(np.uint16)
    assert read_frame(io.BytesIO(xisf(image(flat)))).stored is None
    assert read_frame(io.BytesIO(xisf(image(flat, inside=inside)))).stored is not None


def test_a_solved_mosaic_is_written_with_its_own_pixels(grey, fits_bytes, tmp_path):
    data = coloured(grey).astype(np.uint16)
    frame = read_frame(io.BytesIO(fits_bytes(data, {"BAYERPAT": "RGGB"})))
    wcs = Wcs((10.0, 20.0), (80.0, 60.0), ((-1e-3, 0.0), (0.0, 1e-3)), frame.width, frame.height)
    write_solved_frame(tmp_path / "solved.fits", frame, wcs)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "solved.fits"), data)


def test_a_tiff_saved_by_a_capture_program_is_seen_through(grey):
    out = io.BytesIO()
    data = coloured(grey).astype(np.uint16)
    Image.fromarray(data).save(out, "TIFF")
    frame = read_frame(io.BytesIO(out.getvalue()))
    np.testing.assert_array_equal(frame.stored, data)


def test_a_one_shot_colour_frame_solves_as_well_as_a_mono_one(wide_frame, solver_folder, tmp_path):
    data = SolverData.open(solver_folder, ())
    with fits.open(wide_frame) as hdus:
        header, pixels = hdus[0].header, hdus[0].data.astype(float)
    gains = np.tile(GAINS, (pixels.shape[0] // 2, pixels.shape[1] // 2))
    coloured_path = tmp_path / "colour.fits"
    header["BAYERPAT"] = "RGGB"
    fits.writeto(coloured_path, (pixels * gains).clip(0, 65535).astype(np.uint16), header)
    mono, colour = (
        solve(read_frame(path), [], data, time_limit=60, use_header=False) for path in (wide_frame, coloured_path)
    )
    assert colour.solution is not None
    assert len(colour.solution.matches) > 0.9 * len(mono.solution.matches)
    assert colour.solution.rms_arcsec < 1.2 * mono.solution.rms_arcsec
    scale = mono.solution.wcs.scale_arcsec / 3600
    assert separation(*colour.solution.wcs.centre, *mono.solution.wcs.centre) < 0.05 * scale
