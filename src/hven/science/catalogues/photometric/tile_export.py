"""Writing a catalogue of this machine out again: Parquet and CSV piece by piece, the other formats as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hven.errors import Conflict, Invalid

Progress = Callable[[float, str], None]


def export_catalogue(pieces: Iterator[Any], path: Path, progress: Progress | None = None, rows: int = 0) -> int:
    """Write tables one after the other into a file: Parquet or CSV piece by piece, FITS, VOTable and ECSV as a whole.

    Parameters
    ----------
    pieces
        Tables with the same columns, as of `tiles.TiledCatalogue.rows`.
    path
        Its ending says the format; it must not exist.
    progress, rows
        Told how many of the rows are written.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    Invalid
        The ending is none of those.
    Conflict
        There is such a file.
    """
    from astropy.table import Table, vstack  # noqa: PLC0415 - slow to import

    tell = progress or (lambda _fraction, _words: None)
    formats = {".parquet": "", ".csv": "", ".fits": "fits", ".fit": "fits", ".vot": "votable", ".xml": "votable",
               ".ecsv": "ascii.ecsv"}  # fmt: skip
    if path.suffix.lower() not in formats:
        raise Invalid(f"hven writes {', '.join(formats)}; {path.name} ends in something else.")
    if path.exists():
        raise Conflict(f"There is a file {path.name} already; choose another name.")
    part = path.with_name(f".{path.name}.part")
    done = 0
    try:
        if kind := formats[path.suffix.lower()]:
            whole: Table = vstack(list(pieces), metadata_conflicts="silent")
            done = len(whole)
            whole.write(part, format=kind, overwrite=True)
        else:
            for count in _streamed(pieces, part, csv=path.suffix.lower() == ".csv"):
                done += count
                tell(done / max(rows, 1), f"{done:,} rows written")
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return done


def _streamed(pieces: Iterator[Any], path: Path, *, csv: bool) -> Iterator[int]:
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    from pyarrow.csv import CSVWriter  # noqa: PLC0415 - the same

    writer: Any = None
    try:
        for piece in pieces:
            arrays: Mapping[str, Any] = {
                name: pa.array(
                    piece[name].filled(np.nan) if hasattr(piece[name], "filled") else piece[name].data, from_pandas=True
                )
                for name in piece.colnames
            }
            table = pa.table(arrays)
            if writer is None:
                writer = CSVWriter(path, table.schema) if csv else pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            yield len(piece)
    finally:
        if writer is not None:
            writer.close()
