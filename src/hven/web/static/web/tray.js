// Uploads: sent two at a time with progress, then followed by their rows until they are solved.
// What is known stands in the session's storage, so the tray is there on the next page; failures stay until dismissed.

const KEY = `hven-tray-${document.body.dataset.user ?? ""}`;
const AT_ONCE = 2;
const STAY = 12000; // milliseconds
const waiting = [];
let rows = [];
let sending = 0;
let following = 0;

function save() {
  try { sessionStorage.setItem(KEY, JSON.stringify(rows)); } catch { /* storage is full or switched off */ }
}

function load() {
  try { rows = JSON.parse(sessionStorage.getItem(KEY) ?? "[]"); } catch { rows = []; }
  for (const row of rows) {
    if (row.stage === "waiting" || row.stage === "sending") {
      Object.assign(row, { stage: "refused", error: "The page was left before the file was sent. Drop it again." });
    }
  }
}

function node(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function line(row) {
  const state = { waiting: ["waits", "queued"], sending: ["sending", "running"], refused: ["not sent", "failed"] }[row.stage] ?? [row.state, row.look];
  const name = row.frame ? node("a", { href: row.frame, textContent: row.name }) : node("span", { textContent: row.name });
  name.classList.add("name");
  const item = node("li", { className: "upload-row" }, name, node("span", { className: `state ${state[1]}`, textContent: state[0] }));
  const part = row.stage === "sending" ? row.sent : row.stage === "sent" && row.state === "running" ? row.progress : null;
  if (part !== null) {
    const bar = node("progress", { max: 1, value: part, textContent: `${Math.round(part * 100)} %` });
    bar.setAttribute("aria-label", `Progress of ${row.name}`);
    item.append(bar);
  }
  const words = row.error || row.why || (row.stage === "sending" ? `${Math.round(row.sent * 100)} % sent` : row.state === "queued" && row.place !== null ? (row.place ? `${row.place} before it` : "next in turn") : row.state === "running" ? row.message : "");
  if (words) item.append(node("small", { textContent: words }));
  if (row.stage === "refused" || row.ended) {
    const button = node("button", { type: "button", className: "plain dismiss", textContent: "×" });
    button.setAttribute("aria-label", `Dismiss ${row.name}`);
    button.addEventListener("click", () => { rows = rows.filter((other) => other !== row); draw(); });
    item.append(button);
  }
  return item;
}

// What is solved leaves by itself after a while, or when its page is open; failures stay.
function leave() {
  const stays = rows.filter((row) => !(row.ended && row.look === "solved" && (location.pathname === row.frame || Date.now() - row.seen > STAY)));
  if (stays.length === rows.length) return;
  rows = stays;
  draw();
}

function draw() {
  for (const row of rows) if (row.ended) row.seen ??= Date.now();
  save();
  const own = document.querySelector("#sent");
  const tray = document.querySelector("#tray");
  if (own) own.replaceChildren(...rows.map(line));
  tray.hidden = Boolean(own) || !rows.length;
  if (tray.hidden) return;
  const busy = rows.filter((row) => row.stage !== "refused" && !row.ended).length;
  const title = node("h2", { textContent: busy ? `${busy} under way` : "Uploads" });
  const head = node("header", {}, title);
  if (rows.some((row) => row.ended && row.look === "solved")) {
    const clear = node("button", { type: "button", className: "plain", textContent: "Clear solved" });
    clear.addEventListener("click", () => { rows = rows.filter((row) => !(row.ended && row.look === "solved")); draw(); });
    head.append(clear);
  }
  tray.replaceChildren(head, node("ul", {}, ...rows.map(line)));
}

function values() {
  const form = document.querySelector("#upload");
  const found = form ? new FormData(form) : new FormData();
  found.delete("file");
  return found;
}

export function send(files) {
  const said = values();
  const limit = Number(document.querySelector("#upload")?.dataset.limit ?? Infinity);
  for (const file of files) {
    const row = { name: file.name, size: file.size, stage: "waiting", sent: 0 };
    rows.unshift(row);
    if (file.size > limit) Object.assign(row, { stage: "refused", error: "This file is larger than the server takes." });
    else if (file.size === 0) Object.assign(row, { stage: "refused", error: "This file is empty." });
    else waiting.push([row, file, said]);
  }
  next();
  draw();
}

function next() {
  while (sending < AT_ONCE && waiting.length) {
    sending += 1;
    transfer(...waiting.shift());
  }
}

function transfer(row, file, said) {
  const form = new FormData();
  for (const [name, value] of said) form.append(name, value);
  form.append("file", file);
  const request = new XMLHttpRequest();
  request.open("POST", "/uploads/");
  request.setRequestHeader("X-CSRFToken", document.body.dataset.csrf);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  row.stage = "sending";
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) row.sent = event.loaded / event.total;
    draw();
  });
  request.addEventListener("loadend", () => {
    sending -= 1;
    if (request.status === 201 && request.response) Object.assign(row, request.response, { stage: "sent", sent: 1 });
    else Object.assign(row, { stage: "refused", error: request.response?.error ?? (request.status ? `The server answered ${request.status}.` : "The server cannot be reached. Drop the file again when it is back.") });
    draw();
    next();
    follow();
  });
  request.send(form);
}

async function follow() {
  clearTimeout(following);
  const open = rows.filter((row) => row.submission && !row.ended);
  if (!open.length) return;
  try {
    const answer = await fetch(`/uploads/rows.json?submissions=${open.slice(0, 60).map((row) => row.submission).join(",")}`, { headers: { Accept: "application/json" } });
    if (answer.ok) {
      const found = new Map((await answer.json()).rows.map((row) => [row.submission, row]));
      for (const row of open.slice(0, 60)) {
        if (found.has(row.submission)) Object.assign(row, found.get(row.submission));
        else Object.assign(row, { ended: true, state: "deleted", look: "cancelled" });
      }
      draw();
    }
  } catch { /* the server is away for a moment: asked again below */ }
  following = setTimeout(follow, 1000);
}

export function start() {
  if (!document.body.dataset.user) return;
  load();
  draw();
  follow();
  if (!document.querySelector("#sent")) { leave(); setInterval(leave, 1000); }
  addEventListener("beforeunload", (event) => { if (sending || waiting.length) event.preventDefault(); });
}
