"""Results of a solved job: numbers, names and files."""

from __future__ import annotations

import csv
import io
import ipaddress
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from django.test import Client
from PIL import Image

from tests.dialects.nova.conftest import Nova


@pytest.fixture
def truth(wide_frame: Path) -> dict[str, Any]:
    return json.loads(wide_frame.with_name(wide_frame.name + ".truth.json").read_text())


def _table(nova: Nova, path: str) -> Any:
    return fits.open(io.BytesIO(b"".join(nova.file(path))))


def test_the_whole_way_of_a_frame(solved: tuple[Nova, int], truth: dict[str, Any]) -> None:
    nova, job = solved
    assert nova.get(f"jobs/{job}") == {"status": "success"}
    found = nova.get(f"jobs/{job}/calibration")
    assert set(found) == {
        "ra", "dec", "width_arcsec", "height_arcsec", "radius", "pixscale", "orientation", "parity",
    }  # fmt: skip
    assert found["ra"] == pytest.approx(truth["ra"], abs=0.01)
    assert found["dec"] == pytest.approx(truth["dec"], abs=0.01)
    assert found["pixscale"] == pytest.approx(truth["scale_arcsec"], rel=1e-3)
    assert found["orientation"] == pytest.approx(truth["orientation_deg"], abs=0.05)
    assert found["parity"] == -1.0
    assert isinstance(found["parity"], float)
    assert found["width_arcsec"] == pytest.approx(800 * found["pixscale"])
    assert found["height_arcsec"] == pytest.approx(600 * found["pixscale"])
    assert found["radius"] == pytest.approx(found["pixscale"] * 500 / 3600)


def test_a_submission_lists_its_calibration(solved: tuple[Nova, int]) -> None:
    nova, job = solved
    from hven.imaging.models import Run

    run = Run.objects.get(pk=job)
    found = nova.get(f"submissions/{run.reduction.submission_id}")
    assert found["job_calibrations"] == [[job, run.solution.pk]]
    assert found["user"] == run.reduction.owner_id


def test_info_holds_everything_but_the_sizes(solved: tuple[Nova, int]) -> None:
    nova, job = solved
    info = nova.get(f"jobs/{job}/info")
    assert info["status"] == "success"
    assert info["original_filename"] == "wide.fits"
    assert set(info["calibration"]) == {"ra", "dec", "radius", "pixscale", "orientation", "parity"}
    assert {"NGC 1976", "M 42"} <= set(info["objects_in_field"])
    assert info["machine_tags"] == nova.get(f"jobs/{job}/machine_tags")["tags"] == info["objects_in_field"]
    assert nova.get(f"jobs/{job}/objects_in_field") == {"objects_in_field": info["objects_in_field"]}


def test_tags_of_people_stand_among_the_tags_and_not_among_the_machines(solved: tuple[Nova, int], user: Any) -> None:
    from hven.archive.models import Tag
    from hven.imaging.models import Run

    nova, job = solved
    Tag.objects.create(data_file=Run.objects.get(pk=job).reduction.data_file, text="first light", by=user)
    assert "first light" in nova.get(f"jobs/{job}/tags")["tags"]
    assert "first light" in nova.get(f"jobs/{job}/info")["tags"]
    assert "first light" not in nova.get(f"jobs/{job}/machine_tags")["tags"]


def test_annotations_stand_where_the_projection_puts_them(solved: tuple[Nova, int]) -> None:
    nova, job = solved
    found = {name: one for one in nova.get(f"jobs/{job}/annotations")["annotations"] for name in one["names"]}
    with _table(nova, f"wcs_file/{job}") as hdus:
        # Messier 42 is NGC 1976: 5h35m17s -5d23m28s.
        x, y = WCS(hdus[0].header).all_world2pix(83.8221, -5.3911, 1)
    orion = found["NGC 1976"]
    assert orion["type"] == "ngc"
    assert (orion["pixelx"], orion["pixely"]) == pytest.approx((float(x), float(y)), abs=1.5)
    assert orion["radius"] == pytest.approx(0.75 * 3600 / 54, rel=0.3)
    assert all(set(one) <= {"type", "names", "pixelx", "pixely", "radius", "vmag"} for one in found.values())
    assert {one["type"] for one in found.values()} <= {"ngc", "ic", "bright", "hd"}
    bright = [one for one in found.values() if one["type"] == "bright"]
    assert bright
    assert all("vmag" in one for one in bright)


def test_nbright_limits_the_bright_stars(solved: tuple[Nova, int]) -> None:
    nova, job = solved

    def bright(query: str) -> list[float]:
        found = nova.get(f"jobs/{job}/annotations{query}")["annotations"]
        return sorted(one["vmag"] for one in found if one["type"] == "bright")

    assert bright("?nbright=2") == bright("")[:2]
    assert bright("?nbright=0") == []
    assert bright("?nbright=nonsense") == bright("")


def test_wcs_file_is_a_header_that_plain_readers_understand(solved: tuple[Nova, int], truth: dict[str, Any]) -> None:
    nova, job = solved
    answer = nova.file(f"wcs_file/{job}")
    content = b"".join(answer)
    assert answer["Content-Type"] == "application/fits"
    assert answer["Content-Disposition"].endswith('filename="wcs.fits"')
    assert int(answer["Content-Length"]) == len(content)
    content.decode("ascii")  # astroquery reads it as text
    header = fits.Header.fromstring(content.decode("ascii"))
    assert (header["IMAGEW"], header["IMAGEH"], header["NAXIS"]) == (800, 600, 0)
    ra, dec = WCS(header).all_pix2world(400.5, 300.5, 1)
    assert (float(ra), float(dec)) == pytest.approx((truth["ra"], truth["dec"]), abs=0.01)


def test_tables_have_the_columns_that_software_expects(solved: tuple[Nova, int], wide_frame: Path) -> None:
    nova, job = solved
    with _table(nova, f"axy_file/{job}") as axy, _table(nova, f"corr_file/{job}") as corr:
        assert axy[1].columns.names == ["X", "Y", "FLUX", "BACKGROUND"]
        assert set(axy[1].columns.formats) == {"E"}
        pairs = corr[1].data
        assert corr[1].columns.names == [
            "field_x", "field_y", "field_ra", "field_dec", "index_x", "index_y", "index_ra", "index_dec", "index_id",
            "field_id", "match_weight", "MAG", "FLUX", "BACKGROUND",
        ]  # fmt: skip
        assert corr[1].columns["field_x"].format == "D"
        assert corr[1].columns["field_id"].format == "J"
        ids = pairs["field_id"]
        assert np.allclose(axy[1].data["X"][ids], pairs["field_x"], atol=0.01)
        assert np.median(np.hypot(pairs["field_x"] - pairs["index_x"], pairs["field_y"] - pairs["index_y"])) < 0.5
    with _table(nova, f"rdls_file/{job}") as rdls:
        assert rdls[1].columns.names[:2] == ["RA", "DEC"]
        assert rdls[1].columns["RA"].format == "D"
        stars = rdls[1].data
    with wide_frame.with_name(wide_frame.name + ".truth.csv").open() as file:
        brightest = next(row for row in csv.DictReader(file) if row["catalogue"] == "gaia")
    step = np.hypot(stars["RA"] - float(brightest["ra"]), stars["DEC"] - float(brightest["dec"]))
    assert step.min() * 3600 < 1.0


def test_new_fits_file_has_the_original_pixels_and_the_projection(solved: tuple[Nova, int], wide_frame: Path) -> None:
    nova, job = solved
    answer = nova.file(f"new_fits_file/{job}/")
    content = b"".join(answer)
    assert int(answer["Content-Length"]) == len(content)
    assert answer["Content-Type"] == "application/fits"
    with fits.open(io.BytesIO(content)) as new, fits.open(wide_frame) as old:
        assert np.array_equal(new[0].data, old[0].data)
        assert new[0].header["EXPTIME"] == 30.0
        assert new[0].header["CTYPE1"].startswith("RA---TAN")


def test_the_annotated_picture_is_a_jpeg_of_640_pixels(solved: tuple[Nova, int]) -> None:
    nova, job = solved
    answer = nova.file(f"annotated_display/{job}")
    assert answer["Content-Type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) == 640


PIXELS = [
    "new_fits_file", "new_header_file", "kml_file", "annotated_display", "annotated_full", "grid_display",
    "red_green_image_display", "extraction_image_display",
]  # fmt: skip
FACTS = ["wcs_file", "rdls_file", "axy_file", "corr_file", "image_rd_file", "joblog", "joblog2"]


def test_facts_answer_to_anyone_and_private_pixels_to_their_submitter_for_a_day(
    solved: tuple[Nova, int], other_user: Any, user: Any, client_for: Any
) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from hven.archive.models import Submission

    nova, job = solved
    stranger = {"REMOTE_ADDR": "203.0.113.9"}
    for path in FACTS:
        assert nova.file(f"{path}/{job}", **stranger).status_code == 200
    for path in PIXELS:
        assert nova.file(f"{path}/{job}").status_code == 200
        assert nova.file(f"{path}/{job}", **stranger).status_code == 403
        assert client_for(other_user).get(f"/nova/{path}/{job}", **stranger).status_code == 403
        assert client_for(user).get(f"/nova/{path}/{job}", **stranger).status_code == 200
    Submission.objects.update(created=timezone.now() - timedelta(hours=25))
    for path in PIXELS:
        assert nova.file(f"{path}/{job}").status_code == 403


def test_the_trace_of_a_fault_is_for_those_who_may_open_the_frame(
    solved: tuple[Nova, int], user: Any, client_for: Any, monkeypatch: Any
) -> None:
    from hven.dialects.nova import files

    nova, job = solved
    log = "Reading\nTraceback (most recent call last)\n  File of the server\n"
    monkeypatch.setattr(files.jobs, "read_log", lambda _job: log)
    assert nova.file(f"joblog2/{job}").content == b"Reading\n"
    assert client_for(user).get(f"/nova/joblog2/{job}").content.decode() == log


def test_the_address_of_a_proxy_that_nobody_named_opens_nothing(
    solved: tuple[Nova, int], wide_frame: Path, settings: Any
) -> None:
    nova, job = solved
    through = {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}
    assert nova.file(f"annotated_display/{job}", **through).status_code == 403
    handed = nova.http.post(
        "/nova/api/upload",
        {"request-json": json.dumps({"session": nova.session}), "file": io.BytesIO(b"SIMPLE")},
        **through,
    )
    from hven.archive.models import Submission

    assert Submission.objects.get(pk=json.loads(handed.content)["subid"]).address is None
    settings.HVEN_TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.1")]
    assert nova.file(f"annotated_display/{job}", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 200


def test_public_pixels_are_public(nova: Nova, solver_folder: Path, wide_frame: Path) -> None:
    job = nova.solve("wide.fits", wide_frame.read_bytes(), publicly_visible="y")
    assert Client().get(f"/nova/annotated_display/{job}", REMOTE_ADDR="203.0.113.9").status_code == 200


# --- other inputs ---------------------------------------------------------------------------------------------


def test_a_picture_is_solved_with_its_own_orientation(nova: Nova, solver_folder: Path, tmp_path: Path) -> None:
    from hven.science.catalogues.reference import ReferenceStars
    from hven.science.simulate.exposure import simulate
    from hven.science.simulate.spec import Spec
    from hven.science.simulate.write import write_exposure

    spec = Spec(
        ra=170, dec=20, width=800, height=600, width_deg=14, orientation_deg=-130, parity=1, limit_mag=10, seed=3
    )
    write_exposure(simulate(spec, ReferenceStars.open(solver_folder / "reference")), tmp_path / "a.jpg")
    job = nova.solve("a.jpg", (tmp_path / "a.jpg").read_bytes())
    found = nova.get(f"jobs/{job}/calibration")
    assert found["parity"] == 1.0
    assert found["orientation"] == pytest.approx((180 + 130) % 360, abs=0.1)
    with fits.open(io.BytesIO(b"".join(nova.file(f"new_fits_file/{job}")))) as hdus:
        assert hdus[0].data.shape == (600, 800)


@pytest.mark.parametrize("path", ["upload", "url_upload"])
def test_lists_of_sources_are_solved(nova: Nova, solver_folder: Path, wide_frame: Path, path: str) -> None:
    with wide_frame.with_name(wide_frame.name + ".truth.csv").open() as file:
        stars = [row for row in csv.DictReader(file) if 0 < float(row["x"]) < 799 and 0 < float(row["y"]) < 599][:120]
    x, y = [float(row["x"]) + 1 for row in stars], [float(row["y"]) + 1 for row in stars]
    number = nova.call(path, x=x, y=y, image_width=800, image_height=600)["subid"]
    nova.run_jobs()
    job = nova.get(f"submissions/{number}")["jobs"][0]
    found = nova.get(f"jobs/{job}/calibration")
    assert (found["ra"], found["dec"]) == pytest.approx((84.0, -1.5), abs=0.02)
    assert nova.get(f"jobs/{job}/info")["original_filename"] == "json-xy"
    assert nova.file(f"wcs_file/{job}").status_code == 200
    assert nova.file(f"new_fits_file/{job}").status_code == 404
    # There is no frame to show: marks are drawn on an empty one.
    for kind in ("annotated_display", "red_green_image_full", "extraction_image_display"):
        image = Image.open(io.BytesIO(nova.file(f"{kind}/{job}").content))
        assert image.size == ((800, 600) if kind.endswith("full") else (640, 480))
    assert nova.file(f"kml_file/{job}").status_code == 200
    assert nova.file(f"thumbnail_of_image/{job}").status_code == 404


def test_parity_zero_finds_frames_whose_answer_is_minus_one(nova: Nova, solver_folder: Path, wide_frame: Path) -> None:
    found = nova.solve("wide.fits", wide_frame.read_bytes(), parity=0)
    assert nova.get(f"jobs/{found}") == {"status": "success"}
    missed = nova.solve("wide.fits", wide_frame.read_bytes(), parity=1)
    assert nova.get(f"jobs/{missed}") == {"status": "failure"}


@pytest.mark.parametrize(
    "words",
    [
        {"scale_units": "degwidth", "scale_lower": 10, "scale_upper": 14},
        {"scale_units": "arcminwidth", "scale_lower": 600, "scale_upper": 840},
        {"scale_units": "arcsecperpix", "scale_type": "ev", "scale_est": 54, "scale_err": 10},
        {"scale_units": "focalmm", "scale_type": "ul", "scale_lower": 150, "scale_upper": 190},
        {"center_ra": 84.0, "center_dec": 0, "radius": 5},
        {"center_ra": 264.0, "center_dec": 60, "radius": 5, "scale_lower": 1, "scale_upper": 2},
    ],
    ids=["degwidth", "arcminwidth", "arcsecperpix", "focalmm", "position", "wrong"],
)
def test_hints_of_every_kind_help_and_wrong_ones_do_no_harm(
    nova: Nova, solver_folder: Path, wide_frame: Path, words: dict[str, Any]
) -> None:
    job = nova.solve("wide.fits", wide_frame.read_bytes(), **words)
    assert nova.get(f"jobs/{job}/calibration")["pixscale"] == pytest.approx(54.0, rel=1e-3)
    if words.get("center_ra") != 264.0:
        from hven.imaging.models import Run

        assert "user's bounds" in Run.objects.get(pk=job).solution.rung
