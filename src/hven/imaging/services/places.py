"""Where many frames lie: counts in patches of the sky, in one query over the newest of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Avg, Count, F, FloatField, IntegerField, Max, Value
from django.db.models.functions import Cast

from hven.accounts.actor import Actor
from hven.imaging.models import Solution
from hven.imaging.services.search import Wanted, search
from hven.science.sky.sphere import angles

PATCH_DEG = 4.0  # height of a patch, and its width on the sky
MOST_FRAMES = 50_000  # counted, the newest
_KEPT_S = 20  # how long the counts of long lists are kept
_LONG = 5_000  # frames from which on a list is long


@dataclass(frozen=True, slots=True)
class Place:
    """A patch of the sky with frames: the mean of their centres (ICRS degrees), how many, how wide the widest is."""

    ra: float
    dec: float
    count: int
    radius_deg: float  # that holds the patch


def places(actor: Actor, wanted: Wanted) -> list[Place]:
    """Return where the solved frames of a search lie, the fullest patches first; at most some thousands.

    The newest 50,000 frames count. Of lists longer than some thousands the counts are kept for 20 seconds.
    """
    who = (actor.user.pk if actor.user else 0, actor.key.pk if actor.key else 0, actor.scopes, actor.links)
    key = f"places-{hash((who, repr(wanted))):x}"
    kept: list[Place] | None = cache.get(key)
    if kept is not None:
        return kept
    newest = search(actor, wanted).filter(solution__isnull=False).order_by("-id").values("solution")[:MOST_FRAMES]
    step = Value(PATCH_DEG, FloatField())
    rows: Any = (
        Solution.objects.filter(pk__in=newest)
        .annotate(zone=Cast((F("dec") + 90.0) / step, IntegerField()), sector=Cast(F("ra") / step, IntegerField()))
        .order_by()
        .values("zone", "sector")
        .annotate(frames=Count("pk"), mean_x=Avg("x"), mean_y=Avg("y"), mean_z=Avg("z"), widest=Max("radius_deg"))
    )
    found = sorted(_patches(rows), key=lambda place: (-place.count, place.ra))
    if sum(place.count for place in found) > _LONG:
        cache.set(key, found, _KEPT_S)
    return found


def _patches(rows: Iterable[dict[str, Any]]) -> list[Place]:
    """Join sectors of right ascension where they are narrower than a patch, near the poles."""
    sums: dict[tuple[int, int], np.ndarray[Any, Any]] = {}
    for row in rows:
        middle = min(89.0, abs((row["zone"] + 0.5) * PATCH_DEG - 90.0))
        joined = max(1, round(1 / math.cos(math.radians(middle))))
        count = row["frames"]
        part = np.array([count, *(count * row[f"mean_{axis}"] for axis in "xyz")])
        key = (row["zone"], row["sector"] // joined)
        sums[key] = sums.get(key, 0) + part
    found = []
    for count, *vector in sums.values():
        ra, dec = angles(np.array(vector))
        found.append(Place(float(ra), float(dec), int(count), PATCH_DEG * 0.75))
    return found
