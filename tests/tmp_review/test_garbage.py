from __future__ import annotations
import io, json, time, sys
import numpy as np, pytest
from astropy.io import fits
from astropy.table import Table
from tests.dialects.stdweb.conftest import *  # noqa
from tests.dialects.stdweb.conftest import Caller, run_jobs
from tests.dialects.stdweb.test_photometry import fits_of, again, processed, names
from tests.tmp_review.test_http import req
from tests.science.photometry.scenes import Scene
from tests.imaging.steps.changing import with_new_sources
from hven.imaging.services import catalogues
OUT = open("/tmp/review_garbage.txt", "a")
def say(*a): print(*a, file=OUT, flush=True)

@pytest.fixture(scope="module")
def scene(): return Scene(size=400, stars=160, seed=5)
@pytest.fixture
def catalogue(scene, tmp_path, settings):
    settings.HVEN_OUTSIDE = False
    scene.catalogue.write(tmp_path / "stars.ecsv")
    catalogues.add_catalogue("ps1", tmp_path / "stars.ecsv", replace_old=True)

def f(data, cards=None):
    b = io.BytesIO(); h = fits.PrimaryHDU(data)
    for k, v in (cards or {}).items(): h.header[k] = v
    h.writeto(b); return b.getvalue()
def pq(t):
    b = io.BytesIO(); t.write(b, format="parquet"); return b.getvalue()
def pqt(t, tmp_path):
    p = tmp_path / "x.parquet"; t.write(p, format="parquet", overwrite=True); return p.read_bytes()
def last(c, n, stem):
    a = c.raw(f"tasks/{n}/files/{stem}.log")
    if a.status_code != 200: return "NOLOG"
    b = b"".join(a.streaming_content).decode(); return b.strip().splitlines()[-1][:220]
def step(c, n, name, label, **config):
    t0 = time.time()
    try:
        t = again(c, n, name, **config)
    except BaseException as e:
        import traceback
        tb = traceback.extract_tb(e.__traceback__)
        say("EXC", label, name, type(e).__name__, str(e)[:300], [f"{x.filename.split('/')[-1]}:{x.lineno}" for x in tb[-5:]]); return
    stem = {"simple_transients": "transients_simple"}.get(name, name)
    l = last(c, n, stem)
    mark = "FAULT " if "fault of its own" in l else ""
    say(f"{mark}{label} | {name} | {t['state']} | {time.time()-t0:.1f}s | {l}")
    return t

def base(tycho, scene, new):
    cards = {k: v for k, v in scene.wcs.to_cards().items() if k not in {"IMAGEW", "IMAGEH"}}
    n, t = processed(tycho, fits_of(scene, new.frame), cat_limit=21)
    assert t["state"] == "photometry_done", last(tycho, n, "photometry")
    tycho.put(n, "custom_template.fits", f(new.template, cards))
    return n, cards

@pytest.fixture(scope="module")
def new(scene): return with_new_sources(scene, 4)

def test_files_replaced(tycho, scene, new, catalogue, tmp_path):
    n, cards = base(tycho, scene, new)
    say("== replaced")
    step(tycho, n, "simple_transients", "base"); step(tycho, n, "subtraction", "base")
    objects = Table.read(io.BytesIO(tycho.get(f"tasks/{n}/files/objects.vot")))
    rec = json.loads(b"".join(tycho.raw(f"tasks/{n}/files/photometry.json").streaming_content))
    say("record keys", {k: (v if not isinstance(v, (dict, list)) else str(v)[:200]) for k, v in rec.items()}, list(rec["zero_point"]))
    one = Table({"ra": [1.0]})
    nan = objects.copy()
    for c in nan.colnames:
        if nan[c].dtype.kind == "f": nan[c] = np.nan
    text = objects.copy()
    for c in ("x", "y", "flux", "fluxerr", "ra", "dec", "flags"): text[c] = ["abc"] * len(text)
    huge = objects.copy(); huge["x"] = 1e30; huge["y"] = -1e30; huge["ra"] = 1e300; huge["flags"] = -5
    infs = objects.copy(); infs["x"] = np.inf; infs["ra"] = np.inf; infs["flux"] = np.inf
    fewer = objects[:1].copy(); none = objects[:0].copy()
    neg = objects.copy(); neg["fluxerr"] = 0.0; neg["flux"] = -1.0
    fflags = objects.copy(); fflags["flags"] = np.nan
    arr = Table({"ra": np.zeros((5, 3)), "dec": np.zeros((5, 3))})
    var = {"onecol": pqt(one, tmp_path), "nan": pqt(nan, tmp_path), "text": pqt(text, tmp_path), "huge": pqt(huge, tmp_path), "inf": pqt(infs, tmp_path), "one row": pqt(fewer, tmp_path), "zero rows": pqt(none, tmp_path), "zero err": pqt(neg, tmp_path), "flags nan": pqt(fflags, tmp_path), "garbage": b"PAR1xxxx", "empty": b""}
    try: var["array"] = pqt(arr, tmp_path)
    except Exception as e: say("no array", e)
    for label, content in var.items():
        for s in ("simple_transients", "subtraction"):
            m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]
            tycho.put(m, "objects.parquet", content)
            step(tycho, m, s, f"objects {label}")
    # with cat
    for label, content in {"garbage": b"x", "onecol": var["onecol"], "text": pqt(Table({"RAJ2000": ["a"], "DEJ2000": ["b"], "rmag": ["x"]}), tmp_path), "nan": pqt(Table({"RAJ2000": [np.nan], "DEJ2000": [np.nan], "rmag": [np.nan]}), tmp_path), "huge": pqt(Table({"RAJ2000": [1e300], "DEJ2000": [-1e300], "rmag": [1e300]}), tmp_path), "empty": pqt(Table({"RAJ2000": np.zeros(0), "DEJ2000": np.zeros(0), "rmag": np.zeros(0)}), tmp_path)}.items():
        m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]
        tycho.put(m, "cat.parquet", content)
        step(tycho, m, "simple_transients", f"cat {label}")

def test_record_replaced(tycho, scene, new, catalogue, tmp_path):
    n, cards = base(tycho, scene, new)
    rec = json.loads(b"".join(tycho.raw(f"tasks/{n}/files/photometry.json").streaming_content))
    say("== record")
    variants = {"garbage": b"{", "list": b"[]", "zp empty": json.dumps({"zero_point": {}}).encode(), "nul": b"\0" * 100}
    def v(label, **k): variants[label] = json.dumps({**rec, **k}).encode()
    for key in ("fwhm_px", "aperture_px", "gain"):
        for bad in (-1, 0, 1e30, "abc", [1], {}, float("nan"), 1e-30, True, 10**400): v(f"{key}={str(bad)[:10]}", **{key: bad})
    for bad in ("zz", 5, [], None): v(f"band={bad}", band=bad)
    for bad in (None, [], "x", 5, {}, {"CTYPE1": "RA---TAN"}, {**rec["wcs"], "CD1_1": 0, "CD1_2": 0}, {**rec["wcs"], "CD1_1": float("nan")}, {**rec["wcs"], "CRPIX1": 1e300}, {**rec["wcs"], "CRVAL1": "abc"}, {**rec["wcs"], "CRVAL2": 500}, {**rec["wcs"], "A_ORDER": 100000, "B_ORDER": 9}, {**rec["wcs"], "CD1_1": 1e10, "CD2_2": 1e10}): v(f"wcs={str(bad)[:60]}", wcs=bad)
    for k in rec["zero_point"]:
        for bad in (None, "abc", -1, 1e300, [], {}, float("nan"), [["a"]], 10**7): v(f"zp.{k}={str(bad)[:10]}", zero_point={**rec["zero_point"], k: bad})
    t0 = time.time()
    m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]
    for label, content in variants.items():
        if time.time() - t0 > 260: say("STOP at", label); break
        tycho.put(m, "photometry.json", content)
        step(tycho, m, "simple_transients", f"record {label}")
        if "zp." in label and ("coef" in label or "order" in label or "abc" in label) or "fwhm" in label or "aper" in label or "gain" in label or "wcs" in label: step(tycho, m, "subtraction", f"record {label}")
