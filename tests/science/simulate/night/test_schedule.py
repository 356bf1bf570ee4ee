"""The order of a night: before sunset, at dusk, in the dark, each target high, across midnight; at any longitude."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from hven.errors import Invalid
from hven.science.simulate.night.plan import NightPlan
from hven.science.simulate.night.schedule import Schedule, schedule
from hven.science.simulate.night.targets import named_targets
from hven.science.sky.almanac import Place, track_at
from hven.science.sky.nights import night_of

TENERIFE, SIDING_SPRING = Place(-16.51, 28.3, 2390), Place(149.07, -31.28, 1165)
BESIDE_THE_DATE_LINE = Place(-179.99, 10, 0), Place(179.99, 10, 0)
PLACES = (TENERIFE, SIDING_SPRING, *BESIDE_THE_DATE_LINE)


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: str(place.longitude_deg))
def planned(request: pytest.FixtureRequest) -> Schedule:
    return schedule(NightPlan(place=request.param, night=date(2026, 9, 10)))


def test_every_frame_belongs_to_the_night_of_its_plan(planned: Schedule) -> None:
    plan = planned.plan
    assert len(planned.takes) == plan.frames == 6 + 5 + 9 + 18
    assert {night_of(take.middle, plan.place.longitude_deg) for take in planned.takes} == {plan.night}
    assert {night_of(take.start, plan.place.longitude_deg) for take in planned.takes} == {plan.night}


def test_no_two_frames_overlap_and_all_are_in_order(planned: Schedule) -> None:
    assert all(a.end < b.start for a, b in pairwise(planned.takes))
    assert list(dict.fromkeys(take.kind for take in planned.takes)) == ["bias", "dark", "flat", "light"]


def test_the_targets_straddle_local_midnight(planned: Schedule) -> None:
    midnight = planned.plan.bounds[0] + timedelta(hours=12)
    first, second, third = planned.targets
    times = {target: [take for take in planned.takes if take.target == target] for target in planned.targets}
    assert max(take.end for take in times[first]) < midnight < min(take.start for take in times[third])
    assert min(take.start for take in times[second]) < midnight < max(take.end for take in times[second])


def test_each_light_is_dark_and_its_target_stands_as_high_as_said(planned: Schedule) -> None:
    for take in (take for take in planned.takes if take.target is not None):
        assert take.sun_deg < -17.9
        assert take.altitude_deg > 40 and take.moon_apart_deg > 20
        (again,) = track_at(planned.plan.place, take.middle, np.zeros(1), take.target.ra, take.target.dec).altitude_deg
        assert take.altitude_deg == pytest.approx(again, abs=0.05)
        assert 1 <= take.airmass < 1.6


def test_darks_are_taken_by_day_and_flats_at_dusk(planned: Schedule) -> None:
    for take in planned.takes:
        if take.kind in {"bias", "dark"}:
            assert take.sun_deg > 0
        if take.kind == "flat":
            assert -10 < take.sun_deg < -2
            assert 0.2 <= take.exposure_s <= 30


def test_some_nights_have_two_utc_dates_and_some_one() -> None:
    dates = [
        {take.start.date() for take in schedule(NightPlan(place=place)).takes if take.kind == "light"}
        for place in (TENERIFE, SIDING_SPRING)
    ]
    assert [len(each) for each in dates] == [2, 1]


def test_the_same_seed_takes_the_same_targets_and_another_others() -> None:
    first, again, other = (schedule(NightPlan(seed=seed)) for seed in (1, 1, 2))
    assert first.takes == again.takes
    assert set(first.targets) != set(other.targets)


def test_targets_that_are_named_come_when_they_stand_highest() -> None:
    planned = schedule(NightPlan(place=TENERIFE, night=date(2026, 3, 15), targets=("M13", "m 42", "M65")))
    assert [target.name for target in planned.targets] == ["M42", "M65", "M13"]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_number_of_targets_has_its_turns(count: int) -> None:
    names = ("M65", "M3", "M13", "M81", "M101")[:count]
    planned = schedule(NightPlan(targets=names, lights=3))
    assert {target.name for target in planned.targets} == set(names)
    assert all(a.end < b.start for a, b in pairwise(planned.takes))


def test_in_the_north_in_june_the_darkest_hours_are_taken_or_none() -> None:
    planned = schedule(NightPlan(place=Place(12.7, 55.9), night=date(2026, 6, 20)))
    suns = [take.sun_deg for take in planned.takes if take.kind == "light"]
    assert -12 < max(suns) < -8
    with pytest.raises(Invalid, match=r"another date"):
        schedule(NightPlan(place=Place(18.9, 69.6), night=date(2026, 6, 20)))


def test_in_the_polar_night_flats_are_of_a_panel_and_all_is_dark() -> None:
    planned = schedule(NightPlan(place=Place(15.6, 85.0), night=date(2026, 12, 21)))
    assert {take.exposure_s for take in planned.takes if take.kind == "flat"} == {3.0}
    assert len(planned.takes) == planned.plan.frames


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"targets": ("Nowhere 7",)}, "Nowhere 7"),
        ({"targets": ("M31", "Andromeda Galaxy")}, "same object"),
        ({"targets": ("NGC5139",), "place": Place(10, 60)}, "NGC 5139 stands"),
        ({"lights": 200}, "ask for fewer"),
        ({"darks": 30, "exposure_s": 3600.0, "lights": 0}, "darks"),
        ({"filters": ("R", "R")}, "filters"),
        ({"filters": ("../R",)}, "slash"),
        ({"bias": -1}, "frames"),
        ({"exposure_s": 0.0}, "seconds"),
        ({"place": Place(200, 0)}, "longitude"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_night_that_cannot_be_is_refused_in_a_sentence(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        schedule(replace(NightPlan(), **wrong))


def test_kinds_that_are_not_wanted_are_left_out() -> None:
    planned = schedule(NightPlan(bias=0, darks=0, flats=0, lights=1, filters=("r",)))
    assert [take.kind for take in planned.takes] == ["light"] * 3
    assert {take.kind for take in schedule(NightPlan(lights=0)).takes} == {"bias", "dark", "flat"}


def test_objects_are_known_by_several_names() -> None:
    (target,) = named_targets(["Pleiades"])
    assert target.name == "M45" and target.word == "M45"
    assert named_targets(["ngc 2403"])[0].word == "NGC2403"
