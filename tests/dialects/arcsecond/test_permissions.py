"""Who may do what: roles by resources by verbs, in both prefixes; and strangers everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hven.accounts import services as accounts
from hven.accounts.models import Role
from hven.archive.models import DataFile
from tests.dialects.arcsecond.conftest import Caller, frame, run_jobs

ROLES = ("anonymous", "stranger", "visitor", "member", "admin", "owner")
# The least role that sees, changes, creates and deletes; "none" for nobody.
MATRIX = {
    "observingsites": ("visitor", "admin", "admin", "admin"),
    "telescopes": ("member", "admin", "admin", "admin"),
    "datasets": ("member", "member", "member", "member"),
    "datafiles": ("member", "member", "member", "member"),
    "nightlogs": ("member", "member", "member", "member"),
    "observations": ("visitor", "visitor", "visitor", "member"),
    "calibrations": ("visitor", "visitor", "visitor", "member"),
    "datapackages": ("member", "member", "member", "member"),
    "targets": ("visitor", "member", "member", "member"),
    "targetlists": ("visitor", "member", "member", "member"),
}


@pytest.fixture
def people(user: Any, local: Any) -> dict[str, Any]:
    """A caller of each role; tycho owns the observatory."""
    found: dict[str, Any] = {
        "owner": Caller(user),
        "stranger": Caller(accounts.create_user("stranger", "uraniborg-1576")),
    }
    for role in (Role.VISITOR, Role.MEMBER, Role.ADMIN):
        made = accounts.create_user(role.label.lower(), "uraniborg-1576")
        accounts.add_member(local, made, role)
        found[role.label.lower()] = Caller(made)
    nobody = Caller(accounts.create_user("nobody", "uraniborg-1576"))
    nobody.headers = {}
    found["anonymous"] = nobody
    return found


@pytest.fixture
def things(people: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """One record of each resource of the observatory: its key in addresses, and what makes another one."""
    owner = people["owner"].within("local/")
    place = {"longitude": 12.7, "latitude": 55.9}
    site = owner.post("observingsites/", {"name": "Hven", "coordinates": place})["uuid"]
    telescope = owner.post("telescopes/", {"name": "Quadrant", "observing_site": site})["uuid"]
    dataset = owner.post("datasets/", {"name": "Night", "telescope": telescope})["uuid"]
    file = owner.upload(dataset, frame(DATE__OBS="2026-03-01T20:00:00", OBJECT="M31"))["id"]
    run_jobs()
    night = owner.get("nightlogs/")[0]["uuid"]
    return {
        "observingsites": (site, {"name": "S", "coordinates": place}),
        "telescopes": (telescope, {"name": "T", "observing_site": site}),
        "datasets": (dataset, {"name": "D"}),
        "datafiles": (file, dataset),
        "nightlogs": (night, {"telescope": telescope, "date": "2026-05-01"}),
        "observations": (owner.get("observations/")[0]["uuid"], {"night_log": night, "target_name": "X"}),
        "calibrations": (
            owner.post("calibrations/", {"night_log": night, "name": "b"})["uuid"], {"night_log": night, "name": "c"},
        ),
        "datapackages": (owner.post("datapackages/", {"name": "P"})["uuid"], {"name": "Q"}),
        "targets": (owner.post("targets/", {"name": "A"})["id"], {"name": "B"}),
        "targetlists": (owner.post("targetlists/", {"name": "L"})["uuid"], {"name": "M"}),
    }  # fmt: skip


def allowed(role: str, least: str) -> bool:
    return ROLES.index(role) >= ROLES.index(least)


@pytest.mark.parametrize("prefix", ["local/", ""])
@pytest.mark.parametrize("role", ROLES)
def test_the_matrix(people: dict[str, Any], things: Any, role: str, prefix: str) -> None:
    caller = people[role].within(prefix)
    for resource, (see, change, create, _) in MATRIX.items():
        key, body = things[resource]
        # a night that a visitor cannot see cannot be written into by them
        inside = resource in {"observations", "calibrations"} and role == "visitor"
        listed = caller.ask("get", f"{resource}/", None)
        shown = isinstance(listed, list) and key in {one.get("uuid", one.get("id")) for one in listed} | {
            one.get("id") for one in listed
        }
        if prefix:
            assert shown is allowed(role, see), f"{role} lists {resource}"
        got = caller.ask("get", f"{resource}/{key}/", None)
        assert ("detail" not in got) is allowed(role, see), f"{role} reads {resource}: {got}"
        change_body = {"name": "Renamed"} if resource not in {"datafiles", "nightlogs"} else {
            "tags": ["t"], "description": "words",
        }  # fmt: skip
        changed = caller.ask("patch", f"{resource}/{key}/", None, change_body)
        assert ("detail" not in changed) is allowed(role, change), f"{role} changes {resource}: {changed}"
        if prefix and not inside:
            if resource == "datafiles":
                made = caller.upload(body, frame(ROLES.index(role) + 50), f"{role}.fits", None)
            else:
                name = {"name": f"{role}"} if "name" in body else {}
                made = caller.ask("post", f"{resource}/", None, {**body, **name})
            assert ("detail" not in made) is allowed(role, create), f"{role} creates {resource}: {made}"
    for resource, (*_, delete) in MATRIX.items():
        if resource in {"datapackages", "targetlists", "calibrations"}:
            key = things[resource][0]
            answer = caller.ask("delete", f"{resource}/{key}/", None)
            assert (answer is None) is allowed(role, delete), f"{role} deletes {resource}: {answer}"


def test_strangers_get_at_the_observatorys_frames_by_no_other_way(people: dict[str, Any], things: Any) -> None:
    file = DataFile.objects.get()
    for who in ("anonymous", "stranger", "visitor"):
        caller = people[who]
        caller.get(f"datafiles/{file.pk}/file/", 404)
        caller.within("local/").get(f"datafiles/{file.pk}/file/", 404)
        http = Client()
        if who != "anonymous":
            http.force_login(caller.user)
        assert http.get(f"/albums/{file.dataset.uuid}/").status_code in {302, 404}, who
    member = Client()
    member.force_login(people["member"].user)
    assert member.get(f"/albums/{file.dataset.uuid}/").status_code == 200


def test_a_key_of_one_observatory_opens_its_records_only(people: dict[str, Any], things: Any, local: Any) -> None:
    owner = people["owner"]
    owner.post("datasets/", {"name": "private"})
    bound = Caller(owner.user)
    bound.secret = accounts.make_key(owner.user, "api", observatory=local).secret
    bound.headers = {"X-Arcsecond-API-Authorization": f"Key {bound.secret}"}
    assert bound.get("datasets/") == []
    assert len(bound.within("local/").get("datasets/")) == 1
    bound.post("datasets/", {"name": "x"}, 403)
