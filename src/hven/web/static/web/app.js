// What all pages share: theme, keyboard, copying, questions before deleting, dropping files.

import * as angles from "./angles.js";
import * as tray from "./tray.js";

const find = (selector, root = document) => root.querySelector(selector);
const THEMES = ["night", "day", "red"];

function say(text) {
  const place = find("#said");
  place.textContent = text;
  place.classList.add("on");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => place.classList.remove("on"), 2500);
}

// --- theme ---

function theme(name) {
  document.documentElement.dataset.theme = name;
  find("#theme-name").textContent = name;
  find("#theme").setAttribute("aria-label", `Theme: ${name}. Change it`);
}

function nextTheme() {
  const name = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  try { localStorage.setItem("hven-theme", name); } catch { /* storage is switched off */ }
  theme(name);
}

// --- keyboard ---

let going = 0;

function typing(target) {
  return target.closest?.("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]");
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-rows] [data-row]")].filter((row) => row.offsetParent);
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))].focus();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || find("dialog[open]")) return;
  const { key } = event;
  if (Date.now() - going < 1500 && key.length === 1) {
    going = 0;
    const link = find(`.rail [data-go="${CSS.escape(key)}"]`);
    if (link) { event.preventDefault(); link.click(); return; }
  }
  going = 0;
  if (key === "g") going = Date.now();
  else if (key === "/") { event.preventDefault(); find("#search")?.focus(); }
  else if (key === "?") find("#help").showModal();
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else if (key === "t") nextTheme();
  else if (key === "d") say(angles.toggle() === "degrees" ? "Coordinates in degrees" : "Coordinates in hours and degrees");
  else if (!document.dispatchEvent(new CustomEvent("hven:key", { detail: key, cancelable: true }))) event.preventDefault();
}

// --- clicks ---

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure origin the browser has no clipboard to give.
    const box = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  say("Copied");
}

// Coordinates as other programs read them: 22:37:04.61 +34:25:29.1
function plain(text) {
  return text.replaceAll("−", "-").replace(/[hm′]|°(?=\d)/g, ":").replace(/[s″°]/g, "");
}

function clicked(event) {
  const target = event.target.closest("[data-copy], .coordinates, [data-help], #theme");
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (!target) return;
  if (target.dataset.copy) copy(find(target.dataset.copy).textContent);
  else if (target.matches(".coordinates")) copy(plain(target.textContent));
  else if (target.id === "theme") nextTheme();
  else find("#help").showModal();
}

function submitted(event) {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.sure) return;
  event.preventDefault();
  const dialog = document.createElement("dialog");
  const words = Object.assign(document.createElement("p"), { textContent: form.dataset.confirm, id: "question" });
  const yes = Object.assign(document.createElement("button"), { className: "button danger", textContent: form.querySelector("button").textContent.trim() });
  const no = Object.assign(document.createElement("button"), { className: "button", textContent: "Keep it", autofocus: true });
  const row = Object.assign(document.createElement("p"), { className: "actions" });
  row.append(no, yes);
  dialog.append(words, row);
  dialog.setAttribute("aria-labelledby", "question");
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => { form.dataset.sure = "yes"; dialog.close(); form.requestSubmit(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// --- files ---

function dropping() {
  const veil = find("#drop");
  let depth = 0;
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (files(event)) { depth += 1; veil.hidden = false; } });
  addEventListener("dragleave", (event) => { if (files(event) && (depth -= 1) <= 0) { depth = 0; veil.hidden = true; } });
  addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    tray.send(event.dataTransfer.files);
  });
}

function uploadPage() {
  const form = find("#upload");
  if (!form) return;
  find("#files").addEventListener("change", (event) => { tray.send(event.target.files); event.target.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  const call = find("#call");
  let timer = 0;
  form.addEventListener("input", (event) => {
    if (event.target.type === "file") return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const values = new FormData(form);
      values.delete("file");
      const answer = await fetch(call.dataset.address, { method: "POST", body: values, headers: { "X-CSRFToken": document.body.dataset.csrf, Accept: "application/json" } });
      const said = await answer.json().catch(() => ({}));
      call.textContent = said.call ?? said.error ?? "";
    }, 250);
  });
}

function filtering(event) {
  const box = event.target.closest("[data-filter]");
  if (!box) return;
  const wanted = box.value.toLowerCase();
  for (const row of document.querySelectorAll(box.dataset.filter)) {
    if (!row.closest("thead")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
}

function times(root) {
  for (const time of root.querySelectorAll("time[data-jd]")) {
    if (time.dataset.local) continue;
    time.dataset.local = "yes";
    const moment = new Date(time.dateTime);
    time.title = `${time.title}; local ${moment.toLocaleString()}`;
  }
}

theme(document.documentElement.dataset.theme);
angles.show();
times(document);
addEventListener("keydown", pressed);
addEventListener("click", clicked);
addEventListener("submit", submitted);
addEventListener("input", filtering);
find("#filters")?.addEventListener("change", (event) => event.currentTarget.requestSubmit());
document.addEventListener("hven:solution", () => { angles.show(); times(document); });
if (document.body.dataset.user) dropping();
uploadPage();
tray.start();
