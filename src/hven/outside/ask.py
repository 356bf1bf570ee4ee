"""Asking a public service: one guarded fetch, limited in time and size, whose faults are sentences about the service.

All services go through here, so that none is asked where the operator has said not to, and one that does not answer
is left alone for a minute rather than waited for again by every frame.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from hven.errors import Forbidden, HvenError, Invalid, NotFound, Unavailable
from hven.outside.fetch import fetch

MIB = 1024**2
REST_S = 60.0


@dataclass(frozen=True, slots=True)
class Asking:
    """How services are asked: whether at all, how long one question may take, which server may be a private one."""

    allowed: bool = True
    time_limit_s: float = 30.0
    trusted: str = ""  # an address that the operator set: its server may lie in a private network
    clock: Callable[[], float] = time.monotonic

    def private(self, url: str) -> bool:
        """Say whether the operator named this server."""
        return bool(self.trusted) and urlsplit(url)[:2] == urlsplit(self.trusted)[:2]


class _Resting:
    """The servers that did not answer, until when they are left alone."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def rests(self, url: str, now: float) -> bool:
        with self._lock:
            return self._until.get(urlsplit(url).netloc, now) > now

    def let_rest(self, url: str, now: float) -> None:
        with self._lock:
            self._until[urlsplit(url).netloc] = now + REST_S

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._until.clear()


resting = _Resting()


def with_query(base: str, parameters: Mapping[str, object]) -> str:
    """Return an address with parameters behind it."""
    return f"{base}{'&' if '?' in base else '?'}{urlencode({k: str(v) for k, v in parameters.items()})}"


def ask(service: str, url: str, asking: Asking, *, limit: int = 64 * MIB) -> bytes:
    """Return what a service answers.

    Parameters
    ----------
    service
        Its name in sentences.
    url
        The whole question.
    asking
        How services are asked.
    limit
        The most bytes that are taken.

    Raises
    ------
    Unavailable
        Services are switched off, or this one cannot be reached, rests, or does not answer in time.
    NotFound
        It has no such thing (HTTP 4xx).
    Invalid
        Its answer is none.
    """
    with tempfile.TemporaryDirectory(prefix="hven-ask-") as folder:
        path = Path(folder) / "answer"
        ask_into(service, url, path, asking, limit=limit)
        return path.read_bytes()


def ask_into(service: str, url: str, target: Path, asking: Asking, *, limit: int = 512 * MIB) -> int:
    """Write what a service answers into a file that must not exist; return its size. Errors as of `ask`."""
    if not asking.allowed:
        raise Unavailable(f"{service} was not asked: HVEN_OUTSIDE switches all outside services off.")
    now = asking.clock()
    if resting.rests(url, now):
        raise Unavailable(f"{service} did not answer a moment ago and is left alone for a minute.")
    try:
        got = fetch(url, target, limit=limit, time_limit_s=asking.time_limit_s, allow_private=asking.private(url))
    except NotFound as error:
        if "HTTP" not in str(error):  # no such server: as good as offline
            resting.let_rest(url, now)
            raise Unavailable(f"{service} cannot be reached. {error}") from error
        raise NotFound(f"{service} has nothing there. {error}") from error
    except Unavailable as error:
        resting.let_rest(url, now)
        raise Unavailable(f"{service} cannot be reached. {error}") from error
    except Forbidden as error:
        raise Unavailable(f"{service} was not asked. {error}") from error
    except Invalid as error:
        raise Invalid(f"{service} gave no answer that can be used. {error}") from error
    return got.size


def unusable(service: str, error: Exception) -> HvenError:
    """Return the error for an answer that is not what the service documents."""
    words = " ".join(str(error).split())[:160]
    return Invalid(f"{service} answered with something else than expected: {words or type(error).__name__}")
