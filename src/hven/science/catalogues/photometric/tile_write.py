"""Bringing a catalogue into tiles: any number of rows, in a memory that does not grow with them.

Pieces of the source are sorted by position and laid down as they come; then, one stretch of sky after the other, the
stretch is gathered from all of them, sorted by tile and magnitude, and written. All of it happens in a folder of its
own beside the place where the catalogue shall lie, and only a rename makes it visible: whoever interrupts an import
leaves nothing half-there. Folders that a killed import left behind go at the next one.
"""

from __future__ import annotations

import json
import mmap
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.errors import Conflict, Invalid
from hven.science.catalogues.photometric.columns import DEC, NAME, RA
from hven.science.catalogues.photometric.filters import magnitude_column
from hven.science.catalogues.photometric.sources import Piece, Source
from hven.science.catalogues.photometric.systems import magnitude_system
from hven.science.catalogues.photometric.tiles import DESCRIPTION, INDEX, Description, part_name
from hven.science.sky.sphere import unit_vectors

Progress = Callable[[float, str], None]
WORK_PREFIX = ".importing-"
_DIGITS = 18  # of a whole number that 64 bits hold
_FINE_ORDER = 10  # cells of 3.4 arcminutes, by which pieces are laid down
_WIDEST, _FINEST = 1, 9  # orders of tiles
_ROWS_OF_TILE = 2000  # about, where the catalogue has stars
_ROWS_OF_STRETCH = 500_000  # gathered and sorted at once
_ROWS_OF_GROUP = 8192
_ROWS_OF_PART = 2_000_000
_COMPRESSION = "lz4"  # read half as fast again as zstd, for a tenth more of the disk
_STALE_S = 86_400.0
# The magnitude by which tiles are sorted: what limits usually refer to.
_SORT_ORDER = ("r", "G", "V", "g", "i", "R", "J", "z", "B", "I", "y", "BP", "RP", "H", "Ks", "u", "U")


@dataclass(frozen=True, slots=True)
class _Run:
    """One sorted piece on the disk, memory-mapped."""

    cells: Any  # (n,) int64 memmap, ascending: the fine cell of each row
    rows: Any  # (n,) structured memmap: the columns
    whole_names: bool  # identifiers are whole numbers, all of them

    def let_go(self) -> None:
        """Give the pages that were read back to the system, so that memory does not grow with the catalogue."""
        for array in (self.cells, self.rows):
            mapped = getattr(array, "_mmap", None)  # numpy has no public name for it
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapped.madvise(mmap.MADV_DONTNEED)


@dataclass(slots=True)
class _Index:
    tile: list[NDArray[np.int64]] = field(default_factory=list)
    count: list[NDArray[np.int64]] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    start: list[NDArray[np.int64]] = field(default_factory=list)
    reach: list[NDArray[np.float64]] = field(default_factory=list)


def import_catalogue(
    source: Source,
    folder: Path,
    *,
    name: str,
    origin: str,
    stands_for: str = "",
    family: str = "",
    epoch: float | None = None,
    licence: str = "",
    replace: bool = False,
    progress: Progress | None = None,
) -> Description:
    """Write a catalogue into a folder of its own.

    Parameters
    ----------
    source
        As of `sources.open_source`.
    folder
        Where it shall lie; its parent is made.
    name, origin, stands_for, family, epoch, licence
        As of `tiles.Description`.
    replace
        Whether a catalogue that lies there is exchanged.
    progress
        Called with a fraction and words; what it raises ends the import, of which nothing stays.

    Raises
    ------
    Conflict
        There is a catalogue already.
    Invalid
        The source has no row with a place and a magnitude, or something else is wrong with it.
    """
    tell = progress or (lambda _fraction, _words: None)
    if folder.exists() and not replace:
        raise Conflict(f"There is a catalogue {name} already; say --replace, or give this one another name.")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    clear_stale(folder.parent)
    work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=folder.parent))
    try:
        words = {
            "name": name,
            "origin": origin,
            "stands_for": stands_for,
            "family": family,
            "epoch": epoch,
            "licence": licence,
        }
        description = _written(source, work, tell, words)
        shutil.rmtree(work / "runs")
        old = work.with_name(f"{work.name}.old")
        if folder.exists():
            if not replace:
                raise Conflict(f"Somebody else has added a catalogue {name} meanwhile.")
            folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tell(1.0, f"{description.rows:,} rows are in")
    return description


def clear_stale(parent: Path) -> None:
    """Remove what imports that were killed left behind, once it is a day old."""
    for path in parent.glob(f"{WORK_PREFIX}*"):
        try:
            if time.time() - path.stat().st_mtime > _STALE_S:
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue


def _written(source: Source, work: Path, tell: Progress, words: dict[str, Any]) -> Description:
    (work / "runs").mkdir()
    runs: list[_Run] = []
    seen = left_out = 0
    for number, (piece, share) in enumerate(source.pieces()):
        count = len(piece[RA])
        kept = _with_values(piece, source)
        left_out += count - len(kept[RA])
        seen += count
        if len(kept[RA]):
            runs.append(_laid_down(kept, work / "runs" / f"{number:06}"))
        tell(0.6 * share, f"{seen:,} rows read")
    rows = seen - left_out
    if not rows:
        raise Invalid("No row of the catalogue has a place and a magnitude." if seen else "The catalogue has no rows.")
    counts = np.zeros(12 * 4**_FINE_ORDER, np.int32)
    for run in runs:
        cells, numbers = np.unique(run.cells, return_counts=True)
        counts[cells] += numbers.astype(np.int32)
        run.let_go()
    order = _tile_order(counts)
    keys = [key for key in _SORT_ORDER if magnitude_column(key) in runs[0].rows.dtype.names]
    sort = max(keys, key=lambda key: (_share_known(runs, magnitude_column(key)) > 0.5, -keys.index(key)))
    told = lambda done: tell(0.6 + 0.39 * done / rows, f"{done:,} of {rows:,} rows sorted")  # noqa: E731 - one line
    index = _write_parts(runs, counts, order, work, sort=magnitude_column(sort), told=told)
    _save_index(index, order, work)
    filters = tuple(source.columns.magnitudes)
    description = Description(
        name=words["name"],
        stands_for=words["stands_for"],
        rows=rows,
        left_out=left_out,
        order=order,
        columns=source.columns.kept,
        filters=filters,
        systems={key: magnitude_system(key) for key in filters},
        sort_column=magnitude_column(sort),
        family=words["family"],
        source=words["origin"],
        epoch=words["epoch"],
        licence=words["licence"],
        imported=datetime.now(UTC).replace(microsecond=0).isoformat(),
        area_deg2=float(f"{_area_deg2(counts):.4g}"),
        bytes=sum(path.stat().st_size for path in work.glob("*") if path.is_file()),
    )
    (work / DESCRIPTION).write_text(json.dumps(description.as_json(), indent=1))
    return description


def _with_values(piece: Piece, source: Source) -> Piece:
    """Return the rows of a piece that have a place and at least one magnitude."""
    good = np.isfinite(piece[RA]) & np.isfinite(piece[DEC])
    some = np.zeros(len(good), bool)
    for key in source.columns.magnitudes:
        some |= np.isfinite(piece[magnitude_column(key)])
    good &= some
    return piece if good.all() else {name: values[good] for name, values in piece.items()}


def _laid_down(piece: Piece, place: Path) -> _Run:
    from astropy_healpix import healpy  # noqa: PLC0415 - needed when importing only

    cells = np.asarray(healpy.ang2pix(2**_FINE_ORDER, piece[RA], piece[DEC], nest=True, lonlat=True), np.int64)
    order = np.argsort(cells, kind="stable")
    # text has a width of its own in each piece; nothing is pickled
    columns = {name: values.astype(str) if values.dtype == object else values for name, values in piece.items()}
    rows = np.empty(len(cells), [(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values[order]
    paths = place.with_suffix(".cells.npy"), place.with_suffix(".rows.npy")
    for path, values in zip(paths, (cells[order], rows), strict=True):
        np.save(path, values)
    names = columns.get(NAME)
    whole = names is not None and names.dtype.itemsize <= 4 * _DIGITS and bool(np.char.isdecimal(names).all())
    return _Run(np.load(paths[0], mmap_mode="r"), np.load(paths[1], mmap_mode="r"), whole)


def _tile_order(counts: NDArray[np.int32]) -> int:
    """Return the order at which an occupied tile holds about `_ROWS_OF_TILE` rows, as most rows see it."""
    for order in range(_FINEST, _WIDEST, -1):
        tiles = counts.reshape(-1, 4 ** (_FINE_ORDER - order)).sum(axis=1, dtype=np.int64)
        occupied = np.sort(tiles[tiles > 0])
        middle = occupied[np.searchsorted(np.cumsum(occupied), occupied.sum() / 2)]
        if middle >= _ROWS_OF_TILE:
            return order
    return _WIDEST


def _share_known(runs: list[_Run], name: str) -> float:
    first = runs[0].rows[name]
    return float(np.count_nonzero(np.isfinite(first)) / max(len(first), 1))


def _stretches(counts: NDArray[np.int32], order: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of fine cells that begin and end at tiles and hold about `_ROWS_OF_STRETCH` rows, or one tile."""
    width = 4 ** (_FINE_ORDER - order)
    tiles = counts.reshape(-1, width).sum(axis=1, dtype=np.int64)
    start = total = 0
    for tile in np.flatnonzero(tiles):
        if total and total + tiles[tile] > _ROWS_OF_STRETCH:
            yield start * width, int(tile) * width
            start, total = int(tile), 0
        total += int(tiles[tile])
    if total:
        yield start * width, len(counts)


def _write_parts(
    runs: list[_Run],
    counts: NDArray[np.int32],
    order: int,
    work: Path,
    *,
    sort: str,
    told: Callable[[int], None],
) -> _Index:
    import pyarrow as pa  # noqa: PLC0415 - 30 MB that only imports and cones need
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    index = _Index()
    writer: Any = None
    part, group, in_part, done = -1, 0, 0, 0
    width = 4 ** (_FINE_ORDER - order)
    try:
        for low, high in _stretches(counts, order):
            data, tiles = _gathered(runs, (low, high), width, sort)
            for start, stop in _groups(tiles):
                if writer is None or in_part >= _ROWS_OF_PART:
                    if writer is not None:
                        writer.close()
                    part, group, in_part = part + 1, 0, 0
                table = pa.table({name: values[start:stop] for name, values in data.items()})
                if group == 0 and in_part == 0:
                    writer = pq.ParquetWriter(
                        work / part_name(part), table.schema, compression=_COMPRESSION, use_dictionary=False,
                        version="2.6", write_statistics=False,
                    )  # fmt: skip
                writer.write_table(table, row_group_size=stop - start)
                _note(index, tiles[start:stop], (data[RA][start:stop], data[DEC][start:stop]), order, (part, group))
                group += 1
                in_part += stop - start
            done += len(tiles)
            told(done)
    finally:
        if writer is not None:
            writer.close()
    return index


def _gathered(
    runs: list[_Run], cells: tuple[int, int], width: int, sort: str
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Return the rows of a range of fine cells from all pieces, sorted by tile and magnitude, and their tiles."""
    bounds = [np.searchsorted(run.cells, cells) for run in runs]
    within = [(run, slice(*bound)) for run, bound in zip(runs, bounds, strict=True) if bound[1] > bound[0]]
    tiles = np.concatenate([run.cells[part] for run, part in within]) // width
    spans = [run.rows[part] for run, part in within]
    order = np.lexsort((np.concatenate([rows[sort] for rows in spans]), tiles))
    found = {name: np.concatenate([rows[name] for rows in spans])[order] for name in spans[0].dtype.names}
    if NAME in found:
        found[NAME] = found[NAME].astype(np.int64 if all(run.whole_names for run in runs) else object)
    for run in runs:
        run.let_go()
    return found, tiles[order]


def _groups(tiles: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield slices of whole tiles with about `_ROWS_OF_GROUP` rows, or one tile."""
    edges = np.flatnonzero(np.diff(tiles)) + 1
    ends = np.append(edges, len(tiles))
    start = 0
    for number, end in enumerate(ends):
        following = ends[number + 1] if number + 1 < len(ends) else None
        if following is None or following - start > _ROWS_OF_GROUP:
            yield start, int(end)
            start = int(end)


def _note(
    index: _Index, tiles: NDArray[np.int64], places: tuple[NDArray[Any], NDArray[Any]], order: int, at: tuple[int, int]
) -> None:
    from astropy_healpix import healpy  # noqa: PLC0415 - needed when importing only

    own, starts, numbers = np.unique(tiles, return_index=True, return_counts=True)
    centres = unit_vectors(*healpy.pix2ang(2**order, own, nest=True, lonlat=True))
    chord = np.linalg.norm(unit_vectors(*places) - np.repeat(centres, numbers, axis=0), axis=1)
    reach = 2 * np.arcsin(np.clip(np.maximum.reduceat(chord, starts) / 2, 0, 1))
    index.tile.append(own)
    index.count.append(numbers.astype(np.int64))
    index.start.append(starts.astype(np.int64))
    index.reach.append(reach + 1e-9)
    index.part.append(at[0])
    index.group.append(at[1])


def _area_deg2(counts: NDArray[np.int32]) -> float:
    """Return the sky that rows cover: the finest cells of which chance leaves hardly any empty (eight rows each)."""
    rows = int(counts.sum())
    cells = np.asarray(counts > 0)
    for order in range(_FINE_ORDER, 0, -1):
        cells = np.asarray(counts.reshape(-1, 4 ** (_FINE_ORDER - order)).any(axis=1))
        if rows >= 8 * np.count_nonzero(cells):
            break
    return float(np.count_nonzero(cells) * 41252.961 / cells.size)


def _save_index(index: _Index, order: int, work: Path) -> None:
    """Write where each tile's rows lie."""
    from astropy_healpix import healpy  # noqa: PLC0415 - needed when importing only

    tile = np.concatenate(index.tile)
    lengths = [len(one) for one in index.tile]
    np.savez(
        work / INDEX,
        tile=tile,
        count=np.concatenate(index.count),
        start=np.concatenate(index.start),
        reach=np.concatenate(index.reach),
        part=np.repeat(index.part, lengths).astype(np.int32),
        group=np.repeat(index.group, lengths).astype(np.int32),
        centre=unit_vectors(*healpy.pix2ang(2**order, tile, nest=True, lonlat=True)),
    )
