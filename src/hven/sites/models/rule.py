"""What filing a frame starts: said of a telescope, or of a dataset, which then goes before its telescope."""

from __future__ import annotations

from django.db import models


class Rule(models.TextChoices):
    """What filing a frame of the sky starts."""

    NONE = "none", "nothing"
    SOLVE = "solve", "solve"
    PHOTOMETRY = "photometry", "solve and calibrate"
