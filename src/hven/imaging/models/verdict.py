"""What people say of candidates."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hven.imaging.models.reduction import Reduction


class Verdict(models.Model):
    """Somebody's word on one candidate of a reduction: it is real, or it is not. Candidates without one are open."""

    class Word(models.TextChoices):
        """What was said."""

        ACCEPTED = "accepted"
        REJECTED = "rejected"

    reduction = models.ForeignKey(Reduction, on_delete=models.CASCADE, related_name="verdicts")
    found_by = models.CharField(max_length=20, help_text="the step that found it: transients or subtraction")
    name = models.CharField(max_length=100, help_text="of its cutout, made of its position")
    word = models.CharField(max_length=8, choices=Word.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint("reduction", "found_by", "name", name="one_verdict_each")]

    def __str__(self) -> str:
        return f"{self.name}: {self.word}"
