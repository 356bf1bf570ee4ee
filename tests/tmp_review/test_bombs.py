from __future__ import annotations
import io, json, time, resource
import numpy as np, pytest
import pyarrow as pa, pyarrow.parquet as papq
from tests.dialects.stdweb.conftest import *  # noqa
from tests.tmp_review.test_http import req
def rss(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
def say(*a): print(*a, file=open("/tmp/review_bombs.txt", "a"), flush=True)
def test_parquet(tycho, settings):
    n = tycho.create()["id"]
    b = io.BytesIO()
    t = pa.table({"a": pa.array(np.zeros(8_000_000)), "b": pa.array(np.zeros(8_000_000))})
    papq.write_table(t, b, compression="zstd"); del t
    c = b.getvalue(); say("parquet bytes", len(c), "rss before", rss())
    tycho.put(n, "objects.parquet", c)
    t0 = time.time(); 
    from hven.imaging.services import tables, folder
    from hven.imaging.models import Reduction
    tb = tables.read_table(folder.find_file(Reduction.objects.get(pk=n), "objects.parquet")); say("read rows", len(tb), "s", time.time() - t0, "rss", rss())
    # comp fits cutout bomb
    from astropy.io import fits
    b = io.BytesIO(); fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((9000, 9000), np.uint8), name="IMAGE", compression_type="GZIP_2")]).writeto(b); c = b.getvalue()
    say("cutout bytes", len(c), rss()); tycho.put(n, "x.cutout", c); t0 = time.time(); say(req(tycho, "GET", f"tasks/{n}/cutout/x.cutout")[:2], time.time() - t0, rss())
    settings.HVEN_MAX_PIXELS = 1_000_000
    say("limit 1e6:", req(tycho, "GET", f"tasks/{n}/cutout/x.cutout")[:3], req(tycho, "GET", f"tasks/{n}/preview/x.cutout")[:3])
    m = tycho.create(frame())["id"]; tycho.put(m, "mask.fits", c.replace(b"x", b"x"))
    # mask.fits bomb read by fits.open in change_inputs: no limit
def test_preview_tall(tycho):
    from astropy.io import fits
    n = tycho.create()["id"]
    for shape in ((30000, 4), (4, 30000), (3, 60000)):
        b = io.BytesIO(); fits.PrimaryHDU(np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)).writeto(b); tycho.put(n, "t.fits", b.getvalue())
        for q in ("", "?width=8192", "?width=8192&format=png"):
            t0 = time.time(); r = req(tycho, "GET", f"tasks/{n}/preview/t.fits{q}"); say("tall", shape, q, r[:2], r[2][:80] if r[0] != 200 else "", time.time() - t0, rss())
def test_lightcurve_poison(tycho, sophie):
    """objects of a public task replaced by text: page of another user."""
    from hven.imaging.models import Reduction, Run, Solution
    from hven.science.sky.wcs import Wcs
    from astropy.table import Table
    from django.test import Client
    from django.utils import timezone
    n = tycho.create()["id"]
    red = Reduction.objects.get(pk=n)
    from tests.science.photometry.scenes import Scene
    sc = Scene(size=100, stars=10)
    from hven.imaging.services.reduce import _write_place
    from hven.imaging.steps.context import Placed
    run = Run.objects.create(reduction=red, steps=["inspect"], config={}, finished=timezone.now(), outcome="done")
    _write_place(run, Placed(sc.wcs, 10, 0.1, "c", "h"))
    red.visibility = "public"; red.save()
    Reduction.objects.filter(pk=n).update(visibility="public")
    say("solution", Reduction.objects.get(pk=n).solution)
    h = Client(); h.force_login(sophie.user)
    def pq(t):
        import tempfile, pathlib
        p = pathlib.Path(tempfile.mkdtemp()) / "x.parquet"; t.write(p, format="parquet"); return p.read_bytes()
    ra, dec = sc.wcs.centre
    base = dict(ra=[ra], dec=[dec], mag_calib=[15.0], mag_calib_err=[0.1], flags=[0])
    for label, k in {"ok": {}, "ra text": {"ra": ["abc"]}, "flags text": {"flags": ["abc"]}, "flags nan": {"flags": [np.nan]}, "flags inf": {"flags": [np.inf]}, "mag 1e300": {"mag_calib": [1e300]}, "mag 1e17": {"mag_calib": [1e17]}, "mag text": {"mag_calib": ["x"]}, "err 1e308": {"mag_calib_err": [1.7e308], "mag_calib": [1e308]}, "err neg": {"mag_calib_err": [-5.0]}, "filter odd": {"mag_filter_name": ["<script>\x01\ud7ff"]}, "no dec": {"dec": None}}.items():
        t = Table({a: b for a, b in (base | k).items() if b is not None}); tycho.put(n, "objects.parquet", pq(t))
        for p in ("/light-curve/?", "/light-curve/table.csv?", "/light-curve/table.vot?", "/light-curve/table.txt?"):
            try: a = h.get(f"{p}at={ra:.6f} {dec:.6f}"); say("lc", label, p, a.status_code, a.content[:60] if a.status_code != 200 else len(a.content))
            except Exception as e: say("lc EXC", label, p, type(e).__name__, str(e)[:150])
    tycho.put(n, "objects.parquet", pq(Table({"ra": [1.0], "dec": [1.0], "mag_calib": [1.0]})))
    for cfg in ({"mag_limit": 1e20}, {"mag_limit": 1e300}, {"mag_limit": 10**400}, {"mag_limit": "nan"}, {"bjd_tdb": 10**400, "mag_limit": 20}, {"cat_col_mag": {"a": 1}, "mag_limit": 20}, {"mag_system": [1], "mag_limit": 20}, {"filter": "\x01\ufffe", "mag_limit": 20}, {"filter": "\ud800", "mag_limit": 20}):
        Reduction.objects.filter(pk=n).update(config=cfg)
        for p in ("/light-curve/?", "/light-curve/table.csv?", "/light-curve/table.vot?", "/light-curve/table.txt?"):
            try: a = h.get(f"{p}at={ra:.6f} {dec:.6f}"); say("lc", str(cfg)[:40], p, a.status_code, a.content[:60] if a.status_code != 200 else len(a.content))
            except Exception as e: say("lc EXC", ascii(cfg)[:60], p, type(e).__name__, str(e)[:150])
