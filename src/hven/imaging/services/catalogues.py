"""Reference stars for a field, wherever they can be had; with the verbs of the catalogues on this machine.

A catalogue is asked by its name: first what lies on this machine under that name or was declared to stand for it, then
VizieR, then any other catalogue of this machine that has the wanted filter, then the bright stars that come with the
solver. Every answer says in words where it came from, and so does the log; what fails is one sentence, and the next
source is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hven.errors import HvenError, Invalid, NotFound, Unavailable
from hven.imaging.services import outside, solver_data
from hven.imaging.services.local_catalogues import (
    add_catalogue,
    check_name,
    folder,
    local_catalogues,
    local_for,
    open_catalogue,
    remove_catalogue,
    write_catalogue,
)
from hven.outside import vizier
from hven.outside.cones import rounded, seven_within, within
from hven.science.catalogues.photometric.fallback import WARNING, fallback_rows
from hven.science.catalogues.photometric.filters import FILTERS, magnitude_column
from hven.science.catalogues.photometric.known import CATALOGUES, NEIGHBOURS, KnownCatalogue
from hven.science.catalogues.photometric.tiles import Description, as_table
from hven.science.catalogues.photometric.transformations import add_bands, filled

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = [
    "CatalogueEntry", "ReferenceRows", "add_catalogue", "all_catalogues", "check_name", "folder", "local_catalogues",
    "neighbours", "open_catalogue", "reference_rows", "remove_catalogue", "write_catalogue",
]  # fmt: skip

Log = Callable[[str], None]
Tell = Callable[[float, str], None]
_BRIGHTER = (18.0, 16.0, 14.0)  # limits tried where a cone has more stars than VizieR gives
_LIMIT_STEP = 0.5  # magnitudes, to which limits of cones are rounded up so that they share files


@dataclass(frozen=True, slots=True)
class ReferenceRows:
    """Reference stars of a field."""

    table: Table  # RAJ2000, DEJ2000 (ICRS degrees), and of each filter its magnitudes and errors; missing ones masked
    source: str  # in words
    warning: str = ""  # what the user should know of them; empty where all is well
    key: str = ""  # the catalogue that they come from

    def __len__(self) -> int:
        return len(self.table)

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters of which there are magnitudes, in order."""
        return tuple(key for key in FILTERS if magnitude_column(key) in self.table.colnames)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A catalogue that can be asked for by name."""

    key: str
    name: str
    filters: tuple[str, ...]
    local: Description | None  # what stands for it on this machine
    known: KnownCatalogue | None


def _tell_nobody(_fraction: float, _words: str) -> None:
    pass


# --- asking -------------------------------------------------------------------------------------------------------


def reference_rows(
    cat_name: str,
    ra: float,
    dec: float,
    radius_deg: float,
    limit: float | None = None,
    *,
    log: Log,
    tell: Tell = _tell_nobody,
    epoch: float | None = None,
    band: str = "",
) -> ReferenceRows:
    """Return the reference stars within a circle, from the best source that has any.

    Parameters
    ----------
    cat_name
        A catalogue's key (`known.CATALOGUES`), or the name of one on this machine.
    ra, dec, radius_deg
        The circle, ICRS degrees.
    limit
        The faintest magnitude in the column that the catalogue's limit refers to.
    log
        Told one sentence for each source that was asked.
    tell
        Told how far it is.
    epoch
        Julian year to which the last resort's stars are moved.
    band
        The filter that is calibrated, by its key: another catalogue of this machine that has it may stand in.

    Raises
    ------
    Invalid
        Nobody knows a catalogue of that name.
    Unavailable
        No source has any star there; the sentence says why each did not.
    """
    known = _known(cat_name)
    reasons: list[str] = []
    for source in (_from_disk, _from_vizier, partial(_from_others, band=band), _from_solver):
        try:
            tell(len(reasons) / 4, "Looking for reference stars")
            found = source(cat_name, known, (ra, dec, radius_deg), limit, epoch)
        except (HvenError, OSError) as error:
            if str(error):
                reasons.append(str(error))
                log(str(error))
            continue
        added = add_bands(found.table, _family(found.key, known))
        more = f"; {', '.join(added)} by transformation" if added else ""
        log(f"{len(found)} reference stars from {found.source}{more}.")
        if found.warning:
            log(found.warning)
        tell(1.0, f"{len(found)} reference stars")
        return found
    raise Unavailable(f"There are no reference stars for this field. {' '.join(dict.fromkeys(reasons))}")


def neighbours(
    ra: float, dec: float, radius_deg: float, *, log: Log, names: Iterable[str] = (), tell: Tell = _tell_nobody
) -> dict[str, ReferenceRows]:
    """Return the rows of several catalogues within a circle, of those that could be had.

    Parameters
    ----------
    ra, dec, radius_deg
        The circle, ICRS degrees.
    log
        Told one sentence for each catalogue.
    names
        Keys of `known.NEIGHBOURS`, or names on this machine; by default all that cover the declination.

    Returns
    -------
    dict of str to ReferenceRows
        By key; a catalogue that has no star there has no rows, one that could not be asked is missing.
    """
    from astropy.table import Table  # noqa: PLC0415 - not for the web

    wanted = list(names) or [key for key, one in NEIGHBOURS.items() if one.covers(dec)]
    found: dict[str, ReferenceRows] = {}
    for number, key in enumerate(wanted):
        tell(number / len(wanted), f"Asking {key} for neighbours")
        known = NEIGHBOURS.get(key) or _known(key)
        for source in (_from_disk, _from_vizier):
            try:
                found[key] = source(key, known, (ra, dec, radius_deg), None, None)
                log(f"{len(found[key])} rows from {found[key].source}.")
                break
            except _Nothing as error:
                log(str(error))
                found[key] = ReferenceRows(Table({"RAJ2000": np.zeros(0), "DEJ2000": np.zeros(0)}), str(error), key=key)
            except (HvenError, OSError) as error:
                log(str(error))
    tell(1.0, f"{len(found)} catalogues")
    return found


def all_catalogues() -> tuple[CatalogueEntry, ...]:
    """Return what can be asked for by name: the known catalogues in their order, then those of this machine alone."""
    local = local_catalogues()
    stand_in = {key: one for one in local for key in (one.stands_for,) if key} | {
        one.name: one for one in local if one.name in CATALOGUES
    }
    known = [CatalogueEntry(key, one.name, one.filters, stand_in.get(key), one) for key, one in CATALOGUES.items()]
    own = [CatalogueEntry(one.name, one.name, one.filters, one, None) for one in local if one.name not in CATALOGUES]
    return (*known, *own)


class _Nothing(NotFound):
    """A source answered, and has no star there."""


_Cone = tuple[float, float, float]


def _from_disk(
    name: str, known: KnownCatalogue | None, cone: _Cone, limit: float | None, _epoch: float | None
) -> ReferenceRows:
    local = local_for(name)
    if local is None:
        if known is None:
            raise NotFound(f"There is no catalogue {name} on this machine.")
        raise NotFound(f"No catalogue on this machine stands for {known.name}.")
    description = local.description
    column = magnitude_column(known.limit_filter) if known is not None else description.sort_column
    if column not in description.columns:
        column = description.sort_column
    table = local.cone(*cone, fainter_left_out=None if limit is None else (column, limit))
    if not len(table):
        raise _Nothing(f"The catalogue {description.name} on this machine has no star in this field.")
    stands = f", which stands for {known.name}" if known is not None else ""
    return ReferenceRows(table, f"the catalogue {description.name} on this machine{stands}", key=description.name)


def _from_vizier(
    name: str, known: KnownCatalogue | None, cone: _Cone, limit: float | None, _epoch: float | None
) -> ReferenceRows:
    if known is None:
        raise NotFound(f"{vizier.SERVICE} is not asked for {name}, which only this machine has.")
    if not known.covers(cone[1]):
        raise _Nothing(f"{known.name} does not reach declination {cone[1]:.1f}.")
    wide = rounded(*cone)
    faintest = None if limit is None else float(np.ceil(limit / _LIMIT_STEP) * _LIMIT_STEP)
    cache = outside.cache("cones")
    path = cache.path(known.vizier, wide.name, "all" if faintest is None else f"{faintest:g}", suffix=".parquet")
    kept = _read_kept(path) if cache.get(path) is not None else None
    by = f"{vizier.SERVICE}, kept on this machine" if kept is not None else vizier.SERVICE
    if kept is None:
        kept = _asked(known, (wide.ra, wide.dec, wide.radius_deg), faintest)
        cache.put(path, lambda target: _keep(kept, target))
    table = within(kept, *cone)
    column = magnitude_column(known.limit_filter)
    if limit is not None and column in table.colnames:
        with np.errstate(invalid="ignore"):
            table = table[filled(table[column]) <= limit]
    if not len(table):
        raise _Nothing(f"{vizier.SERVICE} has no star of {known.name} in this field.")
    return ReferenceRows(table, f"{known.name} ({by})", key=known.key)


def _from_others(
    name: str, _known: KnownCatalogue | None, cone: _Cone, limit: float | None, _epoch: float | None, *, band: str
) -> ReferenceRows:
    asked = local_for(name)
    found: list[ReferenceRows] = []
    for description in local_catalogues() if band else ():
        if asked is not None and description.name == asked.description.name:
            continue
        local = open_catalogue(description.name)
        table = local.cone(*cone, fainter_left_out=None if limit is None else (description.sort_column, limit))
        whole = table.copy()
        add_bands(whole, description.family)
        column = magnitude_column(band)
        if column in whole.colnames and np.isfinite(filled(whole[column])).any():
            warning = f"The catalogue {description.name} of this machine stands in for {name}, which was not to be had."
            found.append(
                ReferenceRows(table, f"the catalogue {description.name} on this machine", warning, description.name)
            )
    if not found:
        raise NotFound(f"No other catalogue on this machine has the filter {band} here." if band else "")
    return max(found, key=len)


def _asked(known: KnownCatalogue, cone: _Cone, limit: float | None) -> Table:
    """Ask VizieR; where it has more stars than it gives, ask again, since a part of them would be lopsided.

    Who wants all stars gets them from seven smaller cones that cover the circle; who names a limit, a brighter one.
    """
    from astropy.table import unique, vstack  # noqa: PLC0415 - not for the web

    how, address = outside.asking(), outside.setting("VIZIER_URL")

    def ask(circle: _Cone, faintest: float | None) -> Table | None:
        table = vizier.cone(known, *circle, how, limit=faintest, address=address)
        return table if len(table) < vizier.MOST_ROWS else None

    if (table := ask(cone, limit)) is not None:
        return table
    if limit is None:
        parts = [ask(circle, None) for circle in seven_within(*cone)]
        if all(part is not None for part in parts):
            return unique(vstack(parts, metadata_conflicts="silent"), keys=["RAJ2000", "DEJ2000"])
    for bright in _BRIGHTER:
        if (limit is None or bright < limit) and (table := ask(cone, bright)) is not None:
            return table
    raise Unavailable(f"{known.name} has more stars in this field than {vizier.SERVICE} gives; take a smaller field.")


def _from_solver(
    _name: str, known: KnownCatalogue | None, cone: _Cone, limit: float | None, epoch: float | None
) -> ReferenceRows:
    table = fallback_rows(solver_data.opened().reference, *cone, epoch=epoch)
    if known is not None and not any(magnitude_column(key) in table.colnames for key in known.filters):
        raise Unavailable(f"The solver's stars have no magnitudes of {known.name}.")
    if limit is not None:
        table = table[np.fmin(filled(table["Gmag"]), filled(table["Vmag"])) <= limit]
    if not len(table):
        raise _Nothing("The bright stars that come with the solver are not in this field.")
    return ReferenceRows(table, "the bright stars that come with the solver", WARNING, "solver")


def _known(name: str) -> KnownCatalogue | None:
    if name in CATALOGUES:
        return CATALOGUES[name]
    local = local_for(name)
    if local is None:
        names = ", ".join(entry.key for entry in all_catalogues())
        raise Invalid(
            f"There is no catalogue {name[:60]}; there are {names}. `hven catalogue add` brings one of your own."
        )
    return None


def _family(key: str, known: KnownCatalogue | None) -> str:
    local = local_for(key) if key != "solver" else None
    if local is not None and local.description.family:
        return local.description.family
    return known.family if known is not None and key != "solver" else ""


def _keep(table: Table, path: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - not for the web
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    arrays: dict[str, Any] = {
        name: pa.array(np.asarray(table[name]) if table[name].dtype.kind in "US" else filled(table[name]))
        for name in table.colnames
    }
    pq.write_table(pa.table(arrays), path, compression="zstd")


def _read_kept(path: Path) -> Table | None:
    import pyarrow as pa  # noqa: PLC0415 - not for the web
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None  # another process has cleared it away, or the disk was full when it was written
    return as_table({name: table.column(name).to_numpy() for name in table.column_names})
