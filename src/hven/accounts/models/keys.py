"""Access keys: what a program shows instead of a password. Only a digest of the secret is kept."""

from __future__ import annotations

import uuid

from django.db import models

from hven.accounts.models.users import Observatory, User


class AccessKey(models.Model):
    """One key; it works in every dialect within its scopes."""

    class Kind(models.TextChoices):
        """What a key is for; the scopes follow from it unless they are given."""

        API = "api"
        UPLOAD = "upload"
        PERSONAL = "personal"
        TOKEN = "token"  # noqa: S105 - the name of a kind
        SESSION = "session"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_keys")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(
        max_length=8, help_text="the first digits of the secret, by which a person knows it again"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="sha256 of the secret")
    scopes = models.JSONField(default=list)
    observatory = models.ForeignKey(
        Observatory, null=True, blank=True, on_delete=models.CASCADE, related_name="access_keys",
        help_text="set: the key opens this observatory's records only",
    )  # fmt: skip
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children",
        help_text="the key that this session was opened with, and with which it ends",
    )  # fmt: skip
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index("user", "kind", "created", name="key_by_user"),
            models.Index("expires", name="key_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.kind}, {self.user})"
