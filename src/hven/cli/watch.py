"""`hven watch`: uploads what comes into a folder, as soon as it is complete."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from hven.cli import upload

HELP = "Upload what comes into a folder, until it is stopped with Ctrl-C"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="that a camera's program writes to")
    upload.common(parser)
    parser.add_argument("--every", type=float, default=5.0, metavar="S", help="seconds between looks (default 5)")
    parser.add_argument("--once", action="store_true", help="stop when all that is there now is uploaded")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from hven.cli.uploading import files_in, tags_of
    from hven.errors import NotFound

    if not args.folder.is_dir():
        raise NotFound(f"There is no folder {args.folder}.")
    server, dataset = upload.opened(args)
    print(f"Watching {args.folder}. Ctrl-C stops it.", flush=True)
    before: dict[Path, tuple[int, float]] = {}
    done: dict[Path, tuple[int, float]] = {}
    while True:
        now = {path: _looks(path) for path in files_in(args.folder)}
        waiting = 0
        for path, looks in now.items():
            if done.get(path) == looks:
                continue
            if before.get(path) != looks:
                waiting += 1  # somebody still writes to it, or it was not seen before
                continue
            shown = str(path.relative_to(args.folder))
            sent = server.send(path, path.name, dataset, tags_of(path, args.folder, args.tag), upload.progress(shown))
            print(f"\r{shown}: {sent.state}{', ' + sent.words if sent.words else ''}", flush=True)
            if sent.state != "failed" or args.once:
                done[path] = looks
        before = now
        if args.once and not waiting:
            return 0
        time.sleep(max(args.every, 0.05))


def _looks(path: Path) -> tuple[int, float]:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return (-1, 0.0)
    return stat.st_size, stat.st_mtime
