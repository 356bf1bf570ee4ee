"""Solves with astrometry-net-client, unmodified: it asks for nova.astrometry.net, and http_proxy leads to hven."""

import json
import sys

from astrometry_net_client import Client
from astrometry_net_client.exceptions import LoginFailedException

key, source = sys.argv[1:]
try:
    Client(api_key="0" * 40)
    refused = False
except LoginFailedException:
    refused = True
job = Client(api_key=key).upload_file(source)
found = {"refused": refused, "success": bool(job.success()), "status": job.status()}
if job.success():
    info = job.info()
    with job.axy_file() as axy, job.corr_file() as corr, job.rdls_file() as rdls, job.new_fits_file() as new:
        found |= {
            "calibration": info["calibration"],
            "objects": info["objects_in_field"],
            "crval": [job.wcs_file()["CRVAL1"], job.wcs_file()["CRVAL2"]],
            "sources": len(axy[1].data),
            "matches": len(corr[1].data),
            "stars": len(rdls[1].data),
            "shape": list(new[0].data.shape),
            "picture": len(job.annotated_display()),
            "red_green": len(job.red_green_image_display()),
            "extraction": len(job.extraction_image_display()),
        }
print(json.dumps(found))
