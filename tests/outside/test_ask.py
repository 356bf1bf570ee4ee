"""Asking services: switched off, absent, slow or wrong, each is one sentence; one that failed is left alone."""

from __future__ import annotations

import socket

import pytest
from tests.services import serving

from hven.errors import Invalid, NotFound, Unavailable
from hven.outside.ask import REST_S, Asking, ask, ask_into, resting, with_query


@pytest.fixture(autouse=True)
def _rested():
    resting.clear()
    yield
    resting.clear()


@pytest.fixture
def service():
    with serving({"/good": b"answer", "/busy": 503, "/gone": 404, "/large": b"x" * 5000}) as found:
        yield found


def asking(service, **more):
    return Asking(trusted=service.url, time_limit_s=5.0, **more)


def test_an_answer_comes_as_it_is(service):
    assert ask("It", with_query(f"{service.url}/good", {"a": "b c", "d": 1}), asking(service)) == b"answer"
    assert service.asked == [("/good", {"a": "b c", "d": "1"})]


def test_a_switched_off_service_is_not_asked(service):
    with pytest.raises(Unavailable, match="HVEN_OUTSIDE"):
        ask("It", f"{service.url}/good", asking(service, allowed=False))
    assert service.asked == []


def test_a_private_server_that_nobody_named_is_not_asked(service):
    with pytest.raises(Unavailable, match="It was not asked"):
        ask("It", f"{service.url}/good", Asking())
    with pytest.raises(Unavailable):
        ask("It", f"{service.url}/good", Asking(trusted="http://127.0.0.1:1/"))
    assert service.asked == []


def test_statuses_are_sentences_about_the_service(service):
    with pytest.raises(NotFound, match="It has nothing there"):
        ask("It", f"{service.url}/gone", asking(service))
    with pytest.raises(Invalid, match="It gave no answer"):
        ask("It", f"{service.url}/large", asking(service), limit=1000)
    with pytest.raises(Unavailable, match="It cannot be reached"):
        ask("It", f"{service.url}/busy", asking(service))


def test_one_that_failed_is_left_alone_for_a_minute(service):
    now = [1000.0]
    how = asking(service, clock=lambda: now[0])
    with pytest.raises(Unavailable):
        ask("It", f"{service.url}/busy", how)
    with pytest.raises(Unavailable, match="left alone"):
        ask("It", f"{service.url}/good", how)
    assert len(service.asked) == 1
    now[0] += REST_S + 1
    assert ask("It", f"{service.url}/good", how) == b"answer"


def test_a_thing_that_is_not_there_does_not_make_the_server_rest(service):
    with pytest.raises(NotFound):
        ask("It", f"{service.url}/gone", asking(service))
    assert ask("It", f"{service.url}/good", asking(service)) == b"answer"


def test_without_a_network_it_is_unavailable():
    with pytest.raises(Unavailable, match="It cannot be reached"):
        ask("It", "https://vizier.example.invalid/x", Asking(time_limit_s=5.0))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unavailable, match="It cannot be reached"):
        ask("It", f"{url}/x", Asking(trusted=url, time_limit_s=5.0))


def test_a_failed_file_is_not_left_behind(service, tmp_path):
    with pytest.raises(NotFound):
        ask_into("It", f"{service.url}/gone", tmp_path / "file", asking(service))
    assert list(tmp_path.iterdir()) == []
    assert ask_into("It", f"{service.url}/good", tmp_path / "file", asking(service)) == 6
