"""Who gets what: every page, tile, value and file, for its owner, a stranger and nobody."""

from __future__ import annotations

from uuid import uuid4

import pytest

HTML = {"HTTP_ACCEPT": "text/html"}


def addresses(made) -> list[str]:
    """Everything of a frame that can be fetched."""
    run = f"{made.path}runs/{made.run.pk}/"
    return [
        made.path,
        f"{made.path}panel/",
        f"{made.path}picture.json",
        f"{made.path}value.json?x=10&y=20",
        f"{made.path}tiles/0/0_0.jpg",
        f"{made.path}thumbnail.jpg",
        f"{made.path}original",
        f"{run}overlays.json",
        f"{run}solved.fits",
        f"{run}wcs.fits",
        f"{run}axy.fits",
    ]


def statuses(client, made) -> set[int]:
    return {client.get(address).status_code for address in addresses(made)}


def test_the_owner_gets_everything(client_for, user, make_frame) -> None:
    assert statuses(client_for(user), make_frame(user)) == {200}


def test_a_stranger_gets_nothing_of_a_private_frame_and_does_not_learn_that_it_is_there(
    client_for, user, other_user, make_frame
) -> None:
    assert statuses(client_for(other_user), make_frame(user)) == {404}


def test_nobody_gets_nothing_of_a_private_frame(anyone, user, make_frame) -> None:
    assert statuses(anyone, make_frame(user)) == {404}


def test_anybody_gets_everything_of_a_public_frame(anyone, user, make_frame) -> None:
    assert statuses(anyone, make_frame(user, visibility="public")) == {200}


@pytest.mark.parametrize("name", ["rerun", "visibility", "delete"])
def test_only_those_who_may_change_a_public_frame_can(client_for, user, other_user, make_frame, name) -> None:
    made = make_frame(user, visibility="public")
    answer = client_for(other_user).post(f"{made.path}{name}/", {"visibility": "private"})
    assert answer.status_code == 403
    assert client_for(user).get(made.path).status_code == 200


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_runs_of_others_can_be_neither_cancelled_nor_repeated(client_for, user, other_user, make_frame, verb) -> None:
    made = make_frame(user, outcome="queued")
    assert client_for(other_user).post(f"/runs/{made.run.uuid}/{verb}/").status_code == 404
    made.run.job.refresh_from_db()
    assert made.run.job.state == "queued"
    assert made.reduction.runs.count() == 1


@pytest.mark.parametrize("path", ["/", "/frames/", "/upload/", "/queue/", "/keys/", "/password/"])
def test_pages_of_ones_own_send_a_visitor_to_sign_in_and_back(anyone, path) -> None:
    answer = anyone.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/sign-in/?next={path}"


def test_a_private_page_does_not_tell_a_visitor_from_a_missing_one(anyone, user, make_frame) -> None:
    private, missing = anyone.get(make_frame(user).path, **HTML), anyone.get(f"/frames/{uuid4()}/", **HTML)
    assert private.status_code == missing.status_code == 404


def test_a_run_of_another_frame_is_not_served_under_this_one(client_for, user, make_frame) -> None:
    one, two = make_frame(user), make_frame(user)
    client = client_for(user)
    assert client.get(f"{one.path}?run={two.run.pk}").status_code == 404
    assert client.get(f"{one.path}runs/{two.run.pk}/wcs.fits").status_code == 404


@pytest.mark.parametrize("run", ["x", "-1", "²", "9" * 40, "0"])
def test_a_run_that_makes_no_sense_is_not_there(client_for, user, make_frame, run) -> None:
    assert client_for(user).get(f"{make_frame(user).path}?run={run}").status_code == 404


def test_lists_show_only_what_one_may_see(client_for, user, other_user, make_frame) -> None:
    make_frame(user, name="mine.fits")
    make_frame(other_user, name="hers.fits")
    make_frame(other_user, name="shown.fits", visibility="public")
    client = client_for(user)
    mine, everything = client.get("/frames/").content.decode(), client.get("/frames/?whose=all").content.decode()
    assert "mine.fits" in mine
    assert "shown.fits" not in mine
    assert "shown.fits" in everything
    assert "hers.fits" not in mine + everything + client.get("/queue/").content.decode()


def test_rows_of_the_tray_tell_nothing_of_others(client_for, user, other_user, make_frame) -> None:
    uuid = make_frame(user).reduction.submission.uuid
    address = f"/uploads/rows.json?submissions={uuid}"
    assert [row["name"] for row in client_for(user).get(address).json()["rows"]] == ["stjerneborg.fits"]
    assert client_for(other_user).get(address).json() == {"rows": []}


@pytest.mark.parametrize("path", ["/uploads/", "/uploads/call.json", "/sign-out/", "/keys/", "/password/", "/sign-in/"])
def test_what_changes_something_needs_the_token_of_this_site(user, path) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(path, {"username": "a", "password": "b"}).status_code == 403


def test_signed_addresses_serve_bytes_and_forged_ones_do_not(anyone, db) -> None:
    from datetime import timedelta

    from hven.storage import services as storage
    from hven.storage.signing import sign_get

    address = sign_get(storage.put(b"bytes"), "a.txt", ttl=timedelta(minutes=1))
    answer = anyone.get(address)
    assert b"".join(answer.streaming_content) == b"bytes"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert anyone.get(address[:-2]).status_code == 403
    old = sign_get(storage.put(b"bytes"), "a.txt", ttl=timedelta(seconds=-1))
    assert anyone.get(old).status_code == 403
