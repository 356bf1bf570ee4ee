"""What the tests of the nova dialect share: a caller who speaks as clients do, and solved jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


class Nova:
    """A client of the API: `call` posts request-json, `get` asks without a session."""

    def __init__(self, key: str) -> None:
        self.http = Client()
        self.session = self.call("login", apikey=key)["session"]

    def post(self, path: str, words: Any, file: tuple[str, bytes] | None = None) -> Any:
        fields: dict[str, Any] = {"request-json": json.dumps(words)}
        if file is not None:
            fields["file"] = SimpleUploadedFile(*file)
        return self.http.post(f"/nova/api/{path}", fields)

    def call(self, path: str, file: tuple[str, bytes] | None = None, **words: Any) -> dict[str, Any]:
        if path != "login":
            words.setdefault("session", self.session)
        answer = self.post(path, words, file)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain")
        return json.loads(answer.content)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(f"/nova/api/{path}")
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"].startswith("text/plain")
        return json.loads(answer.content)

    def file(self, path: str, **headers: Any) -> Any:
        return self.http.get(f"/nova/{path}", **headers)

    def run_jobs(self) -> None:
        """Do what a worker would do."""
        from hven.jobs import services as jobs
        from hven.jobs.models import Job, State

        # Unpacking an archive asks for more jobs.
        while (job := Job.objects.filter(state=State.QUEUED).order_by("id").first()) is not None:
            jobs.run_here(job)

    def solve(self, name: str, content: bytes, **words: Any) -> int:
        """Upload, work, and return the number of the job."""
        number = self.call("upload", file=(name, content), **words)["subid"]
        self.run_jobs()
        return self.get(f"submissions/{number}")["jobs"][0]


@pytest.fixture
def nova(transactional_db: None, api_key: str) -> Nova:
    return Nova(api_key)


@pytest.fixture
def solved(nova: Nova, solver_folder: Path, wide_frame: Path) -> tuple[Nova, int]:
    """A caller and the number of a solved job."""
    return nova, nova.solve("wide.fits", wide_frame.read_bytes())
