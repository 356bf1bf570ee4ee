"""The ``hven`` command. Each of its commands is a module here with HELP, ``configure(parser)`` and ``run(args)``.

A command of two words is a module of both: ``hven simulate night`` is ``simulate_night``, beside ``hven simulate``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Protocol, cast

COMMANDS = (
    "serve", "worker", "solve", "upload", "watch", "simulate", "simulate night", "demo", "index", "catalogue",
    "template", "user", "observatory", "key", "config", "doctor", "manage",
)  # fmt: skip


class Command(Protocol):
    """What a module of a command has."""

    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit status."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    root = argparse.ArgumentParser(
        prog="hven",
        description="A self-hosted server for the whole life of an observation.",
        epilog="hven COMMAND --help says more. All settings: hven config show.",
    )
    root.add_argument("--version", action="version", version=f"hven {metadata.version('hven')}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for name in COMMANDS:
        command = cast("Command", import_module(f"hven.cli.{name.replace(' ', '_')}"))
        sub = commands.add_parser(name, help=command.HELP, description=command.HELP + ".")
        command.configure(sub)
        sub.set_defaults(run=command.run)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an error that hven raises on purpose is one sentence on standard error, and status 2."""
    from hven.errors import HvenError

    args = parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        return int(args.run(args))
    except HvenError as error:
        print(f"hven: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, `head` perhaps, has enough. What Python would still flush must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a command of two words as one: argparse knows commands of one."""
    both = " ".join(arguments[:2])
    return [both, *arguments[2:]] if both in COMMANDS else list(arguments)
