"""Forms as API calls: the same thing asked with curl, in the words of a dialect."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from hven.imaging.models import Reduction, Run

# Keys that people choose, as against those that steps find.
_ASKED = frozenset({"target", "filter", "gain", "saturation", "cat_name", "cat_limit", "sn", "use_color", "template"})


def server_address(request: HttpRequest) -> str:
    """Return the address under which this client reaches hven, without a slash at its end."""
    return str(settings.HVEN_PUBLIC_URL or request.build_absolute_uri("/")).rstrip("/")


def nova_arguments(config: Mapping[str, Any], visibility: str = "") -> dict[str, Any]:
    """Return hven's keys as the arguments of nova's upload; keys that nova does not know are left out."""
    found: dict[str, Any] = {}
    for unit, low, high in (
        ("arcsecperpix", "scale_low", "scale_high"),
        ("degwidth", "width_low", "width_high"),
    ):
        if low in config or high in config:
            found |= {"scale_units": unit, "scale_type": "ul"}
            found |= {"scale_lower": config[low]} if low in config else {}
            found |= {"scale_upper": config[high]} if high in config else {}
            break
    for name, theirs in (("ra", "center_ra"), ("dec", "center_dec"), ("radius", "radius")):
        if name in config:
            found[theirs] = config[name]
    if "parity" in config:
        # nova's service counts the other way round than its answers do.
        found["parity"] = 0 if config["parity"] == -1 else 1
    if "positional_error" in config:
        found["positional_error"] = config["positional_error"]
    if visibility:
        found["publicly_visible"] = "y" if visibility == "public" else "n"
    return found


def nova_upload(address: str, config: Mapping[str, Any], visibility: str = "", file: str = "frame.fits") -> str:
    """Return the commands that upload a file with these hints."""
    arguments = json.dumps(nova_arguments(config, visibility))[1:-1]
    more = f", {arguments}" if arguments else ""
    return "\n".join(
        (
            "# a key from the page “Keys”; the session lasts a day",
            f"SESSION=$(curl -s {address}/nova/api/login \\",
            """  --data-urlencode 'request-json={"apikey": "'"$HVEN_KEY"'"}' \\""",
            """  | grep -o '"session": "[^"]*' | cut -d'"' -f4)""",
            f"curl {address}/nova/api/upload \\",
            f"""  -F 'request-json={{"session": "'"$SESSION"'"{_quoted(more)}}}' \\""",
            f"  -F {shlex.quote(f'file=@{file}')}",
        )
    )


def nova_results(address: str, run: Run) -> str:
    """Return the commands that ask for what a run found."""
    lines = [f"curl {address}/nova/api/jobs/{run.pk}/info/"]
    if hasattr(run, "solution"):
        lines += [
            f"curl {address}/nova/api/jobs/{run.pk}/annotations/",
            f"curl -O {address}/nova/wcs_file/{run.pk}",
        ]
    return "\n".join(lines)


def stdweb_calls(address: str, reduction: Reduction) -> str:
    """Return the commands that do over STDWeb's API what the page of a reduction does."""
    base, number = f"{address}/stdweb/api", reduction.pk
    asked = {key: value for key, value in reduction.config.items() if key in _ASKED and value not in (None, "")}
    body = json.dumps({"steps": ["inspect", "photometry"], "config": asked})
    return "\n".join(
        (
            "# a key from the page “Keys”, or a token: POST auth/token/ with username and password",
            f"curl -X POST {base}/tasks/{number}/process/ \\",
            """  -H "Authorization: Token $HVEN_KEY" -H 'Content-Type: application/json' \\""",
            f"  -d {shlex.quote(body)}",
            f"""curl -H "Authorization: Token $HVEN_KEY" {base}/tasks/{number}/state/""",
            f"""curl -H "Authorization: Token $HVEN_KEY" {base}/tasks/{number}/files/""",
            f"""curl -H "Authorization: Token $HVEN_KEY" -O {base}/tasks/{number}/files/objects.vot""",
        )
    )


def _quoted(text: str) -> str:
    return text.replace("'", "'\\''")
