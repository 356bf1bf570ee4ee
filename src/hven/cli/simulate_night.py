"""`hven simulate night`: a whole night of one telescope as files, ready to be uploaded, with its truth."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hven.science.simulate.night.plan import NightPlan
    from hven.science.simulate.night.write import WrittenNight

HELP = "Make a whole night of a telescope: bias, darks, flats and lights, with known truth"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Writes the frames that a telescope takes from one noon to the next into a new folder: bias and darks before"
        " sunset, flats of the evening's sky, and three targets in the dark hours, the second across local midnight."
        " The headers are those of a real camera; FOLDER/night.truth.json says what is true of every file."
    )
    parser.add_argument("out", type=Path, metavar="FOLDER", help="where to write; a new folder, or an empty one")
    where = parser.add_argument_group("place and date")
    where.add_argument("--longitude", type=float, metavar="DEG", help="east positive; by default Tenerife's Teide")
    where.add_argument("--latitude", type=float, metavar="DEG", help="north positive")
    where.add_argument("--height", type=float, default=0.0, metavar="M", help="of a place that is given")
    where.add_argument(
        "--date", type=_date, default=date(2026, 3, 15), metavar="DATE", help="of its first noon (default %(default)s)"
    )
    taken = parser.add_argument_group("what is taken")
    taken.add_argument(
        "--targets", type=_words, default=(), metavar="A,B,...",
        help="deep-sky objects such as M31,NGC7331; by default three that stand high",
    )  # fmt: skip
    taken.add_argument(
        "--filters", type=_words, default=("B", "V", "R"), metavar="A,B,...", help="their names (default B,V,R)"
    )
    taken.add_argument("--lights", type=int, default=2, metavar="N", help="of a target in a filter (default 2)")
    taken.add_argument("--exposure", type=float, default=60.0, metavar="S", help="of lights and darks (default 60)")
    taken.add_argument("--bias", type=int, default=6, metavar="N", help="frames (default %(default)s)")
    taken.add_argument("--darks", type=int, default=5, metavar="N", help="frames (default %(default)s)")
    taken.add_argument("--flats", type=int, default=3, metavar="N", help="frames of each filter (default %(default)s)")
    camera = parser.add_argument_group("camera and sky")
    camera.add_argument("--size", default="512x512", metavar="WxH", help="pixels (default %(default)s)")
    camera.add_argument("--width-deg", type=float, default=1.0, metavar="DEG", help="of the longer side (default 1)")
    camera.add_argument("--seeing", type=float, default=3.0, metavar="ARCSEC", help="at the zenith (default 3)")
    camera.add_argument("--clouds", type=float, default=0.0, metavar="MAG", help="what a passing cloud takes")
    camera.add_argument("--stars", choices=("real", "random", "none"), default="real", help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed is the same camera and night")


def run(arguments: argparse.Namespace) -> int:
    """Write the night; say on standard output where it is and what to do with it."""
    from hven.cli.support import progress_line, set_up_django

    plan = _plan(arguments)
    set_up_django()
    from hven.imaging.services.solver_data import solver_data
    from hven.science.simulate.night.write import write_night

    reference = solver_data(progress_line).reference if plan.stars == "real" else None
    made = write_night(plan, arguments.out, reference, progress_line if sys.stderr.isatty() else None)
    print(_told(plan, arguments.out, made))
    return 0


def _plan(arguments: argparse.Namespace) -> NightPlan:
    from hven.errors import Invalid
    from hven.science.simulate.night.plan import TEIDE, Camera, NightPlan
    from hven.science.simulate.spec import Spec
    from hven.science.sky.almanac import Place

    width, _, height = arguments.size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise Invalid(f"--size takes WIDTHxHEIGHT in pixels, such as 512x512, not {arguments.size}.")
    if (arguments.longitude is None) != (arguments.latitude is None):
        raise Invalid("Give --longitude and --latitude together, or neither.")
    place = Place(arguments.longitude, arguments.latitude, arguments.height)
    # A frame's own limits, before anything is written.
    Spec(width=int(width), height=int(height), width_deg=arguments.width_deg)
    return NightPlan(
        place=TEIDE if arguments.longitude is None else place,
        night=arguments.date,
        camera=Camera(width=int(width), height=int(height), width_deg=arguments.width_deg),
        bias=arguments.bias,
        darks=arguments.darks,
        flats=arguments.flats,
        lights=arguments.lights,
        exposure_s=arguments.exposure,
        filters=arguments.filters,
        targets=arguments.targets,
        seeing_arcsec=arguments.seeing,
        clouds_mag=arguments.clouds,
        stars=arguments.stars,
        seed=arguments.seed,
    )


def _told(plan: NightPlan, folder: Path, made: WrittenNight) -> str:
    """Return what was made and how it gets into hven."""
    counts: dict[str, int] = {}
    for take in made.schedule.takes:
        word = take.target.name if take.target else take.kind
        counts[word] = counts.get(word, 0) + 1
    start, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in plan.bounds)
    place = plan.place
    quoted = shlex.quote(str(folder))
    return "\n".join([
        f"{len(made.files)} files in {folder}: {', '.join(f'{n} {word}' for word, n in counts.items())}.",
        f"The night of {plan.night}, from {start} to {end} UTC. What is true of each file: {made.truth}",
        "",
        "It files itself in a dataset whose telescope stands there. Once, on the page /sites/:",
        f"  a site at longitude {place.longitude_deg:g}, latitude {place.latitude_deg:g}; there a telescope named T1",
        "Then, for this night and others, with a key from hven key new in HVEN_KEY:",
        f"  hven upload {quoted} --dataset 'Simulated nights' --telescope T1",
    ])  # fmt: skip


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise argparse.ArgumentTypeError("give one name or more, with commas between them")
    return words


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date such as 2026-03-15") from None
