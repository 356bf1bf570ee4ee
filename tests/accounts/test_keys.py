"""Access keys: shown once, kept as a digest, ended for good."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from hven.accounts import services
from hven.accounts.models import AccessKey
from hven.errors import Forbidden, Invalid, NotFound, Unauthenticated

pytestmark = pytest.mark.django_db


def test_secret_is_forty_lower_case_hexadecimal_digits_and_is_not_kept(user):
    made = services.make_key(user, "api", "laptop")
    assert re.fullmatch(r"[0-9a-f]{40}", made.secret)
    row = AccessKey.objects.filter(pk=made.key.pk).values().get()
    assert made.secret not in str(row)
    assert row["prefix"] == made.secret[:8]


def test_secret_opens_as_its_user_with_the_scopes_of_its_kind(user):
    actor = services.authenticate_secret(services.make_key(user, "upload").secret)
    assert actor.user == user
    assert actor.scopes == {"upload"}
    assert not actor.anonymous


@pytest.mark.parametrize("secret", ["", "0" * 40, "A" * 40, "x", "0" * 41, "0" * 39 + "\0", None, 7, "é" * 40])
def test_anything_else_opens_nothing(db, secret):
    with pytest.raises(Unauthenticated):
        services.authenticate_secret(secret)


def test_revoked_expired_and_inactive_open_nothing(user):
    made = services.make_key(user, "api")
    services.revoke_key(user, made.key.uuid)
    with pytest.raises(Unauthenticated):
        services.authenticate_secret(made.secret)

    old = services.make_key(user, "token", lifetime=timedelta(seconds=1))
    AccessKey.objects.filter(pk=old.key.pk).update(expires=timezone.now())
    with pytest.raises(Unauthenticated):
        services.authenticate_secret(old.secret)

    fine = services.make_key(user, "api")
    user.is_active = False
    user.save()
    with pytest.raises(Unauthenticated):
        services.authenticate_secret(fine.secret)


def test_last_use_is_noted_but_not_at_every_call(user, django_assert_num_queries):
    secret = services.make_key(user, "api").secret
    services.authenticate_secret(secret)
    assert AccessKey.objects.get().last_used is not None
    with django_assert_num_queries(1):
        services.authenticate_secret(secret)


def test_ten_tokens_stay_alive(user):
    secrets = [services.mint_token(user).secret for _ in range(12)]
    for secret in secrets[:2]:
        with pytest.raises(Unauthenticated):
            services.authenticate_secret(secret)
    for secret in secrets[2:]:
        assert services.authenticate_secret(secret).user == user


def test_scopes_never_exceed_the_kind(user):
    with pytest.raises(Invalid):
        services.make_key(user, "upload", scopes=frozenset({"read"}))
    with pytest.raises(Invalid):
        services.make_key(user, "api", scopes=frozenset())
    with pytest.raises(Invalid):
        services.make_key(user, "master")
    with pytest.raises(Invalid):
        services.make_key(user, "api", "n" * 101)


def test_key_of_an_observatory_ends_with_the_membership(user, other_user):
    place = services.create_observatory(user, "Stjerneborg")
    with pytest.raises(Forbidden):
        services.make_key(other_user, "api", observatory=place)
    services.add_member(place, other_user)
    secret = services.make_key(other_user, "api", observatory=place).secret
    assert services.authenticate_secret(secret).user == other_user
    other_user.memberships.all().delete()
    with pytest.raises(Unauthenticated):
        services.authenticate_secret(secret)


def test_key_is_revoked_by_uuid_or_by_first_digits_of_its_owner_only(user, other_user):
    made = services.make_key(user, "api")
    for name in (made.key.uuid, made.secret[:8]):
        with pytest.raises(NotFound):
            services.revoke_key(other_user, name)
    with pytest.raises(NotFound):
        services.revoke_key(user, made.secret[:4])
    with pytest.raises(NotFound):
        services.revoke_key(user, uuid4())
    services.revoke_key(user, made.secret[:8])
    assert not services.list_keys(user).exists()
