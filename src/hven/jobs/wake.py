"""Waking workers at once: datagrams on unix sockets in the data folder. They are hints; a lost one costs a poll."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

WORK = b"work"
STOP = b"stop"
_GONE = {errno.ECONNREFUSED, errno.ENOENT, errno.ENOTSOCK}
_PREFIX = "wake-"


def listen() -> tuple[socket.socket, Path]:
    """Return a socket on which `send` is heard, and its path, which the caller removes at the end."""
    folder: Path = settings.HVEN_FOLDERS.run
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    listener.setblocking(False)
    with _short(path) as address:
        listener.bind(address)
    return listener, path


def send(message: bytes = WORK) -> None:
    """Wake all supervisors of this machine; never wait and never fail."""
    folder: Path = settings.HVEN_FOLDERS.run
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(folder) if name.startswith(_PREFIX)]  # noqa: PTH208 - done at each upload
        if names:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                for name in names:
                    _send(sender, message, folder / name)


def _send(sender: socket.socket, message: bytes, path: Path) -> None:
    try:
        with _short(path) as address:
            sender.sendto(message, address)
    except OSError as error:
        # A full buffer holds wake-ups enough. A socket without a listener was left by a killed process.
        if error.errno in _GONE:
            path.unlink(missing_ok=True)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name that fits into the 107 bytes of a socket address, by way of an open folder if need be."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
