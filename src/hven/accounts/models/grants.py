"""Grants: who besides the owner may see or change one record."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from hven.accounts.models.users import Observatory, Role, User


class Grant(models.Model):
    """One permission on one record (named by its uuid), for a user, an observatory's members, or holders of a link."""

    class Level(models.TextChoices):
        """How far the permission goes."""

        SEE = "see"
        CHANGE = "change"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    record = models.UUIDField(db_index=True)
    record_kind = models.CharField(max_length=100, help_text="app_label.model of the record")
    level = models.CharField(max_length=6, choices=Level.choices, default=Level.SEE)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    observatory = models.ForeignKey(Observatory, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    least_role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.VISITOR)
    link_digest = models.CharField(max_length=64, blank=True, db_index=True, help_text="sha256 of the link's secret")
    expires = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="grant_has_one_receiver",
                condition=(
                    Q(user__isnull=False, observatory__isnull=True, link_digest="")
                    | Q(user__isnull=True, observatory__isnull=False, link_digest="")
                    | (Q(user__isnull=True, observatory__isnull=True) & ~Q(link_digest=""))
                ),
            ),
            # A link may be passed on to anyone, so it never lets its holder change a record.
            models.CheckConstraint(name="links_only_show", condition=Q(link_digest="") | Q(level="see")),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.record_kind} {self.record}"
