"""Archives, text lists, tags of people, privacy of lists, and taking back: over the API, as clients see it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from django.test import Client
from PIL import Image

from hven.accounts.actor import Actor
from hven.archive import services as archive
from hven.archive.models import DataFile, Submission
from hven.imaging.models import Reduction, Run
from tests.dialects.nova.conftest import Nova


def _tar(*members: tuple[str, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]  # modes are a Literal there
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _stars(frame: Path) -> list[tuple[float, float]]:
    """The stars of the simulated frame, brightest first, 1-based."""
    with frame.with_name(frame.name + ".truth.csv").open() as file:
        rows = [(float(row["x"]) + 1, float(row["y"]) + 1) for row in csv.DictReader(file)]
    return [(x, y) for x, y in rows if 1 < x < 800 and 1 < y < 600][:120]


def test_an_archive_becomes_a_job_for_each_member_in_its_order(
    nova: Nova, solver_folder: Path, wide_frame: Path
) -> None:
    text = "\r\n".join(f"{x:.3f}\t{y:.3f}" for x, y in _stars(wide_frame)).encode()
    content = _tar(("night/list.txt", text), ("night/wide.fits", wide_frame.read_bytes()), ("notes.md", b"so far"))
    number = nova.call("upload", file=("night.tar.gz", content), image_width=800, image_height=600)["subid"]
    before = nova.get(f"submissions/{number}")
    assert len(before["jobs"]) == 1
    assert before["processing_started"] != "None"
    assert before["processing_finished"] == "None"
    nova.run_jobs()
    found = nova.get(f"submissions/{number}")
    assert found["jobs"][0] == before["jobs"][0]
    assert found["processing_finished"] != "None"
    assert "error_message" not in found
    names = [nova.get(f"jobs/{job}/info")["original_filename"] for job in found["jobs"]]
    assert names == ["list.txt", "wide.fits", "notes.md"]
    assert [nova.get(f"jobs/{job}")["status"] for job in found["jobs"]] == ["success", "success", "failure"]
    assert [job for job, _ in found["job_calibrations"]] == found["jobs"][:2]
    assert len(found["user_images"]) == len(found["images"]) == 3
    for job in found["jobs"][:2]:
        calibration = nova.get(f"jobs/{job}/calibration")
        assert (calibration["ra"], calibration["dec"]) == pytest.approx((84.0, -1.5), abs=0.02)


def test_an_archive_by_address_is_unpacked_too(nova: Nova, monkeypatch: pytest.MonkeyPatch) -> None:
    from hven.outside import fetch

    def fetched(url: str, target: Path, **_options: Any) -> Any:
        target.write_bytes(_tar(("a.txt", b"1 2\n3 4\n"), ("b.txt", b"1 2\n3 4\n")))
        return fetch.Fetched(target, 1, "night.tar.gz", "application/gzip", url)

    monkeypatch.setattr(fetch, "fetch", fetched)
    number = nova.call("url_upload", url="http://example.org/night.tar.gz")["subid"]
    nova.run_jobs()
    assert len(nova.get(f"submissions/{number}")["jobs"]) == 2


def test_an_empty_archive_fails_with_a_job_and_a_sentence(nova: Nova) -> None:
    number = nova.call("upload", file=("night.tar.gz", _tar((".DS_Store", b"x"))))["subid"]
    nova.run_jobs()
    found = nova.get(f"submissions/{number}")
    assert "no files" in found["error_message"]
    assert nova.get(f"jobs/{found['jobs'][0]}") == {"status": "failure"}


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_list_is_solved(nova: Nova, solver_folder: Path, wide_frame: Path, packed: bool) -> None:
    text = "# by hand\nx,y\n" + "".join(f"{x},{y}\n" for x, y in _stars(wide_frame))
    content = gzip.compress(text.encode()) if packed else text.encode()
    job = nova.solve("list.csv", content, image_width=800, image_height=600)
    assert nova.get(f"jobs/{job}/calibration")["width_arcsec"] == pytest.approx(800 * 54, rel=1e-3)


def test_a_fits_table_is_solved_with_the_size_that_kstars_tells(
    nova: Nova, solver_folder: Path, wide_frame: Path
) -> None:
    stars = _stars(wide_frame)
    columns = [fits.Column(name, "E", array=[star[i] for star in stars]) for i, name in enumerate("XY")]
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(content)
    job = nova.solve("stars.xyls", content.getvalue(), image_width=800, image_height=600)
    assert nova.get(f"jobs/{job}/calibration")["height_arcsec"] == pytest.approx(600 * 54, rel=1e-3)


def test_a_negative_is_solved_when_it_is_said_to_be_one(nova: Nova, solver_folder: Path, wide_frame: Path) -> None:
    with fits.open(wide_frame) as hdus:
        negative = (65535 - hdus[0].data.astype(int)).clip(0, 65535).astype("uint16")
    content = io.BytesIO()
    fits.PrimaryHDU(negative).writeto(content)
    assert nova.get(f"jobs/{nova.solve('a.fits', content.getvalue())}") == {"status": "failure"}
    assert nova.get(f"jobs/{nova.solve('a.fits', content.getvalue(), invert=True)}") == {"status": "success"}


def test_the_plane_that_is_named_is_solved_and_shown(nova: Nova, solver_folder: Path, wide_frame: Path) -> None:
    noise = np.random.default_rng(1).normal(100, 5, (300, 400)).astype(np.float32)
    content = io.BytesIO()
    with fits.open(wide_frame) as hdus:
        stars = fits.ImageHDU(hdus[0].data, name="SCI")
    fits.HDUList([fits.PrimaryHDU(noise), stars]).writeto(content)
    assert nova.get(f"jobs/{nova.solve('a.fits', content.getvalue())}") == {"status": "failure"}
    for plane in (1, "SCI"):
        job = nova.solve("a.fits", content.getvalue(), plane=plane)
        assert nova.get(f"jobs/{job}") == {"status": "success"}
        assert Image.open(io.BytesIO(nova.file(f"grid_full/{job}").content)).size == (800, 600)
        with fits.open(io.BytesIO(b"".join(nova.file(f"new_fits_file/{job}")))) as solved:
            assert solved[0].data.shape == (600, 800)


def test_the_table_of_a_segmented_frame_has_the_names_of_sextractor(
    nova: Nova, solver_folder: Path, wide_frame: Path
) -> None:
    job = nova.solve("wide.fits", wide_frame.read_bytes(), use_sextractor=True, tweak_order=0, downsample_factor=1)
    assert nova.get(f"jobs/{job}") == {"status": "success"}
    with fits.open(io.BytesIO(b"".join(nova.file(f"axy_file/{job}")))) as hdus:
        assert hdus[1].columns.names[:3] == ["X_IMAGE", "Y_IMAGE", "MAG_AUTO"]
    with fits.open(io.BytesIO(b"".join(nova.file(f"image_rd_file/{job}")))) as hdus:
        assert {"X_IMAGE", "RA", "DEC"} <= set(hdus[1].columns.names)
    header = fits.Header.fromstring(b"".join(nova.file(f"wcs_file/{job}")).decode())
    assert "A_ORDER" not in header
    assert (header["CRPIX1"], header["CRPIX2"]) == (400.5, 300.5)


# --- lists ----------------------------------------------------------------------------------------------------


def test_jobs_by_tag_shows_what_is_public_and_ones_own_to_whom_signs(nova: Nova, user: Any, other_user: Any) -> None:
    numbers = []
    for visible in ("y", "n"):
        subid = nova.call("upload", file=("a.fits", b"SIMPLE  ="), publicly_visible=visible)["subid"]
        numbers += nova.get(f"submissions/{subid}")["jobs"]
    for file in DataFile.objects.all():
        archive.add_tag(Actor.of(user), file, "First Light")
    public, private = numbers

    def asked(query: str, **words: Any) -> list[int]:
        path = f"/nova/api/jobs_by_tag?query={query}"
        answer = Client().post(path, {"request-json": json.dumps(words)}) if words else Client().get(path)
        return sorted(json.loads(answer.content)["job_ids"])

    assert asked("first+light&exact=yes") == asked("st+li&") == asked("FIRST&") == [public]
    assert asked("first&exact=yes") == asked("%25&") == []
    assert asked("first+light&", session=nova.session) == [public, private]


def test_myjobs_are_ones_own(nova: Nova, other_user: Any) -> None:
    from hven.accounts import services as accounts

    subid = nova.call("upload", file=("a.fits", b"SIMPLE  ="), publicly_visible="y")["subid"]
    assert nova.call("myjobs")["jobs"] == nova.get(f"submissions/{subid}")["jobs"]
    other = Nova(accounts.make_key(other_user, "api").secret)
    assert other.call("myjobs")["jobs"] == []
    assert other.call("submission_images", subid=subid)["status"] == "success"
    Submission.objects.update(visibility="private")
    assert other.call("submission_images", subid=subid)["errormessage"] == "submission does not exist"


# --- taking back ----------------------------------------------------------------------------------------------


def test_a_submission_is_deleted_by_its_owner_and_by_nobody_else(nova: Nova, other_user: Any) -> None:
    from hven.accounts import services as accounts

    subid = nova.call("upload", file=("a.fits", b"SIMPLE  ="), publicly_visible="y")["subid"]
    other = Nova(accounts.make_key(other_user, "api").secret)
    assert "owner" in other.call(f"submissions/{subid}/delete")["errormessage"]
    assert json.loads(Client().post(f"/nova/api/submissions/{subid}/delete").content)["errormessage"] == "no json"
    assert Run.objects.exists()
    assert nova.call(f"submissions/{subid}/delete") == {"status": "success"}
    for model in (Submission, Reduction, DataFile, Run):
        assert not model.objects.exists()
    assert nova.http.get(f"/nova/api/submissions/{subid}").status_code == 404
    assert nova.post(f"submissions/{subid}/delete", {"session": nova.session}).status_code == 404


def test_a_submission_is_deleted_by_the_verb_and_a_key(nova: Nova, api_key: str) -> None:
    subid = nova.call("upload", file=("a.fits", b"SIMPLE  ="))["subid"]
    path = f"/nova/api/submissions/{subid}"
    for header in ({}, {"HTTP_AUTHORIZATION": "Bearer " + "0" * 40}, {"HTTP_AUTHORIZATION": "Basic x"}):
        assert json.loads(Client().delete(path, **header).content)["status"] == "error"
    assert Submission.objects.exists()
    answer = Client().delete(path, HTTP_AUTHORIZATION=f"Bearer {api_key}")
    assert json.loads(answer.content) == {"status": "success"}
    assert not Submission.objects.exists()


def test_a_key_that_only_uploads_deletes_nothing(transactional_db: None, user: Any) -> None:
    from hven.accounts import services as accounts

    nova = Nova(accounts.make_key(user, "upload").secret)
    subid = nova.call("upload", file=("a.fits", b"SIMPLE  ="))["subid"]
    assert "access key does not allow" in nova.call(f"submissions/{subid}/delete")["errormessage"]
    assert Submission.objects.exists()


# --- pictures -------------------------------------------------------------------------------------------------


def test_a_frame_without_a_solution_shows_its_sources_and_no_grid(
    nova: Nova, solver_folder: Path, wide_frame: Path
) -> None:
    job = nova.solve("wide.fits", wide_frame.read_bytes(), parity=1)
    assert nova.file(f"extraction_image_display/{job}").status_code == 200
    for path in ("grid_display", "annotated_full", "red_green_image_display", "image_rd_file", "kml_file"):
        answer = nova.file(f"{path}/{job}")
        assert answer.status_code == 404
        assert b"no solution" in answer.content or b"left no" in answer.content


def test_the_small_pictures_are_made_once_and_go_with_their_frame(
    nova: Nova, solver_folder: Path, wide_frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hven.imaging.models import ReductionFile
    from hven.imaging.services import pictures

    job = nova.solve("wide.fits", wide_frame.read_bytes())
    first = nova.file(f"grid_display/{job}").content
    assert ReductionFile.objects.filter(run=job, path="grid.jpg").count() == 1
    monkeypatch.setattr(pictures, "_render", None)
    assert nova.file(f"grid_display/{job}").content == first
    monkeypatch.undo()
    subid = Run.objects.get(pk=job).reduction.submission_id
    nova.call(f"submissions/{subid}/delete")
    assert not ReductionFile.objects.exists()


def test_an_image_is_shown_while_another_run_of_it_waits(
    nova: Nova, user: Any, solver_folder: Path, wide_frame: Path
) -> None:
    from hven.imaging import services as imaging

    job = nova.solve("wide.fits", wide_frame.read_bytes())
    reduction = Run.objects.get(pk=job).reduction
    imaging.repeat_run(Actor.of(user), Run.objects.get(pk=job))
    assert nova.file(f"image/{reduction.data_file_id}").status_code == 200
    assert nova.file(f"thumbnail_of_image/{reduction.data_file_id}").status_code == 200


def test_a_picture_that_does_not_get_its_turn_is_asked_for_again(
    nova: Nova, solver_folder: Path, wide_frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hven.imaging.services import pictures

    job = nova.solve("wide.fits", wide_frame.read_bytes())
    monkeypatch.setattr(pictures, "_WAIT_S", 0.0)
    with pictures.one_picture():
        busy = nova.file(f"grid_display/{job}")
    assert busy.status_code == 503
    assert nova.file(f"grid_display/{job}").status_code == 200


@pytest.mark.parametrize("number", ["0", "99999999", "-1", "9" * 40])
def test_files_of_unknown_numbers_are_404_with_a_sentence(nova: Nova, number: str) -> None:
    for path in (
        "image", "thumbnail_of_image", "sky_plot/zoom1", "status", "user_images", "grid_full", "kml_file",
        "image_rd_file", "new_header_file", "joblog2",
    ):  # fmt: skip
        answer = nova.file(f"{path}/{number}")
        assert answer.status_code == 404, path
        assert answer.content.endswith(b".\n")
