"""Handing over files from a page, and how the tray learns what becomes of them."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.web.conftest import picture_bytes


def a_file(name: str = "hven.fits", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture_bytes() if content is None else content)


def test_a_file_is_filed_and_its_run_waits_with_the_hints(client_for, user) -> None:
    from hven.imaging.models import Run

    form = {"file": a_file(), "scale_low": "17", "scale_high": "19.5", "parity": "-1", "visibility": "public"}
    answer = client_for(user).post("/uploads/", form)
    assert answer.status_code == 201
    run = Run.objects.get()
    assert run.config == {"scale_low": 17.0, "scale_high": 19.5, "parity": -1}
    assert run.reduction.visibility == "public"
    assert run.reduction.submission.origin == "web"
    row = answer.json()
    assert row["frame"] == f"/frames/{run.reduction.uuid}/"
    assert (row["state"], row["ended"], row["name"]) == ("queued", False, "hven.fits")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Choose a file"),
        ({"file": "text"}, "Choose a file"),
        ({"scale_low": "wide"}, "scale_low takes a number"),
        ({"scale_low": "9", "scale_high": "3"}, "larger than"),
        ({"ra": "20"}, "belong together"),
        ({"ra": "400", "dec": "0"}, "ra lies between"),
        ({"parity": "7"}, "parity is one of"),
        ({"visibility": "secret"}, "private or public"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_filed(client_for, user, form, words) -> None:
    from hven.imaging.models import Reduction

    if "file" not in form and form:
        form = {"file": a_file(), **form}
    answer = client_for(user).post("/uploads/", form)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert not Reduction.objects.exists()


def test_too_large_a_file_is_refused_while_it_comes(client_for, user, settings) -> None:
    settings.HVEN_MAX_UPLOAD = 1000
    answer = client_for(user).post("/uploads/", {"file": a_file()})
    assert answer.status_code == 413
    assert "limit" in answer.json()["error"]


def test_a_full_disk_is_told_with_507(client_for, user, settings) -> None:
    settings.HVEN_MIN_FREE_DISK = 2**62
    answer = client_for(user).post("/uploads/", {"file": a_file()})
    assert answer.status_code == 507
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("content", [b"--x\r\nContent-Disposition: form-data; name=", b"", b"\x00" * 50])
def test_a_cut_body_is_refused_with_a_sentence(client_for, user, content) -> None:
    answer = client_for(user).generic("POST", "/uploads/", content, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_a_body_that_is_no_form_is_refused(client_for, user) -> None:
    answer = client_for(user).post("/uploads/", "{}", content_type="application/json")
    assert answer.status_code == 415
    assert "error" in answer.json()


def test_nobody_uploads_without_signing_in(anyone, db) -> None:
    assert anyone.post("/uploads/", {"file": a_file()}).status_code in {401, 403}


def test_a_broken_picture_fails_with_a_sentence_on_its_page(client_for, user) -> None:
    from hven.imaging.models import Run
    from hven.jobs import services as jobs

    client = client_for(user)
    row = client.post("/uploads/", {"file": a_file("torn.fits", b"SIMPLE  =    torn")}).json()
    jobs.run_here(Run.objects.get().job)
    now = client.get(f"/uploads/rows.json?submissions={row['submission']}").json()["rows"][0]
    assert (now["state"], now["ended"]) == ("failed", True)
    assert now["why"]
    page = client.get(row["frame"]).content.decode()
    assert "Run again" in page
    assert "Traceback" not in page


@pytest.mark.parametrize("ids", ["x", "1,2", "'"])
def test_rows_of_nonsense_are_refused(client_for, user, ids) -> None:
    assert client_for(user).get("/uploads/rows.json", {"submissions": ids}).status_code == 400


def test_the_call_follows_the_form(client_for, user) -> None:
    call = client_for(user).post(
        "/uploads/call.json", {"ra": "84", "dec": "-1.5", "radius": "3", "visibility": "public"}
    )
    assert '"center_ra": 84.0, "center_dec": -1.5, "radius": 3.0, "publicly_visible": "y"' in call.json()["call"]
    assert client_for(user).post("/uploads/call.json", {"ra": "north"}).status_code == 400
