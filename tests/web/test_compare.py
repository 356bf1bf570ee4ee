"""Two solutions beside each other."""

from __future__ import annotations

import pytest

from hven.imaging.models import Run, Solution

from .conftest import CARDS


def another(made, **changed):
    """Give a frame a second run whose solution differs."""
    run = Run.objects.create(reduction=made.reduction, steps=["solve"], outcome="done")
    old = made.run.solution
    values = {
        field.name: getattr(old, field.name)
        for field in Solution._meta.fields
        if field.name not in {"id", "uuid", "run"}
    }
    Solution.objects.create(run=run, **{**values, **changed})
    return run


def page(client, a, b) -> str:
    answer = client.get(f"/compare/?a={a.pk}&b={b.pk}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_two_solutions_of_a_frame_are_said_to_agree(client_for, user, make_frame) -> None:
    made = make_frame(user)
    moved = another(made, wcs_cards={**CARDS, "CRPIX1": CARDS["CRPIX1"] + 0.3}, stars_matched=40)
    said = page(client_for(user), made.run, moved)
    assert "These agree to 0.3 px over the frame" in said
    assert "+7" in said
    assert "the same" in said


def test_solutions_at_different_places_do_not_agree(client_for, user, make_frame) -> None:
    made = make_frame(user)
    far = another(made, ra=10.0, dec=41.0, wcs_cards={**CARDS, "CRVAL1": 10.0, "CRVAL2": 41.0}, parity=1)
    said = page(client_for(user), made.run, far)
    assert "These do not agree" in said
    assert "mirrored" in said


def test_different_frames_are_compared_by_the_sky_they_share(client_for, user, make_frame) -> None:
    a, b = make_frame(user), make_frame(user)
    assert "all of the first lies on the second" in page(client_for(user), a.run, b.run)


def test_what_one_may_not_see_is_not_compared(anyone, client_for, user, other_user, make_frame) -> None:
    mine, theirs = make_frame(user), make_frame(other_user)
    for address in (f"/compare/?a={mine.run.pk}&b={theirs.run.pk}", f"/compare/?a={theirs.run.pk}&b={mine.run.pk}"):
        assert client_for(user).get(address).status_code == 404
        assert anyone.get(address).status_code == 404


@pytest.mark.parametrize("query", ["", "a=1", "a=x&b=y", "a=-1&b=2", f"a={'9' * 30}&b=1"])
def test_addresses_that_make_no_sense_are_refused(client_for, user, query) -> None:
    assert client_for(user).get(f"/compare/?{query}").status_code in {400, 404}


def test_a_run_without_a_solution_is_said_to_have_none(client_for, user, make_frame) -> None:
    made, failed = make_frame(user), make_frame(user, outcome="failed")
    answer = client_for(user).get(f"/compare/?a={made.run.pk}&b={failed.run.pk}")
    assert answer.status_code == 400
    assert "has no solution" in answer.content.decode()


def test_the_runs_of_a_frame_lead_there(client_for, user, make_frame) -> None:
    made = make_frame(user)
    other = another(made)
    assert f"/compare/?a={made.run.pk}&amp;b={other.pk}" in client_for(user).get(made.path).content.decode()
