"""Submissions: who may hand over, and how one fails."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts import services as accounts
from hven.accounts.actor import ANYONE, Actor
from hven.archive import services as archive
from hven.archive.models import Submission
from hven.errors import Forbidden, Unauthenticated

pytestmark = pytest.mark.django_db


def test_a_submission_keeps_how_it_came(user: Any) -> None:
    archive.new_submission(Actor.of(user), origin="nova", name="../a.fits", arguments={"shoe_size": 43})
    kept = Submission.objects.get()
    assert (kept.owner, kept.name, kept.arguments, kept.visibility) == (user, "a.fits", {"shoe_size": 43}, "private")
    assert kept.started is kept.finished is None


def test_nobody_and_keys_that_may_only_read_hand_over_nothing(user: Any) -> None:
    reader = accounts.authenticate_secret(accounts.make_key(user, "personal", scopes=frozenset({"read"})).secret)
    with pytest.raises(Unauthenticated):
        archive.new_submission(ANYONE, origin="web")
    with pytest.raises(Forbidden):
        archive.new_submission(reader, origin="web")
    assert not Submission.objects.exists()


def test_a_failed_submission_has_begun_and_ended_and_says_why(user: Any) -> None:
    record = archive.new_submission(Actor.of(user), origin="nova", url="http://example.org/a.fits")
    archive.fail_submission(record, "The server has no such file.")
    kept = Submission.objects.get()
    assert kept.started == kept.finished is not None
    assert kept.error == "The server has no such file."
