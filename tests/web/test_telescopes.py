"""Telescopes on pages: where they stand now, stood, and will stand; at which sites."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from hven.accounts.services import set_visibility
from hven.sites.models import Site, Telescope
from hven.sites.services import SiteWords, create_site

from .nightly import observing_place


def page(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.content.decode()


def test_a_move_to_come_is_no_move_yet(client_for, user) -> None:
    place, client = observing_place(user), client_for(user)
    paranal = create_site(place.actor, SiteWords(name="Paranal", longitude_deg=-70.4, latitude_deg=-24.6))
    day = (timezone.now() + timedelta(days=200)).date()
    path = f"/telescopes/{place.telescope.uuid}/"
    client.post(f"{path}move/", {"since": str(day), "site": str(paranal.uuid)})
    said = page(client, path)
    assert re.findall(r'facts quiet">at <a[^>]*>([^<]*)', said) == ["Izaña"]
    assert f"from {day} on" in said
    client.post(f"{path}change/", {"name": "Great quadrant", "site": str(place.site.uuid)})
    assert [stay.site for stay in place.telescope.stays.order_by("id")] == [place.site, paranal]


def test_what_was_wrong_of_a_move_is_said_beside_it(client_for, user) -> None:
    place, client = observing_place(user), client_for(user)
    create_site(place.actor, SiteWords(name="Paranal", longitude_deg=-70.4, latitude_deg=-24.6))
    for since in ("", "2026-02-31", "0001-01-01", "9999-12-31"):
        said = {"since": since, "site": str(Site.objects.get(name="Paranal").uuid)}
        answer = client.post(f"/telescopes/{place.telescope.uuid}/move/", said)
        assert answer.status_code == 400
        assert " open><summary>It was moved" in answer.content.decode()
    assert place.telescope.stays.count() == 1


def test_only_sites_at_which_one_may_stand_are_offered(client_for, user, other_user) -> None:
    place, other = observing_place(user), client_for(other_user)
    set_visibility(place.actor, place.site, "public")
    said = {"name": "A stranger's", "site": str(place.site.uuid)}
    answer = other.post("/telescopes/", said)
    assert answer.status_code == 400
    assert "make one of your own" in answer.content.decode()
    assert Telescope.objects.count() == 1
    assert "Izaña" not in page(other, "/telescopes/")
    mine = observing_place(other_user)
    answer = other.post(f"/telescopes/{mine.telescope.uuid}/move/", {"since": "2026-06-01", "site": said["site"]})
    assert answer.status_code == 400
    answer = other.post(f"/telescopes/{mine.telescope.uuid}/change/", {"name": "Mine", "site": said["site"]})
    assert answer.status_code == 400
