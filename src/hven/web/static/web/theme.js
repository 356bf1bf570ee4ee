// The theme, before anything is painted.
(() => {
  document.documentElement.dataset.js = "yes";
  let theme = null;
  try { theme = localStorage.getItem("hven-theme"); } catch { /* storage is switched off */ }
  if (["night", "day", "red"].includes(theme)) document.documentElement.dataset.theme = theme;
  try { document.documentElement.dataset.angles = localStorage.getItem("hven-angles") === "degrees" ? "degrees" : "sexagesimal"; } catch { /* the same */ }
})();
