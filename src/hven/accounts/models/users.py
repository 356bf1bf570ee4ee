"""Who there is: users, observatories, and the role that a user has in an observatory."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class User(AbstractUser):
    """A person or a program that signs in; ``id`` is an ever-growing integer, ``uuid`` the public id."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    quota_storage = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="bytes; 0 for no limit, empty for the server's setting"
    )
    quota_queued = models.PositiveIntegerField(
        null=True, blank=True, help_text="jobs; 0 for no limit, empty for the server's setting"
    )
    is_visitor = models.BooleanField(
        default=False, editable=False, help_text="the one account that stands for all who have none"
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(Lower("username"), name="username_whatever_the_case"),
            models.UniqueConstraint("is_visitor", name="one_visitor", condition=Q(is_visitor=True)),
        ]


class Observatory(models.Model):
    """An organisation with members."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(
        max_length=63, unique=True, help_text="its part of an address: small letters, digits, hyphens"
    )
    created = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="observatories")

    class Meta:
        verbose_name_plural = "observatories"

    def __str__(self) -> str:
        return self.name


class Role(models.IntegerChoices):
    """What a member may do, each with all that the lower ones may.

    A visitor sees what is shared with the whole observatory by a grant; a member sees and works on every record of
    the observatory; an admin also invites and keeps equipment; an owner also makes owners and closes it.
    """

    VISITOR = 10
    MEMBER = 20
    ADMIN = 30
    OWNER = 40


class Membership(models.Model):
    """A user's place in an observatory."""

    observatory = models.ForeignKey(Observatory, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.MEMBER)
    joined = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("observatory", "user", name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} in {self.observatory}: {Role(self.role).label}"
