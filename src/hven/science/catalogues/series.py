"""The public series of index files: what there is, how large, and which of them suit a telescope.

Scale k of a series holds asterisms of 2 to 2.8 arcminutes times the square root of two to the power k. A frame is
placed best by asterisms of about half its width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hven.errors import Invalid
from hven.science.catalogues.indexes import IndexFile
from hven.science.catalogues.patterns import NARROWEST_DEG

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Series:
    """One public series."""

    name: str
    words: tuple[str, ...]  # what it may be called, in lower case
    about: str
    number: int  # 41 for 4107 to 4119
    sizes: tuple[tuple[int, int], ...]  # scale, and bytes of all its tiles
    tiles: int  # 1: one file for the whole sky
    setting: str  # which names the address of its files

    @property
    def scales(self) -> tuple[int, ...]:
        """All scales, narrowest first."""
        return tuple(scale for scale, _ in self.sizes)


@dataclass(frozen=True, slots=True)
class WantedFile:
    """One file of a series."""

    series: Series
    scale: int
    tile: int | None
    bytes: int  # about so large

    @property
    def index_id(self) -> int:
        """The number of the index inside."""
        return 100 * self.series.number + self.scale

    @property
    def name(self) -> str:
        """Its name at its source and in the folder of indexes."""
        return f"index-{self.index_id}.fits" if self.tile is None else f"index-{self.index_id}-{self.tile:02d}.fits"


TYCHO2 = Series(
    name="4100",
    words=("4100", "41"),
    about="Tycho-2, fields of 1 degree and wider",
    number=41,
    sizes=(
        (7, 165 * _MB), (8, 95 * _MB), (9, 50 * _MB), (10, 25 * _MB), (11, 10 * _MB), (12, 5 * _MB), (13, 3 * _MB),
        (14, 1 * _MB), (15, 1 * _MB), (16, _MB // 2), (17, _MB // 4), (18, _MB // 5), (19, _MB // 7),
    ),
    tiles=1,
    setting="INDEX_URL_4100",
)  # fmt: skip
GAIA = Series(
    name="5200-LITE",
    words=("5200-lite", "5200", "52"),
    about="Tycho-2 and Gaia DR2, fields from 4 arcminutes to 1 degree",
    number=52,
    sizes=(
        (0, 17203 * _MB), (1, 9491 * _MB), (2, 4856 * _MB), (3, 2449 * _MB), (4, 1220 * _MB), (5, 615 * _MB),
        (6, 308 * _MB),
    ),
    tiles=48,
    setting="INDEX_URL_5200",
)  # fmt: skip
ALL = (TYCHO2, GAIA)
_BEST = (0.25, 0.75)  # of a frame's width: asterisms that lie wholly within this share place it soonest
_ENOUGH = (0.1, 0.48)  # where the smallest asterisms of an index lie for frames that it places nearly always


def quad_sizes(scale: int) -> tuple[float, float]:
    """Return the least and the largest size of a scale's asterisms, arcminutes."""
    low = 2.0 * 2 ** (scale / 2)
    return low, low * 2**0.5


def wanted_files(word: str, scales: Sequence[int] = (), tiles: Sequence[int] = ()) -> tuple[WantedFile, ...]:
    """Return the files that a word such as 4110, 5205, 4100 or 5200-LITE names the widest scale first.

    Raises
    ------
    Invalid
        There is no such series, scale or tile.
    """
    series, number = _named(word)
    chosen = (number,) if number is not None else tuple(scales) or series.scales
    if number is not None and any(scale != number for scale in scales):
        raise Invalid(f"{word} is one scale already; name the series {series.name} to choose scales.")
    for scale in chosen:
        if scale not in series.scales:
            first, last = series.scales[0], series.scales[-1]
            raise Invalid(f"The series {series.name} has no scale {scale}: it goes from {first} to {last}.")
    if tiles and series.tiles == 1:
        raise Invalid(f"The series {series.name} is not cut into tiles: each file covers the whole sky.")
    for tile in tiles:
        if not 0 <= tile < series.tiles:
            raise Invalid(f"There is no tile {tile}: they go from 0 to {series.tiles - 1}.")
    sizes = dict(series.sizes)
    found = []
    for scale in sorted(set(chosen), reverse=True):  # the widest fields first: least bytes for most sky
        parts: Iterable[int | None] = [None] if series.tiles == 1 else sorted(set(tiles)) or range(series.tiles)
        found += [WantedFile(series, scale, tile, sizes[scale] // series.tiles) for tile in parts]
    return tuple(found)


def series_of_file(index: IndexFile) -> Series | None:
    """Return the public series that an installed file belongs to."""
    return next((s for s in ALL if s.number == index.index_id // 100), None)


def suited(width_deg: float) -> tuple[int, ...]:
    """Return the scales whose asterisms suit frames of a width best, narrowest first; () below 4 arcminutes."""
    low, high = _BEST
    width = 60 * width_deg
    return tuple(k for k in range(20) if quad_sizes(k)[1] <= high * width and quad_sizes(k)[0] >= low * width)


def is_covered(width_deg: float, installed: Iterable[IndexFile]) -> bool:
    """Say whether frames of a width are placed reliably by star patterns or by any of these indexes."""
    width = 60 * width_deg
    low, high = _ENOUGH
    return width_deg >= NARROWEST_DEG or any(low * width <= i.quad_low_arcmin <= high * width for i in installed)


def advice(width_deg: float, installed: Iterable[IndexFile]) -> tuple[int, ...]:
    """Return the scales to fetch for frames of a width; () where what is there will do, or nothing public would.

    Two neighbouring scales are plenty.
    """
    if is_covered(width_deg, installed):
        return ()
    return suited(width_deg)[-2:]


def word_for(scale: int) -> str:
    """Return the arguments of `hven index fetch` that name a scale of the series recommended for it."""
    if scale in TYCHO2.scales:
        return str(100 * TYCHO2.number + scale)
    return str(100 * GAIA.number + scale) if scale else f"{GAIA.name} --scale 0"


def size_of(scales: Iterable[int]) -> int:
    """Return the bytes that fetching these scales takes, about."""
    sizes = dict(GAIA.sizes) | dict(TYCHO2.sizes)
    return sum(sizes[scale] for scale in scales)


def _named(word: str) -> tuple[Series, int | None]:
    lower = word.strip().lower().removeprefix("index-").removesuffix(".fits")
    for series in ALL:
        if lower in series.words:
            return series, None
        found = re.fullmatch(rf"{series.number}(\d\d)(?:-lite)?", lower)
        if found and int(found[1]) in series.scales:
            return series, int(found[1])
    raise Invalid(
        f"{word} is no series that hven can fetch. There are 4100 (4107 to 4119) and 5200-LITE (5200 to 5206); "
        "for the scale 0 of the latter say 5200-LITE --scale 0."
    )
