"""From hven's records to Arcsecond's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from hven.accounts import access
from hven.accounts.actor import Actor
from hven.accounts.models import Membership, Observatory, Role, User
from hven.archive.models import Calibration, DataFile, Dataset, NightLog, Observation, Package, Target, TargetList
from hven.science.sky.almanac import TWILIGHTS, Night
from hven.sites.models import Site, Telescope

ROLES = {Role.VISITOR: "visitor", Role.MEMBER: "member", Role.ADMIN: "admin", Role.OWNER: "superadmin"}


def time(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _whose(record: Any) -> dict[str, Any]:
    return {
        "organisation": record.observatory.slug if record.observatory_id is not None else None,
        "profile": record.owner.username,
        "is_public": record.visibility == "public",
        "date_created": time(record.created),
    }


class Known:
    """Which sites and telescopes somebody may see: records that he may see point at some that he may not."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._keys: dict[type[Site | Telescope], frozenset[int]] = {}

    def has(self, one: Site | Telescope) -> bool:
        """Say whether a site or telescope is one of them."""
        kind = type(one)
        if kind not in self._keys:
            rows = access.visible(kind._default_manager.all(), self._actor)  # noqa: SLF001 - Django's documented name
            self._keys[kind] = frozenset(rows.values_list("pk", flat=True))
        return one.pk in self._keys[kind]

    def uuid(self, one: Site | Telescope | None) -> str | None:
        """Return its uuid; None where he may not see it."""
        return str(one.uuid) if one is not None and self.has(one) else None


def site(one: Site, known: Known) -> dict[str, Any]:
    """Return an observing site with the telescopes that stand there now."""
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "coordinates": {"longitude": one.longitude_deg, "latitude": one.latitude_deg, "height": one.height_m},
        "horizon": one.horizon,
        "description": one.about,
        "telescopes": [
            str(stay.telescope.uuid)
            for stay in one.stays.select_related("telescope")
            if known.has(stay.telescope) and stay.telescope.site_at(timezone.now()) == one
        ],
        **_whose(one),
    }


def telescope(one: Telescope, known: Known) -> dict[str, Any]:
    """Return a telescope; where it stood when stands in ``stays``."""
    stays = sorted(one.stays.select_related("site"), key=lambda stay: (stay.since is not None, stay.since))
    begun = [stay for stay in stays if stay.since is None or stay.since <= timezone.now()]
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "alias": one.alias,
        "observing_site": known.uuid(begun[-1].site) if begun else None,
        "stays": [{"observing_site": known.uuid(stay.site), "since": time(stay.since)} for stay in stays],
        "aperture_mm": one.aperture_mm,
        "focal_length_mm": one.focal_length_mm,
        "device": one.device,
        "rule": one.rule,
        "description": one.about,
        **_whose(one),
    }


def dataset(one: Dataset, known: Known) -> dict[str, Any]:
    """Return a dataset; the query has counted its files."""
    count = getattr(one, "files", None)
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "description": one.about,
        "telescope": known.uuid(one.telescope),
        "data_files_count": one.data_files.count() if count is None else count,
        "tags": one.tags,
        "observer": one.observer,
        "rule": one.rule or None,
        **_whose(one),
    }


def night_log(one: NightLog, known: Known) -> dict[str, Any]:
    """Return a night log."""
    named = f"{one.telescope.name} " if known.has(one.telescope) else ""
    return {
        "uuid": str(one.uuid),
        "date": one.date.isoformat(),
        "telescope": known.uuid(one.telescope),
        "name": f"{named}{one.date.isoformat()}",
        "description": one.about,
        "observations": [str(each.uuid) for each in one.observations.all()],
        "calibrations": [str(each.uuid) for each in one.calibrations.all()],
        **_whose(one),
    }


def sky(night: Night) -> dict[str, Any]:
    """Return when the Sun goes below its altitudes and comes up again, and how much of the Moon is lit."""
    times = {name: [time(moment) for moment in night.crossings(altitude)] for name, altitude in TWILIGHTS}
    return {
        **times,
        "moon_illumination": round(night.moon_lit, 3),
        "moon_highest_deg": round(float(night.moon_deg[night.sun_deg < 0].max()), 1)
        if (night.sun_deg < 0).any()
        else None,
    }


def observation(one: Observation) -> dict[str, Any]:
    """Return an observation."""
    return {
        "uuid": str(one.uuid),
        "index": one.index,
        "name": one.name,
        "night_log": str(one.night.uuid) if one.night is not None else None,
        "target_name": one.target_name,
        "target_class": one.target_class,
        "dataset": str(one.dataset.uuid) if one.dataset is not None else None,
        "data_files_count": one.data_files.count(),
        **_whose(one),
    }


def calibration(one: Calibration) -> dict[str, Any]:
    """Return a calibration."""
    of = str(one.dataset.uuid) if one.dataset is not None else None
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "night_log": str(one.night.uuid) if one.night is not None else None,
        "dataset": of,
        "datasets": [of] if of else [],
        "data_files_count": one.data_files.count(),
        **_whose(one),
    }


def data_file(one: DataFile, address: str) -> dict[str, Any]:
    """Return a data file; `address` is where its bytes are."""
    return {
        "id": one.pk,
        "pk": one.pk,
        "uuid": str(one.uuid),
        "name": one.name,
        "file": address,
        "dataset": str(one.dataset.uuid),
        "size": one.size,
        "sha256": one.blob.sha256,
        "is_raw": one.is_raw,
        "tags": sorted(tag.text for tag in one.tags.all() if not tag.machine),
        "format": one.format or None,
        "parsed": one.read_at is not None,
        "observation": str(one.observation.uuid) if one.observation is not None else None,
        "calibration": str(one.calibration.uuid) if one.calibration is not None else None,
        "unfiled": one.unfiled,
        "date": time(one.middle),
        "exposure_time": one.exposure_s,
        "filter": one.filter,
        "target_name": one.object_name,
        "image_type": one.image_type,
        "coordinates": None if one.ra is None else {"right_ascension": one.ra, "declination": one.dec},
        "width": one.width,
        "height": one.height,
        **_whose(one),
    }


def package(one: Package, datasets: Iterable[Dataset], address: str, shared_with: list[str]) -> dict[str, Any]:
    """Return a data package with those of its datasets that the caller may know of; `address` is where its zip is."""
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "description": one.about,
        "datasets": [str(each.uuid) for each in datasets],
        "shared_with": shared_with,
        "download": address,
        **_whose(one),
    }


def target(one: Target) -> dict[str, Any]:
    """Return a target."""
    about = dict(one.details)
    if one.ra is not None and one.dec is not None:
        about |= {
            "name": one.name or one.identifier,
            "equatorial_coordinates": {"right_ascension": one.ra, "declination": one.dec},
        }
    return {
        "id": one.pk,
        "pk": one.pk,
        "name": one.name,
        "identifier": one.identifier,
        "target_class": one.kind,
        "mode": one.mode,
        "object": about or None,
        "color": one.colour,
        "notes": one.notes,
        "tags": one.tags,
        **_whose(one),
    }


def target_list(one: TargetList) -> dict[str, Any]:
    """Return a list of targets, whole."""
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "description": one.about,
        "targets": [target(each.target) for each in one.listed.select_related("target__owner", "target__observatory")],
        **_whose(one),
    }


def organisation(one: Observatory) -> dict[str, Any]:
    """Return an organisation."""
    return {"pk": one.pk, "uuid": str(one.uuid), "subdomain": one.slug, "name": one.name}


def membership(one: Membership) -> dict[str, Any]:
    """Return a place in an organisation."""
    return {
        "pk": one.pk,
        "date_joined": time(one.joined),
        "role": ROLES[Role(one.role)],
        "organisation": organisation(one.observatory),
    }


def profile(user: User, memberships: list[Membership], *, whole: bool) -> dict[str, Any]:
    """Return a profile; its e-mail address and all memberships where the whole may be seen."""
    return {
        "pk": user.pk,
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email if whole else "",
        "is_verified": user.is_active,
        "membership_date": time(user.date_joined),
        "memberships": [membership(one) for one in memberships],
    }


def member(one: Membership, *, whole: bool) -> dict[str, Any]:
    """Return a member of an organisation."""
    return {
        "pk": one.pk,
        "username": one.user.username,
        "first_name": one.user.first_name,
        "last_name": one.user.last_name,
        "email": one.user.email if whole else "",
        "role": ROLES[Role(one.role)],
        "date_joined": time(one.joined),
    }
