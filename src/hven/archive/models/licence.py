"""What others may do with a file, as its owner says."""

from __future__ import annotations

from django.db import models


class CommercialUse(models.TextChoices):
    """Whether a file may be used commercially."""

    DEFAULT = "", "as the server's default says"
    YES = "yes", "allowed"
    NO = "no", "not allowed"


class Modifications(models.TextChoices):
    """Whether changed copies of a file may be passed on."""

    DEFAULT = "", "as the server's default says"
    YES = "yes", "allowed"
    NO = "no", "not allowed"
    SHARE_ALIKE = "share alike", "allowed under the same terms"


class Licensed(models.Model):
    """A record that says what others may do with its file."""

    commercial_use = models.CharField(max_length=3, blank=True, choices=CommercialUse.choices, default="")
    modifications = models.CharField(max_length=11, blank=True, choices=Modifications.choices, default="")

    class Meta:
        abstract = True
