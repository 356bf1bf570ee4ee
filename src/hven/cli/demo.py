"""`hven demo`: a frame of the real sky, uploaded over the nova API, solved, and shown on a page."""

from __future__ import annotations

import argparse
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

HELP = "Solve a simulated frame over HTTP and show it on a page"
_USER = "demo"
_START_S, _SOLVE_S = 120.0, 300.0
_TRUTH_SHARE = 0.05  # of the width: further off is a wrong solution


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Starts hven, simulates a frame 12 degrees wide, uploads it through /nova as a client would, prints the"
        " solved position against the truth, and keeps serving the page with the result."
    )
    parser.add_argument("--once", action="store_true", help="stop after the frame is solved")
    parser.add_argument("--image", type=Path, metavar="FILE", help="your own frame instead of a simulated one")
    parser.add_argument("--port", type=int, default=8000, help="(default %(default)s; a free one where it is taken)")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 where the frame was solved, and solved right."""
    from hven.errors import Invalid, Unavailable

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not outlive this process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # who watches through a pipe sees each line as it comes
    if arguments.image is not None and not arguments.image.is_file():
        raise Invalid(f"There is no file {arguments.image}.")
    checkout = Path(__file__).resolve().parents[3]
    data = Path(os.environ.setdefault("HVEN_DATA", str(checkout / "var" / "demo")))
    data.mkdir(parents=True, exist_ok=True)
    port = _free_port(arguments.port)
    base = f"http://127.0.0.1:{port}"
    log = data / "demo.log"
    with log.open("ab") as stream:
        # A session of its own: Ctrl-C reaches this process, which then stops the server in order.
        server = subprocess.Popen(
            [sys.executable, "-m", "hven.cli", "serve", "--host", "127.0.0.1", "--port", str(port)],
            stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    solved = False
    try:
        print(f"Starting hven on {base} (data in {data}, log in {log})")
        if not _wait_until_ready(server, base):
            print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
            raise Unavailable("hven did not start; the end of its log stands above.")
        solved = _show(base, data, arguments.image)
        if not arguments.once:
            print("\nServing. Ctrl-C stops.", flush=True)
            server.wait()
    except KeyboardInterrupt:
        print()
    finally:
        _stop(server)
    return 0 if solved else 1


def _show(base: str, data: Path, image: Path | None) -> bool:
    from hven.cli.support import set_up_django

    set_up_django()
    secret, password = _account()
    truth: dict[str, Any] | None = None
    if image is None:
        image, truth = _simulated(data)
        print(f"Simulated {image.name}: 12 degrees around {truth['ra']:.3f} {truth['dec']:+.3f}")
    session = _call(f"{base}/nova/api/login", {"apikey": secret})["session"]
    began = time.monotonic()
    words = {"session": session, "publicly_visible": "y", "allow_modifications": "d", "allow_commercial_use": "d"}
    number = _call(f"{base}/nova/api/upload", words, image)["subid"]
    job, status = _wait_until_solved(base, number)
    seconds = time.monotonic() - began
    page = _page(base, job)
    if status != "success":
        print(f"No solution after {seconds:.1f} s. {_reason(job)}\nPage  {page}")
        return False
    right = _compare(_get(f"{base}/nova/api/jobs/{job}/calibration"), truth)
    objects = _get(f"{base}/nova/api/jobs/{job}/objects_in_field")["objects_in_field"]
    print(f"Objects    {', '.join(objects[:12]) or 'none'}{' ...' if len(objects) > 12 else ''}")
    print(f"Time       {seconds:.2f} s from upload to solved")
    print(f"Page       {page}")
    print(f"Sign in    {base}/sign-in/  as {_USER} with the password {password}")
    return right


def _compare(found: dict[str, float], truth: dict[str, Any] | None) -> bool:
    """Print the solution, beside the truth where it is known; say whether they agree."""
    from hven.science.sky.sphere import separation

    rows = [("Centre", f"{found['ra']:.5f} {found['dec']:+.5f} deg"), ("Scale", f"{found['pixscale']:.4f} arcsec/px"),
            ("Up is", f"{found['orientation']:.3f} deg E of N")]  # fmt: skip
    if truth is None:
        for name, solved in rows:
            print(f"{name:<10} {solved}")
        return True
    true = (f"{truth['ra']:.5f} {truth['dec']:+.5f} deg", f"{truth['scale_arcsec']:.4f} arcsec/px",
            f"{truth['orientation_deg']:.3f} deg E of N")  # fmt: skip
    print(f"{'':<10} {'solved':<30} truth")
    for (name, solved), known in zip(rows, true, strict=True):
        print(f"{name:<10} {solved:<30} {known}")
    off = float(separation(found["ra"], found["dec"], truth["ra"], truth["dec"]))
    print(f"Off by     {off * 3600:.2f} arcsec = {off * 3600 / truth['scale_arcsec']:.3f} pixels")
    return bool(off < _TRUTH_SHARE * truth["width_deg"])


def _simulated(data: Path) -> tuple[Path, dict[str, Any]]:
    from hven.cli.support import progress_line
    from hven.imaging.services.solver_data import opened, solver_data
    from hven.science.simulate.exposure import simulate
    from hven.science.simulate.spec import Spec
    from hven.science.simulate.write import write_exposure

    if not opened().is_complete:
        print("Building the star tables, once; this takes about a minute", flush=True)
    # The server has begun with them, so this waits for it, or does what is left.
    reference = solver_data(progress_line).reference
    path = data / "cygnus.fits"
    spec = Spec(ra=308.0, dec=42.0, width_deg=12.0, width=2048, height=1536, orientation_deg=20.0, seed=1577)
    return path, json.loads(write_exposure(simulate(spec, reference), path).read_text())


def _account() -> tuple[str, str]:
    """Return an API key of the demo's user, and a new password."""
    from hven.accounts import services as accounts
    from hven.accounts.models import User

    password = secrets.token_urlsafe(12)
    user = User.objects.filter(username=_USER).first()
    if user is None:
        user = accounts.create_user(_USER, password)
    else:
        accounts.change_password(user, password)
    for key in accounts.list_keys(user).filter(name="demo"):
        accounts.revoke_key(user, key.uuid)
    return accounts.make_key(user, "api", "demo").secret, password


def _page(base: str, job: int) -> str:
    from django.urls import reverse

    from hven.imaging.models import Run

    reduction = Run.objects.select_related("reduction").get(pk=job).reduction
    return base + reverse("frame", args=[reduction.uuid])


def _reason(job: int) -> str:
    from hven.imaging.models import Run

    return Run.objects.select_related("job").get(pk=job).why


def _wait_until_ready(server: subprocess.Popen[bytes], base: str) -> bool:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _wait_until_solved(base: str, number: int) -> tuple[int, str]:
    from hven.errors import Unavailable

    end = time.monotonic() + _SOLVE_S
    while time.monotonic() < end:
        jobs = [job for job in _get(f"{base}/nova/api/submissions/{number}")["jobs"] if job]
        if jobs:
            status = _get(f"{base}/nova/api/jobs/{jobs[0]}")["status"]
            if status in {"success", "failure"}:
                return jobs[0], status
        time.sleep(0.05)
    raise Unavailable(f"The frame was not solved within {_SOLVE_S:.0f} s; {base}/queue/ shows what hven does.")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def _call(url: str, words: dict[str, Any], file: Path | None = None) -> Any:
    from hven.errors import Invalid

    text = json.dumps(words)
    if file is None:
        request = urllib.request.Request(url, urllib.parse.urlencode({"request-json": text}).encode())
    else:
        mark = uuid.uuid4().hex
        name = file.name.replace('"', "_")
        body = (
            f'--{mark}\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{text}\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
        request = urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={mark}"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        found = json.load(answer)
    if found.get("status") != "success":
        raise Invalid(f"hven did not take it: {found.get('errormessage')}")
    return found


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    return wanted


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
