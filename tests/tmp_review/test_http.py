from __future__ import annotations
import io, json, os, struct, traceback
import numpy as np, pytest
from astropy.io import fits
from tests.dialects.stdweb.conftest import *  # noqa
from tests.dialects.stdweb.conftest import Caller, run_jobs, frame
OUT = open("/tmp/review_http.txt", "a")
def say(*a):
    print(*a, file=OUT, flush=True)
def req(c, method, path, data=None, kind="application/json", raw=None, headers=None):
    try:
        h = dict(c.headers) | (headers or {})
        args = {"headers": h}
        if raw is not None:
            a = c.http.generic(method, f"/stdweb/api/{path}", raw, content_type=kind, headers=h)
        elif kind == "form":
            a = getattr(c.http, method.lower())(f"/stdweb/api/{path}", data or {}, headers=h)
        elif method == "GET":
            a = c.http.get(f"/stdweb/api/{path}", data or {}, headers=h)
        else:
            a = getattr(c.http, method.lower())(f"/stdweb/api/{path}", json.dumps(data), content_type=kind, headers=h)
        body = b"".join(a.streaming_content) if a.streaming else a.content
        return a.status_code, a.headers.get("Content-Type", ""), body[:160]
    except Exception as e:
        tb = traceback.extract_tb(e.__traceback__)
        return "EXC", type(e).__name__, str(e)[:200], [f"{f.filename.split('/')[-1]}:{f.lineno}" for f in tb[-4:]]

def test_misc(tycho, sophie, staff, settings):
    n = tycho.create()["id"]
    say("== misc")
    for label, args in {
        "surrogate config patch": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{"a":"\\ud800"}}'),
        "get after": ("GET", f"tasks/{n}/"),
        "surrogate key": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{"\\udfff":1}}'),
        "get after2": ("GET", f"tasks/{n}/"),
        "reset": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{}}'),
        "surrogate step": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["\\ud800"]}'),
        "surrogate title": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"title":"\\ud800"}'),
        "surrogate group": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"groups":["\\ud800"]}'),
        "nul group": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"groups":["a\\u0000b"]}'),
        "surrogate user": ("POST", "auth/token/", None, "application/json", b'{"username":"\\ud800","password":"x"}'),
        "nul user": ("POST", "auth/token/", None, "application/json", b'{"username":"a\\u0000","password":"x"}'),
        "surrogate pw": ("POST", "auth/token/", None, "application/json", b'{"username":"tycho","password":"\\ud800"}'),
        "surrogate local_file": ("POST", "tasks/", None, "application/json", b'{"local_file":"\\ud800"}'),
        "nul local_file": ("POST", "tasks/", None, "application/json", b'{"local_file":"a\\u0000b"}'),
        "long local_file": ("POST", "tasks/", None, "application/json", json.dumps({"local_file": "a" * 900}).encode()),
        "deep json": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":' + b"[" * 200000 + b"]" * 200000 + b"}"),
        "deep json process": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["inspect"],"config":' + b'{"a":' * 100000 + b"1" + b"}" * 100000 + b"}"),
        "deep json 900": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"),
        "get after deep": ("GET", f"tasks/{n}/"),
        "reset2": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{}}'),
        "list body": ("PATCH", f"tasks/{n}/", None, "application/json", b'[1,2]'),
        "null body": ("PATCH", f"tasks/{n}/", None, "application/json", b'null'),
        "str body": ("POST", f"tasks/", None, "application/json", b'"x"'),
        "str body crop": ("POST", f"tasks/{n}/crop/", None, "application/json", b'"x"'),
        "str body destripe": ("POST", f"tasks/{n}/destripe/", None, "application/json", b'[]'),
        "str token": ("POST", f"auth/token/", None, "application/json", b'[]'),
        "process list": ("POST", f"tasks/{n}/process/", None, "application/json", b'[]'),
        "process empty": ("POST", f"tasks/{n}/process/", None, "application/json", b''),
        "bad json": ("POST", f"tasks/{n}/process/", None, "application/json", b'{'),
        "bad utf8": ("POST", f"tasks/{n}/process/", None, "application/json", b'\xff\xfe{}'),
        "config list": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["inspect"],"config":[1]}'),
        "config str bad": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["inspect"],"config":"{x"}'),
        "config int": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["inspect"],"config":0}'),
        "config false": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["inspect"],"config":false}'),
        "steps dict": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":{"inspect":1}}'),
        "steps nested": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":[["inspect"]]}'),
        "steps transients": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["transients"]}'),
        "steps solve": ("POST", f"tasks/{n}/process/", None, "application/json", b'{"steps":["solve"]}'),
        "inf config": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{"a":1e999}}'),
        "nan config": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{"a":NaN}}'),
        "bigint": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{"gain":' + b"9" * 4000 + b"}}"),
        "bigint5000": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{"gain":' + b"9" * 5000 + b"}}"),
        "get bigint": ("GET", f"tasks/{n}/"),
        "reset3": ("PATCH", f"tasks/{n}/", None, "application/json", b'{"config":{}}'),
        "literal minus": ("PATCH", f"tasks/{n}/", None, "application/json", json.dumps({"config": "{'a':" + "-" * 90000 + "1}"}).encode()),
        "literal bigint": ("PATCH", f"tasks/{n}/", None, "application/json", json.dumps({"config": "{'a':" + "0x" + "f" * 90000 + "}"}).encode()),
        "config surrogate literal": ("PATCH", f"tasks/{n}/", None, "application/json", json.dumps({"config": "{'a': '\\ud800'}"}).encode()),
        "get": ("GET", f"tasks/{n}/"),
        "PUT": ("PUT", f"tasks/{n}/", {}), "PUT list": ("PUT", "tasks/", {}),
        "nonint": ("GET", "tasks/abc/"), "huge": ("GET", "tasks/999999999999999999/"), "20digits": ("GET", "tasks/99999999999999999999/"),
        "neg": ("GET", "tasks/-1/"), "arabic": ("GET", "tasks/%D9%A1/"),
        "json upload": ("POST", f"tasks/{n}/files/a.fits", {"file": "x"}),
        "no file": ("POST", f"tasks/{n}/files/a.fits", {"x": "x"}, "form"),
        "ref bad": ("GET", "reference/foo/"), "preset bad": ("GET", "presets/77/"),
        "queue bad": ("GET", "queue/notauuid/"), "queue nul": ("GET", "queue/%00/"), "queue term": ("POST", "queue/notauuid/terminate/"),
        "limit 0": ("GET", "tasks/?limit=0"), "limit neg": ("GET", "tasks/?limit=-3&offset=-5"), "limit huge": ("GET", "tasks/?limit=99999999999999999999&offset=99999999999999999999"),
        "offset huge": ("GET", "tasks/?limit=5&offset=99999999999999999999"),
        "limit unicode": ("GET", "tasks/?limit=%D9%A3"),
        "query nul": ("GET", "tasks/?query=%00a&state=%00&user=%00"),
        "like": ("GET", "tasks/?query=%25%5C_"),
        "query many": ("GET", "tasks/?query=" + "+".join("abcdefghijklmnopqrstuvwx")),
        "crop no": ("POST", f"tasks/{n}/crop/", {"x1": 100, "x2": 10}),
        "crop big": ("POST", f"tasks/{n}/crop/", {"x1": 10**7}),
        "crop float": ("POST", f"tasks/{n}/crop/", {"x1": 1.5}),
        "crop text": ("POST", f"tasks/{n}/crop/", {"x1": "a"}),
        "crop 1px": ("POST", f"tasks/{n}/crop/", {"x1": 5, "x2": 6, "y1": 5, "y2": 6}),
        "destripe 1px": ("POST", f"tasks/{n}/destripe/", {"direction": "both"}),
        "diag": ("POST", f"tasks/{n}/destripe/", {"direction": "diag"}),
        "fix": ("POST", f"tasks/{n}/fix/", None),
        "ext str": ("POST", "tasks/", {"local_file": "x", "ext": "a"}),
        "both": ("POST", "tasks/", {"local_file": "x", "ext": 1, "preset": "zz"}),
        "ext only": ("POST", "tasks/", {"ext": 1, "original_name": "x"}),
        "none": ("POST", "tasks/", {}), "name only": ("POST", "tasks/", {"original_name": "x", "title": "t"}),
        "groups str": ("POST", "tasks/", {"original_name": "x", "groups": "nope"}),
        "groups dict": ("POST", "tasks/", {"original_name": "x", "groups": {"a": 1}}),
        "groups null": ("POST", "tasks/", {"original_name": "x", "groups": None}),
        "preset huge": ("POST", "tasks/", {"original_name": "x", "preset": 10**30}),
        "preset bool": ("POST", "tasks/", {"original_name": "x", "preset": True}),
        "preset null": ("POST", "tasks/", {"original_name": "x", "preset": None}),
        "config null": ("POST", "tasks/", {"original_name": "x", "config": None}),
        "config empty str": ("POST", "tasks/", {"original_name": "x", "config": ""}, "form"),
        "name long": ("POST", "tasks/", {"original_name": "x" * 251}),
        "name weird": ("POST", "tasks/", {"original_name": "../../etc/passwd\n<script>"}),
    }.items():
        r = req(tycho, *args)
        say(label, "->", r)

def test_files(tycho, sophie, settings, tmp_path):
    say("== files")
    n = tycho.create()["id"]
    from urllib.parse import quote
    for p in ["../x", "a/../b", "%2e%2e/x", "a%00b", "a%5Cb", "%2Fetc%2Fpasswd", "/etc/passwd", "a//b", "./a", "a/./b", "x" * 201, "a%0Ab", "a/", ".hidden", "a.fits/b", "\u202e.fits", "%ED%A0%80", "image.fits/x", "preview/a", "state", "inspect.log"]:
        from django.core.files.uploadedfile import SimpleUploadedFile
        r = req(tycho, "POST", f"tasks/{n}/files/{p}", {"file": SimpleUploadedFile("x", b"abc")}, "form")
        g = req(tycho, "GET", f"tasks/{n}/files/{p}")
        d = req(tycho, "GET", f"tasks/{n}/preview/{p}")
        say(p[:30], "POST", r[0], r[2], "GET", g[0], g[2][:60], "PREV", d[0], d[2][:80])
    say(tycho.get(f"tasks/{n}/files/"))
    say("dir get", req(tycho, "GET", f"tasks/{n}/files/a"), req(tycho, "GET", f"tasks/{n}/files/a/"))
    say("del dir", req(tycho, "DELETE", f"tasks/{n}/files/a"), req(tycho, "DELETE", f"tasks/{n}/files/a"), req(tycho, "DELETE", f"tasks/{n}/files/../"), req(tycho, "DELETE", f"tasks/{n}/files/%00"))
    say("ct html", )
    tycho.put(n, "evil.html", b"<script>alert(1)</script>"); tycho.put(n, "evil.svg", b"<svg/>")
    for p in ("evil.html", "evil.svg"):
        a = tycho.raw(f"tasks/{n}/files/{p}"); say(p, dict(a.headers))
    # preview params
    for q in ["width=0", "width=-5", "width=1e8", "width=nan", "width=99999", "quality=0", "quality=-1", "quality=1000", "format=gif", "stretch=foo", "cmap=nope", "cmap=__class__", "cmap=", "qmin=99&qmax=1", "qmin=-5", "qmax=200", "qmin=50&qmax=50", "r0=1e8", "r0=-1", "r0=1000", "r0=500&width=20000", "ext=5", "ext=-7", "ext=1e30", "ext=0.5", "ext=abc", "stretch=log", "stretch=sqrt", "stretch=asinh", "format=PNG", "stretch=LINEAR", "qmin=abc", "width=1", "cmap=viridis_r", "cmap=" + "a" * 5000]:
        r = req(tycho, "GET", f"tasks/{n}/preview/image.fits?{q}"); say("preview", q[:40], r[0], r[1], r[2] if r[0] != 200 else len(r[2]), r[3:] )
    # odd files as previews / cutouts
    def f(data, **k):
        b = io.BytesIO(); fits.PrimaryHDU(data).writeto(b); return b.getvalue()
    odd = {"z1xn.fits": f(np.zeros((1, 500), np.float32)), "nan.fits": f(np.full((30, 30), np.nan, np.float32)), "one.fits": f(np.ones((1, 1), np.float32)),
      "cube.fits": f(np.zeros((3, 10, 10), np.float32)), "i1.fits": f(np.zeros(10, np.float32)), "nohdu.fits": f(None), "tall.fits": f(np.zeros((20000, 1), np.float32)), "inf.fits": f(np.full((9, 9), np.inf)),
      "trunc.fits": f(np.ones((100, 100)))[:5000], "garb.fits": b"SIMPLE  =                    T" + os.urandom(5000), "empty.fits": b"", "g.cutout": b"abc", "t.parquet": b"PAR1abcPAR1", "t.vot": b"<x/>"}
    for name, c in odd.items():
        tycho.put(n, name, c)
        say(name, "PREV", [req(tycho, "GET", f"tasks/{n}/preview/{name}{q}")[:3] for q in ("", "?width=4000&format=png")], "CUT", req(tycho, "GET", f"tasks/{n}/cutout/{name}")[:4])
    say("parquet vot", req(tycho, "GET", f"tasks/{n}/files/u.vot"))
    tycho.put(n, "u.parquet", b"PAR1abcPAR1"); say(req(tycho, "GET", f"tasks/{n}/files/u.vot"))
    # custom mask of another size and preview
    for nm, c in {"size": f(np.ones((10, 10), np.int16)), "garbage": b"abc", "all": f(np.ones((60, 80), np.int16)), "nan": f(np.full((60, 80), np.nan))}.items():
        tycho.put(n, "custom_mask.fits", c)
        say("mask", nm, req(tycho, "GET", f"tasks/{n}/preview/image.fits")[:4])
    # bogus cutouts
    def cut(planes, cards=()):
        h = fits.PrimaryHDU()
        for k, v in cards: h.header[k] = v
        b = io.BytesIO(); fits.HDUList([h] + [fits.ImageHDU(d, name=nm) for nm, d in planes]).writeto(b); return b.getvalue()
    for nm, c in {"nan": cut([("IMAGE", np.full((5, 5), np.nan, np.float32))]), "zero": cut([("IMAGE", np.zeros((0, 5), np.float32))]) if 0 else cut([("IMAGE", np.zeros((1, 1), np.float32))]),
                  "diff sizes": cut([("IMAGE", np.ones((5, 5), np.float32)), ("DIFF", np.ones((50, 9), np.float64))]), "thin": cut([("IMAGE", np.ones((1, 30000), np.uint8))]),
                  "inf": cut([("IMAGE", np.full((5, 5), np.inf, np.float32)), ("MASK", np.full((5, 5), -1, np.int64))]), "cards": cut([("IMAGE", np.ones((5, 5), np.float32))], [("X", "abc"), ("RA", "zz"), ("CRVAL1", "x"), ("NAME", 5), ("MAG_CALI", "x")])}.items():
        tycho.put(n, f"{nm}.cutout", c)
        for q in ("", "?width=0", "?width=100000", "?width=3&format=png", "?quality=-4"):
            r = req(tycho, "GET", f"tasks/{n}/cutout/{nm}.cutout{q}"); say("cutout", nm, q, r[0], r[1], r[2] if r[0] != 200 else "", r[3:])

def test_local(tycho, settings, tmp_path):
    say("== local")
    root = tmp_path / "loc"; root.mkdir(); settings.HVEN_LOCAL_FILES = root
    (root / "a.fits").write_bytes(frame()); (root / ".secret").write_text("s"); (root / "sub").mkdir(); (root / "sub" / "preview").mkdir(); (root / "sub/preview/b.txt").write_text("b")
    (root / "loop1").symlink_to(root / "loop2"); (root / "loop2").symlink_to(root / "loop1")
    (root / "out").symlink_to("/etc"); (root / "outf").symlink_to("/etc/passwd")
    os.mkfifo(root / "fifo")
    for p in ["", "a.fits", "a.fits/preview/", "a.fits/preview", "out", "out/passwd", "outf", "outf/preview/", "loop1", "loop1/x", "fifo", "fifo/preview/", "..", "../..", "sub/../../x", "%2e%2e/", "nope", "x" * 300, "%00", ".secret", "sub/preview", "sub", "sub/", "a.fits/x", "/etc/passwd", str(root) + "/a.fits"]:
        say("local", p[:40], req(tycho, "GET", f"files/{p}")[:4])
    say("create", [req(tycho, "POST", "tasks/", {"local_file": p, **({"ext": e} if e is not None else {})})[:4] for p, e in [("a.fits", 0), ("a.fits", 5), ("outf", None), ("loop1", None), ("fifo", None), ("../x", None), ("/etc/passwd", None), (str(root / "a.fits"), None), ("sub", None), (".secret", None), ("a.fits", -1)]])
    os.unlink(root / "loop1"); os.unlink(root / "loop2")
    with open(os.fsencode(root) + b"/bad\xff.fits", "wb") as fh: fh.write(b"x")
    say("badname list", req(tycho, "GET", "files/"))
    say("badname get", req(tycho, "GET", "files/bad%FF.fits"))
    os.unlink(os.fsencode(root) + b"/bad\xff.fits")
