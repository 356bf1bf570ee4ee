"""Sites and telescopes on pages."""

from __future__ import annotations

from typing import Any

import pytest

from hven.errors import Invalid
from hven.jobs.models import Job
from hven.sites.models import Site, Telescope
from hven.web.views.sites import degrees_said

from .nightly import observing_place


def page(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.mark.parametrize(
    ("text", "sides", "degrees"),
    [
        ("-16.5117", "EW", -16.5117), ("16,5", "EW", 16.5), ("16 30 42 W", "EW", -16.511667), ("W 16.5", "EW", -16.5),
        ("28°18′N", "NS", 28.3), ("28d18m0s", "NS", 28.3), ("−33.9", "NS", -33.9), ("-0 30 0", "NS", -0.5),
        ("70.5 E", "EW", 70.5), ("24:37:38 S", "NS", -24.627222), ("S 24 37 38", "NS", -24.627222), ("+12", "NS", 12.0),
        ("155° 28′ 34″ W", "EW", -155.476111), ("28 deg 18' N", "NS", 28.3), ("33s", "NS", -33.0), ("", "NS", None),
    ],
)  # fmt: skip
def test_angles_are_read_as_people_write_them(text: str, sides: str, degrees: float | None) -> None:
    found = degrees_said(text, "longitude", sides)
    assert found == (None if degrees is None else pytest.approx(degrees, abs=1e-6))


@pytest.mark.parametrize(
    "text", ["west", "1 2 3 4", "16x", "--", "16 30 42 O", "20 N", "12 75 80", "1e5", "-16 W", "W 16 E", "16.5 30 0"]
)
def test_what_is_no_angle_is_told(text: str) -> None:
    with pytest.raises(Invalid, match="longitude"):
        degrees_said(text, "longitude", "EW")


def test_a_site_and_a_telescope_are_made_on_pages(client_for, user) -> None:
    client = client_for(user)
    assert "No sites yet" in page(client, "/sites/")
    assert "First a site" in page(client, "/telescopes/")
    said = {"name": "Izaña", "longitude": "16 30 42 W", "latitude": "28.3003", "height": "2390"}
    made = client.post("/sites/", said)
    site = Site.objects.get()
    assert made["Location"] == f"/sites/{site.uuid}/"
    assert (site.longitude_deg, site.height_m) == (pytest.approx(-16.511667, abs=1e-5), 2390.0)
    client.post("/telescopes/", {"name": "Quadrant", "site": str(site.uuid), "aperture": "400", "rule": "solve"})
    telescope = Telescope.objects.get()
    assert (telescope.site_at(), telescope.aperture_mm, telescope.rule) == (site, 400.0, "solve")
    assert "Quadrant" in page(client, f"/sites/{site.uuid}/")
    assert "Izaña" in page(client, f"/telescopes/{telescope.uuid}/")


def test_what_is_wrong_is_said_and_what_was_typed_stays(client_for, user) -> None:
    client = client_for(user)
    answer = client.post("/sites/", {"name": "Kept words", "longitude": "somewhere"})
    assert answer.status_code == 400
    assert "longitude is an angle" in answer.content.decode()
    assert "Kept words" in answer.content.decode()
    place = observing_place(user)
    answer = client.post(f"/sites/{place.site.uuid}/change/", {"name": "", "horizon": "10 20 30"})
    assert answer.status_code == 400
    assert "Line 1 of the horizon" in answer.content.decode()
    assert client.post("/telescopes/", {"name": "x", "site": "nonsense"}).status_code == 400


def test_the_horizon_is_typed_drawn_and_hides_a_target(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    path = f"/sites/{place.site.uuid}/"
    free = page(client, f"{path}?at=M105&night=2026-03-15")
    assert "M105 is clear of the horizon while it is dark" in free
    assert "everything above 0° counts as clear" in free
    client.post(f"{path}change/", {"name": "Izaña", "horizon": "# trees\n0 85\n180, 85\n"})
    place.site.refresh_from_db()
    assert place.site.horizon == [[0.0, 85.0], [180.0, 85.0]]
    hidden = page(client, f"{path}?at=M105&night=2026-03-15")
    assert "is not clear of the horizon" in hidden
    assert 'class="horizon"' in hidden


def test_tonight_says_twilight_moon_and_what_is_no_target(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    said = page(client, f"/telescopes/{place.telescope.uuid}/?at=nowhere+at+all&night=2026-03-15")
    assert "neither a position nor an object" in said
    assert "19:14" in said  # sunset
    assert "10 % lit" in said
    assert "M53" in page(client, f"/telescopes/{place.telescope.uuid}/?at=M53&night=2026-03-15")
    for night in ("", "yesterday", "0001-01-01", "9999-99-99"):
        assert client.get(f"/sites/{place.site.uuid}/?night={night}").status_code == 200


def test_in_the_white_nights_it_is_said_that_it_does_not_get_dark(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    place.site.latitude_deg = 59.3
    place.site.save()
    said = page(client, f"/sites/{place.site.uuid}/?at=M13&night=2026-06-21")
    assert "It does not get dark" in said


def test_in_the_polar_night_it_is_said_that_it_is_dark_all_day(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    place.site.latitude_deg = -90.0
    place.site.save()
    said = page(client, f"/sites/{place.site.uuid}/?at=201.3+-43.0&night=2026-06-21")
    assert "it is dark, all day long" in said
    assert "It does not get dark" not in said
    assert "It does not get dark" in page(client, f"/sites/{place.site.uuid}/?at=201.3+-43.0&night=2026-12-21")


def test_a_telescope_is_corrected_or_moved(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    client.post("/sites/", {"name": "Siding Spring", "longitude": "149.07", "latitude": "-31.27"})
    other = Site.objects.get(name="Siding Spring")
    path = f"/telescopes/{place.telescope.uuid}/"
    client.post(f"{path}move/", {"site": str(other.uuid), "since": "2026-06-01"})
    assert place.telescope.site_at() == other
    assert place.telescope.stays.count() == 2
    assert "since 2026-06-01" in page(client, path)
    assert client.post(f"{path}move/", {"site": str(other.uuid), "since": "soon"}).status_code == 400
    assert client.post(f"{path}move/", {"since": "2026-06-01"}).status_code == 400
    client.post(f"{path}change/", {"name": "Great quadrant", "site": str(place.site.uuid), "rule": "photometry"})
    place.telescope.refresh_from_db()
    assert (place.telescope.name, place.telescope.rule) == ("Great quadrant", "photometry")
    assert place.telescope.site_at() == place.site
    assert Job.objects.filter(kind="archive.refile").exists()


def test_a_site_in_use_stays_and_a_telescope_leaves_its_files(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    file = place.take()
    assert client.post(f"/sites/{place.site.uuid}/delete/").status_code == 409
    client.post(f"/telescopes/{place.telescope.uuid}/delete/")
    file.refresh_from_db()
    assert file.observation is None
    client.post(f"/sites/{place.site.uuid}/delete/")
    assert not Site.objects.exists()


def test_strangers_learn_nothing_of_sites_and_telescopes(anyone, client_for, other_user, user) -> None:
    place = observing_place(user)
    for client in (anyone, client_for(other_user)):
        for path in (f"/sites/{place.site.uuid}/", f"/telescopes/{place.telescope.uuid}/"):
            assert client.get(path).status_code == 404
            for verb in ("change/", "delete/"):
                assert client.post(f"{path}{verb}", {"name": "mine"}).status_code == 404
        assert client.post(f"/telescopes/{place.telescope.uuid}/move/", {}).status_code == 404
    assert "Izaña" not in page(client_for(other_user), "/sites/")
    said = {"name": "Mine", "site": str(place.site.uuid)}
    assert client_for(other_user).post("/telescopes/", said).status_code == 400  # a site that one may not see


def test_what_is_emptied_in_a_form_is_taken_away(client_for, user) -> None:
    client, place = client_for(user), observing_place(user)
    said = {"name": "Izaña", "longitude": "-16.51", "latitude": "28.3", "height": "", "horizon": "", "about": ""}
    client.post(f"/sites/{place.site.uuid}/change/", said)
    place.site.refresh_from_db()
    assert place.site.height_m is None
    path = f"/telescopes/{place.telescope.uuid}/change/"
    client.post(path, {"name": "Quadrant", "aperture": "400", "focal_length": "2000", "rule": "none"})
    client.post(path, {"name": "Quadrant", "aperture": "", "focal_length": "1800", "rule": "none"})
    place.telescope.refresh_from_db()
    assert (place.telescope.aperture_mm, place.telescope.focal_length_mm) == (None, 1800.0)


def test_nobody_fills_the_nights_of_a_telescope_that_is_merely_public(client_for, user, other_user) -> None:
    from hven.archive.models import Dataset

    place = observing_place(user)
    for record in (place.site, place.telescope):
        record.visibility = "public"
        record.save()
    client = client_for(other_user)
    answer = client.post("/data/", {"name": "Hers", "telescope": str(place.telescope.uuid)})
    assert answer.status_code == 403
    assert not Dataset.objects.filter(name="Hers").exists()
