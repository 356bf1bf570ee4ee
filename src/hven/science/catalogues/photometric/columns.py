"""Which column of somebody's table is what: names as VizieR, the archives and people write them, and what is checked.

Case matters for magnitudes (G is Gaia's, g is Pan-STARRS's) and for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.catalogues.photometric.filters import FILTERS, error_column, magnitude_column, normalise
from hven.science.catalogues.star_lists import DEC_NAMES, PMDEC_NAMES, PMRA_NAMES, RA_NAMES

RA, DEC, PMRA, PMDEC, NAME = "RAJ2000", "DEJ2000", "pmRA", "pmDE", "id"
_RA_NAMES = (*RA_NAMES, "raicrs", "alphawin_j2000", "alpha_sky", "s_ra")
_DEC_NAMES = (*DEC_NAMES, "deicrs", "decicrs", "deltawin_j2000", "delta_sky", "s_dec")
_ID_NAMES = ("id", "objid", "source", "source_id", "objectid", "object_id", "2mass", "sdss16", "srcid")
_K = {"Ks": ("Ks", "K"), "BP": ("BP", "bp"), "RP": ("RP", "rp")}
_OWN = {  # archives' names that follow no form
    "G": ("phot_g_mean_mag",), "BP": ("phot_bp_mean_mag",), "RP": ("phot_rp_mean_mag",),
    "J": ("j_m",), "H": ("h_m",), "Ks": ("k_m",),
}  # fmt: skip
_FORMS = ("{}mag", "{}_mag", "{}PSF", "{}MeanPSFMag", "{}ap3", "{}_psf", "psfMag_{}", "mag_{}", "{}")
_ERROR_FORMS = (
    "e_{}", "{}_err", "{}_error", "err_{}", "{}err", "{}Err", "{}_e", "d{}", "sigma_{}", "{}_sigma",
)  # fmt: skip
_ERROR_OF_KEY = ("e_{}", "{}_err", "{}err", "e{}", "err_{}", "{}magerr", "{}mag_err", "psfMagErr_{}", "{}_msigcom")
_BRIGHTEST, _FAINTEST = -5.0, 40.0


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Of each column that is kept the name in the source: places, magnitudes and errors by their keys of filters."""

    ra: str
    dec: str
    magnitudes: Mapping[str, str]
    errors: Mapping[str, str]
    pmra: str = ""
    pmdec: str = ""
    identifier: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The source's columns that are read, each once."""
        names = (self.ra, self.dec, *self.magnitudes.values(), *self.errors.values(), self.pmra, self.pmdec,
                 self.identifier)  # fmt: skip
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def kept(self) -> dict[str, str]:
        """The source's names by the names that the columns have from then on."""
        named = {RA: self.ra, DEC: self.dec}
        for key, name in self.magnitudes.items():
            named[magnitude_column(key)] = name
            if key in self.errors:
                named[error_column(key)] = self.errors[key]
        named |= {PMRA: self.pmra, PMDEC: self.pmdec, NAME: self.identifier}
        return {name: source for name, source in named.items() if source}

    @property
    def without_errors(self) -> tuple[str, ...]:
        """The filters whose magnitudes come without errors."""
        return tuple(key for key in self.magnitudes if key not in self.errors)


def parse_columns(text: str) -> dict[str, str]:
    """Read ``ra=RightAsc,dec=Decl,r=r_cal,e_r=dr`` into names by what they are.

    Raises
    ------
    Invalid
        A part has no name, or its left side is neither ra, dec, pmra, pmdec, id nor a filter, with e_ before it for
        its error.
    """
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        left, equals, name = (side.strip() for side in part.partition("="))
        if not equals or not name:
            raise Invalid(
                f"`{part}` does not say which column is meant; write for instance ra=RightAsc,r=r_cal,e_r=dr."
            )
        if left.lower() in {"ra", "dec", "pmra", "pmdec", "id"}:
            found[left.lower()] = name
            continue
        key = normalise(left.removeprefix("e_"))
        if key is None:
            raise Invalid(
                f"`{left}` is neither ra, dec, pmra, pmdec, id nor a filter; filters are {', '.join(FILTERS)}, "
                "and e_ before one means its errors."
            )
        found[f"e_{key}" if left.startswith("e_") else key] = name
    return found


def recognise(names: Sequence[str], given: Mapping[str, str] | None = None, what: str = "The table") -> ColumnMap:
    """Return which of a table's columns are what.

    Parameters
    ----------
    names
        The table's columns.
    given
        What somebody says, as of `parse_columns`; it wins.
    what
        How the table is called in sentences.

    Raises
    ------
    Invalid
        There is no place or no magnitude, or a column that was named does not exist.
    """
    given = dict(given or {})
    for name in given.values():
        if name not in names:
            raise Invalid(f"{what} has no column {name}; it has {listed(names)}.")
    ra = given.pop("ra", "") or _first(names, _RA_NAMES)
    dec = given.pop("dec", "") or _first(names, _DEC_NAMES)
    for name, word in ((ra, "right ascension"), (dec, "declination")):
        if not name:
            raise Invalid(
                f"{what} has no column that is known as {word}; name it with --columns "
                f"{'ra' if word[0] == 'r' else 'dec'}=NAME. It has {listed(names)}."
            )
    pmra = given.pop("pmra", "") or _first(names, PMRA_NAMES)
    pmdec = given.pop("pmdec", "") or _first(names, PMDEC_NAMES)
    identifier = given.pop("id", "") or _first(names, _ID_NAMES)
    magnitudes = {key: name for key in FILTERS if (name := given.get(key) or _magnitude(key, names))}
    if not magnitudes:
        raise Invalid(
            f"{what} has no column that is known as a magnitude; name them with --columns r=NAME,e_r=NAME "
            f"(filters are {', '.join(FILTERS)}). It has {listed(names)}."
        )
    errors = {
        key: error for key, name in magnitudes.items() if (error := given.get(f"e_{key}") or _error(key, name, names))
    }
    if not (pmra and pmdec):
        pmra = pmdec = ""
    return ColumnMap(ra, dec, magnitudes, errors, pmra, pmdec, identifier)


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return names for a sentence, the first few of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def check_places(ra: NDArray[np.float64], dec: NDArray[np.float64], what: str, *, sure_of_unit: bool) -> None:
    """Raise Invalid where numbers cannot be places in degrees: out of range, or radians or hours by all appearance.

    Parameters
    ----------
    ra, dec
        Shape (n,), degrees; NaN where missing.
    what
        How the table is called in sentences.
    sure_of_unit
        Whether the table or its owner says that they are degrees.
    """
    good = np.isfinite(ra) & np.isfinite(dec)
    if not good.any():
        raise Invalid(f"{what} has no row with a place.")
    lon, lat = ra[good], dec[good]
    if np.abs(lat).max() > 90:
        raise Invalid(f"{what} has declinations of up to {np.abs(lat).max():.6g}; they go from -90 to 90 degrees.")
    if lon.min() < -180 or lon.max() > 360.0001:
        raise Invalid(
            f"{what} has right ascensions from {lon.min():.6g} to {lon.max():.6g}; they go from 0 to 360 degrees "
            "(or from -180 to 180)."
        )
    if sure_of_unit or good.sum() < 20:
        return
    wide, high = float(np.ptp(lon)), float(np.ptp(lat))
    if np.abs(lat).max() <= np.pi / 2 and lon.max() <= 2 * np.pi and (wide > 4 or lon.min() < 0) and high > 1:
        raise Invalid(f"The places of {what[0].lower() + what[1:]} look like radians; say --unit rad, or --unit deg.")
    if lon.min() >= 0 and 20 < lon.max() <= 24 and wide > 20 and high > 60:
        raise Invalid(
            f"The right ascensions of {what[0].lower() + what[1:]} look like hours; say --unit hour, or --unit deg."
        )


def clean_magnitudes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return magnitudes with NaN for what means "none": archives' sentinels, and numbers that are no magnitudes."""
    with np.errstate(invalid="ignore"):
        bad = ~((values > _BRIGHTEST) & (values < _FAINTEST))
    return np.where(bad, np.nan, values)


def clean_errors(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return errors with NaN for what is none: negative, or a magnitude and more."""
    with np.errstate(invalid="ignore"):
        bad = ~((values >= 0) & (values < 5))
    return np.where(bad, np.nan, values)


def _first(names: Sequence[str], known: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in known if name in by_lower), "")


def _magnitude(key: str, names: Sequence[str]) -> str:
    for form in _FORMS:
        for letter in _K.get(key, (key,)):
            if (name := form.format(letter)) in names:
                return name
    for name in _OWN.get(key, ()):
        if name in names:
            return name
    # a name with its system in words: "sdss_r_mag", "Johnson V"
    return next((name for name in names if _means(name, key)), "")


def _means(name: str, key: str) -> bool:
    bare = re.sub(r"[\s_\-]*(?:psf)?mag(?:nitude)?$", "", name, flags=re.IGNORECASE)
    return len(bare) > len(key) + 1 and normalise(bare) == key


def _error(key: str, name: str, names: Sequence[str]) -> str:
    forms = [form.format(name) for form in _ERROR_FORMS]
    forms += [form.format(letter) for letter in _K.get(key, (key,)) for form in _ERROR_OF_KEY]
    forms += [f"{name.replace('Mag', 'MagErr')}", f"{name.replace('mag', 'magerr')}", f"{name}_error",
              f"phot_{key.lower()}_mean_mag_error", f"{key[0].lower()}_msigcom"]  # fmt: skip
    return next((form for form in forms if form in names and form != name), "")
