"""Uses the arcsecond package: `use_arcsecond.py SERVER USER KEY KIND [SUBDOMAIN] FOLDER`; prints what it saw as JSON.

It does what its documents say: registers a server, signs in with a key, makes a site and a telescope, uploads a folder
twice, finds and changes records.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from arcsecond import ArcsecondAPI, ArcsecondConfig

COMMAND = Path(sys.executable).with_name("arcsecond")


def run(*arguments: str) -> str:
    """Run the command; an empty line answers its question."""
    done = subprocess.run(
        [str(COMMAND), *arguments], input="\n", capture_output=True, text=True, timeout=200, check=False
    )
    return done.stdout + done.stderr


def got(answer: tuple[Any, Any]) -> Any:
    """Return what a call answered; stop where it failed."""
    found, error = answer
    if error is not None:
        raise SystemExit(f"failed: {error}")
    return found


def main() -> None:
    """Do it."""
    server, user, key, kind, subdomain, folder = sys.argv[1:7]
    name = f"ours{kind}{subdomain}"
    run("api", name, server)
    seen: dict[str, Any] = {"login": run("login", "--api", name, "--username", user, "--type", kind, "--key", key)}
    config = Path(os.environ["HOME"]) / ".config" / "arcsecond" / "config.ini"
    seen["signed_in"] = key in config.read_text()
    portal = ["-p", subdomain] if subdomain else []
    seen["me"] = run("me", "--api", name)
    api = ArcsecondAPI(ArcsecondConfig(api_name=name), **({"subdomain": subdomain} if subdomain else {}))
    telescope = sys.argv[7] if len(sys.argv) > 7 else ""
    if kind == "access":
        place = {"longitude": 12.7, "latitude": 55.9, "height": 40}
        site = got(api.observingsites.create({"name": f"Hven {name}", "coordinates": place}))
        made = got(api.telescopes.create({"name": f"Quadrant {name}", "observing_site": site["uuid"]}))
        telescope = made["uuid"]
        seen["sites"] = [one["name"] for one in got(api.observingsites.list())]
        words = {"name": f"Quadrant {name}", "observing_site": site["uuid"], "alias": "Q"}
        again = got(api.telescopes.upsert("name", words))
        seen["upsert"] = again["uuid"] == telescope and again["alias"] == "Q"
    seen["telescope"] = telescope
    seen["telescopes"] = run("telescopes", "--api", name, *portal)
    upload = ["upload-data", folder, "-d", f"Set {name}", "-t", telescope, *portal, "--api", name]
    seen["first"], seen["second"] = run(*upload), run(*upload)
    seen["listed"] = [one["name"] for one in got(api.datasets.list())]
    made = got(api.datasets.create(name=f"Made {name}", telescope=telescope, tags=["t"]))
    seen["made"] = (made["telescope"], made["tags"], made["data_files_count"])
    if kind == "access":
        same = got(api.datasets.upsert("name", {"name": f"Made {name}", "description": "words"}))
        other = got(api.datasets.upsert("name", {"name": f"Upserted {name}"}))
        seen["upserted"] = (same["uuid"] == made["uuid"], same["description"], other["name"])
        got(api.datasets.delete(other["uuid"]))
    else:
        seen["upserted"] = str(api.datasets.upsert("name", {"name": f"Made {name}", "description": "words"})[1])
    seen["datasets"] = run("datasets", "--api", name, *portal)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
