"""`hven template`: template frames on this machine, against which new frames are compared."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hven.imaging.services.templates import StoredTemplate

HELP = "Bring template frames onto this machine, list them, remove them"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    one = commands.add_parser(
        "add",
        help="bring FITS frames with a projection",
        description="Bring FITS frames with a projection (solve them first). Where one covers a frame in its filter, "
        "it is used before any survey is asked.",
    )
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a FITS file with an image and a projection")
    one.add_argument("--name", default="", help="of the template; by default the file's")
    one.add_argument("--filter", default="", help="by default what the header says; without one it serves all filters")
    one.add_argument("--fwhm", type=float, metavar="ARCSEC", help="width of its stars, to prefer the sharper of two")

    one = commands.add_parser("list", help="templates of this machine, and the surveys that can be asked")
    one.add_argument("--json", action="store_true", help="for programs: one JSON object")

    one = commands.add_parser("remove", help="remove a template from this machine")
    one.add_argument("name", metavar="NAME", help="of a template on this machine")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    from hven.cli.support import set_up_django

    set_up_django()
    return {"add": _add, "list": _list, "remove": _remove}[arguments.what](arguments)


def _add(arguments: argparse.Namespace) -> int:
    from hven.errors import HvenError, Invalid
    from hven.imaging.services.templates import add_template

    if arguments.name and len(arguments.files) > 1:
        raise Invalid("--name names one template; leave it out for several files.")
    failed = 0
    for path in arguments.files:
        try:
            stored = add_template(path, name=arguments.name, filter_name=arguments.filter, fwhm_arcsec=arguments.fwhm)
        except HvenError as error:
            failed += 1
            print(f"hven: {error}", file=sys.stderr)
            continue
        print(_line(stored))
    return 2 if failed else 0


def _list(arguments: argparse.Namespace) -> int:
    from hven.imaging.services import outside
    from hven.imaging.services.templates import folder, stored_templates
    from hven.science.catalogues.photometric.known import TEMPLATES

    stored, asked = stored_templates(), bool(outside.setting("OUTSIDE"))
    if arguments.json:
        surveys = {key: {"name": one.name, "filters": list(one.filters)} for key, one in TEMPLATES.items()}
        found = {"templates": [asdict(one) for one in stored], "surveys": surveys, "outside": asked}
        print(json.dumps(found | {"folder": str(folder())}, indent=1))
        return 0
    print("On this machine:")
    if not stored:
        print(
            "  none yet. Bring a deep frame with a projection:  hven template add m31-deep.fits --filter r --fwhm 2.5"
        )
    for one in stored:
        print(f"  {_line(one)}")
    if not asked:
        print("HVEN_OUTSIDE is off, so no survey is asked.")
        return 0
    print("Surveys that are asked by name:")
    for key, survey in TEMPLATES.items():
        if survey.sources:
            print(f"  {key:<10} {survey.name:<30} {' '.join(survey.filters)}")
    return 0


def _line(one: StoredTemplate) -> str:
    width = f', stars of {one.fwhm_arcsec:g}"' if one.fwhm_arcsec else ""
    size = f"{60 * one.width_deg:.3g} by {60 * one.height_deg:.3g} arcminutes"
    return (
        f"{one.name}: {one.filter or 'any filter'}, {size} at "
        f'{one.ra:.4f} {one.dec:+.4f}, {one.scale_arcsec:.3g}"/px{width}, {one.bytes / 1e6:.1f} MB'
    )


def _remove(arguments: argparse.Namespace) -> int:
    from hven.imaging.services.templates import remove_template

    gone = remove_template(arguments.name)
    print(f"Removed {gone.name} ({gone.bytes / 1e6:.1f} MB)")
    return 0
