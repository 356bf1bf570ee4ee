from __future__ import annotations
import io, json, time
import numpy as np, pytest
from astropy.io import fits
from django.contrib.auth.models import Permission
from tests.dialects.stdweb.conftest import *  # noqa
from tests.dialects.stdweb.conftest import Caller, run_jobs, frame
from tests.tmp_review.test_http import req
OUT = open("/tmp/review_rights.txt", "a")
def say(*a): print(*a, file=OUT, flush=True)
def mk(name, perm=None):
    from hven.accounts import services
    u = services.create_user(name, "uraniborg-1576")
    if perm: u.user_permissions.add(Permission.objects.get(codename=perm))
    return Caller(u)
ADDR = [("GET", "tasks/{n}/", None), ("GET", "tasks/{n}/state/", None), ("GET", "tasks/{n}/files/", None), ("GET", "tasks/{n}/files/image.fits", None), ("GET", "tasks/{n}/preview/image.fits", None), ("GET", "tasks/{n}/cutout/a.cutout", None),
 ("PATCH", "tasks/{n}/", {"title": "x"}), ("POST", "tasks/{n}/", {"title": "x"}), ("PATCH", "tasks/{n}/", {"groups": []}), ("PATCH", "tasks/{n}/", {"groups": ["Other"]}), ("POST", "tasks/{n}/fix/", {}), ("POST", "tasks/{n}/crop/", {}), ("POST", "tasks/{n}/destripe/", {}), ("POST", "tasks/{n}/duplicate/", {}), ("FORM", "tasks/{n}/files/q.txt", None), ("DELETE", "tasks/{n}/files/q.txt", None), ("POST", "tasks/{n}/process/", {"steps": ["cleanup"]}), ("POST", "tasks/{n}/cancel/", {}), ("POST", "queue/{q}/terminate/", {}), ("GET", "queue/{q}/", None), ("GET", "queue/", None), ("DELETE", "tasks/{n}/", None)]
def test_rights(tycho, sophie, staff, observatory, settings):
    from django.core.files.uploadedfile import SimpleUploadedFile
    from hven.imaging.models import Reduction, Run
    va, ea, stranger = mk("viewer", "view_all_tasks"), mk("editor", "edit_all_tasks"), mk("stranger")
    anon = mk("anon"); anon.headers = {}
    from hven.accounts import services
    services.create_observatory(stranger.user, "Other")
    web = {}
    for who, c in {"owner": tycho, "member": sophie, "staff": staff, "view_all": va, "edit_all": ea, "stranger": stranger, "anon": anon}.items():
        n = tycho.create(groups="Uraniborg")["id"]
        tycho.put(n, "a.cutout", b"x"); tycho.put(n, "custom_mask.fits", frame())
        row = []
        for m, p, d in ADDR:
            q = str(Run.objects.filter(reduction_id=n).order_by("-id").values_list("uuid", flat=True).first() or "00000000-0000-0000-0000-000000000000")
            if "terminate" in p and not Reduction.objects.filter(pk=n, latest_run__isnull=False).exists():
                q = tycho.post(f"tasks/{n}/process/", {"steps": ["cleanup"]})["celery_id"]
            path = p.format(n=n, q=q)
            r = req(c, "POST", path, {"file": SimpleUploadedFile("q", b"1")}, "form") if m == "FORM" else req(c, m, path, d)
            row.append(f"{m[:2]} {p.split('/',2)[-1][:16]}={r[0]}" + (f"!{r[1]}" if r[0] == "EXC" else ""))
            if r[0] in (403, 401, 409, 404) and who in ("stranger", "anon"): row[-1] += str(r[2][:60])
            if p == "tasks/{n}/cancel/" and r[0] != 200: tycho.http.post(f"/stdweb/api/tasks/{n}/cancel/", headers=tycho.headers); tycho.post(f"tasks/{n}/process/", {"steps": ["cleanup"]})
            elif p == "tasks/{n}/cancel/": tycho.post(f"tasks/{n}/process/", {"steps": ["cleanup"]})
        say(who, "\n    " + "\n    ".join(row))
    # lists
    n = tycho.create(groups="Uraniborg")["id"]
    n2 = tycho.create()["id"]
    for who, c in {"owner": tycho, "member": sophie, "staff": staff, "view_all": va, "edit_all": ea, "stranger": stranger}.items():
        say("list", who, [t["id"] for t in c.get("tasks/")][:5], [t["id"] for t in c.get("tasks/?query=urani")][:5], req(c, "GET", f"tasks/{n2}/")[0])
    # web pages
    red = Reduction.objects.get(pk=n2)
    tycho.put(n2, "c.cutout", b"x")
    for who, c in {"owner": tycho, "member": sophie, "staff": staff, "view_all": va, "edit_all": ea, "stranger": stranger, "anon": None}.items():
        from django.test import Client
        h = Client(raise_request_exception=False)
        if c: h.force_login(c.user)
        out = []
        for m, p in [("get", "reduce/"), ("get", "reduce/panel/"), ("get", "folder/image.fits"), ("get", "look/image.fits"), ("get", "cutout/c.cutout"), ("get", "reduce/mask/"), ("get", "reduce/candidates/subtraction.vot"), ("get", ""), ("get", "original"), ("get", "thumbnail.jpg"), ("get", "tiles/0/0_0.jpg"), ("get", "picture.json"), ("get", "value.json?x=1&y=1"), ("post", "reduce/process/"), ("post", "reduce/configure/"), ("post", "reduce/change/"), ("post", "reduce/upload/"), ("post", "reduce/cancel/"), ("post", "reduce/mask/"), ("post", "reduce/candidates/subtraction/judge/"), ("get", "folder/../../etc/passwd")]:
            a = getattr(h, m)(f"/frames/{red.uuid}/{p}", {"steps": "cleanup"} if "process" in p else {})
            out.append(f"{m} {p}={a.status_code}")
            if "process" in p and a.status_code in (302,): tycho.post(f"tasks/{n2}/cancel/")
        say("WEB", who, "; ".join(out))

def test_queue_terminate_old(tycho):
    n = tycho.create()["id"]
    a = tycho.post(f"tasks/{n}/process/", {"steps": ["cleanup"]})["celery_id"]
    run_jobs()
    b = tycho.post(f"tasks/{n}/process/", {"steps": ["cleanup"]})["celery_id"]
    say("terminate OLD id", req(tycho, "POST", f"queue/{a}/terminate/", {}), "new state", tycho.get(f"queue/{b}/"), tycho.get(f"tasks/{n}/state/"))
    say("terminate again ended", req(tycho, "POST", f"queue/{b}/terminate/", {}))

def test_many_steps(tycho):
    n = tycho.create()["id"]
    r = req(tycho, "POST", f"tasks/{n}/process/", {"steps": ["inspect"] * 100000})
    say("100k steps", r[0], str(r[2])[:100]); 
    say(req(tycho, "GET", "queue/")); tycho.post(f"tasks/{n}/cancel/")
    r = req(tycho, "POST", f"tasks/{n}/process/", {"steps": ["cleanup", "cleanup", "inspect", "inspect"]}); say(r)

def test_surrogate_in_log(tycho):
    n = tycho.create()["id"]
    a = tycho.http.patch(f"/stdweb/api/tasks/{n}/", '{"config":{"x":1}}', content_type="application/json", headers=tycho.headers)
    from hven.imaging.models import Reduction
    for cfg in ({"gain": "\ud800"}, {"cat_name": "\ud800"}, {"target": "\ud800"}, {"filter": "\ud800"}, {"time": "\ud800"}):
        say(req(tycho, "POST", f"tasks/{n}/process/", None, raw=json.dumps({"steps": ["inspect", "photometry"], "config": cfg})))
        try: run_jobs()
        except Exception as e: say("RUN", cfg, type(e).__name__, str(e)[:200])
        say(cfg, tycho.get(f"tasks/{n}/state/"), list(__import__("hven.jobs.models", fromlist=["Job"]).Job.objects.order_by("-id").values_list("state", "error")[:1]) if 0 else "")
        from hven.jobs.models import Job
        j = Job.objects.order_by("-id").first(); say({k: str(v)[:150] for k, v in j.__dict__.items() if k in ("state", "attempts", "error", "reason", "run_after", "not_before")})
        say(req(tycho, "POST", f"tasks/{n}/cancel/", {})[:3])
        Reduction.objects.filter(pk=n).update(config={})
    # page with a surrogate
    Reduction.objects.filter(pk=n).update(config={"a": "\ud800", "zp": 10**400, "targets": ["x", 5, {"a": 1}]})
    from django.test import Client
    h = Client(); h.force_login(tycho.user)
    red = Reduction.objects.get(pk=n)
    for cfg in ({"a": "\ud800"}, {"zp": 10**400}, {"targets": ["x", 5, {"a": 1}, None, [1]]}, {"targets": [{"name": "x", "ra": "abc", "dec": {}}]}, {"zp": True, "zp_err": "abc"}, {"zp": 1e308, "zp_err": [1]}, {"filter": {"a": 1}, "mag_system": [1]}, {"stack_filenames": "x"}, {"sn": {"a": [1]}}, {"target": 5}):
        Reduction.objects.filter(pk=n).update(config=cfg)
        try: a = h.get(f"/frames/{red.uuid}/reduce/"); say("page", str(cfg)[:60].encode("ascii","replace"), a.status_code)
        except Exception as e: say("page EXC", str(cfg)[:60].encode("ascii","replace"), type(e).__name__, str(e)[:150])
    Reduction.objects.filter(pk=n).update(config={})
    for nm in ("candidates.vot", "candidates_simple.vot"):
        for label, c in {"garbage": b"abc", "noname": None, "text": 1}.items():
            if label != "garbage":
                from astropy.table import Table
                b = io.BytesIO(); Table({"ra": ["q"], "x": [np.nan]} if label == "text" else {"a": [1]}).write(b, format="votable"); c = b.getvalue()
            tycho.put(n, nm, c)
            for p in ("reduce/", "reduce/candidates/subtraction.vot", "reduce/candidates/subtraction.reg", "reduce/candidates/subtraction.csv", "reduce/candidates/transients.reg", "reduce/candidates/transients.xyz"):
                try: a = h.get(f"/frames/{red.uuid}/{p}"); say("cand", nm, label, p, a.status_code, a.content[:80] if a.status_code != 200 else "")
                except Exception as e: say("cand EXC", nm, label, p, type(e).__name__, str(e)[:150])
            try: a = h.post(f"/frames/{red.uuid}/reduce/candidates/subtraction/judge/", {"name": ["1", "x" * 500], "word": "accepted"}); say("judge", a.status_code)
            except Exception as e: say("judge EXC", label, type(e).__name__, str(e)[:150])
        tycho.delete(f"tasks/{n}/files/{nm}")
    # web forms hostile
    for p, d in [("reduce/process/", {"steps": "nope"}), ("reduce/process/", {}), ("reduce/process/", {"steps": ""}), ("reduce/process/", {"steps": "solve"}), ("reduce/configure/", {"config": "[" * 100000}), ("reduce/configure/", {"config": '{"a":"\\ud800"}'}), ("reduce/configure/", {"config": '{"a":' * 900 + "1" + "}" * 900}), ("reduce/configure/", {"preset": "99999999999999999999999"}), ("reduce/configure/", {"preset": "x"}), ("reduce/configure/", {"config": "{}", "title": "x" * 5000}), ("reduce/change/", {"what": "crop", "x1": "1" * 5000}), ("reduce/change/", {"what": "crop", "x1": "99999999999999999999999"}), ("reduce/change/", {"what": "destripe", "direction": "zz"}), ("reduce/upload/", {"remove": "1", "path": "../.."}), ("reduce/upload/", {"remove": "1", "path": "\0"}), ("reduce/mask/", {"drawn": '{"rectangles":[{"x1":1e300,"x2":1e301,"y1":0,"y2":5}]}'}), ("reduce/mask/", {"drawn": "[]"}), ("reduce/mask/?frame=nope", {"drawn": "{}"}), ("reduce/process/", {"steps": "inspect", "gain": "nan"}), ("reduce/process/", {"steps": "subtraction", "hotpants_extra": "[" * 100000})]:
        try: a = h.post(f"/frames/{red.uuid}/{p}", d); say("form", p, str(d)[:50], a.status_code)
        except Exception as e: say("form EXC", p, str(d)[:50], type(e).__name__, str(e)[:150])
        Reduction.objects.filter(pk=n).update(config={})
        tycho.http.post(f"/stdweb/api/tasks/{n}/cancel/", headers=tycho.headers)
    for p in ("look/image.fits?width=1e99", "look/image.fits?width=0", "look/image.fits?low=nan", "look/image.fits?low=50&high=50", "light", ):
        try: a = h.get(f"/frames/{red.uuid}/{p}"); say("look", p, a.status_code)
        except Exception as e: say("look EXC", p, type(e).__name__, str(e)[:150])
    for q in ("at=10 10&r=nan", "at=1e400 5", "at=nan nan", "at=10 91", "at=10 10&r=1e-300", "at=\0", "at=400 10"):
        for p in ("/light-curve/?", "/light-curve/table.csv?", "/light-curve/table.vot?", "/light-curve/table.txt?"):
            try: a = h.get(p + q); say("lc", p, q, a.status_code)
            except Exception as e: say("lc EXC", p, q.encode(), type(e).__name__, str(e)[:150])
