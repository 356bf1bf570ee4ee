"""A server of large files on loopback: ranges, conditions, and every fault that a real one shows."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Mirror:
    """Files by path; `faults` are used up, one a request."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # path, Range, If-Range
    ranges: bool = True
    validators: bool = True
    url: str = ""

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path, wanted = handler.path, handler.headers.get("Range", "")
        condition = handler.headers.get("If-Range", "")
        self.asked.append((path, wanted, condition))
        fault = self.faults.pop(0) if self.faults else ""
        if re.fullmatch(r"\d{3}", fault):
            return self._send(handler, int(fault), b"sorry")
        if fault.startswith("to "):
            return self._send(handler, 302, b"", Location=fault[3:])
        body = self.files.get(path)
        if body is None:
            return self._send(handler, 404, b"no such file")
        etag = self.etags.get(path, '"1"')
        headers = {"ETag": etag} if self.validators else {}
        found = re.fullmatch(r"bytes=(\d+)-", wanted)
        if found and self.ranges and condition in {"", etag}:
            start = int(found[1])
            if start >= len(body):
                return self._send(handler, 416, b"", Content_Range=f"bytes */{len(body)}", **headers)
            if fault == "wrong part":
                start = max(start - 7, 0)
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            return self._send(handler, 206, body[start:], fault=fault, **headers)
        return self._send(handler, 200, body, fault=fault, **headers)

    def _send(self, handler, status: int, body: bytes, fault: str = "", **headers: str) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        length = len(body)
        if fault == "longer":
            length += 1000
        if fault == "shorter":
            length = len(body) // 2
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if fault == "break off" else body)
        if fault:
            handler.close_connection = True


@contextmanager
def serving(mirror: Mirror) -> Iterator[Mirror]:
    """Serve a mirror on a free port of loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            mirror.answer(self)

        def log_message(self, *_args) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.handle_error = lambda *_: None  # a client that hangs up is what many tests are about
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    mirror.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield mirror
    finally:
        httpd.shutdown()
        httpd.server_close()
