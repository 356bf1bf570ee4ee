"""`hven serve`: the whole server in one command."""

from __future__ import annotations

import argparse

from hven.cli.support import set_up_django

HELP = "Start the server: pages, APIs, workers and everything they need"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Brings the database up to date, then starts the web server, the workers and the reaper, and starts again"
        " what dies. Ctrl-C or SIGTERM stops it: running jobs get HVEN_STOP_GRACE seconds to finish."
    )
    parser.add_argument("--host", metavar="ADDRESS", help="listen there (HVEN_HOST, default 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="N", help="listen on that port (HVEN_PORT, default 8000)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="run N jobs at once (HVEN_WORKERS, default one a core); 0: none"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    set_up_django()
    from django.conf import settings

    from hven.ops.serving import cores, serve

    host = args.host or settings.HVEN_HOST
    port = settings.HVEN_PORT if args.port is None else args.port
    workers = (settings.HVEN_WORKERS or cores()) if args.workers is None else args.workers
    return serve(host, port, workers, lambda line: print(line, flush=True))
