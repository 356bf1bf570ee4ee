"""Sign-in attempts, for the throttle, and the one-time link of the first start."""

from __future__ import annotations

from django.db import models


class SignInAttempt(models.Model):
    """One attempt that failed or is under way. Names are kept as digests: people type passwords into name fields."""

    name_digest = models.CharField(max_length=64)
    address = models.CharField(max_length=45, help_text="of the client; of an IPv6 address its /64 network")
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [
            models.Index("name_digest", "at", name="attempt_by_name"),
            models.Index("address", "at", name="attempt_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} at {self.at}"


class SetupLink(models.Model):
    """The right to make the first administrator; it ends when it is used, when it is old, or when there is one."""

    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.expires}"
