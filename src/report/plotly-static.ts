/**
 * A Plotly figure as SVG, without a browser: plotly.js in a jsdom window whose text is measured with the bundled
 * typeface.
 *
 * The same figure gives the same bytes in every process and after whatever figures were drawn before: the ids that
 * Plotly draws at random come from a generator seeded by the figure itself, which also keeps the ids of different
 * figures apart when their drawings stand in one page.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { DOMWindow } from "jsdom";
import type { Config, Data, Layout } from "plotly.js";
import { Random } from "../graph/random.ts";
import { openWindow } from "./dom.ts";
import { cutFarShapes } from "./far-shapes.ts";
import { refuseUnknownAttributes, type SchemaOfPlotly } from "./figure-schema.ts";
import type { PlainFigure } from "./plain-figure.ts";
import { leaveOneMarker, withFewMarkers, withReferences, type DrawnRoot } from "./many-points.ts";

const require = createRequire(import.meta.url);

/** A figure in Plotly's own terms. Arrays may be typed arrays. */
export interface PlotlySpecification {
  readonly data: readonly Data[];
  readonly layout?: Partial<Layout>;
  readonly config?: Partial<Config>;
}

const defaultSize = { width: 700, height: 450 } as const;

/** Traces that Plotly draws as SVG from the figure alone, and at once. */
const drawable = new Set(
  (
    "scatter bar box violin histogram histogram2d histogram2dcontour contour contourcarpet carpet scattercarpet heatmap " +
    "pie sunburst treemap icicle funnel funnelarea waterfall candlestick ohlc scatterpolar barpolar scatterternary " +
    "scattersmith sankey parcats indicator table"
  ).split(" "),
);

/** Traces that differ from another type only in being drawn by WebGL, where there is a browser. */
const withoutWebGl: Readonly<Record<string, string>> = { scattergl: "scatter", scatterpolargl: "scatterpolar" };

/** The figure with types that can be drawn here. */
const drawnTypes = (figure: PlainFigure): PlainFigure => ({
  ...figure,
  data: figure.data.map((trace) => {
    const type = withoutWebGl[String(trace.type)];
    return type === undefined ? trace : { ...trace, type };
  }),
});

/** Traces that need WebGL or map data, and what shows the same numbers without. */
const instead: Record<string, string> = {
  heatmapgl: '"heatmap"',
  pointcloud: '"scatter"',
  splom: 'panels of "scatter"',
  parcoords: '"parcats", or "scatter" lines over the axes',
  scatter3d: '"scatter" in panels, or with colour for the third coordinate',
  surface: '"heatmap" or "contour"',
  mesh3d: '"heatmap" or "contour"',
  volume: 'panels of "heatmap"',
  isosurface: 'panels of "contour"',
  cone: '"scatter" with annotation arrows',
  streamtube: '"scatter" with annotation arrows',
};
const MAP_TRACES = /^(choropleth|scattergeo|(scatter|choropleth|density)(map|mapbox))$/;

/** @throws TypeError for a trace that cannot be drawn without a graphics processor or map data. */
function refuseUndrawable(data: readonly { readonly type?: unknown; readonly name?: unknown }[]): void {
  data.forEach((trace, index) => {
    const type = trace.type ?? "scatter";
    if (typeof type === "string" && (drawable.has(type) || Object.hasOwn(withoutWebGl, type))) return;
    const which = `trace ${index}${typeof trace.name === "string" ? ` ("${trace.name}")` : ""} has type ${JSON.stringify(type)}`;
    if (type === "image")
      throw new TypeError(
        `${which}, which Plotly draws only after a static drawing is made; use "heatmap", or a layout image`,
      );
    const known = typeof type === "string" ? type : "";
    if (MAP_TRACES.test(known))
      throw new TypeError(`${which}, which needs map data from the network; use "scatter" over longitude and latitude`);
    if (instead[known])
      throw new TypeError(
        `${which}, which needs WebGL and would come out empty without a browser; use ${instead[known]}`,
      );
    throw new TypeError(`${which}, which Plotly does not have; use one of ${[...drawable].join(", ")}`);
  });
}

/** @throws TypeError for a layout image that would have to be fetched. */
function refuseRemoteImages(layout: Partial<Layout> | undefined): void {
  layout?.images?.forEach(({ source }, index) => {
    if (source !== undefined && !source.startsWith("data:"))
      throw new TypeError(
        `layout image ${index} is at ${source}, but figures fetch nothing; give it as a data: address`,
      );
  });
}

function plain(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Float64Array, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined && typeof entry !== "function")
        .map(([key, entry]) => [key, plain(entry)]),
    );
  return value;
}

/**
 * The figure as plain JSON values, checked for what cannot be drawn; the argument is left as it is.
 * @throws TypeError for a trace or image that cannot be drawn, or when `data` is not a list.
 */
export function plainFigure(figure: PlotlySpecification): PlainFigure {
  if (!Array.isArray(figure.data)) throw new TypeError("a figure needs { data: [...traces] }");
  refuseUndrawable(figure.data as never);
  refuseRemoteImages(figure.layout);
  return plain({ ...figure, layout: { ...defaultSize, ...figure.layout } }) as PlainFigure;
}

interface Plotly extends SchemaOfPlotly {
  newPlot(root: Element, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  purge(root: Element): void;
  readonly Snapshot: { toSVG(root: Element, format: "svg"): string };
}

let generator: Random | undefined;
let opened: { window: DOMWindow; plotly: Plotly } | undefined;

function openPlotly() {
  if (opened) return opened;
  generator = Random.fromSeed(0);
  const window = openWindow(() => generator!.uniform());
  window.eval(readFileSync(require.resolve("plotly.js-dist-min"), "utf8"));
  opened = { window, plotly: (window as unknown as { Plotly: Plotly }).Plotly };
  return opened;
}

/** The size in CSS pixels of the figure's drawing. */
export function figureSize({ layout }: PlainFigure): { width: number; height: number } {
  const pixels = (value: unknown, otherwise: number) => (typeof value === "number" && value >= 10 ? value : otherwise);
  return { width: pixels(layout.width, defaultSize.width), height: pixels(layout.height, defaultSize.height) };
}

/**
 * Draws the figure. The same figure gives the same string, in this process and in every other.
 * @throws TypeError for a trace that cannot be drawn without a browser and for what Plotly's schema has not; Error with
 *   Plotly's message when Plotly fails.
 */
export function figureSvg(figure: PlotlySpecification): string {
  const whole = drawnTypes(plainFigure(figure));
  const { window, plotly } = openPlotly();
  refuseUnknownAttributes(plotly, insideOf(window, JSON.stringify(whole)));
  const { figure: few, many } = withFewMarkers(whole);
  const drawn = draw(few, many) ?? draw(whole, []);
  if (drawn === undefined) throw new Error("Plotly drew no markers");
  return drawn;
}

/** Parsed inside the window, for Plotly tells plain objects from others by the window's own Object. */
const insideOf = (window: DOMWindow, json: string) =>
  (window as unknown as { JSON: typeof JSON }).JSON.parse(json) as PlainFigure;

/** @param many the traces of which Plotly is to draw but some markers; undefined if it then drew none. */
function draw(figure: PlainFigure, many: readonly boolean[]): string | undefined {
  const json = JSON.stringify(figure);
  const { window, plotly } = openPlotly();
  const seed = createHash("sha256").update(json).digest();
  generator = Random.fromSeed(seed.readUInt32LE(0));
  const inside = insideOf(window, json);
  const root = window.document.createElement("div");
  window.document.body.appendChild(root);
  try {
    let failure: unknown;
    const config = { ...inside.config, staticPlot: true, displayModeBar: false };
    plotly
      .newPlot(root, inside.data, { ...inside.layout, ...figureSize(inside) }, config)
      .catch((error: unknown) => (failure = error));
    if (!root.querySelector(".main-svg")) throw new Error(`Plotly could not draw the figure: ${String(failure)}`);
    const references = leaveOneMarker(root as unknown as DrawnRoot, many, `marker${seed.toString("hex", 0, 4)}`);
    if (!references) return undefined;
    const { width, height } = figureSize(inside);
    for (const layer of root.querySelectorAll(".main-svg")) cutFarShapes(layer, width, height);
    return withReferences(finishSvg(plotly.Snapshot.toSVG(root, "svg")), references);
  } finally {
    plotly.purge(root);
    root.remove();
  }
}

function finishSvg(svg: string): string {
  return (
    svg
      .toWellFormed()
      .replaceAll(/(?![\t\n\r\u007f-\u009f])\p{Cc}|[\ufffe\uffff]/gu, "\ufffd") // no XML may hold them
      // Plotly's stand-in for quotes, which jsdom writes in places that Plotly does not expect
      .replaceAll("TOBESTRIPPED", "'")
      .replaceAll(
        /image-rendering: [^;"]*(;\s*image-rendering: [^;"]*)*/g,
        "image-rendering: pixelated; image-rendering: optimizeSpeed",
      )
  );
}
