"""A frame's place in the sky, as it was measured."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.db import models
from django.db.models import Q

from hven.archive.services.places import note_solution
from hven.imaging.models.reduction import Reduction
from hven.imaging.models.run import Run
from hven.science.sky.discs import disc
from hven.science.sky.wcs import Wcs


class Solution(models.Model):
    """The verified projection of one run. Angles in degrees, ICRS."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="solution")
    ra = models.FloatField(help_text="of the frame's centre")
    dec = models.FloatField(help_text="of the frame's centre")
    scale_arcsec = models.FloatField(help_text="arcseconds per pixel at the centre")
    orientation_deg = models.FloatField(help_text="east of north, of rising rows")
    parity = models.SmallIntegerField(help_text="sign of det(CD)")
    width = models.PositiveIntegerField(help_text="pixels")
    height = models.PositiveIntegerField(help_text="pixels")
    radius_deg = models.FloatField(help_text="half the diagonal")
    stars_matched = models.PositiveIntegerField()
    rms_arcsec = models.FloatField()
    log_odds = models.FloatField()
    rung = models.CharField(max_length=100, help_text="which step of the ladder found it")
    seconds = models.FloatField(help_text="that the search took")
    catalogue = models.CharField(max_length=100, help_text="of the reference stars")
    epoch = models.FloatField(null=True, blank=True, help_text="Julian year of the reference positions")
    wcs_cards = models.JSONField(help_text="the whole projection as FITS cards")

    # Where the frame's circle lies, for searches: its centre as a unit vector, its radius, its cell of the sky.
    x = models.FloatField(editable=False)
    y = models.FloatField(editable=False)
    z = models.FloatField(editable=False)
    cos_radius = models.FloatField(editable=False)
    sin_radius = models.FloatField(editable=False)
    cell = models.BigIntegerField(editable=False)

    class Meta:
        # All that a search by position compares, so that it reads the index alone.
        indexes = [models.Index("cell", "x", "y", "z", "cos_radius", "sin_radius", "radius_deg", name="solution_place")]

    def __str__(self) -> str:
        return f"{self.ra:.4f} {self.dec:+.4f}, {self.scale_arcsec:.3f} arcsec/px"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the place for searches in step; a new one becomes its reduction's, unless a later run has one."""
        new = self._state.adding
        for name, value in asdict(disc(self.ra, self.dec, self.radius_deg)).items():
            setattr(self, name, value)
        super().save(*args, **kwargs)
        if new:
            older = Q(solution__isnull=True) | Q(solution__run__lt=self.run_id)
            if Reduction.objects.filter(older, runs=self.run_id).update(solution=self):
                data_file_id = self.run.reduction.data_file_id
                if data_file_id is not None:
                    note_solution(data_file_id, self.ra, self.dec, self.radius_deg)

    @staticmethod
    def placed(wcs: Wcs) -> dict[str, Any]:
        """Return the columns that a projection fills in."""
        ra, dec = wcs.centre
        return {
            "ra": ra,
            "dec": dec,
            "scale_arcsec": wcs.scale_arcsec,
            "orientation_deg": wcs.orientation_deg,
            "parity": wcs.parity,
            "width": wcs.width,
            "height": wcs.height,
            "radius_deg": wcs.radius_deg,
            "wcs_cards": wcs.to_cards(),
        }

    @property
    def wcs(self) -> Wcs:
        """The projection."""
        wcs = Wcs.from_cards(self.wcs_cards, self.width, self.height)
        if wcs is None:
            raise ValueError(f"solution {self.pk} holds no projection")
        return wcs
