"""Who may do what: roles by resources by verbs, in both prefixes; and strangers everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from hven.accounts import services as accounts
from hven.accounts.models import Role
from hven.archive.models import Dataset, NightLog
from hven.sites.models import Site, Telescope
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


CHANGES = {"datafiles": {"tags": ["t"]}, "nightlogs": {"description": "words"}}
# What makes records of one's own, outside of the observatory; the others need something of it.
PERSONAL = ("observingsites", "datasets", "datapackages", "targets", "targetlists")
# In this order nothing is in use any more when it is deleted.
DELETED = (
    "datapackages", "targetlists", "targets", "calibrations", "observations", "nightlogs", "datafiles", "datasets",
    "telescopes", "observingsites",
)  # fmt: skip


def keys(listed: Any) -> set[Any]:
    """The ids in a list; nothing where the answer was a refusal."""
    return (
        {one[name] for one in listed for name in ("uuid", "id") if name in one} if isinstance(listed, list) else set()
    )


@pytest.mark.parametrize("prefix", ["local/", ""])
@pytest.mark.parametrize("role", ROLES)
def test_the_matrix(people: dict[str, Any], things: Any, role: str, prefix: str) -> None:
    caller = people[role].within(prefix)
    for resource, (see, change, create, _) in MATRIX.items():
        key, body = things[resource]
        shown = key in keys(caller.ask("get", f"{resource}/", None))
        # without an observatory in front, a list is of one's own records
        assert shown is (bool(prefix) and allowed(role, see)), f"{role} lists {resource}"
        got = caller.ask("get", f"{resource}/{key}/", None)
        assert ("detail" not in got) is allowed(role, see), f"{role} reads {resource}: {got}"
        changed = caller.ask("patch", f"{resource}/{key}/", None, CHANGES.get(resource, {"name": "Renamed"}))
        assert ("detail" not in changed) is allowed(role, change), f"{role} changes {resource}: {changed}"
        if resource == "datafiles":
            made = caller.upload(body, frame(ROLES.index(role) + 50), f"{role}.fits", None)
        elif prefix or resource in {"observations", "calibrations", "nightlogs"}:
            made = caller.ask("post", f"{resource}/", None, {**body, **({"name": role} if "name" in body else {})})
        else:
            continue
        # opening a night that is there already needs its telescope only
        assert ("detail" not in made) is allowed(role, create), f"{role} creates {resource}: {made}"
        if allowed(role, create):
            assert made["organisation"] == "local", f"{role} creates {resource}: {made}"


@pytest.mark.parametrize("prefix", ["local/", ""])
@pytest.mark.parametrize("role", ROLES)
def test_the_matrix_of_deleting(people: dict[str, Any], things: Any, role: str, prefix: str) -> None:
    caller, owner = people[role].within(prefix), people["owner"].within("local/")
    for resource in DELETED:
        key, least = things[resource][0], MATRIX[resource][3]
        answer = caller.ask("delete", f"{resource}/{key}/", None)
        assert (answer is None) is allowed(role, least), f"{role} deletes {resource}: {answer}"
        there = owner.ask("get", f"{resource}/{key}/", None)
        assert ("detail" in there) is allowed(role, least), f"{resource} after {role}: {there}"


@pytest.mark.parametrize("role", ROLES)
def test_everybody_who_signs_in_has_records_of_their_own(people: dict[str, Any], things: Any, role: str) -> None:
    caller, others = people[role], [people[other] for other in ROLES if other != role]
    for resource in PERSONAL:
        body = {**things[resource][1], "name": f"of {role}"}
        made = caller.ask("post", f"{resource}/", None, body)
        assert ("detail" not in made) is (role != "anonymous"), f"{role} creates {resource}: {made}"
        if role == "anonymous":
            continue
        key = made.get("uuid") or made["id"]
        assert made["organisation"] is None and made["profile"] == caller.user.username
        assert key in keys(caller.get(f"{resource}/"))
        for other in others:
            assert "detail" in other.ask("get", f"{resource}/{key}/", None), f"{other.user} reads {resource} of {role}"
            assert key not in keys(other.ask("get", f"{resource}/", None))
        caller.patch(f"{resource}/{key}/", {"name": "Renamed"})
        caller.delete(f"{resource}/{key}/")


PEOPLE = {  # the status that each role gets
    "organisations/local/": (401, 200, 200, 200, 200, 200),
    "local/members/": (401, 403, 403, 200, 200, 200),
    "profiles/{owner}/": (401, 404, 200, 200, 200, 200),
    "local/profiles/{owner}/": (401, 404, 200, 200, 200, 200),
    "profiles/stranger/": (401, 200, 404, 404, 404, 404),
}


@pytest.mark.parametrize("path", PEOPLE)
def test_who_sees_whom(people: dict[str, Any], path: str) -> None:
    for role, status in zip(ROLES, PEOPLE[path], strict=True):
        people[role].get(path.format(owner=people["owner"].user.username), status)


@pytest.mark.parametrize("kind", ["api", "upload"])
def test_who_may_upload_to_an_organisation(people: dict[str, Any], kind: str) -> None:
    for role in ROLES[1:]:
        user = people[role].user
        said = {"username": user.username, "key": accounts.make_key(user, kind).secret}
        people["anonymous"].post("auth/key/verify/", said, 204)
        status = 204 if allowed(role, "member") else 403
        people["anonymous"].post("auth/key/verify-organisation/", {**said, "organisation": "local"}, status)


def test_a_key_of_one_observatory_opens_its_records_only(people: dict[str, Any], things: Any, local: Any) -> None:
    owner = people["owner"]
    owner.post("datasets/", {"name": "private"})
    bound = Caller(owner.user)
    bound.secret = accounts.make_key(owner.user, "api", observatory=local).secret
    bound.headers = {"X-Arcsecond-API-Authorization": f"Key {bound.secret}"}
    assert bound.get("datasets/") == []
    assert len(bound.within("local/").get("datasets/")) == 1
    bound.post("datasets/", {"name": "x"}, 403)


def test_a_key_of_another_observatory_knows_nobody_here(people: dict[str, Any], local: Any) -> None:
    member = people["member"]
    other = accounts.create_observatory(member.user, "Stjerneborg", "stjerneborg")
    bound = Caller(member.user)
    bound.secret = accounts.make_key(member.user, "api", observatory=other).secret
    bound.headers = {"X-Arcsecond-API-Authorization": f"Key {bound.secret}"}
    for prefix in ("", "local/"):
        bound.within(prefix).get("profiles/tycho/", 404)
    bound.within("local/").get("members/", 403)
    assert [one["subdomain"] for one in bound.get("organisations/")] == ["stjerneborg"]
    said = {"username": member.user.username, "key": bound.secret}
    assert "another" in bound.post("auth/key/verify-organisation/", {**said, "organisation": "local"}, 403)["detail"]
    bound.post("auth/key/verify-organisation/", {**said, "organisation": "stjerneborg"}, 204)
    member.within("local/").get("members/")


def test_records_that_everybody_sees_name_nothing_that_is_private(
    tycho: Caller, sophie: Caller, telescope: str
) -> None:
    site = tycho.get(f"telescopes/{telescope}/")["observing_site"]
    dataset = tycho.post("datasets/", {"name": "Night", "telescope": telescope})["uuid"]
    night = tycho.post("nightlogs/", {"telescope": telescope, "date": "2026-03-01"})["uuid"]
    for kind in (Site, Dataset, NightLog):
        kind.objects.update(visibility="public")
    paths = [f"observingsites/{site}/", f"datasets/{dataset}/", f"nightlogs/{night}/"]
    paths += [path.partition("/")[0] + "/?public=1" for path in paths]
    for path in paths:
        assert telescope in str(tycho.get(path)), path
        found = sophie.get(path)
        assert found and telescope not in str(found) and "Quadrant" not in str(found), path
    Telescope.objects.update(visibility="public")
    Site.objects.update(visibility="private")
    for path in (f"telescopes/{telescope}/", "telescopes/?public=1"):
        assert site in str(tycho.get(path)) and site not in str(sophie.get(path)), path
    for path in paths[1:3]:
        assert telescope in str(sophie.get(path)), path
