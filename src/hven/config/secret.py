"""The key that signs sessions and links: made once, kept in the data folder, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hven.errors import Unavailable

NAME = "secret-key"


def load_or_make(data: Path) -> str:
    """Return the secret key of a data folder, made at the first call.

    Several processes may start at once: the first one to link its file into place wins, the others read that file.
    """
    path = data / NAME
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = data / f".{NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(64))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise Unavailable(
            f"The data folder {data} cannot be written ({error.strerror}). Mend its permissions, or name another"
            " one with HVEN_DATA."
        ) from error
    return _read(path)


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < 32:
        raise Unavailable(f"The file {path} holds no usable key. Remove it and start again: users then sign in anew.")
    return key
