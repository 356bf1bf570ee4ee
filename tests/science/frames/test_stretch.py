"""Stretches: tables equal formulas, limits show faint and bright."""

import numpy as np
import pytest
from astropy.visualization import ZScaleInterval

from hven.errors import Invalid
from hven.science.frames.stretch import KINDS, Curve, Stretch, apply, settle, statistics, zscale


@pytest.fixture
def sky():
    """A frame of sky, noise, stars and a faint nebula."""
    rng = np.random.default_rng(7)
    data = rng.normal(1000, 20, (512, 512))
    y, x = np.mgrid[:512, :512]
    data += 60 * np.exp(-((x - 300) ** 2 + (y - 200) ** 2) / (2 * 60**2))
    for px, py, flux in zip(*rng.uniform(5, 506, (2, 60)), 10 ** rng.uniform(3, 6, 60), strict=True):
        part = np.s_[max(0, int(py) - 6) : int(py) + 7, max(0, int(px) - 6) : int(px) + 7]
        data[part] += flux / 14 * np.exp(-((x[part] - px) ** 2 + (y[part] - py) ** 2) / (2 * 1.5**2))
    return np.clip(data, 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("kind", ["asinh", "linear", "log", "sqrt"])
def test_the_table_equals_the_formula(kind, dtype):
    data = np.linspace(0, 250, 251).astype(dtype).reshape(1, -1)
    low, high, soft = 20.0, 220.0, 0.1
    x = np.clip((data.astype(float) - low) / (high - low), 0, 1)
    formula = {
        "asinh": np.arcsinh(x / soft) / np.arcsinh(1 / soft),
        "linear": x,
        "log": np.log(1 + 1000 * x) / np.log(1001),
        "sqrt": np.sqrt(x),
    }[kind]
    got = apply(Curve(kind, low, high, soft), data).astype(int)
    assert np.abs(got - 255 * formula).max() <= 1.0
    inverted = apply(Curve(kind, low, high, soft, invert=True), data).astype(int)
    np.testing.assert_array_equal(got + inverted, 255)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_every_stretch_rises_and_uses_the_greys(kind, dtype, sky):
    data = sky.astype(dtype)
    shown = apply(settle(Stretch(kind), statistics(data)), data)
    order = np.argsort(data.ravel())[::500]
    assert (np.diff(shown.ravel()[order].astype(int)) >= 0).all()
    assert shown.max() == 255
    assert shown.dtype == np.uint8


def test_the_automatic_limits_show_nebula_and_stars(sky):
    shown = apply(settle(Stretch(), statistics(sky)), sky).astype(float)
    empty = np.median(shown[400:, :100])
    nebula = np.median(shown[180:220, 280:320])
    assert 15 < empty < 90
    assert nebula > empty + 15  # a nebula of three times the noise of a pixel stands out
    assert np.mean(shown == 255) < 0.01  # stars keep their differences
    assert np.mean(shown == 0) < 0.02


def test_limits_asked_for_are_kept(sky):
    curve = settle(Stretch("linear", low=900, high=2000), statistics(sky))
    assert (curve.low, curve.high) == (900, 2000)
    assert settle(Stretch("linear", low=5000, high=10), statistics(sky)).high > 5000


@pytest.mark.parametrize("arguments", [("magic",), ("asinh", float("nan")), ("log", 0.0, float("inf"))])
def test_nonsense_is_refused(arguments):
    with pytest.raises(Invalid):
        Stretch(*arguments)


def test_even_and_masked_planes_have_limits():
    for data in (np.full((9, 9), 5, np.uint16), np.zeros((1, 1), np.float32), np.full((9, 9), 255, np.uint8)):
        for kind in KINDS:
            assert apply(settle(Stretch(kind), statistics(data)), data).shape == data.shape
    all_masked = statistics(np.zeros((9, 9), np.float32), np.ones((9, 9), bool))
    assert settle(Stretch(), all_masked).high > 0


def test_masked_pixels_do_not_count():
    data = np.full((100, 100), 1000, np.float32)
    data[:50] = 60_000
    mask = np.zeros(data.shape, bool)
    mask[:50] = True
    assert statistics(data, mask).maximum == 1000


def test_zscale_agrees_with_astropy(sky, rng):
    for data in (
        sky,
        rng.normal(0, 1, (300, 300)),
        rng.uniform(0, 100, (300, 300)),
        np.arange(10_000.0).reshape(100, 100),
    ):
        sample = np.asarray(data, float).ravel()
        sample = sample[:: max(1, sample.size // 1000)][:1000]
        ours = zscale(sample)
        theirs = ZScaleInterval(n_samples=1000).get_limits(sample)
        span = theirs[1] - theirs[0]
        assert ours == pytest.approx(theirs, abs=0.03 * span)


def test_zscale_of_little_and_of_nothing():
    assert zscale(np.array([])) == (0.0, 1.0)
    assert zscale(np.array([3.0, 5.0])) == (3.0, 5.0)
    assert zscale(np.full(100, 4.0)) == (4.0, 4.0)
    assert zscale(np.array([np.nan, 1, 2])) == (1.0, 2.0)
