"""Sending files to a hven server from anywhere, piece by piece: what `hven upload` and `hven watch` share."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hven.errors import Forbidden, Invalid, Unavailable

if TYPE_CHECKING:
    import urllib3

PIECE = 8 * 1024 * 1024
TRIES = 6
_HASHED = 1 << 20
_DUPLICATE = "already exists in dataset"
_LITTER = frozenset({"Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file."""

    path: Path
    state: str  # sent, skipped or failed
    words: str = ""


class Server:
    """A hven server, asked with an access key.

    Parameters
    ----------
    address : str
        Of the server, such as http://127.0.0.1:8000.
    key : str
        An api or upload key.
    subdomain : str
        Of the observatory whose dataset takes the files; empty for one's own.
    """

    def __init__(self, address: str, key: str, subdomain: str = "") -> None:
        import urllib3

        self.base = f"{address.rstrip('/')}/arcsecond/{subdomain + '/' if subdomain else ''}"
        self.headers = {"Authorization": f"Key {key}", "Accept": "application/json"}
        self.pool: urllib3.PoolManager = urllib3.PoolManager(timeout=60.0, retries=False)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the answer to one call; the JSON of what is no bytes."""
        import urllib3

        sent: dict[str, str] = {**self.headers, **headers}
        data = body
        if body is not None and not isinstance(body, bytes):
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            return self.pool.request(method, urljoin(self.base, path), body=data, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The server at {self.base} does not answer ({type(error).__name__}).") from None

    def dataset(self, name: str, telescope: str = "") -> str:
        """Return the uuid of a dataset by its exact name, made where there is none.

        Raises
        ------
        Forbidden, Invalid
            The key is not valid, or the server says why not.
        """
        from urllib.parse import urlencode

        found = _checked(self.ask("GET", f"datasets/?{urlencode({'name': name})}"))
        if found:
            return str(found[0]["uuid"])
        body = {"name": name} | ({"telescope": self.telescope(telescope)} if telescope else {})
        return str(_checked(self.ask("POST", "datasets/", body))["uuid"])

    def telescope(self, said: str) -> str:
        """Return the uuid of a telescope that is named by it, or by its name.

        Raises
        ------
        Invalid
            There is none of that name, or there are several.
        """
        known = _checked(self.ask("GET", "telescopes/"))
        found = [each for each in known if said in {each["uuid"], each["name"]}]
        if len(found) == 1:
            return str(found[0]["uuid"])
        names = ", ".join(sorted({str(each["name"]) for each in known})[:10]) or "none yet"
        several = "There are several telescopes" if found else "There is no telescope"
        raise Invalid(f"{several} of the name {said}; give its uuid. Telescopes here: {names}.")

    def send(
        self, path: Path, name: str, dataset: str, tags: list[str], tell: Callable[[int, int], None] | None = None
    ) -> Sent:
        """Send one file, continuing where an earlier try was interrupted; try again while the server is away."""
        for attempt in range(TRIES):
            try:
                return self._send(path, name, dataset, tags, tell)
            except Unavailable as error:
                if attempt == TRIES - 1:
                    return Sent(path, "failed", str(error))
                time.sleep(min(2.0**attempt, 30.0))
            except (Invalid, Forbidden, OSError) as error:
                return Sent(path, "failed", str(error))
        return Sent(path, "failed")

    def _send(
        self, path: Path, name: str, dataset: str, tags: list[str], tell: Callable[[int, int], None] | None
    ) -> Sent:
        size = path.stat().st_size
        words = {"filename": name, "dataset": dataset, "sha256": _sha256(path), "tags": ",".join(tags)}
        said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in words.items() if value)
        answer = self.ask("POST", "datafiles/resumable/", b"", **{"Upload-Length": str(size), "Upload-Metadata": said})
        if answer.status == 400 and _DUPLICATE in _detail(answer):
            return Sent(path, "skipped", "it is there already")
        _checked(answer, parse=False)
        address, offset = answer.headers["Location"], int(answer.headers.get("Upload-Offset", "0"))
        with path.open("rb") as file:
            while offset < size:
                file.seek(offset)
                answer = self.ask(
                    "PATCH", address, file.read(PIECE),
                    **{"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"},
                )  # fmt: skip
                if answer.status == 400 and _DUPLICATE in _detail(answer):
                    return Sent(path, "skipped", "it is there already")
                _checked(answer, parse=False)
                offset = int(answer.headers["Upload-Offset"])
                if tell is not None:
                    tell(offset, size)
        return Sent(path, "sent")


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its sub-folders by name, without hidden ones."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts) and path.name not in _LITTER:
            yield path


def tags_of(path: Path, folder: Path, more: list[str]) -> list[str]:
    """Return the tags of a file: those given, and the sub-folders that it lies in."""
    return [*more, *path.relative_to(folder).parts[:-1]]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_HASHED):
            digest.update(piece)
    return digest.hexdigest()


def _checked(answer: Any, *, parse: bool = True) -> Any:
    if answer.status in {401, 403}:
        raise Forbidden(_detail(answer) or "The server does not accept this key.")
    if answer.status >= 500 or answer.status in {409, 429}:
        raise Unavailable(_detail(answer) or f"The server answers {answer.status}.")
    if answer.status >= 400:
        raise Invalid(_detail(answer) or f"The server answers {answer.status}.")
    return json.loads(answer.data) if parse else None


def _detail(answer: Any) -> str:
    try:
        found = json.loads(answer.data)
    except ValueError:
        return ""
    return str(found.get("detail", "")) if isinstance(found, dict) else ""
