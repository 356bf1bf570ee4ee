"""Contract 1.4 and 1.6: the queue, and reference data."""

from __future__ import annotations

import pytest
from django.test import Client

from hven.imaging.models import Run
from hven.jobs.models import Job
from tests.dialects.stdweb.conftest import Caller, run_jobs

STEPS = {"steps": ["cleanup", "cleanup", "cleanup", "cleanup"]}


def test_everybody_sees_all_items_and_a_link_to_what_they_may_see(tycho: Caller, sophie: Caller) -> None:
    number = tycho.create(name="mine.fits")["id"]
    celery = tycho.post(f"tasks/{number}/process/", STEPS)["celery_id"]
    (item,) = tycho.get("queue/")
    assert item == {
        "id": celery, "name": "task_cleanup", "full_name": "stdweb.celery_tasks.task_cleanup", "state": "pending",
        "time_start": None, "task_id": number, "task_name": "mine.fits", "chain_position": 1, "chain_total": 17,
    }  # fmt: skip
    (item,) = sophie.get("queue/")
    assert "task_id" not in item and item["id"] == celery
    Job.objects.update(state="running")
    Run.objects.update(started="2026-07-16T00:00:00Z")
    (item,) = tycho.get("queue/")
    assert (item["state"], item["time_start"], item["chain_position"]) == ("active", 1784160000.0, 2)
    assert tycho.get(f"queue/{celery}/")["state"] == "STARTED"


def test_an_item_tells_how_it_stands_and_an_unknown_one_waits(tycho: Caller, sophie: Caller) -> None:
    number = tycho.create()["id"]
    celery = tycho.post(f"tasks/{number}/process/", STEPS)["celery_id"]
    item = tycho.get(f"queue/{celery}/")
    assert (item["state"], item["ready"], item["successful"], item["failed"]) == ("PENDING", False, None, None)
    assert item["task_id"] == number
    run_jobs()
    item = tycho.get(f"queue/{celery}/")
    assert (item["state"], item["ready"], item["successful"], item["failed"]) == ("SUCCESS", True, True, False)
    assert sophie.get(f"queue/{celery}/").keys() == {"id", "state", "ready", "successful", "failed"}
    assert tycho.get("queue/nobody/") == {
        "id": "nobody", "state": "PENDING", "ready": False, "successful": None, "failed": None,
    }  # fmt: skip
    assert tycho.get("queue/") == []


def test_terminating_takes_the_right_to_edit_and_staff_for_what_nobody_knows(
    tycho: Caller, sophie: Caller, staff: Caller
) -> None:
    number = tycho.create()["id"]
    celery = tycho.post(f"tasks/{number}/process/", STEPS)["celery_id"]
    want = {"error": "No permission to terminate this task"}
    assert sophie.post(f"queue/{celery}/terminate/", status=403) == want
    assert tycho.post(f"queue/{celery}/terminate/") == {
        "id": celery, "task_id": number, "revoked_count": 18, "state": "cancelled",
    }  # fmt: skip
    assert tycho.get(f"queue/{celery}/")["state"] == "REVOKED"
    assert tycho.post("queue/nobody/terminate/", status=403) == {"error": "Staff access required"}
    assert staff.post("queue/nobody/terminate/")["state"] == "terminated"


def test_terminating_what_has_ended_leaves_the_next_run_alone(tycho: Caller) -> None:
    number = tycho.create()["id"]
    first = tycho.post(f"tasks/{number}/process/", STEPS)["celery_id"]
    run_jobs()
    second = tycho.post(f"tasks/{number}/process/", STEPS)["celery_id"]
    assert tycho.post(f"queue/{first}/terminate/", status=400) == {"error": "Task is not running"}
    assert tycho.get(f"queue/{second}/")["state"] == "PENDING"


def test_reference_data_is_open_and_complete(db: None) -> None:
    http = Client()
    names = http.get("/stdweb/api/reference/").json()
    assert names["filters"] == "U B V R I u g r i z y G BP RP J H Ks".split()
    assert names["catalogs"] == "gaiadr3syn ps1 skymapper sdss atlas gaiaedr3 2mass vhs".split()
    assert names["templates"] == "custom ps1 ls skymapper des decaps ztf 2mass".split()
    for kind in ("filters", "catalogs", "templates"):
        assert list(http.get(f"/stdweb/api/reference/{kind}/").json()) == names[kind]
    answer = http.get("/stdweb/api/reference/cameras/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Unknown reference data type"})


@pytest.mark.parametrize(
    ("kind", "name", "want"),
    [
        ("filters", "R", {"name": "Johnson-Cousins R", "aliases": ["Rc"]}),
        (
            "catalogs",
            "skymapper",
            {"name": "SkyMapper DR4", "filters": ["B", "V", "R", "I", "g", "r", "i", "z", "y"], "limit": "rPSF"},
        ),
        ("templates", "custom", {"name": "Custom template"}),
        ("templates", "ps1", {"name": "Pan-STARRS DR2", "filters": ["g", "i", "r", "z"]}),
        (
            "templates",
            "ztf",
            {"name": "ZTF DR7 (HiPS)", "filters": {band: f"CDS/P/ZTF/DR7/{band}" for band in ("g", "r", "i")}},
        ),
    ],
)
def test_reference_data_has_the_shapes_of_the_original(db: None, kind: str, name: str, want: object) -> None:
    assert Client().get(f"/stdweb/api/reference/{kind}/").json()[name] == want
