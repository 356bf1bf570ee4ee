"""Changing the working copy of a frame: repair of headers, cutting out a part, taking stripes off.

All three read a FITS file and write another; the plane keeps its type, rows their order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from hven.errors import Invalid, TooLarge
from hven.science.frames.frame import Frame
from hven.science.frames.limits import DEFAULT_LIMITS, Limits

DIRECTIONS = ("horizontal", "vertical", "both")
_NUMBERS = (
    "GAIN", "EGAIN", "SATURATE", "EXPTIME", "EXPOSURE", "RDNOISE", "READNOIS", "MJD", "MJD-OBS", "JD", "AIRMASS",
    "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "CDELT1", "CDELT2", "CROTA1", "CROTA2",
    "EQUINOX", "FOCALLEN", "XPIXSZ", "YPIXSZ",
)  # fmt: skip
# What IRAF and mosaic software leave behind; readers of projections stumble over it.
_LEFTOVERS = (
    "WAT0_", "WAT1_", "WAT2_", "LTM", "LTV", "WCSDIM", "WAXMAP", "DATASEC", "TRIMSEC", "BIASSEC", "CCDSEC", "DETSEC",
    "AMPSEC",
)  # fmt: skip
_GUARD = 3.0  # clipped deviations within which a pixel counts as sky


def write_plane(frame: Frame, path: Path) -> None:
    """Write a frame's plane with its header as a plain FITS file; pixels without a value become NaN."""
    data: NDArray[Any] = frame.data if frame.stored is None else frame.stored
    if frame.mask is not None and frame.mask.any():
        data = data.astype(np.float32)
        data[frame.mask] = np.nan
    header = fits.Header()
    for card in frame.cards:
        if _structural(card.keyword):
            continue
        try:
            if card.keyword in {"COMMENT", "HISTORY"}:
                header.add_history(str(card.value)) if card.keyword == "HISTORY" else header.add_comment(
                    str(card.value)
                )
            else:
                header.append((card.keyword, card.value, card.comment), end=True)
        except (ValueError, TypeError):
            continue  # a card that FITS cannot hold, as of other formats
    fits.PrimaryHDU(data, header).writeto(path, overwrite=True, output_verify="silentfix+ignore")


def repair(source: Path, target: Path, *, limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """Mend a FITS header so that other software reads it; return what was done, in sentences.

    Numbers that stand as text become numbers, PV terms get the projection that has them (TPV), leftovers of IRAF go.

    Raises
    ------
    Invalid, TooLarge
        The file holds no plane, or one of more pixels than may be.
    """
    data, header = _plane(source, limits)
    said = repair_header(header)
    _write(target, data, header)
    return said or ["The header was in order."]


def repair_header(header: fits.Header) -> list[str]:
    """Mend a header in place; return what was done, in sentences."""
    said = []
    for name in _NUMBERS:
        value = header.get(name)
        if isinstance(value, str):
            number = _number(value)
            if number is not None:
                header[name] = number
                said.append(f"{name} stood as text and is a number now.")
    for axis in (1, 2):
        ctype = str(header.get(f"CTYPE{axis}", ""))
        if ctype.endswith("-TAN") and any(f"PV{axis}_{term}" in header for term in range(4, 40)):
            header[f"CTYPE{axis}"] = ctype[:-4] + "-TPV"
            said.append(f"CTYPE{axis} says TPV now, since PV terms describe a distortion.")
    if "CD1_1" in header and any(name in header for name in ("PC1_1", "CDELT1", "CROTA2")):
        for name in ("PC1_1", "PC1_2", "PC2_1", "PC2_2", "CDELT1", "CDELT2", "CROTA1", "CROTA2"):
            header.remove(name, ignore_missing=True)
        said.append("A second, older form of the projection's matrix was taken out.")
    gone = [name for name in header if name.startswith(_LEFTOVERS)]
    for name in dict.fromkeys(gone):
        header.remove(name, ignore_missing=True, remove_all=True)
    if gone:
        said.append(f"Leftovers of other software were taken out: {', '.join(dict.fromkeys(gone))}.")
    return said


def crop(  # noqa: PLR0917 - four corners
    source: Path,
    target: Path,
    x1: int | None = None,
    y1: int | None = None,
    x2: int | None = None,
    y2: int | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[int, int]:
    """Keep columns x1 <= x < x2 and rows y1 <= y < y2; return the new width and height.

    Pixels count from 0, negative ones from the far edge; what is not given is the frame's edge. The projection follows.

    Raises
    ------
    Invalid, TooLarge
        The file holds no plane, one of more pixels than may be, or nothing would be left.
    """
    data, header = _plane(source, limits)
    height, width = data.shape
    left, right, _ = slice(x1, x2).indices(width)
    low, high, _ = slice(y1, y2).indices(height)
    if right <= left or high <= low:
        raise Invalid(f"Nothing would be left: the frame has {width} columns and {height} rows, counted from 0.")
    for name, shift in (("CRPIX1", left), ("CRPIX2", low)):
        if isinstance(header.get(name), int | float):
            header[name] = header[name] - shift
    for name in [name for name in header if name.startswith(("LTV", "DATASEC", "TRIMSEC", "CCDSEC", "DETSEC"))]:
        header.remove(name, ignore_missing=True)
    header.add_history(f"hven: cut to columns {left} to {right - 1}, rows {low} to {high - 1}, counted from 0")
    _write(target, data[low:high, left:right], header)
    return right - left, high - low


def destripe(source: Path, target: Path, direction: str = "both", *, limits: Limits = DEFAULT_LIMITS) -> None:
    """Take off stripes along rows (horizontal), columns (vertical) or both.

    Each row's sky is its clipped median; what it differs by from the running median of its neighbours is a stripe.
    Slow changes of the sky stay.

    Raises
    ------
    Invalid, TooLarge
        There is no such direction, the file holds no plane, or one of more pixels than may be.
    """
    if direction not in DIRECTIONS:
        raise Invalid(f"The direction is one of {', '.join(DIRECTIONS)}.")
    data, header = _plane(source, limits)
    pixels = data.astype(np.float32)
    if direction in {"horizontal", "both"}:
        pixels -= _stripes(pixels)[:, None]
    if direction in {"vertical", "both"}:
        pixels -= _stripes(pixels.T)[None, :]
    header.add_history(f"hven: {direction} stripes taken off")
    for name in ("BSCALE", "BZERO"):
        header.remove(name, ignore_missing=True)
    _write(target, pixels, header)


def _stripes(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much each row's sky differs from its neighbours', (rows,)."""
    level = np.nanmedian(pixels, axis=1)
    scatter = 1.4826 * np.nanmedian(np.abs(pixels - level[:, None]), axis=1)
    sky = np.where(np.abs(pixels - level[:, None]) <= _GUARD * scatter[:, None] + 1e-6, pixels, np.nan)
    with np.errstate(all="ignore"):
        level = np.where(np.isfinite(sky).any(axis=1), np.nanmedian(sky, axis=1), level)
    level = np.nan_to_num(level, nan=float(np.nanmedian(level)))
    window = min(max(65, level.size // 8) | 1, level.size)
    return np.asarray(level - median_filter(level, size=window, mode="nearest"), np.float32)


def _plane(path: Path, limits: Limits) -> tuple[NDArray[Any], fits.Header]:
    """Return the first plane of a FITS file and its header."""
    try:
        with fits.open(path, memmap=False) as hdus:
            for hdu in hdus:
                if hdu.is_image and len(hdu.shape) >= 2:
                    if np.prod(hdu.shape, dtype=float) > limits.max_pixels:
                        raise TooLarge(f"The frame has more than {limits.max_pixels:,} pixels.")
                    header = hdus[0].header.copy() + hdu.header if hdu is not hdus[0] else hdu.header.copy()
                    data = hdu.data
                    while data.ndim > 2:
                        data = data[0]
                    return np.asarray(data), header
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Invalid("The frame cannot be read as a FITS image.") from error
    raise Invalid("The file holds no picture.")


def _write(path: Path, data: NDArray[Any], header: fits.Header) -> None:
    for name in [name for name in header if _structural(name)]:
        header.remove(name, ignore_missing=True, remove_all=True)
    fits.PrimaryHDU(np.ascontiguousarray(data), header).writeto(path, overwrite=True, output_verify="silentfix+ignore")


def _structural(name: str) -> bool:
    return (
        name in {"SIMPLE", "XTENSION", "BITPIX", "EXTEND", "PCOUNT", "GCOUNT", "BSCALE", "BZERO", "BLANK", "CHECKSUM",
                 "DATASUM", "EXTNAME", "EXTVER", "GROUPS", "END", ""}
        or name.startswith(("NAXIS", "ZNAXIS", "ZTILE", "ZNAME", "ZVAL"))
        or name in {"ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZQUANTIZ", "ZDITHER0", "TFIELDS", "TTYPE1", "TFORM1"}
    )  # fmt: skip


def _number(text: str) -> float | int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() and "." not in text and "e" not in text.lower() else number
