"""Outside services as this server's settings have them: whether they are asked, how long, where answers are kept."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from hven.outside import sesame, skybot
from hven.outside.ask import Asking
from hven.outside.cones import DiskCache


def setting(name: str) -> Any:
    """Return a setting by its name without the prefix."""
    return getattr(settings, f"HVEN_{name}", settings.OPTIONS[name])


def asking() -> Asking:
    """Return how services are asked."""
    address = setting("VIZIER_URL")
    named = address != settings.OPTIONS.settings["VIZIER_URL"].option.default  # only then may it be a private one
    return Asking(setting("OUTSIDE"), setting("OUTSIDE_TIME_LIMIT"), address if named else "")


def cache(kind: str) -> DiskCache:
    """Return the cache of one kind of answers: cones, names, templates. Each may take what the setting says."""
    folder: Path = settings.HVEN_FOLDERS.data / "cache" / kind
    return DiskCache(folder, setting("OUTSIDE_CACHE"))


def named_place(name: str) -> sesame.Place:
    """Return where a named object is; errors as of `hven.outside.sesame.resolve`."""
    return sesame.resolve(name, asking(), cache("names"))


def solar_system_bodies(
    ra: float, dec: float, radius_deg: float, when: datetime, *, observatory: str = skybot.GEOCENTRE
) -> tuple[skybot.SolarSystemObject, ...]:
    """Return the asteroids, comets and planets in a circle at a time; errors as of `hven.outside.skybot.bodies`."""
    return skybot.bodies(ra, dec, radius_deg, when, asking(), observatory=observatory)
