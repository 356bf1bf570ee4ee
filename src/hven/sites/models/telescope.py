"""Telescopes, and where they stood when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import zip_longest

from django.db import models
from django.db.models import Q

from hven.accounts.models import Owned, Role
from hven.science.sky.nights import night_bounds
from hven.sites.models.rule import Rule
from hven.sites.models.site import Site


class Telescope(Owned):
    """What frames are taken with. It stands at one site at a time."""

    change_role = Role.ADMIN

    name = models.CharField(max_length=200)
    alias = models.CharField(max_length=70, blank=True, help_text="what headers call it (TELESCOP)")
    aperture_mm = models.FloatField(null=True, blank=True)
    focal_length_mm = models.FloatField(null=True, blank=True)
    device = models.IntegerField(null=True, blank=True, help_text="the number of its mount in a control room")
    rule = models.CharField(
        max_length=20, choices=Rule.choices, default=Rule.NONE,
        help_text="what filing one of its frames starts, where the dataset says nothing else",
    )  # fmt: skip
    about = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="telescope_by_owner")]

    def __str__(self) -> str:
        return self.name

    def stay_at(self, moment: datetime | None = None) -> Stay | None:
        """Return the stay that held at a moment, by default the last one, which may begin in the future."""
        return stay_among(self.stays_in_order(), moment)

    def stays_in_order(self) -> list[Stay]:
        """Return its stays, the first one first."""
        return list(self.stays.select_related("site").order_by(models.F("since").asc(nulls_first=True)))

    def site_at(self, moment: datetime | None = None) -> Site | None:
        """Return where it stood at a moment (by default where it stands last); None where nobody said."""
        stay = self.stay_at(moment)
        return stay.site if stay is not None else None

    def stay_of_night(self, night: date) -> Stay | None:
        """Return the stay under which the files of a night are filed: the one that holds for most of that night.

        For each stay it lasts from noon to noon at its own site, so that a telescope moved at noon has whole nights.
        """
        stays = self.stays_in_order()
        ends = [stay.since for stay in stays[1:]]
        lasting = [_held(stay, end, night) for stay, end in zip_longest(stays, ends)]
        return stays[lasting.index(max(lasting))] if stays else None


class Stay(models.Model):
    """From when on a telescope stands at a site; the first stay has no beginning."""

    telescope = models.ForeignKey(Telescope, on_delete=models.CASCADE, related_name="stays")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="stays")
    since = models.DateTimeField(null=True, blank=True, help_text="empty: since ever")

    class Meta:
        constraints = [
            models.UniqueConstraint("telescope", condition=Q(since__isnull=True), name="one_first_stay_each"),
            models.UniqueConstraint("telescope", "since", name="one_stay_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.telescope} at {self.site}"


def stay_among(stays: Sequence[Stay], moment: datetime | None) -> Stay | None:
    """Return that of some stays in order which held at a moment, for None the last."""
    begun = [stay for stay in stays if moment is None or stay.since is None or stay.since <= moment]
    return begun[-1] if begun else None


def _held(stay: Stay, end: datetime | None, night: date) -> timedelta:
    """Return how much of a night a stay lasts that another one follows at `end`; below 0 where it misses the night."""
    night = min(night, date.max - timedelta(days=1))  # of the last night there is no end
    begins, ends = night_bounds(night, stay.site.longitude_deg or 0.0)
    return min(end or ends, ends) - max(stay.since or begins, begins)
