"""A worker process: stays warm, runs one job at a time as its supervisor says, dies with its supervisor.

``python -m hven.jobs.child SOCKET PARENT``. Over the socket come claims, one JSON array a line; back go the words
``ready`` (warm, waiting) and ``ended``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
from typing import TextIO

from hven.jobs.processes import die_with_parent, give_way

READY, ENDED = b"ready\n", b"ended\n"
logger = logging.getLogger("hven.jobs")


def main(descriptor: int, parent: int) -> int:
    """Serve one supervisor until it closes the socket."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the supervisor's business
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)

    import django  # noqa: PLC0415 - the parent has to be watched before anything slow begins
    from django.conf import settings  # noqa: PLC0415 - the same

    django.setup()
    give_way(min(19, settings.HVEN_WORKER_NICE))
    _warm_up()
    channel.sendall(READY)
    with channel.makefile("r") as orders:
        return _serve(channel, orders)


def _serve(channel: socket.socket, orders: TextIO) -> int:
    from hven.jobs import runner  # noqa: PLC0415 - needs the apps
    from hven.jobs.table import Claim  # noqa: PLC0415 - needs the apps

    for line in orders:
        job_id, number, kind = json.loads(line)
        try:
            runner.run(Claim(job_id, number, kind))
        except Exception:
            # The job's end could not be written. This process ends, and its supervisor gives the job back.
            logger.exception("Job %s could not be ended", job_id)
            return 1
        channel.sendall(ENDED)
    return 0


def _warm_up() -> None:
    from hven.jobs.kinds import all_kinds  # noqa: PLC0415 - needs the apps

    for kind in all_kinds():
        if kind.warm is not None:
            try:
                kind.warm()
            except Exception:
                # Not ready for this kind is no reason to do none: its jobs say themselves what is missing.
                logger.exception("The kind %s could not be warmed up", kind.name)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
