"""Reading somebody's catalogue in pieces: FITS tables, CSV and Parquet of any size; VOTable and ECSV as a whole.

Each piece comes as plain arrays under the names that the columns keep (`columns.ColumnMap.kept`), places in degrees,
magnitudes cleaned of archives' sentinels.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Invalid
from hven.science.catalogues.photometric.columns import (
    DEC,
    NAME,
    RA,
    ColumnMap,
    check_places,
    clean_errors,
    clean_magnitudes,
    recognise,
)

PIECE = 250_000  # rows read at once
Piece = dict[str, NDArray[Any]]
_UNITS = {"deg": 1.0, "rad": float(np.degrees(1.0)), "hour": 15.0}  # of right ascension; declination is never in hours
_SUFFIXES = (".gz", ".bz2")
_TEXT = {".csv", ".tsv", ".txt", ".dat"}


@dataclass(frozen=True, slots=True)
class Source:
    """A catalogue that is ready to be read: its columns, about how many rows, and the pieces one after the other."""

    columns: ColumnMap
    rows: int | None  # None where only reading tells
    pieces: Callable[[], Iterator[tuple[Piece, float]]]  # each with the share of the source that is read by then


def open_source(
    path: Path, given: Mapping[str, str] | None = None, *, unit: str = "", most_rows: int = PIECE
) -> Source:
    """Look at a catalogue and say how to read it.

    Parameters
    ----------
    path
        FITS table, CSV (also with tabs, semicolons or bars), Parquet, VOTable or ECSV; the last two come into memory.
    given
        Columns as of `columns.parse_columns`, where they are not recognised.
    unit
        Of the places: deg, rad or hour; by default what the table says, else degrees.
    most_rows
        Of one piece.

    Raises
    ------
    Invalid
        It is no table, has no rows, or lacks places or magnitudes; the sentence says which columns it has.
    """
    if unit and unit not in _UNITS:
        raise Invalid(f"{unit} is no unit of places; say deg, rad or hour.")
    if not path.is_file():
        raise Invalid(f"There is no file {path.name}.")
    if not path.stat().st_size:
        raise Invalid(f"{path.name} is empty.")
    suffix = Path(path.name.removesuffix(path.suffix)).suffix if path.suffix in _SUFFIXES else path.suffix
    with path.open("rb") as stream:
        head = stream.read(4096)
    try:
        if head[:4] == b"PAR1":
            return _parquet(path, given, unit, most_rows)
        if head.startswith(b"SIMPLE  =") or suffix.lower() in {".fits", ".fit", ".fz"}:
            return _fits(path, given, unit, most_rows)
        if b"%ECSV" in head[:200] or b"<VOTABLE" in head or b":VOTABLE" in head or suffix.lower() in {".vot", ".xml"}:
            return _whole(path, given, unit, "votable" if b"VOTABLE" in head or suffix != ".ecsv" else "ascii.ecsv",
                          most_rows)  # fmt: skip
        if suffix.lower() in _TEXT or b"," in head or b"\t" in head:
            return _csv(path, given, unit, most_rows)
    except (OSError, ValueError, KeyError, EOFError, TypeError) as error:
        raise Invalid(f"{path.name} cannot be read as a table: {_short(error)}") from error
    raise Invalid(f"{path.name} is no table that hven reads: FITS, CSV, Parquet, VOTable or ECSV.")


# --- each kind -------------------------------------------------------------------------------------------------


def _parquet(path: Path, given: Mapping[str, str] | None, unit: str, most_rows: int) -> Source:
    import pyarrow as pa  # noqa: PLC0415 - 30 MB that only imports and cones need
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    try:
        file = pq.ParquetFile(path)
        names, rows = list(file.schema_arrow.names), file.metadata.num_rows
    except pa.ArrowException as error:
        raise Invalid(f"{path.name} cannot be read as Parquet: {_short(error)}") from error
    columns = recognise(names, given, path.name)
    identifier = columns.identifier

    def pieces() -> Iterator[tuple[Piece, float]]:
        done = 0
        with pq.ParquetFile(path) as opened:
            # by row group: an iterator over all of them keeps what it has read
            for group in range(opened.num_row_groups):
                for batch in opened.iter_batches(most_rows, row_groups=[group], columns=list(columns.wanted)):
                    done += batch.num_rows
                    # a missing identifier would turn all of them into fractions
                    raw = {
                        name: _arrow(batch.column(name).cast(pa.string()) if name == identifier else batch.column(name))
                        for name in columns.wanted
                    }
                    yield _cleaned(raw, columns, unit, path.name), done / max(rows, 1)

    return Source(columns, rows, pieces)


def _fits(path: Path, given: Mapping[str, str] | None, unit: str, most_rows: int) -> Source:
    from astropy.io import fits  # noqa: PLC0415 - slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=True) as hdus:
            tables = [n for n, hdu in enumerate(hdus) if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))]
            tables = [n for n in tables if not isinstance(hdus[n], fits.CompImageHDU)]
            if not tables:
                raise Invalid(f"{path.name} holds no table.")
            number = max(tables, key=lambda n: int(hdus[n].header["NAXIS2"]))
            hdu = hdus[number]
            rows = int(hdu.header["NAXIS2"])
            columns = recognise(list(hdu.columns.names), given, path.name)
            unit = unit or _unit_named(hdu.columns[columns.ra].unit, hdu.columns[columns.dec].unit)

    def pieces() -> Iterator[tuple[Piece, float]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=True) as hdus:
                data = hdus[number].data
                for start in range(0, rows, most_rows):
                    part = data[start : start + most_rows]
                    raw = {name: np.array(part[name]) for name in columns.wanted}
                    yield _cleaned(raw, columns, unit, path.name), min(start + most_rows, rows) / rows

    return Source(columns, rows, pieces)


def _whole(path: Path, given: Mapping[str, str] | None, unit: str, kind: str, most_rows: int) -> Source:
    from astropy.table import MaskedColumn, Table  # noqa: PLC0415 - slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "votable":
                from astropy.io.votable import parse_single_table  # noqa: PLC0415 - the same

                table = parse_single_table(path).to_table(use_names_over_ids=True)
            else:
                table = Table.read(path, format=kind)
        except IndexError as error:
            raise Invalid(f"{path.name} holds no table.") from error
    columns = recognise(list(table.colnames), given, path.name)
    unit = unit or _unit_named(str(table[columns.ra].unit or ""), str(table[columns.dec].unit or ""))

    def pieces() -> Iterator[tuple[Piece, float]]:
        for start in range(0, len(table), most_rows):
            raw: Piece = {}
            for name in columns.wanted:
                column = table[name][start : start + most_rows]
                numeric = column.dtype.kind in "fiu"
                if name == columns.identifier:
                    column = column.astype(str)
                    numeric = False
                if isinstance(column, MaskedColumn):
                    column = column.astype(float).filled(np.nan) if numeric else column.filled("")
                raw[name] = np.asarray(column)
            yield _cleaned(raw, columns, unit, path.name), min(start + most_rows, len(table)) / len(table)

    return Source(columns, len(table), pieces)


def _csv(path: Path, given: Mapping[str, str] | None, unit: str, most_rows: int) -> Source:
    import pyarrow as pa  # noqa: PLC0415 - as above
    from pyarrow import csv  # noqa: PLC0415 - the same

    skip, separator = _csv_shape(path)
    names, first = _csv_head(path, skip, separator)
    columns = recognise(names, given, path.name)
    sexagesimal = {
        name for name in (columns.ra, columns.dec) if first and re.search(r"\d[\s:hdm]+\d", first.get(name, ""))
    }
    text = sexagesimal | ({columns.identifier} if columns.identifier else set())
    options = {
        "read_options": csv.ReadOptions(skip_rows=skip, block_size=max(1 << 20, 64 * most_rows)),
        "parse_options": csv.ParseOptions(delimiter=separator),
        "convert_options": csv.ConvertOptions(
            include_columns=list(columns.wanted),
            column_types={name: pa.string() if name in text else pa.float64() for name in columns.wanted},
            null_values=["", "null", "NULL", "nan", "NaN", "NAN", "--", "None", "N/A", "inf", "-inf", '""'],
            strings_can_be_null=True,
        ),
    }
    size = path.stat().st_size

    def pieces() -> Iterator[tuple[Piece, float]]:
        done = 0
        try:
            with csv.open_csv(path, **options) as reader:
                for batch in reader:
                    done += batch.nbytes
                    raw = {name: _arrow(batch.column(name)) for name in columns.wanted}
                    yield _cleaned(raw, columns, unit, path.name), min(done / size, 0.99)
        except pa.ArrowException as error:
            raise Invalid(f"{path.name} cannot be read as CSV: {_short(error)}") from error

    return Source(columns, None, pieces)


def _csv_shape(path: Path) -> tuple[int, str]:
    """Return how many lines of comment stand before the names, and what separates them."""
    import gzip  # noqa: PLC0415 - rarely needed

    with gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else path.open(errors="replace") as stream:
        for number, line in enumerate(stream):
            if not line.startswith("#") and line.strip():
                return number, max(",;\t|", key=line.count)
    raise Invalid(f"{path.name} has no line with names of columns.")


def _csv_head(path: Path, skip: int, separator: str) -> tuple[list[str], dict[str, str]]:
    import csv  # noqa: PLC0415 - the standard library's, for one line
    import gzip  # noqa: PLC0415 - rarely needed

    with gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else path.open(errors="replace") as stream:
        for _ in range(skip):
            next(stream)
        rows = csv.reader(stream, delimiter=separator)
        names, first = next(rows), next(rows, None)
    if first is None:
        raise Invalid(f"{path.name} is a table without rows.")
    return names, dict(zip(names, first, strict=False))


# --- what all have in common --------------------------------------------------------------------------------------


def _arrow(column: Any) -> NDArray[Any]:
    if column.type in _string_types():
        column = column.fill_null("")
    values = column.to_numpy(zero_copy_only=False)
    return np.asarray(values, str) if values.dtype == object and column.type in _string_types() else np.asarray(values)


def _string_types() -> tuple[Any, ...]:
    import pyarrow as pa  # noqa: PLC0415 - as above

    return pa.string(), pa.large_string()


def _unit_named(*units: str | None) -> str:
    words = {str(unit or "").strip().lower() for unit in units}
    if words & {"rad", "radian", "radians"}:
        return "rad"
    if words & {"h", "hour", "hourangle", "hours"}:
        return "hour"
    return "deg" if words & {"deg", "degree", "degrees", "d"} else ""


def _cleaned(raw: Piece, columns: ColumnMap, unit: str, what: str) -> Piece:
    """Return a piece under the names that it keeps, checked and in house units."""
    piece: Piece = {
        RA: _angle(raw[columns.ra], unit, hours=True, what=what, name=columns.ra),
        DEC: _angle(raw[columns.dec], "deg" if unit == "hour" else unit, hours=False, what=what, name=columns.dec),
    }
    sure = bool(unit) or raw[columns.ra].dtype.kind in "US"
    if len(piece[RA]):
        check_places(piece[RA], piece[DEC], what, sure_of_unit=sure)
    piece[RA] = piece[RA] % 360.0
    for name, source in columns.kept.items():
        if name in {RA, DEC}:
            continue
        if name == NAME:
            piece[name] = raw[source].astype(str).astype(object)
            continue
        values = _numbers(raw[source], what, source)
        if name.startswith("e_"):
            values = clean_errors(values)
        elif name.endswith("mag"):
            values = clean_magnitudes(values)
        piece[name] = values.astype(np.float32)
    return piece


def _numbers(values: NDArray[Any], what: str, name: str) -> NDArray[np.float64]:
    try:
        if values.dtype.kind in "USO":
            words = np.array(["nan" if value in {None, "", "None", "--"} else value for value in values.tolist()])
            return words.astype(float)
        return np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise Invalid(f"The column {name} of {what} holds something else than numbers: {_short(error)}") from error


def _angle(values: NDArray[Any], unit: str, *, hours: bool, what: str, name: str) -> NDArray[np.float64]:
    """Return degrees; text is sexagesimal, hours or degrees, or a number."""
    if values.dtype.kind not in "US" and not (values.dtype.kind == "O" and any(isinstance(v, str) for v in values[:5])):
        return _numbers(values, what, name) * _UNITS[unit or "deg"]
    found = np.full(len(values), np.nan)
    for number, text in enumerate(values.tolist()):
        parts = re.findall(r"\d+(?:\.\d*)?", str(text or ""))
        if not parts:
            continue
        amount = sum(float(part) / 60**power for power, part in enumerate(parts[:3]))
        scale = (15.0 if hours else 1.0) if len(parts) > 1 else _UNITS[unit or "deg"]
        found[number] = (-1 if str(text).strip().startswith(("-", "−")) else 1) * amount * scale
    return found


def _short(error: Exception) -> str:
    words = " ".join(str(error).split())
    return (words[:200] or type(error).__name__).rstrip(".") + "."
