"""The site of a night is the one under which its files were filed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hven.archive.services import nights
from hven.errors import NotFound
from hven.sites.services import SiteWords, create_site, move_telescope_on
from tests.web.nightly import observing_place

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("longitude", [-155.5, -16.5, 0.0, 140.0, 179.0])
def test_the_night_before_a_move_keeps_its_site(user: Any, longitude: float) -> None:
    place = observing_place(user, longitude=longitude)
    new = create_site(place.actor, SiteWords(name="New", longitude_deg=longitude + 0.5, latitude_deg=19.0))
    moved_on = date(2026, 3, 16)
    move_telescope_on(place.actor, place.telescope, new, moved_on)
    taken = [place.take(f"{hour}.fits", **{"DATE-OBS": f"2026-03-{day}T{hour:02d}:00:00"})
             for day in (15, 16, 17) for hour in (2, 9, 15, 21)]  # fmt: skip
    for file in taken:
        night = file.observation.night
        assert nights.site_of(place.actor, night) == place.telescope.site_at(file.middle)
        assert (nights.site_of(place.actor, night) == new) == (night.date >= moved_on)


def test_a_telescope_that_stands_nowhere_has_no_site(user: Any) -> None:
    place = observing_place(user)
    night = place.take().observation.night
    place.telescope.stays.all().delete()
    with pytest.raises(NotFound):
        nights.site_of(place.actor, night)
