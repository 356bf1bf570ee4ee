"""A simulated night, uploaded as an observatory's program does, files itself as its truth says: anywhere on Earth."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hven.science.simulate.night.plan import Camera, NightPlan
from hven.science.simulate.night.write import write_night
from hven.science.sky.almanac import Place
from tests.dialects.arcsecond.conftest import Caller, run_jobs

FIRST = date(2026, 9, 10)
PLAN = NightPlan(
    night=FIRST, camera=Camera(width=32, height=32, hot_pixels=2, dust=0), bias=2, darks=2, flats=2, lights=2,
    filters=("V", "R"), stars="none",
)  # fmt: skip
PLACES = {
    "tenerife": Place(-16.51, 28.3, 2390),
    "siding-spring": Place(149.07, -31.28, 1165),
    "east-of-the-date-line": Place(-179.99, 10.0, 0),
    "west-of-the-date-line": Place(179.99, 10.0, 0),
}


class Filed:
    """A telescope at a site, with a dataset that takes its nights."""

    def __init__(self, caller: Caller, place: Place) -> None:
        self.caller = caller
        where = {"longitude": place.longitude_deg, "latitude": place.latitude_deg, "height": place.height_m}
        site = caller.post("observingsites/", {"name": "Site", "coordinates": where})["uuid"]
        self.telescope = caller.post("telescopes/", {"name": "Telescope", "observing_site": site})["uuid"]
        self.dataset = caller.post("datasets/", {"name": "Nights", "telescope": self.telescope})["uuid"]

    def upload(self, folder: Path) -> None:
        """Send a night's files in an order that nobody chose, and do the work."""
        paths = sorted(folder.rglob("*.fits"))
        random.Random(7).shuffle(paths)
        for path in paths:
            self.caller.upload(self.dataset, path.read_bytes(), path.name)
        self.caller.upload(self.dataset, (folder / "night.truth.json").read_bytes(), "night.truth.json")
        run_jobs()

    def nights(self) -> dict[str, str]:
        """Date and uuid of each night log."""
        logs = self.caller.get("nightlogs/", telescope=self.telescope)
        assert len({log["date"] for log in logs}) == len(logs)
        return {log["date"]: log["uuid"] for log in logs}

    def parts(self, night: str) -> tuple[list[tuple[int, str, set[str]]], dict[str, set[str]]]:
        """Observations (index, target, names of files) and calibrations (name: names of files) of a night."""
        members: dict[str, set[str]] = defaultdict(set)
        for file in self.files():
            members[file["observation"] or file["calibration"] or ""].add(file["name"])
        observations = self.caller.get("observations/", night_log=night)
        calibrations = self.caller.get("calibrations/", night_log=night)
        return (
            sorted((one["index"], one["target_name"], members[one["uuid"]]) for one in observations),
            {one["name"]: members[one["uuid"]] for one in calibrations},
        )

    def files(self) -> list[dict[str, Any]]:
        """All files of the dataset."""
        found: list[dict[str, Any]] = self.caller.get("datafiles/", dataset=self.dataset)
        return found


def expected(truth: dict[str, Any]) -> tuple[list[tuple[int, str, set[str]]], dict[str, set[str]]]:
    """What a night's truth says of its observations and calibrations."""
    lights: dict[str, set[str]] = defaultdict(set)
    calibrations: dict[str, set[str]] = defaultdict(set)
    begins: dict[str, str] = {}
    for path, file in truth["files"].items():
        name = path.rsplit("/", 1)[-1]
        if file["kind"] == "light":
            lights[file["target"]].add(name)
            begins[file["target"]] = min(begins.get(file["target"], "9"), file["middle"])
        else:
            detail = {"dark": f" {file['exposure_s']:g} s", "flat": f" {file['filter']}"}.get(file["kind"], "")
            calibrations[file["kind"] + detail].add(name)
    in_time = sorted(lights, key=lambda target: begins[target])
    return [(k, target, lights[target]) for k, target in enumerate(in_time, 1)], dict(calibrations)


@pytest.fixture
def caller(user: Any) -> Caller:
    return Caller(user)


def written(plan: NightPlan, folder: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(write_night(plan, folder).truth.read_text())
    return truth


@pytest.mark.parametrize("name", PLACES)
def test_a_night_files_itself_as_its_truth_says(caller: Caller, tmp_path: Path, name: str) -> None:
    place = PLACES[name]
    truth = written(replace(PLAN, place=place), tmp_path)
    filed = Filed(caller, place)
    filed.upload(tmp_path)
    assert list(filed.nights()) == ["2026-09-10"] == sorted({each["night"] for each in truth["files"].values()})
    observations, calibrations = filed.parts(filed.nights()["2026-09-10"])
    wanted_observations, wanted_calibrations = expected(truth)
    assert observations == wanted_observations and [index for index, *_ in observations] == [1, 2, 3]
    assert calibrations == wanted_calibrations
    assert set(calibrations) == {"bias", "dark 60 s", "flat V", "flat R"}
    assert {file["unfiled"] for file in filed.files()} == {""}
    assert len(filed.files()) == len(truth["files"]) + 1


def test_two_nights_in_turn_have_a_log_each(caller: Caller, tmp_path: Path) -> None:
    place = PLACES["west-of-the-date-line"]
    plans = [replace(PLAN, place=place, night=night, targets=("M13", "M15", "M33")) for night in
             (FIRST, date(2026, 9, 11))]  # fmt: skip
    filed = Filed(caller, place)
    truths = []
    for number, plan in enumerate(plans):
        truths.append(written(plan, tmp_path / str(number)))
        filed.upload(tmp_path / str(number))
    nights = filed.nights()
    assert sorted(nights) == ["2026-09-10", "2026-09-11"]
    for truth in truths:
        observations, calibrations = filed.parts(nights[truth["night"]])
        assert (observations, calibrations) == expected(truth)
        assert [target for _, target, _ in observations] == ["M13", "M15", "M33"]


def test_at_a_wrong_site_the_same_night_would_fall_into_two(caller: Caller, tmp_path: Path) -> None:
    # That the night is told by the site and not by the frames' own dates: half the way round, noon cuts it in two.
    written(replace(PLAN, place=PLACES["tenerife"]), tmp_path)
    filed = Filed(caller, Place(163.5, 28.3))
    filed.upload(tmp_path)
    assert sorted(filed.nights()) == ["2026-09-10", "2026-09-11"]
