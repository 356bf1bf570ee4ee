"""Users, the first start, sign-in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from hven.accounts import services
from hven.accounts.models import AccessKey, SetupLink, SignInAttempt, User
from hven.errors import Conflict, Forbidden, Invalid, Throttled, Unauthenticated

pytestmark = pytest.mark.django_db
GOOD = "stella-nova-1572"


@pytest.mark.parametrize("name", ["", "  ", "a b", "x" * 151, "a\0b", "<script>"])
def test_names_that_do_not_do_are_refused(name):
    with pytest.raises(Invalid):
        services.create_user(name, GOOD)


@pytest.mark.parametrize("password", ["short", "1234567890", "password123", "tycho.brahe"])
def test_weak_passwords_are_refused_with_a_reason(password):
    with pytest.raises(Invalid, match=r"\w+ \w+"):
        services.create_user("tycho.brahe", password)
    assert not User.objects.exists()


def test_a_name_is_taken_in_whatever_case(user):
    with pytest.raises(Conflict):
        services.create_user("TYCHO", GOOD)


def test_user_without_a_password_cannot_sign_in():
    services.create_user("robot")
    with pytest.raises(Unauthenticated):
        services.sign_in("robot", "", "127.0.0.1")


def test_a_changed_password_ends_nova_sessions_and_wants_the_current_one(user, password):
    services.make_key(user, "session")
    with pytest.raises(Invalid):
        services.change_password(user, GOOD, current="wrong")
    services.change_password(user, GOOD, current=password)
    assert not AccessKey.objects.filter(kind="session").exists()
    assert services.sign_in("tycho", GOOD, "127.0.0.1") == user


def test_sign_up_is_off_by_default(settings):
    with pytest.raises(Forbidden):
        services.sign_up("visitor", GOOD)
    settings.HVEN_SIGNUP = True
    assert services.sign_up("visitor", GOOD).username == "visitor"


def test_an_observatory_keeps_an_owner(user, other_user):
    place = services.create_observatory(user, "Stjerneborg")
    with pytest.raises(Conflict):
        services.add_member(place, user, 20)
    services.add_member(place, other_user, 40)
    services.add_member(place, user, 20)
    with pytest.raises(Conflict):
        services.create_observatory(user, "stjerneborg")
    with pytest.raises(Invalid):
        services.create_observatory(user, "///")


def test_five_wrong_guesses_close_the_door_even_to_the_right_password(user, password):
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            services.sign_in("tycho", "wrong", "10.1.1.1")
    with pytest.raises(Throttled) as caught:
        services.sign_in("TYCHO ", password, "10.1.1.1")
    assert 0 < caught.value.retry_after_s <= 900
    # from elsewhere the user gets in: strangers cannot lock somebody out
    assert services.sign_in("tycho", password, "10.1.1.2") == user


def test_the_door_opens_again_when_the_window_is_over(user, password):
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            services.sign_in("tycho", "wrong", "10.1.1.1")
    SignInAttempt.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert services.sign_in("tycho", password, "10.1.1.1") == user


def test_one_address_cannot_try_many_names():
    for number in range(30):
        with pytest.raises(Unauthenticated):
            services.sign_in(f"user{number}", "wrong", "2001:db8::1")
    with pytest.raises(Throttled):
        services.sign_in("another", "wrong", "2001:db8::ffff")  # the same household


def test_names_are_not_kept_in_clear():
    with pytest.raises(Unauthenticated):
        services.sign_in("my secret password", "x", "not an address")
    assert "secret" not in str(SignInAttempt.objects.values().get())


def test_first_run_makes_a_link_that_works_once(settings):
    secret = services.first_run()
    assert secret is not None
    with pytest.raises(Invalid):
        services.complete_setup(secret, "boss", "short")
    boss = services.complete_setup(secret, "boss", GOOD)
    assert boss.is_superuser
    assert boss.is_staff
    with pytest.raises(Forbidden):
        services.complete_setup(secret, "thief", GOOD)
    assert services.first_run() is None
    assert not services.setup_open()


def test_an_old_or_wrong_set_up_link_opens_nothing():
    secret = services.make_setup_secret()
    newer = services.make_setup_secret()
    for wrong in (secret, "0" * 40, "", "%00"):
        with pytest.raises(Forbidden):
            services.complete_setup(wrong, "thief", GOOD)
    SetupLink.objects.update(expires=timezone.now())
    with pytest.raises(Forbidden):
        services.complete_setup(newer, "late", GOOD)


def test_first_run_takes_the_administrator_from_the_settings(settings):
    settings.HVEN_ADMIN_USER, settings.HVEN_ADMIN_PASSWORD = "boss", GOOD
    assert services.first_run() is None
    assert services.sign_in("boss", GOOD, "::1").is_superuser
    settings.HVEN_ADMIN_PASSWORD = "another-one-1234"
    assert services.first_run() is None
    assert services.sign_in("boss", GOOD, "::1").is_superuser


def test_half_an_administrator_is_an_error(settings):
    settings.HVEN_ADMIN_USER = "boss"
    with pytest.raises(Invalid):
        services.first_run()
