"""How near to the truth are solutions? Simulated fields of 1.2 to 20 degrees with 30 or more matched stars.

    python bench/accuracy.py [--fields 60]

Goals, in 95 % of the fields: centre within 0.2 pixel, scale within 0.01 %, rotation within 0.01 degree. A third of
the fields each has no distortion, barrel and pincushion. Prints one JSON object; exits 1 where a goal is missed.
"""

import argparse
from dataclasses import replace

import common

common.one_thread()

import numpy as np  # noqa: E402 - after the environment was set

from hven.science.frames.frame import Frame, Meaning  # noqa: E402
from hven.science.simulate.exposure import simulate  # noqa: E402
from hven.science.sky.wcs import Wcs  # noqa: E402
from hven.science.stars.ladder import solve  # noqa: E402

GOALS = {"centre_px": 0.2, "scale": 1e-4, "rotation_deg": 0.01}


def differences(found: Wcs, truth: Wcs) -> dict[str, float]:
    """Compare two projections by where they put sky around the frame's centre: no convention enters."""
    x0, y0 = truth.centre_pixel
    step = 100.0
    ra, dec = truth.to_sky(x0 + step * np.array([0, 1, -1, 0, 0]), y0 + step * np.array([0, 0, 0, 1, -1]))
    x, y = found.to_pixel(ra, dec)
    z = x + 1j * y
    across, up = (z[1] - z[2]) / (2 * step), (z[3] - z[4]) / (2j * step)
    mean = 0.5 * (across + up)
    return {
        "centre_px": float(abs(z[0] - (x0 + 1j * y0))),
        "scale": float(abs(abs(mean) - 1)),
        "rotation_deg": float(abs(np.degrees(np.angle(mean)))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=60)
    arguments = parser.parse_args()
    data = common.solver_data()
    rows, few, unsolved, corners = [], 0, 0, []
    for number, plain in enumerate(common.specs(arguments.fields, 1.2, 20.0, seed=11)):
        spec = replace(plain, distortion=(0.0, -0.006, 0.006)[number % 3])
        frame = Frame(simulate(spec, data.reference).data, meaning=Meaning(middle=spec.start))
        result = solve(frame, [], data, use_header=False)
        if result.solution is None:
            unsolved += 1
        elif len(result.solution.matches) < 30:
            few += 1
        else:
            rows.append(differences(result.solution.wcs, spec.wcs()))
            ra, dec = spec.wcs().to_sky(
                [0, spec.width - 1, 0, spec.width - 1], [0, 0, spec.height - 1, spec.height - 1]
            )
            x, y = result.solution.wcs.to_pixel(ra, dec)
            corners.append(float(np.max(np.hypot(
                x - [0, spec.width - 1, 0, spec.width - 1], y - [0, 0, spec.height - 1, spec.height - 1]
            ))))  # fmt: skip
    figures: dict = {"fields": arguments.fields, "unsolved": unsolved, "fewer_than_30_stars": few}
    passed = bool(rows)
    for name, goal in GOALS.items():
        values = np.array([row[name] for row in rows])
        share = float(np.mean(values <= goal))
        figures[name] = {
            "goal": goal, "share_within": share, "median": float(np.median(values)),
            "p95": float(np.quantile(values, 0.95)), "worst": float(values.max()),
        }  # fmt: skip
        passed &= share >= 0.95
    figures["corner_px"] = {"median": float(np.median(corners)), "p95": float(np.quantile(corners, 0.95))}
    common.finish(figures, passed)


if __name__ == "__main__":
    main()
