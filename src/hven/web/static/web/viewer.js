// The picture of a frame: tiles from the server, overlays, brightness, what is under the cursor.

import { angle, position } from "./angles.js";
import { Overlays, LAYERS } from "./overlays.js";
import { Wcs } from "./wcs.js";

const SCALES = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 72000, 108000];
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const find = (selector, root = document) => root.querySelector(selector);

class HvenSolution extends HTMLElement {
  // Stands at the end of what lies beside the picture; when that is put in anew, the viewer hears of it.
  connectedCallback() {
    queueMicrotask(() => document.dispatchEvent(new CustomEvent("hven:solution", { detail: this.read() })));
  }

  read() {
    return JSON.parse(this.querySelector("script")?.textContent ?? "{}");
  }
}

class HvenViewer extends HTMLElement {
  connectedCallback() {
    if (Number(this.dataset.aspect) > 0) this.style.setProperty("--aspect", this.dataset.aspect);
    this.address = new URLSearchParams(location.search);
    this.stretch = this.#readStretch();
    this.shown = this.address.has("o") ? new Set(this.address.get("o").split(",").filter((name) => LAYERS.includes(name))) : null;
    this.overlays = new Overlays(find("#over"));
    document.addEventListener("hven:solution", (event) => this.#take(event.detail));
    document.addEventListener("hven:angles", () => { this.#readOut(); this.#describe(); });
    document.addEventListener("hven:key", (event) => this.#key(event));
    document.addEventListener("change", (event) => { if (event.target.closest(".toggles")) this.#toggled(); });
    document.addEventListener("pointerover", (event) => this.#listed(event, false));
    document.addEventListener("focusin", (event) => this.#listed(event, false));
    document.addEventListener("click", (event) => this.#listed(event, true));
    for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => this.#do(button.dataset.do));
    this.#wireStretch();
    const found = find("hven-solution");
    if (found) this.#take(found.read());
  }

  // --- solution and overlays ---

  async #take(said) {
    const key = JSON.stringify(said);
    if (key === this.taken) return;
    this.taken = key;
    this.wcs = said.cards ? new Wcs(said.cards) : null;
    this.found = null;
    if (said.picture) await this.#open();
    else if (said.ended) find("#waiting").textContent = "There is no picture: the file could not be read.";
    if (!said.overlays || !this.picture) return;
    const answer = await fetch(said.overlays);
    if (!answer.ok) return;
    this.found = await answer.json();
    this.shown ??= new Set(this.wcs ? ["objects", "grid"] : ["detected"]);
    this.overlays.draw(this.found, (x, y) => this.#seen(x, y));
    this.overlays.show(this.shown);
    this.#follow();
    this.#boxes();
    this.dataset.ready = "overlays";
  }

  // Pixels of the file (0-based, centres) to the picture as it is seen (corners), and back.
  #seen(x, y) {
    return [x + 0.5, (this.picture.flipped ? this.picture.height - 1 - y : y) + 0.5];
  }

  #file(x, y) {
    const row = y - 0.5;
    return [x - 0.5, this.picture.flipped ? this.picture.height - 1 - row : row];
  }

  #boxes() {
    for (const box of document.querySelectorAll(".toggles input")) {
      box.checked = this.shown?.has(box.value) ?? false;
      box.disabled = !this.overlays.counts?.[box.value];
    }
    for (const [name, count] of Object.entries(this.overlays.counts ?? {})) {
      const place = find(`[data-count="${name}"]`);
      if (place) place.textContent = count;
    }
  }

  #toggled() {
    this.shown = new Set([...document.querySelectorAll(".toggles input:checked")].map((box) => box.value));
    this.overlays.show(this.shown);
    this.#remember();
  }

  // --- the picture ---

  async #open() {
    if (this.picture || this.opening || !window.OpenSeadragon) return;
    this.opening = true;
    const waiting = find("#waiting");
    const answer = await fetch(this.#ofRun(this.dataset.picture), { headers: { Accept: "application/json" } });
    this.opening = false;
    if (!answer.ok) {
      const said = await answer.json().catch(() => ({}));
      waiting.textContent = said.error ?? "The picture cannot be shown just now.";
      return;
    }
    this.picture = await answer.json();
    waiting.hidden = true;
    this.style.setProperty("--aspect", this.picture.width / this.picture.height);
    find("#stretch").classList.add("ready");
    this.#limits();
    const view = find("#sky-view");
    // OpenSeadragon would write a style element, which the policy forbids; this one, of no meaning, makes it believe it did.
    const decoy = document.createElementNS("urn:hven", "style");
    decoy.setAttribute("data-openseadragon-mobile-css", "true");
    this.append(decoy);
    this.osd = window.OpenSeadragon({
      tabIndex: "",
      element: view,
      tileSources: this.#source(),
      showNavigationControl: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
      animationTime: calm ? 0 : 0.35,
      blendTime: 0,
      immediateRender: true,
      maxZoomPixelRatio: 24,
      minZoomImageRatio: 0.7,
      visibilityRatio: 0.4,
      imageSmoothingEnabled: true,
      drawer: "canvas",
      keyboardNavEnabled: false,
    });
    this.osd.addHandler("open", () => this.#opened());
    for (const event of ["update-viewport", "resize", "animation"]) this.osd.addHandler(event, () => this.#follow());
    this.osd.addHandler("animation-finish", () => this.#remember());
    this.osd.addHandler("zoom", (event) => this.#smooth(event));
    this.osd.addHandler("canvas-click", (event) => { if (event.quick) this.#clicked(event.position); });
    view.addEventListener("pointermove", (event) => this.#moved(event));
    view.addEventListener("pointerleave", () => { this.cursor = null; this.overlays.heat(this.pin); this.#readOut(); });
    view.addEventListener("keydown", (event) => this.#pan(event));
  }

  #source() {
    const { width, height, tile, levels } = this.picture;
    const query = this.#query();
    const base = this.dataset.tiles.replace(/0\/0_0\.jpg$/, "");
    return { width, height, tileSize: tile, tileOverlap: 0, minLevel: 0, maxLevel: levels - 1, getTileUrl: (level, x, y) => `${base}${level}/${x}_${y}.jpg${this.#ofRun(query)}` };
  }

  // A run that took another plane than usual of its file is shown with that one.
  #ofRun(address) {
    const { run } = this.dataset;
    return run ? `${address}${address.includes("?") ? "&" : "?"}run=${run}` : address;
  }

  #query() {
    const { kind, low, high, invert } = this.stretch;
    const query = new URLSearchParams({ stretch: kind });
    if (low !== null) query.set("low", low);
    if (high !== null) query.set("high", high);
    if (invert) query.set("invert", "1");
    return `?${query}`;
  }

  get image() {
    return this.osd?.world.getItemAt(0) ?? null;
  }

  #opened() {
    const [x, y, zoom] = (this.address.get("v") ?? "").split(",").map(Number);
    const view = this.osd.viewport;
    if (zoom > 0 && Number.isFinite(x + y)) {
      view.zoomTo(this.image.imageToViewportZoom(zoom), null, true);
      view.panTo(this.image.imageToViewportCoordinates(x, y), true);
    }
    this.#follow();
    this.#readOut();
    if (this.found) this.overlays.draw(this.found, (a, b) => this.#seen(a, b));
    this.dataset.open = "yes";
  }

  #smooth() {
    // Enlarged, a pixel is a pixel.
    const zoom = this.image?.viewportToImageZoom(this.osd.viewport.getZoom(true)) ?? 1;
    this.osd.drawer.setImageSmoothingEnabled(zoom < 2);
  }

  #follow() {
    const image = this.image;
    if (!image) return;
    const corner = image.imageToViewerElementCoordinates(new window.OpenSeadragon.Point(0, 0));
    const far = image.imageToViewerElementCoordinates(new window.OpenSeadragon.Point(this.picture.width, 0));
    this.zoom = (far.x - corner.x) / this.picture.width;
    this.corner = corner;
    this.overlays.follow(corner.x, corner.y, this.zoom);
    this.#rose();
    this.#scale();
    if (!this.cursor) this.#readOut();
  }

  #middle() {
    const { clientWidth, clientHeight } = find("#sky-view");
    return this.#at(clientWidth / 2, clientHeight / 2);
  }

  #at(x, y) {
    return [(x - this.corner.x) / this.zoom, (y - this.corner.y) / this.zoom];
  }

  #rose() {
    const rose = find("#rose");
    rose.toggleAttribute("hidden", !this.wcs);
    if (!this.wcs) return;
    const [x, y] = this.#middle();
    const [ra, dec] = this.wcs.toSky(...this.#file(x, y));
    const step = this.wcs.scale * 20;
    const arrows = [["N", ra, Math.min(dec + step, 89.9999)], ["E", ra + step / Math.max(0.001, Math.cos(dec * Math.PI / 180)), dec]];
    const parts = [];
    for (const [name, a, d] of arrows) {
      const pixel = this.wcs.toPixel(a, d);
      if (!pixel) continue;
      const [sx, sy] = this.#seen(...pixel);
      const length = Math.hypot(sx - x, sy - y) || 1;
      const [dx, dy] = [(sx - x) / length, (sy - y) / length];
      parts.push([name, dx, dy]);
    }
    const key = parts.map(([, dx, dy]) => `${dx.toFixed(3)},${dy.toFixed(3)}`).join(";");
    if (key === this.roseKey) return;
    this.roseKey = key;
    rose.replaceChildren(...parts.flatMap(([name, dx, dy]) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const [px, py] = [-dy * 3.5, dx * 3.5];
      line.setAttribute("d", `M0 0L${dx * 24} ${dy * 24}M${dx * 18 + px} ${dy * 18 + py}L${dx * 24} ${dy * 24}L${dx * 18 - px} ${dy * 18 - py}`);
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.setAttribute("x", dx * 32);
      text.setAttribute("y", dy * 32 + 4);
      text.textContent = name;
      return [line, text];
    }));
  }

  #scale() {
    const box = find("#scale");
    box.hidden = !this.wcs;
    if (!this.wcs) return;
    const perArcsec = this.zoom / (this.wcs.scale * 3600);
    const size = SCALES.find((arcsec) => arcsec * perArcsec >= 60) ?? SCALES.at(-1);
    find("#scale-bar").style.width = `${Math.min(240, size * perArcsec).toFixed(1)}px`;
    find("#scale-text").textContent = angle(size / 3600);
  }

  // --- under the cursor ---

  #moved(event) {
    const box = find("#sky-view").getBoundingClientRect();
    if (!this.zoom) return;
    this.cursor = this.#at(event.clientX - box.left, event.clientY - box.top);
    this.#readOut();
    const mark = this.found ? this.overlays.near(...this.cursor) : null;
    this.overlays.heat(mark ?? this.pin);
    find("#sky-view").classList.toggle("over-mark", Boolean(mark));
    this.#light(mark ?? this.pin);
    this.#describe(mark);
  }

  #readOut() {
    if (!this.picture || !this.zoom) return;
    const [x, y] = this.#file(...(this.cursor ?? this.#middle()));
    const [col, row] = [Math.round(x), Math.round(y)];
    const inside = col >= 0 && row >= 0 && col < this.picture.width && row < this.picture.height;
    const read = (name, text) => { find(`[data-read="${name}"]`).textContent = text; };
    const sky = this.wcs?.toSky(x, y) ?? [NaN];
    read("sky", Number.isFinite(sky[0]) ? position(...sky) : "");
    read("pixel", inside ? `x ${col + 1} y ${row + 1}` : "");
    clearTimeout(this.asking);
    const known = inside && this.known?.at === `${col},${row}`;
    read("value", known ? this.known.text : inside ? "…" : "");
    if (inside && !known) this.asking = setTimeout(() => this.#ask(col, row), 120);
  }

  async #ask(x, y) {
    this.abort?.abort();
    this.abort = new AbortController();
    try {
      const answer = await fetch(this.#ofRun(`${this.dataset.value}?x=${x}&y=${y}`), { signal: this.abort.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { value } = await answer.json();
      const one = (number) => Number(number.toPrecision(6)).toString();
      const text = value === null ? "no value" : Array.isArray(value) ? value.map(one).join(" ") : `${one(value)} ${this.picture.unit}`;
      this.known = { at: `${x},${y}`, text };
      this.#readOut();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  #clicked(point) {
    const mark = this.found ? this.overlays.near(...this.#at(point.x, point.y), 18) : null;
    this.#pinned(mark);
    this.cursor = this.#at(point.x, point.y);
    this.#readOut();
  }

  #pinned(mark) {
    this.pin = mark;
    this.overlays.heat(mark);
    this.#light(mark);
    this.#describe(mark);
    if (mark?.layer === "objects") find(`[data-object="${mark.about.index}"]`)?.scrollIntoView({ block: "nearest" });
  }

  #light(mark) {
    for (const button of document.querySelectorAll("[data-object]")) {
      button.classList.toggle("on", mark?.layer === "objects" && Number(button.dataset.object) === mark.about.index);
    }
  }

  #describe(mark = this.pin) {
    const card = find("#pinned");
    const shown = mark ?? this.pin;
    card.hidden = !shown;
    card.classList.toggle("kept", Boolean(shown) && shown === this.pin);
    if (!shown) return;
    const { about, layer } = shown;
    const title = document.createElement("b");
    const rest = document.createElement("span");
    const facts = [];
    if (layer === "objects") {
      title.textContent = about.label || about.names[0];
      facts.push(...(about.names ?? []).filter((name) => name !== title.textContent).slice(0, 3));
      if (about.vmag !== null && about.vmag !== undefined) facts.push(`${about.vmag.toFixed(1)} mag`);
      if (about.type === "bright") facts.push("star");
    } else if (layer === "stars") {
      title.textContent = about.catalogue || "Reference star";
      if (Number.isFinite(about.mag)) facts.push(`${about.mag.toFixed(2)} mag`);
      facts.push(`off by ${about.residual_px.toFixed(2)} px`);
    } else {
      title.textContent = "Detected source";
      if (Number.isFinite(about.snr)) facts.push(`S/N ${about.snr.toFixed(0)}`);
    }
    const sky = about.ra !== undefined ? [about.ra, about.dec] : this.wcs?.toSky(...about.file);
    if (sky) facts.push(position(...sky));
    rest.textContent = facts.filter(Boolean).join(" · ");
    card.replaceChildren(title, rest);
  }

  // A row of the list of objects was pointed at, or chosen.
  #listed(event, chosen) {
    const row = event.target.closest?.("[data-object]");
    if (!row || !this.found) return;
    const mark = this.overlays.object(Number(row.dataset.object));
    if (!mark) return;
    if (chosen) {
      this.shown.add("objects");
      this.overlays.show(this.shown);
      this.#boxes();
      this.#pinned(mark);
      this.osd.viewport.panTo(this.image.imageToViewportCoordinates(mark.x, mark.y), calm);
    } else {
      this.overlays.heat(mark);
      this.#describe(mark);
    }
  }

  // --- brightness ---

  #readStretch() {
    const [kind, low, high, invert] = (this.address.get("s") ?? "").split(",");
    const number = (text) => (text !== undefined && text !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
    const known = ["asinh", "linear", "log", "sqrt", "zscale"].includes(kind);
    return { kind: known ? kind : "asinh", low: number(low), high: number(high), invert: invert === "i" };
  }

  // Sliders run over the data's range, finer towards its dark end, where the sky is.
  #toValue(t) {
    const { minimum, maximum } = this.picture;
    return minimum + (maximum - minimum) * (t / 1000) ** 3;
  }

  #toSlider(value) {
    const { minimum, maximum } = this.picture;
    return Math.round(1000 * Math.cbrt(Math.min(1, Math.max(0, (value - minimum) / (maximum - minimum || 1)))));
  }

  #wireStretch() {
    const form = find("#stretch");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      const { name, value } = event.target;
      if (name === "kind") Object.assign(this.stretch, { kind: value, low: null, high: null });
      if (name === "low" || name === "high") this.stretch[name] = Number(this.#toValue(Number(value)).toPrecision(6));
      if (name === "invert") this.stretch.invert = event.target.checked;
      this.#limits();
      clearTimeout(this.rendering);
      this.rendering = setTimeout(() => this.#restretch(), name === "low" || name === "high" ? 150 : 0);
    });
  }

  #limits() {
    const form = find("#stretch");
    const { kind, low, high, invert } = this.stretch;
    const automatic = this.picture?.limits[kind] ?? [0, 1];
    const values = { low: low ?? automatic[0], high: high ?? automatic[1] };
    form.elements.kind.value = kind;
    form.elements.invert.checked = invert;
    for (const [name, value] of Object.entries(values)) {
      if (this.picture && document.activeElement !== form.elements[name]) form.elements[name].value = this.#toSlider(value);
      find(`[data-limit="${name}"]`).textContent = this.picture ? Number(value.toPrecision(5)).toString() : "";
    }
  }

  #restretch() {
    if (!this.osd) return;
    this.#remember();
    // The new picture grows over the old one, which goes when all its tiles are there: no flicker.
    this.osd.addTiledImage({
      tileSource: this.#source(),
      success: ({ item }) => {
        const done = () => {
          while (this.osd.world.getItemAt(0) !== item) this.osd.world.removeItem(this.osd.world.getItemAt(0));
          this.#follow();
          this.dataset.stretch = this.#query();
        };
        if (item.getFullyLoaded()) done();
        else item.addOnceHandler("fully-loaded-change", done);
      },
    });
  }

  // --- commands ---

  #do(what) {
    const view = this.osd?.viewport;
    if (what === "full") {
      if (document.fullscreenElement) document.exitFullscreen();
      else find(".stage").requestFullscreen?.();
    }
    if (!view) return;
    if (what === "in" || what === "out") { view.zoomBy(what === "in" ? 1.5 : 1 / 1.5, null, calm); view.applyConstraints(calm); }
    if (what === "home") view.goHome(calm);
    if (what === "auto") {
      Object.assign(this.stretch, { low: null, high: null });
      this.#limits();
      this.#restretch();
    }
    if (what === "invert") {
      this.stretch.invert = !this.stretch.invert;
      this.#limits();
      this.#restretch();
    }
  }

  #key(event) {
    const key = event.detail;
    const actions = { "+": "in", "=": "in", "-": "out", "0": "home", f: "full", i: "invert" };
    if (actions[key]) this.#do(actions[key]);
    else if (key === "o") this.#allOverlays();
    else if (/^[1-4]$/.test(key)) this.#flip(LAYERS[Number(key) - 1]);
    else if (key === "r" && find("#rerun")) {
      find("#rerun").open = true;
      find("#rerun").scrollIntoView({ block: "start" });
      find("#rerun input:not([type=hidden])").focus();
    } else if (key === "Escape") this.#pinned(null);
    else return;
    event.preventDefault();
  }

  #flip(name) {
    if (!this.found || !this.overlays.counts[name]) return;
    if (!this.shown.delete(name)) this.shown.add(name);
    this.overlays.show(this.shown);
    this.#boxes();
    this.#remember();
  }

  #allOverlays() {
    if (!this.found) return;
    if (this.shown.size) { this.before = this.shown; this.shown = new Set(); } else this.shown = this.before ?? new Set(["objects", "grid"]);
    this.overlays.show(this.shown);
    this.#boxes();
    this.#remember();
  }

  #pan(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const view = this.osd.viewport;
    view.panBy(view.deltaPointsFromPixels(new window.OpenSeadragon.Point(step[0] * 60, step[1] * 60)), calm);
    view.applyConstraints(calm);
  }

  // The address holds what is seen, so that a link shows it.
  #remember() {
    if (!this.zoom) return;
    const query = new URLSearchParams(location.search);
    const [x, y] = this.#middle();
    const home = Math.abs(this.osd.viewport.getZoom(false) / this.osd.viewport.getHomeZoom() - 1) < 1e-3;
    if (home) query.delete("v"); else query.set("v", `${x.toFixed(1)},${y.toFixed(1)},${Number(this.zoom.toPrecision(4))}`);
    const { kind, low, high, invert } = this.stretch;
    if (kind === "asinh" && low === null && high === null && !invert) query.delete("s");
    else query.set("s", [kind, low ?? "", high ?? "", invert ? "i" : ""].join(",").replace(/,+$/, ""));
    if (this.shown && this.found) query.set("o", LAYERS.filter((name) => this.shown.has(name)).join(","));
    const text = query.toString().replaceAll("%2C", ",");
    history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
  }
}

customElements.define("hven-solution", HvenSolution); // first: the viewer reads it
customElements.define("hven-viewer", HvenViewer);
