"""How many hard fields are solved: hven against Debian's solve-field on the same lists of stars.

    python bench/fields.py [--fields 500] [--every 1] [--only-ours] [--verbose]

Fields of 1 to 40 degrees all over the sky. Of each frame's stars 20 % are missing, 30 % of the list are no stars (as
bright as the rest), the lens distorts by 1 % at the corner, places err by 0.4 pixel and brightnesses by 0.3 mag.
Nothing is told but the list and the size of the frame. Either has 60 CPU seconds. Prints one JSON object; exits 1
where hven solves no more than solve-field, or a single one wrong.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import common

common.one_thread()

import numpy as np  # noqa: E402 - after the environment was set
from astropy.io import fits  # noqa: E402

from hven.science.catalogues.reference import ReferenceStars  # noqa: E402
from hven.science.simulate.field import field_stars  # noqa: E402
from hven.science.simulate.spec import Spec  # noqa: E402
from hven.science.sky.wcs import Wcs  # noqa: E402
from hven.science.stars.data import SolverData  # noqa: E402
from hven.science.stars.ladder import solve  # noqa: E402
from hven.science.stars.solution import SourceList  # noqa: E402

LIMIT_S = 60
MISSING, SPURIOUS, DISTORTION = 0.2, 0.3, 0.01
PLACE_PX, BRIGHTNESS_MAG = 0.4, 0.3
MOST_STARS = 400


@dataclass(frozen=True)
class Field:
    """One list of stars and the truth about it."""

    number: int
    spec: Spec
    sources: SourceList


def field_of(number: int, spec: Spec, reference: ReferenceStars) -> Field:
    rng = np.random.default_rng(spec.seed)
    stars = field_stars(spec, reference, rng)
    inside = (stars.x > 0) & (stars.x < spec.width - 1) & (stars.y > 0) & (stars.y < spec.height - 1)
    chosen = np.flatnonzero(inside & (stars.mag < spec.limit))
    chosen = chosen[np.argsort(stars.mag[chosen])][: int(MOST_STARS * (1 - SPURIOUS))]
    false = round(chosen.size * SPURIOUS / (1 - SPURIOUS))
    x = np.concatenate([stars.x[chosen] + rng.normal(0, PLACE_PX, chosen.size), rng.uniform(0, spec.width - 1, false)])
    y = np.concatenate([stars.y[chosen] + rng.normal(0, PLACE_PX, chosen.size), rng.uniform(0, spec.height - 1, false)])
    mag = np.concatenate([stars.mag[chosen], rng.choice(stars.mag[chosen], false)])
    flux = 10 ** (-0.4 * (mag + rng.normal(0, BRIGHTNESS_MAG, mag.size) - 20))
    order = np.argsort(-flux)
    x, y, flux = x[order], y[order], flux[order]
    return Field(number, spec, SourceList(x, y, flux, 0 * flux, flux, spec.width, spec.height, 3.0))


def ours(field: Field, data: SolverData) -> dict:
    begin = common.cpu()
    result = solve(field.sources, (), data, epoch=field.spec.epoch, time_limit=LIMIT_S)
    found = judged(result.solution.wcs if result.solution else None, field.spec)
    return {"cpu_s": common.cpu() - begin, **found, "rung": result.solution.rung if result.solution else result.reason}


def theirs(field: Field, folder: Path) -> dict:
    out = Path(tempfile.mkdtemp(dir=folder))
    columns = [
        fits.Column("X", "D", array=field.sources.x + 1),
        fits.Column("Y", "D", array=field.sources.y + 1),
        fits.Column("FLUX", "D", array=field.sources.flux),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(out / "list.xyls")
    command = ["solve-field", "--no-plots", "--overwrite", "-D", str(out), "-o", "x", "-l", str(LIMIT_S)]
    command += ["--width", str(field.spec.width), "--height", str(field.spec.height)]
    command += ["--x-column", "X", "--y-column", "Y", "--sort-column", "FLUX", str(out / "list.xyls")]
    seconds = common.run_program(command, wall_limit=2 * LIMIT_S)
    wcs = None
    if (out / "x.wcs").exists():
        wcs = Wcs.from_cards(dict(fits.getheader(out / "x.wcs")), field.spec.width, field.spec.height)
    return {"cpu_s": seconds, **judged(wcs, field.spec)}


def judged(wcs: Wcs | None, spec: Spec) -> dict:
    if wcs is None:
        return {"solved": False, "wrong": False}
    off = common.offset_share(wcs, spec.ra, spec.dec)
    right = off < 0.01 and abs(wcs.scale_arcsec / spec.scale_arcsec - 1) < 0.03
    return {"solved": right, "wrong": off > 0.05}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=500)
    parser.add_argument("--every", type=int, default=1, help="only every so-many-th field, for less time")
    parser.add_argument("--first", type=int, default=0, help="the first of them, to share the work out")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    common.adopt_orphans()
    data = common.solver_data()
    mine, yours = [], []
    lost, wrong = [], []
    started = time.monotonic()
    sign = np.random.default_rng(5).choice([-1, 1], arguments.fields)
    with tempfile.TemporaryDirectory(prefix="hven-bench-") as name:
        for number, spec in enumerate(common.specs(arguments.fields, 1.0, 40.0, seed=11, missing=MISSING)):
            if number % arguments.every != arguments.first:
                continue
            fields = {n: getattr(spec, n) for n in spec.__slots__} | {"distortion": DISTORTION * int(sign[number])}
            field = field_of(number, Spec(**fields), data.reference)
            mine.append(ours(field, data))
            yours.append({"cpu_s": 0.0, "solved": False} if arguments.only_ours else theirs(field, Path(name)))
            title = f"{number}: {spec.width_deg:.2f} deg, {spec.ra:.1f} {spec.dec:+.1f}, {len(field.sources)} sources"
            if yours[-1]["solved"] and not mine[-1]["solved"]:
                lost.append(title)
            if mine[-1]["wrong"]:
                wrong.append(title)
            if arguments.verbose:
                print(title, mine[-1], yours[-1], flush=True)
    figures = {
        "fields": len(mine),
        "ours": {"solved": sum(m["solved"] for m in mine), "cpu_s": sum(m["cpu_s"] for m in mine)},
        "solve_field": {"solved": sum(t["solved"] for t in yours), "cpu_s": sum(t["cpu_s"] for t in yours)},
        "lost": lost,
        "wrong": wrong,
        "wall_s": time.monotonic() - started,
    }
    more = figures["ours"]["solved"] > figures["solve_field"]["solved"] or figures["ours"]["solved"] == len(mine)
    common.finish(figures, more and not wrong)


if __name__ == "__main__":
    main()
