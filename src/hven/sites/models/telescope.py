"""Telescopes, and where they stood when."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from hven.accounts.models import Owned, Role
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

    def site_at(self, moment: datetime | None = None) -> Site | None:
        """Return where it stood at a moment (by default where it stands last); None where nobody said."""
        stays = self.stays.select_related("site")
        if moment is not None:
            stays = stays.filter(Q(since__isnull=True) | Q(since__lte=moment))
        stay = stays.order_by(models.F("since").desc(nulls_last=True)).first()
        return stay.site if stay is not None else None


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
