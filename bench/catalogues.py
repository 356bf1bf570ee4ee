"""Catalogues on this machine: how fast they come in, in how much memory, and how fast a cone of them is.

A sky of stars with five magnitudes, their errors and an identifier is written as Parquet, CSV and FITS and imported in
a process of its own, whose greatest memory is taken; then cones at 60 places are read. The dense catalogue lies on 100
square degrees. Goal: a cone of 1 degree radius of ten million stars all over the sky in less than
0.1 s.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from common import finish
from hven.science.catalogues.photometric.sources import open_source
from hven.science.catalogues.photometric.tile_write import import_catalogue
from hven.science.catalogues.photometric.tiles import TiledCatalogue

GOAL_MS = 100.0
BANDS = "grizy"


def stars(rows: int, dense: bool, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    width, low, high = (10.0, 0.0, 10.0) if dense else (360.0, -90.0, 90.0)
    sines = rng.uniform(np.sin(np.radians(low)), np.sin(np.radians(high)), rows)
    columns = {
        "objID": np.arange(rows),
        "RAJ2000": rng.uniform(0, width, rows),
        "DEJ2000": np.degrees(np.arcsin(sines)),
    }
    base = 21 - rng.exponential(1.5, rows)
    for band in BANDS:
        columns[f"{band}mag"] = (base + rng.normal(0, 0.5, rows)).round(4)
        columns[f"e_{band}mag"] = rng.uniform(0.002, 0.1, rows).round(4)
    return pa.table(columns)


def import_apart(path: Path, folder: Path) -> dict[str, float]:
    """Import in a process of its own; return seconds and megabytes at most."""
    done = subprocess.run(
        [sys.executable, __file__, "--import", str(path), str(folder)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def import_here(path: Path, folder: Path) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    import_catalogue(open_source(path), folder, name=folder.name, origin=path.name)
    # not ru_maxrss, which a process inherits from the one that started it
    status = Path("/proc/self/status").read_text().splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    figures = {"wall_s": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu, "peak_mib": peak}
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


def cones(folder: Path, dense: bool, radius: float, count: int = 60) -> dict[str, float]:
    catalogue = TiledCatalogue.open(folder)
    rng = np.random.default_rng(7)
    took, rows = [], 0
    for _ in range(count):
        ra, dec = (rng.uniform(1, 9, 2)) if dense else (rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1))))
        begun = time.perf_counter()
        rows += len(catalogue.cone(float(ra), float(dec), radius))
        took.append(1000 * (time.perf_counter() - begun))
    return {
        "radius_deg": radius,
        "median_ms": round(float(np.median(took)), 1),
        "slowest_ms": round(max(took), 1),
        "rows_each": round(rows / count),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--import", nargs=2, type=Path, dest="job")
    parser.add_argument("--rows", type=float, default=1e7, help="of the large catalogues")
    arguments = parser.parse_args()
    if arguments.job:
        import_here(*arguments.job)
        return
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="hven-bench-catalogues-") as name:
        place = Path(name)
        small = stars(1_000_000, dense=False)
        pq.write_table(small, place / "small.parquet")
        csv.write_csv(small, place / "small.csv")
        from astropy.table import Table

        Table({column: small.column(column).to_numpy() for column in small.column_names}).write(place / "small.fits")
        for suffix in ("parquet", "csv", "fits"):
            figures[f"import_1e6_{suffix}"] = import_apart(place / f"small.{suffix}", place / f"of-{suffix}")
        figures["cones_1e6"] = cones(place / "of-parquet", dense=False, radius=1.0)
        rows = int(arguments.rows)
        for kind in ("sky", "dense"):
            pq.write_table(stars(rows, dense=kind == "dense"), place / "large.parquet")
            figures[f"import_{rows:.0e}_{kind}"] = import_apart(place / "large.parquet", place / kind)
            for radius in (0.25, 1.0):
                figures[f"cones_{rows:.0e}_{kind}_{radius:g}"] = cones(
                    place / kind, dense=kind == "dense", radius=radius
                )
    wide = figures[f"cones_{rows:.0e}_sky_1"]
    finish({"catalogues": figures}, wide["median_ms"] < GOAL_MS)


if __name__ == "__main__":
    main()
