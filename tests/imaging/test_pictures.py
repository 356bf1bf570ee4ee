"""Pictures that are made when somebody asks: a crowd of askers does not take all threads of the server."""

from __future__ import annotations

import threading

import pytest

from hven.errors import Unavailable
from hven.imaging.services import pictures


def test_who_finds_a_long_line_is_told_at_once_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_IN_LINE", threading.BoundedSemaphore(2))
    waiting, done = threading.Event(), threading.Event()
    real = pictures._only_one

    def wait() -> None:
        with pictures.one_picture():
            pass

    with pictures.one_picture():
        monkeypatch.setattr(pictures, "_only_one", lambda: waiting.set() or real())
        second = threading.Thread(target=lambda: (wait(), done.set()))
        second.start()
        assert waiting.wait(30)
        with pytest.raises(Unavailable, match="ask again"):
            wait()
        assert not done.is_set()
    second.join(30)
    assert done.is_set()
    wait()
