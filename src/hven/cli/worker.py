"""`hven worker`: workers apart from the web server."""

from __future__ import annotations

import argparse

from hven.cli.support import set_up_django

HELP = "Start workers only, beside a server that runs on the same data folder"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Starts workers and a reaper. Run `hven serve --workers 0` beside it if the server shall compute"
        " nothing itself."
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="run N jobs at once (HVEN_WORKERS, default one a core)"
    )


def run(args: argparse.Namespace) -> int:
    """Work until a signal comes."""
    set_up_django()
    from django.conf import settings

    from hven.ops.serving import cores, work

    return work((settings.HVEN_WORKERS or cores()) if args.workers is None else args.workers)
