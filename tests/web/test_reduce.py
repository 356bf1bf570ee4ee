"""The page of a reduction: cards, forms, files, candidates, masks; and light curves."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from django.urls import reverse

from hven.accounts.actor import Actor
from hven.errors import TooLarge
from hven.imaging.models import Preset, Reduction, Verdict
from hven.imaging.services import folder, reductions, tables
from hven.imaging.steps.registry import Product
from hven.imaging.steps.workspace import media_type
from hven.storage import services as storage

from .conftest import picture_bytes


@pytest.fixture
def reduction(user: Any) -> Reduction:
    """A frame that is to be reduced."""
    wish = reductions.Wish(origin="web", name="a.fits", config={"filter": "r"})
    return reductions.begin_reduction(Actor.of(user), storage.put(picture_bytes()), wish)


def lay(reduction: Reduction, path: str, content: bytes) -> None:
    folder.lay(reduction, None, [(Product(path, None, media_type(path)), storage.put(content))])  # type: ignore[arg-type]


def at(name: str, reduction: Reduction, *more: Any) -> str:
    return reverse(name, args=[reduction.uuid, *more])


def sent(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def votable(table: Table) -> bytes:
    content = io.BytesIO()
    table.write(content, format="votable")
    return content.getvalue()


def candidates() -> bytes:
    return votable(
        Table(
            {
                "ra": [10.0, 10.1], "dec": [1.0, 1.1], "x": [5.0, 6.0], "y": [7.0, 8.0], "mag_calib": [18.5, np.nan],
                "mag_calib_err": [0.02, np.nan], "flags": [0, 2],
                "cutout_name": ["candidates/J004000.0+010000.0.cutout", "candidates/J004024.0+010600.0.cutout"],
            }
        )
    )  # fmt: skip


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_shows_a_card_for_each_step_and_its_keys(client_for: Any, user: Any, reduction: Reduction) -> None:
    page = client_for(user).get(at("reduce", reduction)).content.decode()
    for words in ("Inspect", "Photometry", "Clean up", "mask_cosmics", "spatial_order", "not done yet"):
        assert words in page, words
    assert 'value="r"' in page  # what the configuration says stands in the form


def test_a_stranger_sees_no_page_and_no_file(client_for: Any, other_user: Any, reduction: Reduction) -> None:
    http = client_for(other_user)
    lay(reduction, "candidates.vot", candidates())
    for path in (
        at("reduce", reduction), at("reduce-panel", reduction), at("folder-file", reduction, "image.fits"),
        at("folder-look", reduction, "image.fits"), at("reduce-mask", reduction),
        at("candidates-as", reduction, "subtraction", "csv"),
    ):  # fmt: skip
        assert http.get(path).status_code == 404, path
    for name in ("reduce-process", "reduce-configure", "reduce-change", "reduce-upload", "reduce-cancel"):
        assert http.post(at(name, reduction), {"steps": "cleanup"}).status_code in {403, 404}, name


def test_a_form_changes_only_what_was_changed_and_runs_the_step(
    client_for: Any, user: Any, reduction: Reduction
) -> None:
    http = client_for(user)
    form = {"steps": "inspect,photometry", "filter": "r", "gain": "1.7", "mask_cosmics": "false", "saturation": ""}
    assert http.post(at("reduce-process", reduction), form).status_code == 302
    reduction.refresh_from_db()
    assert reduction.config == {"filter": "r", "gain": 1.7, "mask_cosmics": False}
    assert reduction.latest_run is not None and reduction.latest_run.steps == ["inspect", "photometry"]
    page = http.get(at("reduce", reduction)).content.decode()
    assert "hx-trigger" in page and "Waiting for a worker." in page
    assert http.post(at("reduce-cancel", reduction)).status_code == 302
    reduction.refresh_from_db()
    assert reduction.stage == "cancelled"


def test_a_wrong_value_is_told_and_nothing_runs(client_for: Any, user: Any, reduction: Reduction) -> None:
    answer = client_for(user).post(at("reduce-process", reduction), {"steps": "inspect", "gain": "much"})
    assert answer.status_code == 400
    assert "gain takes a number" in answer.content.decode()
    reduction.refresh_from_db()
    assert reduction.latest_run is None


def test_the_configuration_can_be_typed_and_a_preset_laid_over_it(
    client_for: Any, user: Any, reduction: Reduction
) -> None:
    http = client_for(user)
    assert http.post(at("reduce-configure", reduction), {"config": '{"gain": 3}', "title": "T"}).status_code == 302
    preset = Preset.objects.create(name="p", config={"sn": 3})
    http.post(at("reduce-configure", reduction), {"preset": preset.pk})
    reduction.refresh_from_db()
    assert (reduction.config, reduction.title) == ({"gain": 3, "sn": 3}, "T")
    answer = http.post(at("reduce-configure", reduction), {"config": "{"})
    assert answer.status_code == 400 and "no JSON" in answer.content.decode()


def test_the_working_copy_is_changed_and_put_back(client_for: Any, user: Any, reduction: Reduction) -> None:
    http = client_for(user)
    assert http.post(at("reduce-change", reduction), {"what": "crop", "x1": "10"}).status_code == 302
    assert fits.getheader(io.BytesIO(sent(http.get(at("folder-file", reduction, "image.fits")))))["NAXIS1"] == 86
    http.post(at("reduce-change", reduction), {"what": "reset"})
    assert sent(http.get(at("folder-file", reduction, "image.fits"))) == picture_bytes()
    assert http.post(at("reduce-change", reduction), {"what": "crop", "x1": "ten"}).status_code == 400
    answer = http.post(at("reduce-change", reduction), {"what": "duplicate"})
    assert Reduction.objects.count() == 2 and str(reduction.uuid) not in answer["Location"]


def test_a_template_is_laid_and_taken_away(client_for: Any, user: Any, reduction: Reduction) -> None:
    http = client_for(user)
    file = io.BytesIO(picture_bytes())
    file.name = "t.fits"
    http.post(at("reduce-upload", reduction), {"path": "custom_template.fits", "file": file})
    assert "custom_template.fits" in folder.blobs(reduction)
    http.post(at("reduce-upload", reduction), {"path": "custom_template.fits", "remove": "1"})
    assert "custom_template.fits" not in folder.blobs(reduction)
    file.seek(0)
    assert http.post(at("reduce-upload", reduction), {"path": "../x", "file": file}).status_code == 400


def test_files_that_people_sent_do_not_act_as_pages(client_for: Any, user: Any, reduction: Reduction) -> None:
    lay(reduction, "evil.html", b"<script>alert(1)</script>")
    answer = client_for(user).get(at("folder-file", reduction, "evil.html"))
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("attachment")


# --- masks --------------------------------------------------------------------------------------------------------


def test_a_drawn_mask_is_kept_as_rectangles_and_as_a_plane(client_for: Any, user: Any, reduction: Reduction) -> None:
    http = client_for(user)
    drawn = {"rectangles": [{"x1": 10, "y1": 20, "x2": 30, "y2": 25}], "invert": False}
    assert http.post(at("reduce-mask", reduction), {"drawn": json.dumps(drawn)}).status_code == 302
    mask = fits.getdata(io.BytesIO(sent(http.get(at("folder-file", reduction, "custom_mask.fits")))), 1)
    assert (mask.shape, mask.sum(), mask[20:25, 10:30].min()) == ((64, 96), 100, 1)
    assert "[[10, 20, 30, 25]]" in http.get(at("reduce-mask", reduction)).content.decode()
    http.post(at("reduce-mask", reduction), {"drawn": json.dumps({**drawn, "invert": True})})
    mask = fits.getdata(io.BytesIO(sent(http.get(at("folder-file", reduction, "custom_mask.fits")))), 1)
    assert mask.sum() == 96 * 64 - 100
    http.post(at("reduce-mask", reduction), {"drawn": '{"rectangles": []}'})
    assert "custom_mask.fits" not in folder.blobs(reduction)


@pytest.mark.parametrize("drawn", ["", "[]", '{"rectangles": [{"x1": "a"}]}', '{"rectangles": 5}', "{" * 5000])
def test_what_is_no_mask_is_told(client_for: Any, user: Any, reduction: Reduction, drawn: str) -> None:
    assert client_for(user).post(at("reduce-mask", reduction), {"drawn": drawn}).status_code == 400


# --- candidates ---------------------------------------------------------------------------------------------------


def test_candidates_are_listed_judged_and_taken_away(client_for: Any, user: Any, reduction: Reduction) -> None:
    http = client_for(user)
    lay(reduction, "candidates.vot", candidates())
    page = http.get(at("reduce", reduction)).content.decode()
    assert "2 candidates, 2 open" in page and "18.500" in page
    name = "J004000.0+010000.0"
    http.post(at("judge", reduction, "subtraction"), {"name": name, "word": "accepted"})
    assert Verdict.objects.get().word == "accepted"
    assert "2 candidates, 1 open" in http.get(at("reduce", reduction)).content.decode()
    accepted = Table.read(
        io.BytesIO(http.get(at("candidates-as", reduction, "subtraction", "vot"), {"verdict": "accepted"}).content)
    )
    assert list(accepted["ra"]) == [10.0] and list(accepted["verdict"]) == ["accepted"]
    csv = http.get(at("candidates-as", reduction, "subtraction", "csv")).content.decode().splitlines()
    assert csv[0].endswith("verdict") and csv[2].endswith("open")
    http.post(at("judge", reduction, "subtraction"), {"name": name, "word": "open"})
    assert not Verdict.objects.exists()
    assert http.post(at("judge", reduction, "subtraction"), {"name": name, "word": "maybe"}).status_code == 400
    assert http.get(at("candidates-as", reduction, "transients", "vot")).status_code == 404
    assert http.get(at("candidates-as", reduction, "nobody", "vot")).status_code == 404


# --- light curves -------------------------------------------------------------------------------------------------


@pytest.fixture
def curve(user: Any, make_frame: Any) -> Any:
    """Two frames of one field with photometry: in the first a star is seen, in the second it is not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = [make_frame(user), make_frame(user)]
    for number, one in enumerate(made):
        stars = {
            "ra": [84.0001, 84.1], "dec": [-1.5, -1.4], "mag_calib": [17.25, 18.0], "mag_calib_err": [0.01, 0.02],
            "flags": [0, 0], "mag_filter_name": ["rmag", "rmag"],
        }  # fmt: skip
        rows = slice(0, 2) if number == 0 else slice(1, 2)
        content = io.BytesIO()
        pq.write_table(pa.table({name: values[rows] for name, values in stars.items()}), content)
        lay(one.reduction, "objects.parquet", content.getvalue())
        config = {"mag_limit": 20.5, "cat_col_mag": "rmag", "mag_system": "AB"}
        Reduction.objects.filter(pk=one.reduction.pk).update(config=config)
        one.reduction.data_file.middle = f"2026-07-{16 + number}T02:00:00Z"
        one.reduction.data_file.save()
    return made


def test_a_light_curve_has_measurements_and_limits(client_for: Any, user: Any, curve: Any) -> None:
    http = client_for(user)
    page = http.get("/light-curve/", {"at": "84.0 -1.5", "r": "3"}).content.decode()
    assert "2 points" in page and "17.250" in page and "limit" in page and "<svg" in page
    rows = http.get("/light-curve/table.csv", {"at": "84.0 -1.5"}).content.decode().splitlines()
    assert len(rows) == 3
    assert rows[1].split(",")[1] == "source" and rows[2].split(",")[1] == "limit"
    table = Table.read(io.BytesIO(http.get("/light-curve/table.vot", {"at": "84.0 -1.5"}).content))
    assert table["mag"][0] == pytest.approx(17.25)
    aavso = http.get("/light-curve/table.txt", {"at": "84.0 -1.5", "name": "V1, Ori"}).content.decode()
    assert "#TYPE=Extended" in aavso
    assert "V1  ORI,2461237.583333,17.250,0.010,SR,NO,STD,ENSEMBLE" in aavso
    assert "<20.5,na" in aavso


def test_nobody_sees_measurements_of_frames_that_are_not_theirs(client_for: Any, other_user: Any, curve: Any) -> None:
    page = client_for(other_user).get("/light-curve/", {"at": "84.0 -1.5"}).content.decode()
    assert "No frame with photometry holds this place." in page


@pytest.mark.parametrize(
    "query", [{"at": "nowhere at all"}, {"at": "84 -1.5", "r": "wide"}, {"at": "84 -1.5", "r": "99"}]
)
def test_a_place_that_is_none_is_told(client_for: Any, user: Any, query: dict[str, str]) -> None:
    assert client_for(user).get("/light-curve/", query).status_code == 400
    assert client_for(user).get("/light-curve/table.csv", query).status_code == 400


@pytest.mark.parametrize(
    "columns",
    [
        {"ra": ["here"], "dec": [-1.5], "mag_calib": [17.0]},
        {"ra": [84.0], "mag_calib": [17.0]},
        {"ra": [84.0], "dec": [-1.5], "mag_calib": [17.0], "mag_calib_err": [-5.0], "flags": ["abc"]},
        {"ra": [84.0], "dec": [-1.5], "mag_calib": [1e20]},
        {"ra": [[84.0]], "dec": [[-1.5]], "mag_calib": [17.0]},
    ],
)
@pytest.mark.parametrize("limit", [1e300, "faint", 20.0])
def test_nobodys_odd_table_breaks_a_light_curve(
    client_for: Any, user: Any, curve: Any, columns: dict[str, Any], limit: Any
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    reduction = curve[0].reduction
    lay(reduction, "objects.parquet", content.getvalue())
    Reduction.objects.filter(pk=reduction.pk).update(config={"mag_limit": limit, "bjd_tdb": 1e300})
    for address in ("/light-curve/", "/light-curve/table.csv", "/light-curve/table.vot", "/light-curve/table.txt"):
        assert client_for(user).get(address, {"at": "84.0 -1.5"}).status_code == 200


def test_a_table_that_unpacks_to_too_much_is_refused(reduction: Reduction, monkeypatch: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(pa.table({"word": ["x" * 1000] * 100_000}), content)
    lay(reduction, "objects.parquet", content.getvalue())
    monkeypatch.setattr(tables, "MOST_BYTES", 50_000_000)
    with pytest.raises(TooLarge):
        tables.read_table(folder.find_file(reduction, "objects.parquet"))


def test_a_list_of_candidates_that_is_none_can_be_taken_away(client_for: Any, user: Any, reduction: Reduction) -> None:
    http = client_for(user)
    lay(reduction, "candidates.vot", b"no table")
    answer = http.get(at("reduce", reduction))
    assert answer.status_code == 200 and "is no table that can be read" in answer.content.decode()
    http.post(at("reduce-upload", reduction), {"path": "candidates.vot", "remove": "1"})
    assert "is no table that can be read" not in http.get(at("reduce", reduction)).content.decode()


def test_candidates_without_cutouts_still_come_as_regions(client_for: Any, user: Any, reduction: Reduction) -> None:
    lay(reduction, "candidates.vot", votable(Table({"ra": [10.0], "dec": [1.0]})))
    http = client_for(user)
    assert "circle(10" in http.get(at("candidates-as", reduction, "subtraction", "reg")).content.decode()
    assert http.get(f"/frames/{reduction.uuid}/reduce/candidates/subtraction.xyz").status_code == 404


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": "\\ud800"}', '{"a": 1' + "0" * 400 + "}"])
def test_a_configuration_that_nothing_can_hold_is_refused(
    client_for: Any, user: Any, reduction: Reduction, text: str
) -> None:
    http = client_for(user)
    assert http.post(at("reduce-configure", reduction), {"config": text}).status_code == 400
    reduction.refresh_from_db()
    assert reduction.config == {"filter": "r"}
    assert http.get(at("reduce", reduction)).status_code == 200
