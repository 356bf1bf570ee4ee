"""Tables that steps left in a reduction's folder, for pages, dialects and light curves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from hven.errors import Invalid, NotFound, TooLarge
from hven.imaging.models import Reduction, ReductionFile
from hven.imaging.services import folder
from hven.storage import services as storage

PARQUET = ".parquet"
MOST_VALUES = 60_000_000  # rows times columns of a table that is read
MOST_BYTES = 512 << 20
VOTABLE = ".vot"


def find_table(reduction: Reduction, path: str) -> tuple[ReductionFile, bool]:
    """Return the file of a path, and whether it is to be turned into a VOTable first.

    What lies in the folder as Parquet is found by the ending .vot, too.

    Raises
    ------
    NotFound
        There is none.
    """
    try:
        return folder.find_file(reduction, path), False
    except NotFound:
        if not path.endswith(VOTABLE):
            raise
        return folder.find_file(reduction, path.removesuffix(VOTABLE) + PARQUET), True


def as_votable(row: ReductionFile) -> bytes:
    """Return a Parquet table as a VOTable.

    Raises
    ------
    Invalid
        It is no table.
    """
    content = io.BytesIO()
    read_table(row).write(content, format="votable")
    return content.getvalue()


def read_table(row: ReductionFile, columns: list[str] | None = None) -> Any:
    """Return a Parquet file or VOTable as an astropy table; of Parquet only some columns where they are named.

    Raises
    ------
    Invalid, TooLarge
        It is no table, or more than is read at once.
    """
    with storage.local(row.blob) as path:
        return table_of(path, votable=row.path.endswith(VOTABLE), columns=columns)


def table_of(path: Path, *, votable: bool, columns: list[str] | None = None) -> Any:
    """Return a file's table; see `read_table`."""
    from astropy.table import Table  # noqa: PLC0415 - heavy, wanted by few requests

    try:
        if votable:
            return Table.read(path, format="votable")
        found = _parquet(path, columns)
        table = Table()
        for name in found.column_names:
            field, column = found.schema.field(name), found.column(name)
            values = column.to_numpy()
            if values.dtype == object:
                values = np.asarray(["" if value is None else str(value) for value in column.to_pylist()], dtype=str)
            table[name] = values
            unit = (field.metadata or {}).get(b"unit", b"").decode()
            if unit:
                table[name].unit = unit
    except TooLarge:
        raise
    except Exception as error:
        raise Invalid("This file is no table that can be read.") from error
    return table


def _parquet(path: Path, columns: list[str] | None) -> Any:
    """Read a Parquet file piece by piece: what a small one unpacks to is not known before."""
    import pyarrow.parquet  # noqa: PLC0415 - heavy, wanted by few requests

    # Not memory-mapped: the file may be removed while its pages are still read.
    with path.open("rb") as file:
        parquet = pyarrow.parquet.ParquetFile(file)
        wanted = [name for name in parquet.schema_arrow.names if columns is None or name in columns]
        if parquet.metadata.num_rows * max(1, len(wanted)) > MOST_VALUES:
            raise TooLarge(f"The table has more than {MOST_VALUES:,} values.")
        batches, held = [], 0
        for batch in parquet.iter_batches(16_384, columns=wanted):
            held += batch.nbytes
            if held > MOST_BYTES:
                raise TooLarge(f"The table takes more than {MOST_BYTES >> 20} MiB.")
            batches.append(batch)
        schema = pyarrow.schema([parquet.schema_arrow.field(name) for name in wanted])
        return pyarrow.Table.from_batches(batches, schema=schema)


def rows_of(table: Any) -> list[dict[str, Any]]:
    """Return a table's rows as JSON can hold them: numbers that are none become None."""
    return [{name: plain(row[name]) for name in table.colnames} for row in table]


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: numbers that are none become None."""
    if value is np.ma.masked:
        return None
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
