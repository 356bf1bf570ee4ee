"""The verbs of the catalogues on this machine: bring one, see them, write one out, remove one."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from hven.errors import Invalid, NotFound
from hven.science.catalogues.photometric.columns import parse_columns
from hven.science.catalogues.photometric.known import CATALOGUES
from hven.science.catalogues.photometric.sources import open_source
from hven.science.catalogues.photometric.tile_export import export_catalogue
from hven.science.catalogues.photometric.tile_write import WORK_PREFIX, import_catalogue
from hven.science.catalogues.photometric.tiles import DESCRIPTION, Description, TiledCatalogue
from hven.science.catalogues.photometric.transformations import FAMILIES
from hven.storage import services as storage

if TYPE_CHECKING:
    from astropy.table import Table

Tell = Callable[[float, str], None]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,59}")


def _tell_nobody(_fraction: float, _words: str) -> None:
    pass


def folder() -> Path:
    """Return where the catalogues of this machine lie; all users of the server share them."""
    place: Path = settings.HVEN_FOLDERS.data / "catalogues"
    return place


def local_catalogues() -> list[Description]:
    """Return the catalogues of this machine, by name."""
    found = []
    for path in sorted(folder().glob(f"*/{DESCRIPTION}")):
        if not path.parent.name.startswith("."):
            try:
                found.append(Description.read(path.parent))
            except NotFound:
                continue
    return found


def open_catalogue(name: str) -> TiledCatalogue:
    """Open a catalogue of this machine; NotFound where there is none of that name."""
    return TiledCatalogue.open(folder() / check_name(name))


def check_name(name: str) -> str:
    """Return a name as it is, or raise Invalid where it cannot be a catalogue's or a template's."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise Invalid(
            "A name is made of up to 60 letters, digits and the signs _ . + -, and begins with a letter or a digit."
        )
    return name


def add_catalogue(
    name: str,
    path: Path,
    *,
    columns: str = "",
    unit: str = "",
    stands_for: str = "",
    family: str = "",
    epoch: float | None = None,
    licence: str = "",
    replace_old: bool = False,
    tell: Tell = _tell_nobody,
) -> Description:
    """Bring a catalogue onto this machine; it is there whole or not at all.

    Parameters
    ----------
    name
        It serves whoever asks for this name; that of a known catalogue makes it stand for that one.
    path
        The file; see `sources.open_source`.
    columns
        As of `columns.parse_columns`, where names are not recognised.
    unit
        Of the places: deg, rad or hour.
    stands_for
        A known catalogue that it shall be asked in place of.
    family
        Whose magnitudes they are, for transformations: ps1, gaia or none; by default what the name or the columns say.
    epoch
        Julian year of the positions.
    licence
        On what terms it may be used.
    replace_old
        Whether a catalogue of that name is exchanged.
    tell
        Told how far it is; what it raises ends the import.

    Raises
    ------
    Invalid, Conflict, Unavailable
        What is wrong with the name, the file or its columns; there is one already; the disk is full.
    """
    check_name(name)
    if stands_for and stands_for not in CATALOGUES:
        raise Invalid(f"hven knows no catalogue {stands_for}; it knows {', '.join(CATALOGUES)}.")
    known = CATALOGUES.get(stands_for or name)
    if family not in {"", "none", *FAMILIES}:
        raise Invalid(f"hven knows transformations of magnitudes of {', '.join(FAMILIES)}; {family[:30]} is none.")
    source = open_source(path, parse_columns(columns), unit=unit)
    storage.check_room(2 * path.stat().st_size)
    keys = set(source.columns.magnitudes)
    if not family:
        family = known.family if known is not None else "gaia" if {"G", "BP", "RP"} <= keys else "none"
    return import_catalogue(
        source,
        folder() / name,
        name=name,
        origin=path.name,
        stands_for=stands_for or (name if known is not None else ""),
        family="" if family == "none" else family,
        epoch=epoch if epoch is not None else known.epoch if known is not None else None,
        licence=licence or (known.licence if known is not None else ""),
        replace=replace_old,
        progress=tell,
    )


def remove_catalogue(name: str) -> Description:
    """Remove a catalogue of this machine; who reads in it meanwhile gets an error that the next source answers."""
    place = folder() / check_name(name)
    description = Description.read(place)
    gone = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=folder()))
    try:
        place.rename(gone / name)
    finally:
        shutil.rmtree(gone, ignore_errors=True)
    return description


def write_catalogue(name: str, path: Path, tell: Tell = _tell_nobody) -> int:
    """Write a catalogue of this machine into a file whose ending says the format; return the number of rows."""
    local = open_catalogue(name)
    lower = [column.lower() for column in local.description.columns]
    if path.suffix.lower() in {".fits", ".fit"} and len(set(lower)) < len(lower):
        raise Invalid("FITS tables cannot hold columns that differ in case alone (Gmag, gmag); write Parquet or CSV.")
    return export_catalogue(_pieces(local), path, tell, len(local))


def _pieces(local: TiledCatalogue) -> Iterator[Table]:
    yield from local.rows()


_opened: dict[Path, tuple[tuple[int, int], TiledCatalogue]] = {}


def local_for(name: str) -> TiledCatalogue | None:
    """Return the catalogue of this machine under a name, or one that stands for it; opened once for each version.

    None where there is neither.
    """
    candidates = [name] if _NAME.fullmatch(name) and (folder() / name / DESCRIPTION).exists() else []
    if not candidates and name in CATALOGUES:
        candidates = [one.name for one in local_catalogues() if one.stands_for == name]
    for candidate in candidates:
        place = folder() / candidate
        try:
            status = (place / DESCRIPTION).stat()
            stamp = status.st_mtime_ns, status.st_ino
            if place not in _opened or _opened[place][0] != stamp:
                _opened[place] = stamp, open_catalogue(candidate)
            return _opened[place][1]
        except (OSError, NotFound):
            _opened.pop(place, None)
    return None
