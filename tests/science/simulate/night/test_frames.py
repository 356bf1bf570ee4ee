"""The pixels of a night: one camera in all of them, levels and widths as the truth says."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from hven.science.simulate.night.frames import Frame, NightFrames
from hven.science.simulate.night.plan import Camera, NightPlan
from hven.science.simulate.night.schedule import schedule
from hven.science.sky.sphere import separation

CAMERA = Camera(width=160, height=120, width_deg=0.4, dark_e_s=1.0, hot_pixels=30)
PLAN = NightPlan(camera=CAMERA, bias=4, darks=6, flats=4, lights=1, filters=("V", "R"), stars="random", random_stars=40)


@pytest.fixture(scope="module")
def night() -> NightFrames:
    return NightFrames(schedule(PLAN))


@pytest.fixture(scope="module")
def frames(night: NightFrames) -> list[Frame]:
    return [night.frame(index) for index in range(PLAN.frames)]


def stack(frames: list[Frame], kind: str, name: str = "") -> np.ndarray:
    chosen = [f.exposure.data.astype(float) for f in frames if f.take.kind == kind and name in {"", f.take.filter}]
    return np.array(chosen)


def test_bias_has_the_level_and_the_read_noise(frames: list[Frame]) -> None:
    bias = stack(frames, "bias")
    assert bias.mean() == pytest.approx(500, abs=0.1)
    assert np.diff(bias, axis=0)[0].std() / np.sqrt(2) == pytest.approx(6.0 / 1.5, rel=0.05)


def test_darks_gather_the_dark_current_and_the_same_hot_pixels(frames: list[Frame], night: NightFrames) -> None:
    darks = stack(frames, "dark") - 500
    assert np.median(darks) * CAMERA.gain / PLAN.exposure_s == pytest.approx(CAMERA.dark_e_s, rel=0.02)
    # Poisson noise of the dark current beside the read noise, in ordinary pixels
    assert np.median(darks.var(axis=0, ddof=1)) == pytest.approx((60 + 36) / 1.5**2, rel=0.2)
    hot = night.sensor.dark_e_s > 20
    assert 25 <= hot.sum() <= 30
    master = np.median(darks, axis=0)
    assert np.all(master[hot] > 20 * PLAN.exposure_s / CAMERA.gain * 0.8)
    assert np.percentile(master[~hot], 99.9) < 100


def test_lights_have_the_hot_pixels_of_the_darks(frames: list[Frame], night: NightFrames) -> None:
    master = np.median(stack(frames, "dark"), axis=0)
    for frame in frames:
        if frame.take.kind == "light":
            hot = night.sensor.dark_e_s > 20
            excess = frame.exposure.data[hot].astype(float) - np.median(frame.exposure.data)
            assert np.corrcoef(excess, master[hot])[0, 1] > 0.9


def test_flats_show_vignetting_and_the_same_dust_as_the_lights(frames: list[Frame], night: NightFrames) -> None:
    flat = np.median(stack(frames, "flat", "R"), axis=0) - 500
    flat /= np.median(flat[50:70, 70:90])
    assert flat[:8, :8].mean() == pytest.approx(1 - CAMERA.vignetting, abs=0.03)
    assert np.corrcoef(flat.ravel(), night.sensor.response.ravel())[0, 1] > 0.99
    light = next(f for f in frames if f.take.kind == "light" and f.take.filter == "R")
    sky = light.exposure.data - 500 - CAMERA.dark_e_s * PLAN.exposure_s / CAMERA.gain
    corner = np.median(sky[:15, :15]) / np.median(sky[50:70, 70:90])
    assert corner == pytest.approx(np.median(flat[:15, :15]), abs=0.05)


def test_calibrated_by_its_own_night_a_light_has_an_even_sky(frames: list[Frame]) -> None:
    dark = np.median(stack(frames, "dark"), axis=0)
    flat = np.median(stack(frames, "flat", "R"), axis=0) - np.median(stack(frames, "bias"), axis=0)
    light = next(f for f in frames if f.take.kind == "light" and f.take.filter == "R")
    sky = (light.exposure.data - dark) / (flat / np.median(flat[50:70, 70:90]))
    corners = [np.median(sky[rows, columns]) for rows in (slice(20), slice(-20, None))
               for columns in (slice(20), slice(-20, None))]  # fmt: skip
    assert np.array(corners) / light.truth["sky_adu"] == pytest.approx(1.0, abs=0.04)


def test_levels_are_those_of_the_truth(frames: list[Frame]) -> None:
    for frame in frames:
        middle = np.median(frame.exposure.data[50:70, 70:90])
        if frame.take.kind == "light":
            dark = CAMERA.dark_e_s * PLAN.exposure_s / CAMERA.gain
            assert middle - 500 - dark == pytest.approx(frame.truth["sky_adu"], rel=0.06)
        else:
            assert middle == pytest.approx(frame.truth["level_adu"], rel=0.03)
        if frame.take.kind == "flat":
            assert frame.truth["level_adu"] == pytest.approx(0.4 * 65535, rel=0.1)


def test_frames_of_a_target_show_the_same_stars_a_little_displaced(frames: list[Frame]) -> None:
    first, second = (f for f in frames if f.take.target == frames[-1].take.target)
    apart = separation(first.exposure.stars.ra[:, None], first.exposure.stars.dec[:, None],
                       second.exposure.stars.ra, second.exposure.stars.dec)  # fmt: skip
    assert np.mean(apart.min(axis=1) < 1e-6) > 0.6
    moved = separation(first.truth["ra"], first.truth["dec"], second.truth["ra"], second.truth["dec"])
    assert 0 < moved < 0.1 * CAMERA.width_deg
    off = separation(first.truth["ra"], first.truth["dec"], first.take.target.ra, first.take.target.dec)
    assert 0 < off < 0.2 * CAMERA.width_deg


def test_the_magnitude_of_a_star_is_its_counts_and_the_zero_point(frames: list[Frame], night: NightFrames) -> None:
    light = frames[-1]
    stars, wcs = light.exposure.stars, light.exposure.wcs
    inside = wcs.contains(stars.ra, stars.dec)
    row, column = np.rint(stars.y[inside]).astype(int), np.rint(stars.x[inside]).astype(int)
    counts = light.exposure.flux_adu[inside] / night.sensor.response[row, column]
    expected = 10 ** (-0.4 * (stars.mag[inside] - light.truth["zero_point"]))
    assert counts == pytest.approx(expected, rel=1e-6)


def test_past_the_meridian_the_camera_stands_on_its_head(frames: list[Frame]) -> None:
    for frame in (f for f in frames if f.take.kind == "light"):
        east = frame.take.azimuth_deg < 180
        assert frame.exposure.cards["PIERSIDE"][0] == ("West" if east else "East")
        assert frame.truth["orientation_deg"] % 360 == pytest.approx(4.0 if east else 184.0)


def test_another_night_of_the_seed_has_the_same_camera_and_stars_but_another_sky(night: NightFrames) -> None:
    other = NightFrames(schedule(replace(PLAN, night=PLAN.night + timedelta(days=1))))
    assert np.array_equal(other.sensor.response, night.sensor.response)
    assert other.weather != night.weather
    (target, *_) = set(other.schedule.targets) & set(night.schedule.targets)
    a, b = night._field(target), other._field(target)
    assert np.array_equal(a.mag, b.mag) and np.allclose(a.ra, b.ra, atol=1e-9)
    assert not np.array_equal(night.frame(0).exposure.data, other.frame(0).exposure.data)


def test_a_cloud_takes_the_light_that_the_truth_says() -> None:
    plan = replace(PLAN, stars="none")
    cloudy, clear = (NightFrames(schedule(replace(plan, clouds_mag=mag))) for mag in (2.0, 0.0))
    indices = [k for k, take in enumerate(cloudy.schedule.takes) if take.kind == "light"]
    lost = [cloudy.frame(k).truth["cloud_mag"] for k in indices]
    points = [clear.frame(k).truth["zero_point"] - cloudy.frame(k).truth["zero_point"] for k in indices]
    assert points == pytest.approx(lost)
    assert max(lost) > 1 > min(lost)
