"""Who may put files into a dataset: one statement says what the permission function says, and nothing of it is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Grant, Membership, Observatory, Role, User
from hven.archive.models import Dataset
from hven.archive.services.filling import check_fill, find_to_fill
from hven.errors import Forbidden, NotFound, Unauthenticated

pytestmark = pytest.mark.django_db


@pytest.fixture
def other() -> User:
    return accounts.create_user("other", "a long password")


def fills(actor: Actor, dataset: Dataset, place: Observatory | None = None) -> str:
    try:
        found = find_to_fill(actor, dataset.uuid, place)
    except (Forbidden, NotFound) as error:
        return type(error).__name__
    assert found == dataset and found.observatory == dataset.observatory
    check_fill(actor, found)
    return "yes"


def test_the_owner_fills_and_strangers_know_of_nothing(user: Any, other: User) -> None:
    dataset = Dataset.objects.create(owner=user, name="d")
    assert fills(Actor.of(user), dataset) == "yes"
    assert fills(Actor.of(other), dataset) == "NotFound"
    Dataset.objects.update(visibility="public")
    assert fills(Actor.of(other), dataset) == "Forbidden"
    with pytest.raises(NotFound):
        find_to_fill(Actor.of(user), uuid4())
    with pytest.raises(Unauthenticated):
        find_to_fill(Actor(), dataset.uuid)


def test_what_changes_between_two_files_counts_at_once(user: Any, other: User) -> None:
    place = Observatory.objects.create(name="Peak", slug="peak")
    dataset = Dataset.objects.create(owner=user, name="d", observatory=place)
    assert fills(Actor.of(other), dataset) == "NotFound"
    member = Membership.objects.create(user=other, observatory=place, role=Role.MEMBER)
    assert fills(Actor.of(other), dataset, place) == "yes"
    member.delete()
    assert fills(Actor.of(other), dataset, place) == "NotFound"
    grant = Grant.objects.create(record=dataset.uuid, record_kind="archive.dataset", level="see", user=other)
    assert fills(Actor.of(other), dataset) == "Forbidden"
    Grant.objects.update(level="change")
    assert fills(Actor.of(other), dataset) == "yes"
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert fills(Actor.of(other), dataset) == "NotFound"
    grant.delete()
    elsewhere = Observatory.objects.create(name="Valley", slug="valley")
    assert fills(Actor.of(user), dataset) == "yes" and fills(Actor.of(user), dataset, elsewhere) == "NotFound"


def test_a_grant_to_a_role_counts_for_those_who_have_it(user: Any, other: User) -> None:
    place = Observatory.objects.create(name="Peak", slug="peak")
    dataset = Dataset.objects.create(owner=user, name="d")
    Grant.objects.create(
        record=dataset.uuid, record_kind="archive.dataset", level="change", observatory=place, least_role=Role.ADMIN
    )
    member = Membership.objects.create(user=other, observatory=place, role=Role.MEMBER)
    assert fills(Actor.of(other), dataset) == "NotFound"
    Membership.objects.filter(pk=member.pk).update(role=Role.ADMIN)
    assert fills(Actor.of(other), dataset) == "yes"


def test_an_upload_key_fills_what_its_user_changes_within_its_observatory(user: Any, other: User) -> None:
    place = Observatory.objects.create(name="Peak", slug="peak")
    Membership.objects.create(user=user, observatory=place, role=Role.MEMBER)
    mine = Dataset.objects.create(owner=user, name="mine")
    there = Dataset.objects.create(owner=other, name="there", observatory=place)
    free = accounts.authenticate_secret(accounts.make_key(user, "upload").secret)
    bound = accounts.authenticate_secret(accounts.make_key(user, "upload", observatory=place).secret)
    assert fills(free, mine) == "yes" and fills(free, there) == "yes"
    assert fills(bound, mine) == "NotFound" and fills(bound, there) == "yes"
    Dataset.objects.filter(pk=mine.pk).update(visibility="public")
    assert fills(bound, mine) == "Forbidden"


def test_a_key_that_only_reads_fills_nothing(user: Any) -> None:
    dataset = Dataset.objects.create(owner=user, name="d")
    reader = Actor(user=user, scopes=frozenset({"read"}))
    assert fills(reader, dataset) == "Forbidden"
