"""The command as a whole: everything documented, help that says something, errors that are sentences."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hven import cli


def _names() -> list[str]:
    return [name.rsplit(".", 1)[-1] for name in cli.COMMANDS]


@pytest.fixture(scope="module")
def hven(python: str) -> Any:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-m", "hven.cli", *arguments], capture_output=True, text=True, timeout=100, check=False
        )

    return run


@pytest.mark.parametrize("name", _names())
def test_every_command_is_documented_and_helps(name: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"`hven {name}" in (checkout / "docs" / "commands.md").read_text()
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_every_make_target_says_what_it_does(checkout: Path) -> None:
    text = (checkout / "Makefile").read_text()
    phony = text.split(".PHONY:", 1)[1].splitlines()[0].split()
    for target in phony:
        line = next(line for line in text.splitlines() if line.startswith(f"{target}:"))
        assert "##" in line, f"make {target} says nothing in `make help`"


def test_an_unknown_command_is_an_error(hven: Any) -> None:
    done = hven("polish")
    assert done.returncode == 2
    assert "polish" in done.stderr


def test_a_wrong_setting_is_a_sentence_and_no_traceback(python: str) -> None:
    import os

    done = subprocess.run(
        [python, "-m", "hven.cli", "config", "show"], env={**os.environ, "HVEN_WORKRES": "3"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "HVEN_WORKERS" in done.stderr
    assert "Traceback" not in done.stderr


# --- simulate -------------------------------------------------------------------------------------------------


def test_simulate_writes_frames_with_their_truth(hven: Any, solver_folder: Path, tmp_path: Path) -> None:
    done = hven("simulate", str(tmp_path / "a" / "f.fits"), "--count", "2", "--size", "120x100", "--seed", "5")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(f"f-{n}.fits{ending}" for n in (1, 2) for ending in ("", ".truth.json", ".truth.csv"))
    assert done.stdout.split() == [str(tmp_path / "a" / "f-1.fits"), str(tmp_path / "a" / "f-2.fits")]
    first, second = (json.loads((tmp_path / "a" / f"f-{n}.fits.truth.json").read_text()) for n in (1, 2))
    assert first["ra"] == pytest.approx(83.8)
    assert first["parity"] == -1
    assert second["ra"] != pytest.approx(83.8)


def test_a_simulated_picture_is_seen_from_the_top(hven: Any, solver_folder: Path, tmp_path: Path) -> None:
    assert hven("simulate", str(tmp_path / "p.jpg"), "--size", "100x80").returncode == 0
    assert json.loads((tmp_path / "p.jpg.truth.json").read_text())["parity"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.bmp"], ".bmp"),
        (["x.fits", "--size", "big"], "--size"),
        (["x.fits", "--dec", "95"], "declination"),
        (["x.fits", "--count", "0"], "--count"),
        (["x.fits", "--start", "yesterday"], "yesterday"),
    ],
)
def test_simulate_refuses_nonsense_in_a_sentence(
    hven: Any, solver_folder: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = hven("simulate", str(tmp_path / arguments[0]), *arguments[1:])
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_help_of_all_arguments_says_something() -> None:
    parser = argparse.ArgumentParser()
    from hven.cli import simulate

    simulate.configure(parser)
    assert all(action.help for action in parser._actions)
