"""`hven simulate night`: a folder, its truth, and sentences for what cannot be; `hven simulate FILE` stays itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hven import cli

SMALL = ["--stars", "none", "--size", "40x32", "--bias", "1", "--darks", "1", "--flats", "1", "--lights", "1"]


def test_a_night_is_written_and_what_comes_next_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "one night"
    where = ["--longitude", "-70.4", "--latitude", "-24.6", "--height", "2635", "--date", "2026-05-01"]
    assert cli.main(["simulate", "night", str(folder), *where, *SMALL, "--filters", "g, r", "--exposure", "30"]) == 0
    truth = json.loads((folder / "night.truth.json").read_text())
    assert len(truth["files"]) == len(list(folder.rglob("*.fits"))) == 1 + 1 + 2 + 6
    assert truth["plan"]["place"] == {"longitude_deg": -70.4, "latitude_deg": -24.6, "height_m": 2635.0}
    assert {each["filter"] for each in truth["files"].values()} == {"g", "r"}
    out = capsys.readouterr().out
    assert "10 files" in out and "The night of 2026-05-01" in out
    assert f"hven upload '{folder}' --dataset" in out and "--telescope" in out
    for body in re.findall(r"-d '(\{.*\})'", out):
        json.loads(body)


def test_stars_of_the_real_sky_are_the_default(solver_folder: Path, tmp_path: Path) -> None:
    given = ["--targets", "M42", "--filters", "R", "--bias", "0", "--darks", "0", "--flats", "0", "--lights", "1"]
    assert cli.main(["simulate", "night", str(tmp_path), *given, "--date", "2026-01-10", "--size", "200x200"]) == 0
    ((name, light),) = json.loads((tmp_path / "night.truth.json").read_text())["files"].items()
    assert name.startswith("light/M42/M42_R_20260110") and light["stars_over_snr_10"] > 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "big"], "--size"),
        (["--longitude", "10"], "--latitude"),
        (["--width-deg", "0"], "wide"),
        (["--targets", "Vulcan"], "Vulcan"),
        (["--longitude", "20", "--latitude", "70", "--date", "2026-06-21"], "another date"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_no_folder(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "night", str(tmp_path / "n"), "--stars", "none", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "n").exists()


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--date", "tonight"], "tonight"), (["--filters", ","], "name"), ([], "FOLDER")]
)
def test_what_cannot_be_read_is_said_at_once(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = [str(tmp_path / "n")] if arguments else []
    with pytest.raises(SystemExit) as stop:
        cli.main(["simulate", "night", *folder, *arguments])
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_a_frame_is_simulated_as_before(tmp_path: Path) -> None:
    assert cli.main(["simulate", str(tmp_path / "night.fits"), "--stars", "none", "--size", "40x30"]) == 0
    assert (tmp_path / "night.fits.truth.json").exists()


def test_the_options_of_simulate_lead_to_nights(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--help"])
    assert "hven simulate night" in " ".join(capsys.readouterr().out.split())
