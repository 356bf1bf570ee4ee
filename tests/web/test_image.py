"""The page of a frame: what it says in each state, and what its owner does there."""

from __future__ import annotations

import json
import re

import pytest


def page_of(client, made) -> str:
    return client.get(made.path).content.decode()


def test_a_solved_frame_shows_its_figures(client_for, user, make_frame) -> None:
    page = page_of(client_for(user), make_frame(user))
    for words in (
        "05h36m00.00s −01°30′00.0″",
        "18.0000″/px",
        "20.00°",
        "up is 20.0° E of N",
        "−1",
        "33",
        "header",
        "42 sources",
    ):
        assert words in page
    said = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    assert said["cards"]["CRVAL1"] == 84.0
    assert said["overlays"].endswith("/overlays.json")


def test_a_waiting_frame_says_its_place_and_asks_again_by_itself(client_for, user, make_frame) -> None:
    made = make_frame(user, outcome="queued")
    client = client_for(user)
    page = page_of(client, made)
    assert "Next in turn" in page
    assert 'hx-trigger="every 1s"' in page
    assert "<html" not in client.get(f"{made.path}panel/").content.decode()


@pytest.mark.parametrize("outcome", ["no solution", "failed"])
def test_a_frame_without_a_solution_says_why_and_what_to_do(client_for, user, make_frame, outcome) -> None:
    page = page_of(client_for(user), make_frame(user, outcome=outcome))
    assert "Too few stars: 3 were detected." in page
    assert "Run again" in page
    assert 'hx-trigger="every 1s"' not in page
    assert "wcs.fits" not in page


def test_every_declared_key_is_in_the_form_and_reaches_the_run(client_for, user, make_frame) -> None:
    from hven.imaging.services.runs import SOLVE
    from hven.imaging.steps.registry import step

    made, client = make_frame(user), client_for(user)
    page = page_of(client, made)
    for key in (key for name in SOLVE for key in step(name).keys):
        assert f'name="{key.name}"' in page
    form = {"scale_low": "10", "scale_high": "20", "use_header": "false", "stretch": "log", "bright_limit": "5"}
    answer = client.post(f"{made.path}rerun/", form)
    run = made.reduction.runs.order_by("-id").first()
    assert answer.headers["Location"] == f"{made.path}?run={run.pk}"
    assert run.config == {
        "scale_low": 10.0,
        "scale_high": 20.0,
        "use_header": False,
        "stretch": "log",
        "bright_limit": 5,
    }


def test_a_wrong_hint_is_said_at_the_form_with_what_was_typed(client_for, user, make_frame) -> None:
    made = make_frame(user)
    answer = client_for(user).post(f"{made.path}rerun/", {"scale_low": "12,5"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "scale_low takes a number" in page
    assert 'value="12,5"' in page
    assert made.reduction.runs.count() == 1


def test_an_owner_shares_and_takes_back(client_for, anyone, user, make_frame) -> None:
    made, client = make_frame(user), client_for(user)
    client.post(f"{made.path}visibility/", {"visibility": "public"})
    assert anyone.get(made.path).status_code == 200
    made.reduction.data_file.refresh_from_db()
    assert made.reduction.data_file.visibility == "public"
    client.post(f"{made.path}visibility/", {"visibility": "private"})
    assert anyone.get(made.path).status_code == 404
    assert client.post(f"{made.path}visibility/", {"visibility": "x"}).status_code == 400


def test_visitors_of_a_public_frame_see_no_tools_of_its_owner(anyone, user, make_frame) -> None:
    page = anyone.get(make_frame(user, visibility="public").path).content.decode()
    for words in ("Delete", "Make private", "Run again", 'id="rerun"'):
        assert words not in page


def test_deleting_stops_what_runs(client_for, user, make_frame) -> None:
    from hven.archive.models import DataFile

    made = make_frame(user, outcome="queued")
    client_for(user).post(f"{made.path}delete/")
    made.run.job.refresh_from_db()
    assert made.run.job.state == "cancelled"
    assert not DataFile.objects.exists()
