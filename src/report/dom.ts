/**
 * The page that Plotly draws on: a jsdom window with what a layout engine would add, measured with the bundled
 * typeface. Opened once, at the first figure; nothing in it can reach the network or the disk.
 */
import { createRequire } from "node:module";
import type { DOMWindow } from "jsdom";
import { canvasAddress, context2d } from "./canvas.ts";
import { ownRectangle, ownTransform, pageRectangle, pathLength, pointOnPath } from "./svg-geometry.ts";
import { textLength } from "./text-boxes.ts";

const require = createRequire(import.meta.url);

/** @param uniform what stands in for Math.random inside the window. */
export function openWindow(uniform: () => number): DOMWindow {
  const { JSDOM, VirtualConsole } = require("jsdom") as typeof import("jsdom");
  const page = "<!doctype html><html><body></body></html>";
  // A virtual console nobody listens to: jsdom's notes on what it does not implement are no concern of a notebook.
  const { window } = new JSDOM(page, { runScripts: "outside-only", virtualConsole: new VirtualConsole() });
  const windowMath = window.eval("Math") as { random: () => number };
  windowMath.random = uniform;

  Object.assign(window.SVGElement.prototype, {
    getBoundingClientRect(this: SVGElement) {
      return pageRectangle(this);
    },
    getBBox(this: SVGElement) {
      return ownRectangle(this);
    },
    getComputedTextLength(this: SVGElement) {
      return textLength(this);
    },
    getTotalLength(this: SVGElement) {
      return pathLength(this.getAttribute("d") ?? "");
    },
    getPointAtLength(this: SVGElement, length: number) {
      return pointOnPath(this.getAttribute("d") ?? "", length);
    },
  });
  Object.defineProperty(window.SVGElement.prototype, "transform", {
    configurable: true,
    get(this: SVGElement) {
      const consolidate = () => (this.hasAttribute("transform") ? { matrix: ownTransform(this) } : null);
      return { baseVal: { consolidate } };
    },
  });
  Object.assign(window.HTMLCanvasElement.prototype, {
    getContext(this: HTMLCanvasElement, kind: string) {
      return kind === "2d" ? context2d(this) : null;
    },
    toDataURL(this: HTMLCanvasElement) {
      return canvasAddress(this);
    },
  });
  Object.assign(window, {
    // Plotly asks this before it paints one pixel a heatmap cell, which every SVG viewer of today can enlarge.
    CSS: { supports: () => true },
    URL: Object.assign(window.URL, { createObjectURL: () => "about:blank", revokeObjectURL: () => undefined }),
  });
  return window;
}
