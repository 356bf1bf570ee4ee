"""Every submission argument of the contract, row by row: what it asks of a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hven.dialects.nova import words
from hven.dialects.nova.command import solve_field
from hven.errors import Invalid
from tests.dialects.nova.conftest import Nova

FITS = b"SIMPLE  =                    T"
UNITS = {
    "degwidth": ({"width_low": 1.0, "width_high": 4.0}, {"width_low": 1.8, "width_high": 2.2}),
    "arcminwidth": ({"width_low": 1 / 60, "width_high": 4 / 60}, {"width_low": 0.03, "width_high": 0.11 / 3}),
    "arcsecperpix": ({"scale_low": 1.0, "scale_high": 4.0}, {"scale_low": 1.8, "scale_high": 2.2}),
    # 36 mm of film behind a lens of 100 mm see 20.4 degrees.
    "focalmm": ({"width_low": 10.28553, "width_high": 39.59775}, {"width_low": 18.58662, "width_high": 22.61986}),
}


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("kind", ["ul", "ev"])
def test_scale_in_every_unit_and_type(units: str, kind: str) -> None:
    low, high, guess = (50.0, 200.0, 100.0) if units == "focalmm" else (1.0, 4.0, 2.0)
    asked = (
        {"scale_type": "ul", "scale_lower": low, "scale_upper": high}
        if kind == "ul"
        else {"scale_type": "ev", "scale_est": guess, "scale_err": 10}
    )
    expected = UNITS[units][kind == "ev"]
    assert words.solve_config({"scale_units": units, **asked}) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("asked", "config"),
    [
        ({}, {}),
        ({"scale_lower": 1}, {"width_low": 1.0}),
        ({"scale_upper": "2.5"}, {"width_high": 2.5}),
        ({"scale_lower": 0, "scale_upper": 0}, {}),
        ({"scale_type": "ev", "scale_est": 0}, {}),
        ({"scale_type": "ev", "scale_est": 10, "scale_err": 0}, {"width_low": 10.0, "width_high": 10.0}),
        ({"center_ra": 0, "center_dec": 0}, {"ra": 0.0, "dec": 0.0, "radius": 10.0}),
        ({"center_ra": -10, "center_dec": 0, "radius": 1}, {"ra": 350.0, "dec": 0.0, "radius": 1.0}),
        ({"center_ra": 5}, {}),
        ({"parity": 0}, {"parity": -1}),
        ({"parity": 1}, {"parity": 1}),
        ({"parity": 2}, {}),
        ({"parity": "1"}, {"parity": 1}),
        ({"tweak_order": 0}, {"sip_order": 0}),
        ({"tweak_order": 4}, {"sip_order": 4}),
        ({"downsample_factor": 2}, {"bin_by": 2}),
        ({"downsample_factor": 2.4}, {"bin_by": 2}),
        ({"downsample_factor": "4"}, {"bin_by": 4}),
        ({"downsample_factor": 0}, {}),
        ({"use_sextractor": True}, {"segmentation": True}),
        ({"use_sextractor": False}, {}),
        ({"crpix_center": True}, {}),
        ({"invert": True}, {"invert": True}),
        ({"invert": 1}, {"invert": True}),
        ({"invert": "true"}, {"invert": True}),
        ({"invert": "false"}, {}),
        ({"invert": "no"}, {}),
        ({"image_width": 800, "image_height": 600}, {"list_width": 800, "list_height": 600}),
        ({"image_width": 0}, {}),
        ({"positional_error": 2}, {"positional_error": 2.0}),
        ({"plane": 2}, {"plane": "2"}),
        ({"plane": " SCI,2:1"}, {"plane": "SCI,2:1"}),
        ({"positional_error": 1000}, {"positional_error": 50.0}),
    ],
    ids=json.dumps,
)
def test_an_argument_becomes_a_key_of_the_run(asked: dict[str, Any], config: dict[str, Any]) -> None:
    assert words.solve_config(asked) == config


NAMES = (
    "scale_units", "scale_type", "scale_lower", "scale_upper", "scale_est", "scale_err", "center_ra", "center_dec",
    "radius", "tweak_order", "downsample_factor", "use_sextractor", "crpix_center", "invert", "parity", "image_width",
    "image_height", "positional_error", "x", "y", "lists", "album", "allow_commercial_use", "allow_modifications",
    "publicly_visible", "url", "plane",
)  # fmt: skip
ODD = ({}, [], {"a": [1]}, [[]], "\u0000\ud800", 1e308, -1, 10**400, True, "x" * 3000, [None], [{"x": 1}])


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_no_type_of_any_argument_is_more_than_an_error(nova: Nova, value: Any) -> None:
    for name in NAMES:
        asked = {
            "session": nova.session, "scale_type": "ev" if name in {"scale_est", "scale_err"} else "ul", "scale_est": 1,
            "center_ra": 1, "center_dec": 1, "url": "http://127.0.0.1:9/a.fits", name: value,
        }  # fmt: skip
        answer = nova.post("url_upload", asked)
        assert answer.status_code == 200, name
        assert json.loads(answer.content)["status"] in {"success", "error"}
    everything = {"session": nova.session, **dict.fromkeys(NAMES, value)}
    assert nova.post("upload", everything, ("a.fits", FITS)).status_code == 200


# --- what does not concern the solver -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({}, ("", "")),
        ({"allow_commercial_use": "d", "allow_modifications": "d"}, ("", "")),
        ({"allow_commercial_use": "y", "allow_modifications": "y"}, ("yes", "yes")),
        ({"allow_commercial_use": "n", "allow_modifications": "sa"}, ("no", "share alike")),
        ({"allow_modifications": "n"}, ("", "no")),
    ],
    ids=json.dumps,
)
def test_licences_are_kept_with_the_file(nova: Nova, asked: dict[str, Any], kept: tuple[str, str]) -> None:
    nova.call("upload", file=("a.fits", FITS), **asked)
    from hven.archive.models import DataFile

    file = DataFile.objects.get()
    assert (file.commercial_use, file.modifications) == kept


@pytest.mark.parametrize("asked", [{"allow_commercial_use": "sa"}, {"allow_modifications": "maybe"}], ids=json.dumps)
def test_a_licence_that_is_none_is_named(asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=next(iter(asked))):
        words.licence(asked)


@pytest.mark.parametrize(("said", "visibility"), [("y", "public"), ("n", "private"), (None, "private")])
def test_publicly_visible(nova: Nova, said: str | None, visibility: str) -> None:
    nova.call("upload", file=("a.fits", FITS), publicly_visible=said)
    from hven.archive.models import DataFile
    from hven.imaging.models import Reduction

    assert DataFile.objects.get().visibility == Reduction.objects.get().visibility == visibility


def test_album_files_an_upload_a_list_and_a_fetched_frame_by_its_title(nova: Nova, user: Any, other_user: Any) -> None:
    from hven.accounts.actor import Actor
    from hven.archive import services as archive
    from hven.archive.models import DataFile, Submission

    archive.make_album(Actor.of(other_user), "Comets", visibility="public")
    error = nova.call("upload", file=("a.fits", FITS), album="Comets")
    assert error == {"status": "error", "errormessage": "There is no album of that title."}
    album = archive.make_album(Actor.of(user), "Comets")
    nova.call("upload", file=("a.fits", FITS), album="comets")
    nova.call("upload", x=[1, 2], y=[3, 4], album="Comets")
    nova.call("url_upload", url="http://127.0.0.1:9/a.fits", album="Comets")
    assert [file.dataset for file in DataFile.objects.all()] == [album, album]
    assert {submission.dataset for submission in Submission.objects.all()} == {album}


def test_a_key_that_only_uploads_fills_its_users_albums(transactional_db: None, user: Any) -> None:
    from hven.accounts import services as accounts
    from hven.accounts.actor import Actor
    from hven.archive import services as archive
    from hven.archive.models import DataFile

    album = archive.make_album(Actor.of(user), "Comets")
    Nova(accounts.make_key(user, "upload").secret).call("upload", file=("a.fits", FITS), album="Comets")
    assert DataFile.objects.get().dataset == album


# --- several lists in one call --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["upload", "url_upload"])
def test_a_batch_of_lists_is_one_submission_with_a_job_each(nova: Nova, path: str) -> None:
    from hven.archive.models import DataFile
    from hven.imaging.models import Run

    lists = [{"x": [1, 2, n], "y": [3, 4, n], "image_width": 100, "image_height": 90} for n in (5, 6, 7)]
    lists[1]["scale_lower"] = 2
    answer = nova.call(path, lists=lists, scale_lower=1, scale_upper=9, publicly_visible="y")
    assert answer == {"status": "success", "subid": answer["subid"], "count": 3}
    found = nova.get(f"submissions/{answer['subid']}")
    assert len(found["jobs"]) == 3
    assert found["processing_finished"] != "None"
    runs = [Run.objects.get(pk=job) for job in found["jobs"]]
    assert [run.config["width_low"] for run in runs] == [1.0, 2.0, 1.0]
    assert {run.config["width_high"] for run in runs} == {9.0}
    assert {file.visibility for file in DataFile.objects.all()} == {"public"}


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ([], "lists takes"),
        ("xy", "lists takes"),
        ([5], "lists takes"),
        ([{"x": [1], "y": [1]}, {}], "Entry 2"),
        ([{"x": [1], "y": [1]}, {"x": [1, 2], "y": [1]}], "unequal"),
        ([{"x": [1], "y": [1], "parity": 9}], "parity"),
        ([{"x": [1], "y": [1]}] * 1001, "more than 1,000"),
    ],
    ids=["none", "text", "numbers", "without x and y", "unequal", "bad hint", "too many"],
)
def test_a_batch_with_a_fault_stores_nothing_and_names_it(nova: Nova, lists: Any, said: str) -> None:
    from hven.archive.models import Submission

    answer = json.loads(nova.post("upload", {"session": nova.session, "lists": lists}).content)
    assert answer["status"] == "error"
    assert said in answer["errormessage"]
    assert not Submission.objects.exists()


def test_x_and_y_win_over_a_file(nova: Nova) -> None:
    from hven.archive.models import DataFile

    nova.call("upload", file=("a.fits", FITS), x=[1, 2, 3], y=[1, 2, 3])
    assert DataFile.objects.get().name == "json-xy"


# --- the same asked of solve-field ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ({}, "solve-field --crpix-center f"),
        (
            {"scale_low": 1.5, "scale_high": 2.0, "ra": 0.0, "dec": 0.0},
            "solve-field --scale-units arcsecperpix --scale-low 1.5 --scale-high 2 --ra 0 --dec 0 --crpix-center f",
        ),
        ({"width_low": 1.0}, "solve-field --scale-units degwidth --scale-low 1 --crpix-center f"),
        ({"parity": 1, "sip_order": 0}, "solve-field --parity neg --no-tweak --crpix-center f"),
        (
            {"parity": -1, "sip_order": 3, "bin_by": 2, "segmentation": True, "invert": True},
            "solve-field --downsample 2 --parity pos --tweak-order 3 --use-source-extractor --invert --crpix-center f",
        ),
    ],
    ids=["nothing", "bounds", "width", "no distortion", "all"],
)
def test_the_command_of_solve_field_asks_the_same(config: dict[str, Any], command: str) -> None:
    assert solve_field(config, "f") == command


def test_a_name_cannot_end_the_command() -> None:
    assert solve_field({}, "my frame'; rm -rf ~.fits").endswith("'my frame'\"'\"'; rm -rf ~.fits'")
