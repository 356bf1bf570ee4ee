"""The API without an account: the key `anonymous`, where the operator lets visitors in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hven.archive.models import Submission
from tests.dialects.nova.conftest import Nova

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def visitor(transactional_db: None, settings: Any) -> Nova:
    settings.HVEN_VISITORS = True
    return Nova("anonymous")


def test_the_key_anonymous_is_no_key_by_default(nova: Nova) -> None:
    assert nova.call("login", apikey="anonymous")["errormessage"] == "bad apikey"


def test_a_visitors_frame_is_solved_and_anyone_sees_it(visitor: Nova, solver_folder: Path, wide_frame: Path) -> None:
    job = visitor.solve("wide.fits", wide_frame.read_bytes())
    assert visitor.get(f"jobs/{job}")["status"] == "success"
    assert visitor.file(f"annotated_display/{job}").status_code == 200
    assert Submission.objects.get().visibility == "public"


def test_a_visitor_who_asks_for_privacy_is_told_and_nothing_is_kept(visitor: Nova) -> None:
    answer = visitor.call("upload", file=("a.fits", b"SIMPLE"), publicly_visible="n")
    assert answer["status"] == "error"
    assert "sign in" in answer["errormessage"]
    assert not Submission.objects.exists()


def test_a_visitor_deletes_nothing(visitor: Nova) -> None:
    number = visitor.call("upload", file=("a.fits", b"SIMPLE"))["subid"]
    assert visitor.call(f"submissions/{number}/delete")["status"] == "error"
    assert Submission.objects.filter(pk=number).exists()


def test_visitors_limits_are_said_in_the_envelope(visitor: Nova, settings: Any) -> None:
    settings.HVEN_VISITOR_QUEUED = 1
    assert visitor.call("upload", file=("a.fits", b"SIMPLE"))["status"] == "success"
    answer = visitor.call("upload", file=("b.fits", b"SIMPLE"))
    assert answer["status"] == "error"
    assert "may wait at once" in answer["errormessage"]


def test_closing_the_door_ends_visitors_sessions_for_uploads(visitor: Nova, settings: Any) -> None:
    settings.HVEN_VISITORS = False
    assert visitor.call("upload", file=("a.fits", b"SIMPLE"))["status"] == "error"
    assert not Submission.objects.exists()
