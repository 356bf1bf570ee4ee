"""The permission function: lists and single look-ups follow one rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone

from hven.accounts import services
from hven.accounts.access import Verb, check, find, may, visible
from hven.accounts.actor import ANYONE, Actor
from hven.accounts.models import Grant, Role
from hven.archive.models import Submission  # an owned record like any other
from hven.errors import Forbidden, NotFound, Unauthenticated

pytestmark = pytest.mark.django_db


@pytest.fixture
def note(user):
    return Submission.objects.create(owner=user)


def rights(actor, record):
    """The verbs allowed, asked of the list; checked against the single look-up."""
    listed = {verb for verb in Verb if visible(Submission.objects.all(), actor, verb).filter(pk=record.pk).exists()}
    assert listed == {verb for verb in Verb if may(actor, verb, record)}
    return {str(verb) for verb in listed}


ALL = {"see", "open", "change", "delete", "share"}


def test_owner_may_do_everything(user, note):
    assert rights(Actor.of(user), note) == ALL


def test_private_record_is_hidden_from_strangers_and_from_nobody_in_particular(note, other_user):
    assert rights(Actor.of(other_user), note) == set()
    assert rights(ANYONE, note) == set()
    assert rights(Actor(), note) == set()


def test_staff_have_no_special_rights(note):
    boss = services.create_user("boss", "tychonis-astronomiae", admin=True)
    assert rights(Actor.of(boss), note) == set()


def test_public_record_is_seen_and_opened_by_anyone_and_no_more(note, other_user, user):
    services.set_visibility(Actor.of(user), note, "public")
    assert rights(ANYONE, note) == {"see", "open"}
    assert rights(Actor.of(other_user), note) == {"see", "open"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.VISITOR, set()),
        (Role.MEMBER, ALL - {"share"}),
        (Role.ADMIN, ALL),
        (Role.OWNER, ALL),
    ],
)
def test_observatory_members_act_by_role(user, other_user, note, role, expected):
    place = services.create_observatory(user, "Stjerneborg")
    services.add_member(place, other_user, role)
    Submission.objects.filter(pk=note.pk).update(observatory=place)
    assert rights(Actor.of(other_user), note) == expected


def test_upload_key_sees_but_opens_nothing(user, note):
    secret = services.make_key(user, "upload").secret
    assert rights(services.authenticate_secret(secret), note) == {"see"}


def test_key_of_an_observatory_opens_that_observatory_only(user, note):
    place = services.create_observatory(user, "Stjerneborg")
    secret = services.make_key(user, "api", observatory=place).secret
    inside = Submission.objects.create(owner=user, observatory=place)
    actor = services.authenticate_secret(secret)
    assert rights(actor, note) == set()
    assert rights(actor, inside) == ALL


def test_grants_to_a_user_show_or_change_but_never_delete(user, other_user, note):
    services.grant_to(Actor.of(user), note, other_user)
    assert rights(Actor.of(other_user), note) == {"see", "open"}
    services.grant_to(Actor.of(user), note, other_user, Grant.Level.CHANGE)
    assert rights(Actor.of(other_user), note) == {"see", "open", "change"}


def test_grants_to_an_observatory_ask_for_the_role(user, other_user, note):
    place = services.create_observatory(user, "Stjerneborg")
    services.add_member(place, other_user, Role.VISITOR)
    services.grant_to(Actor.of(user), note, place, least_role=Role.MEMBER)
    assert rights(Actor.of(other_user), note) == set()
    services.grant_to(Actor.of(user), note, place)
    assert rights(Actor.of(other_user), note) == {"see", "open"}


def test_role_in_one_observatory_gives_nothing_in_another(user, other_user, note):
    here, there = services.create_observatory(user, "Here"), services.create_observatory(user, "There")
    services.add_member(here, other_user, Role.ADMIN)
    services.add_member(there, other_user, Role.VISITOR)
    services.grant_to(Actor.of(user), note, there, least_role=Role.ADMIN)
    assert rights(Actor.of(other_user), note) == set()


def test_link_shows_the_record_to_anyone_who_has_it_until_it_expires(user, note):
    link = services.grant_link(Actor.of(user), note)
    holder = services.link_actor(ANYONE, link.secret)
    assert rights(holder, note) == {"see", "open"}
    assert rights(services.link_actor(ANYONE, "0" * 40), note) == set()
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert rights(holder, note) == set()


def test_several_links_are_followed_one_after_the_other(user, note):
    other = Submission.objects.create(owner=user)
    holder = services.link_actor(ANYONE, services.grant_link(Actor.of(user), note).secret)
    holder = services.link_actor(holder, services.grant_link(Actor.of(user), other).secret)
    assert rights(holder, note) == rights(holder, other) == {"see", "open"}


def test_a_link_is_listed_and_found_until_it_is_taken_back(user, other_user, note):
    made = services.grant_link(Actor.of(user), note)
    services.grant_to(Actor.of(user), note, other_user)
    assert list(services.links_of(Actor.of(user), note)) == [made.grant]
    assert services.shared_by(made.secret) == made.grant
    assert services.shared_by("") is services.shared_by("0" * 40) is None
    with pytest.raises(Forbidden):
        services.links_of(Actor.of(other_user), note)
    services.revoke_grant(Actor.of(user), note, made.grant.uuid)
    assert services.shared_by(made.secret) is None
    assert rights(services.link_actor(ANYONE, made.secret), note) == set()


def test_an_empty_link_matches_no_grant_without_a_link(user, other_user, note):
    services.grant_to(Actor.of(user), note, other_user)
    assert rights(services.link_actor(ANYONE, ""), note) == set()
    assert rights(Actor(scopes=ANYONE.scopes, links=frozenset({""})), note) == set()


def test_a_record_comes_once_however_many_grants_it_has(user, other_user, note):
    for _ in range(3):
        services.grant_to(Actor.of(user), note, other_user)
    assert visible(Submission.objects.all(), Actor.of(other_user)).count() == 1


def test_look_up_hides_what_may_not_be_seen_and_refuses_what_may_not_be_done(user, other_user, note):
    with pytest.raises(NotFound):
        find(Submission.objects.all(), Actor.of(other_user), pk=note.pk)
    services.set_visibility(Actor.of(user), note, "public")
    assert find(Submission.objects.all(), Actor.of(other_user), uuid=note.uuid) == note
    with pytest.raises(Forbidden):
        find(Submission.objects.all(), Actor.of(other_user), Verb.DELETE, pk=note.pk)
    with pytest.raises(Unauthenticated):
        check(ANYONE, Verb.CHANGE, note)


def test_strangers_cannot_grant(user, other_user, note):
    with pytest.raises(Forbidden):
        services.grant_to(Actor.of(other_user), note, other_user)
    with pytest.raises(Unauthenticated):
        services.grant_link(ANYONE, note)


def test_owner_deletes_their_records_with_their_account(user, note):
    assert isinstance(Submission._meta.get_field("owner").remote_field.on_delete, type(models.CASCADE))
    assert get_user_model() is type(user)
