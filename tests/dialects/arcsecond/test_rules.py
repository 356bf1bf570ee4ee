"""The twelve rules that make or break Arcsecond's clients, one by one."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from django.test import Client

from hven.archive.models import DataFile, Dataset
from hven.jobs.models import Job
from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs


def test_1_every_path_ends_in_a_slash_and_is_answered_there(tycho: Caller, telescope: str) -> None:
    for path in ("observingsites/", "telescopes/", "nightlogs/", "datasets/", "datapackages/", "datafiles/", "targets/",
                 "targetlists/", "observations/", "calibrations/", f"telescopes/{telescope}/"):  # fmt: skip
        tycho.get(path)
    answer = Client().get("/arcsecond/nothing/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_2_a_dataset_is_found_by_its_exact_name_in_a_bare_array(tycho: Caller, sophie: Caller) -> None:
    for name in ("M31", "M31 b", "m31 other"):
        tycho.post("datasets/", {"name": name})
    sophie.post("datasets/", {"name": "M31"})
    found = tycho.get("datasets/", name="M31")
    assert [one["name"] for one in found] == ["M31"]
    assert set(found[0]) >= {"uuid", "name", "telescope", "data_files_count"}
    assert tycho.get("datasets/", name="M3") == []


def test_3_lists_are_arrays_and_pages_only_where_a_page_is_asked(tycho: Caller) -> None:
    for number in range(3):
        tycho.post("datasets/", {"name": f"d{number}"})
    assert isinstance(tycho.get("datasets/"), list)
    page = tycho.get("datasets/", page=1, page_size=2)
    assert (page["count"], len(page["results"]), page["previous"]) == (3, 2, None)
    assert "page=2" in page["next"]


def test_3_long_arrays_are_streamed_whole(tycho: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    from hven.dialects.arcsecond import base

    monkeypatch.setattr(base, "STREAMED_FROM", 2)
    for number in range(5):
        tycho.post("targets/", {"name": f"T{number}"})
    assert [one["name"] for one in tycho.get("targets/")] == [f"T{number}" for number in range(5)]


@pytest.mark.parametrize("header", ["X-Arcsecond-API-Authorization", "Authorization"])
def test_4_keys_come_in_the_clients_own_header_or_the_usual_one(tycho: Caller, header: str) -> None:
    for scheme in ("Key", "Bearer"):
        answer = Client().get("/arcsecond/telescopes/", headers={header: f"{scheme} {tycho.secret}"})
        assert answer.status_code == 200
    answer = Client().get("/arcsecond/telescopes/", headers={header: "Key " + "0" * 40})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid key."})
    assert Client().get("/arcsecond/telescopes/").status_code == 401


def test_5_keys_are_verified_without_a_header(tycho: Caller, sophie: Caller, local: Any) -> None:
    http = Client()

    def ask(path: str, **words: str) -> int:
        status: int = http.post(f"/arcsecond/auth/key/{path}/", words, content_type="application/json").status_code
        return status

    assert ask("verify", username="tycho", key=tycho.secret) == 204
    assert ask("verify", username="tycho@example.org", key=tycho.secret) == 204
    assert ask("verify", username="tycho", key=sophie.secret) == 401
    assert ask("verify", username="tycho", key="") == 401
    organisation = {"organisation": "local"}
    assert ask("verify-organisation", username="tycho", key=tycho.secret, **organisation) == 204
    assert ask("verify-organisation", username="sophie", key=sophie.secret, **organisation) == 403


def test_6_answers_are_json_for_any_accept_and_pages_for_browsers(tycho: Caller) -> None:
    http = tycho.http
    for accept in ("*/*", "", "application/json"):
        answer = http.get("/arcsecond/datasets/", headers={**tycho.headers, "accept": accept})
        assert answer["Content-Type"] == "application/json"
    answer = http.get("/arcsecond/datasets/", headers={**tycho.headers, "accept": "text/html,*/*;q=0.8"})
    assert answer["Content-Type"].startswith("text/html")


def test_7_a_file_that_is_there_already_is_told_in_the_clients_words(tycho: Caller) -> None:
    dataset = tycho.post("datasets/", {"name": "d"})["uuid"]
    tycho.upload(dataset, frame())
    answer = tycho.upload(dataset, frame(), status=400)
    assert "already exists in dataset" in answer["detail"]
    assert DataFile.objects.count() == 1


def test_7_the_same_name_with_other_bytes_gets_a_number_and_loses_nothing(tycho: Caller) -> None:
    dataset = tycho.post("datasets/", {"name": "d"})["uuid"]
    names = [tycho.upload(dataset, frame(seed), "Light_001.fits.gz")["name"] for seed in (1, 2, 3)]
    assert names == ["Light_001.fits.gz", "Light_001 (2).fits.gz", "Light_001 (3).fits.gz"]
    for seed in (1, 2, 3):
        tycho.upload(dataset, frame(seed), "Light_001.fits.gz", 400)
    other = tycho.post("datasets/", {"name": "e"})["uuid"]
    assert tycho.upload(other, frame(1), "Light_001.fits.gz")["name"] == "Light_001.fits.gz"
    assert len({one.blob_id for one in DataFile.objects.all()}) == 3  # the same bytes lie on the disk once


def test_7_long_names_are_numbered_too(tycho: Caller) -> None:
    dataset = tycho.post("datasets/", {"name": "d"})["uuid"]
    names = {tycho.upload(dataset, frame(seed), "x" * 250 + ".fits")["name"] for seed in (1, 2, 3)}
    assert len(names) == 3 and all(name.endswith(".fits") for name in names)


@pytest.mark.parametrize(
    "content",
    [b"", b"words", b"SIMPLE  =                    T" + b" " * 50, frame()[:1000], gzip.compress(b"words"),
     b"XISF0100\xff", b"\x00" * 5000, b"PK\x03\x04broken"],
    ids=["empty", "text", "one card", "truncated", "gz", "xisf", "zeros", "zip"],
)  # fmt: skip
def test_8_every_file_is_taken_whatever_it_holds(tycho: Caller, telescope: str, content: bytes) -> None:
    dataset = tycho.post("datasets/", {"name": "d", "telescope": telescope})["uuid"]
    made = tycho.upload(dataset, content, "odd.fits")
    run_jobs()
    assert not Job.objects.exclude(state="done").exists()
    found = tycho.get(f"datafiles/{made['id']}/")
    assert found["parsed"] is True and found["size"] == len(content)
    assert tycho.get(f"datafiles/{made['id']}/file/") == content


def test_9_the_header_is_read_after_the_answer(tycho: Caller) -> None:
    dataset = tycho.post("datasets/", {"name": "d"})["uuid"]
    made = tycho.upload(dataset, frame(FILTER="R"))
    assert made["parsed"] is False and made["filter"] == ""
    run_jobs()
    assert tycho.get(f"datafiles/{made['id']}/")["filter"] == "R"


def test_10_a_datasets_telescope_is_a_plain_uuid_or_null(tycho: Caller, telescope: str) -> None:
    assert tycho.post("datasets/", {"name": "a"})["telescope"] is None
    made = tycho.post("datasets/", {"name": "b", "telescope": telescope})
    assert made["telescope"] == telescope
    assert tycho.patch(f"datasets/{made['uuid']}/", {"telescope": None})["telescope"] is None


def test_11_personal_and_portal_addresses_lead_to_their_own(tycho: Caller, sophie: Caller, local: Any) -> None:
    portal = tycho.within("local/")
    tycho.post("datasets/", {"name": "mine"})
    portal.post("datasets/", {"name": "ours"})
    portal.post("datasets/", {"name": "mine"})
    assert [one["name"] for one in tycho.get("datasets/")] == ["mine"]
    assert [one["name"] for one in portal.get("datasets/")] == ["ours", "mine"]
    assert sophie.within("local/").get("datasets/") == []
    assert tycho.within("elsewhere/").get("datasets/", 404)["detail"]
    assert tycho.get("organisations/local/") == {
        "pk": local.pk, "uuid": str(local.uuid), "subdomain": "local", "name": "Uraniborg",
    }  # fmt: skip
    for caller in (tycho, portal):
        profile = caller.get("profiles/tycho/")
        assert (profile["username"], profile["email"]) == ("tycho", "tycho@example.org")
        assert [(one["role"], one["organisation"]["subdomain"]) for one in profile["memberships"]] == [
            ("superadmin", "local")
        ]
    assert [one["username"] for one in portal.get("members/")] == ["tycho"]
    sophie.within("local/").get("members/", 403)
    sophie.get("profiles/tycho/", 404)


def test_11_local_is_the_only_observatory_whatever_it_is_called(tycho: Caller, user: Any) -> None:
    from hven.accounts import services

    services.create_observatory(user, "Stjerneborg")
    assert tycho.get("organisations/local/")["subdomain"] == "stjerneborg"
    tycho.within("local/").post("datasets/", {"name": "ours"})
    assert Dataset.objects.get(name="ours").observatory is not None


def test_12_the_base_address_may_carry_a_path_and_answers_there(tycho: Caller) -> None:
    assert Client().get("/arcsecond/healthcheck/").json() == {"status": "ok"}
    made = tycho.upload(tycho.post("datasets/", {"name": "d"})["uuid"], frame())
    assert made["file"].endswith(f"/arcsecond/datafiles/{made['id']}/file/")


def test_lists_take_no_put_and_no_patch(tycho: Caller) -> None:
    for method in ("put", "patch"):
        answer = getattr(tycho.http, method)(
            "/arcsecond/datasets/", {}, content_type="application/json", headers=tycho.headers
        )
        assert answer.status_code == 405


def test_an_upload_key_does_what_an_upload_needs_and_no_more(
    tycho: Caller, user: Any, telescope: str, local: Any
) -> None:
    key = Caller(user, "upload")
    assert key.get("datasets/", name="new") == []
    key.get(f"telescopes/{telescope}/")
    key.get("organisations/local/")
    dataset = key.post("datasets/", {"name": "new", "telescope": telescope})["uuid"]
    assert [one["uuid"] for one in key.get("datasets/", name="new")] == [dataset]
    made = key.upload(dataset, frame())
    assert key.patch(f"datafiles/{made['id']}/", {"tags": ["oort|root|x"]})["tags"] == ["oort|root|x"]
    key.get(f"datafiles/{made['id']}/file/", 403)
    key.delete(f"datafiles/{made['id']}/", 403)
    key.patch(f"datasets/{dataset}/", {"name": "other"}, 403)
    key.post("telescopes/", {"name": "x"}, 403)
    assert tycho.get(f"datasets/{dataset}/")["data_files_count"] == 1
