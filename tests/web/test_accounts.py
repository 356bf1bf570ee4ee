"""Signing in and out, the first set-up, sign-up, passwords, keys."""

from __future__ import annotations

import re

import pytest


def test_a_user_signs_in_and_comes_where_they_wanted(anyone, user, password) -> None:
    answer = anyone.post("/sign-in/", {"username": "tycho", "password": password, "next": "/queue/"})
    assert answer.headers["Location"] == "/queue/"
    assert anyone.get("/queue/").status_code == 200


@pytest.mark.parametrize("wanted", ["https://example.org/", "//example.org/", "javascript:alert(1)", "/sign-in/"])
def test_signing_in_leads_to_no_other_site(anyone, user, password, wanted) -> None:
    answer = anyone.post("/sign-in/", {"username": "tycho", "password": password, "next": wanted})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(anyone, user) -> None:
    answer = anyone.post("/sign-in/", {"username": "tycho", "password": "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "do not belong together" in page
    assert 'value="tycho"' in page
    assert "wrong" not in page.replace("wrong-", "")


def test_many_wrong_passwords_are_throttled_with_a_time(anyone, user, password) -> None:
    for _ in range(100):
        answer = anyone.post("/sign-in/", {"username": "tycho", "password": "wrong"})
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Too many attempts" in answer.content.decode()
    assert anyone.post("/sign-in/", {"username": "tycho", "password": password}).status_code == 429


def test_signing_out_takes_a_post(client_for, user) -> None:
    client = client_for(user)
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/queue/").status_code == 302


def test_the_set_up_link_makes_the_first_administrator_once(anyone, db, password) -> None:
    from hven.accounts.services.setup import make_setup_secret

    secret = make_setup_secret()
    assert anyone.get(f"/setup/{secret}/").status_code == 200
    form = {"username": "tycho", "password": password, "again": "other"}
    assert "differ" in anyone.post(f"/setup/{secret}/", form).content.decode()
    assert anyone.post(f"/setup/{secret}/", form | {"again": password}).headers["Location"] == "/upload/"
    assert anyone.get("/upload/").status_code == 200
    assert anyone.get(f"/setup/{secret}/").status_code == 404


def test_a_wrong_set_up_link_makes_nobody(anyone, db, password) -> None:
    from hven.accounts.models import User

    form = {"username": "tycho", "password": password, "again": password}
    assert anyone.post(f"/setup/{'0' * 40}/", form).status_code == 403
    assert not User.objects.exists()


def test_sign_up_is_there_only_where_the_operator_allows_it(anyone, user, password, settings) -> None:
    form = {"username": "kirsten", "password": password, "again": password}
    assert anyone.post("/sign-up/", form).status_code == 404
    assert "/sign-up/" not in anyone.get("/sign-in/").content.decode()
    settings.HVEN_SIGNUP = True
    assert "/sign-up/" in anyone.get("/sign-in/").content.decode()
    assert anyone.post("/sign-up/", form | {"username": "TYCHO"}).status_code == 409
    assert anyone.post("/sign-up/", form).headers["Location"] == "/upload/"


def test_a_password_is_changed_with_the_old_one_and_this_session_stays(client_for, user, password) -> None:
    client = client_for(user)
    form = {"current": "wrong", "password": "stjerneborg-1584", "again": "stjerneborg-1584"}
    assert client.post("/password/", form).status_code == 400
    assert (
        client.post("/password/", form | {"current": password, "password": "short", "again": "short"}).status_code
        == 400
    )
    assert client.post("/password/", form | {"current": password}).status_code == 302
    assert client.get("/queue/").status_code == 200
    user.refresh_from_db()
    assert user.check_password("stjerneborg-1584")


def test_a_key_is_shown_once_works_and_can_be_revoked(client_for, user, other_user) -> None:
    from hven.accounts import services as accounts
    from hven.errors import Unauthenticated

    client = client_for(user)
    page = client.post("/keys/", {"name": "dome", "kind": "upload"}).content.decode()
    secret = re.search(r'id="secret">([0-9a-f]+)<', page)[1]
    actor = accounts.authenticate_secret(secret)
    assert actor.user == user
    assert actor.scopes == {"upload"}
    assert secret not in client.get("/keys/").content.decode()
    assert client_for(other_user).post(f"/keys/{actor.key.uuid}/revoke/").status_code == 404
    client.post(f"/keys/{actor.key.uuid}/revoke/")
    with pytest.raises(Unauthenticated):
        accounts.authenticate_secret(secret)


@pytest.mark.parametrize("form", [{"kind": "session"}, {"kind": ""}, {"kind": "api", "name": "n" * 101}])
def test_keys_that_make_no_sense_are_refused_with_a_sentence(client_for, user, form) -> None:
    answer = client_for(user).post("/keys/", form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
