"""Catalogues on this machine: HEALPix tiles in Parquet files, of which a cone reads only those that it touches.

A catalogue is a folder. ``catalogue.json`` says what it is. ``part-*.parquet`` hold the rows, sorted by tile (nested
HEALPix; Gorski et al. 2005, ApJ 622, 759) and by magnitude within one; a row group holds whole tiles. ``tiles.npz``
says of each occupied tile where its rows lie, where its centre is, and how far its rows reach. A folder is written
whole and renamed into place (`tile_write`), so what is there is complete; where one is removed under a reader, the
reader gets NotFound.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid, NotFound
from hven.science.catalogues.photometric.columns import DEC, NAME, PMDEC, PMRA, RA
from hven.science.sky.sphere import unit_vectors

if TYPE_CHECKING:
    from astropy.table import Table

LAYOUT = 1
DESCRIPTION, INDEX = "catalogue.json", "tiles.npz"
_OPEN_PARTS = 16
_UNITS = {RA: "deg", DEC: "deg", PMRA: "mas/yr", PMDEC: "mas/yr"}


@dataclass(frozen=True, slots=True)
class Description:
    """What a catalogue on this machine is."""

    name: str
    stands_for: str  # the known catalogue that it is asked in place of, or empty
    rows: int
    left_out: int  # rows of the source without a place or any magnitude
    order: int  # of the tiles: 12 * 4**order cover the sky
    columns: Mapping[str, str]  # the source's names by the names kept
    filters: tuple[str, ...]
    systems: Mapping[str, str]  # AB or Vega, by filter
    sort_column: str  # by which rows of a tile are sorted, brightest first
    family: str  # whose magnitudes they are (`transformations.FAMILIES`), or empty
    source: str  # the file it came from, and what else is known
    epoch: float | None  # Julian year of the positions
    licence: str
    imported: str  # UTC, ISO 8601
    area_deg2: float  # of the sky that its rows cover
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain objects."""
        return {
            "layout": LAYOUT,
            **{name: getattr(self, name) for name in self.__slots__},
            "columns": dict(self.columns),
            "filters": list(self.filters),
            "systems": dict(self.systems),
        }

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Read it from a catalogue's folder; NotFound where there is none of today's layout."""
        try:
            found = json.loads((folder / DESCRIPTION).read_text())
            if found.pop("layout") != LAYOUT:
                raise NotFound(f"The catalogue {folder.name} was written by another version of hven; add it again.")
            return cls(**{**found, "filters": tuple(found["filters"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotFound(f"There is no catalogue {folder.name} on this machine.") from error


class TiledCatalogue:
    """A catalogue that is open for reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.description = Description.read(folder)
        try:
            with np.load(folder / INDEX) as index:
                self.tiles: NDArray[np.int64] = index["tile"]
                self.counts: NDArray[np.int64] = index["count"]
                self._part: NDArray[np.int32] = index["part"]
                self._group: NDArray[np.int32] = index["group"]
                self._start: NDArray[np.int64] = index["start"]
                self._centres: NDArray[np.float64] = index["centre"]
                self._reach: NDArray[np.float64] = index["reach"]
        except (OSError, KeyError, ValueError) as error:
            raise NotFound(f"The catalogue {folder.name} was removed, or is damaged; add it again.") from error
        self._files: OrderedDict[int, Any] = OrderedDict()

    @classmethod
    def open(cls, folder: Path) -> TiledCatalogue:
        """Open the catalogue in a folder; NotFound where there is none."""
        return cls(folder)

    def __len__(self) -> int:
        return self.description.rows

    def close(self) -> None:
        """Close the files that cones have opened."""
        while self._files:
            self._files.popitem()[1].close()

    def cone(
        self,
        ra: float,
        dec: float,
        radius_deg: float,
        *,
        columns: Sequence[str] | None = None,
        fainter_left_out: tuple[str, float] | None = None,
        most: int | None = None,
    ) -> Table:
        """Return the rows within a circle, brightest first.

        Parameters
        ----------
        ra, dec, radius_deg
            The circle, ICRS degrees.
        columns
            To read besides the place; by default all.
        fainter_left_out
            A magnitude column and the faintest value to keep; rows without a value go too.
        most
            Rows to return at most.

        Returns
        -------
        astropy.table.Table
            Columns as of `columns.ColumnMap.kept`, with units; missing magnitudes are masked.

        Raises
        ------
        Invalid
            The catalogue has no column of that name.
        NotFound
            It was removed meanwhile.
        """
        known = list(self.description.columns)
        wanted = known if columns is None else list(dict.fromkeys([RA, DEC, *columns]))
        sort = self.description.sort_column
        extra = [sort, fainter_left_out[0]] if fainter_left_out else [sort]
        for name in (*wanted, *extra):
            if name not in known:
                raise Invalid(f"The catalogue {self.description.name} has no column {name}; it has {', '.join(known)}.")
        read = list(dict.fromkeys([*wanted, *extra]))
        data = self._rows(self._touched(ra, dec, radius_deg), read)
        chord = 2 * np.sin(np.radians(min(radius_deg, 180.0)) / 2)
        near = np.linalg.norm(unit_vectors(data[RA], data[DEC]) - unit_vectors(ra, dec), axis=-1) <= chord * (1 + 1e-12)
        if fainter_left_out is not None:
            with np.errstate(invalid="ignore"):
                near &= data[fainter_left_out[0]] <= fainter_left_out[1]
        chosen = np.flatnonzero(near)
        chosen = chosen[np.argsort(data[sort][chosen], kind="stable")][:most]
        return as_table({name: data[name][chosen] for name in wanted})

    def count(self, ra: float, dec: float, radius_deg: float) -> int:
        """Return how many rows the tiles that a circle touches hold: at least those within it."""
        return int(self.counts[self._touched(ra, dec, radius_deg)].sum())

    def rows(self, most: int = 500_000) -> Any:
        """Yield all rows as tables of up to about `most` rows, in the order of the tiles."""
        start = 0
        while start < len(self.tiles):
            stop = start + max(1, int(np.searchsorted(np.cumsum(self.counts[start:]), most)))
            yield as_table(self._rows(np.arange(start, min(stop, len(self.tiles))), list(self.description.columns)))
            start = stop

    def _touched(self, ra: float, dec: float, radius_deg: float) -> NDArray[np.intp]:
        cosine = np.clip(self._centres @ unit_vectors(ra, dec), -1, 1)
        reach = np.minimum(np.radians(radius_deg) + self._reach, np.pi)
        return np.flatnonzero(cosine >= np.cos(reach))

    def _rows(self, tiles: NDArray[np.intp], names: list[str]) -> dict[str, NDArray[Any]]:
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        groups: dict[tuple[int, int], list[int]] = {}
        for tile in tiles:
            groups.setdefault((int(self._part[tile]), int(self._group[tile])), []).append(int(tile))
        for (part, group), members in groups.items():
            table = self._read(part, group, names)
            # tiles of a group lie one behind the other, and so do most of those that a circle touches
            slices = _joined([(int(self._start[t]), int(self._start[t] + self.counts[t])) for t in members])
            for name in names:
                values = table.column(name).to_numpy()
                parts[name] += [values[a:b] for a, b in slices]
        empty = {NAME: np.zeros(0, str), RA: np.zeros(0), DEC: np.zeros(0)}
        return {
            name: np.concatenate(found) if found else empty.get(name, np.zeros(0, np.float32))
            for name, found in parts.items()
        }

    def _read(self, part: int, group: int, names: list[str]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - 30 MB that only cones need
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same

        try:
            if part not in self._files:
                if len(self._files) >= _OPEN_PARTS:
                    self._files.popitem(last=False)[1].close()
                self._files[part] = pq.ParquetFile(self.folder / part_name(part), memory_map=True)
            self._files.move_to_end(part)
            return self._files[part].read_row_group(group, columns=names, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise NotFound(
                f"The catalogue {self.description.name} was removed meanwhile, or is damaged; add it again."
            ) from error


def part_name(number: int) -> str:
    """Return the name of a file with rows."""
    return f"part-{number:05}.parquet"


def as_table(data: Mapping[str, NDArray[Any]]) -> Table:
    """Return arrays as a table with units; numbers that are missing (NaN) are masked."""
    from astropy.table import Column, MaskedColumn, Table  # noqa: PLC0415 - slow to import, and not for the web

    table = Table()
    for name, values in data.items():
        unit = _UNITS.get(name, "mag" if name.endswith("mag") else None)
        if values.dtype.kind == "f" and name not in {RA, DEC}:
            table[name] = MaskedColumn(values, mask=~np.isfinite(values), unit=unit, copy=False)
        else:
            table[name] = Column(values.astype(str) if values.dtype == object else values, unit=unit, copy=False)
    return table


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], stop
        else:
            found.append((start, stop))
    return found
