"""A night as a folder: where each file lies, what its header says to a reader, and the truth beside it."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from hven.errors import Invalid
from hven.science.frames.headers import read_headers
from hven.science.simulate.night.plan import Camera, NightPlan
from hven.science.simulate.night.write import WrittenNight, write_night
from hven.science.sky.almanac import Place

PLAN = NightPlan(
    place=Place(-16.51, 28.3, 2390), night=date(2026, 3, 15), camera=Camera(width=48, height=40, hot_pixels=5), bias=1,
    darks=1, flats=1, lights=1, filters=("V", "R"), targets=("M42", "M65", "NGC5466"), stars="none",
)  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenNight:
    return write_night(PLAN, tmp_path_factory.mktemp("nights") / "first")


def test_files_lie_by_kind_and_target_under_names_of_their_own(written: WrittenNight) -> None:
    folder = written.truth.parent
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.fits")}
    assert found == {
        "bias/bias_20260315_001.fits", "dark/dark_60s_20260315_001.fits", "flat/flat_V_20260315_001.fits",
        "flat/flat_R_20260315_001.fits", "light/M42/M42_V_20260315_001.fits", "light/M42/M42_R_20260315_001.fits",
        "light/M65/M65_V_20260315_001.fits", "light/M65/M65_R_20260315_001.fits",
        "light/NGC5466/NGC5466_V_20260315_001.fits", "light/NGC5466/NGC5466_R_20260315_001.fits",
    }  # fmt: skip
    assert len({path.name for path in written.files}) == len(written.files) == len(found)


def test_headers_say_what_the_truth_says(written: WrittenNight) -> None:
    truth = json.loads(written.truth.read_text())
    assert truth["night"] == "2026-03-15" and [each["name"] for each in truth["targets"]] == ["M42", "M65", "NGC 5466"]
    for name, true in truth["files"].items():
        headers = read_headers(written.truth.parent / name)
        said = headers.meaning
        assert headers.notes == () and (headers.width, headers.height) == (48, 40)
        assert said.middle == datetime.fromisoformat(true["middle"])
        assert said.exposure_s == true["exposure_s"] and said.filter == true["filter"]
        assert (said.site_latitude, said.site_longitude, said.site_elevation_m) == (28.3, -16.51, 2390)
        assert said.gain == 1.5 and said.binning == (1, 1)
        assert said.scale_arcsec == pytest.approx(3600 / 48, rel=1e-3)
        assert said.object_name == true["target"]
        if true["kind"] == "light":
            assert said.ra == pytest.approx(true["ra"], abs=0.2) and said.dec == pytest.approx(true["dec"], abs=0.2)
        else:
            assert said.ra is None and said.dec is None


def test_the_same_plan_gives_the_same_bytes(written: WrittenNight, tmp_path: Path) -> None:
    again = write_night(PLAN, tmp_path / "again")
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(written.files, again.files, strict=True))
    assert written.truth.read_text() == again.truth.read_text()


def test_progress_is_told_to_its_end(tmp_path: Path) -> None:
    told: list[float] = []
    write_night(PLAN, tmp_path, tell=lambda fraction, _: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0 and len(told) == PLAN.frames + 1


def test_a_folder_that_holds_something_is_left_alone(written: WrittenNight) -> None:
    with pytest.raises(Invalid, match="empty folder"):
        write_night(PLAN, written.truth.parent)
