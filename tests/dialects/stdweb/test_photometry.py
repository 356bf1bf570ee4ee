"""Contract 1.7 to 1.9 over HTTP: what inspect and photometry leave, and what they say of bad input."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from hven.imaging.models import Reduction
from hven.imaging.services import catalogues
from tests.dialects.stdweb.conftest import Caller, run_jobs
from tests.science.photometry.scenes import Scene

OBJECTS = {
    "mag", "magerr", "flux", "fluxerr", "x", "y", "xerr", "yerr", "a", "b", "theta", "FLUX_RADIUS", "fwhm", "flags",
    "bg", "NUMBER", "MAG_AUTO", "ISOAREA_IMAGE", "FLUX_MAX", "FLUX_AUTO", "ra", "dec", "bg_local", "npix_aper",
    "bg_fluxerr", "mag_calib", "mag_calib_err", "mag_filter_name", "mag_color_name", "mag_color_term",
}  # fmt: skip
TARGET = {
    "ra", "dec", "x", "y", "flags", "bg_local", "npix_aper", "bg_fluxerr", "flux", "fluxerr", "mag", "magerr",
    "mag_calib", "mag_calib_err", "mag_limit", "mag_filter_name", "mag_color_name", "mag_color_term",
}  # fmt: skip
PLOTS = {
    "objects", "fwhm", "fwhm_mag", "prefilter", "photometry", "photometry_unmasked", "photometry_zeropoint",
    "photometry_model", "photometry_residuals", "astrometry_dist", "limit_hist", "limit_sn",
}  # fmt: skip


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A field of 150 stars."""
    return Scene(size=512, stars=220, seed=5)


def fits_of(scene: Scene, data: np.ndarray | None = None, **cards: Any) -> bytes:
    header = fits.Header()
    for name, value in {**scene.cards, **{k.replace("__", "-"): v for k, v in cards.items()}}.items():
        header[name] = value
    content = io.BytesIO()
    fits.PrimaryHDU(scene.data if data is None else data, header).writeto(content)
    return content.getvalue()


def lonely(scene: Scene) -> int:
    """A star of about 17 mag that no other one disturbs."""
    apart = np.hypot(scene.x[:, None] - scene.x, scene.y[:, None] - scene.y) + 1e9 * np.eye(len(scene.x))
    edge = np.minimum.reduce([scene.x, scene.y, scene.size - scene.x, scene.size - scene.y])
    good = (apart.min(axis=1) > 25) & (edge > 40)
    return int(np.argmin(np.where(good, np.abs(scene.rmag - 17), 99)))


@pytest.fixture
def catalogue(scene: Scene, tmp_path: Path, settings: Any) -> None:
    """The field's stars as the catalogue ps1 of this machine; no service outside is asked."""
    settings.HVEN_OUTSIDE = False
    scene.catalogue.write(tmp_path / "stars.ecsv")
    catalogues.add_catalogue("ps1", tmp_path / "stars.ecsv", replace_old=True)


def processed(tycho: Caller, content: bytes, *steps: str, **config: Any) -> tuple[int, dict[str, Any]]:
    number = tycho.create(content)["id"]
    return number, again(tycho, number, *steps, **config)


def again(tycho: Caller, number: int, *steps: str, **config: Any) -> dict[str, Any]:
    tycho.post(f"tasks/{number}/process/", {"steps": list(steps or ("inspect", "photometry")), "config": config})
    run_jobs()
    task: dict[str, Any] = tycho.get(f"tasks/{number}/")
    return task


def names(tycho: Caller, number: int) -> set[str]:
    return {row["name"] for row in tycho.get(f"tasks/{number}/files/")}


def log(tycho: Caller, number: int, name: str) -> str:
    found: bytes = tycho.get(f"tasks/{number}/files/{name}.log")
    return found.decode()


def test_photometry_sets_the_keys_and_leaves_the_files_of_the_original(
    tycho: Caller, scene: Scene, catalogue: None
) -> None:
    star = lonely(scene)
    target = f"{scene.ra[star]:.7f} {scene.dec[star]:.7f}\nx=100 y=120"
    number, task = processed(tycho, fits_of(scene), target=target)
    config = task["config"]
    assert task["state"] == "photometry_done", log(tycho, number, "photometry")
    assert task["completed"] > task["created"]
    for key in (
        "gain",
        "saturation",
        "filter",
        "time",
        "cat_name",
        "bg_size",
        "template",
        "fwhm",
        "pixscale",
        "mag_limit",
    ):
        assert key in config, key
    assert (config["cat_col_mag"], config["cat_col_mag_err"]) == ("rmag", "e_rmag")
    assert (config["cat_col_color_mag1"], config["cat_col_color_mag2"]) == ("gmag", "rmag")
    assert config["refine_wcs"] is False
    assert config["zp"] == pytest.approx(27.85, abs=0.1) and 0 < config["zp_err"] < 0.05
    assert (config["field_ra"], config["field_dec"]) == pytest.approx(scene.wcs.centre, abs=1e-4)
    assert config["pixscale"] == pytest.approx(0.8 / 3600, rel=0.01)
    assert config["time"].startswith("2026-07-16T02:14:45")
    assert [set(one) >= {"name", "ra", "dec"} for one in config["targets"]] == [True, True]
    assert (config["target_ra"], config["target_dec"]) == pytest.approx((scene.ra[star], scene.dec[star]), abs=1e-4)
    assert config["subtraction_mode"] == "target"
    found = names(tycho, number)
    assert found >= {
        "image.fits", "image.wcs", "inspect.log", "mask.fits", "image_target.fits", "photometry.log",
        "segmentation.fits", "filtered.fits", "objects.parquet", "cat.parquet", "photometry.json", "target.vot",
        "targets",
        *(f"{plot}.png" for plot in PLOTS),
    }  # fmt: skip
    assert "photometry.pickle" not in found
    objects = Table.read(io.BytesIO(tycho.get(f"tasks/{number}/files/objects.vot")))
    assert set(objects.colnames) >= OBJECTS
    assert len(Table.read(io.BytesIO(tycho.get(f"tasks/{number}/files/cat.vot")))) > 50
    targets = Table.read(io.BytesIO(tycho.get(f"tasks/{number}/files/target.vot")))
    assert set(targets.colnames) >= TARGET
    seen = targets["mag_calib"][0] + config["color_term"] * scene.colour[star]
    assert seen == pytest.approx(scene.rmag[star], abs=0.05)
    with fits.open(io.BytesIO(tycho.get(f"tasks/{number}/files/mask.fits"))) as hdus:
        assert hdus[1].data.dtype == np.uint8 and hdus[1].data.shape == scene.data.shape
    with fits.open(io.BytesIO(tycho.get(f"tasks/{number}/files/targets/target_0000.cutout"))) as hdus:
        assert hdus["IMAGE"].data.shape == (61, 61) and "MASK" in hdus
    assert tycho.raw(f"tasks/{number}/cutout/targets/target_0000.cutout")["Content-Type"] == "image/jpeg"
    assert tycho.raw(f"tasks/{number}/preview/segmentation.fits").status_code == 200


def test_a_second_run_replaces_what_the_first_left(tycho: Caller, scene: Scene, catalogue: None) -> None:
    number, first = processed(tycho, fits_of(scene))
    before = names(tycho, number)
    second = again(tycho, number, "photometry", rel_aper=2.0)
    assert names(tycho, number) == before
    assert second["config"]["zp"] > first["config"]["zp"]  # a wider circle holds more light
    third = again(tycho, number, "cleanup")
    assert (third["state"], names(tycho, number)) == ("cleanup_done", {"image.fits"})
    assert third["config"]["rel_aper"] == 2.0  # the configuration stays


@pytest.mark.parametrize(
    ("config", "step", "words"),
    [
        ({"gain": "much"}, "inspect", "gain takes a number"),
        ({"sn": -3}, "photometry", "sn lies between"),
        ({"filter": "ultraviolet-ish"}, "inspect", "filter"),
        ({"target": "400 95"}, "inspect", "coordinates that cannot be"),
        ({"target": "12.0 -80.0"}, "photometry", "off the frame"),
        ({"targets": "none", "mask_cosmics": "perhaps"}, "inspect", "mask_cosmics takes true or false"),
        ({"rel_bg1": 8, "rel_bg2": 5}, "photometry", "rel_bg2"),
        ({"cat_name": "nobody"}, "photometry", "nobody"),
        ({"saturation": 10.0}, "inspect", "saturat"),
    ],
)
def test_a_wrong_word_fails_the_step_that_reads_it_with_a_sentence(
    tycho: Caller, scene: Scene, catalogue: None, config: dict[str, Any], step: str, words: str
) -> None:
    number, task = processed(tycho, fits_of(scene), **config)
    said = log(tycho, number, step)
    assert task["state"] == f"{step}_failed", said
    assert words in said
    assert "Traceback" not in said and "fault of its own" not in said
    assert task["celery_id"] is None and task["completed"] == task["created"]
    if step == "photometry":
        assert {"mask.fits", "inspect.log"} <= names(tycho, number)  # earlier steps stay


def test_a_filter_that_nobody_knows_or_keys_that_no_step_reads_are_no_obstacle(
    tycho: Caller, scene: Scene, catalogue: None
) -> None:
    _, task = processed(tycho, fits_of(scene, FILTER="Luminance-7", GAIN=0), unheard_of={"a": [1]}, gain=0)
    assert task["state"] == "photometry_done"
    assert (task["config"]["filter"], task["config"]["gain"], task["config"]["unheard_of"]) == ("r", 1.0, {"a": [1]})


@pytest.mark.parametrize(
    ("what", "step", "words"),
    [
        ("noise", "photometry", ""),
        ("masked", "inspect", "masked"),
        ("empty", "inspect", ""),
        ("nan", "inspect", ""),
        ("garbage", "inspect", ""),
        ("elsewhere", "photometry", "reference stars"),
        ("constant", "inspect", ""),
    ],
)
def test_a_frame_that_cannot_be_measured_fails_with_a_sentence(
    tycho: Caller, scene: Scene, catalogue: None, what: str, step: str, words: str
) -> None:
    rng = np.random.default_rng(0)
    data = scene.data.copy()
    cards: dict[str, Any] = {}
    if what == "noise":
        data = rng.normal(400, 15, data.shape).astype(np.float32)
    if what == "masked":
        data.flat[: int(0.96 * data.size)] = np.nan
    if what == "nan":
        data[:] = np.nan
    if what == "constant":
        data[:] = 7
    if what == "elsewhere":
        cards = {"CRVAL1": 220.0, "CRVAL2": 60.0}
    content = {"empty": b"", "garbage": b"SIMPLE  = no FITS at all" * 200}.get(what) or fits_of(scene, data, **cards)
    if what == "empty":
        content = b""
    number, task = processed(tycho, content)
    assert task["state"] == f"{step}_failed", log(tycho, number, step)
    said = log(tycho, number, step)
    assert "fault of its own" not in said and "Traceback" not in said, said
    assert words in said


def test_targets_that_are_none_are_no_targets(tycho: Caller, scene: Scene, catalogue: None) -> None:
    number, task = processed(tycho, fits_of(scene, TARGET="None"), target="None")
    assert task["state"] == "photometry_done"
    assert task["config"]["targets"] == []
    assert "target.vot" not in names(tycho, number)


def test_a_step_that_needs_an_earlier_one_says_so(tycho: Caller) -> None:
    number = tycho.post("tasks/", {"original_name": "later"}, 201)["id"]
    task = again(tycho, number, "inspect")
    assert task["state"] == "inspect_failed"
    assert "no frame" in log(tycho, number, "inspect")


def test_the_frame_is_solved_and_found_by_its_place_afterwards(
    tycho: Caller, scene: Scene, catalogue: None, client_for: Any
) -> None:
    number, _ = processed(tycho, fits_of(scene))
    reduction = Reduction.objects.get(pk=number)
    assert reduction.solution is not None
    assert (reduction.solution.ra, reduction.solution.dec) == pytest.approx(scene.wcs.centre, abs=1e-3)
    star = lonely(scene)
    query = {"at": f"{scene.ra[star]:.6f} {scene.dec[star]:.6f}"}
    assert "1 point" in client_for(tycho.user).get("/light-curve/", query).content.decode()
