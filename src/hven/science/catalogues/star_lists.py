"""A user's own catalogue: FITS table, VOTable, ECSV or CSV, with its columns recognised by their usual names."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.sky.sphere import angles, tangent_basis

Floats = NDArray[np.float64]

# Names as catalogues write them, in lower case, the more telling first.
RA_NAMES = (
    "ra", "raj2000", "ra_icrs", "_ra.icrs", "_raj2000", "_ra", "ra_j2000", "alpha_j2000", "alpha", "radeg", "ra_deg",
    "right_ascension", "rightascension", "ramean", "meanra", "rect", "ra2000",
)  # fmt: skip
DEC_NAMES = (
    "dec", "dej2000", "decj2000", "de_icrs", "_de.icrs", "_dej2000", "_de", "dec_icrs", "dec_j2000", "delta_j2000",
    "delta", "de", "dedeg", "decdeg", "dec_deg", "declination", "decmean", "meandec", "dec2000",
)  # fmt: skip
MAG_NAMES = (
    "phot_g_mean_mag", "gmag", "g_mag", "g", "mag", "mag_g", "magnitude", "vmag", "vtmag", "v", "mag_v",
    "phot_rp_mean_mag", "rpmag", "rmag", "r", "r_mag", "imag", "i", "mag_auto", "mag_best", "jmag", "j_m", "j", "kmag",
    "k_m", "bmag", "btmag", "bpmag", "w1mpro", "w1mag",
)  # fmt: skip
PMRA_NAMES = ("pmra", "pm_ra", "pmra_cosdec")
PMDEC_NAMES = ("pmdec", "pm_dec", "pmde")
EPOCH_NAMES = ("ref_epoch", "epoch", "refepoch")
FEWEST = 50
_MAS = np.radians(1 / 3600 / 1000)


@dataclass(frozen=True, slots=True)
class StarList:
    """Stars to make an index of, brightest first; arrays of one length n."""

    ra: Floats  # (n,), ICRS degrees
    dec: Floats
    mag: Floats
    columns: tuple[str, str, str]  # that they were read from
    left_out: int = 0  # rows without a place or a magnitude

    def __len__(self) -> int:
        return int(self.ra.size)

    @property
    def area_deg2(self) -> float:
        """The sky that the stars cover, square degrees, from the HEALPix cells that have any."""
        from astropy_healpix import healpy  # noqa: PLC0415 - needed when building only

        # the finest cells that chance leaves hardly any of empty: eight stars or more each
        cells, nside = 12, 1
        while nside < 1024:
            occupied = np.unique(healpy.ang2pix(2 * nside, self.ra, self.dec, nest=True, lonlat=True)).size
            if len(self) < 8 * occupied:
                break
            cells, nside = occupied, 2 * nside
        return float(cells * 41252.96 / (12 * nside**2))


def read_star_list(
    path: Path,
    *,
    ra: str = "",
    dec: str = "",
    mag: str = "",
    epoch: float | None = None,
    catalogue_epoch: float | None = None,
) -> StarList:
    """Read a catalogue.

    Parameters
    ----------
    path : Path
        FITS table, VOTable, ECSV or CSV.
    ra, dec, mag : str
        Columns; recognised by their usual names where not given.
    epoch : float, optional
        Julian year to which the stars are moved by the catalogue's own proper motions (columns pmra and pmdec,
        milliarcseconds a year, pmra times cos Dec).
    catalogue_epoch : float, optional
        Julian year of the catalogue's positions, where it has no column ref_epoch.

    Raises
    ------
    Invalid
        It is no table, lacks a column, or has too few stars with a place and a magnitude.
    """
    table = _read(path)
    if not len(table):
        raise Invalid(f"{path.name} is a table without rows.")
    names = list(table.colnames)
    columns = (
        _chosen(names, ra, RA_NAMES, "right ascension", "--ra"),
        _chosen(names, dec, DEC_NAMES, "declination", "--dec"),
        _chosen(names, mag, MAG_NAMES, "magnitude", "--mag"),
    )
    lon, lat = _angle(table[columns[0]], hours=True), _angle(table[columns[1]], hours=False)
    brightness = _numbers(table[columns[2]])
    if epoch is not None:
        lon, lat = _moved(table, lon, lat, epoch, catalogue_epoch)
    good = np.isfinite(lon) & np.isfinite(lat) & np.isfinite(brightness)
    good &= (np.abs(lat) <= 90) & (lon >= -360) & (lon <= 360) & (np.abs(brightness) < 60)
    if np.count_nonzero(good) < FEWEST:
        raise Invalid(
            f"{path.name} has {np.count_nonzero(good)} stars with a place and a magnitude in the columns "
            f"{', '.join(columns)}; an index takes at least {FEWEST}."
        )
    order = np.flatnonzero(good)[np.argsort(brightness[good], kind="stable")]
    return StarList(lon[order] % 360.0, lat[order], brightness[order], columns, int(good.size - order.size))


def write_star_table(stars: StarList, path: Path) -> None:
    """Write the table that `build-astrometry-index` reads: RA, DEC and MAG."""
    from astropy.io import fits  # noqa: PLC0415 - needed when building only

    columns = [
        fits.Column("RA", "D", array=stars.ra, unit="deg"),
        fits.Column("DEC", "D", array=stars.dec, unit="deg"),
        fits.Column("MAG", "E", array=stars.mag.astype(np.float32)),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)


def _read(path: Path) -> Any:
    from astropy.table import Table  # noqa: PLC0415 - needed when building only

    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.") from error
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if head.startswith(b"SIMPLE"):
        kinds: Sequence[str] = ("fits",)
    elif text.startswith("<"):
        _check_own_bytes(path)
        kinds = ("votable",)
    elif text.startswith("# %ECSV"):
        kinds = ("ascii.ecsv",)
    else:
        rows = [line for line in text.splitlines() if not line.startswith("#")]
        kinds = ("ascii.csv",) if rows and "," in rows[0] else ("ascii.tab", "ascii.basic")
    last: Exception | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of units and the like: what matters is checked below
        for kind in kinds:
            try:
                return Table.read(path, format=kind, **_options(path, kind))
            except Invalid:
                raise
            except Exception as wrong:  # noqa: BLE001 - the readers' own kinds of error are many
                last = wrong
    raise Invalid(f"{path.name} is no table that hven can read: take FITS, VOTable, ECSV or CSV.") from last


def _check_own_bytes(path: Path) -> None:
    """Refuse a VOTable whose rows lie elsewhere: astropy would open any file and ask any server that it names."""

    def look(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "STREAM" and "href" in attributes:
            raise Invalid(f"The rows of {path.name} lie in another file; save it as a table with its rows inside.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = look
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise Invalid(f"{path.name} is no well-formed XML ({error!s:.120}).") from error


def _options(path: Path, kind: str) -> dict[str, Any]:
    if kind == "fits":
        return {"hdu": _first_table(path)}
    return {"comment": "#"} if kind == "ascii.csv" else {}


def _first_table(path: Path) -> int:
    from astropy.io import fits  # noqa: PLC0415 - needed when building only

    with fits.open(path, memmap=True) as hdus:
        for number, hdu in enumerate(hdus):
            if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
                return number
    raise Invalid(f"{path.name} is a FITS file without a table.")


def _chosen(names: Sequence[str], given: str, usual: Sequence[str], what: str, option: str) -> str:
    by_lower = {name.lower(): name for name in reversed(names)}
    if given:
        if given.lower() not in by_lower:
            raise Invalid(f"The catalogue has no column {given}; it has {_some(names)}.")
        return by_lower[given.lower()]
    found = next((by_lower[name] for name in usual if name in by_lower), None)
    if found is None:
        raise Invalid(f"No column is recognised as the {what}; name it with {option}. There are {_some(names)}.")
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:30]) + (" and more" if len(names) > 30 else "")


def _numbers(column: Any) -> Floats:
    values = np.ma.filled(np.ma.asarray(column), np.nan) if column.dtype.kind == "f" else np.ma.asarray(column)
    try:
        if column.dtype.kind in "iu":
            return np.ma.filled(values.astype(float), np.nan)
        return np.asarray(np.ma.filled(np.ma.asarray(values, float), np.nan), np.float64)
    except (TypeError, ValueError) as error:
        raise Invalid(f"The column {column.name} does not hold numbers.") from error


def _angle(column: Any, *, hours: bool) -> Floats:
    """Return an angle in degrees: numbers in the column's unit, or sexagesimal text (hours of right ascension)."""
    from astropy import units  # noqa: PLC0415 - needed when building only

    if column.dtype.kind in "SUO":
        parsed = [_sexagesimal(str(text), hours=hours) for text in column]
        return np.asarray(parsed, np.float64)
    values = _numbers(column)
    unit = getattr(column, "unit", None)
    try:
        factor = float((1.0 * unit).to(units.deg).value) if unit is not None else 1.0
    except (units.UnitConversionError, TypeError, AttributeError):
        factor = 1.0  # a unit that is no angle says nothing
    return values * factor


def _sexagesimal(text: str, *, hours: bool) -> float:
    parts = re.findall(r"\d+(?:\.\d*)?", text)
    sign = -1.0 if re.match(r"\s*[-−]", text) else 1.0
    try:
        numbers = [float(part) for part in parts[:3]]
    except ValueError:
        return float("nan")
    if not numbers:
        return float("nan")
    if len(numbers) == 1 and not re.search(r"[h:]", text):
        return sign * numbers[0]
    value = float(sum(number / 60.0**place for place, number in enumerate(numbers)))
    return sign * value * (15.0 if hours and "°" not in text and "d" not in text.lower() else 1.0)


def _moved(table: Any, ra: Floats, dec: Floats, epoch: float, catalogue_epoch: float | None) -> tuple[Floats, Floats]:
    lower = {name.lower(): name for name in table.colnames}
    pm = [next((lower[n] for n in names if n in lower), None) for names in (PMRA_NAMES, PMDEC_NAMES)]
    if pm[0] is None or pm[1] is None:
        raise Invalid("The stars cannot be moved to another epoch: the catalogue has no columns pmra and pmdec.")
    column = next((lower[n] for n in EPOCH_NAMES if n in lower), None)
    if catalogue_epoch is None and column is None:
        raise Invalid(
            "The catalogue does not say of which epoch its positions are; say it with --catalogue-epoch "
            "(2016 for Gaia DR3)."
        )
    start = _numbers(table[column]) if catalogue_epoch is None and column else np.full(ra.size, catalogue_epoch)
    years = np.where(np.isfinite(start), epoch - np.asarray(start, float), 0.0)
    step = (years * _MAS)[:, None]
    motion_ra, motion_dec = (np.nan_to_num(_numbers(table[name])) for name in pm)
    known = np.isfinite(ra) & np.isfinite(dec)
    east, north, outward = tangent_basis(np.where(known, ra, 0.0), np.where(known, dec, 0.0))
    lon, lat = angles(outward + step * (motion_ra[:, None] * east + motion_dec[:, None] * north))
    return np.where(known, lon, np.nan), np.where(known, lat, np.nan)
