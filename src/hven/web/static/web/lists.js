// Lists of frames: selecting with x and shift, and the map of the sky.

const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- selecting ---

const form = find("#selection");
let last = null;

function boxes() {
  return all("input[name=frames]", form);
}

function count() {
  const picked = boxes().filter((box) => box.checked).length;
  find("#picked").textContent = picked;
  find("#with-selected").hidden = !picked;
  find("#compare-two").disabled = picked !== 2;
  form.classList.toggle("picking", picked > 0);
}

function range(box) {
  const row = boxes();
  const [from, to] = [row.indexOf(last), row.indexOf(box)].sort((a, b) => a - b);
  for (const each of row.slice(Math.max(0, from), to + 1)) each.checked = box.checked;
}

function selecting() {
  form.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=frames]");
    if (!box) return;
    if (event.shiftKey && last) range(box);
    last = box;
  });
  form.addEventListener("change", count);
  find("#pick-all").addEventListener("click", () => { for (const box of boxes()) box.checked = true; count(); });
  find("#pick-none").addEventListener("click", () => { for (const box of boxes()) box.checked = false; count(); find("[data-row]")?.focus(); });
  // Enter in the field of the tag means the tag, not the first button of the form.
  find("[name=tag]", form).addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    find("button[value=tag]", form).click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = find("input[name=frames]", document.activeElement?.closest?.("li, tr") ?? document.createElement("i"));
    if (!box || document.activeElement.matches("input:not([type=checkbox]), select, textarea")) return;
    box.checked = !box.checked;
    if (event.shiftKey && last) range(box);
    last = box;
    count();
  });
  addEventListener("pageshow", count);
  count();
}

// --- the map: Hammer's projection, as the server draws it ---

const [HALF, MIDDLE_X, MIDDLE_Y] = [490, 500, 252];

function sky(x, y) {
  const [u, v] = [2 * Math.SQRT2 * (-(x - MIDDLE_X) / HALF), 2 * Math.SQRT2 * (-(y - MIDDLE_Y) / HALF)];
  const z2 = 1 - (u / 4) ** 2 - (v / 2) ** 2;
  if (z2 < 0.5) return null;
  const z = Math.sqrt(z2);
  const dec = Math.asin(Math.max(-1, Math.min(1, z * v))) * (180 / Math.PI);
  const ra = 2 * Math.atan2(z * u, 2 * (2 * z2 - 1)) * (180 / Math.PI);
  return [((ra % 360) + 360) % 360, dec];
}

function mapped(map) {
  const svg = find("svg", map);
  const place = find("#skymap-place", map);
  const dots = all(".dots a", svg);
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return sky(point.x, point.y);
  };
  svg.addEventListener("pointermove", (event) => {
    const found = at(event);
    place.textContent = found ? `${found[0].toFixed(1)}° ${found[1] < 0 ? "−" : "+"}${Math.abs(found[1]).toFixed(1)}°` : "";
  });
  svg.addEventListener("pointerleave", () => { place.textContent = ""; });
  svg.addEventListener("click", (event) => {
    const found = at(event);
    if (event.target.closest("a") || !found) return;
    const query = new URLSearchParams(map.dataset.query);
    query.set("near", `${found[0].toFixed(2)} ${found[1] < 0 ? "-" : "+"}${Math.abs(found[1]).toFixed(2)}`);
    query.set("radius", "5");
    location.href = `${map.dataset.page}?${query}`;
  });
  // One stop for the keyboard; arrows go to the nearest dot that way.
  const middle = (dot) => { const circle = dot.lastElementChild.previousElementSibling; return [circle.cx.baseVal.value, circle.cy.baseVal.value]; };
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = event.target.closest("a");
    if (!way || !from) return;
    event.preventDefault();
    const [x, y] = middle(from);
    let [best, least] = [null, Infinity];
    for (const dot of dots) {
      const [dx, dy] = [middle(dot)[0] - x, middle(dot)[1] - y];
      const along = dx * way[0] + dy * way[1];
      const cost = Math.hypot(dx, dy) + 2 * Math.abs(dx * way[1] + dy * way[0]);
      if (along > 0 && cost < least) [best, least] = [dot, cost];
    }
    if (!best) return;
    from.setAttribute("tabindex", "-1");
    best.setAttribute("tabindex", "0");
    best.focus();
  });
}

if (form) selecting();
const map = find("#skymap");
if (map) mapped(map);
