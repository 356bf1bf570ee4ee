"""Own index files from a list of stars, made by astrometry.net's program `build-astrometry-index`.

The program spreads the brightest stars of each cell of the sky evenly and makes asterisms of four of them at one
range of sizes (Lang et al. 2010, AJ 139, 1782). Which sizes make sense follows from how dense the stars are and how
much sky they cover; each makes a file of its own. Lists of millions of stars are cut into tiles first (`hpsplit`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from hven.errors import Invalid, Unavailable
from hven.science.catalogues.series import quad_sizes
from hven.science.catalogues.star_lists import StarList, write_star_table

PROGRAM, SPLITTER = "build-astrometry-index", "hpsplit"
SCALES = tuple(range(20))
FIRST_OWN_ID = 10_000  # above all public series; every name gets a hundred of its own
_STARS_IN_CIRCLE = 6.0  # that an asterism's circle must hold in the mean, for asterisms to be everywhere
_ENOUGH_ABOVE = 7  # scales from here on are those of Tycho-2, small and all-sky
_LARGEST_SHARE = 0.4  # of the covered sky's width that an asterism may take
_MOST_FILES = 8
_TILED_FROM = 3_000_000  # stars
_TILES_NSIDE = 2
_MARGIN_CELLS = 5  # of the grid of asterisms, beyond a tile's edge

Progress = Callable[[float, str], None]


def program_missing() -> str:
    """Return how to install the program, empty where it is there."""
    if shutil.which(PROGRAM):
        return ""
    return f"The program {PROGRAM} is not installed; on Debian and Ubuntu: apt install astrometry.net."


def scales_for(
    stars: StarList, width_low: float | None = None, width_high: float | None = None, scale: int | None = None
) -> tuple[int, ...]:
    """Return the scales to build, narrowest first.

    Parameters
    ----------
    stars : StarList
        The catalogue.
    width_low, width_high : float, optional
        Widths of the frames to be placed, degrees; by default whatever the density of the stars allows, up to
        where Tycho-2 takes over.
    scale : int, optional
        One scale, whatever the density.

    Raises
    ------
    Invalid
        The stars are too few for such narrow frames, or cover too little sky for such wide ones.
    """
    if scale is not None:
        if scale not in SCALES:
            raise Invalid(f"There is no scale {scale}: they go from 0 (2 arcminutes) to 19 (1400).")
        return (scale,)
    area = stars.area_deg2
    density = len(stars) / area
    least = 60 * float(np.sqrt(4 * _STARS_IN_CIRCLE / (np.pi * density)))
    most = 60 * _LARGEST_SHARE * float(np.sqrt(area))
    fits = [k for k in SCALES if quad_sizes(k)[1] >= least and quad_sizes(k)[0] <= most]
    if not fits:
        raise Invalid(
            f"{len(stars)} stars on {area:.3g} square degrees are too few for asterisms: their circles would have to "
            f"be {least:.0f} arcminutes wide, and {most:.0f} is all that the covered sky has room for."
        )
    if width_low is None and width_high is None:
        chosen = [k for k in fits if k < _ENOUGH_ABOVE] or fits[:1]
        return tuple(chosen[:_MOST_FILES])
    low = width_low if width_low is not None else width_high
    high = width_high if width_high is not None else width_low
    if low is None or high is None or not 0 < low <= high <= 180:
        raise Invalid("The widths of the frames go from a lower to a higher number of degrees.")
    # as in `series.suited`, for the narrowest frames to the widest
    wanted = [k for k in SCALES if quad_sizes(k)[0] >= 15 * low and quad_sizes(k)[1] <= max(45 * high, 21.5 * low)]
    chosen = [k for k in wanted if k in fits]
    if not chosen:
        narrowest, widest = quad_sizes(fits[0])[1] / 45, quad_sizes(fits[-1])[0] / 15
        raise Invalid(
            f"With {density:.0f} stars per square degree on {area:.3g} square degrees, frames of {narrowest:.2g} to "
            f"{widest:.2g} degrees can be placed, not of {low:g} to {high:g}."
        )
    return tuple(chosen[:: max(1, -(-len(chosen) // _MOST_FILES))])


def free_id(taken: Iterable[int]) -> int:
    """Return the first of a hundred index numbers that no installed index uses."""
    hundreds = {number // 100 for number in taken}
    return next(100 * n for n in range(FIRST_OWN_ID // 100, 10**6) if n not in hundreds)


def safe_name(text: str) -> str:
    """Return a name for own indexes: letters, digits, dots, dashes.

    Raises
    ------
    Invalid
        Nothing is left of it.
    """
    name = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:60]
    if not name:
        raise Invalid("The name of an index needs a letter or a digit; say it with --name.")
    return name


def build_indexes(
    stars: StarList,
    folder: Path,
    name: str,
    scales: Sequence[int],
    *,
    first_id: int,
    tiled_from: int = _TILED_FROM,
    jitter_arcsec: float | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Build index files in a scratch folder; return them, narrowest first.

    Parameters
    ----------
    stars : StarList
        The catalogue.
    folder : Path
        An empty folder; whatever happens, only files in it are written.
    name : str
        Of the index, as `safe_name` gives it.
    scales : sequence of int
        As `scales_for` gives them.
    first_id : int
        As `free_id` gives it.
    tiled_from : int
        Catalogues of this many stars and more are cut into tiles.
    jitter_arcsec : float, optional
        Error of the catalogue's positions; by default a thousandth of the asterisms, at most an arcsecond.
    progress : callable(fraction, sentence), optional
        Told what is being done; it may raise to stop the work.

    Raises
    ------
    Unavailable
        The program is not installed, or the disk is full.
    Invalid
        The program refuses the catalogue; the sentence says what it said.
    """
    tell = progress or (lambda _fraction, _message: None)
    if missing := program_missing():
        raise Unavailable(missing)
    tell(0.0, "Writing the stars")
    source = folder / "stars.fits"
    write_star_table(stars, source)
    tiles = _split(source, folder, tell) if len(stars) >= tiled_from else [(None, source)]
    made = []
    for number, scale in enumerate(scales):
        low, high = quad_sizes(scale)
        for part, (tile, stars_of_tile) in enumerate(tiles):
            at = 0.1 + 0.9 * (number + part / len(tiles)) / len(scales)
            where = f", tile {part + 1} of {len(tiles)}" if tile is not None else ""
            words = f"Making asterisms of {low:.1f} to {high:.1f} arcminutes{where}"
            ending = "" if tile is None else f"-t{tile:02d}"
            target = folder / f"own-{name}-{scale:02d}{ending}.fits"
            jitter = jitter_arcsec if jitter_arcsec is not None else min(0.06 * low, 1.0)
            # -E, only where stars are: an index of a small part of the sky would take as long as one of all of it
            command = [
                PROGRAM, "-i", str(stars_of_tile), "-o", str(target), "-P", str(scale), "-A", "RA", "-D", "DEC",
                "-S", "MAG", "-E", "-j", f"{jitter:.3f}", "-I", str(first_id + 10 + scale), "-M", "-t", str(folder),
            ]  # fmt: skip
            if tile is not None:
                command += ["-H", str(tile), "-s", str(_TILES_NSIDE), "-m", str(_MARGIN_CELLS)]
            _run(command, folder / "build.log", lambda at=at, words=words: tell(at, words))  # type: ignore[misc]
            if target.is_file() and target.stat().st_size:
                made.append(target)
    if not made:
        raise Invalid(f"No asterisms came of the catalogue: {_last_words(folder / 'build.log')}.")
    return made


def _split(source: Path, folder: Path, tell: Progress) -> list[tuple[int | None, Path]]:
    if not shutil.which(SPLITTER):
        raise Unavailable(f"The program {SPLITTER} is not installed; on Debian and Ubuntu: apt install astrometry.net.")
    command = [
        SPLITTER, "-o", str(folder / "tile-%03i.fits"), "-n", str(_TILES_NSIDE), "-m", "1.0", "-t", str(folder),
        str(source),
    ]  # fmt: skip
    _run(command, folder / "split.log", lambda: tell(0.05, "Cutting the catalogue into tiles of the sky"))
    found = [(int(path.stem.split("-")[1]), path) for path in sorted(folder.glob("tile-*.fits"))]
    if not found:
        raise Invalid(f"The catalogue could not be cut into tiles: {_last_words(folder / 'split.log')}.")
    return [*found]


def _run(command: Sequence[str], log: Path, tell: Callable[[], None]) -> None:
    """Run a program to its end; whatever is raised meanwhile, Ctrl-C too, ends it with all its children."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while True:
                tell()
                try:
                    status = process.wait(0.5)
                    break
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            _end(process)
            raise
    if status != 0:
        raise Invalid(f"{command[0]} could not use the catalogue: {_last_words(log)}.")


def _end(process: subprocess.Popen[bytes]) -> None:
    for signal_, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, signal_)
        except ProcessLookupError:
            return
        end = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)


def _last_words(log: Path) -> str:
    """Return the last line that a program said; its own complaints before whatever it said after them."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    complaints = [re.sub(r"^\S+\.c:\d+:\w+: ", "", line) for line in lines if re.search(r"\.c:\d+:\w+: ", line)]
    said = complaints[0] if complaints else lines[-1] if lines else "it said nothing"
    return re.sub(r"/\S*/", "", said)[:200].rstrip(".")
