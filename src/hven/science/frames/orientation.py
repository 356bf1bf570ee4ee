"""Which way is up, as people see a file."""

_SEEN_FROM_THE_TOP = {"jpeg", "png", "gif"}


def picture_orientation(orientation_deg: float, file_format: str) -> float:
    """Return degrees east of north of "up", as nova.astrometry.net's API gives it for a file's kind.

    For pictures in JPEG, PNG and GIF, whose first row is the top, that is (180 - orientation) in [0, 360); for
    every other kind it is the orientation of rising rows itself, in (-180, 180].
    """
    return (180.0 - orientation_deg) % 360.0 if file_format in _SEEN_FROM_THE_TOP else orientation_deg
