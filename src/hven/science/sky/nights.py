"""Which night a moment belongs to: from one local mean solar noon to the next, named by the day on which it begins.

Local mean solar time is universal time plus the longitude; the equation of time (up to 16 minutes) is left out, so
that nights have one length and need no ephemeris. East longitudes are positive.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hven.errors import Invalid

_NOON = timedelta(hours=12)


def night_of(moment: datetime, longitude_deg: float) -> date:
    """Return the date of the noon with which the night of a moment (aware) begins.

    Raises
    ------
    Invalid
        The moment names no time zone, or the longitude is none.
    """
    if moment.tzinfo is None:
        raise Invalid("A moment needs a time zone to belong to a night.")
    return (moment.astimezone(UTC) + _ahead(longitude_deg) - _NOON).date()


def night_bounds(night: date, longitude_deg: float) -> tuple[datetime, datetime]:
    """Return the two noons (UTC) between which a night lies; the second is not part of it."""
    start = datetime.combine(night, time(12), UTC) - _ahead(longitude_deg)
    return start, start + timedelta(days=1)


def _ahead(longitude_deg: float) -> timedelta:
    """Return by how much local mean solar time is ahead of universal time."""
    if not -360 <= longitude_deg <= 360:
        raise Invalid("A longitude lies between -180 and 180 degrees, east positive.")
    return timedelta(hours=(180 - (180 - longitude_deg) % 360) / 15)
