/**
 * What makes the gallery's pictures interactive, in the reader's browser. Without it, or where Plotly does not load,
 * the pictures stay.
 *
 * Plotly is loaded once, when the first figure comes near. Figures keep the size that they were made for and are scaled
 * as a whole, so that they look like their pictures; "Enlarge" lays one out anew over the whole window.
 */
export const GALLERY_SCRIPT = `
"use strict";
(() => {
  let loading;
  const plotly = (file) => (loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = file;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("cannot load " + file));
    document.head.append(script);
  }));
  const file = document.body.dataset.plotly;
  if (!file) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const template = read("plot-template");
  const figureOf = (face) => {
    const { data, layout } = read(face.dataset.plot);
    return { data, layout: { template, ...layout } };
  };
  const config = { displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };

  const scaled = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const inner = target.querySelector(".plot > div");
      if (inner) inner.style.transform = "scale(" + contentRect.width / Number(target.dataset.width) + ")";
    }
  });
  async function show(face) {
    const { data, layout } = figureOf(face);
    const Plotly = await plotly(file);
    const plot = face.querySelector(".plot");
    const inner = document.createElement("div");
    inner.style.cssText = "width: " + face.dataset.width + "px; height: " + face.dataset.height + "px";
    plot.replaceChildren(inner);
    plot.hidden = false;
    await Plotly.newPlot(inner, data, { ...layout, width: Number(face.dataset.width), height: Number(face.dataset.height) }, config);
    scaled.observe(face);
    face.classList.add("live");
  }
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      show(target).catch((error) => {
        target.querySelector(".plot").hidden = true; // the picture stays
        console.warn(String(error));
      });
    }
  }, { rootMargin: "300px" });
  for (const face of document.querySelectorAll("[data-plot]")) near.observe(face);

  const dialog = document.getElementById("enlarged");
  const large = dialog.querySelector(".large");
  for (const button of document.querySelectorAll("button.enlarge")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const face = button.closest("figure").querySelector("[data-plot]");
      const { data, layout } = figureOf(face);
      dialog.setAttribute("aria-label", button.getAttribute("aria-label"));
      large.classList.toggle("coloured", face.classList.contains("coloured"));
      large.setAttribute("aria-label", face.querySelector("img").alt);
      dialog.showModal();
      const Plotly = await plotly(file);
      const wide = Math.max(dialog.clientWidth - 32, Math.min(720, Number(face.dataset.width)));
      const high = Math.max(dialog.clientHeight - 80, 320, wide * 0.4);
      await Plotly.newPlot(large, data, { ...layout, width: wide, height: high }, config);
    });
  }
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => window.Plotly && window.Plotly.purge(large));
})();
`;
