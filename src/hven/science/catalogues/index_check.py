"""Is an index file whole? Looked at before the solver's C code is, which trusts what it maps into memory.

The tables that every index has are described in Lang et al. (2010, AJ 139, 1782, section 2): asterisms as numbers of
stars ("quads"), a tree of their codes and a tree of the stars.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hven.errors import Invalid
from hven.science.catalogues.indexes import IndexFile, read_index

_BLOCK = 2880
_MOST_TABLES = 100
_MOST_HEADER_BLOCKS = 64
_NEEDED = ("quads", "kdtree_data_codes", "kdtree_data_stars", "kdtree_range_stars")
_LOAD_LIMIT_S = 120
_CHUNK_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a FITS file."""

    name: str  # of its first column
    row_bytes: int
    rows: int
    offset: int  # of its data in the file, bytes

    @property
    def size(self) -> int:
        """Of its data, bytes."""
        return self.row_bytes * self.rows


def check_index(path: Path) -> IndexFile:
    """Return what an index file says of itself, after looking at all that the solver relies on.

    Raises
    ------
    Invalid
        It is no index, is cut off or damaged, was made for another kind of processor, or the solver cannot load it.
    """
    index = read_index(path)
    name = path.name
    tables, cards = _tables(path)
    missing = [needed for needed in _NEEDED if needed not in tables]
    if missing:
        raise Invalid(f"{name} is damaged or cut off: its table {missing[0]} is missing.")
    byteorder = cards.get("ENDIAN", "04:03:02:01")
    if (sys.byteorder == "little") != byteorder.startswith("04"):
        raise Invalid(f"{name} was made for processors of another byte order; take the one for this machine.")
    if not 0 < index.quad_low_arcmin < index.quad_high_arcmin <= 180 * 60:
        raise Invalid(f"{name} is damaged: it does not say how large its asterisms are.")
    if index.stars_per_quad not in {3, 4, 5} or tables["quads"].row_bytes != 4 * index.stars_per_quad:
        raise Invalid(f"{name} has asterisms of a kind that the solver does not know.")
    counted = {"quads": index.quads, "kdtree_data_codes": index.quads, "kdtree_data_stars": index.stars}
    for table, rows in counted.items():
        if tables[table].rows != rows or not rows:
            raise Invalid(f"{name} is damaged: its table {table} has {tables[table].rows} rows and not {rows}.")
    _check_numbers(path, tables["quads"], index.stars)
    _check_loads(path)
    return index


def _tables(path: Path) -> tuple[dict[str, Table], dict[str, str]]:
    """Return a file's tables by the name of their first column, and the cards of its primary header."""
    found: dict[str, Table] = {}
    primary: dict[str, str] = {}
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            offset = 0
            for number in range(_MOST_TABLES):
                file.seek(offset)
                cards, header_bytes = _header(iter(lambda: file.read(_BLOCK), b""), path.name)
                start = offset + header_bytes
                length = _data_bytes(cards)
                if start + length > size:
                    raise Invalid(f"{path.name} is cut off: {size} bytes are there, {start + length} belong to it.")
                if number == 0:
                    primary = cards
                elif "TTYPE1" in cards:
                    table = Table(cards["TTYPE1"], int(cards["NAXIS1"]), int(cards["NAXIS2"]), start)
                    found.setdefault(table.name, table)
                offset = start + -(-length // _BLOCK) * _BLOCK
                if offset >= size:
                    break
    except (OSError, ValueError, KeyError) as error:
        raise Invalid(f"{path.name} is damaged: its tables cannot be read.") from error
    return found, primary


def _header(blocks: Iterator[bytes], name: str) -> tuple[dict[str, str], int]:
    cards: dict[str, str] = {}
    for count, block in enumerate(blocks, 1):
        if len(block) < _BLOCK or count > _MOST_HEADER_BLOCKS:
            break
        text = block.decode("latin-1")
        for start in range(0, _BLOCK, 80):
            card = text[start : start + 80]
            if card[:8].rstrip() == "END":
                return cards, count * _BLOCK
            if card[8:10] == "= ":
                cards.setdefault(card[:8].rstrip(), card[10:].split(" / ")[0].strip().strip("'").strip())
    raise Invalid(f"{name} is cut off in the middle of a header.")


def _data_bytes(cards: dict[str, str]) -> int:
    axes = [int(cards[f"NAXIS{n}"]) for n in range(1, int(cards.get("NAXIS", "0")) + 1)]
    if not axes or any(axis < 0 for axis in axes):
        return 0
    each = abs(int(cards["BITPIX"])) // 8
    return each * int(cards.get("GCOUNT", "1")) * (int(cards.get("PCOUNT", "0")) + int(np.prod(axes, dtype=object)))


def _check_numbers(path: Path, quads: Table, stars: int) -> None:
    """Look whether all asterisms are of stars that are there: the solver would read anything else from nowhere."""
    wide = quads.row_bytes // 4
    with path.open("rb") as file:
        file.seek(quads.offset)
        left = quads.rows * wide
        blank = 0
        while left:
            numbers = np.fromfile(file, "<u4" if sys.byteorder == "little" else ">u4", min(left, _CHUNK_ROWS * wide))
            if not numbers.size:
                break
            if numbers.max() >= stars:
                raise Invalid(f"{path.name} is damaged: some of its asterisms name stars that it does not have.")
            blank += int(
                np.count_nonzero(np.ptp(numbers[: numbers.size // wide * wide].reshape(-1, wide), axis=1) == 0)
            )
            left -= numbers.size
    if left or blank:
        raise Invalid(f"{path.name} is damaged: some of its asterisms are of no stars.")


def _check_loads(path: Path) -> None:
    """Load it as a worker will, in a process of its own: what is wrong inside may end a C program at once."""
    program = "import pathlib, sys, astrometry; astrometry.Solver([pathlib.Path(sys.argv[1])])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, timeout=_LOAD_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Invalid(f"{path.name} cannot be loaded by the solver: it takes too long.") from error
    if done.returncode != 0:
        told = re.findall(r"\w+\.c:\d+:\w+: (.+)", done.stderr.decode(errors="replace"))
        reason = f" ({told[0].split(' in file ')[0]})" if told else ""
        raise Invalid(f"{path.name} cannot be loaded by the solver{reason}; it is damaged or of another version.")
