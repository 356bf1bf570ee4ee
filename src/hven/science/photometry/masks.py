"""Which pixels of a frame can be trusted, one byte a pixel; 0 is a good one.

The bits say why a pixel is left out, because what follows differs: holes and cosmic-ray hits are bridged before stars
are looked for, while a saturated core stays and marks its star.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.stars.background import Background
from hven.science.stars.saturation import nonzero_bytes, saturation_level

Bits = NDArray[np.uint8]
_MOST_MASKED = 0.95
_PIT = 8.0  # standard deviations below the sky: no noise goes there
_ROUNDS = 4


class MaskBit:
    """Why a pixel is left out; bytes, as they stand in the mask."""

    MISSING = np.uint8(1)  # no value in the file
    SATURATED = np.uint8(2)
    COSMIC = np.uint8(4)  # a cosmic ray's, or a hot pixel
    EXCLUDED = np.uint8(8)  # by the user
    PIT = np.uint8(16)  # far below the sky


def as_pixels(data: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return a plane as contiguous float32 in the machine's byte order.

    Raises
    ------
    Invalid
        It is no plane of real numbers.

    """
    if data.ndim != 2 or not (np.issubdtype(data.dtype, np.number) or data.dtype == np.bool_):
        raise Invalid("A frame is a plane of numbers; this is not one.")
    if np.issubdtype(data.dtype, np.complexfloating):
        raise Invalid("A frame is a plane of real numbers; this one is complex.")
    if min(data.shape) < 16:
        raise Invalid("The frame is smaller than 16 pixels; nothing can be measured on it.")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(data, dtype=np.float32)


def saturation_of(data: NDArray[np.generic], told: float | None = None) -> float | None:
    """Return the value from which pixels are full, ADU: what was told, else a plateau's, else None."""
    if told is not None and np.isfinite(told) and told > 0:
        return float(told)
    # of a frame without any value, too
    return saturation_level(data) if np.isfinite(np.fmax.reduce(data, axis=None)) else None


def basic_mask(
    data: NDArray[np.float32],
    *,
    missing: NDArray[np.bool_] | None = None,
    excluded: NDArray[Any] | None = None,
    saturation: float | None = None,
) -> Bits:
    """Return the bits that need no sky: missing, excluded and saturated pixels, (height, width) uint8.

    Parameters
    ----------
    data : (height, width) float32
        NaN and infinities count as missing.
    missing : (height, width) bool, optional
        Where the file has no value.
    excluded : (height, width), optional
        The user's mask; above 0 (or NaN) is excluded.
    saturation : float, optional
        ADU from which on pixels are full.

    Raises
    ------
    Invalid
        A mask is of another size than the frame.

    """
    bits = np.zeros(data.shape, np.uint8)
    # a sum is finite only where all of its terms are: one cheap look first
    with np.errstate(invalid="ignore", over="ignore"):
        whole = bool(np.isfinite(np.sum(data, dtype=np.float64)))
    if not whole:
        bits[~np.isfinite(data)] |= MaskBit.MISSING
    if missing is not None:
        _same_size(missing.shape, data.shape, "the frame's own mask")
        bits[missing] |= MaskBit.MISSING
    if excluded is not None:
        _same_size(excluded.shape, data.shape, "the custom mask")
        with np.errstate(invalid="ignore"):
            bits[~(excluded <= 0)] |= MaskBit.EXCLUDED
    if saturation is not None:
        full = cv2.compare(data, float(saturation), cv2.CMP_GE)
        bits[(full > 0) & (bits == 0)] |= MaskBit.SATURATED
    return bits


def mark_pits(residual: NDArray[np.float32], background: Background, bits: Bits) -> int:
    """Mark pixels far below the sky in place and return how many; `residual` is the frame less its sky."""
    noise = background.noise.rows(0, residual.shape[0])
    low = cv2.compare(residual, -_PIT * noise, cv2.CMP_LT)
    places = nonzero_bytes(low)
    flat = bits.ravel()
    places = places[flat[places] == 0]
    flat[places] |= MaskBit.PIT
    return int(places.size)


def check_share(bits: Bits) -> float:
    """Return the share of pixels left out.

    Raises
    ------
    Invalid
        It is above 95 %.

    """
    share = cv2.countNonZero(bits) / bits.size
    if share > _MOST_MASKED:
        raise Invalid(
            f"{100 * share:.1f} % of the frame is masked (saturated, without values or excluded), more than "
            f"{100 * _MOST_MASKED:.0f} %; check the saturation level and the custom mask."
        )
    return share


def bridged(residual: NDArray[np.float32], bits: Bits, which: np.uint8) -> NDArray[np.float32]:
    """Return a copy whose pixels with one of the bits `which` hold the median of their good neighbours (5x5).

    Holes wider than that are filled from their rims inwards, and what is left is set to 0, the sky.
    """
    out = residual.copy()
    height, width = out.shape
    bad = cv2.copyMakeBorder(bits & which, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=255) > 0
    padded = cv2.copyMakeBorder(out, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    left = nonzero_bytes(bits & which)
    rows, columns = np.divmod(left, width)
    padded[rows + 2, columns + 2] = 0
    offset = np.arange(-2, 3)
    for _ in range(_ROUNDS):
        # a large hole (a user's mask) is not worth filling: nothing is measured there
        if not rows.size or rows.size > 0.02 * out.size:
            break
        y = rows[:, None, None] + 2 + offset[:, None]
        x = columns[:, None, None] + 2 + offset
        values = np.where(bad[y, x], np.nan, padded[y, x]).reshape(-1, 25)
        known = np.count_nonzero(~np.isnan(values), axis=1) >= 6
        padded[rows[known] + 2, columns[known] + 2] = np.nanmedian(values[known], axis=1)
        bad[rows[known] + 2, columns[known] + 2] = False
        rows, columns = rows[~known], columns[~known]
    out[:] = padded[2 : 2 + height, 2 : 2 + width]
    return out


def _same_size(one: tuple[int, ...], other: tuple[int, ...], what: str) -> None:
    if one != other:
        sizes = " by ".join(str(n) for n in reversed(one)), " by ".join(str(n) for n in reversed(other))
        raise Invalid(f"{what.capitalize()} is {sizes[0]} pixels large and the frame {sizes[1]}; they must agree.")
