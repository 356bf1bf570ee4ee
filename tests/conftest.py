"""Fixtures and fences for all tests: a data folder of its own, no network but loopback, users, keys, a live server."""

from __future__ import annotations

import atexit
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Settings are read when Django is first touched, so the data folder is named before that, for each process of xdist.
for _name in [name for name in os.environ if name.startswith("HVEN_")]:
    del os.environ[_name]
_DATA = Path(tempfile.mkdtemp(prefix="hven-test-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
os.environ["HVEN_DATA"] = str(_DATA)
os.environ["HVEN_HOSTS"] = "testserver"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hven.config.settings")
os.environ.setdefault("OMP_NUM_THREADS", "1")

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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real frames beside the checkout; the test is skipped where it is absent."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the frames of ../shared/data, which are not here")
    return folder


@pytest.fixture(scope="session")
def tycho2() -> Path:
    """The folder of the Tycho-2 indexes; skipped where it is absent, but CI has to have it."""
    folder = Path("/usr/share/astrometry")
    if not any(folder.glob("index-tycho2-*.fits")):
        reason = "needs the Tycho-2 indexes (Debian's astrometry-data-tycho2)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"CI {reason}, which are not installed")
        pytest.skip(reason)
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
