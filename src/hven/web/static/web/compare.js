// Two pictures on each other: a line that is drawn across, or one after the other.

const svg = document.querySelector("#swipe");

if (svg) {
  const [part, line, slider, button] = ["#swipe-window", "#swipe-line", "#swipe-at", "#blink"].map((name) => document.querySelector(name));
  const over = document.querySelector("#swipe-b");
  const { width, height } = svg.viewBox.baseVal;
  let timer = 0;

  const draw = () => {
    const x = (slider.value / 1000) * width;
    part.setAttribute("x", x);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  };
  const pull = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    slider.value = Math.round((1000 * Math.min(width, Math.max(0, point.x))) / width);
    draw();
  };
  const blink = (on) => {
    clearInterval(timer);
    button.setAttribute("aria-pressed", on);
    svg.classList.toggle("blinking", on);
    over.removeAttribute("visibility");
    if (!on) return draw();
    part.setAttribute("x", 0);
    timer = setInterval(() => over.toggleAttribute("visibility") && over.setAttribute("visibility", "hidden"), 700);
  };
  svg.style.aspectRatio = `${width} / ${height}`;
  slider.addEventListener("input", () => { if (timer) { blink(false); timer = 0; } draw(); });
  svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); pull(event); });
  svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) pull(event); });
  button.addEventListener("click", () => blink(button.getAttribute("aria-pressed") !== "true"));
  draw();
}
