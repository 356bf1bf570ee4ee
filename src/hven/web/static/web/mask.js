// Drawing rectangles over a frame. Pixels are 0-based, the first row is at the bottom, x2 and y2 are not included.

const SVG = "http://www.w3.org/2000/svg";
const SIDES = ["x1", "y1", "x2", "y2"];

class HvenMask extends HTMLElement {
  connectedCallback() {
    this.width = Number(this.dataset.width);
    this.height = Number(this.dataset.height);
    this.stage = this.querySelector(".mask-stage");
    this.over = this.querySelector("svg");
    this.list = this.querySelector("[data-list]");
    this.rectangles = JSON.parse(document.getElementById("drawn").textContent).rectangles;
    this.stage.addEventListener("pointerdown", (event) => this.begin(event));
    this.stage.addEventListener("pointermove", (event) => this.move(event));
    this.stage.addEventListener("pointerup", (event) => this.end(event));
    this.stage.addEventListener("pointercancel", () => { this.from = null; this.draw(); });
    this.querySelector("[data-add]").addEventListener("click", () => this.add());
    this.querySelector("[data-clear]").addEventListener("click", () => { this.rectangles = []; this.draw(); });
    this.list.addEventListener("change", (event) => this.typed(event.target));
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.remove(Number(button.dataset.number));
    });
    this.querySelector("form").addEventListener("submit", () => {
      const rectangles = this.rectangles.map((one) => Object.fromEntries(SIDES.map((side, n) => [side, one[n]])));
      const invert = this.querySelector("[data-invert]").checked;
      this.querySelector("[name=drawn]").value = JSON.stringify({ rectangles, invert });
    });
    this.draw();
  }

  place(event) {
    const box = this.stage.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.width;
    const y = this.height - ((event.clientY - box.top) / box.height) * this.height;
    return [Math.round(Math.min(Math.max(x, 0), this.width)), Math.round(Math.min(Math.max(y, 0), this.height))];
  }

  begin(event) {
    if (event.button) return;
    event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    this.from = this.to = this.place(event);
  }

  move(event) {
    if (!this.from) return;
    this.to = this.place(event);
    this.draw();
  }

  end(event) {
    if (!this.from) return;
    const [[ax, ay], [bx, by]] = [this.from, this.place(event)];
    this.from = null;
    if (Math.abs(ax - bx) > 1 && Math.abs(ay - by) > 1) {
      this.rectangles.push([Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)]);
    } else {
      const hit = this.rectangles.findLastIndex(([x1, y1, x2, y2]) => ax >= x1 && ax < x2 && ay >= y1 && ay < y2);
      if (hit >= 0) this.rectangles.splice(hit, 1);
    }
    this.draw();
  }

  add() {
    const [w, h] = [this.width, this.height];
    this.rectangles.push([Math.round(w * 0.45), Math.round(h * 0.45), Math.round(w * 0.55), Math.round(h * 0.55)]);
    this.draw();
    this.list.lastElementChild.querySelector("input").focus();
  }

  remove(number) {
    this.rectangles.splice(number, 1);
    this.draw();
  }

  typed(input) {
    const value = Math.round(Number(input.value));
    if (Number.isFinite(value)) this.rectangles[Number(input.dataset.number)][SIDES.indexOf(input.dataset.side)] = value;
    this.draw(false);
  }

  draw(list = true) {
    const shown = this.from ? [...this.rectangles, [
      Math.min(this.from[0], this.to[0]), Math.min(this.from[1], this.to[1]),
      Math.max(this.from[0], this.to[0]), Math.max(this.from[1], this.to[1])]] : this.rectangles;
    this.over.replaceChildren(...shown.map(([x1, y1, x2, y2]) => {
      const rect = document.createElementNS(SVG, "rect");
      const sides = { x: x1, y: this.height - y2, width: Math.max(x2 - x1, 0), height: Math.max(y2 - y1, 0) };
      for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
      return rect;
    }));
    this.querySelector("[data-count]").textContent = this.rectangles.length;
    if (!list) return;
    this.list.replaceChildren(...this.rectangles.map((one, number) => {
      const row = document.createElement("div");
      row.append(...SIDES.map((side, n) => {
        const input = document.createElement("input");
        Object.assign(input, { value: one[n], inputMode: "numeric" });
        Object.assign(input.dataset, { number, side });
        input.setAttribute("aria-label", `${side} of rectangle ${number + 1}`);
        return input;
      }));
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "button", textContent: "×" });
      button.dataset.number = number;
      button.setAttribute("aria-label", `Take rectangle ${number + 1} away`);
      row.append(button);
      return row;
    }));
  }
}
customElements.define("hven-mask", HvenMask);
