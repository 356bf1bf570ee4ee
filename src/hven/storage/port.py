"""What a place for bytes can do."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that are written and hashed, and not yet visible under their name."""

    path: Path
    sha256: str  # hexadecimal
    sha1: str
    size: int


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of stored bytes without reading them."""

    size: int
    modified: float  # Unix seconds


class Store(Protocol):
    """A place for bytes under their sha256. Nothing is ever visible half written."""

    def receive(self, chunks: Iterable[bytes], limit: int | None = None) -> Received:
        """Write and hash a stream."""

    def put(self, received: Received) -> tuple[Path, ...]:
        """Make received bytes visible under their sha256; the same bytes twice are no error. Return what to sync."""

    def sync(self, folder: Path) -> None:
        """Wait until what `put` changed in a folder will outlive a power cut."""

    def discard(self, received: Received) -> None:
        """Forget received bytes."""

    def open(self, sha256: str) -> BinaryIO:
        """Open stored bytes for reading."""

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """Give a local path to stored bytes, for as long as the block runs. Never write to it."""

    def stat(self, sha256: str) -> Stat:
        """Return size and time of stored bytes."""

    def delete(self, sha256: str) -> None:
        """Remove stored bytes; what is not there is no error."""

    def adopt(self, name: str) -> Received:
        """Hash an upload that is complete in ``incoming`` and take it over."""

    def free(self) -> int:
        """Return the bytes that can still be stored."""
