"""Stacks against drawn stars, counted noise and known times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.changes.stack import StackFrame, stack

from .scenes import drawn, grid, observed

RNG = np.random.default_rng(9)
X, Y = RNG.uniform(20, 460, (2, 60))
FLUX = np.sort(RNG.uniform(5e3, 6e4, 60))[::-1]
START = datetime(2026, 7, 16, 2, 0, 0, tzinfo=UTC)


def frames(n: int = 4, placed: bool = True) -> list[StackFrame]:
    made = []
    for k in range(n):
        there = grid(angle_deg=7.0 + 2.0 * k, shift=5.0 * k)
        u, v = there.to_pixel(*grid().to_sky(X, Y))
        data = observed(drawn(480, u, v, FLUX, 3.0), 300.0, 1.5, RNG)
        start = START + timedelta(seconds=200 * k)
        made.append(
            StackFrame(data, None, there if placed else None, 120.0, start, start + timedelta(seconds=120), 3e4, 1.5)
        )
    return made


def light_at(image: np.ndarray, x: float, y: float) -> float:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    near = np.hypot(columns - x, rows - y) < 6
    return float(image[near].sum())


def lonely() -> np.ndarray:
    distance = np.hypot(X[:, None] - X, Y[:, None] - Y)
    middle = (X > 60) & (X < 420) & (Y > 60) & (Y < 420)
    return np.flatnonzero((np.sort(distance, axis=1)[:, 1] > 14) & middle)[:8]


@pytest.mark.parametrize(("method", "factor"), [("sum", 4.0), ("clipped_mean", 1.0), ("median", 1.0)])
@pytest.mark.parametrize("placed", [True, False], ids=["by projection", "by stars"])
def test_stars_add_up_or_average_at_the_firsts_places(method: str, factor: float, placed: bool) -> None:
    made = frames(placed=placed)
    result = stack(made, method)
    first = stack([made[0], made[0]], "median").data
    ratio = [light_at(np.nan_to_num(result.data), X[k], Y[k]) / light_at(first, X[k], Y[k]) for k in lonely()]
    assert np.median(ratio) == pytest.approx(factor, rel=0.03)
    assert result.count.max() == 4 and (result.count[result.mask] == 0).all()


def test_averaging_quietens_the_sky() -> None:
    made = frames(4)
    single = stack(made[:1] * 2, "median").data
    for method, gain in (("clipped_mean", 2.0), ("median", 1.6)):
        result = stack(made, method)
        sky = result.data[100:380, 100:380]
        quiet = 1.4826 * np.nanmedian(np.abs(sky - np.nanmedian(sky)))
        loud = 1.4826 * np.median(np.abs(single - np.median(single)))
        assert loud / quiet > 0.9 * gain


def test_a_cosmic_ray_on_one_frame_is_clipped() -> None:
    made = frames(5)
    made[2].data[240, 240] += 20_000
    made[0].data[200, 210] += 20_000
    for method in ("clipped_mean", "median"):
        result = stack(made, method).data
        assert np.nanmax(np.abs(result[236:245, 236:245])) < 2000 and abs(result[200, 210]) < 2000
    masked = stack(made, "sum", bad_pixels=lambda frame: frame.data > 15_000)
    assert masked.data[200, 210] < 5000


def test_pixels_that_some_frames_lack_are_filled_in_the_sum() -> None:
    flat = [StackFrame(np.full((100, 100), 10.0, np.float32)) for _ in range(3)]
    hole = flat[1].data.copy()
    hole[:, 50:] = np.nan
    made = [replace(frame, wcs=grid(100)) for frame in (flat[0], replace(flat[1], data=hole), flat[2])]
    result = stack(made, "sum", subtract_background=False)
    assert result.data == pytest.approx(30.0)
    assert result.count[0, 0] == 3 and result.count[0, 99] == 2


def test_the_header_tells_exposure_times_and_saturation() -> None:
    made = frames(4)
    cards = {name: value for name, (value, _) in stack(made, "sum").cards.items()}
    assert cards["EXPTIME"] == 480.0 and cards["NCOMBINE"] == 4 and cards["SATURATE"] == 120_000
    assert cards["DATE-OBS"] == "2026-07-16T02:00:00.000"
    assert cards["DATE-AVG"] == "2026-07-16T02:06:00.000"
    assert cards["DATE-END"] == "2026-07-16T02:12:00.000"
    assert "GAIN" not in cards
    mean = {name: value for name, (value, _) in stack(made, "clipped_mean").cards.items()}
    assert mean["SATURATE"] == 30_000 and mean["GAIN"] == pytest.approx(6.0)
    bare = stack([replace(f, start=None, exposure_s=None) for f in made], "sum").cards
    assert "DATE-OBS" not in bare and "EXPTIME" not in bare


def test_what_cannot_be_stacked_is_refused_by_name() -> None:
    made = frames(2)
    with pytest.raises(Invalid, match="two frames"):
        stack(made[:1])
    with pytest.raises(Invalid, match="not by 'mode'"):
        stack(made, "mode")
    away = replace(made[1], wcs=replace(grid(), crval=(10.0, 10.0)), name="b.fits")
    with pytest.raises(Invalid, match=r"b\.fits does not overlap"):
        stack([made[0], away])
    noise = replace(made[1], data=RNG.normal(0, 1, (480, 480)).astype(np.float32), wcs=None, name="c.fits")
    with pytest.raises(Invalid, match=r"c\.fits has no projection"):
        stack([made[0], noise])
