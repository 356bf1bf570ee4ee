"""A plane as a picture in false colours, cut at percentiles: what astronomers' plotting programs show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.bin import fitted
from hven.science.frames.frame import Frame
from hven.science.frames.preview import MAX_SIDE, encode

STRETCHES = ("linear", "log", "sqrt", "asinh")
_MOST_SAMPLES = 1_000_000
_LOG_DEPTH = 1000.0
_ASINH_KNEE = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """How a plane is shown."""

    width: int = 800  # pixels of the picture; its height follows
    cmap: str = "Blues_r"  # a name of matplotlib
    stretch: str = "linear"
    low: float = 0.5  # percentile that is shown darkest
    high: float = 99.5
    smooth_px: float = 0.0  # standard deviation of a Gaussian, frame pixels; 0: none
    form: str = "jpeg"
    quality: int = 80


def coloured(frame: Frame, look: Look, mask: NDArray[np.bool_] | None = None) -> bytes:
    """Return an encoded picture of a plane, its first row at the bottom.

    Parameters
    ----------
    frame
        Whose data, (height, width), are shown.
    look
        How.
    mask : (height, width) bool, optional
        True where pixels do not count for the percentiles.

    Raises
    ------
    Invalid
        There is no such stretch or colour map, or a number is out of range.
    """
    if not 1 <= look.width <= MAX_SIDE:
        raise Invalid(f"A picture is between 1 and {MAX_SIDE} pixels wide.")
    if look.stretch not in STRETCHES:
        raise Invalid(f"The stretch is one of {', '.join(STRETCHES)}.")
    if not 0 <= look.low < look.high <= 100:
        raise Invalid("The percentiles qmin and qmax lie between 0 and 100, qmin under qmax.")
    if not 0 <= look.smooth_px <= 200:
        raise Invalid("The smoothing radius lies between 0 and 200 pixels.")
    table = _table(look.cmap)
    data = frame.data.astype(np.float32)
    bad = np.zeros(data.shape, np.bool_) if frame.mask is None else frame.mask.copy()
    if mask is not None and mask.shape == data.shape:
        bad |= mask
    if look.smooth_px:
        data = cv2.GaussianBlur(data, (0, 0), look.smooth_px)
    low, high = _limits(data, bad, look)
    height, width = data.shape
    small = fitted(data, max(1, round(look.width * max(1.0, height / width))), enlarge=True)
    share = np.clip((small - low) / max(high - low, 1e-30), 0.0, 1.0)
    levels = (_stretched(share, look.stretch) * 255 + 0.5).astype(np.uint8)
    shown = table[levels]
    if frame.mask is not None:
        shown[fitted(frame.mask.astype(np.uint8) * 255, max(small.shape), enlarge=True) > 127] = table[0]
    return encode(np.ascontiguousarray(shown[::-1]), look.form, look.quality)


def _limits(data: NDArray[np.float32], bad: NDArray[np.bool_], look: Look) -> tuple[float, float]:
    step = max(1, int(np.sqrt(data.size / _MOST_SAMPLES)))
    part, left_out = data[::step, ::step], bad[::step, ::step]
    values = part[~left_out & np.isfinite(part)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [look.low, look.high])
    return float(low), float(high)


def _stretched(share: NDArray[Any], stretch: str) -> NDArray[Any]:
    if stretch == "log":
        return np.asarray(np.log1p(_LOG_DEPTH * share) / np.log1p(_LOG_DEPTH))
    if stretch == "sqrt":
        return np.asarray(np.sqrt(share))
    if stretch == "asinh":
        return np.asarray(np.arcsinh(share / _ASINH_KNEE) / np.arcsinh(1 / _ASINH_KNEE))
    return share


def _table(name: str) -> NDArray[np.uint8]:
    """Return the (256, 3) RGB levels of a colour map."""
    from matplotlib import colormaps  # noqa: PLC0415 - heavy, and only its tables are wanted

    if name not in colormaps:
        raise Invalid(f"There is no colour map {name!r:.40}; viridis, gray and Blues_r are some of matplotlib's.")
    return np.asarray(colormaps[name](np.arange(256), bytes=True)[:, :3], np.uint8)
