"""The verbs of solver data: see what is installed, add, fetch, build and remove index files.

They all write into ``solver/indexes`` of the data folder and nowhere else. Workers notice by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hven.accounts.models import User
from hven.errors import Conflict, Forbidden, HvenError, Invalid, NotFound, Unavailable
from hven.jobs import services as jobs
from hven.jobs.models import ENDS, Job, State
from hven.outside.download import download
from hven.science.catalogues.index_store import install_index, removable, remove_indexes
from hven.science.catalogues.indexes import IndexFile, find_indexes, read_index
from hven.science.catalogues.series import WantedFile, wanted_files
from hven.storage import services as storage
from hven.storage.models import Blob

if TYPE_CHECKING:
    from hven.science.catalogues.star_lists import StarList
    from hven.science.simulate.trial import Trial

FETCH, BUILD = "imaging.fetch_indexes", "imaging.build_index"
_LARGEST_FILE = 4_000_000_000  # bytes; the largest tile of 5200-LITE has a tenth of that
Tell = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """What a fetch would bring."""

    wanted: tuple[WantedFile, ...]
    missing: tuple[WantedFile, ...]

    @property
    def bytes(self) -> int:
        """About so many are still to come."""
        return max(sum(file.bytes for file in self.missing) - sum(count for _, count in unfinished()), 0)


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """How an index is to be built from a catalogue; see `hven index build --help`."""

    name: str
    ra: str = ""
    dec: str = ""
    mag: str = ""
    width_low: float | None = None  # degrees
    width_high: float | None = None
    scale: int | None = None
    epoch: float | None = None  # Julian years
    catalogue_epoch: float | None = None
    jitter_arcsec: float | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build: each file with how it did on fields drawn from the catalogue."""

    files: tuple[tuple[IndexFile, Trial], ...]
    refused: tuple[str, ...]  # sentences about sizes that did not work, and were not installed
    stars: int
    left_out: int
    columns: tuple[str, str, str]


def own_folder() -> Path:
    """Return the folder that hven writes indexes to."""
    folder: Path = settings.HVEN_FOLDERS.solver / "indexes"
    return folder


def other_folders() -> tuple[Path, ...]:
    """Return the folders that are searched and never written to."""
    return tuple(folder for folder in settings.HVEN_INDEX_FOLDERS if folder != own_folder())


def installed() -> tuple[IndexFile, ...]:
    """Return all indexes that the solver has."""
    return find_indexes(settings.HVEN_INDEX_FOLDERS)


def unfinished() -> list[tuple[str, int]]:
    """Return the files whose fetching was interrupted, with the bytes that are there."""
    found = []
    for path in sorted(_workshop().glob("*.fits.part")):
        try:
            found.append((path.name.removesuffix(".part"), path.stat().st_size))
        except OSError:
            continue
    return found


def add_index(path: Path, link: str = "") -> IndexFile:
    """Install an index file; Invalid and Conflict as of `install_index`."""
    if not link:
        storage.check_room(path.stat().st_size if path.is_file() else 0)
    return read_index(install_index(path, own_folder(), other_folders(), link=link))


def remove_index(word: str) -> tuple[list[IndexFile], list[IndexFile]]:
    """Remove what a word names from the data folder; return what went, and what stays because it lies elsewhere."""
    here, elsewhere = removable(word, own_folder(), other_folders())
    remove_indexes(here, own_folder())
    return here, elsewhere


def plan_fetch(word: str, scales: Sequence[int] = (), tiles: Sequence[int] = ()) -> FetchPlan:
    """Return which files a fetch would bring; Invalid where there is no such series, scale or tile."""
    wanted = wanted_files(word, scales, tiles)
    present = {(index.index_id, index.healpix) for index in installed()}
    missing = (f for f in wanted if (f.index_id, -1 if f.tile is None else f.tile) not in present)
    return FetchPlan(wanted, tuple(missing))


def source_of(file: WantedFile) -> tuple[str, bool]:
    """Return the address of a file's folder, and whether the operator named it."""
    source: tuple[str, bool] = settings.HVEN_INDEX_SOURCES[file.series.setting]
    return source


def fetch_indexes(
    plan: FetchPlan,
    *,
    base: str = "",
    tell: Tell | None = None,
    installed_one: Callable[[WantedFile], None] | None = None,
    enough: Callable[[], bool] | None = None,
    pause_s: float = 1.0,
) -> tuple[WantedFile, ...]:
    """Fetch the missing files of a plan one after the other; each is installed once it is whole and sound.

    Parameters
    ----------
    plan
        Of `plan_fetch`.
    base
        An address that the operator names for this once, in place of the setting's.
    tell
        Told how far all of it is; what it raises ends the fetch, and the next one continues in the middle of a file.
    installed_one
        Called after each file.
    enough
        Asked after each file whether to leave the rest for later.
    pause_s
        Of the first pause after a fault; see `hven.outside.download`.

    Returns
    -------
    tuple of WantedFile
        What was left for later.

    Raises
    ------
    Unavailable
        The source cannot be reached, or the disk has too little room.
    NotFound
        The source does not have a file.
    Invalid
        What came is no index, or damaged.
    Conflict
        Another process is fetching.
    """
    tell = tell or (lambda _fraction, _words: None)
    whole = max(sum(file.bytes for file in plan.missing), 1)
    with _alone():
        storage.check_room(plan.bytes)
        done = 0
        for number, file in enumerate(plan.missing):
            _fetch_one(file, base, _part(tell, done / whole, file.bytes / whole, file.name), pause_s)
            done += file.bytes
            tell(done / whole, f"{file.name} is installed")
            if installed_one is not None:
                installed_one(file)
            if enough is not None and enough():
                return plan.missing[number + 1 :]
    return ()


def build_index(order: BuildOrder, source: Path, scratch: Path, tell: Tell | None = None) -> Built:
    """Build indexes from a catalogue, try each on fields drawn from it, and install those that work.

    `scratch` is an empty folder that the caller removes; what `tell` raises ends the work.

    Raises
    ------
    Invalid
        The catalogue cannot be used, or no index made of it works; the sentence says why.
    Unavailable
        `build-astrometry-index` is not installed, or the disk is full.
    Conflict
        There is an own index of that name.
    """
    from hven.science.catalogues import index_build  # noqa: PLC0415 - scipy and astropy, for this alone
    from hven.science.catalogues.star_lists import read_star_list  # noqa: PLC0415 - the same

    tell = tell or (lambda _fraction, _words: None)
    name = index_build.safe_name(order.name)
    if any(index.own_name == name for index in installed()):
        raise Conflict(f"There is an own index called {name}; remove it first, or choose another name.")
    if missing := index_build.program_missing():
        raise Unavailable(missing)
    tell(0.0, "Reading the catalogue")
    stars = read_star_list(
        source, ra=order.ra, dec=order.dec, mag=order.mag, epoch=order.epoch, catalogue_epoch=order.catalogue_epoch
    )
    scales = index_build.scales_for(stars, order.width_low, order.width_high, order.scale)
    storage.check_room(len(stars) * 200)
    made = index_build.build_indexes(
        stars,
        scratch,
        name,
        scales,
        first_id=index_build.free_id(index.index_id for index in installed()),
        jitter_arcsec=order.jitter_arcsec,
        progress=lambda fraction, words: tell(0.05 + 0.65 * fraction, words),
    )
    kept, refused = _tried(made, stars, tell)
    if not kept:
        raise Invalid(f"No index of this catalogue works. {' '.join(refused)}")
    tell(0.98, "Installing")
    files = [(_installed_from(path), trial) for paths, trial in kept for path in paths]
    return Built(tuple(files), tuple(refused), len(stars), stars.left_out, stars.columns)


def check_staff(user: User) -> None:
    """Raise Forbidden unless somebody may change the server's solver data."""
    if not user.is_staff:
        raise Forbidden("Solver data serve everybody on this server, so only its administrators change them.")


@transaction.atomic
def ask_to_fetch(user: User, word: str, scales: Sequence[int] = ()) -> Job:
    """Queue a fetch.

    Raises
    ------
    Forbidden
        Not for everybody.
    Invalid
        There is no such series.
    Conflict
        All of it is installed, or the same is being fetched already.
    """
    check_staff(user)
    if not plan_fetch(word, scales).missing:
        raise Conflict(f"All of {word} is installed already.")
    args: dict[str, Any] = {"word": word, "scales": list(scales)}
    if any(job.args == args for job in under_way() if job.kind == FETCH):
        raise Conflict(f"{word} is being fetched already.")
    return jobs.enqueue(FETCH, args, created_by=user)


def ask_to_build(user: User, catalogue: IO[bytes], filename: str, order: dict[str, Any]) -> Job:
    """Store a catalogue and queue the building of an index from it; `order` has the fields of `BuildOrder`."""
    check_staff(user)
    blob = storage.put(catalogue, limit=settings.HVEN_MAX_UPLOAD)
    return jobs.enqueue(BUILD, {"sha256": blob.sha256, "filename": filename[-100:], "order": order}, created_by=user)


def catalogue_of(sha256: str) -> Blob:
    """Return the stored catalogue of a build; NotFound once it was cleared away."""
    found = Blob.objects.filter(sha256=sha256).first()
    if found is None:
        raise NotFound("The catalogue was cleared away before its turn came; upload it again.")
    return found


def under_way() -> list[Job]:
    """Return the fetches and builds that wait or run, oldest first."""
    return list(Job.objects.filter(kind__in=[FETCH, BUILD]).exclude(state__in=ENDS).order_by("id"))


def last_ended(count: int = 3) -> list[Job]:
    """Return the fetches and builds of the last day that ended with something to say, newest first."""
    ended = Job.objects.filter(
        kind__in=[FETCH, BUILD], state__in=[State.DONE, State.FAILED], finished__gt=timezone.now() - timedelta(days=1)
    )
    return [job for job in ended.order_by("-id")[: 3 * count] if not (job.result or {}).get("continued")][:count]


def cancel(user: User, uuid: UUID) -> bool:
    """Stop a fetch or a build; what was fetched so far stays for the next time."""
    check_staff(user)
    job = Job.objects.filter(kind__in=[FETCH, BUILD], uuid=uuid).first()
    if job is None:
        raise NotFound("There is no such job.")
    return jobs.cancel(job)


def _tried(made: Sequence[Path], stars: StarList, tell: Tell) -> tuple[list[tuple[list[Path], Trial]], list[str]]:
    """Return the indexes, all tiles of each, that place fields drawn from the catalogue, and words on the others."""
    from hven.science.catalogues.index_check import check_index  # noqa: PLC0415 - needed here only
    from hven.science.simulate.trial import try_index  # noqa: PLC0415 - the solvers

    by_number: dict[int, list[Path]] = {}
    for path in made:
        by_number.setdefault(read_index(path).index_id, []).append(path)
    kept, refused = [], []
    for number, paths in enumerate(by_number.values()):
        first = paths[0].name
        tell(0.7 + 0.28 * number / len(by_number), f"Trying {first} on fields of the catalogue")
        try:
            for path in paths:
                check_index(path)
            trial = try_index(paths, stars)
        except HvenError as error:
            refused.append(f"{first}: {error}")
            continue
        if trial.solved:
            kept.append((paths, trial))
        else:
            refused.append(f"{first} placed none of {trial.tried} fields of {trial.width_deg:.2g} degrees.")
    return kept, refused


def _installed_from(path: Path) -> IndexFile:
    return read_index(install_index(path, own_folder(), other_folders()))


def _workshop() -> Path:
    return own_folder() / ".fetch"


def _fetch_one(file: WantedFile, base: str, tell: Tell, pause_s: float) -> None:
    address, named = (base.rstrip("/"), True) if base else source_of(file)
    target = _workshop() / file.name
    url = f"{address}/{file.name}"
    target.unlink(missing_ok=True)
    try:
        download(
            url,
            target,
            limit=_LARGEST_FILE,
            trusted=address if named else "",
            room=storage.check_room,
            progress=tell,
            pause_s=pause_s,
        )
    except NotFound as error:
        raise NotFound(f"{file.name} cannot be had from {address}. {error}") from error
    try:
        _check_is(file, target)
        install_index(target, own_folder(), other_folders(), move=True)
    except Invalid as error:
        raise Invalid(f"What came from {url} is not what it should be. {error}") from error
    except Conflict:
        pass  # somebody else installed it meanwhile
    finally:
        target.unlink(missing_ok=True)


def _check_is(file: WantedFile, path: Path) -> None:
    """Raise Invalid where a file is another index than its name says."""
    index = read_index(path)
    if index.index_id != file.index_id or (file.tile is not None and index.healpix != file.tile):
        raise Invalid(f"It holds index {index.index_id}, tile {index.healpix}.")


def _part(tell: Tell, start: float, share: float, name: str) -> Tell:
    return lambda fraction, words: tell(start + share * fraction, f"{name}: {words}")


@contextmanager
def _alone() -> Iterator[None]:
    """Keep two fetches from writing the same unfinished file.

    Raises
    ------
    Conflict
        Another process fetches.
    """
    _workshop().mkdir(parents=True, exist_ok=True, mode=0o700)
    with (_workshop() / ".lock").open("w") as stream:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows, where nobody else fetches

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError as error:
            raise Conflict("Another fetch is under way; wait for it, or cancel it.") from error
        yield
