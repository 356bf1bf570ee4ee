"""Cells of the sky for look-ups by position in an ordered table: one integer for a disc, a few ranges for a search.

A disc lies in the level whose cells are just wider than its radius, so that wide and narrow discs are found alike: a
search looks, level by level, only as far around its place as discs of that level reach. Cells are zones of equal
height in declination, cut at equal steps of right ascension.
"""

import math

LEVELS = 13  # cells of 180 degrees to 2.6 arcminutes
_ZONE, _LEVEL = 1 << 20, 1 << 40  # places of the three numbers within one
_MOST_ZONES = 8  # looked at one by one; more are taken whole


def cell_of(ra: float, dec: float, radius: float) -> int:
    """Return the cell of a disc: its centre in degrees (ICRS), its radius in degrees."""
    level = _level_of(radius)
    height = 180.0 / 2**level
    return level * _LEVEL + _zone(dec, height, level) * _ZONE + int((ra % 360.0) / height)


def ranges(ra: float, dec: float, radius: float) -> list[tuple[int, int]]:
    """Return ranges of cells, both ends included, with every disc that touches the one given.

    They hold others too: whoever searches compares the distances of what is found.
    """
    found: list[tuple[int, int]] = []
    for level in range(LEVELS):
        height = 180.0 / 2**level
        reach = radius + height if level else 180.0  # the widest lie in level 0, whatever their radius
        first, last = _zone(dec - reach, height, level), _zone(dec + reach, height, level)
        wide = _half_width(dec, reach)
        start = level * _LEVEL
        if wide is None or last - first >= _MOST_ZONES:
            found.append((start + first * _ZONE, start + last * _ZONE + _ZONE - 1))
            continue
        cells = _ra_cells(ra % 360.0, wide, height)
        found += [
            (start + zone * _ZONE + low, start + zone * _ZONE + high)
            for zone in range(first, last + 1)
            for low, high in cells
        ]
    return found


def _level_of(radius: float) -> int:
    level = 0
    while level + 1 < LEVELS and 180.0 / 2 ** (level + 1) >= radius:
        level += 1
    return level


def _zone(dec: float, height: float, level: int) -> int:
    return min(2**level - 1, max(0, int((dec + 90.0) / height))) if dec > -90.0 else 0


def _half_width(dec: float, reach: float) -> float | None:
    """Return how far in right ascension a disc reaches; None where it holds a pole or nearly."""
    if abs(dec) + reach >= 89.9:
        return None
    return math.degrees(math.asin(math.sin(math.radians(reach)) / math.cos(math.radians(dec)))) + 1e-9


def _ra_cells(ra: float, wide: float, height: float) -> list[tuple[int, int]]:
    last = int(360.0 / height)
    if wide >= 180.0:
        return [(0, last)]
    low, high = ra - wide, ra + wide
    if low < 0:
        return [(int((low + 360.0) / height), last), (0, int(high / height))]
    if high >= 360.0:
        return [(int(low / height), last), (0, int((high - 360.0) / height))]
    return [(int(low / height), int(high / height))]
