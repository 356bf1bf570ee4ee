"""Fetching: what comes is whole, what must not be reached is not, what hangs is given up."""

from __future__ import annotations

import gzip
import http.server
import socket
import threading
import time
from urllib.parse import quote, unquote

import pytest
import urllib3

from hven.errors import Forbidden, Invalid, NotFound, TooLarge, Unavailable
from hven.outside import connection as module
from hven.outside.fetch import fetch

BODY = bytes(range(256)) * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """A server that behaves as its path says."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]] = []

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.seen.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
        path, _, query = self.path.partition("?")
        getattr(self, "do_" + path.strip("/").split("/")[0], self.do_file)(query)

    def answer(self, status=200, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_file(self, _query):
        self.answer(body=BODY, Content_Type="application/fits")

    def do_named(self, query):
        self.answer(body=BODY, Content_Disposition=f"attachment; filename={unquote(query)}")

    def do_to(self, query):
        self.answer(302, Location=query)

    def do_nowhere(self, _query):
        self.answer(302)

    def do_loop(self, query):
        self.answer(302, Location=f"/loop?{int(query or 0) + 1}")

    def do_status(self, query):
        self.answer(int(query), b"sorry")

    def do_short(self, _query):
        self.answer(body=BODY[:100], Content_Length="200")
        self.close_connection = True

    def do_huge(self, _query):
        self.answer(body=b"", Content_Length=str(10**12))
        self.close_connection = True

    def do_endless(self, _query):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass

    def do_trickle(self, _query):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            for _ in range(400):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def do_gzip(self, _query):
        self.answer(body=gzip.compress(BODY), Content_Encoding="gzip")

    def do_garbage(self, _query):
        self.wfile.write(b"this is not HTTP at all\r\n\r\n")
        self.close_connection = True


@pytest.fixture
def server():
    Handler.seen = []
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def get(tmp_path):
    """Fetch from loopback, into a file that must be gone when it fails."""

    def run(url, limit=10**6, time_limit_s=10.0, allow_private=True, **kwargs):
        target = tmp_path / "got"
        try:
            return fetch(url, target, limit=limit, time_limit_s=time_limit_s, allow_private=allow_private, **kwargs)
        except BaseException:
            assert not target.exists()
            raise

    return run


def test_file_arrives_whole_with_name_and_type(server, get):
    told = []
    got = get(f"{server}/night%201/m31.fits?x=1", progress=lambda fraction, words: told.append(fraction))
    assert got.path.read_bytes() == BODY
    assert (got.size, got.name, got.content_type) == (len(BODY), "m31.fits", "application/fits")
    assert told[-1] == 1.0


def test_request_carries_no_credentials_and_asks_for_no_encoding(server, get, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    get(f"{server}/a")
    [seen] = Handler.seen
    assert "authorization" not in seen
    assert "cookie" not in seen
    assert seen["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('"m 31.fits"', "m 31.fits"),
        ("../../etc/passwd", "passwd"),
        (r'"..\\..\\evil.fits"', "evil.fits"),
        ("..", ""),
        ("x" * 400, "x" * 200),
    ],
)
def test_name_is_a_bare_file_name(server, get, given, name):
    assert get(f"{server}/named?{quote(given)}").name == name


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x", "file:///etc/passwd", "gopher://127.0.0.1/", "javascript:1", "", "http://", "http:///x",
        "//example.org/x", "http://user:pw@example.org/", "http://user@example.org/", "http://a b/",
        "http://x/\r\nHost: y",
        "http://[::1", "http://x:99999/", "http://x:port/", "http://" + "a" * 9000, "http://\u0000/", "http://..../",
    ],
)  # fmt: skip
def test_addresses_that_are_no_web_addresses_are_refused(get, url):
    with pytest.raises((Invalid, NotFound)):
        get(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",  # noqa: S104 - it is refused
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::]",
    ],
)
def test_own_machine_is_refused_however_it_is_written(server, get, host):
    port = server.rpartition(":")[2]
    with pytest.raises((Forbidden, NotFound)):
        get(f"http://{host}:{port}/", allow_private=False)
    assert Handler.seen == []


def test_metadata_service_and_private_networks_are_refused(get):
    for host in ("169.254.169.254", "10.0.0.1", "192.168.0.1", "[fd00::1]", "[64:ff9b::7f00:1]"):
        with pytest.raises(Forbidden):
            get(f"http://{host}/", allow_private=False)


def public_names(monkeypatch, server, names):
    """Let names resolve to what is listed for them, one list a question; and connect to the local server instead."""
    port = int(server.rpartition(":")[2])
    asked, connected = [], []

    def resolve(host, _port, *args, **kwargs):
        if host == "127.0.0.1":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(host)
        answers = names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    real = urllib3.util.connection.create_connection

    def connect(address, *args, **kwargs):
        connected.append(address[0])
        return real(("127.0.0.1", port), *args, **kwargs)

    monkeypatch.setattr(module.socket, "getaddrinfo", resolve)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    return asked, connected


def test_connection_goes_to_the_vetted_address_and_the_name_is_asked_once(server, get, monkeypatch):
    asked, connected = public_names(monkeypatch, server, {"stars.example": [["93.184.216.34"], ["127.0.0.1"]]})
    get("http://stars.example/x", allow_private=False)
    assert asked == ["stars.example"]
    assert connected == ["93.184.216.34"]
    assert Handler.seen[0]["host"] == "stars.example"


def test_one_private_address_among_public_ones_is_enough_to_refuse(server, get, monkeypatch):
    public_names(monkeypatch, server, {"mixed.example": [["93.184.216.34", "10.0.0.1"]]})
    with pytest.raises(Forbidden):
        get("http://mixed.example/x", allow_private=False)


def test_redirect_to_an_inner_address_is_refused(server, get, monkeypatch):
    names = {"stars.example": [["93.184.216.34"]], "inner.example": [["127.0.0.1"]]}
    _, connected = public_names(monkeypatch, server, names)
    for place in (
        "http://inner.example/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "http://u:p@stars.example/",
    ):
        real = module.socket.getaddrinfo
        monkeypatch.setattr(
            module.socket,
            "getaddrinfo",
            lambda host, port, *a, real=real, **k: (
                real(host, port) if host.endswith("example") else [(socket.AF_INET, 1, 6, "", (host, port))]
            ),
        )
        with pytest.raises((Forbidden, Invalid)):
            get(f"http://stars.example/to?{place}", allow_private=False)
    assert set(connected) == {"93.184.216.34"}


def test_redirects_are_followed_five_times_and_no_more(server, get):
    with pytest.raises(Invalid, match="redirects"):
        get(f"{server}/loop")
    assert len(Handler.seen) == 6
    with pytest.raises(Invalid):
        get(f"{server}/nowhere")
    assert get(f"{server}/to?/to?/to?/to?/to?/file").size == len(BODY)


@pytest.mark.parametrize("path", ["huge", "endless"])
def test_too_large_is_refused_by_announcement_and_by_count(server, get, path):
    with pytest.raises(TooLarge):
        get(f"{server}/{path}", limit=300_000)


def test_limit_itself_is_allowed(server, get):
    assert get(f"{server}/x", limit=len(BODY)).size == len(BODY)


def test_cut_off_and_garbled_answers_leave_nothing(server, get):
    for path in ("short", "garbage"):
        with pytest.raises((Unavailable, Invalid)):
            get(f"{server}/{path}")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound),
        (403, NotFound),
        (410, NotFound),
        (500, Unavailable),
        (429, Unavailable),
        (204, Invalid),
        (300, Invalid),
    ],
)
def test_status_decides_whether_trying_again_helps(server, get, status, error):
    with pytest.raises(error):
        get(f"{server}/status?{status}")


def test_unasked_encoding_is_refused_rather_than_unpacked(server, get):
    with pytest.raises(Invalid):
        get(f"{server}/gzip")


def test_trickling_server_is_given_up_when_the_time_is_over(server, get):
    begun = time.monotonic()
    with pytest.raises(Unavailable, match=r"long|time"):
        get(f"{server}/trickle", time_limit_s=1.0)
    assert time.monotonic() - begun < 15.0  # the server would go on for 20 s


def test_silent_server_and_closed_port_are_unavailable(get):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable):
            get(f"http://127.0.0.1:{port}/")
        silent.listen()
        with pytest.raises(Unavailable):
            get(f"http://127.0.0.1:{port}/", time_limit_s=0.5)


def test_unknown_name_is_not_found(get):
    with pytest.raises((NotFound, Unavailable)):
        get("http://no-such-server.invalid/x")
