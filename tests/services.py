"""A public service on loopback: answers by the path's beginning, with what was asked kept for the test."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

Answer = bytes | str | int
Route = Answer | Callable[[str, dict[str, str]], Answer]  # of the path and the parameters; a number is a status


@dataclass
class Service:
    """Routes by the path's beginning, the longest first; all else is 404."""

    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        path, parameters = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        self.asked.append((path, parameters))
        for beginning in sorted(self.routes, key=len, reverse=True):
            if path.startswith(beginning):
                route = self.routes[beginning]
                found = route(path, parameters) if callable(route) else route
                if isinstance(found, int):
                    return found, b"sorry"
                return 200, found.encode() if isinstance(found, str) else found
        return 404, b"no such thing"


@contextmanager
def serving(routes: dict[str, Route]) -> Iterator[Service]:
    """Serve routes on a free port of loopback."""
    service = Service(routes)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = service.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.handle_error = lambda *_: None
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    service.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield service
    finally:
        httpd.shutdown()
        httpd.server_close()


def vizier_answer(fields: dict[str, str], rows: list[tuple[object, ...]], table: str = "II/349/ps1") -> str:
    """Return a VOTable as VizieR's viz-bin/votable sends it: `fields` are names and types, None is an empty cell."""
    heads = "".join(f'<FIELD name="{name}" datatype="{kind}" width="9" unit="mag"/>' for name, kind in fields.items())
    cells = "".join(
        "<TR>" + "".join(f"<TD>{'' if cell is None else cell}</TD>" for cell in row) + "</TR>\n" for row in rows
    )
    data = f"<DATA><TABLEDATA>{cells}</TABLEDATA></DATA>"
    body = f'<TABLE ID="t" name="{table}"><DESCRIPTION>x</DESCRIPTION>{heads}{data}</TABLE>' if rows else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<VOTABLE version="1.4" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        '<INFO ID="VERSION" name="votable-version" value="1.99+ (14-Oct-2013)"/>\n'
        f'<RESOURCE ID="r" name="r"><INFO name="QUERY_STATUS" value="OK"/>{body}</RESOURCE>\n</VOTABLE>\n'
    )
