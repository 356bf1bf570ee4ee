"""What can be chosen in a file of several planes."""

from __future__ import annotations

from django.core.cache import cache

from hven.archive.models import DataFile
from hven.errors import HvenError
from hven.imaging.services.limits import frame_limits
from hven.storage import services as storage

MOST = 200  # offered
_KEPT_S = 3600  # a file never changes
_KINDS = {"fits", "xisf", "tiff", "gif"}  # formats of which a file may hold several


def planes_of(data_file: DataFile) -> list[tuple[str, str]]:
    """Return for each usable plane what a run's key `plane` says and words; none where there is but one."""
    if data_file.format not in _KINDS:
        return []
    key = f"planes-{data_file.uuid.hex}"
    kept: list[tuple[str, str]] | None = cache.get(key)
    if kept is None:
        kept = _read(data_file)
        cache.set(key, kept, _KEPT_S)
    return kept


def _read(data_file: DataFile) -> list[tuple[str, str]]:
    from hven.science.frames.read import planes  # noqa: PLC0415 - readers, wanted by few requests

    try:
        with storage.local(data_file.blob) as path:
            found = planes(path, limits=frame_limits())
    except HvenError:
        return []
    usable = [plane for plane in found if plane.is_usable]
    cube = any(plane.kind == "cube" for plane in usable)
    if len(usable) < 2 and not cube:
        return []
    offered: list[tuple[str, str]] = []
    for plane in usable:
        size = " × ".join(str(number) for number in reversed(plane.shape[-2:]))  # noqa: RUF001 - times
        words = f"{plane.index}{f' {plane.name}' if plane.name else ''}, {size}"
        if plane.kind == "cube" and len(plane.shape) > 2:
            offered += [(f"{plane.index}:{n}", f"{words}, plane {n}") for n in range(1, min(plane.shape[0], MOST) + 1)]
        else:
            offered.append((plane.index, words))
    return offered[:MOST]
