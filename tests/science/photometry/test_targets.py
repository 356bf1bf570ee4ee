"""Targets in all the forms that people write."""

import pytest

from hven.errors import Invalid
from hven.science.photometry.targets import parse_target, parse_targets


@pytest.mark.parametrize(
    "text",
    [
        "150.11625 2.2055556", "150.11625, +2.2055556", "150.11625d +2.2055556d", "10:00:27.9 +02:12:20",
        "10 00 27.9 +02 12 20", "10:00:27.9,+02:12:20", "10h00m27.9s +02d12m20s", "10h00m27.9s 2\u00b012'20\"",
        "J100027.9+021220", "  10:00:27.9   02:12:20 ", "150d06m58.5s +02d12m20s",
    ],
)  # fmt: skip
def test_coordinates_in_their_usual_forms(text: str) -> None:
    target = parse_target(text)
    assert target.ra == pytest.approx(150.11625, abs=1e-6)
    assert target.dec == pytest.approx(2.2055556, abs=1e-6)
    assert not target.needs_name


@pytest.mark.parametrize("text", ["10:00:27.9 -00:12:20", "10 00 27.9 \u221200 12 20", "10h00m27.9s -00d12m20s"])
def test_a_declination_of_minus_nought_degrees_stays_negative(text: str) -> None:
    assert parse_target(text).dec == pytest.approx(-0.2055556, abs=1e-6)


@pytest.mark.parametrize("text", ["x=100.5 y=20", "X = 100.5, Y = 20", "x=100.5;y=20"])
def test_pixels_of_the_frame(text: str) -> None:
    target = parse_target(text)
    assert (target.x, target.y) == (100.5, 20)
    assert target.ra is None


@pytest.mark.parametrize("text", ["M 31", "SN 2023ixf", "AT2024abc", "NGC 7331", "2MASS J12345678+1234567", "V404 Cyg"])
def test_everything_else_is_a_name(text: str) -> None:
    assert parse_target(text).needs_name


def test_lines_that_name_nothing_are_left_out() -> None:
    found = parse_targets("M 31\n\nNone\r\n  x=1 y=2  \nN/A\n")
    assert [one.name for one in found] == ["M 31", "x=1 y=2"]
    assert parse_targets("None") == ()


@pytest.mark.parametrize(
    "text", ["400 10", "10:00:00 +95:00:00", "-10 10", "10h61m00s +02d12m20s", "J106127.9+021220", "n" * 201]
)
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_target(text)
    with pytest.raises(Invalid, match="at most"):
        parse_targets("\n".join(["1 1"] * 101))
