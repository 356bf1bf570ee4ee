"""Photometry of simulated frames with known truth: hven beside stdpipe, the pipeline behind STDWeb.

    python bench/photometry.py [--seeds 20] [--yardstick PYTHON] [--scenes ../shared/sim/make_scene.py]

Scenes of 2048 pixels, 0.8 arcsec each, with 1,500 stars, 80 galaxies and 60 cosmic-ray tracks (see the head of
make_scene.py); harder ones: crowded, undersampled, trailed, a steep sky, 30 % masked, 4096 pixels; and frames of hven's
own simulator. stdpipe does what STDWeb has it do: LACosmic, SExtractor where it is installed (its own SEP else), the
isolation forest, apertures, the zero point. The true zero point is that of the aperture each of them used: a profile on
pixels, summed in the circle and the ring. CPU seconds are the second of two runs, pictures apart; stdpipe's are the
first run's after three scenes. Prints one JSON object; exits 1 where a goal is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import common

common.one_thread()

import numpy as np  # noqa: E402 - after the environment was set
from astropy.io import fits  # noqa: E402
from astropy.table import Table  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402

from hven.science.frames.frame import Meaning  # noqa: E402
from hven.science.photometry.inspection import inspect  # noqa: E402
from hven.science.photometry.masks import MaskBit  # noqa: E402
from hven.science.photometry.measure import MeasureSettings  # noqa: E402
from hven.science.photometry.pipeline import CalibrateSettings, measure_and_calibrate  # noqa: E402
from hven.science.photometry.plots import draw_plots  # noqa: E402
from hven.science.simulate.exposure import simulate  # noqa: E402
from hven.science.simulate.spec import Spec  # noqa: E402
from hven.science.sky.wcs import Wcs  # noqa: E402

SCENES = Path(__file__).resolve().parents[2] / "shared" / "sim" / "make_scene.py"
YARDSTICKS = Path(__file__).resolve().parents[1] / ".venvs" / "yardsticks" / "bin" / "python"
BINS = ((14.5, 16.0), (16.0, 17.0), (17.0, 18.0), (18.0, 19.0), (19.0, 20.0))
GAIN, SATURATION, COLOUR_TERM, LIMIT = 1.5, 30000.0, -0.08, 20.0
GOALS = {
    "cpu_s": 2.0, "zero_point": 0.003, "colour_term": 0.002, "14.5-16": 0.0033, "18-19": 0.019, "19-20": 0.050,
    "error_ratio": 0.15, "complete_20": 1.0, "purity": 0.996, "cosmics_found": 335 / 340, "cosmics_extra": 60,
    "cores_masked": 0, "stars_lost": 0.01, "above_possible": 1.1,
}  # fmt: skip
OWN_FRAMES = 12
KINDS = ("crowded", "undersampled", "trailed", "steep_sky", "masked", "large")
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, make_scene as m
out, kind, seed = sys.argv[2:5]
more = {"crowded": ["--nstars", "20000"], "large": ["--size", "4096", "--nstars", "6000"]}.get(kind, [])
if kind == "undersampled":
    m.SCI["fwhm"] = 1.6
if kind == "trailed":
    plain = m.moffat_stamp
    def stamp(dx, dy, half, fwhm, beta):
        if fwhm != m.SCI["fwhm"]:
            return plain(dx, dy, half, fwhm, beta)
        a = np.deg2rad(30)
        return np.mean([plain(dx + u * np.cos(a), dy + u * np.sin(a), half, fwhm, beta) for u in range(-4, 5)], axis=0)
    m.moffat_stamp = stamp
if kind == "steep_sky":
    observe = m.observe
    def steep(expected, p, rng):
        y, x = np.mgrid[: expected.shape[0], : expected.shape[1]] / expected.shape[0]
        glow = 1.5 * x + 0.8 * y**2 + 0.6 * np.exp(-((x - 0.6) ** 2 + (y - 0.4) ** 2) / 0.02)
        return observe(expected + (400 * glow if p is m.SCI else 0), p, rng)
    m.observe = steep
sys.argv = ["make_scene", out, "--seed", seed, *more]
m.main()
"""
YARDSTICK = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, astroscrappy
try:
    import sep_x as sep
except ImportError:
    import sep
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from stdpipe import artefacts, photometry, photometry_measure, pipeline
folder, extractor, excluded = sys.argv[1], sys.argv[2] == "1", sys.argv[3] == "1"
image = fits.getdata(folder + "/science.fits").astype(np.double)
header = fits.getheader(folder + "/science.fits")
gain, saturation = header["GAIN"], header["SATURATE"]
cat = Table.read(folder + "/refcat.ecsv")
cat = cat[cat["rmag"] < 20]
wcs = WCS(header)
def run():
    begin = time.process_time()
    mask = image >= saturation
    if excluded:
        mask |= fits.getdata(folder + "/excluded.fits") > 0
    bg = sep.Background(image, mask=mask, bw=256, bh=256)
    noise = np.sqrt(bg.rms() ** 2 + np.abs(image - bg.back()) / gain)
    hits, _ = astroscrappy.detect_cosmics(image, inmask=mask, invar=(noise**2).astype(np.float32), gain=gain,
                                          satlevel=saturation * gain, cleantype="medmask", verbose=False)
    mask |= hits
    cosmics = time.process_time() - begin
    kw = dict(mask=mask, aper=3.0, gain=gain, minarea=5, bg_size=256, verbose=False)
    if extractor:
        obj = photometry.get_objects_sextractor(image, thresh=2.0, sn=5, extra={"BACK_SIZE": 256}, **kw)
    else:
        obj = photometry.get_objects_sep(image, thresh=2.0, sn=5, r0=0, **kw)
    shaped = (artefacts.filter_sextractor_detections if extractor else artefacts.filter_detections)(obj, verbose=False)
    obj["flags"][~np.asarray(shaped, bool)] |= 0x800
    good = (obj["flags"] == 0) & (obj["magerr"] < 0.05)
    column = "FLUX_RADIUS" if "FLUX_RADIUS" in obj.colnames else None
    fwhm = float(np.median(2 * obj[column][good])) if column else float(np.median(obj["fwhm"][good]))
    obj = photometry_measure.measure_objects(obj, image, mask=mask, fwhm=fwhm, aper=1.0, bkgann=(5, 7), sn=5,
                                             gain=gain, bg_size=256)
    obj["ra"], obj["dec"] = wcs.all_pix2world(obj["x"], obj["y"], 0)
    m = pipeline.calibrate_photometry(obj, cat, pixscale=0.8 / 3600, sr=0.5 * fwhm * 0.8 / 3600, order=2,
        cat_col_mag="rmag", cat_col_mag_err="e_rmag", cat_col_mag1="gmag", cat_col_mag2="rmag", verbose=False)
    return obj, hits, fwhm, m, cosmics, time.process_time() - begin
if sys.argv[4] == "1":
    run()
obj, hits, fwhm, m, cosmics, cpu = run()
middle = (image.shape[0] - 1) / 2
np.savez(folder + "/stdpipe.npz", x=obj["x"], y=obj["y"], flags=obj["flags"], mag=obj["mag_calib"], err=obj["magerr"],
         hits=hits, fwhm=fwhm, zp=float(np.ravel(m["zero_fn"](np.array([middle]), np.array([middle])))[0]),
         colour_term=float(np.ravel(m["color_term"])[0]), cosmics_s=cosmics, cpu_s=cpu)
"""


def true_zero_point(fwhm: float, beta: float, radius: float, *, inner: float, outer: float, trail: bool) -> float:
    """Return the zero point of a circle above its ring for the scenes' profile, by brute force on a fine grid."""
    fine, half = 8, int(np.ceil(outer)) + 8
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    axis = (np.arange((2 * half + 1) * fine) + 0.5) / fine - half - 0.5
    shifts = [(u * np.cos(np.deg2rad(30)), u * np.sin(np.deg2rad(30))) for u in range(-4, 5)] if trail else [(0, 0)]
    total = []
    for phase_x, phase_y in ((0.0, 0.0), (0.25, 0.4), (0.5, 0.1), (0.37, 0.5)):
        light = np.zeros((axis.size, axis.size))
        for dx, dy in shifts:
            square = (axis[None, :] - phase_x - dx) ** 2 + (axis[:, None] - phase_y - dy) ** 2
            light += (beta - 1) / (np.pi * alpha**2) * (1 + square / alpha**2) ** -beta / len(shifts)
        side = 2 * half + 1
        pixels = light.reshape(side, fine, side, fine).mean(axis=(1, 3))
        distance = np.hypot(axis[None, :] - phase_x, axis[:, None] - phase_y)
        # a pixel's light is even over it, as every aperture sum takes it
        share = (distance <= radius).reshape(side, fine, side, fine).mean(axis=(1, 3))
        ring = np.hypot(np.arange(side) - half, (np.arange(side) - half)[:, None])
        level = pixels[(ring >= inner) & (ring <= outer)].mean()
        total.append(float((pixels * share).sum() - level * np.pi * radius**2))
    return 28.0 + 2.5 * np.log10(np.mean(total))


class Scene:
    """A scene on disk with its truth."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        with fits.open(folder / "science.fits") as hdus:
            self.data = hdus[0].data.astype(np.float32)
            self.wcs = Wcs.from_cards(dict(hdus[0].header), self.data.shape[1], self.data.shape[0])
        names = ("stars", "galaxies", "transients")
        self.stars, self.galaxies, transients = (Table.read(folder / f"truth_{name}.ecsv") for name in names)
        self.cosmic = fits.getdata(folder / "truth_cosmics.fits") > 0
        self.catalogue = Table.read(folder / "refcat.ecsv")
        self.catalogue = self.catalogue[self.catalogue["rmag"] < LIMIT]
        self.x, self.y = np.asarray(self.stars["x"], float), np.asarray(self.stars["y"], float)
        self.mag = np.asarray(self.stars["mag_sci"], float)
        self.constant = ~np.asarray(self.stars["variable"], bool)
        others = [self.galaxies, transients]
        self.all_x = np.concatenate([self.x, *(np.asarray(t["x"], float) for t in others)])
        self.all_y = np.concatenate([self.y, *(np.asarray(t["y"], float) for t in others)])
        everything = cKDTree(np.column_stack([self.all_x, self.all_y]))
        self.everything = everything
        self.alone = everything.query(np.column_stack([self.x, self.y]), k=2)[0][:, 1] > 12
        self.excluded = None
        if kind == "masked":
            rng = np.random.default_rng(30)
            self.excluded = np.zeros(self.data.shape, np.uint8)
            while self.excluded.mean() < 0.3:
                x, y, w, h = rng.integers(0, 2048, 2).tolist() + rng.integers(50, 500, 2).tolist()
                self.excluded[y : y + h, x : x + w] = 1
            fits.writeto(folder / "excluded.fits", self.excluded, overwrite=True)
        height, width = self.data.shape
        row, column = np.rint(self.y).astype(int).clip(0, height - 1), np.rint(self.x).astype(int).clip(0, width - 1)
        self.free = np.ones(self.x.size, bool) if self.excluded is None else self.excluded[row, column] == 0
        self.core = np.zeros(self.data.shape, bool)
        bright = self.mag < LIMIT + 0.5
        self.core[row[bright], column[bright]] = True

    def noise_of(self, some: np.ndarray) -> np.ndarray:
        """Return the errors in magnitudes that the best estimator could make of stars (known profile, place and sky).

        Drawn many times from the Cramer-Rao bound of each star's own brightness, so that a robust scatter compares.
        """
        width = 1.6 if self.kind == "undersampled" else 3.2
        alpha = width / (2 * np.sqrt(2 ** (1 / 3.5) - 1))
        axis = np.arange(-40, 41) * 0.5  # half pixels: fine enough for a sum over the profile
        profile = 2.5 / (np.pi * alpha**2) * (1 + (axis**2 + axis[:, None] ** 2) / alpha**2) ** -3.5 * 0.25
        flux = np.asarray(self.stars["flux_sci"], float)[some]
        sky = (400 * GAIN + 8.0**2) / GAIN**2
        information = [np.sum(profile**2 / (0.25 * sky + f * profile / GAIN)) for f in flux]
        sigma = 1.0857 / (flux * np.sqrt(information))
        return np.random.default_rng(1).normal(0, 1, (200, sigma.size)) * sigma

    def truth(self, fwhm: float) -> float:
        """Return the true zero point for an aperture of one FWHM."""
        width = 1.6 if self.kind == "undersampled" else 3.2
        return true_zero_point(width, 3.5, fwhm, inner=5 * fwhm, outer=7 * fwhm, trail=self.kind == "trailed")


def score(scene: Scene, found: dict) -> dict:
    """Return the figures of one list of objects: x, y, flags, mag (calibrated), err, hits, fwhm, zp, colour_term."""
    x, y, flags, mag, error = (np.asarray(found[name]) for name in ("x", "y", "flags", "mag", "err"))
    known = np.isfinite(x) & np.isfinite(mag)
    x, y, flags, mag, error = x[known], y[known], flags[known].astype(int), mag[known], error[known]
    tree = cKDTree(np.column_stack([x, y]))
    distance, near = tree.query(np.column_stack([scene.x, scene.y]))
    wide = 4.5 if scene.kind == "trailed" else 2.5
    back = scene.everything.query(np.column_stack([x, y]))[0]
    unmasked = (flags & 0x700) == 0
    star = scene.alone & scene.free
    figures = {
        "objects": int(x.size),
        "zero_point_off": float(found["zp"]) - scene.truth(float(found["fwhm"])),
        "colour_term_off": float(found["colour_term"]) - COLOUR_TERM,
        "fwhm_px": float(found["fwhm"]),
        "purity": float(1 - np.mean(back[unmasked] > wide)),
    }
    for low, high in ((13.0, 20.0), (20.0, 20.5), (20.5, 21.0), (21.0, 21.5)):
        some = star & (scene.mag > low) & (scene.mag <= high)
        figures[f"complete_{high:g}"] = float(np.mean(distance[some] < wide))
    hit = star & (distance < 1.5)
    figures["stars_lost"] = float(np.mean((flags[near[hit]] & 0x800) > 0))
    gone, place = tree.query(np.column_stack([scene.galaxies["x"], scene.galaxies["y"]]))
    seen = gone < 2
    figures["galaxies_rejected"] = float(np.mean((flags[place[seen]] & 0x800) > 0))
    hits = np.asarray(found["hits"], bool)
    figures["cosmics_found"] = float((hits & scene.cosmic).sum() / scene.cosmic.sum())
    figures["cosmics_extra"] = int((hits & ~scene.cosmic).sum())
    figures["cores_masked"] = int((hits & ~scene.cosmic & scene.core).sum())
    clean = hit & scene.constant & ((flags[near] & ~2) == 0)
    off = mag[near] - scene.mag
    pulls = []
    for low, high in BINS:
        some = clean & (scene.mag > low) & (scene.mag <= high)
        if np.count_nonzero(some) >= 5:
            rest = off[some] - np.median(off[some])
            figures[f"bias_{low:g}-{high:g}"] = float(np.median(off[some]))
            figures[f"scatter_{low:g}-{high:g}"] = float(1.4826 * np.median(np.abs(rest)))
            figures[f"quoted_{low:g}-{high:g}"] = float(np.median(error[near][some]))
            figures[f"possible_{low:g}-{high:g}"] = float(1.4826 * np.median(np.abs(scene.noise_of(some))))
            pulls.append(rest / error[near][some])
    figures["_pulls"] = np.concatenate(pulls) if pulls else np.zeros(0)
    return figures


def ours(scene: Scene, *, optimal: bool, rounds: int, pictures: bool = False) -> dict:
    """Return hven's list and its times."""
    meaning = Meaning(filter="r", gain=GAIN, saturation=SATURATION)
    settings = CalibrateSettings(measure=MeasureSettings(optimal=optimal))
    times = []
    for _ in range(rounds):
        begin = common.cpu()
        inspection = inspect(scene.data, meaning, excluded=scene.excluded)
        middle = common.cpu()
        done = measure_and_calibrate(inspection, scene.wcs, lambda *_: scene.catalogue, settings)
        times.append((middle - begin, common.cpu() - middle))
    objects, zero_point = done.measured.objects, done.zero_point
    found = {
        "x": objects["x"], "y": objects["y"], "flags": objects["flags"], "mag": objects["mag_calib"],
        "err": objects["magerr"], "hits": (inspection.bits & MaskBit.COSMIC) > 0, "fwhm": done.measured.fwhm_px,
        "zp": zero_point.zp, "colour_term": zero_point.colour_term, "inspect_s": times[-1][0],
        "photometry_s": times[-1][1], "cpu_s": sum(times[-1]), "limit_mag": done.limit_mag,
    }  # fmt: skip
    if pictures:
        draw_plots(inspection, done, 5.0)
        begin = common.cpu()
        draw_plots(inspection, done, 5.0)
        found["pictures_s"] = common.cpu() - begin
    x, y = done.wcs.to_pixel(np.asarray(scene.stars["ra"]), np.asarray(scene.stars["dec"]))
    found["astrometry_arcsec"] = float(np.median(np.hypot(x - scene.x, y - scene.y)) * scene.wcs.scale_arcsec)
    return found


def theirs(scene: Scene, python: str, extractor: bool, rounds: int) -> dict | None:
    """Return stdpipe's list and its times, None where it failed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    flags = ["1" if extractor else "0", "1" if scene.excluded is not None else "0", "1" if rounds > 1 else "0"]
    done = subprocess.run(
        [python, "-c", YARDSTICK, str(scene.folder), *flags], capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    if done.returncode:
        print(f"stdpipe failed on {scene.folder.name}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return dict(np.load(scene.folder / "stdpipe.npz"))


def medians(rows: list[dict]) -> dict:
    """Return the medians over scenes, and the pulls' scatter over all stars of all."""
    names = [name for name in rows[0] if not name.startswith("_")]
    figures = {name: float(np.median([row[name] for row in rows if name in row])) for name in names}
    pulls = np.concatenate([row["_pulls"] for row in rows])
    if pulls.size:
        figures["pull"] = float(1.4826 * np.median(np.abs(pulls)))
    figures["zero_point_scatter"] = float(np.std([row["zero_point_off"] for row in rows]))
    figures["colour_term_scatter"] = float(np.std([row["colour_term_off"] for row in rows]))
    figures["cores_masked"] = int(max(row["cores_masked"] for row in rows))
    return figures


def made(scenes: Path, folder: Path, kind: str, seed: int) -> Scene:
    """Make a scene and read it."""
    target = folder / f"{kind}-{seed}"
    if not (target / "scene.json").exists():
        command = [sys.executable, "-c", MAKE, str(scenes.parent), str(target), kind, str(seed)]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return Scene(target, kind)


def with_times(figures: dict, found: dict) -> dict:
    names = ("cpu_s", "inspect_s", "photometry_s", "cosmics_s", "pictures_s", "limit_mag", "astrometry_arcsec")
    return figures | {name: float(found[name]) for name in names if name in found}


def own_frame(seed: int) -> dict:
    """Return the figures of one frame of hven's own simulator: 16 bits, hot pixels, vignetting, one band.

    Depth counts by the best possible signal-to-noise ratio that the simulator tells of each star.
    """
    exposure = simulate(
        Spec(
            stars="random", random_stars=1500, width_deg=0.45, limit_mag=20.0, seed=seed, cosmic_rays=40,
            vignetting=0.1, fwhm_px=(2.0, 2.6, 3.4, 4.5)[seed % 4],
            orientation_deg=37.0 * seed % 360, gain=(0.6, 1.5, 4.0)[seed % 3],
        )
    )  # fmt: skip
    spec, stars = exposure.spec, exposure.stars
    rng = np.random.default_rng(seed)
    error = np.full(len(stars), 0.01)
    catalogue = Table(
        {"RAJ2000": stars.ra, "DEJ2000": stars.dec, "rmag": stars.mag + rng.normal(0, error), "e_rmag": error}
    )
    begin = common.cpu()
    inspection = inspect(exposure.data, Meaning(filter="r", gain=spec.gain, saturation=spec.saturation_adu))
    done = measure_and_calibrate(inspection, exposure.wcs, lambda *_: catalogue[stars.mag < 19.5])
    cpu = common.cpu() - begin
    objects = done.measured.objects
    x, y = np.asarray(objects["x"]), np.asarray(objects["y"])
    everything = cKDTree(np.column_stack([stars.x, stars.y]))
    distance, near = cKDTree(np.column_stack([x, y])).query(np.column_stack([stars.x, stars.y]))
    inside = (np.abs(stars.x - spec.width / 2) < spec.width / 2 - 10) & (
        np.abs(stars.y - spec.height / 2) < spec.height / 2 - 10
    )
    alone = inside & (everything.query(np.column_stack([stars.x, stars.y]), k=2)[0][:, 1] > 4 * spec.fwhm_px)
    flags, hits = np.asarray(objects["flags"])[near], (inspection.bits & MaskBit.COSMIC) > 0
    core = np.zeros(hits.shape, bool)
    bright = inside & (exposure.snr > 8)
    core[np.rint(stars.y[bright]).astype(int), np.rint(stars.x[bright]).astype(int)] = True
    clean = alone & (distance < 1.0) & ((flags & ~2) == 0) & (exposure.snr > 12)
    off = (np.asarray(objects["mag_calib"])[near] - stars.mag)[clean]
    back = everything.query(np.column_stack([x, y]))[0]
    return {
        "complete_snr_10": float(np.mean(distance[alone & (exposure.snr > 10)] < 1.5)),
        "complete_snr_6_10": float(np.mean(distance[alone & (exposure.snr > 6) & (exposure.snr <= 10)] < 1.5)),
        "purity": float(1 - np.mean(back > 2.5)),
        "bias_mag": float(np.median(off[exposure.snr[clean] > 40])),
        "pull": float(1.4826 * np.median(np.abs((off - np.median(off)) / np.asarray(objects["magerr"])[near][clean]))),
        "stars_lost": float(np.mean((flags[alone & (distance < 1.5)] & 0x800) > 0)),
        "cosmics_found": float((hits & exposure.cosmic_rays).sum() / max(exposure.cosmic_rays.sum(), 1)),
        "cores_masked": int((hits & ~exposure.cosmic_rays & core).sum()),
        "cpu_s": cpu,
    }


def verdict(plain: dict, best: dict) -> dict[str, bool]:
    """Say which goals are met: scatter and its errors by the better of plain and weighted apertures."""
    met = {
        "cpu_s": max(plain["cpu_s"], best["cpu_s"]) <= GOALS["cpu_s"],
        "zero_point": abs(plain["zero_point_off"]) <= GOALS["zero_point"],
        "colour_term": abs(plain["colour_term_off"]) <= GOALS["colour_term"],
        "errors": abs(plain["pull"] - 1) <= GOALS["error_ratio"] and abs(best["pull"] - 1) <= GOALS["error_ratio"],
        "complete_20": plain["complete_20"] >= GOALS["complete_20"],
        "purity": plain["purity"] >= GOALS["purity"],
        "cosmics_found": plain["cosmics_found"] >= GOALS["cosmics_found"],
        "cosmics_extra": plain["cosmics_extra"] < GOALS["cosmics_extra"],
        "cores_masked": plain["cores_masked"] <= GOALS["cores_masked"],
        "stars_lost": plain["stars_lost"] < GOALS["stars_lost"],
    }
    for name in ("14.5-16", "18-19", "19-20"):
        # fainter stars cannot be measured to the figure that one lucky scene gave: photons do not allow it
        goal = max(GOALS[name], GOALS["above_possible"] * best[f"possible_{name}"])
        met[f"scatter_{name}"] = min(plain[f"scatter_{name}"], best[f"scatter_{name}"]) <= goal
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), help="harder scenes, one of each")
    parser.add_argument("--scenes", type=Path, default=SCENES)
    parser.add_argument(
        "--yardstick", default=str(YARDSTICKS) if YARDSTICKS.exists() else "", help="a Python with stdpipe"
    )
    parser.add_argument("--keep", type=Path, help="a folder in which scenes stay for the next time")
    options = parser.parse_args()
    if not options.scenes.exists():
        print(
            json.dumps({"bench": "photometry", "skipped": f"{options.scenes.name} is not here, so there is no scene."})
        )
        return
    extractor = any((Path(p) / "source-extractor").exists() for p in os.get_exec_path())
    figures: dict = {"bench": "photometry", "goals": GOALS, "stdpipe_detects": "SExtractor" if extractor else "SEP"}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows: dict[str, list[dict]] = {"plain": [], "optimal": [], "stdpipe": []}
        for seed in range(1, options.seeds + 1):
            scene = made(options.scenes, folder, "base", seed)
            for name in ("plain", "optimal"):
                found = ours(scene, optimal=name == "optimal", rounds=2, pictures=seed == 1 and name == "plain")
                rows[name].append(with_times(score(scene, found), found))
            other = theirs(scene, options.yardstick, extractor, 1 + (seed <= 3)) if options.yardstick else None
            if other is not None:
                rows["stdpipe"].append(with_times(score(scene, other), other))
            print(f"seed {seed} of {options.seeds}", file=sys.stderr)
        figures["base"] = {name: medians(one) for name, one in rows.items() if one}
        for kind in options.kinds:
            scene = made(options.scenes, folder, kind, 7)
            found = ours(scene, optimal=False, rounds=2)
            figures[kind] = {"plain": medians([with_times(score(scene, found), found)])}
            other = theirs(scene, options.yardstick, extractor, 1) if options.yardstick else None
            if other is not None:
                figures[kind]["stdpipe"] = medians([with_times(score(scene, other), other)])
            print(kind, file=sys.stderr)
    frames = [own_frame(seed) for seed in range(1, OWN_FRAMES + 1)]
    figures["own_simulator"] = {name: float(np.median([f[name] for f in frames])) for name in frames[0]}
    figures["own_simulator"]["cores_masked"] = max(f["cores_masked"] for f in frames)
    met = verdict(figures["base"]["plain"], figures["base"]["optimal"])
    figures["met"] = met
    common.finish(figures, all(met.values()))


if __name__ == "__main__":
    main()
