"""SkyBoT: what moves in a field, in the shape that its text answers have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.services import serving

from hven.errors import Invalid, Unavailable
from hven.outside.ask import Asking, resting
from hven.outside.skybot import bodies, parse

ANSWER = """# Flag: 1
# Ticket: 1548711633538
# Num | Name | RA(h) | DE(deg) | Class | Mv | Err(arcsec) | d(arcsec) | dRA(arcsec/h) | dDEC(arcsec/h) | Dg(ua) | Dh(ua)
 299383 | 2005 VC73 | 23 59 45.7861 | -00 00 50.055 | MB>Inner | 21.9 | 3.437 | 219.006 | 71.5717 | 26.581 | 2.29 | 1.96
 \u2013 | 2008 GA35 | 00 00 29.6581 | +12 02 17.517 | MB>Inner | 23.6 | 70.445 | 465.641 | -46.3179 | 21.347 | 3.0 | 2.6
 4004 | List'ev | 23 58 54.3732 | +00 06 53.772 | MB>Outer |  - | 0.338 | 1067.835 | 52.0542 | 33.260 | 2.8 | 2.4
"""
WHEN = datetime(2026, 11, 26, 20, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _rested():
    resting.clear()


def test_bodies_come_with_places_and_motions():
    first, second, third = parse(ANSWER)
    assert (first.name, first.number, first.kind, first.v_mag) == ("2005 VC73", 299383, "MB>Inner", 21.9)
    assert first.ra == pytest.approx(15 * (23 + 59 / 60 + 45.7861 / 3600))
    assert first.dec == pytest.approx(-50.055 / 3600)
    assert (first.ra_rate_arcsec_h, first.dec_rate_arcsec_h, first.error_arcsec) == (71.5717, 26.581, 3.437)
    assert second.number is None
    assert second.ra_rate_arcsec_h == -46.3179
    assert second.dec == pytest.approx(12 + 2 / 60 + 17.517 / 3600)
    assert (third.name, third.v_mag) == ("List'ev", None)


@pytest.mark.parametrize(
    "answer", ["# Flag: 0\n# Ticket: 1\n# No solar system object was found in the requested FOV\n", "# Flag: 0\n"]
)
def test_an_empty_field_has_no_bodies(answer):
    assert parse(answer) == ()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("# Flag: -1 Bad epoch\n", "could not answer"),
        ("<html>maintenance</html>", "something else"),
        ("", "something else"),
        ("# Flag: 1\n 1 | Ceres | nowhere | x | A | 9 | 1 | 1\n", "cannot be read"),
        ("# Flag: 1\n 1 | Ceres\n", "cannot be read"),
    ],
)
def test_what_is_no_answer_is_told(answer, words):
    with pytest.raises(Invalid, match=words):
        parse(answer)


def test_the_question_is_in_universal_time():
    with serving({"/": ANSWER}) as service:
        when = WHEN.astimezone(timezone(timedelta(hours=3)))
        found = bodies(
            10.5, -3.25, 0.5, when, Asking(trusted=service.url), observatory="Z20", address=f"{service.url}/q"
        )
        [(_, asked)] = service.asked
    assert len(found) == 3
    assert asked["-ep"] == "2026-11-26T20:30:00.000"
    assert (asked["-ra"], asked["-dec"], asked["-rd"], asked["-loc"]) == ("10.500000", "-3.250000", "0.50000", "Z20")


def test_times_without_a_zone_and_absent_networks_are_told():
    with pytest.raises(Invalid, match="zone"):
        bodies(1, 2, 0.5, datetime(2026, 1, 1), Asking())  # noqa: DTZ001 - that is what is refused
    with pytest.raises(Unavailable, match="SkyBoT"):
        bodies(1, 2, 0.5, WHEN, Asking(time_limit_s=5), address="https://imcce.example.invalid/x")
