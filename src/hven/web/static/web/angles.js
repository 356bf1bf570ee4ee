// Coordinates in two forms, everywhere the same: 22h37m04.61s +34°25′29.1″ or 339.26921 +34.42475.

function split(total, digits) {
  const whole = Math.floor(total / 10 ** digits);
  const seconds = `${String(whole % 60).padStart(2, "0")}.${String(total % 10 ** digits).padStart(digits, "0")}`;
  return [Math.floor(whole / 3600), String(Math.floor(whole / 60) % 60).padStart(2, "0"), seconds];
}

export function sexagesimalRa(degrees) {
  const day = 24 * 3600 * 100;
  const total = Math.round((((degrees % 360) + 360) % 360) / 15 * 3600 * 100) % day;
  const [h, m, s] = split(total, 2);
  return `${String(h).padStart(2, "0")}h${m}m${s}s`;
}

export function sexagesimalDec(degrees) {
  const total = Math.round(Math.abs(degrees) * 3600 * 10);
  const [d, m, s] = split(total, 1);
  return `${degrees < 0 && total ? "−" : "+"}${String(d).padStart(2, "0")}°${m}′${s}″`;
}

export function inDegrees() {
  return document.documentElement.dataset.angles === "degrees";
}

export function position(ra, dec) {
  if (!inDegrees()) return `${sexagesimalRa(ra)} ${sexagesimalDec(dec)}`;
  return `${ra.toFixed(5)}° ${dec < 0 ? "−" : "+"}${Math.abs(dec).toFixed(5)}°`;
}

export function show(root = document) {
  for (const place of root.querySelectorAll(".coordinates")) {
    place.textContent = position(Number(place.dataset.ra), Number(place.dataset.dec));
  }
  for (const place of root.querySelectorAll("[data-plain-ra]")) {
    place.textContent = position(Number(place.dataset.plainRa), Number(place.dataset.plainDec));
  }
}

export function toggle() {
  const form = inDegrees() ? "sexagesimal" : "degrees";
  document.documentElement.dataset.angles = form;
  try { localStorage.setItem("hven-angles", form); } catch { /* storage is switched off */ }
  show();
  document.dispatchEvent(new CustomEvent("hven:angles"));
  return form;
}

export function angle(degrees) {
  const trim = (value) => String(Number(value.toPrecision(3)));
  if (degrees >= 1) return `${trim(degrees)}°`;
  if (degrees * 60 >= 1) return `${trim(degrees * 60)}′`;
  return `${trim(degrees * 3600)}″`;
}
