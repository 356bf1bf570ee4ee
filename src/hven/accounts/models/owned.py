"""The base of every record that somebody owns."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from hven.accounts.models.users import Observatory, Role, User


class Visibility(models.TextChoices):
    """Who sees a record apart from its owner, its observatory and those it was granted to."""

    PRIVATE = "private"
    PUBLIC = "public"


class Owned(models.Model):
    """A record with an owner; ``hven.accounts.access`` decides who may do what with it."""

    filed_in: ClassVar[str] = ""  # relation to the record whose links open this one too; empty where there is none
    change_role: ClassVar[int] = Role.MEMBER  # the least role in its observatory that changes and deletes it
    visitors_see: ClassVar[bool] = False  # whether visitors of its observatory see it, too
    visitors_change: ClassVar[bool] = False  # and change it
    overseen: ClassVar[bool] = False  # whether staff and holders of a permission work on everybody's

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    observatory = models.ForeignKey(Observatory, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    visibility = models.CharField(max_length=10, choices=Visibility.choices, default=Visibility.PRIVATE)
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
