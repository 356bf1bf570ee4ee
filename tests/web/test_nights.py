# ruff: noqa: RUF001 - times and dashes, as the pages have them
"""Night logs on pages: the timeline, the conditions, the frames, and what is started from there."""

from __future__ import annotations

from typing import Any

import pytest

from hven.archive.models import NightLog
from hven.imaging.models import Reduction, Run, RunState, StepRun
from hven.jobs.models import Job

from .nightly import Place, observing_place


@pytest.fixture
def place(user: Any) -> Place:
    return observing_place(user)


@pytest.fixture
def night(place: Place) -> NightLog:
    """Three lights in two filters, a bias and a flat."""
    for number, (name, time) in enumerate((("R", "22:30:00"), ("R", "22:31:10"), ("V", "23:40:00"))):
        place.take(f"m105-{number}.fits", FILTER=name, **{"DATE-OBS": f"2026-03-15T{time}"})
    place.take("bias.fits", IMAGETYP="Bias Frame", EXPTIME=0.0, OBJECT=None, **{"DATE-OBS": "2026-03-15T18:00:00"})
    place.take("flat.fits", IMAGETYP="Flat Field", OBJECT=None, **{"DATE-OBS": "2026-03-15T19:20:00"})
    return NightLog.objects.get()


def page(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def measured(place: Place, name: str, **config: Any) -> Reduction:
    """Say that a frame was calibrated, with these figures."""
    from django.utils import timezone

    file = place.dataset.data_files.get(name=name)
    reduction = Reduction.objects.create(owner=file.owner, name=name, data_file=file, config=config)
    run = Run.objects.create(reduction=reduction, steps=["inspect"], outcome=RunState.DONE)
    now = timezone.now()
    StepRun.objects.create(
        run=run, position=0, key="inspect", state="done", results={"sky_adu": 543.0}, started=now, finished=now
    )
    return reduction


def test_a_night_shows_what_was_taken_and_when_it_was_dark(client_for, user, night) -> None:
    said = page(client_for(user), f"/nights/{night.uuid}/")
    assert "Night of 2026-03-15" in said
    assert "dark 20:32 to 05:56 UTC" in said
    assert "R 2 × 60 s, V 1 × 60 s" in said
    assert "R, 2 × 60 s, 22:30–22:32 UTC" in said  # exposures that follow each other are one bar
    assert "V, 1 × 60 s, 23:40–23:41 UTC" in said
    assert "flat R" in said
    assert "3 frames of the sky" in said
    for file in night.observations.get().data_files.all():
        assert f"/files/{file.uuid}/units/first-240.jpg" in said


def test_the_list_says_what_each_night_brought(client_for, user, night) -> None:
    said = page(client_for(user), "/nights/")
    assert "2026-03-15" in said
    assert "M105" in said
    assert "Quadrant" in said


def test_without_nights_the_page_says_how_they_come(client_for, user) -> None:
    said = page(client_for(user), "/nights/")
    assert "Make a site" in said
    observing_place(user)
    assert "hven upload FOLDER" in page(client_for(user), "/nights/")


def test_conditions_are_those_that_the_frames_tell(client_for, user, place, night) -> None:
    assert "Nothing was measured" in page(client_for(user), f"/nights/{night.uuid}/")
    measured(place, "m105-0.fits", zp=22.29, zp_err=0.01, fwhm=2.5, pixscale=2.0 / 3600)
    measured(place, "m105-2.fits", zp=22.69, fwhm=3.0, pixscale=2.0 / 3600)
    said = page(client_for(user), f"/nights/{night.uuid}/")
    assert "17.845 ± 0.010 mag, R, 22:30 UTC, m105-0.fits" in said  # of one second
    assert "5.00 ″, R" in said
    assert "6.00 ″, V" in said
    assert "543.0 ADU" in said
    assert "2 of 3 solved, 2 calibrated" in said


def test_a_frame_without_a_result_says_why(client_for, user, place, night) -> None:
    reduction = measured(place, "m105-1.fits")
    reduction.refresh_from_db()
    reduction.latest_run.outcome, reduction.latest_run.reason = RunState.NO_SOLUTION, "Too few stars: 3 were detected."
    reduction.latest_run.save()
    Reduction.objects.filter(pk=reduction.pk).update(config={})
    said = page(client_for(user), f"/nights/{night.uuid}/")
    assert "no solution" in said
    assert "Too few stars: 3 were detected." in said


def test_a_whole_night_is_started_at_once_and_what_is_done_is_left_alone(client_for, user, place, night) -> None:
    client = client_for(user)
    measured(place, "m105-0.fits", zp=22.29)
    client.post(f"/nights/{night.uuid}/begin/", {"rule": "photometry"})
    begun = Job.objects.filter(kind="imaging.begin")
    assert {job.args["data_file_id"] for job in begun} == {
        file.pk for file in place.dataset.data_files.filter(name__in=["m105-1.fits", "m105-2.fits"])
    }
    assert client.post(f"/nights/{night.uuid}/begin/", {"rule": "none"}).status_code == 400
    assert client.post(f"/nights/{night.uuid}/begin/", {}).status_code == 400


def test_asking_twice_starts_nothing_twice_and_calibrating_comes_after_solving(client_for, user, place, night) -> None:
    from hven.imaging.services.filed import begin_filed

    client = client_for(user)
    for _ in range(2):
        client.post(f"/nights/{night.uuid}/begin/", {"rule": "solve"})
    begun = Job.objects.filter(kind="imaging.begin")
    assert begun.count() == 3
    file = place.dataset.data_files.get(name="m105-0.fits")
    first = begin_filed(file.pk, "solve")
    begun.delete()
    assert begin_filed(file.pk, "photometry") is None  # another run of it is under way: looked at again later
    assert begun.get().not_before is not None
    Run.objects.filter(pk=first.pk).update(outcome=RunState.DONE)
    second = begin_filed(file.pk, "photometry")
    assert second.steps == ["inspect", "photometry"]
    assert second.reduction == first.reduction


def test_what_is_done_of_many_hides_nothing_that_is_not(client_for, user, place, night, monkeypatch) -> None:
    from hven.imaging.services import begin_many

    monkeypatch.setattr(begin_many, "MOST", 2)
    for name in ("m105-0.fits", "m105-1.fits"):
        measured(place, name, zp=22.0)
    open_one = measured(place, "m105-2.fits")
    client_for(user).post(f"/nights/{night.uuid}/begin/", {"rule": "photometry"})
    open_one.refresh_from_db()
    assert open_one.latest_run.steps == ["inspect", "photometry"]


@pytest.mark.parametrize("config", [{"zp": 1e20}, {"zp": -1e308}, {"zp": 22.0, "fwhm": 1e18, "pixscale": 1.0}])
def test_a_figure_beyond_all_measure_breaks_no_page(client_for, user, place, night, config: dict[str, float]) -> None:
    measured(place, "m105-0.fits", **config)
    assert "Night of 2026-03-15" in page(client_for(user), f"/nights/{night.uuid}/")


def test_exposures_of_any_length_compare_by_their_zero_points(client_for, user, place, night) -> None:
    long = place.take("long.fits", EXPTIME=600.0, FILTER="R", **{"DATE-OBS": "2026-03-15T23:00:00"})
    measured(place, "m105-0.fits", zp=22.0)
    measured(place, long.name, zp=24.5)
    said = page(client_for(user), f"/nights/{night.uuid}/")
    assert said.count("17.555 mag, R") == 2  # ten times the light in ten times the time


def test_each_filter_lies_at_a_height_of_its_own_and_has_its_median(client_for, user, place, night) -> None:
    import re

    measured(place, "m105-0.fits", fwhm=2.0, pixscale=1 / 3600)
    measured(place, "m105-2.fits", fwhm=3.0, pixscale=1 / 3600)
    said = page(client_for(user), f"/nights/{night.uuid}/")
    bars = {words[0]: y for y, words in re.findall(r'y="([0-9.]+)" height="[0-9.]+"><title>([RV], [^<]+)', said)}
    assert bars["R"] != bars["V"]
    assert "median R 2.0, V 3.0 ″, 2 frames" in said


def test_many_frames_are_found_from_their_night(client_for, user, place, night, monkeypatch) -> None:
    monkeypatch.setattr("hven.web.views.nights.PICTURES", 1)
    client = client_for(user)
    said = page(client, f"/nights/{night.uuid}/")
    for part in (night.observations.get(), night.calibrations.first()):
        kind = "observation" if part in night.observations.all() else "calibration"
        path = f"/files/?{kind}={part.uuid}"
        if part.data_files.count() > 1:
            assert path in said
        listed = page(client, path)
        assert all(f">{file.name}<" in listed for file in part.data_files.all())
        assert listed.count('scope="row"') == part.data_files.count()


def test_notes_are_kept_as_text(client_for, user, night) -> None:
    client = client_for(user)
    client.post(f"/nights/{night.uuid}/about/", {"about": "Calima <b>all</b> night"})
    assert "Calima &lt;b&gt;all&lt;/b&gt; night" in page(client, f"/nights/{night.uuid}/")


def test_strangers_learn_nothing_of_a_night(anyone, client_for, other_user, night) -> None:
    for client in (anyone, client_for(other_user)):
        assert client.get(f"/nights/{night.uuid}/").status_code == 404
        assert client.post(f"/nights/{night.uuid}/begin/", {"rule": "solve"}).status_code == 404
        assert client.post(f"/nights/{night.uuid}/about/", {"about": "x"}).status_code == 404
    assert "2026-03-15" not in page(client_for(other_user), "/nights/")
    assert anyone.get("/nights/").status_code == 302


def test_a_public_night_shows_strangers_its_public_files_and_no_site_that_is_not(anyone, place, night) -> None:
    night.visibility = "public"
    night.save()
    place.dataset.data_files.filter(name="m105-2.fits").update(visibility="public")
    night.observations.update(visibility="public")
    said = page(anyone, f"/nights/{night.uuid}/")
    assert "1 frame of the sky" in said
    assert "V 1 × 60 s" in said
    assert "Izaña" not in said
    assert night.telescope.name not in said
    assert "dark 20:32" not in said
    assert anyone.post(f"/nights/{night.uuid}/begin/", {"rule": "solve"}).status_code in {401, 403}


def test_a_site_whose_place_nobody_said_gives_no_twilight(client_for, user) -> None:
    other = observing_place(user, longitude=10.0)
    file = other.take()
    other.site.latitude_deg = None
    other.site.save()
    said = page(client_for(user), f"/nights/{file.observation.night.uuid}/")
    assert "Night of 2026-03-15" in said
    assert "twilight" not in said
