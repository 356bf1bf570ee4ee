"""The first look: gain, filter, saturation and sky from header, user and frame."""

from dataclasses import replace

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.frames.frame import Meaning
from hven.science.photometry.inspection import InspectSettings, inspect, inspected_again, mesh_size, with_mask
from hven.science.photometry.masks import MaskBit

from .scenes import Scene


@pytest.fixture(scope="module")
def small() -> Scene:
    return Scene(size=320, stars=60, seed=2)


def test_the_user_wins_over_the_header_and_the_header_over_defaults(small: Scene) -> None:
    found = inspect(small.data, small.meaning, InspectSettings(gain=2.5, band="Sloan g", saturation=20000.0))
    assert (found.gain, found.band, found.saturation) == (2.5, "g", 20000.0)
    found = inspect(small.data, small.meaning)
    assert (found.gain, found.band, found.saturation) == (1.5, "r", 30000.0)
    lines: list[str] = []
    found = inspect(small.data, Meaning(filter="Lum 7"), log=lines.append)
    assert (found.gain, found.band) == (1.0, "r")
    assert found.saturation > small.data.max()
    assert any("gain is not known" in line for line in lines)
    assert any("Lum 7" in line for line in lines)


def test_a_gain_of_nought_means_that_it_is_not_known(small: Scene) -> None:
    assert inspect(small.data, replace(small.meaning, gain=None), InspectSettings(gain=0.0)).gain == 1.0
    with pytest.raises(Invalid, match="gain"):
        inspect(small.data, small.meaning, InspectSettings(gain=-1.0))


def test_the_noise_is_that_of_the_sky(small: Scene) -> None:
    found = inspect(small.data, small.meaning)
    assert np.median(found.background.noise.values) == pytest.approx(np.sqrt(400 * 1.5 + 64) / 1.5, rel=0.05)
    assert np.median(found.background.level.values) == pytest.approx(400, rel=0.01)


def test_a_saturation_below_the_sky_is_refused(small: Scene) -> None:
    with pytest.raises(Invalid, match=r"masked|below the sky"):
        inspect(small.data, small.meaning, InspectSettings(saturation=300.0))
    with pytest.raises(Invalid, match=r"below the sky|masked"):
        inspect(small.data, small.meaning, InspectSettings(saturation=425.0))


def test_an_unknown_filter_is_refused_with_those_that_exist(small: Scene) -> None:
    with pytest.raises(Invalid, match="Ks"):
        inspect(small.data, small.meaning, InspectSettings(band="magenta"))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float64, ">f4"])
def test_pixels_of_any_type_are_taken(small: Scene, dtype: object) -> None:
    assert inspect(small.data.astype(dtype), small.meaning).guess_fwhm_px == pytest.approx(3.5, abs=0.4)


def test_a_steep_sky_gets_smaller_cells() -> None:
    y, x = np.mgrid[:1024, :1024] / 1024
    rng = np.random.default_rng(3)
    sky = 400 + 500 * np.exp(-((x - 0.6) ** 2 + (y - 0.4) ** 2) / 0.02)
    data = rng.normal(sky, 17).astype(np.float32)
    assert inspect(data, Meaning(gain=1.0)).mesh_px < 256
    assert inspect(rng.normal(400, 17, (1024, 1024)).astype(np.float32), Meaning(gain=1.0)).mesh_px == 256
    assert inspect(data, Meaning(gain=1.0), InspectSettings(mesh_px=128)).mesh_px == 128


def test_cells_are_smaller_on_small_frames() -> None:
    assert mesh_size((2048, 2048), None) == 256
    assert mesh_size((100, 400), None) == 25
    assert mesh_size((20, 20), 4) == 8


def test_a_mask_from_before_is_taken_as_it_is(small: Scene) -> None:
    first = inspect(small.data, small.meaning)
    again = inspected_again(small.data, first.bits, gain=1.5, saturation=30000.0, band="r", mesh_px=first.mesh_px)
    assert np.array_equal(again.bits, first.bits)
    assert np.allclose(again.background.level.values, first.background.level.values, rtol=1e-3)
    with pytest.raises(Invalid, match="inspect the frame again"):
        inspected_again(small.data[:100], first.bits, gain=1.5, saturation=3e4, band="r", mesh_px=64)
    excluded = np.zeros(small.data.shape)
    excluded[:50] = 1
    assert np.all(with_mask(first, excluded).bits[:50] & MaskBit.EXCLUDED)
