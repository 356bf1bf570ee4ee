"""`hven config`: every setting, its value, and where that came from."""

from __future__ import annotations

import argparse
import json

HELP = "Show the settings, each with its value and where it came from"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print all settings; secrets are masked")
    show.add_argument("--json", action="store_true", help="as one JSON object")
    show.add_argument("--explain", action="store_true", help="with the sentence that says what each is for")


def run(args: argparse.Namespace) -> int:
    """Print the settings."""
    from hven.config import options

    settings = options.read().settings.values()
    if args.json:
        print(json.dumps({s.option.variable: {"value": s.shown(), "origin": s.origin} for s in settings}, indent=2))
        return 0
    widths = (
        max(len(setting.option.variable) for setting in settings),
        max(len(setting.shown()) for setting in settings),
    )
    for setting in settings:
        print(f"{setting.option.variable:{widths[0]}}  {setting.shown():{widths[1]}}  {setting.origin}".rstrip())
        if args.explain:
            print(f"    {setting.option.doc}")
    return 0
