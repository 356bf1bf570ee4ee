"""What is to be observed."""

from __future__ import annotations

from django.db import models

from hven.accounts.models import Owned


class Target(Owned):
    """Something to point a telescope at."""

    visitors_see = True

    class Kind(models.TextChoices):
        """What it is; some are known by a name, some by an identifier."""

        OBJECT = "AstronomicalObject"
        EXOPLANET = "Exoplanet"
        STANDARD_STAR = "StandardStar"
        PLANET = "SolarSystemPlanet"
        SMALL_BODY = "SmallBody"
        MICROLENSING = "Microlensing"
        TRANSIENT = "Transient"

    name = models.CharField(max_length=200, blank=True)
    identifier = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.OBJECT)
    mode = models.CharField(max_length=10, blank=True, help_text="manual: its place was given, not looked up")
    ra = models.FloatField(null=True, blank=True, help_text="degrees, ICRS")
    dec = models.FloatField(null=True, blank=True, help_text="degrees, ICRS")
    details = models.JSONField(default=dict, blank=True, help_text="what else was said of the object")
    colour = models.CharField(max_length=30, blank=True)
    notes = models.TextField(blank=True)
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "name"], name="target_by_owner")]

    def __str__(self) -> str:
        return self.name or self.identifier


class TargetList(Owned):
    """Targets in an order."""

    visitors_see = True

    name = models.CharField(max_length=200)
    about = models.TextField(blank=True)
    targets = models.ManyToManyField(Target, through="ListedTarget", related_name="lists")

    def __str__(self) -> str:
        return self.name


class ListedTarget(models.Model):
    """A target's place in a list."""

    list = models.ForeignKey(TargetList, on_delete=models.CASCADE, related_name="listed")
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="listed")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint("list", "target", name="a_target_once_a_list")]

    def __str__(self) -> str:
        return f"{self.list}: {self.target}"
