"""What the tests of the Arcsecond dialect share: callers who speak as its clients do, sites and telescopes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


def frame(seed: int = 1, **cards: Any) -> bytes:
    """A tiny FITS frame with these cards, as bytes."""
    header = fits.Header()
    for name, value in cards.items():
        header[name.replace("__", "-")] = value
    content = io.BytesIO()
    data = np.random.default_rng(seed).integers(0, 1000, (8, 10)).astype(np.int16)
    fits.PrimaryHDU(data, header).writeto(content, output_verify="ignore")
    return content.getvalue()


class Caller:
    """One user of the API with a key; `prefix` is empty, or an organisation's subdomain with a slash."""

    def __init__(self, user: Any, kind: str = "api", prefix: str = "") -> None:
        from hven.accounts import services

        self.user, self.prefix, self.http = user, prefix, Client()
        self.secret = services.make_key(user, kind).secret
        self.headers = {"X-Arcsecond-API-Authorization": f"Key {self.secret}"}

    def within(self, prefix: str) -> Caller:
        """The same caller, for an organisation."""
        other = object.__new__(Caller)
        other.__dict__ = {**self.__dict__, "prefix": prefix}
        return other

    def ask(self, method: str, path: str, status: int | None, data: Any = None, **query: Any) -> Any:
        address = f"/arcsecond/{self.prefix}{path}"
        options: dict[str, Any] = {"headers": self.headers}
        if method in {"get", "delete"}:
            answer = getattr(self.http, method)(address, query_params=query, **options)
        elif isinstance(data, dict) and any(isinstance(each, SimpleUploadedFile) for each in data.values()):
            answer = self.http.post(address, data, **options)
        else:
            answer = getattr(self.http, method)(address, data or {}, content_type="application/json", **options)
        if status is not None:
            assert answer.status_code == status, (answer.status_code, getattr(answer, "content", b"")[:500])
        if answer.status_code == 204:
            return None
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if answer.headers["Content-Type"].startswith("application/json"):
            import json

            return json.loads(content)
        return content

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return self.ask("get", path, status, **query)

    def post(self, path: str, data: Any = None, status: int = 201) -> Any:
        return self.ask("post", path, status, data)

    def patch(self, path: str, data: Any, status: int = 200) -> Any:
        return self.ask("patch", path, status, data)

    def delete(self, path: str, status: int = 204) -> Any:
        return self.ask("delete", path, status)

    def upload(self, dataset: str, content: bytes, name: str = "a.fits", status: int = 201, **fields: Any) -> Any:
        """Send a file as the uploader does."""
        data = {"dataset": dataset, "is_raw": "True", **fields, "file": SimpleUploadedFile(name, content)}
        return self.ask("post", "datafiles/", status, data)


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
def local(user: Any) -> Any:
    """The observatory of this server, which tycho owns."""
    from hven.accounts import services

    return services.create_observatory(user, "Uraniborg", "local")


@pytest.fixture
def telescope(tycho: Caller) -> str:
    """A telescope of tycho's at 12.7 degrees east; its uuid."""
    place = {"longitude": 12.7, "latitude": 55.9, "height": 40}
    site = tycho.post("observingsites/", {"name": "Hven", "coordinates": place})["uuid"]
    made: str = tycho.post("telescopes/", {"name": "Quadrant", "observing_site": site})["uuid"]
    return made
