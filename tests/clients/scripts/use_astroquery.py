"""Solves with astroquery.astrometry_net, as its users do; prints what came as JSON. Runs in its own venv."""

import json
import sys
from pathlib import Path

from astroquery.astrometry_net import AstrometryNet

base, key, mode, source, cache = sys.argv[1:]
AstrometryNet.URL = base
AstrometryNet.API_URL = base + "/api"
AstrometryNet.api_key = key
AstrometryNet.cache_location = Path(cache)
if mode == "list":
    given = json.loads(Path(source).read_text())
    header = AstrometryNet.solve_from_source_list(
        given["x"], given["y"], given["width"], given["height"], solve_timeout=60, verbose=False
    )
else:
    header = AstrometryNet.solve_from_image(source, force_image_upload=True, solve_timeout=60, verbose=False)
wanted = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "IMAGEW", "IMAGEH")
print(json.dumps({name: header[name] for name in wanted if name in header}))
