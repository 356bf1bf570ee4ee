"""Small squares of a frame's planes about a position, as one FITS file with the position's measurements."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.sky.wcs import Wcs

_LONGEST_VALUE = 60


def cut(plane: NDArray[np.generic], x: float, y: float, half: int) -> NDArray[np.generic]:
    """Return the square of 2 half + 1 pixels about a 0-based position; outside the frame NaN, or 0 for integers."""
    height, width = plane.shape
    column, row = round(x), round(y)
    if not (-half <= column < width + half and -half <= row < height + half):
        raise Invalid("A cutout was asked for at a position that is off the frame.")
    empty = np.nan if np.issubdtype(plane.dtype, np.floating) else 0
    square = np.full((2 * half + 1, 2 * half + 1), empty, plane.dtype)
    left, low = column - half, row - half
    x0, x1 = max(left, 0), min(column + half + 1, width)
    y0, y1 = max(low, 0), min(row + half + 1, height)
    if x0 < x1 and y0 < y1:
        square[y0 - low : y1 - low, x0 - left : x1 - left] = plane[y0:y1, x0:x1]
    return square


def shifted(wcs: Wcs, x: float, y: float, half: int) -> Wcs:
    """Return the projection of the square that `cut` returns."""
    left, low = round(x) - half, round(y) - half
    side = 2 * half + 1
    return Wcs(
        wcs.crval, (wcs.crpix[0] - left, wcs.crpix[1] - low), wcs.cd, side, side,
        wcs.sip_a, wcs.sip_b, wcs.sip_ap, wcs.sip_bp, wcs.radial,
    )  # fmt: skip


def write_cutout(
    path: Path, planes: Mapping[str, NDArray[np.generic]], x: float, y: float, half: int, *,
    cards: Mapping[str, Any], wcs: Wcs | None = None,
) -> None:  # fmt: skip
    """Write squares of planes (IMAGE, MASK, ...) as extensions; the empty primary HDU carries the cards.

    Values that are not finite are left out, since FITS cards cannot hold them.
    """
    primary = fits.PrimaryHDU()
    for name, value in cards.items():
        plain = _plain(value)
        if plain is not None:
            keyword = name if len(name) <= 8 and name.isupper() else f"HIERARCH {name}"
            primary.header[keyword] = plain
    hdus = [primary]
    for name, plane in planes.items():
        square = cut(plane, x, y, half)
        hdu = fits.ImageHDU(square.astype(np.uint8) if square.dtype == np.bool_ else square, name=name)
        if wcs is not None:
            own = shifted(wcs, x, y, half).to_cards()
            hdu.header.update({key: value for key, value in own.items() if key not in {"IMAGEW", "IMAGEH"}})
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path, overwrite=True)


def _plain(value: Any) -> str | float | int | bool | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("ascii", "replace").decode()[:_LONGEST_VALUE]
    return value if isinstance(value, bool | int | float) else None
