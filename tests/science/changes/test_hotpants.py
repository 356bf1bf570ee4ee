"""The adapter of hotpants: what it lets through, and what it says where the program is missing or fails."""

import stat
from pathlib import Path

import numpy as np
import pytest

from hven.errors import Invalid, Unavailable
from hven.science.changes.hotpants import Input, hotpants, switches

FRAME = Input(np.ones((64, 64), np.float32), np.zeros((64, 64), bool), np.ones((64, 64), np.float32))


def test_switches_are_known_numbers_only() -> None:
    assert switches({"ko": 1, "bgo": "2", "r": 10.5}) == ["-ko", "1", "-bgo", "2", "-r", "10.5"]
    assert switches({}) == []
    for extra in (
        {"outim": "/etc/passwd"},
        {"ko": "1; rm"},
        {"ko": 1.5},
        {"ko": True},
        {"r": float("nan")},
        {"-ko": 1},
    ):
        with pytest.raises(Invalid, match="hotpants_extra"):
            switches(extra)


def test_where_it_is_not_installed_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="not installed"):
        hotpants(FRAME, FRAME, scratch=tmp_path, fwhm_px=3.0, extra={})


def test_a_program_that_fails_is_answered_by_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "hotpants"
    program.write_text('#!/bin/sh\necho "$@" > arguments\nexit 1\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Invalid, match="no way to match"):
        hotpants(FRAME, FRAME, scratch=tmp_path, fwhm_px=3.0, extra={"ko": 2, "r": 9})
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[arguments.index("-ko") + 1] == "2"
    assert arguments.count("-r") == 1 and arguments[arguments.index("-r") + 1] == "9"
    assert arguments[arguments.index("-inim") + 1] == str(tmp_path / "hotpants_inim.fits")
