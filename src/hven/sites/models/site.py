"""Places from which the sky is observed."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Owned, Role
from hven.science.sky.almanac import Place


class Site(Owned):
    """A place on the ground; east longitudes are positive."""

    change_role = Role.ADMIN
    visitors_see = True

    name = models.CharField(max_length=200)
    longitude_deg = models.FloatField(null=True, blank=True, help_text="degrees, east positive")
    latitude_deg = models.FloatField(null=True, blank=True, help_text="degrees, north positive")
    height_m = models.FloatField(null=True, blank=True, help_text="metres above the ellipsoid")
    horizon = models.JSONField(
        default=list, blank=True, help_text="[azimuth, altitude] in degrees, from north by east: what hides the sky"
    )
    about = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="site_by_owner")]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> Place:
        """Where it is, for the almanac; only of a site that `is_placed`."""
        return Place(self.longitude_deg or 0.0, self.latitude_deg or 0.0, self.height_m or 0.0)

    @property
    def is_placed(self) -> bool:
        """Whether it is known where it is."""
        return self.longitude_deg is not None and self.latitude_deg is not None
