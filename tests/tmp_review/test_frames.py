from __future__ import annotations
import io, json, time, gzip, sys
import numpy as np, pytest
from astropy.io import fits
from astropy.table import Table
from tests.dialects.stdweb.conftest import *  # noqa
from tests.dialects.stdweb.test_photometry import fits_of, again, processed, names
from tests.tmp_review.test_http import req
from tests.tmp_review import test_garbage as G
from tests.tmp_review.test_garbage import scene, catalogue, new, base, f, last
G.OUT = open("/tmp/review_frames.txt", "a")
say, step = G.say, G.step

def chain(c, content, label, steps=("inspect", "photometry"), name="image.fits", **config):
    n = c.create(content, name=name)["id"]
    for s in steps:
        t = step(c, n, s, f"{label}", **config)
        if not t or not t["state"].endswith("_done"): break
    for p in ("preview/image.fits",):
        r = req(c, "GET", f"tasks/{n}/{p}")
        if r[0] not in (200, 400): say("  PREVIEW", label, r)
    return n

def test_odd(tycho, scene, new, catalogue):
    say("== odd frames")
    cards = dict(scene.cards); cards.pop("IMAGEW", None); cards.pop("IMAGEH", None)
    d = scene.data
    rng = np.random.default_rng(1)
    nowcs = {"FILTER": "r", "GAIN": 1.5}
    sat = d.copy(); sat[:260] = 65535
    nanf = d.copy(); nanf[::2] = np.nan
    for label, data, c in [
        ("1x500", np.ones((1, 500), np.float32), nowcs), ("500x1", np.ones((500, 1), np.float32), nowcs), ("3x3", np.ones((3, 3), np.float32), nowcs), ("8x8 noise", rng.normal(0, 1, (8, 8)).astype(np.float32), nowcs), ("20x20", rng.normal(100, 1, (20, 20)).astype(np.float32), nowcs), ("20x400", rng.normal(100, 1, (20, 400)).astype(np.float32), cards),
        ("zero", np.zeros((100, 100), np.float32), cards), ("const", np.full((100, 100), 500, np.uint16), cards), ("neg const", np.full((100, 100), -5.0), cards), ("allnan", np.full((100, 100), np.nan, np.float32), cards), ("inf", np.full((100, 100), np.inf, np.float32), cards),
        ("uint8", np.clip(d / 20, 0, 255).astype(np.uint8), cards), ("int16", np.clip(d, 0, 32000).astype(np.int16), cards), ("uint16", d.astype(np.uint16), cards), ("int32", d.astype(np.int32), cards), ("int64", d.astype(np.int64), cards), ("float64", d.astype(np.float64), cards),
        ("1e30", d.astype(np.float64) * 1e30, {k: v for k, v in cards.items() if k != "SATURATE"}), ("1e-30", d * 1e-20, {k: v for k, v in cards.items() if k != "SATURATE"}), ("1e300", d.astype(np.float64) * 1e300, {k: v for k, v in cards.items() if k != "SATURATE"}),
        ("half nan", nanf, cards), ("65% saturated", sat, cards), ("negative", d - 5000, cards), ("noise only", rng.normal(400, 10, (300, 300)).astype(np.float32), cards), ("no wcs", d, nowcs),
        ("wrong wcs", d, {**cards, "CRVAL1": 10.0, "CRVAL2": -40.0}), ("wcs lat 500", d, {**cards, "CRVAL2": 500.0}), ("wcs nan", d, {**cards, "CD1_1": 0.0, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.0}), ("huge scale", d, {**cards, **{k: cards[k] * 1000 for k in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")}}), ("scale 90", d, {**cards, **{k: cards[k] * 110 for k in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")}}), ("tiny scale", d, {**cards, **{k: cards[k] / 1e6 for k in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")}}),
        ("pole", d, {**cards, "CRVAL1": 0.0, "CRVAL2": 90.0}), ("crpix far", d, {**cards, "CRPIX1": 1e8}),
        ("filter weird", d, {**cards, "FILTER": "Luminance #3 \u00b5".encode("ascii", "replace").decode()}), ("filter int", d, {**cards, "FILTER": 3}), ("gain text", d, {**cards, "GAIN": "high"}), ("gain -1", d, {**cards, "GAIN": -1}), ("gain 1e30", d, {**cards, "GAIN": 1e30}), ("gain 0", d, {**cards, "GAIN": 0}), ("satur 0", d, {**cards, "SATURATE": 0}), ("satur -5", d, {**cards, "SATURATE": -5}), ("dateobs bad", d, {**cards, "DATE-OBS": "yesterday"}), ("dateobs 0001", d, {**cards, "DATE-OBS": "0001-01-01T00:00:00"}), ("mjd 1e9", d, {**{k: v for k, v in cards.items() if k != "DATE-OBS"}, "MJD-OBS": 1e9}), ("exptime neg", d, {**cards, "EXPTIME": -50}), ("exptime 1e12", d, {**cards, "EXPTIME": 1e12}), ("target odd", d, {**cards, "TARGET": "None"}), ("target far", d, {**cards, "TARGET": "x=1e300 y=5"}), ("target int", d, {**cards, "TARGET": 5}), ("target bool", d, {**cards, "TARGET": True}),
        ("site odd", d, {**cards, "SITELAT": 500.0, "SITELONG": "x"}), ("site2", d, {**cards, "SITELAT": 95.0, "SITELONG": 1e9}),
    ]:
        try: content = f(data, c)
        except Exception as e: say("cannot make", label, e); continue
        chain(tycho, content, label)
    # formats
    hd = fits.Header(); [hd.set(k, *(v if isinstance(v, tuple) else (v,))) for k, v in cards.items()]
    b = io.BytesIO(); fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(d, hd), fits.ImageHDU(d[:100, :100])]).writeto(b); chain(tycho, b.getvalue(), "multi hdu")
    b = io.BytesIO(); fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(d, hd)]).writeto(b); chain(tycho, b.getvalue(), "comp", ("inspect", "photometry"), "x.fits.fz")
    chain(tycho, gzip.compress(fits_of(scene)), "gz", name="x.fits.gz")
    b = io.BytesIO(); fits.PrimaryHDU(np.stack([d, d, d]), hd).writeto(b); chain(tycho, b.getvalue(), "cube3")
    b = io.BytesIO(); fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(Table({"a": [1]}))]).writeto(b); chain(tycho, b.getvalue(), "table only")
    import cv2
    img = np.clip(np.dstack([d / 20, d / 22, d / 25]), 0, 255).astype(np.uint8)
    chain(tycho, cv2.imencode(".jpg", img)[1].tobytes(), "jpeg", name="x.jpg"); chain(tycho, cv2.imencode(".png", img)[1].tobytes(), "png", name="x.png")
    chain(tycho, b"hello world", "text"); chain(tycho, b"", "empty"); chain(tycho, fits_of(scene)[:200000], "truncated")
    chain(tycho, b"SIMPLE  =                    T" + b"\xff" * 9000, "garbled header")

def test_masks_templates(tycho, scene, new, catalogue):
    say("== masks and templates")
    n, cards = base(tycho, scene, new)
    s = scene.data.shape
    for label, c in {"other size": f(np.ones((10, 10), np.int16)), "all": f(np.ones(s, np.int16)), "all but 9": None, "nan": f(np.full(s, np.nan, np.float32)), "garbage": b"abc", "empty": b"", "cube": f(np.zeros((2, *s), np.int16)), "neg": f(np.full(s, -1, np.int16)), "table": b"SIMPLE"}.items():
        if label == "all but 9":
            m = np.ones(s, np.int16); m[200:203, 200:203] = 0; c = f(m)
        m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]
        tycho.put(m, "custom_mask.fits", c)
        for st in ("inspect", "photometry", "simple_transients", "subtraction"):
            if not step(tycho, m, st, f"custom_mask {label}"): break
    big = np.pad(new.template, 50)
    for label, c in {"other size wcs": f(new.template[:200, :150], cards), "tiny": f(new.template[:3, :3], cards), "nowcs other": f(new.template[:200, :150]), "nowcs same": f(new.template), "const": f(np.full(s, 5.0, np.float32), cards), "zero": f(np.zeros(s, np.float32), cards), "nan": f(np.full(s, np.nan, np.float32), cards), "inf": f(np.full(s, np.inf), cards), "1e30": f(new.template.astype(float) * 1e30, cards), "1e-30": f(new.template.astype(float) * 1e-30, cards), "1e300": f(new.template.astype(float) * 1e300, cards), "uint8": f(np.clip(new.template / 20, 0, 255).astype(np.uint8), cards), "away": f(new.template, {**cards, "CRVAL1": 10.0}), "opposite": f(new.template, {**cards, "CRVAL1": 330.1, "CRVAL2": -2.2}), "half": f(new.template, {**cards, "CRPIX1": cards["CRPIX1"] + 200}), "coarse": f(new.template, {**cards, **{k: cards[k] * 50 for k in cards if k.startswith("CD")}}), "fine": f(new.template, {**cards, **{k: cards[k] / 1000 for k in cards if k.startswith("CD")}}), "rot": f(new.template.T.copy(), {**cards, "CD1_1": cards["CD1_2"], "CD1_2": cards["CD1_1"], "CD2_1": cards["CD2_2"], "CD2_2": cards["CD2_1"]}), "negative": f(-new.template, cards), "noise": f(np.random.default_rng(1).normal(0, 1, s).astype(np.float32), cards), "itself": f(new.frame, cards), "garbage": b"abc", "bigger nowcs": f(big), "nan wcs": f(new.template, {**cards, "CD1_1": 0.0, "CD2_2": 0.0, "CD1_2": 0.0, "CD2_1": 0.0}), "1xN": f(new.template[:1], cards), "neg sat": f(new.template, {**cards, "SATURATE": -1e9})}.items():
        tycho.put(n, "custom_template.fits", c)
        step(tycho, n, "subtraction", f"template {label}")
    tycho.put(n, "custom_template.fits", f(new.template, cards))
    for label, c in {"size": f(np.ones((9, 9), np.int16)), "all": f(np.ones(s, np.int16)), "garbage": b"x"}.items():
        tycho.put(n, "custom_template_mask.fits", c); step(tycho, n, "subtraction", f"template mask {label}")
    tycho.delete(f"tasks/{n}/files/custom_template_mask.fits")
    for label, c in {"garbage": b"x", "other": f(np.ones((9, 9), np.uint8)), "cube": f(np.zeros((2, 9, 9))), "nan": f(np.full(s, np.nan))}.items():
        m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]; tycho.put(m, "mask.fits", c); step(tycho, m, "subtraction", f"mask.fits {label}"); step(tycho, m, "photometry", f"mask.fits {label}")
    for label, c in {"garbage": b"x", "other": f(np.ones((9, 9), np.uint8)), "bad": f(None, {"CTYPE1": "RA---TAN", "CRVAL1": "abc"}), "sip": f(None, {**cards, "A_ORDER": 99999, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"}), "text order": f(None, {**cards, "A_ORDER": "x"})}.items():
        m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]; tycho.put(m, "image.wcs", c)
        for st in ("inspect", "photometry", "subtraction"): step(tycho, m, st, f"image.wcs {label}")
    for label, c in {"garbage": b"x", "other": f(np.ones((9, 9), np.uint8)), "nan": f(np.full(s, np.nan))}.items():
        m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]; tycho.put(m, "filtered.fits", c); tycho.put(m, "segmentation.fits", c); step(tycho, m, "simple_transients", f"filtered {label}")
    # image replaced by another size after photometry
    for label, c in {"smaller": f(new.frame[:200, :200], cards), "garbage": b"x"}.items():
        m = tycho.post(f"tasks/{n}/duplicate/", {}, 201)["id"]; tycho.put(m, "image.fits", c)
        for st in ("simple_transients", "subtraction", "photometry"): step(tycho, m, st, f"image {label}")

def test_config(tycho, scene, new, catalogue, tmp_path, settings):
    say("== config")
    n, cards = base(tycho, scene, new)
    from hven.imaging.steps.registry import staged_steps, step as getstep
    t0 = time.time()
    STE = {"transients": "simple_transients"}
    vals = {"float": [-1e300, -1, 0, 1e-300, 1e300, "abc", "nan", True, [], {}, "1", "10", 3], "int": [-1, 0, 1, 2, 10**6, 10**18, 1.5, "x", [], 7], "bool": ["x", 1, "true", None, True, False], "text": ["", " ", "\0", "x" * 10000, 5, [], "\u202e", "a\nb\nc", "10 10", "x=5 y=5", "<b>", "../../etc/passwd"], "list": [[], "x", [1], [None], ["../../etc/passwd"] * 2, ["/etc/passwd", "\0"], ["x"] * 1000], "object": [{}, "x", {"ko": "x"}, {"ko": 99}, {"ko": -1}, {"; rm -rf": "1"}, {"a": {"b": 1}}, {"ko": [1]}, {"ko": None}, {"ko": True}, {"c": "/etc/passwd"}]}
    for key in ("inspect", "photometry", "subtraction", "transients", "stack"):
        for k in getstep(key).keys:
            for v in vals[k.type] + list(k.choices):
                if time.time() - t0 > 420: say("STOP", key, k.name); return
                from hven.imaging.models import Reduction
                r = Reduction.objects.get(pk=n)
                snap = dict(r.config)
                try: k.read(v)
                except Exception as e:
                    if type(e).__name__ != "Invalid": say("READ", k.name, v, type(e).__name__)
                    continue
                step(tycho, n, STE.get(key, key), f"cfg {k.name}={str(v)[:20]!r}", **{k.name: v})
                Reduction.objects.filter(pk=n).update(config=snap)
        if key in ("inspect", "photometry"): pass
