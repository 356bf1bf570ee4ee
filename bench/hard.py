"""Frames that are hard to place: how many are, how well, and how soon.

    python bench/hard.py [--frames 20] [--kind fisheye]

Simulated frames of the real sky, all over it: crowded, few stars, undersampled, out of focus, trailed, nebulous,
distorted, and through fisheyes of 60 to 230 degrees. Accuracy is the distance in pixels between where the solution and
the truth put the frame's stars (the 95th percentile within a frame, its median over frames). Prints one JSON object;
exits 1 where a solution is wrong.
"""

import argparse
import statistics
from dataclasses import replace

import common

common.one_thread()

import cv2  # noqa: E402 - after the environment was set
import numpy as np  # noqa: E402

from hven.science.frames.frame import Frame  # noqa: E402
from hven.science.simulate.exposure import Exposure, simulate  # noqa: E402
from hven.science.simulate.spec import Spec  # noqa: E402
from hven.science.sky.wcs import Wcs  # noqa: E402
from hven.science.stars.ladder import solve  # noqa: E402

KINDS = ("crowded", "few stars", "undersampled", "out of focus", "trailed", "nebulous", "distorted", "fisheye")


def spec_of(kind: str, rng: np.random.Generator) -> Spec:  # noqa: PLR0911 - one for each kind
    spec = Spec(
        ra=float(rng.uniform(0, 360)), dec=float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), width=1536, height=1024,
        width_deg=float(10 ** rng.uniform(0.1, 1.5)), orientation_deg=float(rng.uniform(-180, 180)),
        parity=int(rng.choice([-1, 1])), seed=int(rng.integers(1 << 30)), missing=0.03,
    )  # fmt: skip
    if kind == "crowded":
        return replace(spec, ra=266.0 + float(rng.uniform(-9, 9)), dec=-29.0, limit_mag=spec.limit + 2.5)
    if kind == "few stars":
        return replace(spec, limit_mag=spec.limit - 3)
    if kind == "undersampled":
        return replace(spec, fwhm_px=float(rng.uniform(0.5, 1.1)))
    if kind == "out of focus":
        return replace(spec, fwhm_px=float(rng.uniform(8, 20)), beta=0)
    if kind == "trailed":
        return replace(spec, trail_px=float(rng.uniform(5, 80)), trail_angle_deg=float(rng.uniform(0, 180)))
    if kind == "distorted":
        return replace(spec, distortion=float(rng.uniform(-0.06, 0.04)))
    if kind == "fisheye":
        side = int(rng.choice([700, 1200, 1800]))
        return replace(
            spec, lens=str(rng.choice(["equidistant", "equisolid"])), width=side,
            height=side if rng.random() < 0.5 else side * 2 // 3, width_deg=float(rng.uniform(60, 230)),
            axis_off_px=float(rng.uniform(-0.03, 0.03) * side), distortion=float(rng.uniform(-0.08, 0.04)),
            clouds=float(rng.choice([0.0, 0.7])), fwhm_px=2.0, limit_mag=float(rng.uniform(4.5, 7)),
        )  # fmt: skip
    return spec


def clouded(data: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a nebula of knots of all sizes, several times as bright as the sky."""
    light = np.zeros(data.shape)
    for size in (6, 12, 30, 90):
        noise = cv2.GaussianBlur(rng.normal(0, 1, data.shape), (0, 0), size)
        light += np.maximum(noise / noise.std() - 0.8, 0) * size**0.5
    light *= np.exp(
        -0.5 * (np.linspace(-2, 2, data.shape[1])[None, :] ** 2 + np.linspace(-2, 2, data.shape[0])[:, None] ** 2)
    )
    return np.clip(data + rng.poisson(120 * light), 0, 65535).astype(np.uint16)


def off_px(wcs: Wcs, exposure: Exposure) -> float:
    stars, spec = exposure.stars, exposure.spec
    on = (stars.x > 0) & (stars.x < spec.width - 1) & (stars.y > 0) & (stars.y < spec.height - 1)
    chosen = stars.taken(on & (stars.mag < spec.limit))
    x, y = wcs.to_pixel(chosen.ra, chosen.dec)
    return float(np.nanpercentile(np.hypot(x - chosen.x, y - chosen.y), 95))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20, help="of each kind")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this one; may be given again")
    arguments = parser.parse_args()
    data = common.solver_data()
    figures = {}
    wrong = 0
    for number, kind in enumerate(KINDS):
        if arguments.kind and kind not in arguments.kind:
            continue
        rng = np.random.default_rng(100 + number)
        seconds, off = [], []
        for _ in range(arguments.frames):
            spec = spec_of(kind, rng)
            exposure = simulate(spec, data.reference)
            pixels = clouded(exposure.data, rng) if kind == "nebulous" else exposure.data
            result = solve(Frame(pixels), (), data, epoch=spec.epoch)
            seconds.append(result.seconds)
            if result.solution is None:
                continue
            if common.offset_share(result.solution.wcs, *spec.wcs().centre) > 0.05:
                wrong += 1
            else:
                off.append(off_px(result.solution.wcs, exposure))
        figures[kind] = {
            "frames": arguments.frames,
            "solved": len(off),
            "median_cpu_s": statistics.median(seconds),
            "slowest_cpu_s": max(seconds),
            "median_off_px": statistics.median(off) if off else None,
            "worst_off_px": max(off) if off else None,
        }
    common.finish({"kinds": figures, "wrong": wrong}, passed=not wrong)


if __name__ == "__main__":
    main()
