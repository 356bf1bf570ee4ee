"""How numbers of a sensor become grey levels: limits, curves, tables.

Curves are applied by table look-up: 256 or 65,536 entries for integers, and for floating point numbers after they
were put on 65,536 steps between the limits. The asinh curve follows Lupton et al. 2004, PASP 116, 133; its
softening is chosen so that the sky comes out at a fixed grey, which shows faint nebulae and leaves stars their
differences. zscale is the algorithm of IRAF's display task (Tody 1986, SPIE 627, 733).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid

KINDS = ("asinh", "linear", "log", "sqrt", "zscale")
SAMPLE = 100_000  # pixels looked at for limits
SKY_GREY = 0.16  # of white, where the asinh curve puts the sky
GENTLE = 0.25  # least softening of an 8-bit picture: more would show its compression
LOG_DEPTH = 1000.0
STEPS = 65_535

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a viewer asks for; None: found from the data."""

    kind: str = "asinh"  # one of KINDS
    low: float | None = None  # shown black, in the data's unit
    high: float | None = None  # shown white
    invert: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Invalid(f"There is no stretch {self.kind!r:.40}; there are {', '.join(KINDS)}.")
        for value in (self.low, self.high):
            if value is not None and not np.isfinite(value):
                raise Invalid("The limits of a stretch are finite numbers.")


AUTOMATIC = Stretch()


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers of one plane that limits are made from, in the data's unit."""

    minimum: float
    maximum: float
    median: float
    sigma: float  # of the sky, from the median absolute deviation below the median
    bright: float  # 99.5 % of the pixels are below
    brightest: float  # 99.95 % are
    zscale_low: float
    zscale_high: float
    finished: bool = False  # 8 bits: someone has stretched the picture already


@dataclass(frozen=True, slots=True)
class Curve:
    """A stretch with its numbers settled for one plane; hashable, so that its table is made once."""

    kind: str  # asinh, linear, log or sqrt
    low: float
    high: float
    softening: float  # asinh only: where its curve turns from linear to logarithmic, of high - low
    invert: bool = False


def statistics(data: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> Statistics:
    """Look at a regular sample of a plane (height, width); masked pixels do not count."""
    step = max(1, int(np.sqrt(data.size / SAMPLE)))
    sample = data[::step, ::step]
    sample = sample[~mask[::step, ::step]] if mask is not None else sample.ravel()
    if not sample.size:
        return Statistics(0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0)
    ordered = np.sort(sample).astype(np.float64)
    n = ordered.size
    median = ordered[n // 2]
    lower = ordered[: n // 2 + 1]  # below the median there are no stars
    sigma = 1.4826 * float(np.median(median - lower)) or float(median - ordered[n // 20]) / 1.645
    low, high = zscale(sample)
    return Statistics(
        float(ordered[0]),
        float(ordered[-1]),
        float(median),
        sigma,
        float(ordered[min(n - 1, int(0.995 * n))]),
        float(ordered[min(n - 1, int(0.9995 * n))]),
        low,
        high,
        finished=data.dtype == np.uint8,
    )


def settle(stretch: Stretch, numbers: Statistics) -> Curve:
    """Find limits and softening for a plane."""
    kind = stretch.kind
    if kind == "zscale":
        low, high, kind = numbers.zscale_low, numbers.zscale_high, "linear"
    elif numbers.finished:
        low, high = 0.0, 255.0
    else:
        low = max(numbers.minimum, numbers.median - 2.5 * numbers.sigma)
        high = numbers.bright if kind == "linear" else numbers.brightest
        if kind == "asinh" and numbers.sigma > 0:
            high = max(high, numbers.median + 20 * numbers.sigma)  # an empty field shows its noise as grey, not white
    low = low if stretch.low is None else stretch.low
    high = high if stretch.high is None else stretch.high
    if high <= low:
        high = low + max(1.0, abs(low) * 1e-6)
    softening = _softening((numbers.median - low) / (high - low)) if kind == "asinh" else 1.0
    if numbers.finished:
        softening = max(softening, GENTLE)
    return Curve(kind, float(low), float(high), softening, stretch.invert)


def _softening(sky: float) -> float:
    """Solve asinh(sky / a) / asinh(1 / a) = SKY_GREY for a; it falls with a."""
    if sky <= 0:
        return 0.02
    small, large = 1e-5, 10.0
    if np.arcsinh(sky / large) / np.arcsinh(1 / large) >= SKY_GREY:
        return large  # the sky is bright already: as good as linear
    for _ in range(40):
        middle = float(np.sqrt(small * large))
        if np.arcsinh(sky / middle) / np.arcsinh(1 / middle) > SKY_GREY:
            small = middle
        else:
            large = middle
    return float(np.sqrt(small * large))


@lru_cache(maxsize=64)
def _table(curve: Curve, last: int, low: float, high: float) -> Bytes:
    """Return the grey of the codes 0 .. last; `low` and `high` are the codes of the limits."""
    x = np.clip((np.arange(last + 1) - low) / (high - low), 0.0, 1.0)
    if curve.kind == "asinh":
        x = np.arcsinh(x / curve.softening) / np.arcsinh(1 / curve.softening)
    elif curve.kind == "log":
        x = np.log1p(LOG_DEPTH * x) / np.log1p(LOG_DEPTH)
    elif curve.kind == "sqrt":
        x = np.sqrt(x)
    grey = np.round(255 * x).astype(np.uint8)
    grey = 255 - grey if curve.invert else grey
    grey.flags.writeable = False
    return np.asarray(grey, np.uint8)


def _looked_up(table: Bytes, codes: NDArray[Any]) -> Bytes:
    return np.asarray(np.take(table, codes), np.uint8)


def apply(curve: Curve, data: NDArray[Any]) -> Bytes:
    """Return the grey levels, uint8 of the shape given, of uint8, uint16 or float32 data."""
    if data.dtype == np.uint8:
        return _looked_up(_table(curve, 255, curve.low, curve.high), data)
    if data.dtype == np.uint16:
        return _looked_up(_table(curve, STEPS, curve.low, curve.high), data)
    scale = STEPS / (curve.high - curve.low)
    codes = np.clip((data - np.float32(curve.low)) * np.float32(scale), 0, STEPS).astype(np.uint16)
    return _looked_up(_table(curve, STEPS, 0.0, float(STEPS)), codes)


def zscale(
    values: NDArray[Any], contrast: float = 0.25, samples: int = 1000, rejection: float = 2.5, passes: int = 5
) -> tuple[float, float]:
    """Return limits around the median from the slope of the sorted values.

    A line is fitted to the sorted sample, values off by more than `rejection` sigma are left out together with
    their neighbours, and the fit repeated; the slope over `contrast` gives the range. Where more than half are
    left out the full range stands.
    """
    flat = np.asarray(values).ravel()
    flat = flat[:: max(1, flat.size // samples)][:samples].astype(np.float64)
    flat = np.sort(flat[np.isfinite(flat)])
    n = flat.size
    if not n:
        return 0.0, 1.0
    lowest, highest = float(flat[0]), float(flat[-1])
    if n < 5:
        return lowest, highest
    middle = (n - 1) // 2
    median = float(flat[middle]) if n % 2 else float(0.5 * (flat[middle] + flat[middle + 1]))
    index = np.arange(n, dtype=np.float64)
    good = np.ones(n, bool)
    least = max(5, n // 2)
    grow = max(1, int(n * 0.01))
    slope, kept = 0.0, n
    for _ in range(passes):
        slope, offset = np.polyfit(index[good], flat[good], 1)
        off = flat - (slope * index + offset)
        limit = rejection * float(np.std(off[good]))
        bad = np.abs(off) > limit
        bad = np.convolve(bad, np.ones(grow), mode="same") > 0
        now = int(np.count_nonzero(good & ~bad))
        if now < least:
            return lowest, highest
        good &= ~bad
        if now == kept:
            break
        kept = now
    slope = slope / contrast if contrast > 0 else slope
    return max(lowest, median - middle * slope), min(highest, median + (n - 1 - middle) * slope)
