"""Cutouts: small squares about a candidate, with its row, in one FITS file."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hven.errors import Invalid, TooLarge
from hven.science.sky.wcs import Wcs

PLANES = ("IMAGE", "MASK", "TEMPLATE", "CONVOLVED", "DIFF", "ERR", "FOOTPRINT", "FILTERED", "ADJUSTED")
_CAPITALS = {
    name.lower(): name for name in ("FLUX_RADIUS", "NUMBER", "MAG_AUTO", "ISOAREA_IMAGE", "FLUX_MAX", "FLUX_AUTO")
}
_LONGEST, _LONGEST_HIERARCH = 60, 40  # characters of a text in a card, and in one with a long keyword
_STRUCTURE = {"SIMPLE", "BITPIX", "NAXIS", "EXTEND", "COMMENT", "HISTORY", "", "TIME", "NAME"}


@dataclass(frozen=True, slots=True)
class Cutout:
    """A candidate's surroundings."""

    name: str  # J<hours minutes seconds><degrees minutes seconds>
    row: dict[str, Any]  # of the list of candidates
    planes: dict[str, NDArray[np.generic]]  # by name of PLANES, (2 n + 1, 2 n + 1) each
    time: str = ""  # of the frame, UTC, ISO 8601
    wcs: Wcs | None = field(default=None)  # of the squares


def object_name(ra: float, dec: float) -> str:
    """Return the name of a position (ICRS degrees): J100027.90+021220.8; cut, not rounded, as the IAU asks."""
    hours = math.floor((ra % 360.0) / 15 * 3600 * 100 + 1e-6)
    arcs = math.floor(abs(dec) * 3600 * 10 + 1e-6)
    sign = "-" if dec < 0 else "+"
    h, rest = divmod(hours, 360_000)
    m, s = divmod(rest, 6000)
    d, left = divmod(arcs, 36_000)
    minutes, seconds = divmod(left, 600)
    return f"J{h:02d}{m:02d}{s // 100:02d}.{s % 100:02d}{sign}{d:02d}{minutes:02d}{seconds // 10:02d}.{seconds % 10}"


def cut_square(image: NDArray[np.generic], x: float, y: float, half: int) -> NDArray[np.generic]:
    """Return (2 half + 1)^2 pixels about the pixel nearest to a place; NaN (or 1, in masks) beyond the frame."""
    height, width = image.shape
    column, row = round(float(x)), round(float(y))
    size = 2 * half + 1
    dtype = image.dtype
    if dtype == np.bool_:
        out: NDArray[Any] = np.ones((size, size), np.uint8)
    elif np.issubdtype(dtype, np.integer):
        out = np.zeros((size, size), dtype)
    else:
        out = np.full((size, size), np.nan, np.float32)
    x0, x1, y0, y1 = (
        max(column - half, 0),
        min(column + half + 1, width),
        max(row - half, 0),
        min(row + half + 1, height),
    )
    if x1 > x0 and y1 > y0:
        out[y0 - row + half : y1 - row + half, x0 - column + half : x1 - column + half] = image[y0:y1, x0:x1]
    return out


def cut_out(
    images: Mapping[str, NDArray[np.generic]],
    row: Mapping[str, Any],
    half: int,
    *,
    wcs: Wcs | None = None,
    time: str = "",
    name: str = "",
) -> Cutout:
    """Cut a candidate out of frames on one grid.

    Parameters
    ----------
    images : mapping of str to (height, width)
        Frames by name of PLANES.
    row : mapping
        The candidate's, with x and y, 0-based pixels (and ra, dec for its name).
    half : int
        Pixels on each side of the middle one.

    Raises
    ------
    Invalid
        The row has no place, or a frame has an unknown name.

    """
    values = {str(key): _plain(row[key]) for key in row}
    x, y = values.get("x"), values.get("y")
    if not (isinstance(x, float) and isinstance(y, float) and math.isfinite(x) and math.isfinite(y)):
        raise Invalid("A cutout needs a place on the frame.")
    unknown = [key for key in images if key not in PLANES]
    if unknown:
        raise Invalid(f"A cutout has no plane {unknown[0]}; it has {', '.join(PLANES)}.")
    if not 1 <= half <= 2000:
        raise Invalid("A cutout reaches between 1 and 2000 pixels from its middle.")
    planes = {key: cut_square(images[key], x, y, half) for key in PLANES if key in images}
    local = None
    if wcs is not None:
        shift = round(x) - half, round(y) - half
        size = 2 * half + 1
        local = replace(wcs, crpix=(wcs.crpix[0] - shift[0], wcs.crpix[1] - shift[1]), width=size, height=size)
    if not name:
        ra, dec = values.get("ra"), values.get("dec")
        name = object_name(ra, dec) if isinstance(ra, float) and isinstance(dec, float) else f"X{x:.0f}Y{y:.0f}"
    return Cutout(name, values, planes, time, local)


def write_cutout(path: Path, cutout: Cutout) -> None:
    """Write a cutout as FITS: an empty primary with the row, and an extension for each plane."""
    primary = fits.PrimaryHDU()
    for key, value in cutout.row.items():
        keyword = f"HIERARCH {key}" if len(key) > 8 else key
        primary.header[keyword] = _card_value(value, _LONGEST_HIERARCH if len(key) > 8 else _LONGEST)
    primary.header["TIME"] = _card_value(cutout.time)
    primary.header["NAME"] = _card_value(cutout.name)
    hdus = [primary]
    for name in PLANES:
        if name not in cutout.planes:
            continue
        plane = cutout.planes[name]
        stored = plane.astype(np.uint8) if plane.dtype == np.bool_ else plane
        hdu = fits.ImageHDU(np.asarray(stored), name=name)
        if cutout.wcs is not None:
            hdu.header.update(cutout.wcs.to_cards())
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path, overwrite=True)


def read_cutout(source: Path | bytes, *, most_pixels: int = 9 * 4001 * 4001) -> Cutout:
    """Read a cutout from a file or its bytes.

    Raises
    ------
    Invalid
        It is none.
    TooLarge
        Its planes have more pixels together than may be.

    """
    try:
        with _quiet(), fits.open(io.BytesIO(source) if isinstance(source, bytes) else source, memmap=False) as hdus:
            header = hdus[0].header
            row = {
                _CAPITALS.get(card.keyword.lower(), card.keyword.lower()): _read(card.value)
                for card in header.cards
                if card.keyword not in _STRUCTURE
            }
            held = [hdu for hdu in hdus[1:] if hdu.name in PLANES and hdu.is_image and len(hdu.shape) == 2]
            # Compressed planes say their size here before a byte of them is unpacked.
            if sum(math.prod(hdu.shape) for hdu in held) > most_pixels:
                raise TooLarge(f"The cutout has more than {most_pixels:,} pixels.")
            planes = {hdu.name: np.asarray(hdu.data) for hdu in held}
            cards = dict(hdus[next(iter(planes))].header) if planes else {}
            name, time = str(header.get("NAME", "")), str(header.get("TIME", ""))
    except (OSError, ValueError, TypeError, KeyError, IndexError, fits.VerifyError) as error:
        raise Invalid("The file is no cutout.") from error
    if not planes:
        raise Invalid("The file holds no plane of a cutout.")
    first = next(iter(planes.values()))
    return Cutout(name, row, planes, time, Wcs.from_cards(cards, first.shape[1], first.shape[0]))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep astropy from warning of a file that is refused anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        yield


def _card_value(value: Any, longest: int = _LONGEST) -> Any:
    """Return what a card can hold: no NaN (undefined is read back as that), and short ASCII."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        ascii_ = value.encode("ascii", "replace").decode()
        return "".join(c if c.isprintable() else "?" for c in ascii_)[:longest]
    return value


def _plain(value: Any) -> Any:
    """Return a table's value as a plain Python one."""
    if np.ma.is_masked(value):
        return math.nan
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating | float):
        return float(value)
    if isinstance(value, int | str):
        return value
    return str(value)


def _read(value: Any) -> Any:
    return math.nan if isinstance(value, fits.card.Undefined) or value is None else value
