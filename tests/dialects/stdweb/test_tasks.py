"""Contract 1.1 and 1.2: tokens, lists, one task, rights, and what is asked of a task."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from hven.accounts.models import User
from hven.imaging.models import Preset, PresetFile, Reduction
from hven.storage import services as storage
from tests.dialects.stdweb.conftest import Caller, frame, run_jobs

BRIEF = {"id", "original_name", "title", "state", "user", "created", "modified"}
FULL = BRIEF | {"groups", "completed", "config", "celery_id", "path"}


# --- tokens and authentication ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "form"])
def test_a_name_and_a_password_give_a_token_that_works(user: User, password: str, kind: str) -> None:
    http = Client()
    words = {"username": "tycho", "password": password}
    form = {"content_type": kind} if kind != "form" else {}
    answer = http.post("/stdweb/api/auth/token/", words, **form)
    assert answer.status_code == 200
    assert set(answer.json()) == {"token"}
    token = answer.json()["token"]
    assert len(token) == 40 and int(token, 16) >= 0
    assert http.get("/stdweb/api/tasks/", headers={"authorization": f"Token {token}"}).json() == []


def test_wrong_words_for_a_token_are_told_by_field(user: User) -> None:
    http = Client()
    answer = http.post("/stdweb/api/auth/token/", {"username": "tycho", "password": "wrong"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"non_field_errors": ["Unable to log in with provided credentials."]},
    )
    answer = http.post("/stdweb/api/auth/token/", {"username": "tycho"})
    assert (answer.status_code, answer.json()) == (400, {"password": ["This field is required."]})


@pytest.mark.parametrize(
    "path", ["tasks/", "tasks/1/", "tasks/1/state/", "tasks/1/files/", "queue/", "presets/", "files/"]
)
def test_without_a_token_an_address_answers_401(db: None, path: str) -> None:
    answer = Client().get(f"/stdweb/api/{path}")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert answer["WWW-Authenticate"] == "Token"
    answer = Client().get(f"/stdweb/api/{path}", headers={"authorization": "Token " + "0" * 40})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})


def test_somebody_signed_in_on_the_pages_may_look_but_a_forged_write_is_refused(user: User) -> None:
    http = Client(enforce_csrf_checks=True)
    http.force_login(user)
    assert http.get("/stdweb/api/tasks/").json() == []
    answer = http.post("/stdweb/api/tasks/", {"original_name": "x"})
    assert answer.status_code == 403
    assert not Reduction.objects.exists()


def test_a_browser_gets_a_page_and_everything_else_json(tycho: Caller) -> None:
    tycho.create()
    html = tycho.http.get(
        "/stdweb/api/tasks/", headers={**tycho.headers, "accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    )
    assert html["Content-Type"].startswith("text/html")
    for accept in ("*/*", "application/json", "image/png", ""):
        answer = tycho.http.get("/stdweb/api/tasks/", headers={**tycho.headers, "accept": accept})
        assert answer["Content-Type"] == "application/json", accept


def test_wrong_methods_and_unknown_addresses(tycho: Caller) -> None:
    number = tycho.create()["id"]
    answer = tycho.http.put(f"/stdweb/api/tasks/{number}/", {}, content_type="application/json", headers=tycho.headers)
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "PUT" not allowed.'})
    for path in ("tasks/abc/", "nothing/"):
        answer = tycho.raw(path)
        assert answer.status_code == 404
        assert answer["Content-Type"].startswith("text/")


# --- creating -----------------------------------------------------------------------------------------------------


def test_a_task_with_a_file_answers_its_five_keys_and_is_uploaded(tycho: Caller) -> None:
    made = tycho.create(name="M31_r.fits", title="Andromeda", config=json.dumps({"filter": "R"}))
    assert made == {
        "id": made["id"], "original_name": "M31_r.fits", "title": "Andromeda", "config": {"filter": "R"}, "groups": [],
    }  # fmt: skip
    task = tycho.get(f"tasks/{made['id']}/")
    assert set(task) == FULL
    assert task["state"] == "uploaded"
    assert task["user"] == "tycho"
    assert task["path"] == str(made["id"])
    assert task["celery_id"] is None
    assert task["completed"] == task["created"]
    assert task["created"].endswith("Z") and "." in task["created"]
    assert tycho.get(f"tasks/{made['id']}/files/image.fits") == frame()


def test_a_task_without_a_file_needs_a_name_and_is_initial(tycho: Caller) -> None:
    made = tycho.post("tasks/", {"original_name": "later.fits", "config": {"gain": 2}}, 201)
    assert tycho.get(f"tasks/{made['id']}/state/") == {"id": made["id"], "state": "initial", "celery_id": None}
    assert "original_name" in tycho.post("tasks/", {}, 400)
    tycho.put(made["id"], "image.fits", frame())
    assert tycho.get(f"tasks/{made['id']}/state/")["state"] == "uploaded"


def test_a_config_may_be_an_object_json_text_or_a_python_dictionary(tycho: Caller) -> None:
    want = {"filter": "R", "mask_cosmics": True, "target": None}
    assert tycho.post("tasks/", {"original_name": "a", "config": want}, 201)["config"] == want
    assert tycho.create(config=json.dumps(want))["config"] == want
    assert tycho.create(config=str(want))["config"] == want


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("{'a': __import__('os')}", "Value must be valid JSON."),
        ("{" + "'a': 1, " * 20_000 + "}", "Value must be valid JSON."),
        ("[1, 2]", "config must be a JSON object"),
        ("not json", "Value must be valid JSON."),
    ],
)
def test_a_config_that_is_none_is_refused_and_leaves_no_task(tycho: Caller, config: str, words: str) -> None:
    assert tycho.create(status=400, config=config) == {"config": [words]}
    assert not Reduction.objects.exists()


def test_a_preset_is_the_base_and_its_files_are_copied(tycho: Caller) -> None:
    preset = Preset.objects.create(name="camera", config={"gain": 1.2, "filter": "V"})
    PresetFile.objects.create(preset=preset, path="custom_mask.fits", blob=storage.put(frame(seed=3)))
    made = tycho.create(preset=preset.pk, config='{"filter": "R"}')
    assert made["config"] == {"gain": 1.2, "filter": "R"}
    assert tycho.get(f"tasks/{made['id']}/files/custom_mask.fits") == frame(seed=3)
    assert "preset" in tycho.create(status=400, preset=999)


def test_names_over_250_characters_are_refused_by_field(tycho: Caller) -> None:
    assert "title" in tycho.create(status=400, title="x" * 251)
    assert "original_name" in tycho.create(status=400, original_name="x" * 251)


def test_a_local_file_is_taken_from_one_folder_only(tycho: Caller, settings: Any, tmp_path: Any) -> None:
    settings.HVEN_LOCAL_FILES = tmp_path / "files"
    (tmp_path / "files/night").mkdir(parents=True)
    (tmp_path / "files/night/a.fits").write_bytes(frame(seed=5))
    (tmp_path / "secret.fits").write_bytes(frame(seed=6))
    (tmp_path / "files/link.fits").symlink_to(tmp_path / "secret.fits")
    made = tycho.post("tasks/", {"local_file": "night/a.fits"}, 201)
    assert made["original_name"] == "a.fits"
    assert tycho.get(f"tasks/{made['id']}/files/image.fits") == frame(seed=5)
    for path in ("../secret.fits", "link.fits", str(tmp_path / "secret.fits"), "night", "none.fits", "a\0b"):
        answer = tycho.post("tasks/", {"local_file": path}, 400)
        assert "error" in answer or "local_file" in answer, path
    assert Reduction.objects.count() == 1


def test_a_plane_of_a_local_file_is_chosen_by_ext(tycho: Caller, settings: Any, tmp_path: Any) -> None:
    import numpy as np
    from astropy.io import fits

    settings.HVEN_LOCAL_FILES = tmp_path
    planes = [fits.PrimaryHDU(), fits.ImageHDU(np.full((10, 12), 7, np.int16)), fits.ImageHDU(np.ones((5, 6)))]
    fits.HDUList(planes).writeto(tmp_path / "several.fits")
    made = tycho.post("tasks/", {"local_file": "several.fits", "ext": 2}, 201)
    (tmp_path / "out.fits").write_bytes(tycho.get(f"tasks/{made['id']}/files/image.fits"))
    assert fits.getdata(tmp_path / "out.fits").shape == (5, 6)
    tycho.post("tasks/", {"local_file": "several.fits", "ext": 9}, 400)
    assert "ext" in tycho.create(status=400, ext=1)
    assert Reduction.objects.count() == 1


def test_a_file_and_a_local_file_together_are_refused(tycho: Caller) -> None:
    assert "non_field_errors" in tycho.create(status=400, local_file="a.fits")


# --- lists --------------------------------------------------------------------------------------------------------


def test_a_list_is_an_array_with_the_newest_first_and_pages_where_a_limit_is_asked(tycho: Caller) -> None:
    numbers = [tycho.create(name=f"{n}.fits")["id"] for n in range(5)]
    rows = tycho.get("tasks/")
    assert [row["id"] for row in rows] == numbers[::-1]
    assert set(rows[0]) == BRIEF
    assert tycho.get("tasks/", limit="many") == rows
    page = tycho.get("tasks/", limit=2, offset=2)
    assert [row["id"] for row in page["results"]] == numbers[2:0:-1]
    assert page["count"] == 5
    assert "offset=4" in page["next"] and "limit=2" in page["previous"]


def test_a_list_is_narrowed_by_words_state_and_user(tycho: Caller, sophie: Caller, staff: Caller) -> None:
    first = tycho.create(name="M31 r.fits", title="Galaxy")["id"]
    second = tycho.post("tasks/", {"original_name": "M33.fits"}, 201)["id"]
    third = sophie.create(name="M31 sophie.fits")["id"]
    assert [row["id"] for row in tycho.get("tasks/", query="m31 galaxy")] == [first]
    assert [row["id"] for row in tycho.get("tasks/", query="TYCHO")] == [second, first]
    assert [row["id"] for row in tycho.get("tasks/", state="initial")] == [second]
    assert [row["id"] for row in staff.get("tasks/")] == [third, second, first]
    assert [row["id"] for row in staff.get("tasks/", user="sophie")] == [third]
    assert tycho.get("tasks/", user="sophie") == []


def test_frames_handed_over_otherwise_are_tasks_too_and_strangers_public_frames_are_not_listed(
    tycho: Caller, sophie: Caller
) -> None:
    number = tycho.create()["id"]
    Reduction.objects.filter(pk=number).update(visibility="public")
    assert sophie.get("tasks/") == []
    assert sophie.get(f"tasks/{number}/")["id"] == number
    sophie.patch(f"tasks/{number}/", {"title": "mine"}, 403)


# --- rights -------------------------------------------------------------------------------------------------------


def _permit(user: User, codename: str) -> None:
    from django.contrib.auth.models import Permission

    user.user_permissions.add(Permission.objects.get(codename=codename))


@pytest.mark.parametrize(
    ("who", "view", "edit", "delete"),
    [
        ("owner", True, True, True),
        ("staff", True, True, True),
        ("view_all_tasks", True, False, False),
        ("edit_all_tasks", True, True, False),
        ("member", True, True, False),
        ("stranger", False, False, False),
    ],
)
def test_the_rights_matrix(
    tycho: Caller, sophie: Caller, staff: Caller, observatory: Any, who: str, view: bool, edit: bool, delete: bool
) -> None:
    fields = {"groups": "Uraniborg"} if who == "member" else {}
    number = tycho.create(**fields)["id"]
    caller = {"owner": tycho, "staff": staff}.get(who, sophie)
    if who.endswith("_all_tasks"):
        _permit(sophie.user, who)
    for path in ("", "state/", "files/", "files/image.fits", "preview/image.fits"):
        answer = caller.raw(f"tasks/{number}/{path}")
        assert answer.status_code == (200 if view else 403), path
        if not view:
            assert answer.json() == {"error": "Permission denied"}
    assert [row["id"] for row in caller.get("tasks/")] == ([number] if view else [])
    right = 200 if edit else 403
    caller.patch(f"tasks/{number}/", {"title": "x"}, right)
    caller.post(f"tasks/{number}/fix/", status=right)
    caller.put(number, "notes.txt", b"x", 201 if edit else 403)
    caller.delete(f"tasks/{number}/files/notes.txt", 204 if edit else 403)
    caller.post(f"tasks/{number}/duplicate/", status=201 if edit else 403)
    caller.post(f"tasks/{number}/process/", {"steps": ["cleanup"]}, right)
    caller.post(f"tasks/{number}/cancel/", status=right)
    if delete:
        caller.delete(f"tasks/{number}/")
        tycho.get(f"tasks/{number}/", 404)
    else:
        assert caller.delete(f"tasks/{number}/", 403) == {"error": "Permission denied"}


def test_groups_are_set_replaced_and_taken_back(tycho: Caller, sophie: Caller, observatory: Any) -> None:
    made = tycho.create(groups="Uraniborg")
    number = made["id"]
    assert made["groups"] == ["Uraniborg"]
    assert tycho.get(f"tasks/{number}/")["groups"] == ["Uraniborg"]
    assert [row["id"] for row in sophie.get("tasks/", query="uraniborg")] == [number]
    assert tycho.patch(f"tasks/{number}/", {"groups": []})["groups"] == []
    sophie.get(f"tasks/{number}/", 403)
    assert "groups" in tycho.patch(f"tasks/{number}/", {"groups": ["Nowhere"]}, 400)


def test_a_group_that_one_is_not_in_is_refused(sophie: Caller, db: None) -> None:
    from hven.accounts import services

    other = services.create_user("longomontanus", "uraniborg-1576")
    services.create_observatory(other, "Stjerneborg")
    assert "groups" in sophie.create(status=400, groups="Stjerneborg")


def test_an_unknown_task_is_told_apart_from_a_forbidden_one(tycho: Caller) -> None:
    assert tycho.get("tasks/999999/", 404) == {"detail": "No Task matches the given query."}
    tycho.get("tasks/999999999999999999/", 404)


# --- changing -----------------------------------------------------------------------------------------------------


def test_patch_replaces_the_config_and_passes_state_over(tycho: Caller) -> None:
    number = tycho.create(config='{"gain": 1, "filter": "R"}')["id"]
    task = tycho.patch(f"tasks/{number}/", {"config": {"gain": 2}, "state": "photometry_done", "title": "t"})
    assert (task["config"], task["state"], task["title"]) == ({"gain": 2}, "uploaded", "t")
    task = tycho.post(f"tasks/{number}/", {"original_name": "renamed.fits"})
    assert (task["original_name"], task["config"]) == ("renamed.fits", {"gain": 2})
    assert "config" in tycho.patch(f"tasks/{number}/", {"config": "nonsense"}, 400)
    assert tycho.patch(f"tasks/{number}/", b"{not json", 400).keys() == {"detail"}


def test_a_copy_has_all_files_and_belongs_to_the_caller_alone(tycho: Caller, sophie: Caller, observatory: Any) -> None:
    number = tycho.create(title="First", groups="Uraniborg", config='{"gain": 2}')["id"]
    tycho.put(number, "custom_mask.fits", frame(seed=2))
    copy = sophie.post(f"tasks/{number}/duplicate/", status=201)
    assert set(copy) == FULL
    assert (copy["title"], copy["user"], copy["state"], copy["groups"], copy["config"]) == (
        "First (copy)", "sophie", "uploaded", [], {"gain": 2},
    )  # fmt: skip
    assert sophie.get(f"tasks/{copy['id']}/files/custom_mask.fits") == frame(seed=2)
    tycho.delete(f"tasks/{number}/")
    assert sophie.get(f"tasks/{copy['id']}/files/image.fits") == frame()


# --- processing ---------------------------------------------------------------------------------------------------


def test_processing_merges_the_config_and_runs_the_steps(tycho: Caller) -> None:
    number = tycho.create(config='{"gain": 1, "filter": "R"}')["id"]
    tycho.put(number, "extra.txt", b"x")
    answer = tycho.post(f"tasks/{number}/process/", {"steps": ["cleanup"], "config": {"gain": 2}})
    celery = answer.pop("celery_id")
    assert answer == {"id": number, "state": "running", "steps": ["cleanup"]}
    task = tycho.get(f"tasks/{number}/")
    assert (task["state"], task["celery_id"]) == ("running", celery)
    assert task["config"] == {"gain": 2, "filter": "R"}
    run_jobs()
    task = tycho.get(f"tasks/{number}/")
    assert (task["state"], task["celery_id"]) == ("cleanup_done", None)
    assert task["completed"] > task["created"]
    assert [row["name"] for row in tycho.get(f"tasks/{number}/files/")] == ["image.fits"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"steps": []}, "No steps provided"),
        ({}, "No steps provided"),
        ({"steps": ["develop"]}, "Invalid step: develop"),
        ({"steps": ["transients"]}, "Invalid step: transients"),
        ({"steps": [7]}, "Invalid step: 7"),
        ({"steps": ["cleanup"], "config": "{nonsense"}, "Cannot parse config as JSON"),
        ({"steps": ["cleanup"], "config": [1]}, "config must be a JSON object"),
    ],
)
def test_a_wrong_request_to_process_is_refused_in_the_originals_words(tycho: Caller, body: Any, words: str) -> None:
    number = tycho.create()["id"]
    assert tycho.post(f"tasks/{number}/process/", body, 400) == {"error": words}
    assert tycho.get(f"tasks/{number}/state/")["celery_id"] is None


def test_processing_takes_forms_with_repeated_steps(tycho: Caller) -> None:
    number = tycho.create()["id"]
    body = {"steps": ["cleanup", "cleanup"], "config": '{"gain": 3}'}
    answer = tycho.post(f"tasks/{number}/process/", body, kind="form")
    assert answer["steps"] == ["cleanup", "cleanup"]
    assert tycho.get(f"tasks/{number}/")["config"]["gain"] == 3


def test_a_task_under_way_is_busy(tycho: Caller) -> None:
    number = tycho.create()["id"]
    tycho.post(f"tasks/{number}/process/", {"steps": ["cleanup"]})
    for path, body in (("process/", {"steps": ["cleanup"]}), ("fix/", {}), ("crop/", {"x1": 2}), ("destripe/", {})):
        assert tycho.post(f"tasks/{number}/{path}", body, 409) == {"error": "Task is already being processed"}
    tycho.put(number, "a.txt", b"x", 409)
    tycho.delete(f"tasks/{number}/")  # stops it and goes


def test_cancelling_stops_and_says_how_many_links_were_revoked(tycho: Caller) -> None:
    number = tycho.create()["id"]
    assert tycho.post(f"tasks/{number}/cancel/", status=400) == {"error": "Task is not running"}
    tycho.post(f"tasks/{number}/process/", {"steps": ["cleanup", "cleanup"]})
    assert tycho.post(f"tasks/{number}/cancel/") == {"id": number, "state": "cancelled", "revoked_count": 10}
    run_jobs()
    assert tycho.get(f"tasks/{number}/state/") == {"id": number, "state": "cancelled", "celery_id": None}


# --- fix, crop, destripe ------------------------------------------------------------------------------------------


def _shape(content: bytes, tmp_path: Any) -> tuple[int, ...]:
    from astropy.io import fits

    (tmp_path / "shape.fits").write_bytes(content)
    shape: tuple[int, ...] = fits.getdata(tmp_path / "shape.fits").shape
    return shape


def test_fix_and_crop_and_destripe_change_the_working_copy_and_keep_the_first(tycho: Caller, tmp_path: Any) -> None:
    content = frame(shape=(60, 80), SATURATE="30000.0")
    number = tycho.create(content)["id"]
    answer = tycho.post(f"tasks/{number}/fix/")
    assert (answer["id"], answer["status"]) == (number, "fixed")
    assert any("SATURATE" in line for line in answer["changes"])
    assert tycho.post(f"tasks/{number}/crop/", {"x1": 10, "x2": -10, "y2": 50}) == {"id": number, "status": "cropped"}
    assert _shape(tycho.get(f"tasks/{number}/files/image.fits"), tmp_path) == (50, 60)
    assert tycho.post(f"tasks/{number}/destripe/", {"direction": "horizontal"}) == {"id": number, "status": "destriped"}
    assert tycho.get(f"tasks/{number}/files/image.orig.fits") == content
    assert Reduction.objects.get(pk=number).data_file is not None


def test_wrong_corners_and_directions_are_told_by_field(tycho: Caller) -> None:
    number = tycho.create()["id"]
    assert "x1" in tycho.post(f"tasks/{number}/crop/", {"x1": "left"}, 400)
    assert "error" in tycho.post(f"tasks/{number}/crop/", {"x1": 70, "x2": 20}, 400)
    assert tycho.post(f"tasks/{number}/destripe/", {"direction": "diag"}, 400) == {
        "direction": ['"diag" is not a valid choice.']
    }


@pytest.mark.parametrize("verb", ["fix", "crop", "destripe"])
def test_without_a_frame_there_is_nothing_to_change(tycho: Caller, verb: str) -> None:
    number = tycho.post("tasks/", {"original_name": "later"}, 201)["id"]
    assert tycho.post(f"tasks/{number}/{verb}/", status=404) == {"error": "Image file not found"}


@pytest.mark.parametrize(
    "body",
    [
        r'{"config": {"a": "\ud800"}}', r'{"config": {"\ud800": 1}}', r'{"config": "{\"a\": \"\\ud800\"}"}',
        '{"config": {"a": 1' + "0" * 400 + "}}", "[" * 100_000, '{"config": ' + '{"a":' * 900 + "1" + "}" * 901,
        r'{"title": "\ud800"}',
    ],
)  # fmt: skip
def test_what_no_database_keeps_is_refused_and_nothing_is_stored(tycho: Caller, body: str) -> None:
    number = tycho.create()["id"]
    before = tycho.get(f"tasks/{number}/")
    tycho.patch(f"tasks/{number}/", body, 400)
    assert tycho.get(f"tasks/{number}/") == before
    tycho.post(f"tasks/{number}/process/", body.replace('{"config"', '{"steps": ["cleanup"], "config"', 1), 400)


def test_steps_are_few_and_words(tycho: Caller) -> None:
    number = tycho.create()["id"]
    assert "at most 20" in str(tycho.post(f"tasks/{number}/process/", {"steps": ["cleanup"] * 21}, 400))
    tycho.post(f"tasks/{number}/process/", r'{"steps": ["\ud800"]}', 400)


def test_too_many_wrong_passwords_are_told_when_to_come_again(user: User) -> None:
    for _ in range(6):
        answer = Client().post("/stdweb/api/auth/token/", {"username": user.username, "password": "wrong"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
