"""`hven doctor`: what is well, what is not, and how to mend it."""

from __future__ import annotations

import argparse
import sys

from hven.cli.support import set_up_django

HELP = "Check paths, database, solver data, packages, disk and clock, and say how to mend what is wrong"
_SIGNS = {"well": "ok  ", "note": "note", "ill": "FAIL"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--quiet", action="store_true", help="print what is wrong only")


def run(args: argparse.Namespace) -> int:
    """Print one line for each finding; 1 if something has to be mended."""
    set_up_django()
    from hven.ops.doctor import examine

    ill = 0
    for finding in examine():
        ill += finding.state == "ill"
        if args.quiet and finding.state == "well":
            continue
        print(f"{_SIGNS[finding.state]}  {finding.subject}: {finding.text}")
        if finding.mend:
            print(f"      -> {finding.mend}")
        sys.stdout.flush()
    if ill:
        print(f"{ill} thing{'s' if ill > 1 else ''} to mend.")
    return 1 if ill else 0
