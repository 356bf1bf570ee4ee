"""`hven index`: which solver data is there, and bringing more: files, public series, indexes of your own."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hven.science.catalogues.indexes import IndexFile

HELP = "Show and install the solver's data"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    one = commands.add_parser("list", help="tables and index files, and the fields that they cover")
    one.add_argument("--json", action="store_true", help="for programs: one JSON object")

    one = commands.add_parser("add", help="install index files of astrometry.net that you have")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an index file")
    one.add_argument(
        "--link", nargs="?", const="symbolic", default="", choices=("symbolic", "hard"),
        help="link to the files instead of copying them",
    )  # fmt: skip

    one = commands.add_parser("fetch", help="fetch a public series or a part of it; continues where it was interrupted")
    one.add_argument("series", help="4100, 5200-LITE, or one scale of them such as 4110 or 5205")
    one.add_argument("--scale", nargs="+", type=int, default=[], metavar="N", help="scales of the series (7, 8 ...)")
    one.add_argument("--tile", nargs="+", type=int, default=[], metavar="T", help="tiles of the sky, 0 to 47")
    one.add_argument("--url", default="", help="fetch from this folder instead of the setting's; it may be private")
    one.add_argument("--yes", action="store_true", help="do not ask first")

    one = commands.add_parser("build", help="make indexes of a star catalogue of your own")
    one.add_argument("catalogue", type=Path, help="FITS table, VOTable, ECSV or CSV")
    one.add_argument("--name", default="", help="of the index; by default the file's")
    one.add_argument("--ra", default="", metavar="COLUMN", help="column of right ascension, where it is not recognised")
    one.add_argument("--dec", default="", metavar="COLUMN", help="column of declination")
    one.add_argument("--mag", default="", metavar="COLUMN", help="column of the magnitude")
    one.add_argument("--width-low", type=float, metavar="DEG", help="width of the narrowest frames to be placed")
    one.add_argument("--width-high", type=float, metavar="DEG", help="width of the widest frames to be placed")
    one.add_argument("--scale", type=int, metavar="N", help="one size of asterisms: 2 arcminutes times root 2 to the N")
    one.add_argument("--epoch", type=float, metavar="YEAR", help="move the stars there by the catalogue's motions")
    one.add_argument("--catalogue-epoch", type=float, metavar="YEAR", help="of the positions, without column ref_epoch")
    one.add_argument("--position-error", type=float, metavar="ARCSEC", help="error of the catalogue's positions")

    one = commands.add_parser("remove", help="remove index files from the data folder")
    one.add_argument("name", help="a file's name, a number (4110), a series (4100), or the name of an own index")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    from hven.cli.support import set_up_django

    set_up_django()
    return {"list": _list, "add": _add, "fetch": _fetch, "build": _build, "remove": _remove}[arguments.what](arguments)


# --- list -----------------------------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> int:
    from django.conf import settings

    from hven.errors import Unavailable
    from hven.imaging.services.solver_data import opened
    from hven.imaging.services.solver_indexes import unfinished
    from hven.science.catalogues.indexes import covered_widths
    from hven.science.catalogues.patterns import NARROWEST_DEG, WIDEST_DEG, has_patterns, pattern_file

    data = opened()
    try:
        stars = len(data.reference)
    except Unavailable:
        stars = 0
    widths = covered_widths(data.indexes)
    narrowest = min([NARROWEST_DEG, *(widths[:1] if widths else ())])
    pattern_bytes = pattern_file(data.folder).stat().st_size if has_patterns(data.folder) else 0
    groups = [_described(files) for files in _grouped(data.indexes)]
    folders = [str(folder) for folder in settings.HVEN_INDEX_FOLDERS]
    if arguments.json:
        found = {
            "patterns": {"bytes": pattern_bytes, "width_low_deg": NARROWEST_DEG, "width_high_deg": WIDEST_DEG},
            "reference_stars": stars,
            "indexes": groups,
            "unfinished": [{"file": name, "bytes": count} for name, count in unfinished()],
            "narrowest_deg": narrowest,
            "folders": folders,
        }
        print(json.dumps(found, indent=1))
        return 0
    print("Tables (built once, on first use):")
    built = f"{pattern_bytes / 1e6:.0f} MB" if pattern_bytes else "not built yet"
    print(f"  star patterns     fields of {NARROWEST_DEG:g} to {WIDEST_DEG:g} degrees, {built}")
    print(f"  reference stars   {f'{stars:,}' if stars else 'not built yet'}")
    print("Index files:")
    if not groups:
        print("  none; `hven index fetch 4100` brings fields down to 0.8 degrees (0.36 GB)")
    for group in groups:
        print(f"  {_line(group)}")
    for name, count in unfinished():
        print(f"  {name}: {count / 1e6:.1f} MB of it are here; fetch it again to go on")
    print(f"Frames from about {narrowest:.2g} degrees of width can be placed.")
    print("Searched: " + ", ".join(folders))
    return 0


def _grouped(indexes: Iterable[IndexFile]) -> list[list[IndexFile]]:
    """Return the files by series and scale; the tiles of one scale belong together."""
    groups: dict[tuple[str, int, float], list[IndexFile]] = {}
    for index in indexes:
        groups.setdefault((index.series, index.index_id, round(index.quad_low_arcmin, 1)), []).append(index)
    return list(groups.values())


def _described(files: list[IndexFile]) -> dict[str, Any]:
    first = files[0]
    tiles = 12 * first.nside**2 if first.healpix >= 0 else 1
    return {
        "number": first.index_id,
        "series": first.series,
        "stars_per_asterism": first.stars_per_quad,
        "asterism_low_arcmin": round(first.quad_low_arcmin, 3),
        "asterism_high_arcmin": round(first.quad_high_arcmin, 3),
        "width_low_deg": round(first.field_low_deg, 4),
        "width_high_deg": round(first.field_high_deg, 4),
        "files": len(files),
        "of": tiles,
        # an own index covers as many tiles as its catalogue does
        "complete": len(files) == tiles or bool(first.own_name),
        "bytes": sum(file.size_bytes for file in files),
        "folders": sorted({str(file.path.parent) for file in files}),
    }


def _line(group: dict[str, Any]) -> str:
    shape = "triangles" if group["stars_per_asterism"] == 3 else "quads"
    tiles = ""
    if group["of"] > 1 and group["complete"]:
        tiles = f", {group['files']} tiles"
    elif group["of"] > 1:
        tiles = f", {group['files']} of {group['of']} tiles"
    return (
        f"{group['number']}  {group['series']:<22} {shape} of {_arcmin(group['asterism_low_arcmin'])} to "
        f"{_arcmin(group['asterism_high_arcmin'])}'  fields of {group['width_low_deg']:6.2f} to "
        f"{group['width_high_deg']:6.1f} deg  {group['bytes'] / 1e6:7.1f} MB{tiles}"
    )


def _arcmin(value: float) -> str:
    return f"{value:5.0f}" if value >= 10 else f"{value:5.1f}"


# --- add, remove ------------------------------------------------------------------------------------------------


def _add(arguments: argparse.Namespace) -> int:
    from hven.errors import HvenError
    from hven.imaging.services.solver_indexes import add_index

    failed = 0
    for path in arguments.files:
        try:
            index = add_index(path, arguments.link)
        except HvenError as error:
            failed += 1
            print(f"hven: {error}", file=sys.stderr)
            continue
        print(f"{index.path.name}: fields of {index.field_low_deg:.2g} to {index.field_high_deg:.2g} degrees")
    return 1 if failed else 0


def _remove(arguments: argparse.Namespace) -> int:
    from hven.imaging.services.solver_indexes import remove_index

    gone, left = remove_index(arguments.name)
    for index in gone:
        print(f"Removed {index.path.name} ({index.size_bytes / 1e6:.1f} MB)")
    for index in left:
        print(f"{index.path} stays: hven removes from its own data folder only.", file=sys.stderr)
    return 0 if gone else 1


# --- fetch ------------------------------------------------------------------------------------------------------


def _fetch(arguments: argparse.Namespace) -> int:
    from hven.cli.support import progress_line
    from hven.imaging.services.solver_indexes import fetch_indexes, own_folder, plan_fetch, source_of

    plan = plan_fetch(arguments.series, arguments.scale, arguments.tile)
    present = len(plan.wanted) - len(plan.missing)
    if present:
        print(f"{present} of {len(plan.wanted)} files are installed already.", file=sys.stderr)
    if not plan.missing:
        return 0
    free = shutil.disk_usage(_existing(own_folder())).free
    source = arguments.url or source_of(plan.missing[0])[0]
    print(
        f"{len(plan.missing)} file{'s' if len(plan.missing) > 1 else ''}, about {_size(plan.bytes)}, from {source} "
        f"({_size(free)} are free on the disk).",
        file=sys.stderr,
    )
    if not arguments.yes and not _agreed():
        return 1
    try:
        fetch_indexes(plan, base=arguments.url, tell=progress_line)
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        print("Say --yes to fetch without a question.", file=sys.stderr)
        return False
    print("Fetch them? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


# --- build ------------------------------------------------------------------------------------------------------


def _build(arguments: argparse.Namespace) -> int:
    from django.conf import settings

    from hven.cli.support import progress_line
    from hven.imaging.services.solver_indexes import BuildOrder, build_index

    order = BuildOrder(
        name=arguments.name or arguments.catalogue.name.split(".")[0],
        ra=arguments.ra,
        dec=arguments.dec,
        mag=arguments.mag,
        width_low=arguments.width_low,
        width_high=arguments.width_high,
        scale=arguments.scale,
        epoch=arguments.epoch,
        catalogue_epoch=arguments.catalogue_epoch,
        jitter_arcsec=arguments.position_error,
    )
    settings.HVEN_FOLDERS.make()
    # Gone again whatever happens, Ctrl-C too; not in the folder for scratch, which a running server tidies.
    with tempfile.TemporaryDirectory(prefix="build-", dir=settings.HVEN_FOLDERS.solver) as scratch:
        built = build_index(order, arguments.catalogue, Path(scratch), progress_line)
    progress_line(1.0, "Done")
    left_out = f", {built.left_out:,} rows left out" if built.left_out else ""
    print(f"{built.stars:,} stars by the columns {', '.join(built.columns)}{left_out}")
    for index, trial in built.files:
        print(
            f"{index.path.name}: {index.size_bytes / 1e6:.1f} MB, asterisms of {index.quad_low_arcmin:.1f} to "
            f"{index.quad_high_arcmin:.1f}'; placed {trial.solved} of {trial.tried} fields of "
            f"{60 * trial.width_deg:.0f}' drawn from the catalogue, centre to {trial.error_arcsec:.3f}\", "
            f"{trial.seconds:.2f} s each"
        )
    for sentence in built.refused:
        print(sentence, file=sys.stderr)
    return 0
