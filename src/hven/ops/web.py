"""The web server's process: ``python -m hven.ops.web --host ADDRESS --port N``.

granian, by measurement: see docs/operations.md. Its threads are many because a slow client with a body or a large
answer holds one; slow and idle connections hold none.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from hven.jobs.processes import die_with_parent


def main() -> int:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="hven.ops.web")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, default=0)
    args = parser.parse_args()
    if args.parent:
        die_with_parent(args.parent, signal.SIGTERM)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
    from django.conf import settings  # noqa: PLC0415 - the same
    from granian import Granian  # noqa: PLC0415 - the parent has to be watched before anything slow begins
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 - the same
    from granian.log import LogLevels  # noqa: PLC0415 - the same

    Granian(
        "hven.ops.wsgi:application",
        address=args.host,
        port=args.port,
        interface=Interfaces.WSGI,
        workers=max(1, settings.HVEN_WEB_PROCESSES),
        blocking_threads=max(1, settings.HVEN_WEB_THREADS),
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=settings.LOGGING,
        respawn_failed_workers=True,
        # Memory of long-lived processes only grows: each is renewed, after its requests are answered.
        workers_lifetime=max(60, int(settings.HVEN_WEB_LIFETIME)),
        workers_kill_timeout=max(1, min(1800, int(settings.HVEN_STOP_GRACE))),
    ).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
