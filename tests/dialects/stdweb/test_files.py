"""Contract 1.3 and 1.5: files of a task, previews, the folder for local files, presets."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from hven.imaging.models import Preset, Reduction, ReductionFile
from tests.dialects.stdweb.conftest import Caller, frame


def test_a_listing_shows_the_top_level_by_name(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.put(number, "candidates/J1.cutout", b"12345")
    tycho.put(number, "candidates/J2.cutout", b"678")
    tycho.put(number, "a.txt", b"x")
    rows = tycho.get(f"tasks/{number}/files/")
    assert [row["name"] for row in rows] == ["a.txt", "candidates", "image.fits"]
    assert all(set(row) == {"name", "path", "size", "modified", "is_dir"} for row in rows)
    assert [row["is_dir"] for row in rows] == [False, True, False]
    assert rows[0]["size"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", rows[0]["modified"])


def test_a_file_comes_as_an_attachment_with_its_type(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.put(number, "candidates/J1.cutout", b"12345")
    answer = tycho.raw(f"tasks/{number}/files/image.fits")
    assert answer["Content-Type"] == "image/fits"
    assert answer["Content-Disposition"] == 'attachment; filename="image.fits"'
    assert answer["Content-Length"] == str(len(frame()))
    assert "sandbox" in answer["Content-Security-Policy"]
    assert tycho.get(f"tasks/{number}/files/candidates/J1.cutout") == b"12345"
    for path in ("none.fits", "candidates", "../../etc/passwd", "candidates/../image.fits"):
        assert tycho.get(f"tasks/{number}/files/{path}", 404) == {"detail": "File not found"}, path


def test_an_uploaded_file_replaces_one_of_its_path(tycho: Caller) -> None:
    number = tycho.create()["id"]
    assert tycho.put(number, "custom_mask.fits", b"one") == {"path": "custom_mask.fits", "size": 3}
    assert tycho.put(number, "custom_mask.fits", b"second") == {"path": "custom_mask.fits", "size": 6}
    assert tycho.get(f"tasks/{number}/files/custom_mask.fits") == b"second"
    assert ReductionFile.objects.filter(path="custom_mask.fits").count() == 1


def test_a_new_frame_takes_the_place_of_the_first_and_the_received_file_stays(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.put(number, "image.fits", frame(seed=9))
    assert tycho.get(f"tasks/{number}/files/image.fits") == frame(seed=9)
    tycho.delete(f"tasks/{number}/files/image.fits")
    assert tycho.get(f"tasks/{number}/files/image.fits") == frame()


def test_paths_stay_within_the_task(tycho: Caller) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    number = tycho.create()["id"]
    for path in ("../x.fits", "a/../../x", "a\\b", "x" * 201, "%2e%2e/x"):
        file = SimpleUploadedFile("x", b"x")
        answer = tycho.http.post(f"/stdweb/api/tasks/{number}/files/{path}", {"file": file}, headers=tycho.headers)
        assert answer.status_code in {400, 404}, path
    tycho.put(number, "a.txt", b"x")
    tycho.put(number, "a.txt/b.txt", b"x", 409)
    tycho.put(number, "image.fits/b.txt", b"x", 409)
    assert {row["name"] for row in tycho.get(f"tasks/{number}/files/")} == {"a.txt", "image.fits"}


def test_a_post_without_a_file_and_one_of_json_are_refused(tycho: Caller) -> None:
    number = tycho.create()["id"]
    assert tycho.post(f"tasks/{number}/files/a.txt", {}, 400, kind="form") == {"error": "No file provided"}
    assert "detail" in tycho.post(f"tasks/{number}/files/a.txt", {"file": "x"}, 415)


def test_a_folder_is_deleted_with_all_in_it(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.put(number, "candidates/J1.cutout", b"1")
    tycho.put(number, "candidates_simple.vot", b"1")
    tycho.delete(f"tasks/{number}/files/candidates")
    assert {row["name"] for row in tycho.get(f"tasks/{number}/files/")} == {"candidates_simple.vot", "image.fits"}
    assert tycho.delete(f"tasks/{number}/files/candidates", 404) == {"detail": "File not found"}


# --- previews -----------------------------------------------------------------------------------------------------


def _picture(answer: Any) -> Image.Image:
    return Image.open(io.BytesIO(answer.content))


def test_a_preview_is_a_jpeg_of_800_pixels_and_keeps_the_aspect(tycho: Caller) -> None:
    number = tycho.create(frame(shape=(60, 80)))["id"]
    answer = tycho.raw(f"tasks/{number}/preview/image.fits")
    assert answer["Content-Type"] == "image/jpeg"
    assert _picture(answer).size == (800, 600)
    answer = tycho.raw(f"tasks/{number}/preview/image.fits", width=400, format="png", cmap="gray")
    assert answer["Content-Type"] == "image/png"
    assert _picture(answer).size == (400, 300)


@pytest.mark.parametrize("stretch", ["linear", "log", "sqrt", "asinh"])
def test_every_stretch_gives_another_picture(tycho: Caller, stretch: str) -> None:
    number = tycho.create()["id"]
    plain = tycho.raw(f"tasks/{number}/preview/image.fits", format="png").content
    other = tycho.raw(f"tasks/{number}/preview/image.fits", format="png", stretch=stretch).content
    assert (plain == other) is (stretch == "linear")
    smooth = tycho.raw(f"tasks/{number}/preview/image.fits", format="png", stretch=stretch, r0=2).content
    assert smooth != other


def test_the_first_row_is_at_the_bottom(tycho: Caller) -> None:
    data = np.zeros((40, 40), np.float32)
    data[:20] = 100
    content = io.BytesIO()
    fits.PrimaryHDU(data).writeto(content)
    number = tycho.create(content.getvalue())["id"]
    seen = np.asarray(_picture(tycho.raw(f"tasks/{number}/preview/image.fits", format="png", cmap="gray")).convert("L"))
    assert seen[-10].mean() > 200 > 50 > seen[10].mean()


def test_what_the_custom_mask_hides_does_not_set_the_scale(tycho: Caller) -> None:
    rng = np.random.default_rng(0)
    data, mask = rng.normal(100, 1, (50, 50)).astype(np.float32), np.zeros((50, 50), np.uint8)
    data[:, :10], mask[:, :10] = 1e6, 1
    files = []
    for plane in (data, mask):
        content = io.BytesIO()
        fits.PrimaryHDU(plane).writeto(content)
        files.append(content.getvalue())
    number = tycho.create(files[0])["id"]
    path = f"tasks/{number}/preview/image.fits"
    before = np.asarray(_picture(tycho.raw(path, format="png", cmap="gray")).convert("L"))
    tycho.put(number, "custom_mask.fits", files[1])
    after = np.asarray(_picture(tycho.raw(path, format="png", cmap="gray")).convert("L"))
    assert before[:, 400:].std() < 5 < 30 < after[:, 400:].std()


def test_wrong_words_for_a_preview_are_told(tycho: Caller) -> None:
    number = tycho.create()["id"]
    path = f"tasks/{number}/preview/image.fits"
    assert tycho.get(path, 400, width="wide") == {"width": "Invalid numeric value"}
    assert tycho.get(path, 400, qmin="nan") == {"qmin": "Invalid numeric value"}
    for query in (
        {"stretch": "cubic"},
        {"cmap": "mauve"},
        {"width": 100_000},
        {"qmin": 90, "qmax": 10},
        {"format": "bmp"},
    ):
        assert "error" in tycho.get(path, 400, **query), query
    assert tycho.get(path, 400, ext=7) == ["Cannot read FITS data from file"]
    tycho.put(number, "notes.txt", b"no picture")
    assert tycho.get(f"tasks/{number}/preview/notes.txt", 400) == ["Cannot read FITS data from file"]
    assert tycho.get(f"tasks/{number}/preview/none.fits", 404) == {"detail": "File not found"}


def test_planes_are_chosen_by_ext_and_the_last_is_shown_otherwise(tycho: Caller) -> None:
    content = io.BytesIO()
    fits.HDUList(
        [fits.PrimaryHDU(np.ones((10, 20), np.float32)), fits.ImageHDU(np.ones((20, 10), np.float32))]
    ).writeto(content)
    number = tycho.create(content.getvalue())["id"]
    assert _picture(tycho.raw(f"tasks/{number}/preview/image.fits")).size == (800, 1600)
    assert _picture(tycho.raw(f"tasks/{number}/preview/image.fits", ext=0)).size == (800, 400)


# --- the folder for local files, presets --------------------------------------------------------------------------


def test_local_files_are_listed_and_taken_from_one_folder(tycho: Caller, settings: Any, tmp_path: Any) -> None:
    root = settings.HVEN_LOCAL_FILES = tmp_path / "files"
    (root / "b/deep").mkdir(parents=True)
    (root / "B.fits").write_bytes(frame())
    (root / "a.txt").write_text("words")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    rows = tycho.get("files/")
    assert [(row["name"], row["is_dir"]) for row in rows] == [("b", True), ("a.txt", False), ("B.fits", False)]
    assert tycho.get("files/b")[0]["path"] == "b/deep"
    assert tycho.get("files/a.txt") == b"words"
    assert tycho.raw("files/B.fits/preview/")["Content-Type"] == "image/jpeg"
    for path in ("none", "../secret", "link", "%2e%2e/secret"):
        assert tycho.get(f"files/{path}", 404).keys() == {"detail"}, path


def test_local_files_hide_what_begins_with_a_dot_and_survive_odd_links(
    tycho: Caller, settings: Any, tmp_path: Any
) -> None:
    root = settings.HVEN_LOCAL_FILES = tmp_path / "files"
    root.mkdir()
    (root / ".secret").write_text("secret")
    (root / "one").symlink_to(root / "two")
    (root / "two").symlink_to(root / "one")
    (root / "plain.fits").write_bytes(frame())
    open(bytes(root) + b"/\xff.fits", "wb").close()  # noqa: PTH123 - a name that is no UTF-8
    assert [row["name"] for row in tycho.get("files/")] == ["plain.fits"]
    for path in (".secret", "one", "./.secret"):
        assert tycho.get(f"files/{path}", 404).keys() == {"detail"}, path
    assert "no such file" in str(tycho.post("tasks/", {"local_file": "one"}, 400))


def test_a_path_has_one_form_for_reading_and_writing(tycho: Caller) -> None:
    number = tycho.create()["id"]
    assert tycho.put(number, "a//b.txt", b"x")["path"] == "a/b.txt"
    assert tycho.get(f"tasks/{number}/files/a//b.txt") == b"x"
    tycho.delete(f"tasks/{number}/files/a//b.txt")
    assert tycho.get(f"tasks/{number}/files/a/b.txt", 404)


@pytest.mark.parametrize("path", ["image.fits", "x.cutout"])
def test_no_picture_is_made_of_more_pixels_than_may_be(tycho: Caller, settings: Any, path: str) -> None:
    number = tycho.create()["id"]
    content = io.BytesIO()
    plane = fits.CompImageHDU(np.zeros((2000, 2000), np.int16), name="IMAGE")
    fits.HDUList([fits.PrimaryHDU(), plane]).writeto(content)
    tycho.put(number, path, content.getvalue())
    settings.HVEN_MAX_PIXELS = 1_000_000
    where = f"preview/{path}" if path == "image.fits" else f"cutout/{path}"
    assert tycho.get(f"tasks/{number}/{where}", 400) == ["Cannot read FITS data from file"]
    if path == "image.fits":
        for what in ("fix", "crop", "destripe"):
            assert "more than 1,000,000 pixels" in str(tycho.post(f"tasks/{number}/{what}/", {}, 413))


def test_a_preview_does_without_a_custom_mask_that_is_none(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.put(number, "custom_mask.fits", b"no mask")
    assert tycho.raw(f"tasks/{number}/preview/image.fits").status_code == 200


def test_presets_can_be_read(tycho: Caller) -> None:
    preset = Preset.objects.create(name="R frames", config={"filter": "R"})
    want = {"id": preset.pk, "name": "R frames", "config": {"filter": "R"}}
    assert tycho.get("presets/") == [want]
    assert tycho.get(f"presets/{preset.pk}/") == want
    tycho.get("presets/999/", 404)
    tycho.post("presets/", {"name": "x"}, 405)


def test_deleting_a_task_takes_its_files_but_not_what_is_filed_in_an_album(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.put(number, "a.txt", b"x")
    tycho.delete(f"tasks/{number}/")
    assert not Reduction.objects.exists()
    assert not ReductionFile.objects.exists()
