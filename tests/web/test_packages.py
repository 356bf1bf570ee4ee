"""Packages on pages: put together, handed on, fetched."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest

from hven.archive.models import Package

from .nightly import Place, observing_place


@pytest.fixture
def place(user: Any) -> Place:
    found = observing_place(user)
    found.take("a.fits")
    found.take("b.fits", FILTER="V")
    return found


@pytest.fixture
def package(client_for, user, place) -> Package:
    client_for(user).post("/packages/", {"name": "For Prague", "about": "All", "datasets": [str(place.dataset.uuid)]})
    return Package.objects.get()


def page(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def zipped(client: Any, package: Package) -> list[str]:
    answer = client.get(f"/packages/{package.uuid}/files.zip")
    assert answer.status_code == 200
    inside = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    return sorted(name for name in inside if name.endswith(".fits"))


def test_a_package_is_put_together_shown_and_fetched(client_for, user, place, package) -> None:
    client = client_for(user)
    said = page(client, f"/packages/{package.uuid}/")
    assert "2 files" in said
    assert "Spring" in said
    assert "For Prague" in page(client, "/packages/")
    assert zipped(client, package) == ["Spring/a.fits", "Spring/b.fits"]
    client.post(f"/packages/{package.uuid}/change/", {"name": "For Rudolf", "about": ""})
    package.refresh_from_db()
    assert (package.name, package.datasets.count()) == ("For Rudolf", 0)
    assert "Nothing in it" in page(client, f"/packages/{package.uuid}/")
    client.post(f"/packages/{package.uuid}/delete/")
    assert not Package.objects.exists()


def test_what_is_wrong_is_said(client_for, user, other_user, place, package) -> None:
    client = client_for(user)
    assert client.post("/packages/", {"name": " "}).status_code == 400
    assert client.post("/packages/", {"name": "x", "datasets": ["nonsense"]}).status_code == 400
    foreign = observing_place(other_user).dataset
    assert client.post("/packages/", {"name": "x", "datasets": [str(foreign.uuid)]}).status_code == 400
    assert client.post(f"/packages/{package.uuid}/share/", {"people": "nobody-there"}).status_code == 404


def test_people_named_see_it_and_nobody_else(anyone, client_for, user, other_user, package) -> None:
    stranger = client_for(other_user)
    for client in (anyone, stranger):
        assert client.get(f"/packages/{package.uuid}/").status_code == 404
        assert client.get(f"/packages/{package.uuid}/files.zip").status_code == 404
        for verb in ("change/", "share/", "links/", "delete/"):
            assert client.post(f"/packages/{package.uuid}/{verb}", {"name": "x"}).status_code == 404
    client_for(user).post(f"/packages/{package.uuid}/share/", {"people": other_user.username.upper()})
    assert zipped(stranger, package) == ["Spring/a.fits", "Spring/b.fits"]
    assert "For Prague" in page(stranger, "/packages/")
    assert stranger.post(f"/packages/{package.uuid}/delete/").status_code == 403
    client_for(user).post(f"/packages/{package.uuid}/share/", {"people": ""})
    assert stranger.get(f"/packages/{package.uuid}/").status_code == 404


def test_a_link_opens_it_without_signing_in_until_it_is_taken_back(anyone, client_for, user, package) -> None:
    client = client_for(user)
    made = client.post(f"/packages/{package.uuid}/links/", {"days": "7"}).content.decode()
    link = re.search(r"/shared/[0-9a-f]+/", made)
    assert link is not None
    assert anyone.get(link[0])["Location"] == f"/packages/{package.uuid}/"
    assert "2 files" in page(anyone, f"/packages/{package.uuid}/")
    assert zipped(anyone, package) == ["Spring/a.fits", "Spring/b.fits"]
    grant = re.search(r'name="revoke" value="([0-9a-f-]{36})"', page(client, f"/packages/{package.uuid}/"))
    assert grant is not None
    client.post(f"/packages/{package.uuid}/links/", {"revoke": grant[1]})
    assert anyone.get(f"/packages/{package.uuid}/").status_code == 404


def test_everybody_fetches_a_public_one(anyone, client_for, user, package) -> None:
    client_for(user).post(f"/packages/{package.uuid}/share/", {"visibility": "public"})
    assert zipped(anyone, package) == ["Spring/a.fits", "Spring/b.fits"]


def test_nobody_hands_on_what_was_only_shown_to_them(anyone, client_for, user, other_user, place) -> None:
    from hven.accounts.services import grant_to

    grant_to(place.actor, place.dataset, other_user)
    for file in place.dataset.data_files.all():
        grant_to(place.actor, file, other_user)
    other = client_for(other_user)
    other.post("/packages/", {"name": "Taken along", "datasets": [str(place.dataset.uuid)]})
    taken = Package.objects.get()
    other.post(f"/packages/{taken.uuid}/share/", {"visibility": "public"})
    assert zipped(other, taken) == ["Spring/a.fits", "Spring/b.fits"]  # they may open them themselves
    assert zipped(anyone, taken) == []
