"""Packages on pages: put together, handed on, fetched."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest

from hven.accounts.models import Grant, Membership, Observatory, Role
from hven.accounts.services import grant_to
from hven.archive.models import DataFile, Dataset, Package

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
    answer = client.post(f"/packages/{package.uuid}/share/", {"people": "sophie, nobody-there"})
    said = answer.content.decode()
    assert answer.status_code == 400
    assert "There is no user nobody-there." in said
    assert 'value="sophie, nobody-there"' in said
    assert "For Prague" in said


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
    grant_to(place.actor, place.dataset, other_user)
    for file in place.dataset.data_files.all():
        grant_to(place.actor, file, other_user)
    other = client_for(other_user)
    other.post("/packages/", {"name": "Taken along", "datasets": [str(place.dataset.uuid)]})
    taken = Package.objects.get()
    other.post(f"/packages/{taken.uuid}/share/", {"visibility": "public"})
    assert zipped(other, taken) == ["Spring/a.fits", "Spring/b.fits"]  # they may open them themselves
    assert zipped(anyone, taken) == []


@pytest.fixture
def ours(user: Any, other_user: Any, place: Place) -> Observatory:
    """An observatory of which the user is an admin and the other a member; the dataset with its files is its own."""
    found = Observatory.objects.create(name="Stjerneborg", slug="stjerneborg")
    Membership.objects.create(user=user, observatory=found, role=Role.ADMIN)
    Membership.objects.create(user=other_user, observatory=found, role=Role.MEMBER)
    Dataset.objects.update(observatory=found)
    DataFile.objects.update(observatory=found)
    return found


def test_a_member_gives_nothing_of_an_observatory_away(anyone, client_for, user, other_user, place, ours) -> None:
    member = client_for(other_user)
    said = {"name": "Ours", "observatory": ours.slug, "datasets": [str(place.dataset.uuid)]}
    assert member.post("/packages/", said).status_code == 302
    made = Package.objects.get()
    assert zipped(member, made) == ["Spring/a.fits", "Spring/b.fits"]
    for verb, form in (("share", {"visibility": "public"}), ("share", {"people": "rudolf"}), ("links", {"days": ""})):
        assert member.post(f"/packages/{made.uuid}/{verb}/", form).status_code == 403
    assert "Make public" not in page(member, f"/packages/{made.uuid}/")
    assert client_for(user).post(f"/packages/{made.uuid}/share/", {"visibility": "public"}).status_code == 302
    assert zipped(anyone, made) == []  # an admin gave the package away, and not what a member put into it
    assert "Spring" not in page(anyone, f"/packages/{made.uuid}/")


def test_what_an_admin_put_in_is_handed_on_as_long_as_they_are_one(
    anyone, client_for, user, other_user, place, ours
) -> None:
    DataFile.objects.update(owner=other_user)
    said = {"name": "Ours", "observatory": ours.slug, "datasets": [str(place.dataset.uuid)]}
    client_for(user).post("/packages/", said)
    made = Package.objects.get()
    client_for(user).post(f"/packages/{made.uuid}/share/", {"visibility": "public"})
    assert zipped(anyone, made) == ["Spring/a.fits", "Spring/b.fits"]
    Membership.objects.filter(user=user).update(role=Role.MEMBER)
    assert zipped(anyone, made) == []


def test_an_editor_hands_on_nothing_of_the_owner_that_was_only_shown_to_them(
    anyone, client_for, user, other_user, place
) -> None:
    grant_to(place.actor, place.dataset, other_user)
    client_for(user).post("/packages/", {"name": "Empty"})
    made = Package.objects.get()
    grant_to(place.actor, made, other_user, Grant.Level.CHANGE)
    client_for(user).post(f"/packages/{made.uuid}/share/", {"visibility": "public"})
    said = {"name": "Filled", "datasets": [str(place.dataset.uuid)]}
    assert client_for(other_user).post(f"/packages/{made.uuid}/change/", said).status_code == 302
    assert made.packed.get().by == other_user
    assert zipped(anyone, made) == []
    client_for(user).post(f"/packages/{made.uuid}/change/", said)  # what stays was put in by who put it in
    assert zipped(anyone, made) == []


def test_names_of_datasets_are_for_those_who_know_them_or_get_their_files(
    anyone, client_for, user, other_user, place
) -> None:
    grant = grant_to(place.actor, place.dataset, other_user)
    other = client_for(other_user)
    other.post("/packages/", {"name": "Taken along", "datasets": [str(place.dataset.uuid)]})
    taken = Package.objects.get()
    other.post(f"/packages/{taken.uuid}/share/", {"visibility": "public"})
    assert "Spring" in page(other, f"/packages/{taken.uuid}/")
    assert "Spring" not in page(anyone, f"/packages/{taken.uuid}/")
    grant.delete()
    assert "Spring" not in page(other, f"/packages/{taken.uuid}/")


def test_saving_keeps_the_datasets_of_which_an_editor_does_not_know(
    client_for, user, other_user, place, package
) -> None:
    grant_to(place.actor, package, other_user, Grant.Level.CHANGE)
    package.packed.update(by=other_user)  # so that nothing of it is handed on
    editor, mine = client_for(other_user), observing_place(other_user).dataset
    assert str(place.dataset.uuid) not in page(editor, f"/packages/{package.uuid}/")
    said = {"name": "Renamed", "datasets": [str(mine.uuid)]}
    assert editor.post(f"/packages/{package.uuid}/change/", said).status_code == 302
    assert set(package.datasets.all()) == {place.dataset, mine}
    editor.post(f"/packages/{package.uuid}/change/", {"name": "Renamed"})
    assert set(package.datasets.all()) == {place.dataset}


def test_the_migration_says_that_the_owner_put_in_what_was_there(place, package) -> None:
    from importlib import import_module

    from django.db import connection

    module = import_module("hven.archive.migrations.0011_packed_by")
    package.packed.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE archive_package_datasets (id integer, package_id bigint, dataset_id bigint)")
        cursor.execute("INSERT INTO archive_package_datasets VALUES (1, %s, %s)", [package.pk, place.dataset.pk])
        cursor.execute(module.CARRY)
        cursor.execute("DROP TABLE archive_package_datasets")
    packed = package.packed.get()
    assert (packed.dataset, packed.by) == (place.dataset, package.owner)


def test_an_inbox_is_not_packed(client_for, user, place) -> None:
    from hven.archive.services.files import inbox

    answer = client_for(user).post("/packages/", {"name": "Mine", "datasets": [str(inbox(user).uuid)]})
    assert answer.status_code == 400
    assert "inbox" in answer.content.decode()
    assert not Package.objects.exists()


def test_ones_own_datasets_are_offered_on_a_busy_server(client_for, user, other_user, place) -> None:
    Dataset.objects.bulk_create(
        Dataset(owner=other_user, name=f"A{number:04d}", visibility="public") for number in range(210)
    )
    assert str(place.dataset.uuid) in page(client_for(user), "/packages/")
