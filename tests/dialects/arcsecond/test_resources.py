"""Every resource: made, read, changed, deleted, found; and what nights make of files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from hven.archive.models import DataFile, NightLog
from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs


def light(when: str, target: str = "M31", seed: int = 0, **cards: Any) -> bytes:
    return frame(seed, DATE__OBS=when, OBJECT=target, IMAGETYP="Light Frame", FILTER="R", EXPTIME=60.0, **cards)


@pytest.fixture
def dataset(tycho: Caller, telescope: str) -> str:
    made: str = tycho.post("datasets/", {"name": "Night", "telescope": telescope})["uuid"]
    return made


# --- sites and telescopes -------------------------------------------------------------------------------------------


def test_a_site_lists_the_telescopes_that_stand_there(tycho: Caller, telescope: str) -> None:
    (site,) = tycho.get("observingsites/")
    assert site["telescopes"] == [telescope]
    assert site["coordinates"] == {"longitude": 12.7, "latitude": 55.9, "height": 40.0}
    changed = tycho.patch(f"observingsites/{site['uuid']}/", {"horizon": [[0, 10], [180, 25.5]]})
    assert changed["horizon"] == [[0, 10], [180, 25.5]]
    assert "stand" in tycho.delete(f"observingsites/{site['uuid']}/", 400)["detail"]
    assert tycho.get("observingsites/", name="Hve") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("observingsites/", {"coordinates": {"longitude": 1, "latitude": 1}}),
        ("observingsites/", {"name": "x", "coordinates": {"longitude": "far", "latitude": 1}}),
        ("observingsites/", {"name": "x", "coordinates": {"longitude": 1, "latitude": 91}}),
        ("observingsites/", {"name": "x", "coordinates": [1, 2]}),
        ("observingsites/", {"name": "x", "horizon": [["a", "b"]]}),
        ("telescopes/", {"name": "x"}),
        ("telescopes/", {"name": "x", "observing_site": "not a uuid"}),
        ("datasets/", {}),
        ("datasets/", {"name": "x" * 300}),
        ("datasets/", {"name": "x", "tags": 5}),
        ("datasets/", {"name": "x", "rule": "develop"}),
        ("nightlogs/", {"date": "2026-01-01"}),
        ("targets/", {"target_class": "Transient", "name": "x"}),
        ("targets/", {"target_class": "Comet", "name": "x"}),
        ("targets/", {"name": "x", "object": {"equatorial_coordinates": {"right_ascension": 1, "declination": 95}}}),
        ("targetlists/", {"name": "x", "targets": {"a": 1}}),
        ("datapackages/", {"name": "x", "datasets": "all"}),
        ("datasets/", ["a list"]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_in_a_sentence(tycho: Caller, path: str, body: Any) -> None:
    assert tycho.post(path, body, 400)["detail"].endswith(".")


def test_names_come_once(tycho: Caller, local: Any) -> None:
    tycho.post("datasets/", {"name": "a"})
    assert "already" in tycho.post("datasets/", {"name": "A"}, 400)["detail"]
    portal = tycho.within("local/")
    portal.post("datasets/", {"name": "a"})
    assert "already" in portal.post("datasets/", {"name": "a"}, 400)["detail"]


# --- files ----------------------------------------------------------------------------------------------------------


def test_tags_come_with_a_file_and_are_replaced_afterwards(tycho: Caller, dataset: str) -> None:
    made = tycho.upload(dataset, frame(), tags="a, b,")
    assert made["tags"] == ["a", "b"]
    assert tycho.upload(dataset, frame(2), "b.fits", tags=["x", "y"])["tags"] == ["x", "y"]
    assert tycho.patch(f"datafiles/{made['id']}/", {"tags": ["c"]})["tags"] == ["c"]
    assert [one["id"] for one in tycho.get("datafiles/", tags="c")] == [made["id"]]


@pytest.mark.parametrize(
    ("said", "raw"), [("True", True), ("true", True), ("False", False), ("false", False), ("", True)]
)
def test_raw_is_understood_in_any_case(tycho: Caller, dataset: str, said: str, raw: bool) -> None:
    assert tycho.upload(dataset, frame(), is_raw=said)["is_raw"] is raw


def test_files_are_found_by_header_time_and_kind(tycho: Caller, dataset: str) -> None:
    for hour, target in ((20, "M31"), (22, "M33")):
        tycho.upload(dataset, light(f"2026-03-01T{hour}:00:00", target, seed=hour, GAIN=1.5), f"{target}.fits")
    tycho.upload(dataset, frame(3, IMAGETYP="Bias Frame", DATE__OBS="2026-03-02T00:00:00"), "bias.fits")
    run_jobs()

    def names(**query: Any) -> list[str]:
        return [one["name"] for one in tycho.get("datafiles/", dataset=dataset, **query)]

    assert names(**{"header.FILTER": "R"}) == ["M31.fits", "M33.fits"]
    assert names(**{"header.filter": "r", "header.GAIN": "1.50", "header.OBJECT": "M33"}) == ["M33.fits"]
    assert names(date_after="2026-03-01T21:00:00Z") == ["M33.fits", "bias.fits"]
    assert names(date_before="2026-03-01") == ["M31.fits", "M33.fits"]
    assert names(target_name="M31") == ["M31.fits"]
    assert names(image_type="Bias Frame") == ["bias.fits"]
    tycho.get("datafiles/", 400, date_after="yesterday")
    tycho.get("datafiles/", 400, dataset="x")


def test_a_file_shows_every_card_and_which_said_what(tycho: Caller, dataset: str) -> None:
    made = tycho.upload(dataset, light("2026-03-01T20:00:00"))
    run_jobs()
    found = tycho.get(f"datafiles/{made['id']}/", header="1")
    assert {"keyword": "OBJECT", "value": "M31", "comment": ""} in found["header"]
    assert found["sources"]["filter"] == "FILTER"
    tycho.delete(f"datafiles/{made['id']}/")
    tycho.get(f"datafiles/{made['id']}/", 404)


def test_a_post_without_a_file_or_a_dataset_is_told(tycho: Caller, dataset: str) -> None:
    assert "file" in tycho.post("datafiles/", {"dataset": dataset}, 400)["detail"]
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = tycho.ask("post", "datafiles/", 400, {"file": SimpleUploadedFile("a", b"x")})
    assert "dataset" in answer["detail"]


# --- nights ---------------------------------------------------------------------------------------------------------


def test_a_night_files_itself_from_noon_to_noon(tycho: Caller, dataset: str, telescope: str) -> None:
    tycho.upload(dataset, light("2026-03-01T20:00:00", "M31", 1), "1.fits")
    tycho.upload(dataset, light("2026-03-02T02:30:00", "M31", 2), "2.fits")
    tycho.upload(dataset, light("2026-03-02T03:00:00", "M33", 3), "3.fits")
    tycho.upload(dataset, light("2026-03-02T20:00:00", "M31", 4), "4.fits")
    tycho.upload(dataset, frame(5, IMAGETYP="Dark Frame", EXPTIME=60.0, DATE__OBS="2026-03-02T05:00:00"), "d.fits")
    tycho.upload(dataset, frame(6, IMAGETYP="Flat Field", FILTER="R", DATE__OBS="2026-03-01T17:00:00"), "f.fits")
    run_jobs()
    nights = tycho.get("nightlogs/")
    assert [(one["date"], one["telescope"]) for one in nights] == [("2026-03-02", telescope), ("2026-03-01", telescope)]
    first = nights[1]["uuid"]
    observations = tycho.get("observations/", night_log=first)
    assert [(one["target_name"], one["index"], one["data_files_count"]) for one in observations] == [
        ("M31", 1, 2), ("M33", 2, 1),
    ]  # fmt: skip
    assert {one["name"] for one in tycho.get("calibrations/", night_log=first)} == {"dark 60 s", "flat R"}
    assert tycho.get("nightlogs/", date="2026-03-02")[0]["uuid"] == nights[0]["uuid"]
    file = tycho.get("datafiles/", dataset=dataset, name="3.fits")[0]
    assert file["observation"] == observations[1]["uuid"] and file["unfiled"] == ""


def test_at_the_date_line_the_longitude_decides(tycho: Caller) -> None:
    for number, (longitude, night) in enumerate(((179.5, "2026-03-02"), (-179.5, "2026-03-01"))):
        place = {"longitude": longitude, "latitude": 0, "height": 0}
        site = tycho.post("observingsites/", {"name": f"s{number}", "coordinates": place})["uuid"]
        telescope = tycho.post("telescopes/", {"name": f"t{number}", "observing_site": site})["uuid"]
        dataset = tycho.post("datasets/", {"name": f"d{number}", "telescope": telescope})["uuid"]
        tycho.upload(dataset, light("2026-03-02T10:00:00"))
        run_jobs()
        assert [one["date"] for one in tycho.get("nightlogs/", telescope=telescope)] == [night]


def test_what_has_no_site_or_date_is_filed_and_flagged_and_mended_later(tycho: Caller, telescope: str) -> None:
    dataset = tycho.post("datasets/", {"name": "d"})["uuid"]
    tycho.upload(dataset, light("2026-03-01T20:00:00"), "a.fits")
    tycho.upload(dataset, frame(1, OBJECT="M31"), "undated.fits")
    run_jobs()
    flags = {one["name"]: one["unfiled"] for one in tycho.get("datafiles/", dataset=dataset)}
    assert "telescope" in flags["a.fits"]
    tycho.patch(f"datasets/{dataset}/", {"telescope": telescope})
    run_jobs()
    flags = {one["name"]: one["unfiled"] for one in tycho.get("datafiles/", dataset=dataset)}
    assert flags["a.fits"] == "" and "no time" in flags["undated.fits"]
    assert [one["date"] for one in tycho.get("nightlogs/")] == ["2026-03-01"]


def test_a_corrected_site_moves_nights_and_a_moved_telescope_leaves_past_ones(
    tycho: Caller, dataset: str, telescope: str
) -> None:
    tycho.upload(dataset, light("2026-03-01T20:00:00", seed=1), "old.fits")
    tycho.upload(dataset, light("2026-09-01T03:00:00", seed=2), "new.fits")
    run_jobs()
    assert [one["date"] for one in tycho.get("nightlogs/")] == ["2026-08-31", "2026-03-01"]
    place = {"longitude": -155.5, "latitude": 19.8, "height": 4200}
    hawaii = tycho.post("observingsites/", {"name": "Mauna Kea", "coordinates": place})["uuid"]
    moved = tycho.patch(f"telescopes/{telescope}/", {"observing_site": hawaii, "since": "2026-06-01T00:00:00Z"})
    assert moved["observing_site"] == hawaii and len(moved["stays"]) == 2
    run_jobs()
    assert [one["date"] for one in tycho.get("nightlogs/")] == ["2026-08-31", "2026-03-01"]
    tycho.patch(f"observingsites/{hawaii}/", {"coordinates": {"longitude": 155.5}})  # a wrong sign, corrected
    run_jobs()
    assert [one["date"] for one in tycho.get("nightlogs/")] == ["2026-09-01", "2026-03-01"]
    assert NightLog.objects.count() == 2


def test_the_rule_of_a_dataset_starts_runs_for_frames_of_the_sky(tycho: Caller, dataset: str, local: Any) -> None:
    from hven.imaging.models import Reduction

    tycho.patch(f"datasets/{dataset}/", {"rule": "solve"})
    tycho.upload(dataset, light("2026-03-01T20:00:00"), "light.fits")
    tycho.upload(dataset, frame(1, IMAGETYP="Bias", DATE__OBS="2026-03-01T20:00:00"), "bias.fits")
    from hven.jobs import services as jobs
    from hven.jobs.models import Job, State

    for _ in range(4):
        for job in Job.objects.filter(state=State.QUEUED, kind__in=["archive.read", "imaging.begin"]):
            jobs.run_here(job)
    assert [one.name for one in Reduction.objects.all()] == ["light.fits"]
    assert Reduction.objects.get().runs.get().steps[0] == "solve"


# --- observations, packages, targets ----------------------------------------------------------------------------------


def test_observations_and_calibrations_can_be_opened_before_files_come(tycho: Caller, telescope: str) -> None:
    night = tycho.post("nightlogs/", {"telescope": telescope, "date": "2026-03-01"})
    again = tycho.post("nightlogs/", {"telescope": telescope, "date": "2026-03-01"})
    assert night["uuid"] == again["uuid"]
    made = tycho.post("observations/", {"night_log": night["uuid"], "target_name": "M31", "name": "First"})
    assert (made["index"], made["night_log"], made["target_name"]) == (1, night["uuid"], "M31")
    assert tycho.patch(f"observations/{made['uuid']}/", {"target_name": "M32"})["target_name"] == "M32"
    bias = tycho.post("calibrations/", {"night_log": night["uuid"], "name": "bias"})
    assert tycho.get("calibrations/", name="bias")[0]["uuid"] == bias["uuid"]
    tycho.delete(f"calibrations/{bias['uuid']}/")
    tycho.delete(f"nightlogs/{night['uuid']}/")
    assert tycho.get("observations/") == []


def test_a_night_says_when_it_is_dark(tycho: Caller, telescope: str) -> None:
    night = tycho.post("nightlogs/", {"telescope": telescope, "date": "2026-03-01"})
    assert "sky" not in tycho.get(f"nightlogs/{night['uuid']}/")
    sky = tycho.get(f"nightlogs/{night['uuid']}/", sky="1")["sky"]
    dusk, dawn = zip(*(sky[name] for name in ("sunset", "civil", "nautical", "astronomical")), strict=True)
    assert list(dusk) == sorted(dusk) and list(dawn) == sorted(dawn, reverse=True) and dusk[-1] < dawn[-1]
    assert 0.9 < sky["moon_illumination"] <= 1  # full on 3 March


def test_a_package_is_shared_with_people_or_everybody_and_comes_as_a_zip(
    tycho: Caller, sophie: Caller, dataset: str
) -> None:
    content = light("2026-03-01T20:00:00")
    tycho.upload(dataset, content, "a.fits")
    package = tycho.post("datapackages/", {"name": "Release", "datasets": [dataset]})
    path = f"datapackages/{package['uuid']}/"
    sophie.get(path, 404)
    tycho.patch(path, {"shared_with": ["sophie"]})
    assert sophie.get(path)["name"] == "Release"
    assert [one["uuid"] for one in sophie.get("datapackages/")] == [package["uuid"]]
    with zipfile.ZipFile(io.BytesIO(sophie.get(f"{path}zip/"))) as archive:
        assert archive.testzip() is None
        assert archive.read("Night/a.fits") == content
    tycho.patch(path, {"shared_with": []})
    sophie.get(f"{path}zip/", 404)
    tycho.patch(path, {"is_public": True})
    answer = Client().get(f"/arcsecond/{path}zip/")
    assert answer.status_code == 200
    sophie.patch(path, {"name": "mine"}, 403)
    sophie.delete(path, 403)


def test_nobody_packs_what_they_may_not_open(tycho: Caller, sophie: Caller, dataset: str) -> None:
    sophie.post("datapackages/", {"name": "stolen", "datasets": [dataset]}, 404)


def test_targets_and_lists_keep_their_order(tycho: Caller) -> None:
    place = {"equatorial_coordinates": {"right_ascension": 10.68, "declination": 41.27}, "name": "M31"}
    first = tycho.post(
        "targets/", {"mode": "manual", "target_class": "AstronomicalObject", "object": place, "tags": ["g"]}
    )
    assert first["name"] == "M31" and first["object"]["equatorial_coordinates"]["declination"] == 41.27
    assert isinstance(first["id"], int) and first["id"] == first["pk"]
    second = tycho.post("targets/", {"target_class": "Transient", "identifier": "2026abc"})
    made = tycho.post("targetlists/", {"name": "Tonight", "targets": [second, {"name": "M33"}, first]})
    assert [one["name"] or one["identifier"] for one in made["targets"]] == ["2026abc", "M33", "M31"]
    changed = tycho.patch(f"targetlists/{made['uuid']}/", {"targets": [first, second]})
    assert [one["id"] for one in changed["targets"]] == [first["id"], second["id"]]
    assert tycho.get("targets/", target_class="Transient")[0]["id"] == second["id"]
    tycho.delete(f"targets/{first['id']}/")
    assert len(tycho.get(f"targetlists/{made['uuid']}/")["targets"]) == 1


def test_public_datasets_and_their_files_are_open_to_everybody(tycho: Caller, sophie: Caller, dataset: str) -> None:
    made = tycho.upload(dataset, frame())
    run_jobs()
    http = Client()
    assert http.get("/arcsecond/datasets/").json() == []
    assert http.get(f"/arcsecond/datafiles/{made['id']}/").status_code == 404
    tycho.patch(f"datasets/{dataset}/", {"is_public": True})
    assert [one["uuid"] for one in http.get("/arcsecond/datasets/").json()] == [dataset]
    assert b"".join(http.get(f"/arcsecond/datafiles/{made['id']}/file/").streaming_content) == frame()
    assert sophie.get("datasets/", public="1")[0]["uuid"] == dataset
    assert sophie.get("datasets/") == []
    sophie.upload(dataset, frame(9), "x.fits", 403)
    assert http.post("/arcsecond/datasets/", {"name": "x"}, content_type="application/json").status_code == 401


def test_a_dataset_in_use_is_kept(tycho: Caller, dataset: str) -> None:
    made = tycho.upload(dataset, frame())
    assert "1 files" in tycho.delete(f"datasets/{dataset}/", 400)["detail"]
    tycho.delete(f"datafiles/{made['id']}/")
    tycho.delete(f"datasets/{dataset}/")


def test_real_fixtures_with_malformed_dates_are_filed(tycho: Caller, dataset: str, shared_data: Path) -> None:
    folder = shared_data / "fits-archive" / "fits"
    for name in ("file1.fits", "very_simple.fits", "data_zipped_with_clear.fits.gz", "non_data_zipped.txt.gz"):
        tycho.upload(dataset, (folder / name).read_bytes(), name)
    run_jobs()
    found = {one["name"]: one for one in tycho.get("datafiles/", dataset=dataset)}
    assert found["file1.fits"]["date"].startswith("2015-02-19T11:04:00")
    assert found["very_simple.fits"]["date"].startswith("2002-01-28T03:00:01.875")  # the middle of it
    assert found["data_zipped_with_clear.fits.gz"]["target_name"] == found["very_simple.fits"]["target_name"]
    assert found["non_data_zipped.txt.gz"]["format"] is None
    assert {one["date"] for one in tycho.get("nightlogs/")} == {"2002-01-27", "2015-02-18"}
    assert DataFile.objects.filter(unfiled="").count() == 4


def test_where_a_public_file_was_taken_is_found_by_those_alone_who_may_change_it(
    tycho: Caller, sophie: Caller, dataset: str
) -> None:
    from hven.archive.models import DataFile

    tycho.upload(dataset, frame(SITELAT=28.3, OBJECT="M31"))
    run_jobs()
    DataFile.objects.update(visibility="public")
    said = {"header.SITELAT": "28.3", "public": "1"}
    assert len(tycho.get("datafiles/", **said)) == 1
    assert sophie.get("datafiles/", **said) == []
    assert len(sophie.get("datafiles/", **{"header.OBJECT": "M31", "public": "1"})) == 1
