"""What the tests of the STDWeb dialect share: callers who speak as its clients do, and small frames."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


def frame(shape: tuple[int, int] = (60, 80), seed: int = 1, **cards: Any) -> bytes:
    """A small FITS frame of noise with a few stars, as bytes."""
    rng = np.random.default_rng(seed)
    data = rng.normal(400, 10, shape).astype(np.float32)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    for x, y in rng.uniform(10, min(shape) - 10, (5, 2)):
        data += (3000 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 4.5)).astype(np.float32)
    header = fits.Header()
    for name, value in {"FILTER": "r", "GAIN": 1.5, "EXPTIME": 60.0, "DATE-OBS": "2026-07-16T02:13:45"}.items():
        header[name] = value
    for name, value in cards.items():
        header[name.replace("_", "-")] = value
    content = io.BytesIO()
    fits.PrimaryHDU(data, header).writeto(content)
    return content.getvalue()


class Caller:
    """One user of the API, with a token."""

    def __init__(self, user: Any, secret: str | None = None) -> None:
        from hven.accounts import services

        self.user = user
        self.secret = secret or services.mint_token(user).secret
        self.http = Client()
        self.headers = {"authorization": f"Token {self.secret}"}

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.http.get(f"/stdweb/api/{path}", query, headers=self.headers)
        assert answer.status_code == status, (answer.status_code, getattr(answer, "content", b"")[:500])
        return _content(answer)

    def raw(self, path: str, **query: Any) -> Any:
        return self.http.get(f"/stdweb/api/{path}", query, headers=self.headers)

    def post(self, path: str, data: Any = None, status: int = 200, kind: str = "application/json") -> Any:
        if kind == "form":
            answer = self.http.post(f"/stdweb/api/{path}", data or {}, headers=self.headers)
        else:
            answer = self.http.post(f"/stdweb/api/{path}", data or {}, content_type=kind, headers=self.headers)
        assert answer.status_code == status, (answer.status_code, answer.content[:500])
        return _content(answer)

    def patch(self, path: str, data: Any, status: int = 200) -> Any:
        answer = self.http.patch(f"/stdweb/api/{path}", data, content_type="application/json", headers=self.headers)
        assert answer.status_code == status, (answer.status_code, answer.content[:500])
        return _content(answer)

    def delete(self, path: str, status: int = 204) -> Any:
        answer = self.http.delete(f"/stdweb/api/{path}", headers=self.headers)
        assert answer.status_code == status, (answer.status_code, answer.content[:500])
        return _content(answer)

    def create(self, content: bytes | None = None, name: str = "image.fits", status: int = 201, **fields: Any) -> Any:
        """Begin a task with a file."""
        data: dict[str, Any] = dict(fields)
        data["file"] = SimpleUploadedFile(name, frame() if content is None else content)
        return self.post("tasks/", data, status, kind="form")

    def put(self, number: int, path: str, content: bytes, status: int = 201) -> Any:
        file = SimpleUploadedFile(path.rsplit("/", 1)[-1], content)
        return self.post(f"tasks/{number}/files/{path}", {"file": file}, status, kind="form")


def _content(answer: Any) -> Any:
    if answer.status_code == 204:
        return None
    if answer.headers["Content-Type"].startswith("application/json"):
        return answer.json()
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def run_jobs() -> None:
    """Do what a worker would do."""
    from hven.jobs import services as jobs
    from hven.jobs.models import Job, State

    while (job := Job.objects.filter(state=State.QUEUED).order_by("id").first()) is not None:
        jobs.run_here(job)


@pytest.fixture
def tycho(user: Any) -> Caller:
    """Tycho's client."""
    return Caller(user)


@pytest.fixture
def sophie(other_user: Any) -> Caller:
    """Sophie's client."""
    return Caller(other_user)


@pytest.fixture
def staff(db: None) -> Caller:
    """The client of one of the staff."""
    from hven.accounts import services

    made = services.create_user("kirsten", "uraniborg-1576")
    made.is_staff = True
    made.save()
    return Caller(made)


@pytest.fixture
def observatory(user: Any, other_user: Any) -> Any:
    """An observatory whose members are tycho and sophie."""
    from hven.accounts import services
    from hven.accounts.models import Role

    made = services.create_observatory(user, "Uraniborg")
    services.add_member(made, other_user, Role.MEMBER)
    return made


@pytest.fixture
def worker() -> Callable[[], None]:
    """What a worker would do."""
    return run_jobs
