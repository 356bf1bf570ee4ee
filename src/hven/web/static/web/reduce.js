// The page of a reduction: pictures in turn, tables that sort, verdicts without leaving the page.

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const PERIOD = calm ? 1600 : 700; // milliseconds of each picture

class HvenBlink extends HTMLElement {
  connectedCallback() {
    this.image = this.querySelector("img");
    this.button = this.querySelector("[data-blink]");
    this.button.addEventListener("click", () => this.toggle());
    this.addEventListener("change", (event) => this.chosen(event.target));
    this.onKey = (event) => {
      if (event.key === "b" && !event.target.closest("input, textarea, select") && !event.metaKey && !event.ctrlKey) this.toggle();
    };
    document.addEventListener("keydown", this.onKey);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    document.removeEventListener("keydown", this.onKey);
  }

  get paths() {
    return [...this.querySelectorAll("input:checked")].map((box) => box.value);
  }

  show(path) {
    const word = this.querySelector(`input[value="${CSS.escape(path)}"]`).nextElementSibling.textContent;
    this.image.src = this.dataset.base.replace(/X$/, path);
    this.image.alt = word;
  }

  chosen(box) {
    // One picture at a time, until somebody blinks: then all that are ticked.
    if (!this.timer && box.checked) this.show(box.value);
  }

  toggle() {
    if (this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    } else {
      let paths = this.paths;
      if (paths.length < 2) {
        for (const box of [...this.querySelectorAll("input")].slice(0, 3)) box.checked = true;
        paths = this.paths;
      }
      let at = 0;
      this.show(paths[0]);
      this.timer = setInterval(() => {
        const now = this.paths;
        if (now.length) this.show(now[++at % now.length]);
      }, PERIOD);
    }
    this.button.setAttribute("aria-pressed", String(Boolean(this.timer)));
  }
}
customElements.define("hven-blink", HvenBlink);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sortable] th button");
  if (!button) return;
  const head = button.closest("th");
  const body = head.closest("table").tBodies[0];
  const column = [...head.parentElement.children].indexOf(head);
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => {
    const text = row.children[column].innerText.trim();
    if (head.dataset.sort !== "number") return row.dataset.verdict && column === row.children.length - 1 ? row.dataset.verdict : text;
    const number = Number.parseFloat(text);
    return Number.isNaN(number) ? Infinity : number;
  };
  const rows = [...body.rows].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
  if (down) rows.reverse();
  body.append(...rows);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-judge]");
  if (!form) return;
  event.preventDefault();
  const pressed = event.submitter;
  const word = pressed.getAttribute("aria-pressed") === "true" ? "open" : pressed.value;
  const data = new FormData(form);
  data.set("word", word);
  const answer = await fetch(form.action, { method: "POST", body: data, headers: { "HX-Request": "true" } });
  if (!answer.ok) {
    form.submit();
    return;
  }
  form.closest("tr").dataset.verdict = word;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === word));
});
