"""`hven catalogue`: reference stars on this machine: bringing a catalogue, listing, exporting, removing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hven.imaging.services.catalogues import CatalogueEntry
    from hven.science.catalogues.photometric.tiles import Description

HELP = "Bring photometric catalogues onto this machine, list them, take them out again"
_EXAMPLE = "hven catalogue add ps1 my-field.vot"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    one = commands.add_parser(
        "add",
        help="bring a catalogue: FITS table, CSV, Parquet, VOTable or ECSV of any size",
        description="Bring a catalogue onto this machine. Named like a known one (ps1, gaiaedr3 ...), it is asked in "
        "that one's place. Columns are recognised as VizieR and the archives name them.",
    )
    one.add_argument("name", metavar="NAME", help="what it is asked by: ps1, or a name of your own")
    one.add_argument("file", type=Path, metavar="FILE", help="FITS table, CSV, Parquet, VOTable or ECSV")
    one.add_argument(
        "--columns", default="", metavar="WHAT=COLUMN,...",
        help="columns that are not recognised: ra=RightAsc,dec=Decl,r=r_cal,e_r=r_err (also pmra, pmdec, id)",
    )  # fmt: skip
    one.add_argument(
        "--unit", default="", choices=("deg", "rad", "hour"), help="of the places, where the file says none"
    )
    one.add_argument("--for", dest="stands_for", default="", metavar="KNOWN", help="the known catalogue it stands for")
    one.add_argument(
        "--system", default="", choices=("ps1", "gaia", "none"),
        help="whose magnitudes they are, so that B, V, R and I can be derived; by default as the name says",
    )  # fmt: skip
    one.add_argument("--epoch", type=float, metavar="YEAR", help="of the positions, a Julian year")
    one.add_argument("--licence", default="", metavar="TEXT", help="on what terms it may be used")
    one.add_argument("--replace", action="store_true", help="exchange a catalogue of that name")

    one = commands.add_parser("list", help="what can be asked for, and what of it lies on this machine")
    one.add_argument("--json", action="store_true", help="for programs: one JSON object")

    one = commands.add_parser("export", help="write a catalogue of this machine into a file")
    one.add_argument("name", metavar="NAME", help="of a catalogue on this machine")
    one.add_argument("file", type=Path, metavar="FILE", help="ending in .parquet, .csv, .fits, .vot or .ecsv")

    one = commands.add_parser("remove", help="remove a catalogue from this machine")
    one.add_argument("name", metavar="NAME", help="of a catalogue on this machine")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    from hven.cli.support import set_up_django

    set_up_django()
    return {"add": _add, "list": _list, "export": _export, "remove": _remove}[arguments.what](arguments)


def _add(arguments: argparse.Namespace) -> int:
    from hven.cli.support import progress_line
    from hven.imaging.services.catalogues import add_catalogue
    from hven.science.catalogues.photometric.known import CATALOGUES

    made = add_catalogue(
        arguments.name,
        arguments.file,
        columns=arguments.columns,
        unit=arguments.unit,
        stands_for=arguments.stands_for,
        family=arguments.system,
        epoch=arguments.epoch,
        licence=arguments.licence,
        replace_old=arguments.replace,
        tell=progress_line,
    )
    print(_line(made))
    columns = ", ".join(f"{own} = {theirs}" for own, theirs in made.columns.items() if own != theirs)
    if columns:
        print(f"Columns taken: {columns}")
    if made.left_out:
        rows = "row was" if made.left_out == 1 else "rows were"
        print(f"{made.left_out:,} {rows} left out for want of a place or any magnitude.")
    bare = [key for key in made.filters if f"e_{key}mag" not in made.columns]
    if bare:
        print(f"Without errors: {', '.join(bare)}. Where the file has them, name them: --columns e_{bare[0]}=COLUMN")
    if made.stands_for:
        print(f"It is asked wherever {CATALOGUES[made.stands_for].name} is; `--for` and the name decide that.")
    else:
        print(f"Frames are calibrated against it with the key cat_name={made.name}.")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from hven.imaging.services import outside
    from hven.imaging.services.catalogues import all_catalogues, folder, local_catalogues

    local, entries, asked = local_catalogues(), all_catalogues(), bool(outside.setting("OUTSIDE"))
    if arguments.json:
        found = {
            "local": [one.as_json() for one in local],
            "catalogues": [_described(entry, asked) for entry in entries],
            "outside": asked,
            "folder": str(folder()),
        }
        print(json.dumps(found, indent=1))
        return 0
    print("On this machine:")
    if not local:
        print(f"  none yet. Bring one, for instance a cone saved from VizieR:  {_EXAMPLE}")
    for one in local:
        print(f"  {_line(one)}")
    print("By name:" if asked else "By name (HVEN_OUTSIDE is off, so only what lies on this machine can be had):")
    for entry in entries:
        if entry.known is None:
            continue
        where = f"this machine ({entry.local.name})" if entry.local else ""
        where = " then ".join(filter(None, (where, f"VizieR {entry.known.vizier}" if asked else ""))) or "nowhere yet"
        print(f"  {entry.key:<11} {entry.name:<18} {' '.join(entry.filters):<22} {where}")
    print("Where none has stars of a field, the bright ones that come with the solver stand in.")
    return 0


def _described(entry: CatalogueEntry, asked: bool) -> dict[str, Any]:
    return {
        "key": entry.key,
        "name": entry.name,
        "filters": list(entry.filters),
        "local": entry.local.name if entry.local else None,
        "vizier": entry.known.vizier if entry.known is not None and asked else None,
    }


def _line(one: Description) -> str:
    stands = f", stands for {one.stands_for}" if one.stands_for and one.stands_for != one.name else ""
    return (
        f"{one.name}: {one.rows:,} stars, {' '.join(one.filters)}, on about {one.area_deg2:,.3g} square degrees, "
        f"{_size(one.bytes)}, from {one.source}, {one.imported[:10]}{stands}"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _export(arguments: argparse.Namespace) -> int:
    from hven.cli.support import progress_line
    from hven.imaging.services.catalogues import write_catalogue

    count = write_catalogue(arguments.name, arguments.file, progress_line)
    print(f"{count:,} rows in {arguments.file}")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    from hven.imaging.services.catalogues import remove_catalogue

    gone = remove_catalogue(arguments.name)
    print(f"Removed {gone.name} ({gone.rows:,} stars, {_size(gone.bytes)})")
    return 0
