"""Tags and filters of the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hven.imaging.models import Run
from hven.jobs.models import Job, State
from hven.web import words

register = template.Library()

# Strokes on a grid of 24: drawn for hven.
_ICONS = {
    "frames": '<rect x="3" y="3" width="8" height="8"/><rect x="13" y="3" width="8" height="8"/>'
    '<rect x="3" y="13" width="8" height="8"/><rect x="13" y="13" width="8" height="8"/>',
    "upload": '<path d="M12 16V4M7 9l5-5 5 5M4 15v5h16v-5"/>',
    "queue": '<path d="M4 6h16M4 12h11M4 18h7"/><circle cx="19" cy="16" r="2.5"/>',
    "solver": '<path d="M5 19 9 7l9 3-4 8z"/><circle class="solid" cx="5" cy="19" r="2"/>'
    '<circle class="solid" cx="9" cy="7" r="2"/>'
    '<circle class="solid" cx="18" cy="10" r="2"/><circle class="solid" cx="14" cy="18" r="2"/>',
    "keys": '<circle cx="8" cy="15" r="4"/><path d="M11 12 20 3M16 7l3 3"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6"/><path d="m15 15 6 6"/>',
    "theme": '<circle cx="12" cy="12" r="8"/><path class="solid" d="M12 4a8 8 0 0 1 0 16z"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4 21c1-5 4-7 8-7s7 2 8 7"/>',
    "help": '<circle cx="12" cy="12" r="9"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.4 2.4c-.6.3-.9.8-.9 1.6M12 16.5v.6"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "minus": '<path d="M5 12h14"/>',
    "fit": '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
    "invert": '<rect x="4" y="4" width="16" height="16"/><path class="solid" d="M4 4h16L4 20z"/>',
    "reset": '<path d="M5 12a7 7 0 1 1 2 5M5 18v-5h5"/>',
    "lock": '<rect x="5" y="11" width="14" height="9"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
    "globe": '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c-6 6-6 12 0 18M12 3c6 6 6 12 0 18"/>',
    "grid": '<rect x="4" y="4" width="7" height="7"/><rect x="13" y="4" width="7" height="7"/>'
    '<rect x="4" y="13" width="7" height="7"/><rect x="13" y="13" width="7" height="7"/>',
    "map": '<ellipse cx="12" cy="12" rx="10" ry="6"/><path d="M2 12h20M12 6c-3 3-3 9 0 12M12 6c3 3 3 9 0 12"/>',
    "filter": '<path d="M4 5h16l-6 8v6l-4-2v-4z"/>',
    "album": '<path d="M4 8h16v12H4zM6 5h12M8 2h8"/>',
    "gallery": '<circle cx="12" cy="12" r="9"/><path d="M12 7.5 13.2 11l3.3 1-3.3 1-1.2 3.5L10.8 13 7.5 12l3.3-1z"/>',
    "night": '<path d="M19 14.5A8 8 0 1 1 9.5 5a6.5 6.5 0 0 0 9.5 9.5z"/><path d="M17 4v4M15 6h4"/>',
    "tag": '<path d="M4 4h8l8 8-8 8-8-8z"/><circle class="solid" cx="8" cy="8" r="1.3"/>',
    "link": '<path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"/>',
    "steps": '<path d="M4 19h4v-5h5V9h5V4"/><circle class="solid" cx="19" cy="4" r="1.8"/>',
    "table": '<path d="M3 5h18v14H3zM3 10h18M9 10v9"/>',
}  # fmt: skip


# Marks of drawings, around their own middle.
_SHAPES = {
    "circle": '<circle r="4"/>',
    "square": '<rect x="-3.5" y="-3.5" width="7" height="7"/>',
    "diamond": '<path d="M0-5l5 5l-5 5l-5-5z"/>',
    "triangle": '<path d="M0-5l5 8.5h-10z"/>',
    "cross": '<path class="open" d="M-4-4l8 8m0-8l-8 8"/>',
}


@register.simple_tag
def point(mark: Any) -> SafeString:
    """Return one mark of a drawing; a tag and no included template, since there are thousands."""
    return format_html(
        '<svg x="{}%" y="{}" overflow="visible" class="point tone{}"><title>{}</title>{}</svg>',
        mark.x, mark.y, mark.tone, mark.words, mark_safe(_SHAPES[mark.shape]),  # noqa: S308 - constants
    )  # fmt: skip


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return a drawn sign; it has no name of its own, so its button needs one."""
    return mark_safe(f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{_ICONS[name]}</svg>')  # noqa: S308 - constants


@register.simple_tag
def state(run: Run | None) -> SafeString:
    """Return a run's state as a word, a colour and a shape."""
    word, look = words.state_of(run)
    return format_html('<span class="state {}">{}</span>', look, word)


@register.simple_tag
def coordinates(ra: float | None, dec: float | None) -> SafeString:
    """Return a position that switches between sexagesimal and degrees, and that a click copies."""
    if ra is None or dec is None:
        return SafeString("")
    shown = f"{words.sexagesimal(ra, hours=True)} {words.sexagesimal(dec, hours=False)}"
    return format_html(
        '<button type="button" class="coordinates" data-ra="{}" data-dec="{}" title="Copy">{}</button>',
        f"{ra:.7f}",
        f"{dec:.7f}",
        shown,
    )


@register.filter
def ago(moment: datetime | None) -> SafeString:
    """Return a moment's age, with the moment itself, local time and Julian date at hand."""
    if moment is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" data-jd="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{words.julian_date(moment):.5f}",
        f"{moment:%Y-%m-%d %H:%M:%S} UTC, JD {words.julian_date(moment):.5f}",
        words.age(moment),
    )


@register.filter
def utc(moment: datetime | None) -> SafeString:
    """Return a moment in UTC with its age beside it."""
    if moment is None:
        return SafeString("")
    return format_html("{} UTC · {}", f"{moment:%Y-%m-%d %H:%M:%S}", ago(moment))


@register.filter
def angle(degrees: float) -> str:
    """Return the size of an angle in a unit that suits it."""
    return words.angle(degrees)


@register.filter
def filesize(count: int) -> str:
    """Return a number of bytes for people."""
    return words.size(count)


@register.filter
def quoted_tag(text: str) -> str:
    """Return a tag as the search box takes it."""
    return f'tag:"{text.replace(chr(34), "")}"' if " " in text else f"tag:{text}"


@register.filter
def thousands(count: int) -> str:
    """Return a whole number with commas between its thousands."""
    return f"{count:,}"


@register.filter
def percent(fraction: float) -> int:
    """Return a fraction from 0 to 1 as whole percent."""
    return round(100 * min(1.0, max(0.0, fraction)))


@register.filter
def signed(value: float) -> str:
    """Return a whole number with its sign in front."""
    return f"{value:+g}".replace("-", "−")


@register.filter
def other_names(found: dict[str, Any]) -> str:
    """Return what else a named object is called: at most two names."""
    label = found.get("label")
    return ", ".join([name for name in found.get("names", []) if name != label][:2])


@register.filter
def figure(value: Any, digits: int) -> str:
    """Return a number with so many digits behind the point; nothing for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f"{value:.{digits}f}"


@register.filter
def minus(value: float, other: float) -> float:
    """Return a difference: templates cannot reckon."""
    return round(value - other, 2)


@register.filter
def get(found: dict[str, Any], name: str) -> Any:
    """Return an entry by a name that a variable holds."""
    return found.get(name)


@register.filter
def geo(degrees: float, sides: str) -> str:
    """Return a latitude (NS) or longitude (EW) as people read it: 28.3003° N."""
    return f"{abs(degrees):.4f}° {sides[0] if degrees >= 0 else sides[1]}"


@register.filter(name="words")
def split_words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


@register.filter
def pairs(text: str) -> list[list[str]]:
    """Return pairs that are written as ``a:b c:d``."""
    return [word.split(":", 1) for word in text.split()]


@register.filter
def as_vot(path: str) -> str:
    """Return the name of a Parquet file as a VOTable."""
    return path.removesuffix(".parquet") + ".vot"


@register.simple_tag(takes_context=True)
def runs_under_way(context: dict[str, Any]) -> int:
    """Return how many of the user's own runs wait or work."""
    user = context["request"].user
    if not user.is_authenticated:
        return 0
    waiting = Job.objects.filter(
        created_by=user, kind__in=["imaging.run", "imaging.reduce"], state__in=[State.QUEUED, State.RUNNING]
    )
    return waiting.count()
