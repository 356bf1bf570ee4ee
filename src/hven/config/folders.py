"""Where things lie in the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """The parts of the data folder; none is made before ``make``."""

    data: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "hven.sqlite3"

    @property
    def backups(self) -> Path:
        """Copies of the database, made before each migration."""
        return self.data / "backups"

    @property
    def blobs(self) -> Path:
        """Finished bytes, under their sha256."""
        return self.data / "blobs"

    @property
    def incoming(self) -> Path:
        """Uploads that are not finished."""
        return self.data / "incoming"

    @property
    def forms(self) -> Path:
        """Files of form uploads while they come in."""
        return self.data / "incoming" / "forms"

    @property
    def scratch(self) -> Path:
        """Working folders of running jobs."""
        return self.data / "scratch"

    @property
    def solver(self) -> Path:
        """Solver indexes (``indexes``) and tables that hven built itself."""
        return self.data / "solver"

    @property
    def logs(self) -> Path:
        """Logs of jobs."""
        return self.data / "logs"

    @property
    def run(self) -> Path:
        """Sockets and locks of running processes."""
        return self.data / "run"

    @property
    def static(self) -> Path:
        """Collected static files of the pages."""
        return self.data / "static"

    def all(self) -> tuple[Path, ...]:
        """Return all folders, the data folder first."""
        return (
            self.data, self.backups, self.blobs, self.incoming, self.forms, self.scratch,
            self.solver, self.solver / "indexes", self.logs, self.run, self.static,
        )  # fmt: skip

    def make(self) -> None:
        """Make what is missing, closed to other users of the machine."""
        for folder in self.all():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
