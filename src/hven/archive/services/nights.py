"""Which night, and which observation or calibration of it, a file belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Role
from hven.accounts.services.owning import new_owner
from hven.archive.models import Calibration, DataFile, Dataset, NightLog, Observation
from hven.archive.services.names import kept_text
from hven.errors import Invalid, NotFound
from hven.jobs import services as jobs
from hven.science.sky.almanac import Night, night_at
from hven.science.sky.nights import night_of
from hven.sites.models import Site, Stay, Telescope, stay_among
from hven.sites.services.sites import REFILE
from hven.storage.statements import Lookup, Update, columns, record

FILED = "observation", "calibration", "unfiled", "changed"  # columns that filing sets
_FILED = Update(DataFile, *FILED)
_OWN = len(columns(Dataset))
_DATASETS = Lookup(
    lambda pks: Dataset.objects.filter(pk__in=pks).values_list(
        *columns(Dataset), *(f"telescope__{name}" for name in columns(Telescope))
    ),
    at_once=4,
)
P = TypeVar("P", Observation, Calibration)
FRAMES = frozenset({"fits", "xisf", "raw"})  # formats whose headers say when
NO_TELESCOPE = "Its dataset has no telescope; set one, and it is filed into its night."
NO_SITE = "Nobody said where its telescope stands; set the site's longitude, and it is filed into its night."
NO_DATE = "Its header says no time; it belongs to no night."
_KINDS = (
    ("bias", ("bias", "zero", "offset")),
    ("dark", ("dark",)),
    ("flat", ("flat", "dome", "skyflat")),
    ("lamp", ("arc", "lamp", "comp", "wave", "fibre", "thar")),
    ("focus", ("focus",)),
)
_LIGHT = ("light", "object", "science", "sci", "obs", "exp")


@transaction.atomic
def file_into_night(data_file: DataFile) -> None:
    """Attach a file to the night, observation or calibration that its header and its telescope say."""
    file_into_nights(locked_files([data_file.pk]))


def locked_files(pks: Sequence[int], *, without: Sequence[str] = ()) -> list[DataFile]:
    """Return files as they are now, with dataset and telescope, and keep them so to the transaction's end.

    Columns can be left out.
    """
    if connection.features.has_select_for_update:
        # Without their relations: of a file that is moved meanwhile the database would look for the old dataset.
        list(DataFile.objects.select_for_update().filter(pk__in=pks).order_by("pk").values_list("pk"))
    names, lookup = _of_files(tuple(without))
    files = [record(DataFile, row, names) for row in lookup.rows(sorted(pks))]
    # Not joined: many files are of few datasets, and others wait to write while records are made of the rows.
    datasets = {}
    for row in _DATASETS.rows({file.dataset_id for file in files}):
        dataset = record(Dataset, row[:_OWN])
        dataset.telescope = None if dataset.telescope_id is None else record(Telescope, row[_OWN:])
        datasets[dataset.pk] = dataset
    for file in files:
        file.dataset = datasets[file.dataset_id]
    return files


@lru_cache(maxsize=8)
def _of_files(without: tuple[str, ...]) -> tuple[tuple[str, ...], Lookup]:
    names = tuple(name for name in columns(DataFile) if name not in without)
    return names, Lookup(lambda pks: DataFile.objects.filter(pk__in=pks).order_by("pk").values_list(*names))


@transaction.atomic(savepoint=False)
def file_into_nights(
    files: Sequence[DataFile],
    unread: Mapping[int, str] | None = None,
    *,
    write: Callable[[Sequence[DataFile]], None] = _FILED.many,
) -> None:
    """Do what `file_into_night` does for records that the caller has just locked, read with dataset and telescope.

    Parameters
    ----------
    unread
        Of files that were just read, by their ids, why they could not be: they belong to no night.
    write
        Writes `FILED` of the records, and more where the caller has set more.
    """
    filing = _Filing()
    before = [(file.observation_id, file.calibration_id) for file in files]
    nights: dict[int, NightLog] = {}
    for file in files:
        file.observation = file.calibration = None
        if unread is not None:
            file.unfiled = unread.get(file.pk, "")
        if file.read_at is not None and file.format in FRAMES:
            night, file.unfiled = filing.night(file)
            if night is not None:
                nights[night.pk] = night
                filing.attach(file, night)
    write(files)
    for file, parts in zip(files, before, strict=True):
        _leave(file, *parts)
    for pk in _begun(files):
        number_observations(nights[pk])


def kind_of(image_type: str, name: str = "") -> str:
    """Return which calibration a header's image type, or without one the file's name, says; empty for the sky."""
    said = image_type.casefold().replace("_", " ")
    if said.strip():
        if any(word in said for word in _LIGHT) and "flat" not in said and "dark" not in said and "bias" not in said:
            return ""
        for kind, words in _KINDS:
            if any(word in said for word in words):
                return kind
        return ""
    parts = set(kept_text(name).casefold().replace(".", " ").replace("_", " ").replace("-", " ").split())
    return next((kind for kind, known in _KINDS[:3] if any(part.startswith(known) for part in parts)), "")


def refile_dataset(dataset: Dataset, actor: Actor | None = None) -> None:
    """Ask for the nights of a dataset's files to be worked out anew."""
    jobs.enqueue(REFILE, {"dataset_id": dataset.pk}, created_by=actor.user if actor else None)


def files_of(telescope_id: int | None = None, dataset_id: int | None = None) -> QuerySet[DataFile]:
    """Return the files whose nights hang on a telescope or a dataset."""
    if dataset_id is not None:
        return DataFile.objects.filter(dataset=dataset_id)
    if telescope_id is not None and not Telescope.objects.filter(pk=telescope_id).exists():
        # it was deleted, and its nights with it: what lies in none must say why
        return DataFile.objects.filter(observation=None, calibration=None, unfiled="", format__in=FRAMES)
    return DataFile.objects.filter(dataset__telescope=telescope_id)


def remove_empty_nights(telescope_id: int | None = None) -> int:
    """Remove nights of which nothing is left, and say how many."""
    empty = NightLog.objects.filter(observations__isnull=True, calibrations__isnull=True, about="")
    if telescope_id is not None:
        empty = empty.filter(telescope=telescope_id)
    return empty.delete()[1].get("archive.NightLog", 0)


def visible_nights(actor: Actor) -> QuerySet[NightLog]:
    """Return the nights that the actor may see, the newest first."""
    return access.visible(NightLog.objects.select_related("telescope"), actor).order_by("-date", "id")


def number_observations(night: NightLog) -> None:
    """Count the observations of a night by the time of their first frame, from 1."""
    files = DataFile.objects.filter(observation=OuterRef("pk"), middle__isnull=False).order_by("middle")
    # nulls last on every database: what has no frame yet comes after what has
    first = F("first").asc(nulls_last=True)
    rows = night.observations.annotate(first=Subquery(files.values("middle")[:1])).order_by(first, "id")
    for number, row in enumerate(rows, 1):
        if row.index != number:
            Observation.objects.filter(pk=row.pk).update(index=number)


def site_of(actor: Actor, night: NightLog) -> Site:
    """Return where the telescope of a night stood.

    Raises
    ------
    NotFound
        Nobody said where that is, or the actor may not know.
    """
    stay = night.telescope.stay_of_night(night.date)
    site = stay.site if stay is not None else None
    if site is None or not site.is_placed:
        raise NotFound("Nobody said where this telescope stood that night.")
    if not access.may(actor, access.Verb.SEE, site):
        raise NotFound("Where this telescope stood that night is not public.")
    return site


def sky_of(actor: Actor, night: NightLog) -> Night:
    """Return Sun and Moon through a night where its telescope stood; NotFound as `site_of`."""
    return night_at(site_of(actor, night).place, night.date)


@dataclass(slots=True)
class _Filing:
    """What was looked up for the files of one transaction, which mostly belong together."""

    stays: dict[int, list[Stay]] = field(default_factory=dict)
    nights: dict[tuple[int, date], NightLog] = field(default_factory=dict)
    parts: dict[tuple[type, int, int, str], Any] = field(default_factory=dict)

    def night(self, data_file: DataFile) -> tuple[NightLog | None, str]:
        """Return the night of a file, or why it belongs to none."""
        telescope = data_file.dataset.telescope
        if telescope is None:
            return None, NO_TELESCOPE
        if data_file.middle is None:
            return None, NO_DATE
        if telescope.pk not in self.stays:
            self.stays[telescope.pk] = telescope.stays_in_order()
        stay = stay_among(self.stays[telescope.pk], data_file.middle)
        if stay is None or stay.site.longitude_deg is None:
            return None, NO_SITE
        day = night_of(data_file.middle, stay.site.longitude_deg)
        if (telescope.pk, day) not in self.nights:
            self.nights[telescope.pk, day] = _night_log(telescope, day)
        return self.nights[telescope.pk, day], ""

    def attach(self, data_file: DataFile, night: NightLog) -> None:
        """Attach a file to an observation or a calibration of its night, opened where there is none yet."""
        kind = kind_of(data_file.image_type, data_file.name)
        if kind:
            name = " ".join(part for part in (kind, _detail(kind, data_file)) if part)[:200]
            data_file.calibration = self._part(Calibration, "name", name, data_file, night)
        else:
            target = data_file.object_name.strip() or _by_place(data_file) or data_file.dataset.name
            data_file.observation = self._part(Observation, "target_name", target[:200], data_file, night)

    def _part(self, kind: type[P], column: str, name: str, data_file: DataFile, night: NightLog) -> P:
        key = kind, night.pk, data_file.dataset_id, name
        if key not in self.parts:
            new = {
                "owner_id": data_file.owner_id, "observatory_id": data_file.observatory_id,
                "visibility": data_file.dataset.visibility, "name": name,
            }  # fmt: skip
            self.parts[key], _ = kind._default_manager.get_or_create(  # noqa: SLF001 - Django's documented name
                night=night, dataset=data_file.dataset, **{column: name}, defaults=new
            )
        found: P = self.parts[key]
        return found


def _night_log(telescope: Telescope, night: date) -> NightLog:
    found, _ = NightLog.objects.get_or_create(
        telescope=telescope,
        date=night,
        defaults={
            "owner": telescope.owner, "observatory": telescope.observatory, "visibility": telescope.visibility,
        },
    )  # fmt: skip
    return found


def _detail(kind: str, data_file: DataFile) -> str:
    if kind == "dark" and data_file.exposure_s is not None:
        return f"{data_file.exposure_s:g} s"
    return data_file.filter if kind == "flat" else ""


def _by_place(data_file: DataFile) -> str:
    """Return a name made of where a frame points, for those whose header names nothing."""
    if data_file.ra is None or data_file.dec is None:
        return ""
    hours, minutes = divmod(round(data_file.ra * 4) % 1440, 60)
    return f"J{hours:02d}{minutes:02d}{data_file.dec:+03.0f}"


def _begun(files: Sequence[DataFile]) -> Iterator[int]:
    """Give the nights with an observation that begins with one of the files: only there can the order change."""
    first: dict[int, DataFile] = {}
    for file in files:
        if file.observation_id is not None and file.middle is not None:
            known = first.get(file.observation_id)
            if known is None or known.middle is None or file.middle < known.middle:
                first[file.observation_id] = file
    given: set[int] = set()
    for observation_id, file in first.items():
        others = DataFile.objects.filter(observation=observation_id, middle__lt=file.middle)
        night = file.observation.night_id if file.observation is not None else None
        if night is not None and night not in given and not others.exists():
            given.add(night)
            yield night


def _leave(data_file: DataFile, observation_id: int | None, calibration_id: int | None) -> None:
    """Remove what a file left empty behind, and count anew the observations of the night that it left."""
    if calibration_id is not None and calibration_id != data_file.calibration_id:
        Calibration.objects.filter(pk=calibration_id, data_files__isnull=True, night__isnull=False).delete()
    if observation_id is None or observation_id == data_file.observation_id:
        return
    left = Observation.objects.filter(pk=observation_id).select_related("night").first()
    if left is None or left.night is None:
        return
    if not left.data_files.exists():
        left.delete()
    number_observations(left.night)


# --- what people say of nights -------------------------------------------------------------------------------------


@transaction.atomic
def open_night(actor: Actor, telescope: Telescope, night: date, about: str = "") -> NightLog:
    """Return the log of a telescope's night, opened where there is none yet.

    Raises
    ------
    Unauthenticated, Forbidden
        The actor may not write for the telescope's observatory.
    """
    found = NightLog.objects.filter(telescope=telescope, date=night).first()
    if found is not None:
        access.check(actor, access.Verb.SEE, found)
        return found
    if telescope.observatory is None:
        access.check(actor, access.Verb.CHANGE, telescope)
    new_owner(actor, telescope.observatory)
    made = _night_log(telescope, night)
    if about:
        made.about = kept_text(about)[:10_000]
        made.save(update_fields=["about", "changed"])
    return made


@transaction.atomic
def describe_night(actor: Actor, night: NightLog, about: str | None) -> NightLog:
    """Set the words of a night; None leaves them."""
    access.check(actor, access.Verb.CHANGE, night)
    if about is not None:
        night.about = kept_text(about)[:10_000]
        night.save(update_fields=["about", "changed"])
    return night


@transaction.atomic
def delete_night(actor: Actor, night: NightLog) -> None:
    """Delete a night with its observations and calibrations; their files stay, without a night."""
    access.check(actor, access.Verb.DELETE, night)
    night.delete()


@transaction.atomic
def create_observation(
    actor: Actor, night: NightLog, target_name: str, name: str = "", target_class: str | None = None
) -> Observation:
    """Open an observation of a night before its files come."""
    target_name = kept_text(target_name).strip()[:200]
    if not target_name:
        raise Invalid("An observation needs the name of its target.")
    owner = new_owner(actor, night.observatory, Role.VISITOR if night.observatory else Role.MEMBER)
    if night.observatory is None:
        access.check(actor, access.Verb.CHANGE, night)
    made = Observation.objects.create(
        owner=owner, observatory=night.observatory, visibility=night.visibility, night=night,
        name=kept_text(name).strip()[:200] or target_name, target_name=target_name,
        target_class=(target_class or "AstronomicalObject")[:40],
    )  # fmt: skip
    number_observations(night)
    made.refresh_from_db()
    return made


@transaction.atomic
def create_calibration(actor: Actor, night: NightLog, name: str) -> Calibration:
    """Open a calibration of a night before its files come."""
    name = kept_text(name).strip()[:200]
    if not name:
        raise Invalid("A calibration needs a name, such as bias or flat r.")
    owner = new_owner(actor, night.observatory, Role.VISITOR if night.observatory else Role.MEMBER)
    if night.observatory is None:
        access.check(actor, access.Verb.CHANGE, night)
    return Calibration.objects.create(
        owner=owner, observatory=night.observatory, visibility=night.visibility, night=night, name=name
    )


@transaction.atomic
def rename_part(actor: Actor, part: P, words: Mapping[str, str | None]) -> P:
    """Set the names of an observation or calibration; None leaves one."""
    access.check(actor, access.Verb.CHANGE, part)
    for name, value in words.items():
        if value is not None:
            if not value.strip():
                raise Invalid(f"{name} takes some text.")
            setattr(part, name, kept_text(value).strip()[: 40 if name == "target_class" else 200])
    part.save()
    return part


@transaction.atomic
def delete_part(actor: Actor, part: Observation | Calibration) -> None:
    """Delete an observation or calibration; its files stay."""
    access.check(actor, access.Verb.DELETE, part)
    part.delete()
