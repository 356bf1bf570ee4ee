"""The engine's processes: ``python -m hven.jobs supervisor --slots N`` and ``python -m hven.jobs reaper``.

With ``--parent PID`` the process stops when that one ends. Users start them by ``hven serve`` and ``hven worker``.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from hven.jobs.processes import die_with_parent


def main() -> int:
    """Run one part until it is told to stop."""
    parser = argparse.ArgumentParser(prog="hven.jobs")
    parser.add_argument("part", choices=("supervisor", "reaper"))
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--parent", type=int, default=0)
    args = parser.parse_args()
    if args.parent:
        die_with_parent(args.parent, signal.SIGTERM)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")

    import django  # noqa: PLC0415 - the parent has to be watched before anything slow begins

    django.setup()
    if args.part == "supervisor":
        from hven.jobs.supervisor import Supervisor  # noqa: PLC0415 - needs the apps

        Supervisor(args.slots).run()
        return 0
    from hven.jobs.reaper import Reaper  # noqa: PLC0415 - needs the apps

    reaper = Reaper()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reaper.stopped.set())
    reaper.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
