"""The dialect over a real connection: what a test client cannot do to a server."""

from __future__ import annotations

import json
import socket
import time
import urllib.parse
import urllib.request
from typing import Any
from urllib.parse import urlsplit


def _call(server: Any, path: str, words: dict[str, Any]) -> dict[str, Any]:
    body = urllib.parse.urlencode({"request-json": json.dumps(words)}).encode()
    with urllib.request.urlopen(f"{server.url}/nova/api/{path}", body, timeout=30) as answer:
        return json.load(answer)


def test_an_upload_that_breaks_off_leaves_nothing_and_hurts_nobody(live_server_with_workers: Any) -> None:
    server = live_server_with_workers
    session = _call(server, "login", {"apikey": server.api_key})["session"]
    before = _call(server, "upload", {"session": session, "x": [1, 2, 3], "y": [1, 2, 3]})["subid"]
    place = urlsplit(server.url)
    head = (
        f'--m\r\nContent-Disposition: form-data; name="request-json"\r\n\r\n{json.dumps({"session": session})}\r\n'
        '--m\r\nContent-Disposition: form-data; name="file"; filename="a.fits"\r\n\r\n'
    )
    for _ in range(5):
        with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
            connection.sendall(
                f"POST /nova/api/upload HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 50000000\r\n"
                f"Content-Type: multipart/form-data; boundary=m\r\n\r\n{head}".encode()
            )
            connection.sendall(bytes(200_000))
    after = _call(server, "upload", {"session": session, "x": [1, 2, 3], "y": [1, 2, 3]})["subid"]
    assert after == before + 1
    # Pieces of broken uploads are dropped when their connection is found dead.
    forms = server.data / "incoming" / "forms"
    end = time.monotonic() + 20
    while any(forms.iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not list(forms.iterdir())
    assert "Traceback" not in server.log()


def test_a_frame_by_address_is_fetched_solved_and_named(live_server_with_workers: Any, wide_frame: Any) -> None:
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: Any) -> None:
            pass

    server = live_server_with_workers
    handler = functools.partial(Quiet, directory=str(wide_frame.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as source:
        threading.Thread(target=source.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{source.server_address[1]}"
        session = _call(server, "login", {"apikey": server.api_key})["session"]
        good = _finished(server, _call(server, "url_upload", {"session": session, "url": f"{base}/wide.fits?x=1"}))
        absent = _finished(server, _call(server, "url_upload", {"session": session, "url": f"{base}/none.fits"}))
        source.shutdown()
    assert good[1] == "success"
    assert _get(server, f"jobs/{good[0]['jobs'][0]}/info")["original_filename"] == "wide.fits"
    assert "error_message" not in good[0]
    assert absent[1] == "failure"
    assert "404" in absent[0]["error_message"]


def _get(server: Any, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}/nova/api/{path}", timeout=30) as answer:
        return json.load(answer)


def _finished(server: Any, accepted: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Poll as clients do, until the job has ended."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        submission = _get(server, f"submissions/{accepted['subid']}")
        status = _get(server, f"jobs/{submission['jobs'][0]}")["status"]
        if status in {"success", "failure"}:
            return _get(server, f"submissions/{accepted['subid']}"), status
        time.sleep(0.05)
    raise AssertionError("the job did not end")
