"""`hven manage`: Django's own commands."""

from __future__ import annotations

import argparse
import os

HELP = "Run one of Django's own commands on hven's settings"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="for example: shell, dbshell, migrate"
    )


def run(args: argparse.Namespace) -> int:
    """Run it."""
    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
    execute_from_command_line(["hven manage", *args.arguments])
    return 0
