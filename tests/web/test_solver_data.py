"""The page of solver data: what is covered, what one's cameras need, and who may bring it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from hven.config.folders import Folders
from hven.imaging.services import solver_indexes as indexes
from hven.jobs.models import Job, State
from hven.web import coverage
from tests import skies


@pytest.fixture
def place(settings, tmp_path):
    settings.HVEN_FOLDERS = Folders(tmp_path / "data")
    settings.HVEN_FOLDERS.make()
    settings.HVEN_INDEX_FOLDERS = (tmp_path / "system", settings.HVEN_FOLDERS.solver / "indexes")
    return tmp_path


@pytest.fixture
def staff(user):
    user.is_staff = True
    user.save()
    return user


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def narrow(made, scale=0.7, width=2048) -> None:
    """Let a frame that was not solved say its scale: 2048 pixels of 0.7 arcseconds are 0.4 degrees."""
    file = made.reduction.data_file
    file.width, file.camera, file.meaning = width, "ASI2600", {"scale_arcsec": scale, "telescope": "C11"}
    file.save()


def test_the_page_teaches_the_first_step_where_nothing_is_there(client_for, user, place) -> None:
    page = text_of(client_for(user).get("/solver/"))
    assert "hven index fetch 4100" in page
    assert "Covered are fields of 6° to 60°." in page
    assert "None of your frames says how wide it is yet" in page
    assert "Administrators of this server install indexes here" in page


def test_it_asks_for_a_sign_in(anyone, place) -> None:
    assert anyone.get("/solver/").status_code == 302


def test_a_narrow_camera_is_told_what_to_install_and_how_large_it_is(client_for, staff, make_frame, place) -> None:
    narrow(make_frame(staff, outcome="no solution"))
    page = client_for(staff).get("/solver/")
    said = text_of(page)
    assert "ASI2600, C11" in said
    assert "1 frame 23.89′ wide, 0 solved. Install 5204 and 5205, 1.8 GB." in said
    assert "hven index fetch 5204 &amp;&amp; hven index fetch 5205" in said
    assert "not covered" in said
    assert page.content.decode().count('name="word" value="520') == 2


def test_who_is_no_administrator_sees_the_command_and_no_button(client_for, user, make_frame, place) -> None:
    narrow(make_frame(user, outcome="no solution"))
    page = client_for(user).get("/solver/").content.decode()
    assert "hven index fetch 5204" in page
    assert "/solver/fetch/" not in page
    assert "/solver/build/" not in page


def test_a_solved_frame_counts_by_its_solution_and_a_hint_by_what_was_said(client_for, user, make_frame, place) -> None:
    made = make_frame(user)
    solution = made.run.solution
    solution.width, solution.height, solution.radius_deg = 4000, 3000, 6.25
    solution.save()
    (camera,) = coverage.cameras(user, ())
    assert (camera.width_deg, camera.solved, camera.covered) == (pytest.approx(10.0), 1, True)
    hinted = make_frame(user, outcome="no solution", name="b.fits", config={"scale_low": 0.5, "scale_high": 2.0})
    hinted.reduction.data_file.width = 3600
    hinted.reduction.data_file.save()
    assert [c.width_deg for c in coverage.cameras(user, ())] == pytest.approx([1.0, 10.0])


def test_frames_of_others_are_nobodys_business(client_for, user, other_user, make_frame, place) -> None:
    narrow(make_frame(other_user, outcome="no solution"))
    assert "ASI2600" not in text_of(client_for(user).get("/solver/"))


def test_an_own_index_covers_a_narrow_camera_where_its_catalogue_reaches(client_for, user, make_frame, place) -> None:
    narrow(make_frame(user, outcome="no solution"), scale=0.35)
    assert not coverage.cameras(user, indexes.installed())[0].partly
    indexes.add_index(skies.built(place / "made"))
    page = text_of(client_for(user).get("/solver/"))
    assert " deep own " in page
    assert "covered in parts of the sky" in page
    assert "For all of the sky install 5202 and 5203" in page
    assert "Covered are fields of 6° to 60°, in parts of the sky also of 0.14° to 0.47°." in page


def test_below_every_public_index_the_page_points_to_building(client_for, user, make_frame, place) -> None:
    narrow(make_frame(user, outcome="no solution"), scale=0.08)
    assert "build one from a catalogue of your targets" in text_of(client_for(user).get("/solver/"))


def test_a_fetch_is_queued_shown_and_cancelled(client_for, staff, place) -> None:
    client = client_for(staff)
    assert client.post("/solver/fetch/", {"word": ["5204", "5200-LITE --scale 0"]}).status_code == 302
    first, second = indexes.under_way()
    assert (first.args, second.args) == (
        {"word": "5204", "scales": []}, {"word": "5200-LITE", "scales": [0]}
    )  # fmt: skip
    Job.objects.filter(pk=first.pk).update(state=State.RUNNING, progress=0.42, message="index-5204-07.fits: 3 of 25 MB")
    page = client.get("/solver/")
    assert "Fetch 5204" in text_of(page) and "42 % · index-5204-07.fits: 3 of 25 MB" in text_of(page)
    part = client.get("/solver/", HTTP_HX_REQUEST="true").content.decode()
    assert part.lstrip().startswith('<div id="solver" hx-get')
    assert "already" in text_of(client.post("/solver/fetch/", {"word": "5204"}, follow=True))
    for job in (first, second):
        client.post(f"/solver/{job.uuid}/cancel/")
    assert indexes.under_way() == []
    assert "hx-get" not in client.get("/solver/", HTTP_HX_REQUEST="true").content.decode()


@pytest.mark.parametrize(
    ("path", "form"),
    [("fetch/", {"word": "4110"}), ("build/", {}), ("remove/", {"word": "x"}),
     ("00000000-0000-0000-0000-000000000000/cancel/", {})],
)  # fmt: skip
def test_who_is_no_administrator_changes_nothing(client_for, user, place, path, form) -> None:
    assert client_for(user).get(f"/solver/{path}").status_code == 405
    assert client_for(user).post(f"/solver/{path}", form).status_code == 403
    assert Job.objects.count() == 0


@pytest.mark.parametrize("word", ["", "4200", "../x", "5200-LITE --scale x", "5200-LITE --scale 9"])
def test_nonsense_is_refused_in_a_sentence(client_for, staff, place, word) -> None:
    answer = client_for(staff).post("/solver/fetch/", {"word": word})
    assert answer.status_code == 400
    assert indexes.under_way() == []


def test_a_catalogue_becomes_a_job_with_what_was_said_about_it(client_for, staff, place) -> None:
    form = {
        "file": SimpleUploadedFile("my targets.csv", b"ra,dec,mag\n1,2,3\n"),
        "width_low": "0.2", "mag": "Gmag", "name": "", "epoch": "",
    }  # fmt: skip
    assert client_for(staff).post("/solver/build/", form).status_code == 302
    (job,) = indexes.under_way()
    order = job.args["order"]
    assert (order["name"], order["mag"], order["width_low"], order["epoch"]) == ("my targets", "Gmag", 0.2, None)
    assert "Index of my targets.csv" in text_of(client_for(staff).get("/solver/"))


def test_a_build_without_a_file_or_with_a_wrong_number_is_a_sentence(client_for, staff, place) -> None:
    assert "Choose a catalogue" in text_of(client_for(staff).post("/solver/build/", {}, HTTP_ACCEPT="text/html"))
    form = {"file": SimpleUploadedFile("c.csv", b"x"), "width_low": "wide"}
    answer = client_for(staff).post("/solver/build/", form)
    assert answer.status_code == 400
    assert "Width low" in answer.content.decode()


def test_what_ended_says_how_it_ended(client_for, staff, place) -> None:
    now = timezone.now()
    Job.objects.create(
        kind=indexes.FETCH, args={"word": "5206"}, state=State.FAILED, error_text="The server is away.", finished=now
    )
    Job.objects.create(kind=indexes.FETCH, args={"word": "5203"}, state=State.FAILED, finished=now - timedelta(days=2))
    result = {
        "name": "m31", "stars": 24000,
        "files": [{"solved": 5, "tried": 5, "width_deg": 0.2, "error_arcsec": 0.03}],
    }  # fmt: skip
    Job.objects.create(kind=indexes.BUILD, args={"filename": "c.csv"}, state=State.DONE, result=result, finished=now)
    page = text_of(client_for(staff).get("/solver/"))
    assert "Fetch 5203" not in page
    assert "Fetch 5206: The server is away." in page
    assert "Index of c.csv: installed as m31, of 24000 stars; places 5 of 5 test fields of 12.00′, to 0.03″." in page


def test_an_index_of_the_data_folder_is_removed_and_others_have_no_button(client_for, staff, place) -> None:
    indexes.add_index(skies.built(place / "made"))
    skies.built(place / "system", scale=3, first_id=20_000, name="other")
    client = client_for(staff)
    page = client.get("/solver/").content.decode()
    assert 'aria-label="Remove deep"' in page
    assert 'aria-label="Remove other"' not in page
    client.post("/solver/remove/", {"word": "deep"})
    assert [index.own_name for index in indexes.installed()] == ["other"]


def test_the_bar_is_logarithmic_and_ends_at_its_ends() -> None:
    assert coverage.place(1 / 60) == 0
    assert coverage.place(500) == 100
    assert coverage.place((180 / 60) ** 0.5) == pytest.approx(50, abs=0.01)
