"""The index files of the astrometry.net solver that are installed: what they cover.

A file's primary header says how large the asterisms in it are (SCALE_L, SCALE_U, radians), how many stars each
has (DIMQUADS) and, for series that are cut into tiles, which HEALPix it holds (HEALPIX of HPNSIDE, -1: all sky).
See Lang et al. (2010, AJ 139, 1782).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from hven.errors import Invalid

_BLOCK = 2880
_MOST_BLOCKS = 64
_SUFFIXES = (".fits", ".fit")
_OWN = re.compile(r"own-(?P<name>.+?)-[0-9]{2}(-t[0-9]+)?\.fits")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """One index file."""

    path: Path
    index_id: int
    quad_low_arcmin: float  # sizes of the asterisms
    quad_high_arcmin: float
    stars_per_quad: int  # 3: triangles, 4: quads
    stars: int
    quads: int
    healpix: int  # -1 for the whole sky
    nside: int
    size_bytes: int

    @property
    def series(self) -> str:
        """The series that the file belongs to, in words."""
        names = {
            41: "4100 (Tycho-2)", 42: "4200 (2MASS)", 50: "5000 (Gaia DR2)", 52: "5200 (Tycho-2, Gaia DR2)",
            60: "6000 (GALEX NUV)", 61: "6100 (GALEX FUV)",
        }  # fmt: skip
        return names.get(self.index_id // 100) or (f"{self.own_name} (own)" if self.own_name else "own")

    @property
    def own_name(self) -> str:
        """The name under which `hven index build` made it; empty for all others."""
        found = _OWN.fullmatch(self.path.name)
        return found["name"] if found else ""

    @property
    def key(self) -> tuple[int, int, int]:
        """What makes it the same index as another: its number and its tile."""
        return self.index_id, self.nside, self.healpix

    @property
    def field_low_deg(self) -> float:
        """Width of the narrowest frame that this file can be expected to place."""
        return self.quad_low_arcmin / 60 * 1.5

    @property
    def field_high_deg(self) -> float:
        """Width of the widest frame for which asterisms of this size are useful."""
        return self.quad_high_arcmin / 60 * 5


def find_indexes(folders: Iterable[Path]) -> tuple[IndexFile, ...]:
    """Return the index files in these folders (and not below them), widest asterisms first.

    Files that are no index are passed over; of the same file in two folders the first counts.
    """
    found: dict[tuple[int, int, int], IndexFile] = {}
    for folder in folders:
        try:
            paths = sorted(p for p in Path(folder).iterdir() if p.suffix in _SUFFIXES)
        except OSError:
            continue
        for path in paths:
            try:
                status = path.stat()
            except OSError:
                continue
            index = _read(path, status.st_size, status.st_mtime_ns)
            if index is not None:
                found.setdefault(index.key, index)
    return tuple(sorted(found.values(), key=lambda i: (-i.quad_low_arcmin, i.index_id, i.healpix, str(i.path))))


def read_index(path: Path) -> IndexFile:
    """Return what a file's primary header says.

    Raises
    ------
    Invalid
        It is no index file, or cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.") from error
    index = _read(path, status.st_size, status.st_mtime_ns)
    if index is None:
        raise Invalid(f"{path.name} is not an index file of astrometry.net: its header names no index.")
    return index


def whole_sky(indexes: Iterable[IndexFile]) -> tuple[IndexFile, ...]:
    """Return those files that cover the whole sky, alone or with all other tiles of theirs.

    An own index reaches as far as its catalogue does, so only one of all tiles counts.
    """
    indexes = tuple(indexes)
    tiles: dict[tuple[int, int], int] = {}
    for index in indexes:
        tiles[index.index_id, index.nside] = tiles.get((index.index_id, index.nside), 0) + 1

    def whole(index: IndexFile) -> bool:
        if index.healpix < 0:
            return not index.own_name
        return tiles[index.index_id, index.nside] == 12 * index.nside**2

    return tuple(index for index in indexes if whole(index))


def covered_widths(indexes: Iterable[IndexFile]) -> tuple[float, float] | None:
    """Return the narrowest and the widest frame, degrees, that these files can place; None without any."""
    indexes = tuple(indexes)
    if not indexes:
        return None
    return min(i.field_low_deg for i in indexes), max(i.field_high_deg for i in indexes)


@lru_cache(maxsize=4096)
def _read(path: Path, size: int, _modified: int) -> IndexFile | None:
    """Read one file's primary header; None where it is no index."""
    try:
        cards = _primary_cards(path)
        if "INDEXID" not in cards or "DIMQUADS" not in cards:
            return None
        return IndexFile(
            path=path,
            index_id=int(cards["INDEXID"]),
            quad_low_arcmin=float(np.degrees(float(cards["SCALE_L"])) * 60),
            quad_high_arcmin=float(np.degrees(float(cards["SCALE_U"])) * 60),
            stars_per_quad=int(cards["DIMQUADS"]),
            stars=int(cards["NSTARS"]),
            quads=int(cards["NQUADS"]),
            healpix=int(cards.get("HEALPIX", "-1")),
            nside=int(cards.get("HPNSIDE", "0")),
            size_bytes=size,
        )
    except (OSError, ValueError, KeyError):
        return None


def _primary_cards(path: Path) -> dict[str, str]:
    """Return the values of a FITS file's primary header as they are written, without quotes and comments."""
    cards: dict[str, str] = {}
    with path.open("rb") as file:
        for number in range(_MOST_BLOCKS):
            block = file.read(_BLOCK)
            if len(block) < _BLOCK or (number == 0 and not block.startswith(b"SIMPLE")):
                break
            text = block.decode("latin-1")
            for start in range(0, _BLOCK, 80):
                card = text[start : start + 80]
                keyword = card[:8].rstrip()
                if keyword == "END":
                    return cards
                if card[8:10] == "= ":
                    cards.setdefault(keyword, card[10:].split(" / ")[0].strip().strip("'").strip())
    return cards
