// What is drawn over the picture: detected sources, reference stars, named objects, the grid.
// Everything lies in picture coordinates in one group that follows the view; sizes on the screen come from --s.

const SVG = "http://www.w3.org/2000/svg";
export const LAYERS = ["detected", "stars", "objects", "grid"];

function make(name, attributes = {}, parent = null) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent?.append(node);
  return node;
}

export class Overlays {
  constructor(svg) {
    this.svg = svg;
    this.scale = 1;
    this.on = new Set();
    this.marks = [];
    this.root = null;
    this.hot = null;
  }

  // `place` takes 0-based pixels of the file to the picture as it is seen.
  draw(found, place) {
    this.svg.replaceChildren();
    this.root = make("g", {}, this.svg);
    this.front = make("g", {}, this.svg); // labels: not scaled
    this.layers = Object.fromEntries(["grid", "detected", "stars", "objects"].map((name) => [name, make("g", { class: `layer ${name}` }, this.root)]));
    this.names = Object.fromEntries(["grid", "objects"].map((name) => [name, make("g", { class: `names ${name}` }, this.front)]));
    this.marks = [];
    this.labels = [];
    for (const [x, y, snr] of found.sources) this.#mark("detected", "circle", place(x, y), { snr, file: [x, y] });
    for (const star of found.stars) this.#mark("stars", "rect", place(star.x, star.y), { ...star, file: [star.x, star.y] });
    found.objects.forEach((object, index) => {
      const mark = this.#mark("objects", "circle", place(object.x, object.y), { ...object, index, file: [object.x, object.y] }, object.radius_px || 0);
      this.#label("objects", mark.x, mark.y, object.label || object.names?.[0] || "", mark.radius, object.rank ?? 0);
    });
    for (const line of found.grid) this.#line(line, place);
    this.labels.sort((a, b) => a.rank - b.rank);
    this.ring = make("circle", { class: "ring" }, this.root);
    this.counts = { detected: found.source_count, stars: found.stars.length, objects: found.objects.length, grid: found.grid.length };
    this.show(this.on);
  }

  #mark(layer, shape, [x, y], about, radius = 0) {
    const node = make(shape, shape === "circle" ? { cx: x, cy: y } : {}, this.layers[layer]);
    node.style.setProperty("--x", x);
    node.style.setProperty("--y", y);
    if (radius) node.style.setProperty("--r", radius);
    const mark = { layer, x, y, radius, about, node };
    this.marks.push(mark);
    return mark;
  }

  #label(layer, x, y, text, offset, rank) {
    const node = make("text", {}, this.names[layer]);
    node.textContent = text;
    this.labels.push({ layer, x, y, offset, rank, node, width: 7 * text.length + 8 });
  }

  #line(line, place) {
    const d = line.pieces.map((piece) => piece.map(([x, y], i) => `${i ? "L" : "M"}${place(x, y).map((v) => v.toFixed(1)).join(" ")}`).join("")).join("");
    make("path", { d, class: line.axis }, this.layers.grid);
    if (line.label_at) {
      const [x, y] = place(...line.label_at);
      this.#label("grid", x, y, line.label, 0, 1e6);
    }
  }

  show(on) {
    this.on = on;
    if (!this.root) return;
    for (const name of LAYERS) {
      this.layers[name].classList.toggle("off", !on.has(name));
      this.names[name]?.classList.toggle("off", !on.has(name));
    }
    this.#arrange();
  }

  // The picture's corner lies at (left, top) on the screen, a pixel is `scale` wide.
  follow(left, top, scale) {
    this.origin = [left, top];
    this.scale = scale;
    if (!this.root) return;
    this.root.setAttribute("transform", `translate(${left} ${top}) scale(${scale})`);
    this.svg.style.setProperty("--s", scale);
    this.#arrange();
  }

  // Labels keep their size; those that would cover a more important one are left out.
  #arrange() {
    if (!this.origin || !this.labels) return;
    const [left, top] = this.origin;
    const { clientWidth: width, clientHeight: height } = this.svg;
    // Where rose, buttons and scale bar stand.
    const taken = [[0, 0, 84, 84], [width - 56, 0, width, width < 700 ? 90 : 172], [0, height - 84, 150, height - 34]];
    for (const label of this.labels) {
      const gap = Math.max(label.offset * this.scale, 8) * 0.75 + 4;
      let [x, y] = [left + label.x * this.scale + gap, top + label.y * this.scale - gap];
      if (label.layer === "grid") [x, y] = [x - gap + 4, y + gap - 4];
      const box = [x, y - 12, x + label.width, y + 4];
      const seen = this.on.has(label.layer) && box[2] > 0 && box[0] < width && box[3] > 0 && box[1] < height
        && !taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
      label.node.classList.toggle("off", !seen);
      if (!seen) continue;
      taken.push(box);
      label.node.setAttribute("x", x.toFixed(1));
      label.node.setAttribute("y", y.toFixed(1));
    }
  }

  // The mark nearest to a point of the picture, within `reach` pixels of the screen.
  near(x, y, reach = 14) {
    let [best, least] = [null, Infinity];
    for (const mark of this.marks) {
      if (!this.on.has(mark.layer)) continue;
      let distance = Math.hypot(mark.x - x, mark.y - y) * this.scale;
      // On the rim of a large object as well as in its middle; names are preferred to plain marks.
      if (mark.layer === "objects") distance = Math.min(distance, Math.abs(distance - mark.radius * this.scale)) - 4;
      if (mark.layer === "stars") distance -= 1;
      if (distance < reach && distance < least) [best, least] = [mark, distance];
    }
    return best;
  }

  object(index) {
    return this.marks.find((mark) => mark.layer === "objects" && mark.about.index === index) ?? null;
  }

  heat(mark) {
    if (!this.ring) return;
    this.ring.classList.toggle("on", Boolean(mark));
    if (!mark) return;
    this.ring.setAttribute("cx", mark.x);
    this.ring.setAttribute("cy", mark.y);
    this.ring.style.setProperty("--r", mark.radius);
  }
}
