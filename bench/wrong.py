"""Frames that show no recognisable sky must not be solved: 300 starless, cloudy, random and badly trailed ones.

    python bench/wrong.py [--frames 300] [--time-limit 60]

Half of them are tried with a wrong hint (a scale, a position, a projection of somewhere else). Where the real sky
still shows (clouds, trails), a right answer is right; an answer whose centre is off by more than 5 % of the width
is wrong. Prints one JSON object; exits 1 if there is a single wrong one.
"""

import argparse
import sys

import common

common.one_thread()

import numpy as np  # noqa: E402 - after the environment was set

from hven.science.frames.frame import Frame  # noqa: E402
from hven.science.simulate.exposure import simulate  # noqa: E402
from hven.science.simulate.spec import Spec  # noqa: E402
from hven.science.stars.ladder import solve  # noqa: E402
from hven.science.stars.solution import Hints  # noqa: E402

KINDS = ("starless", "cloudy", "random", "trailed")


def frame_of(kind: str, number: int, rng: np.random.Generator) -> Spec:
    fixed: dict = {"width": 1024, "height": 768, "hot_pixels": int(rng.integers(0, 400)), "cosmic_rays": 40}
    if kind == "starless":
        fixed |= {"stars": "none", "gradient": 0.5, "clouds": float(rng.uniform(0, 1))}
    elif kind == "cloudy":
        fixed |= {"clouds": float(rng.uniform(0.9, 1.0)), "limit_mag": 8.0}
    elif kind == "random":
        fixed |= {"stars": "random", "random_stars": int(10 ** rng.uniform(1, 3.2))}
    else:
        fixed |= {"trail_px": float(rng.uniform(40, 250)), "trail_angle_deg": float(rng.uniform(0, 180))}
    return next(iter(common.specs(1, 1.0, 30.0, seed=number, **fixed)))


def hints_of(spec: Spec, rng: np.random.Generator) -> list[Hints]:
    choice = int(rng.integers(0, 6))
    scale = spec.scale_arcsec * float(rng.choice([0.3, 1.0, 3.0]))
    ra, dec = float(rng.uniform(0, 360)), float(rng.uniform(-89, 89))
    if choice == 0:
        return [Hints(scale_low=0.8 * scale, scale_high=1.2 * scale)]
    if choice == 1:
        return [Hints(scale_low=0.9 * scale, scale_high=1.1 * scale, ra=ra, dec=dec, radius=5.0)]
    if choice == 2:
        return [
            Hints(wcs=Spec(ra=ra, dec=dec, width_deg=spec.width_deg, width=1024, height=768).wcs(), source="camera")
        ]
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    data = common.solver_data()
    figures = {kind: {"frames": 0, "solved": 0, "wrong": 0} for kind in KINDS}
    wrong: list[dict] = []
    slowest = 0.0
    for number in range(arguments.first, arguments.first + arguments.frames):
        rng = np.random.default_rng(1000 + number)
        kind = KINDS[number % len(KINDS)]
        spec = frame_of(kind, number, rng)
        result = solve(
            Frame(simulate(spec, data.reference).data), hints_of(spec, rng), data, time_limit=arguments.time_limit
        )
        slowest = max(slowest, result.seconds)
        row = figures[kind]
        row["frames"] += 1
        verdict = "no solution"
        if result.solution is not None:
            off = common.offset_share(result.solution.wcs, spec.ra, spec.dec)
            bad = kind in {"starless", "random"} or off > 0.05
            row["wrong" if bad else "solved"] += 1
            verdict = "WRONG" if bad else "right"
            if bad:
                wrong.append({"number": number, "kind": kind, "offset": off, "log_odds": result.solution.log_odds,
                              "matched": len(result.solution.matches), "rung": result.solution.rung,
                              "width_deg": spec.width_deg, "sources": len(result.sources)})  # fmt: skip
        print(number, kind, len(result.sources), f"{result.seconds:.1f} s", verdict, file=sys.stderr, flush=True)
    common.finish({"kinds": figures, "wrong": wrong, "slowest_s": slowest}, passed=not wrong)


if __name__ == "__main__":
    main()
