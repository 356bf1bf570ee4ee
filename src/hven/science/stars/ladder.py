"""Solving: the ladder of ways to find a frame's place in the sky, cheapest first, up to the first verified match."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from hven.errors import Invalid
from hven.science.frames.frame import Frame
from hven.science.stars.data import SolverData
from hven.science.stars.detect import binned, detect, unbinned
from hven.science.stars.fisheye import through_fisheye, try_fisheye
from hven.science.stars.fit import MOST_ORDER
from hven.science.stars.hints import header_hints
from hven.science.stars.known import try_projection
from hven.science.stars.local import try_neighbourhood
from hven.science.stars.quads import try_indexes
from hven.science.stars.search import Progress, Search, Stopped
from hven.science.stars.segment import segmented_sources
from hven.science.stars.solution import Hints, Solution, SolveResult, SourceList
from hven.science.stars.trailed import THRESHOLDS, are_trails, trail_middles
from hven.science.stars.wide import try_parts, try_patterns

FEWEST_SOURCES = 5
_SOURCES_KEPT = 6000
_TRAIL_SHARE = 0.15  # of the time limit for each list of trails
_TRAILED = (
    "The stars are trails, and their middles match no part of the sky: a shorter exposure or a mount that follows "
    "the sky would help, or a wider field."
)
_LEAST_BINNED = 200  # pixels of a binned frame's shorter side
_HINT_SHARE = 0.15  # of the time limit that bounds which turn out wrong may use up


def solve(
    frame_or_sources: Frame | SourceList,
    hints: Sequence[Hints] = (),
    data: SolverData | None = None,
    epoch: float | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    time_limit: float = 60.0,
    sources: SourceList | None = None,
    use_header: bool = True,
    sip_order: int | None = None,
    bin_by: int | None = None,
    segmentation: bool = False,
) -> SolveResult:
    """Find a frame's place in the sky.

    Parameters
    ----------
    frame_or_sources : Frame or SourceList
        The frame, or a list of its stars, brightest first.
    hints : sequence of Hints
        Tried in order, before the blind search; a hint that leads nowhere costs milliseconds. The parity of a
        user's hint is binding.
    data : SolverData
        The tables, opened once a process; `SolverData.prepare` must have been called once.
    epoch : float, optional
        Julian year of the exposure, for proper motions; taken from the frame where not given.
    progress : callable(fraction, sentence), optional
        Told what is being tried.
    cancelled : callable() -> bool, optional
        Asked some times a second whether to stop.
    time_limit : float
        CPU seconds after which the search is given up.
    sources : SourceList, optional
        The frame's stars where they were detected before.
    use_header : bool
        Whether the frame's own header may give hints; they are tried after the user's.
    sip_order : int, optional
        The highest order of distortion that may be fitted; 0 and 1 leave the projection linear. By default as high
        as the stars warrant, up to 5.
    bin_by : int, optional
        Look for stars on the frame averaged over so many pixels in either direction; places stay those of the
        whole frame.
    segmentation : bool
        Look for connected areas above the noise (`segment`) rather than by the matched filter.

    Raises
    ------
    Unavailable
        The reference stars have not been built.

    """
    if data is None:
        raise TypeError("solve() needs the solver's data")
    frame = frame_or_sources if isinstance(frame_or_sources, Frame) else None
    if frame is not None and use_header:
        told = [h for h in hints if h.source == "user"]
        hints = [*told, *header_hints(frame), *(h for h in hints if h.source != "user")]
    if frame is not None and epoch is None:
        epoch = epoch_of(frame)
    started = time.thread_time()
    if isinstance(frame_or_sources, SourceList):
        found = frame_or_sources
    else:
        found = sources or _detected(frame_or_sources, progress, bin_by or 1, segmentation=segmentation)
    lists = [found]
    is_trailed = frame is not None and sources is None and not segmentation and are_trails(frame.data, found)
    if frame is not None and is_trailed:
        lists = [*_trail_lists(frame), found]
    result = None
    for number, each in enumerate(lists, 1):
        search = Search(
            sources=each,
            frame=frame if each is found else None,
            data=data,
            epoch=epoch,
            time_limit=time_limit if number == len(lists) else _TRAIL_SHARE * number * time_limit,
            parity=next((h.parity for h in hints if h.source == "user" and h.parity), None),
            progress=progress,
            cancelled=cancelled,
            started=started,
            attempts=list(result.attempts) if result is not None else [],
            most_order=MOST_ORDER if sip_order is None else min(max(sip_order, 1), MOST_ORDER),
        )
        result = _solved(search, tuple(hints))
        if result.solution is not None or search.is_cancelled:
            return result
    if is_trailed and result is not None and len(found) >= FEWEST_SOURCES:
        return replace(result, reason=_TRAILED)
    return result if result is not None else SolveResult(None, found)


def _solved(search: Search, hints: tuple[Hints, ...]) -> SolveResult:
    if len(search.sources) < FEWEST_SOURCES:
        count = len(search.sources)
        stars = "No stars were" if count == 0 else f"Only {count} star{' was' if count == 1 else 's were'}"
        reason = f"{stars} found; it takes at least {FEWEST_SOURCES} to recognise a field."
        return _ended(search, None, reason)
    try:
        solution = _climb(search, hints)
    except Stopped as stop:
        return _ended(search, None, str(stop))
    if solution is not None:
        return _ended(search, through_fisheye(search, solution) or solution, "")
    return _ended(search, None, _why_not(search))


def _trail_lists(frame: Frame) -> list[SourceList]:
    """Return the middles of a trailed frame's trails, at rising depth."""
    lists = []
    for threshold in THRESHOLDS:
        try:
            middles = trail_middles(frame.data, frame.mask, threshold=threshold, limit=_SOURCES_KEPT)
        except Invalid:  # too much of the frame is above its background
            continue
        if middles is not None:
            lists.append(middles)
    return lists


def _detected(frame: Frame, progress: Progress | None, bin_by: int, *, segmentation: bool) -> SourceList:
    if progress is not None:
        progress(0.0, "Looking for stars")
    height, width = frame.data.shape
    factor = min(bin_by, max(min(height, width) // _LEAST_BINNED, 1))
    data, mask = (frame.data, frame.mask) if factor == 1 else binned(frame.data, frame.mask, factor)
    if segmentation:
        found = segmented_sources(data, mask, limit=_SOURCES_KEPT)
    else:
        found = detect(data, mask, saturation=frame.meaning.saturation, limit=_SOURCES_KEPT)
    return found if factor == 1 else unbinned(found, factor, width, height)


def epoch_of(frame: Frame) -> float | None:
    """Return the Julian year of a frame's exposure, None where its header does not say."""
    moment = frame.meaning.middle or frame.meaning.start
    if moment is None:
        return None
    # Julian date of the Unix epoch 2440587.5; a year has 365.25 days
    return 2000.0 + (moment.timestamp() / 86400.0 + 2440587.5 - 2451545.0) / 365.25


def _climb(search: Search, hints: tuple[Hints, ...]) -> Solution | None:
    """Try the rungs in turn."""
    for hint in hints:
        if hint.wcs is not None:
            before = search.seconds
            search.tell(f"Checking the {hint.source}'s projection")
            found = try_projection(search, hint)
            search.note(f"the {hint.source}'s projection", "matched" if found else "does not fit the stars", before)
            if found is not None:
                return found
    for hint in hints:
        for bounds in _bounds(search, hint):
            before = search.seconds
            found = _within(search, bounds)
            search.note(f"within the {hint.source}'s bounds", "matched" if found else "no match within them", before)
            if found is not None:
                return replace(found, rung=f"{found.rung}, within the {hint.source}'s bounds")
    before = search.seconds
    # where the user told the scale, the rest of all scales is worth a look, not the whole effort
    bounded = any(h.source == "user" and h.scale_low is not None and h.scale_high is not None for h in hints)
    found = _blind(search, thorough=not bounded)
    search.note("blind", "matched" if found else "no match at any scale", before)
    return found


def _bounds(search: Search, hint: Hints) -> list[Hints]:
    """Return what a hint says of scale and place, as bounds to search within."""
    if hint.wcs is not None and hint.scale_low is None:
        wcs = hint.wcs
        if wcs.determinant == 0:
            return []
        scale = wcs.scale_arcsec * (max(wcs.width, 1) / max(search.width, 1) if wcs.width else 1.0)
        near = replace(hint, wcs=None, scale_low=scale / 1.05, scale_high=scale * 1.05)
        if hint.source == "camera":
            return [near]
        ra, dec = wcs.centre
        return [replace(near, ra=ra, dec=dec, radius=max(5.0, 2 * wcs.radius_deg)), near]
    scaled = hint.scale_low is not None or hint.scale_high is not None
    placed = hint.ra is not None and hint.dec is not None
    if not scaled and not placed:
        return []
    whole = replace(hint, radius=hint.radius if hint.radius is not None or not placed else 15.0)
    if placed and scaled and hint.source != "user":
        return [whole, replace(hint, ra=None, dec=None, radius=None)]
    return [whole]


def _within(search: Search, bounds: Hints) -> Solution | None:
    """Search within bounds: all rungs, deeper and deeper, for a share of the time."""
    limit = search.seconds + _HINT_SHARE * search.time_limit * (1.0 if bounds.source == "user" else 0.2)
    for level in range(3):
        for depth in search.depths():
            for stage in (
                partial(try_neighbourhood, search, depth, bounds),
                partial(try_patterns, search, depth, (12, 18, 24)[level], bounds, spread=level == 1),
                partial(try_indexes, search, depth, level, hint=bounds),
                partial(try_indexes, search, depth, level, triangles=True, hint=bounds, loose=level == 2),
            ):
                if level and stage.func is try_neighbourhood:
                    continue
                search.check()
                if search.seconds > limit:
                    return None
                found = stage()
                if found is not None:
                    return found
    return None


def _blind(search: Search, *, thorough: bool) -> Solution | None:
    """Search the whole sky at all scales: what is cheap on every list first."""
    depths = search.depths()
    first, rest = depths[0], depths[1:]
    stages: list[Callable[[], Solution | None]] = [
        partial(try_patterns, search, first, 16),
        partial(try_indexes, search, first, 0),
        *(partial(try_patterns, search, d, 16) for d in rest),
        partial(try_parts, search, first),
        partial(try_fisheye, search, first),
        partial(try_patterns, search, first, 20, spread=True),
        *(partial(try_indexes, search, d, 0) for d in rest),
        partial(try_indexes, search, first, 0, triangles=True),
        partial(try_indexes, search, first, 1),
        *(partial(try_indexes, search, d, 0, triangles=True) for d in rest),
        *(partial(rung, search, d) for d in rest for rung in (try_parts, try_fisheye)),
        *(partial(try_patterns, search, d, 24) for d in depths),
        *(partial(try_indexes, search, d, 1) for d in rest),
    ]
    if thorough:
        stages += [
            *(partial(try_indexes, search, d, 1, loose=True) for d in depths),
            partial(try_indexes, search, first, 0, triangles=True, loose=True),
            *(partial(try_indexes, search, d, 2) for d in depths),
        ]
    for stage in stages:
        search.check()
        found = stage()
        if found is not None:
            return found
    return None


def _why_not(search: Search) -> str:
    """Say in a sentence why there is no solution."""
    count = len(search.sources)
    if not search.data.indexes:
        return (
            f"None of the {count} sources matched: without index files only fields of about 6 degrees and wider "
            "can be recognised. `hven index fetch 4100` gets those for 0.8 degrees and wider; telling scale and "
            "position helps too."
        )
    narrowest = min(i.field_low_deg for i in search.data.indexes)
    return (
        f"The {count} sources match no part of the sky: the field may be narrower than the {narrowest:.1g} degrees "
        "that the installed index files cover, or too few of the sources are stars. Telling the scale, better with "
        "the position, would help, or index files for narrower fields."
    )


def _ended(search: Search, solution: Solution | None, reason: str) -> SolveResult:
    return SolveResult(solution, search.sources, reason, tuple(search.attempts), search.seconds)
