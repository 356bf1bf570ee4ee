"""`hven upload`: a folder of frames into a dataset of a server, continued where it was interrupted."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hven.cli.uploading import Server

HELP = "Upload a folder into a dataset; what is there is skipped, what was interrupted continues"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders, with their sub-folders, or files")
    common(parser)


def common(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that uploading and watching share."""
    parser.add_argument("--dataset", required=True, metavar="NAME", help="that takes the files; made where it is not")
    parser.add_argument("--telescope", default="", metavar="NAME", help="of a new dataset; its name or uuid")
    parser.add_argument(
        "--server", default=os.environ.get("HVEN_SERVER", "http://127.0.0.1:8000"), metavar="URL",
        help="by default HVEN_SERVER, else this machine",
    )  # fmt: skip
    parser.add_argument("--key", default="", metavar="KEY", help="an api or upload key; better in HVEN_KEY, unseen")
    parser.add_argument("--observatory", default="", metavar="WORD", help="whose dataset it is; by default your own")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="of all files, beside sub-folders")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from hven.cli.uploading import tags_of

    server, dataset = opened(args)
    counts = {"sent": 0, "skipped": 0, "failed": 0}
    wanted = [(path, folder) for each in args.paths for path, folder in _wanted(each)]
    for number, (path, folder) in enumerate(wanted, 1):
        shown = f"[{number}/{len(wanted)}] {path.relative_to(folder)}"
        sent = server.send(path, path.name, dataset, tags_of(path, folder, args.tag), progress(shown))
        counts[sent.state] += 1
        print(f"\r{shown}: {sent.state}{', ' + sent.words if sent.words else ''}", flush=True)
    print(f"{counts['sent']} sent, {counts['skipped']} skipped, {counts['failed']} failed.")
    return 1 if counts["failed"] else 0


def opened(args: argparse.Namespace) -> tuple[Server, str]:
    """Return the server and the dataset that the arguments name."""
    from hven.cli.uploading import Server
    from hven.errors import Invalid

    key = args.key or os.environ.get("HVEN_KEY", "")
    if not key:
        raise Invalid("Give an access key by --key or in HVEN_KEY; `hven key new NAME --kind upload` makes one.")
    server = Server(args.server, key, args.observatory)
    return server, server.dataset(args.dataset, args.telescope)


def progress(shown: str) -> Callable[[int, int], None] | None:
    """Return what shows how far a file is, on a terminal only."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, size: int) -> None:
        print(f"\r{shown}: {100 * done // max(size, 1)} %", end="", file=sys.stderr, flush=True)

    return tell


def _wanted(path: Path) -> list[tuple[Path, Path]]:
    from hven.cli.uploading import files_in
    from hven.errors import NotFound

    if path.is_dir():
        return [(each, path) for each in files_in(path)]
    if path.is_file():
        return [(path, path.parent)]
    raise NotFound(f"There is no {path}.")
