"""Data packages: shared with people, with members, by link, with everybody; what their zip holds; hashes of files."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from hven.accounts import services as accounts
from hven.accounts.actor import Actor
from hven.accounts.models import Grant, Role
from hven.archive.models import DataFile
from hven.archive.services.reading import read_file
from tests.dialects.arcsecond.conftest import Caller, frame
from tests.web.conftest import picture_bytes

ONE, TWO = frame(1), frame(2)


def members(content: bytes) -> dict[str, bytes]:
    """The files of a zip archive, checked against its manifest."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    manifest = found.pop("manifest-sha256.txt").decode().splitlines()
    assert manifest == [f"{hashlib.sha256(body).hexdigest()}  {name}" for name, body in found.items()]
    return found


def fetch(path: str, **query: str) -> tuple[int, bytes]:
    """Ask as nobody."""
    answer = Client().get(f"/arcsecond/{path}", query_params=query)
    return answer.status_code, b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def package(tycho: Caller) -> str:
    """The address of a package of one dataset with one file."""
    dataset = tycho.post("datasets/", {"name": "Night"})["uuid"]
    tycho.upload(dataset, ONE, "a.fits")
    uuid = tycho.post("datapackages/", {"name": "Release", "datasets": [dataset]})["uuid"]
    return f"datapackages/{uuid}/"


def test_a_link_opens_a_package_and_its_zip_and_nothing_else(tycho: Caller, package: str) -> None:
    made = tycho.post(f"{package}links/", {"days": 7})
    secret = made["secret"]
    assert f"?link={secret}" in made["download"] and made["expires"]
    assert fetch(package)[0] == fetch(f"{package}zip/")[0] == 404
    assert fetch(package, link="A" * 40)[0] == 404
    status, content = fetch(f"{package}zip/", link=secret)
    assert status == 200 and members(content) == {"Night/a.fits": ONE}
    answer = Client().get(f"/arcsecond/{package}?link={secret}").json()
    assert answer["download"] == made["download"] and answer["shared_with"] == []
    dataset, file = answer["datasets"][0], tycho.get("datafiles/")[0]["id"]
    for path in (f"datasets/{dataset}/", f"datafiles/{file}/", f"datafiles/{file}/file/"):
        assert fetch(path, link=secret)[0] == 404, path
    assert fetch("datapackages/", link=secret)[1] == b"[]"
    for method in ("patch", "delete"):
        answer = getattr(Client(), method)(f"/arcsecond/{package}?link={secret}", {}, content_type="application/json")
        assert answer.status_code == 401
    assert "secret" not in tycho.get(f"{package}links/")[0]


def test_a_link_ends(tycho: Caller, sophie: Caller, package: str) -> None:
    made = tycho.post(f"{package}links/", {})
    sophie.get(f"{package}links/", 404)
    sophie.delete(f"{package}links/{made['uuid']}/", 404)
    assert fetch(f"{package}zip/", link=made["secret"])[0] == 200
    tycho.delete(f"{package}links/{made['uuid']}/")
    tycho.delete(f"{package}links/{uuid4()}/", 404)
    assert fetch(f"{package}zip/", link=made["secret"])[0] == 404
    made = tycho.post(f"{package}links/", {"days": 1})
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert fetch(f"{package}zip/", link=made["secret"])[0] == 404
    for days in (0, -1, 1e9, "many"):
        assert tycho.post(f"{package}links/", {"days": days}, 400)["detail"].endswith(".")


def test_nobody_hands_on_what_was_only_shown_to_them(tycho: Caller, sophie: Caller) -> None:
    dataset = tycho.post("datasets/", {"name": "Night"})["uuid"]
    tycho.upload(dataset, ONE, "a.fits")
    tycho.patch(f"datasets/{dataset}/", {"is_public": True})
    hers = sophie.post("datasets/", {"name": "Night"})["uuid"]
    sophie.upload(hers, TWO, "a.fits")
    package = f"datapackages/{sophie.post('datapackages/', {'name': 'P', 'datasets': [dataset, hers]})['uuid']}/"
    link = sophie.post(f"{package}links/", {})["secret"]
    both = members(fetch(f"{package}zip/", link=link)[1])
    assert both == {"Night/a.fits": ONE, "Night (2)/a.fits": TWO}  # two datasets of one name stay two
    tycho.patch(f"datasets/{dataset}/", {"is_public": False})
    assert members(fetch(f"{package}zip/", link=link)[1]) == {"Night/a.fits": TWO}
    assert members(sophie.get(f"{package}zip/")) == {"Night/a.fits": TWO}


def test_a_package_of_an_observatory_hands_on_what_is_the_observatorys(
    tycho: Caller, sophie: Caller, local: Any
) -> None:
    portal = tycho.within("local/")
    member = Caller(accounts.create_user("kepler", "uraniborg-1576"))
    accounts.add_member(local, member.user, Role.MEMBER)
    ours = portal.post("datasets/", {"name": "Ours"})["uuid"]
    member.within("local/").upload(ours, ONE, "by a member.fits")
    mine = tycho.post("datasets/", {"name": "Mine"})["uuid"]
    tycho.upload(mine, TWO, "private.fits")
    package = f"datapackages/{portal.post('datapackages/', {'name': 'P', 'datasets': [ours]})['uuid']}/"
    assert members(member.within("local/").get(f"{package}zip/")) == {"Ours/by a member.fits": ONE}
    link = portal.post(f"{package}links/", {})["secret"]
    assert members(fetch(f"{package}zip/", link=link)[1]) == {"Ours/by a member.fits": ONE}
    member.within("local/").post(f"{package}links/", {}, 403)  # giving away takes an admin
    sophie.get(package, 404)
    portal.patch(package, {"shared_with": ["sophie"]})
    assert members(sophie.get(f"{package}zip/")) == {"Ours/by a member.fits": ONE}
    assert portal.get(package)["shared_with"] == ["sophie"]
    assert "no user" in portal.patch(package, {"shared_with": ["nobody"]}, 404)["detail"]
    portal.patch(package, {"shared_with": [], "is_public": True})
    assert members(fetch(f"{package}zip/")[1]) == {"Ours/by a member.fits": ONE}
    assert [one["name"] for one in Client().get("/arcsecond/datapackages/").json()] == ["P"]


def test_a_zip_is_sent_as_it_is_packed(tycho: Caller, package: str) -> None:
    answer = tycho.http.get(f"/arcsecond/{package}zip/", headers=tycho.headers)
    assert answer.streaming and "Content-Length" not in answer
    assert answer["Content-Type"] == "application/zip" and 'filename="Release.zip"' in answer["Content-Disposition"]


def test_a_file_says_its_hashes_on_request(tycho: Caller, package: str) -> None:
    path = f"datafiles/{tycho.get('datafiles/')[0]['id']}/"
    assert "checksum" not in tycho.get(path)
    sha256, sha1 = hashlib.sha256(ONE), hashlib.sha1(ONE, usedforsecurity=False)
    assert tycho.get(path, checksum="1")["checksum"] == {"sha256": sha256.hexdigest(), "sha1": sha1.hexdigest()}
    answer = tycho.http.get(f"/arcsecond/{path}file/", headers=tycho.headers)
    assert answer["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"


def test_a_member_does_not_share_a_package_of_an_observatory(tycho: Caller, local: Any) -> None:
    member = Caller(accounts.create_user("kepler", "uraniborg-1576"))
    accounts.add_member(local, member.user, Role.MEMBER)
    portal, theirs = tycho.within("local/"), member.within("local/")
    ours = portal.post("datasets/", {"name": "Ours"})["uuid"]
    portal.upload(ours, ONE, "a.fits")
    theirs.post("datapackages/", {"name": "P", "datasets": [ours], "is_public": True}, 403)
    theirs.post("datapackages/", {"name": "P", "shared_with": ["sophie"]}, 403)
    assert theirs.get("datapackages/") == []
    package = f"datapackages/{theirs.post('datapackages/', {'name': 'P', 'datasets': [ours]})['uuid']}/"
    theirs.patch(package, {"is_public": True}, 403)
    theirs.patch(package, {"shared_with": ["sophie"]}, 403)
    theirs.post(f"{package}links/", {}, 403)
    theirs.get(f"{package}links/", 403)
    link = portal.post(f"{package}links/", {})["secret"]
    assert members(fetch(f"{package}zip/", link=link)[1]) == {}
    assert Client().get(f"/arcsecond/{package}?link={link}").json()["datasets"] == []
    assert theirs.get(package)["datasets"] == [ours]


def test_an_editor_replaces_the_datasets_they_know_of(tycho: Caller, sophie: Caller, package: str) -> None:
    from hven.archive.models import Package

    accounts.grant_to(Actor.of(tycho.user), Package.objects.get(), sophie.user, Grant.Level.CHANGE)
    kept = tycho.get(package)["datasets"]
    hers = sophie.post("datasets/", {"name": "Hers"})["uuid"]
    Package.objects.get().packed.update(by=sophie.user)
    assert sophie.patch(package, {"datasets": [hers]})["datasets"] == [hers]
    assert sorted(str(one.uuid) for one in Package.objects.get().datasets.all()) == sorted([*kept, hers])


def test_strangers_get_a_picture_and_a_header_without_the_place(tycho: Caller, sophie: Caller) -> None:
    dataset = tycho.post("datasets/", {"name": "Night", "is_public": True})["uuid"]
    content = picture_bytes("jpeg")
    picture = tycho.upload(dataset, content, "a.jpeg")["id"]
    header = tycho.upload(dataset, frame(1, SITELAT=28.25, OBSERVER="Tycho"), "a.fits")["id"]
    for each in DataFile.objects.all():
        read_file(each.pk)
    DataFile.objects.update(visibility="public")
    assert tycho.get(f"datafiles/{picture}/file/") == content
    answer = sophie.http.get(f"/arcsecond/datafiles/{picture}/file/", headers=sophie.headers)
    cut = b"".join(answer.streaming_content)
    assert b"a maker" in content and b"a maker" not in cut
    assert int(answer["Content-Length"]) == len(cut)
    digest = base64.b64encode(hashlib.sha256(cut).digest()).decode()
    assert answer["Repr-Digest"] == f"sha-256=:{digest}:"

    def keywords(caller: Caller) -> set[str]:
        return {card["keyword"] for card in caller.get(f"datafiles/{header}/", header="1")["header"]}

    assert keywords(tycho) - keywords(sophie) == {"SITELAT"}
