"""CPU seconds from pixels to a verified solution: hven against Debian's solve-field, same frames, one run.

    python bench/solve.py [--fields 100] [--every 1] [--only-ours] [--mode blind|scale|both]

The frames are the real ones of ../shared/data/images (where it is there) and simulated fields of 1.2 to 40
degrees. solve-field runs with `-z 2` and is stopped at 60 CPU seconds; its children's CPU counts. hven's tables are
loaded once, as in a worker. Detection counts on both sides. Prints one JSON object; exits 1 where a goal is missed.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import common

common.one_thread()

from astropy.io import fits  # noqa: E402 - after the environment was set

from hven.science.catalogues.reference import ReferenceStars  # noqa: E402
from hven.science.frames.read import read_frame  # noqa: E402
from hven.science.simulate.exposure import simulate  # noqa: E402
from hven.science.simulate.write import write_exposure  # noqa: E402
from hven.science.sky.wcs import Wcs  # noqa: E402
from hven.science.stars.data import SolverData  # noqa: E402
from hven.science.stars.ladder import solve  # noqa: E402
from hven.science.stars.solution import Hints  # noqa: E402

GOALS = {"blind": 0.25, "scale": 0.1}
LIMIT_S = 60
# frames without a line in expected.json (data/README.md): right ascension, declination, scale
MORE = {
    "photutils_M67_DSS.fits": (132.834, 11.812, 1.700),
    "pocs_unsolved.fits": (303.211, 46.020, 10.29),
    "tetra3_Alt40_Azi135.tiff": (296.757, 11.314, 40.2),
}


def real_frames() -> list[dict]:
    if not common.SHARED.is_dir():
        return []
    rows = {}
    for entry in json.loads((common.SHARED / "expected.json").read_text()):
        rows[entry["file"]] = (entry.get("ra"), entry.get("dec"), entry.get("pixscale"))
    rows |= MORE
    return [
        {"name": name, "path": common.SHARED / name, "ra": ra, "dec": dec, "scale": scale}
        for name, (ra, dec, scale) in rows.items()
    ]


def simulated(count: int, every: int, folder: Path, reference: ReferenceStars) -> list[dict]:
    rows = []
    for number, spec in enumerate(common.specs(count, 1.2, 40.0, seed=7)):
        if number % every:
            continue
        path = folder / f"field{number:03d}.fits"
        write_exposure(simulate(spec, reference), path)
        rows.append(
            {
                "name": f"{spec.width_deg:.2f} deg, {spec.ra:.1f} {spec.dec:+.1f}",
                "path": path,
                "ra": spec.ra,
                "dec": spec.dec,
                "scale": spec.scale_arcsec,
            }
        )
    return rows


def ours(row: dict, data: SolverData, mode: str) -> dict:
    begin = common.cpu()
    frame = read_frame(row["path"])
    hints = []
    if mode == "scale":
        hints = [Hints(scale_low=0.8 * row["scale"], scale_high=1.2 * row["scale"])]
    # blind means blind: what the file's header says is not used
    result = solve(replace(frame, cards=()), hints, data, time_limit=LIMIT_S, use_header=False)
    seconds = common.cpu() - begin
    return {"cpu_s": seconds, **judged(result.solution.wcs if result.solution else None, row)} | {
        "rung": result.solution.rung if result.solution else result.reason
    }


def theirs(row: dict, folder: Path, mode: str) -> dict:
    out = Path(tempfile.mkdtemp(dir=folder))
    command = ["solve-field", "-z", "2", "--no-plots", "--overwrite", "-D", str(out), "-o", "x", "-l", str(LIMIT_S)]
    command += ["--no-verify"]
    if mode == "scale":
        command += ["-u", "app", "-L", str(0.8 * row["scale"]), "-H", str(1.2 * row["scale"])]
    seconds = common.run_program([*command, str(row["path"])], wall_limit=1.5 * LIMIT_S)
    wcs = None
    if (out / "x.wcs").exists():
        header = dict(fits.getheader(out / "x.wcs"))
        wcs = Wcs.from_cards(header, int(header["IMAGEW"]), int(header["IMAGEH"]))
    return {"cpu_s": seconds, **judged(wcs, row)}


def judged(wcs: Wcs | None, row: dict) -> dict:
    if wcs is None:
        return {"solved": False, "wrong": False}
    if row["ra"] is None:
        return {"solved": False, "wrong": True}
    off = common.offset_share(wcs, row["ra"], row["dec"])
    right = off < 0.01 and abs(wcs.scale_arcsec / row["scale"] - 1) < 0.01
    return {"solved": right, "wrong": off > 0.05, "offset": off}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=100)
    parser.add_argument("--every", type=int, default=1, help="only every so-many-th field, for less time")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--mode", choices=("blind", "scale", "both"), default="both")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    common.adopt_orphans()
    data = common.solver_data()
    figures: dict = {}
    passed = True
    with tempfile.TemporaryDirectory(prefix="hven-bench-") as name:
        folder = Path(name)
        rows = real_frames() + simulated(arguments.fields, arguments.every, folder, data.reference)
        solve(read_frame(rows[-1]["path"]), [], data, use_header=False)  # warm
        for mode in ("blind", "scale") if arguments.mode == "both" else (arguments.mode,):
            some = [r for r in rows if mode == "blind" or r["scale"]]
            mine, yours = [], []
            for row in some:
                mine.append(ours(row, data, mode))
                yours.append(
                    {"cpu_s": 0.0, "solved": False, "wrong": False}
                    if arguments.only_ours
                    else theirs(row, folder, mode)
                )
                if arguments.verbose:
                    print(mode, row["name"], mine[-1], yours[-1], flush=True)
            ratios = [a["cpu_s"] / b["cpu_s"] for a, b in zip(mine, yours, strict=True) if b["cpu_s"]]
            lost = [r["name"] for r, a, b in zip(some, mine, yours, strict=True) if b["solved"] and not a["solved"]]
            wrong = [r["name"] for r, a in zip(some, mine, strict=True) if a["wrong"]]
            part = {
                "frames": len(some),
                "ours": {"cpu_s": sum(a["cpu_s"] for a in mine), "solved": sum(a["solved"] for a in mine)},
                "solve_field": {"cpu_s": sum(b["cpu_s"] for b in yours), "solved": sum(b["solved"] for b in yours)},
                "median_ours_s": statistics.median(a["cpu_s"] for a in mine),
                "slowest_ours_s": max(a["cpu_s"] for a in mine),
                "not_solved": [r["name"] for r, a in zip(some, mine, strict=True) if not a["solved"]],
                "lost": lost,
                "wrong": wrong,
                "goal": GOALS[mode],
            }
            if ratios:
                part["ratio_of_sums"] = part["ours"]["cpu_s"] / part["solve_field"]["cpu_s"]
                part["median_ratio"] = statistics.median(ratios)
                passed &= part["ratio_of_sums"] <= GOALS[mode] and part["median_ratio"] <= GOALS[mode]
            passed &= not lost and not wrong
            figures[mode] = part
    common.finish(figures, passed)


if __name__ == "__main__":
    main()
