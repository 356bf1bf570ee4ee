"""Every setting that an operator may give: declared once, with type, default and one sentence.

A value comes from the environment (``HVEN_NAME``), else from a TOML file (``HVEN_CONFIG``, or ``hven.toml`` in the
data folder; keys are the names in lower case without the prefix), else from its default.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hven.config import kinds
from hven.config.kinds import Kind
from hven.errors import Invalid

PREFIX = "HVEN_"
MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its name without the prefix, how it is read, what it is when nobody says anything."""

    name: str
    kind: Kind
    default: Any
    doc: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return PREFIX + self.name


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of one option, and where it came from: environment, a file's path, or default."""

    option: Option
    value: Any
    origin: str

    def shown(self) -> str:
        """Return the value for a person to read; a secret is masked."""
        if self.option.secret and self.value:
            return "********"
        return self.option.kind.show(self.value)


OPTIONS: tuple[Option, ...] = (
    Option("DATA", kinds.PATH, Path("~/.local/share/hven"), "The folder that holds all state."),
    Option(
        "LOCAL_FILES",
        kinds.PATH,
        None,
        "The folder from which users may take frames by their path; by default files in the data folder.",
    ),
    Option("CONFIG", kinds.PATH, None, "The TOML file with settings; by default hven.toml in the data folder."),
    Option("HOST", kinds.TEXT, "127.0.0.1", "The address that `hven serve` listens on."),
    Option("PORT", kinds.COUNT, 8000, "The port that `hven serve` listens on."),
    Option("HOSTS", kinds.TEXTS, (), "Host names that hven answers to, beside this machine's own and IP addresses."),
    Option("PUBLIC_URL", kinds.URL, "", "The address under which users reach hven, for absolute links."),
    Option(
        "TRUSTED_PROXIES", kinds.NETWORKS, (), "Networks of reverse proxies whose X-Forwarded headers are believed."
    ),
    Option(
        "DIALECT_HOSTS",
        kinds.PAIRS,
        {},
        "Host names on which one dialect answers at the root, as dialect=host pairs.",
    ),
    Option(
        "SECRET_KEY",
        kinds.TEXT,
        "",
        "The key that signs sessions and links; made once and kept when empty.",
        secret=True,
    ),
    Option("ADMIN_USER", kinds.TEXT, "", "The name of the first administrator, made at the first start."),
    Option("ADMIN_PASSWORD", kinds.TEXT, "", "The password of that first administrator.", secret=True),
    Option("SIGNUP", kinds.SWITCH, False, "Whether visitors may make accounts for themselves."),
    Option(
        "DEFAULT_VISIBILITY",
        kinds.one_of("private", "public"),
        "private",
        "Who sees a new frame when its uploader does not say.",
    ),
    Option("QUOTA_STORAGE", kinds.SIZE, 0, "The most bytes that one user's files may take; 0 means no limit."),
    Option("QUOTA_QUEUED", kinds.COUNT, 0, "How many jobs of one user may wait or run at once; 0 means no limit."),
    Option(
        "VISITORS",
        kinds.SWITCH,
        False,
        "Whether people without an account may hand over frames, which are public and go after a while.",
    ),
    Option("VISITOR_UPLOAD", kinds.SIZE, 64 * MIB, "The most bytes that one visitor's file may have."),
    Option("VISITOR_QUEUED", kinds.COUNT, 3, "How many jobs may wait or run at once for one visitor's address."),
    Option("VISITOR_DAILY", kinds.COUNT, 50, "How many frames one visitor's address may hand over in 24 hours."),
    Option("VISITOR_KEEP", kinds.SECONDS, 604_800.0, "Seconds after which visitors' frames are deleted."),
    Option("MAX_UPLOAD", kinds.SIZE, 2 * GIB, "The most bytes that one uploaded or fetched file may have."),
    Option(
        "MAX_MEMBERS", kinds.COUNT, 1000, "The most files that one uploaded archive, or lists that one call, may have."
    ),
    Option("MAX_UNPACKED", kinds.SIZE, 16 * GIB, "The most bytes that the files of one archive may have together."),
    Option("MAX_PIXELS", kinds.COUNT, 200_000_000, "The most pixels that a frame may have to be processed."),
    Option(
        "MIN_FREE_DISK",
        kinds.SIZE,
        1 * GIB,
        "Uploads are refused and jobs wait while less than this is free on the disk.",
    ),
    Option(
        "ALLOW_PRIVATE_FETCH", kinds.SWITCH, False, "Whether url_upload may fetch from loopback and private addresses."
    ),
    Option("FETCH_TIME_LIMIT", kinds.SECONDS, 300.0, "Seconds after which fetching one address is given up."),
    Option("TILE_CACHE", kinds.SIZE, 8 * GIB, "The most bytes that cached tiles of viewed frames take on the disk."),
    Option("BLOB_GRACE", kinds.SECONDS, 86_400.0, "Seconds that bytes are kept after the last record of them is gone."),
    Option("INCOMING_KEEP", kinds.SECONDS, 86_400.0, "Seconds after which an unfinished upload is removed."),
    Option(
        "INDEX_PATH",
        kinds.PATHS,
        (Path("/usr/share/astrometry"),),
        "Folders of solver indexes; solver/indexes in the data folder is always searched too.",
    ),
    Option(
        "INDEX_URL_4100",
        kinds.URL,
        "http://data.astrometry.net/4100",
        "Where `hven index fetch` finds the files of the 4100 series; a mirror of your own may be private.",
    ),
    Option(
        "INDEX_URL_5200",
        kinds.URL,
        "https://portal.nersc.gov/project/cosmo/temp/dstn/index-5200/LITE",
        "The same for the 5200-LITE series.",
    ),
    Option(
        "OUTSIDE",
        kinds.SWITCH,
        True,
        "Whether public services are asked: VizieR, SkyBoT, Sesame, and archives of templates.",
    ),
    Option("OUTSIDE_TIME_LIMIT", kinds.SECONDS, 30.0, "Seconds that one question to a public service may take."),
    Option(
        "OUTSIDE_CACHE",
        kinds.SIZE,
        4 * GIB,
        "The most bytes that kept answers of each kind (cones, names, templates) take on the disk.",
    ),
    Option(
        "VIZIER_URL",
        kinds.URL,
        "https://vizier.cds.unistra.fr",
        "The VizieR server that is asked for reference stars; a mirror of your own may be private.",
    ),
    Option(
        "SOLVE_TIME_LIMIT", kinds.SECONDS, 60.0, "Seconds of search after which a frame counts as having no solution."
    ),
    Option("WORKERS", kinds.COUNT, 0, "How many jobs run at once; 0 means one a processor core."),
    Option("WORKER_JOBS", kinds.COUNT, 200, "After how many jobs a worker process is renewed."),
    Option(
        "WORKER_NICE",
        kinds.COUNT,
        10,
        "How far workers give way to other programs, 0 to 19; lower it where those leave them no processor.",
    ),
    Option(
        "JOB_LEASE",
        kinds.SECONDS,
        30.0,
        "Seconds after the last sign of life when a running job is offered to another worker.",
    ),
    Option("JOB_TIME_LIMIT", kinds.SECONDS, 1800.0, "Seconds that a job may run, unless its kind says otherwise."),
    Option(
        "JOB_MEMORY_LIMIT",
        kinds.SIZE,
        4 * GIB,
        "Memory that a job may use with all its programs, unless its kind says otherwise.",
    ),
    Option("STOP_GRACE", kinds.SECONDS, 20.0, "Seconds that running jobs get to finish when hven is stopped."),
    Option("WEB_PROCESSES", kinds.COUNT, 1, "How many processes answer HTTP."),
    Option("WEB_THREADS", kinds.COUNT, 64, "How many requests each of them answers at once."),
    Option("WEB_LIFETIME", kinds.SECONDS, 21_600.0, "Seconds after which a web process is renewed."),
    Option(
        "ASSETS", kinds.PATH, None, "The folder of the pages' npm packages; by default node_modules of the checkout."
    ),
    Option("LOG_FORMAT", kinds.one_of("text", "json"), "text", "The form of log lines."),
    Option(
        "LOG_LEVEL", kinds.one_of("debug", "info", "warning", "error"), "info", "The least severity that is logged."
    ),
)
OF_CLIENTS = frozenset({"KEY", "SERVER"})  # what `hven upload` and `hven watch` read beside their arguments
BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Options:
    """All settings of one process, read and checked; ``options["MAX_UPLOAD"]`` is a value."""

    settings: Mapping[str, Setting]
    file: Path | None = field(default=None)

    def __getitem__(self, name: str) -> Any:
        return self.settings[name].value

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        path: Path = self["DATA"]
        return path

    def index_folders(self) -> tuple[Path, ...]:
        """Return the folders in which solver indexes are looked for."""
        return (*self["INDEX_PATH"], self.data / "solver" / "indexes")


def read(environ: Mapping[str, str] | None = None) -> Options:
    """Read all settings.

    Raises
    ------
    Invalid
        A name is unknown, a value cannot be read, or the file is not TOML; the sentence says which and where.
    """
    environ = os.environ if environ is None else environ
    given = {key[len(PREFIX) :]: value for key, value in environ.items() if key.startswith(PREFIX)}
    for name in given.keys() - OF_CLIENTS:
        _check_known(name, f"the environment variable {PREFIX}{name}")
    data = _from_text(BY_NAME["DATA"], given["DATA"]) if given.get("DATA") else _expand(BY_NAME["DATA"].default)
    named = _from_text(BY_NAME["CONFIG"], given["CONFIG"]) if given.get("CONFIG") else None
    file = named or data / "hven.toml"
    written = _read_file(file, must_exist=named is not None)
    settings: dict[str, Setting] = {}
    for option in OPTIONS:
        # An empty variable counts as not given: compose files and units pass those for what is unset.
        if given.get(option.name):
            settings[option.name] = Setting(option, _from_text(option, given[option.name]), "environment")
        elif option.name in written:
            settings[option.name] = Setting(option, _from_file(option, written[option.name], file), str(file))
        else:
            settings[option.name] = Setting(option, _expand(option.default), "default")
    return Options(settings, file if written else None)


def _check_known(name: str, where: str) -> None:
    if name in BY_NAME:
        return
    near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.5)
    hint = f" Did you mean {PREFIX}{near[0]}?" if near else ""
    raise Invalid(f"hven knows no setting of the name in {where}.{hint} `hven config show` lists all settings.")


def _read_file(file: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            content = tomllib.load(stream)
    except FileNotFoundError:
        if must_exist:
            raise Invalid(f"HVEN_CONFIG names the file {file}, which does not exist.") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The file {file} is not valid TOML: {error}.") from error
    except OSError as error:
        raise Invalid(f"The file {file} cannot be read: {error.strerror}.") from error
    written: dict[str, Any] = {}
    for key, value in content.items():
        name = key.upper().removeprefix(PREFIX)
        _check_known(name, f"line `{key}` of {file}")
        if name in {"CONFIG", "DATA"}:
            raise Invalid(f"{PREFIX}{name} says where {file} lies, so it can be set in the environment only.")
        written[name] = value
    return written


def _from_text(option: Option, text: str) -> Any:
    try:
        return _expand(option.kind.parse(text.strip()))
    except ValueError as error:
        shown = "The value given" if option.secret else f"`{text}`"
        raise Invalid(
            f"{shown} does not do for {option.variable}, which takes {option.kind.takes}: {error}."
        ) from error


def _from_file(option: Option, value: Any, file: Path) -> Any:
    try:
        return _expand(option.kind.accept(value))
    except ValueError as error:
        raise Invalid(f"{option.name.lower()} in {file} takes {option.kind.takes}: {error}.") from error


def _expand(value: Any) -> Any:
    if isinstance(value, Path):
        return Path(os.path.abspath(value.expanduser()))  # noqa: PTH100 - resolve() would follow the user's links
    if isinstance(value, tuple):
        return tuple(_expand(part) for part in value)
    return value
