"""Blobs on the local disk: ``blobs/ab/cd/<sha256>``, uploads under way in ``incoming/<name>``.

Everything is written under a temporary name on the same file system, hashed while it streams, synced, and renamed:
a name is either absent or complete, also after a power cut.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hven.errors import Invalid, NoRoom, NotFound, TooLarge
from hven.storage.port import Received, Stat
from hven.storage.writing import HashedWriter

CHUNK = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A store in two folders of one file system; ``reserve`` bytes of it are left free."""

    blobs: Path
    incoming: Path
    reserve: int = 0

    def receive(self, chunks: Iterable[bytes], limit: int | None = None) -> Received:
        """Write and hash a stream.

        Raises
        ------
        TooLarge
            More than ``limit`` bytes came.
        NoRoom
            The disk is full, or nearly.
        """
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.incoming / f"put-{secrets.token_hex(12)}"
        try:
            return self._write(path, chunks, limit)
        except BaseException as error:
            with suppress(OSError):
                path.unlink()
            if isinstance(error, OSError) and error.errno in _FULL:
                raise self._no_room() from error
            raise

    def _write(self, path: Path, chunks: Iterable[bytes], limit: int | None) -> Received:
        size, checked = 0, -1
        with path.open("xb") as stream:
            writer = HashedWriter(stream)
            for chunk in chunks:
                size += len(chunk)
                if limit is not None and size > limit:
                    raise TooLarge(f"There are more bytes than this server's limit of {limit}.")
                if size // (64 * CHUNK) != checked:  # the free space is looked at every 64 MiB
                    checked = size // (64 * CHUNK)
                    self.check_room(len(chunk))
                writer.write(chunk)
            sha256, sha1 = writer.finish()
            os.fsync(stream.fileno())
        return Received(path, sha256, sha1, size)

    def put(self, received: Received) -> tuple[Path, ...]:
        """Make received bytes visible under their sha256; the same bytes twice are no error.

        They stay visible after a power cut once each of the folders returned went through `sync`.
        """
        target = self.path(received.sha256)
        try:
            changed = self._make(target.parent)
            received.path.replace(target)
            # Nobody writes to a stored file again: not even by accident.
            target.chmod(0o400)
            os.utime(target)
        except OSError as error:
            if error.errno in _FULL:
                raise self._no_room() from error
            raise
        return changed

    def receive_few(self, content: bytes, sha256: str, sha1: str) -> Received:
        """Write and sync few bytes whose hashes are known; errors are those of `receive`."""
        path = f"{self.incoming}/put-{secrets.token_hex(12)}"
        try:
            self.check_room(len(content))
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
            except FileNotFoundError:
                self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - its path is a text
            raise self._no_room() if error.errno in _FULL else error from error
        return Received(Path(path), sha256, sha1, len(content))

    def holds(self, sha256: str, content: bytes) -> bool | None:
        """Say whether these few bytes are stored, to stay; False where other bytes lie there, which were damaged."""
        path = f"{self.blobs}/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            if os.pread(descriptor, len(content) + 1, 0) != content:
                return False
            os.utime(descriptor)  # so that no sweep takes it for forgotten
        finally:
            os.close(descriptor)
        self.sync(os.path.dirname(path))  # noqa: PTH120 - its path is a text
        return True

    @staticmethod
    def sync(folder: Path | str) -> None:
        """Wait until what changed in a folder is on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def discard(self, received: Received) -> None:
        """Forget received bytes."""
        received.path.unlink(missing_ok=True)

    def open(self, sha256: str) -> BinaryIO:
        """Open stored bytes for reading."""
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound("The bytes of this file are not in the storage any more.") from None

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        """Give the path to stored bytes."""
        path = self.path(sha256)
        if not path.is_file():
            raise NotFound("The bytes of this file are not in the storage any more.")
        yield path

    def stat(self, sha256: str) -> Stat:
        """Return size and time of stored bytes."""
        try:
            found = self.path(sha256).stat()
        except FileNotFoundError:
            raise NotFound("The bytes of this file are not in the storage any more.") from None
        return Stat(found.st_size, found.st_mtime)

    def delete(self, sha256: str) -> None:
        """Remove stored bytes; what is not there is no error."""
        self.path(sha256).unlink(missing_ok=True)

    def adopt(self, name: str) -> Received:
        """Hash an upload that is complete in ``incoming``, and take it over under a name of its own."""
        source = self.incoming_path(name)
        taken = self.incoming / f"put-{secrets.token_hex(12)}"
        try:
            source.rename(taken)  # two callers adopting at once: one of them finds nothing
        except FileNotFoundError:
            raise NotFound("There is no such upload under way.") from None
        try:
            return hashed(taken)
        except BaseException:
            taken.rename(source)
            raise

    def take(self, source: Path) -> Received:
        """Take over a finished file of our own, by a rename where that is possible."""
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        taken = self.incoming / f"put-{secrets.token_hex(12)}"
        try:
            source.rename(taken)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with source.open("rb") as stream:
                received = self.receive(iter(lambda: stream.read(CHUNK), b""))
            source.unlink()
            return received
        try:
            return hashed(taken)
        except BaseException:
            taken.rename(source)
            raise

    def take_hashed(self, source: Path, sha256: str, sha1: str) -> Received | None:
        """Take over a synced file whose hashes were taken while it was written; None where a rename cannot do it."""
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        taken = self.incoming / f"put-{secrets.token_hex(12)}"
        try:
            source.rename(taken)
        except OSError:
            return None  # taken already, or on another file system
        return Received(taken, sha256, sha1, taken.stat().st_size)

    def incoming_path(self, name: str) -> Path:
        """Return where an announced upload is written; ``name`` is a UUID and nothing else."""
        if not _NAME.fullmatch(name):
            raise Invalid("An upload is named by a UUID.")
        return self.incoming / name

    def path(self, sha256: str) -> Path:
        """Return where bytes with this digest lie."""
        if not _SHA256.fullmatch(sha256):
            raise Invalid("A sha256 has 64 lower-case hexadecimal digits.")
        return self.blobs / sha256[:2] / sha256[2:4] / sha256

    def stored(self) -> Iterator[tuple[str, Stat]]:
        """Go through all stored bytes."""
        for path in self.blobs.glob("??/??/*"):
            if _SHA256.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield path.name, Stat(found.st_size, found.st_mtime)

    def free(self) -> int:
        """Return the bytes that can still be stored, with the reserve left free."""
        folder = self.blobs
        while True:
            try:
                found = os.statvfs(folder)
            except FileNotFoundError:
                folder = folder.parent
            else:
                return max(0, found.f_bavail * found.f_frsize - self.reserve)

    def check_room(self, size: int = 0) -> None:
        """Raise NoRoom unless this many bytes fit and the reserve stays free."""
        if self.free() <= size:
            raise self._no_room()

    def _no_room(self) -> NoRoom:
        return NoRoom("The server's disk is nearly full, so nothing was stored. Its operator has to make room.")

    @staticmethod
    def _make(folder: Path) -> tuple[Path, ...]:
        """Make a folder of blobs; return the folders that have to be synced."""
        if folder.is_dir():
            return (folder,)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder.parent.parent, folder.parent, folder


def hashed(path: Path) -> Received:
    """Hash a file and sync it to the disk."""
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            sha256.update(chunk)
            sha1.update(chunk)
            size += len(chunk)
        os.fsync(stream.fileno())
    return Received(path, sha256.hexdigest(), sha1.hexdigest(), size)
