"""Turning stored numbers into a frame's arrays: byte order, scaling, missing values, luminance."""

from dataclasses import dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.frames.frame import Card

Mask = NDArray[np.bool_]
CHUNK_BYTES = 4 << 20

STORED = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # BITPIX -> numpy


@dataclass(frozen=True, slots=True)
class Storage:
    """How FITS stores a plane: value = BZERO + BSCALE * stored (standard 4.0, section 4.4.2.5)."""

    bitpix: int
    bscale: float = 1.0
    bzero: float = 0.0
    blank: int | None = None  # stored value of a pixel without a value; integers only

    @property
    def item_bytes(self) -> int:
        """Bytes of one pixel."""
        return abs(self.bitpix) // 8


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a reader of one format hands on: arrays, cards and notes as in Frame."""

    data: NDArray[Any]
    rgb: NDArray[Any] | None
    mask: Mask | None
    cards: tuple[Card, ...]
    plane: str
    notes: tuple[str, ...]
    stored: NDArray[Any] | None = None


def read_plane(source: BinaryIO, at: int, shape: tuple[int, int], storage: Storage) -> tuple[NDArray[Any], Mask | None]:
    """Read a plane of (height, width) that begins at byte `at`.

    Returns uint8, uint16 (unsigned 16 bit, and signed 16 bit without negatives) or float32, and the mask of
    pixels without value (None where all have one). The caller has checked the size against its limits.
    """
    source.seek(at)
    scaled = storage.bscale != 1.0
    if storage.bitpix == 8 and not scaled and storage.bzero == 0:
        return _blanked(_fill(source, np.empty(shape, np.uint8)), storage.blank)
    if storage.bitpix == 16 and not scaled and storage.bzero == 32768:
        data = _fill(source, np.empty(shape, np.uint16)).byteswap(inplace=True)
        data ^= np.uint16(0x8000)
        return _blanked(data, None if storage.blank is None else storage.blank + 32768)
    if storage.bitpix == -32 and not scaled and storage.bzero == 0:
        return without_gaps(_fill(source, np.empty(shape, np.float32)).byteswap(inplace=True))
    if storage.bitpix == 16 and not scaled and storage.bzero == 0 and storage.blank is None:
        signed = _fill(source, np.empty(shape, np.int16)).byteswap(inplace=True)
        if signed.min(initial=0) >= 0:
            return signed.view(np.uint16), None
        return signed.astype(np.float32), None
    return _read_scaled(source, shape, storage)


def _read_scaled(source: BinaryIO, shape: tuple[int, int], storage: Storage) -> tuple[NDArray[Any], Mask | None]:
    """Convert in bands of rows, so that a 64-bit frame never lies in memory whole."""
    height, width = shape
    out = np.empty(shape, np.float32)
    rows = max(1, CHUNK_BYTES // max(1, width * storage.item_bytes))
    for top in range(0, height, rows):
        band = _fill(source, np.empty((min(rows, height - top), width), STORED[storage.bitpix]))
        with np.errstate(over="ignore", invalid="ignore"):  # of values that no float holds
            values = band.astype(np.float64)  # float32 would lose digits of 32-bit numbers before BZERO is added
            if storage.bscale != 1.0:
                values *= storage.bscale
            values += storage.bzero
            if storage.blank is not None and storage.bitpix > 0:
                values[band == storage.blank] = np.nan
            out[top : top + len(band)] = values
    return without_gaps(out)


def _fill(source: BinaryIO, array: NDArray[Any]) -> NDArray[Any]:
    view = memoryview(array.data).cast("B") if array.size else memoryview(b"")
    done = 0
    while done < len(view):
        count = source.readinto(view[done:])  # type: ignore[attr-defined]  # binary files and BytesIO have it
        if not count:
            raise Invalid(f"The file is cut short: {len(view) - done:,} bytes of the image are missing.")
        done += count
    return array


def _blanked(data: NDArray[Any], blank: int | None) -> tuple[NDArray[Any], Mask | None]:
    if blank is None or not 0 <= blank <= np.iinfo(data.dtype).max:
        return data, None
    mask = data == blank
    if not mask.any():
        return data, None
    data[mask] = _typical(data, mask)
    return data, mask


def without_gaps(data: NDArray[np.float32]) -> tuple[NDArray[np.float32], Mask | None]:
    """Replace NaN and infinities, in place, by the median of the rest, and return the mask of them."""
    rows = max(1, CHUNK_BYTES // max(1, data.shape[1] * 4))
    # A sum shows a NaN or infinity without a mask of the whole frame; it may overflow, hence the second look
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = any(not np.isfinite(data[top : top + rows].sum()) for top in range(0, len(data), rows))
    if not suspect:
        return data, None
    mask = ~np.isfinite(data)
    if not mask.any():
        return data, None
    data[mask] = _typical(data, mask)
    return data, mask


def plain_type(values: NDArray[Any]) -> tuple[NDArray[Any], Mask | None]:
    """Return (height, width[, 3]) as uint8, uint16 or float32, and the mask of pixels without a value."""
    if values.dtype in (np.uint8, np.uint16) and values.dtype.isnative:
        return values, None
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return values.astype(np.uint16), None
    if values.dtype.kind in "iu" and values.size and values.min() >= 0 and values.max() <= 65535:
        return values.astype(np.uint16), None  # a 16-bit picture in Pillow's 32-bit mode
    with np.errstate(over="ignore", invalid="ignore"):
        floats = values.astype(np.float32)
    if floats.ndim == 2:
        return without_gaps(floats)
    filled, gaps = without_gaps(floats.reshape(len(floats), -1))
    mask = None if gaps is None else np.asarray(gaps.reshape(floats.shape).any(axis=-1))
    return filled.reshape(floats.shape), mask


def _typical(data: NDArray[Any], mask: Mask) -> Any:
    step = max(1, int(np.sqrt(data.size / 200_000)))
    sample = data[::step, ::step][~mask[::step, ::step]]
    if not sample.size:
        sample = data[~mask]
    return data.dtype.type(np.median(sample)) if sample.size else data.dtype.type(0)


def luminance(rgb: NDArray[Any]) -> NDArray[Any]:
    """Return 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) of (height, width, 3), in the type given."""
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    return grey if grey.dtype != np.float32 else finite_or(grey, rgb[..., 1])


def finite_or(values: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Put the others where sums of values near the largest float have overflown; in place."""
    bad = ~np.isfinite(values)
    if bad.any():
        values[bad] = others[bad]
    return values


def is_grey(rgb: NDArray[Any]) -> bool:
    """Say whether the three colours are the same everywhere; a coarse look comes first."""
    for part in (rgb[:: max(1, len(rgb) // 16)], rgb):
        if not (np.array_equal(part[..., 0], part[..., 1]) and np.array_equal(part[..., 1], part[..., 2])):
            return False
    return True
