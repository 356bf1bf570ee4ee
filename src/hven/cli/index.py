"""`hven index list`: which solver data is there, and what fields it covers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hven.science.catalogues.indexes import IndexFile

HELP = "Show the solver's data"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="list")
    commands.add_parser("list", help="tables and index files, and the fields that they cover")


def run(arguments: argparse.Namespace) -> int:
    """Print what is there."""
    del arguments
    from hven.cli.support import set_up_django

    set_up_django()
    from django.conf import settings

    from hven.errors import Unavailable
    from hven.imaging.services.solver_data import opened
    from hven.science.catalogues.indexes import covered_widths
    from hven.science.catalogues.patterns import NARROWEST_DEG, WIDEST_DEG, has_patterns, pattern_file

    data = opened()
    print("Tables (built once, on first use):")
    if has_patterns(data.folder):
        size = pattern_file(data.folder).stat().st_size / 1e6
        print(f"  star patterns     fields of {NARROWEST_DEG:g} to {WIDEST_DEG:g} degrees, {size:.0f} MB")
    else:
        print(f"  star patterns     not built yet (fields of {NARROWEST_DEG:g} to {WIDEST_DEG:g} degrees)")
    try:
        print(f"  reference stars   {len(data.reference):,}")
    except Unavailable:
        print("  reference stars   not built yet")
    print("Index files:")
    rows = _rows(data.indexes)
    if not rows:
        print("  none; the package astrometry-data-tycho2 of Debian takes fields down to 0.8 degrees")
    for row in rows:
        print(f"  {row}")
    widths = covered_widths(data.indexes)
    low = min([NARROWEST_DEG, *(widths[:1] if widths else ())])
    print(f"Frames from about {low:.2g} degrees of width can be placed.")
    print("Searched: " + ", ".join(str(folder) for folder in settings.HVEN_INDEX_FOLDERS))
    return 0


def _rows(indexes: tuple[IndexFile, ...]) -> list[str]:
    """Return a line for each scale of a series; the tiles of one scale are counted together."""
    groups: dict[tuple[str, int, float], list[IndexFile]] = {}
    for index in indexes:
        groups.setdefault((index.series, index.index_id, round(index.quad_low_arcmin, 1)), []).append(index)
    lines = []
    for (series, number, _), files in groups.items():
        first = files[0]
        size = sum(f.size_bytes for f in files) / 1e6
        tiles = f", {len(files)} tiles" if len(files) > 1 else ""
        shape = "triangles" if first.stars_per_quad == 3 else "quads"
        lines.append(
            f"{number}  {series:<22} {shape} of {first.quad_low_arcmin:5.0f} to {first.quad_high_arcmin:5.0f}'"
            f"  fields of {first.field_low_deg:6.2f} to {first.field_high_deg:6.1f} deg  {size:7.1f} MB{tiles}"
        )
    return lines
