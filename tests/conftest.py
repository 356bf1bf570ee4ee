"""Fixtures and fences for all tests: a data folder of its own, no network but loopback, users, keys, a live server."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex
_real_getaddrinfo = socket.getaddrinfo


def _loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a unix socket
    try:
        return ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
    except ValueError:
        return address[0] in {"localhost", ""}


def _fence(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if not _loopback(address):
            raise RuntimeError(f"A test tried to reach {address}; tests use loopback only.")
        return real(self, address)

    return connect


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        known = name is None or name in {"", "localhost", socket.gethostname()} or bool(ipaddress.ip_address(name))
    except ValueError:
        known = False
    if not known:
        raise socket.gaierror(socket.EAI_NONAME, f"A test asked for the address of {name}; tests use loopback only.")
    return _real_getaddrinfo(host, *args, **kwargs)


socket.socket.connect = _fence(_real_connect)  # type: ignore[method-assign]
socket.socket.connect_ex = _fence(_real_connect_ex)  # type: ignore[method-assign]
socket.getaddrinfo = _getaddrinfo


def pytest_configure() -> None:
    """Load the apps before any test module is imported."""
    import django

    django.setup()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name tests by the argument and not by its bytes: archives hold the time, and processes must agree on names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def user(db: None) -> Any:
    """A user called tycho, with the password of `password`."""
    from hven.accounts import services

    return services.create_user("tycho", PASSWORD, email="tycho@example.org")


@pytest.fixture
def other_user(db: None) -> Any:
    """Another user, called sophie, who has nothing to do with tycho."""
    from hven.accounts import services

    return services.create_user("sophie", PASSWORD)


PASSWORD = "uraniborg-1576"


@pytest.fixture
def password() -> str:
    """The password of the users here."""
    return PASSWORD


@pytest.fixture
def api_key(user: Any) -> str:
    """The secret of an api key of `user`."""
    from hven.accounts import services

    return services.make_key(user, "api", "test").secret


@pytest.fixture
def client_for(db: None) -> Callable[[Any], Any]:
    """Return Django's test client with somebody signed in."""
    from django.test import Client

    def make(somebody: Any) -> Client:
        client = Client()
        client.force_login(somebody)
        return client

    return make


@pytest.fixture(autouse=True)
def _fresh_folders() -> Iterator[None]:
    """Empty the data folder's working parts after each test, so that none sees another's bytes."""
    from django.conf import settings

    folders = settings.HVEN_FOLDERS
    folders.make()
    yield
    for folder in (folders.blobs, folders.incoming, folders.scratch, folders.logs):
        shutil.rmtree(folder, ignore_errors=True)
    folders.make()


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """A password hash that takes microseconds: what is tested is not the hash."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@dataclass(frozen=True)
class LiveServer:
    """A running `hven serve` with its workers."""

    url: str  # without a slash at its end
    data: Path
    log_path: Path
    process: subprocess.Popen[bytes]
    user: str
    password: str
    api_key: str

    def log(self) -> str:
        """What the server has printed so far."""
        return self.log_path.read_text(errors="replace")

    def hven(self, *arguments: str, stdin: str = "") -> str:
        """Run an `hven` command on the server's data; return what it printed."""
        return hven_command(self.data, *arguments, stdin=stdin)


def hven_command(data: Path, *arguments: str, stdin: str = "") -> str:
    """Run an `hven` command on a data folder; return what it printed, fail if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "hven.cli", *arguments],
        env=server_environment(data),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"hven {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def server_environment(data: Path, **more: str) -> dict[str, str]:
    """The environment of a server or command under test: this one's without HVEN_*, and its own data folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HVEN_")}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    # The tests keep all processors busy: workers that gave way to them would hardly run.
    return {**env, "HVEN_DATA": str(data), "HVEN_WORKER_NICE": "0", **more}


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log_path: Path, seconds: float = 120.0) -> None:
    """Wait until a server says that it is ready; fail with its log when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"hven serve did not become ready: {log_path.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def live_server_with_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A real `hven serve` with two workers on a free port and a data folder of its own, stopped at the end.

    It serves all tests of a session (of one process of xdist): tests leave it as they found it.
    The solver's tables are those of the checkout's own test cache when that is there, else the server builds them.
    """
    data = tmp_path_factory.mktemp("live") / "data"
    data.mkdir()
    cache = CHECKOUT / "var" / "test-solver"
    if cache.is_dir():
        (data / "solver").symlink_to(cache)
    log_path = data.parent / "serve.log"
    url = f"http://127.0.0.1:{(port := free_port())}"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hven.cli", "serve", "--port", str(port), "--workers", "2"],
            # What tests let the server fetch stands on loopback.
            env=server_environment(
                data,
                HVEN_ALLOW_PRIVATE_FETCH="true",
                HVEN_STOP_GRACE="5",
                HVEN_DIALECT_HOSTS="nova=nova.astrometry.net",
            ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until_ready(process, url, log_path)
        hven_command(data, "user", "add", "live", "--password-stdin", "--admin", stdin=f"{PASSWORD}\n")
        key = hven_command(data, "key", "new", "live", "--kind", "api", "--name", "tests").strip()
        yield LiveServer(url, data, log_path, process, "live", PASSWORD, key)
    finally:
        process.terminate()
        try:
            process.wait(100)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _absent(what: str) -> None:
    """Skip with a reason; where CI runs, nothing may be skipped for want of data."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI needs {what}, which are not here")
    pytest.skip(f"needs {what}, which are not here")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real frames beside the checkout."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        _absent("the frames of ../shared/data")
    return folder


@pytest.fixture(scope="session")
def tycho2() -> Path:
    """The folder of the Tycho-2 indexes."""
    folder = Path("/usr/share/astrometry")
    if not any(folder.glob("index-tycho2-*.fits")):
        _absent("the Tycho-2 indexes (Debian's astrometry-data-tycho2)")
    return folder


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter that runs these tests, for subprocesses."""
    return sys.executable


@pytest.fixture(scope="session")
def solver_folder() -> Path:
    """The solver's tables, built once for all tests of this checkout, in place of those of the data folder."""
    from django.conf import settings

    from hven.imaging.services import solver_data
    from hven.science.stars.data import SolverData

    folder = CHECKOUT / "var" / "test-solver"
    SolverData.open(folder, settings.HVEN_INDEX_FOLDERS).prepare()
    own = settings.HVEN_FOLDERS.solver
    if not own.is_symlink():
        shutil.rmtree(own, ignore_errors=True)
        own.symlink_to(folder)
    solver_data.opened.cache_clear()
    return folder


@pytest.fixture(scope="session")
def wide_frame(solver_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated frame 12 degrees wide around Orion's belt, with its truth beside it."""
    from hven.science.catalogues.reference import ReferenceStars
    from hven.science.simulate.exposure import simulate
    from hven.science.simulate.spec import Spec
    from hven.science.simulate.write import write_exposure

    reference = ReferenceStars.open(solver_folder / "reference")
    spec = Spec(ra=84.0, dec=-1.5, width=800, height=600, orientation_deg=25.0, limit_mag=10.5, seed=7)
    path = tmp_path_factory.mktemp("frames") / "wide.fits"
    write_exposure(simulate(spec, reference), path)
    return path
