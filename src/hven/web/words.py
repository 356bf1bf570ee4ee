"""How pages say things: states, coordinates, ages, sizes."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from hven.imaging.models import Run, RunState

# What a state is called on pages, and the class that gives it colour and shape.
STATES: dict[RunState, tuple[str, str]] = {
    RunState.QUEUED: ("queued", "queued"),
    RunState.RUNNING: ("running", "running"),
    RunState.DONE: ("solved", "solved"),
    RunState.NO_SOLUTION: ("no solution", "unsolved"),
    RunState.FAILED: ("failed", "failed"),
    RunState.CANCELLED: ("cancelled", "cancelled"),
}


def state_of(run: Run | None) -> tuple[str, str]:
    """Return the word and the class for a run's state."""
    if run is None:
        return "not processed", "cancelled"
    if run.state == RunState.DONE and not hasattr(run, "solution"):
        return "done", "solved"
    return STATES[run.state]


def next_step(run: Run) -> str:
    """Return what a person can do about a run without a result; empty where there is one."""
    match run.state:
        case RunState.NO_SOLUTION:
            return (
                "Look at the detected sources: are they stars? A scale or a position under “Run again” helps most, "
                "and narrow fields need the Tycho-2 or 5200 indexes."
            )
        case RunState.FAILED:
            return "The log below says what was tried. Mend what the sentence names and run it again, or upload anew."
        case RunState.CANCELLED:
            return "Run it again whenever you like."
        case _:
            return ""


def sexagesimal(degrees: float, *, hours: bool) -> str:
    """Return an angle as 22h37m04.61s or +34°25′29.1″; rounded once, so that 59.999 s never becomes 60 s."""
    digits = 2 if hours else 1
    total = round((degrees % 360 / 15 if hours else abs(degrees)) * 3600 * 10**digits)
    if hours:
        total %= 24 * 3600 * 10**digits
    whole, fraction = divmod(total, 10**digits)
    minutes, seconds = divmod(whole, 60)
    units, minutes = divmod(minutes, 60)
    last = f"{seconds:02d}.{fraction:0{digits}d}"
    if hours:
        return f"{units:02d}h{minutes:02d}m{last}s"
    return f"{'−' if degrees < 0 and total else '+'}{units:02d}°{minutes:02d}′{last}″"


def angle(degrees: float) -> str:
    """Return the size of an angle in the unit that suits it: 4.8°, 34.1′, 12.0″."""
    if degrees >= 1:
        return f"{degrees:.2f}°"
    if degrees * 60 >= 1:
        return f"{degrees * 60:.2f}′"
    return f"{degrees * 3600:.1f}″"


def age(moment: datetime) -> str:
    """Return how long ago a moment was, in words."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 5:
        return "just now"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{int(seconds)} s ago"


def julian_date(moment: datetime) -> float:
    """Return the Julian date (UTC) of a moment."""
    return moment.timestamp() / 86400 + 2440587.5


def size(count: int) -> str:
    """Return a number of bytes for people."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
