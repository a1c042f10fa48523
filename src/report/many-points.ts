/**
 * Scatter traces of very many points. Plotly makes an element of each marker, which costs jsdom 13 kB of memory and the
 * svg 190 characters. Where a trace's markers are all alike, Plotly draws one of them (marker.maxdisplayed) on axes
 * that all of the points have determined, and the others are put into the finished document as references to it.
 */
import type { PlainFigure } from "./plain-figure.ts";

type Trace = Record<string, unknown>;

/** Markers of a trace beyond which they are references. */
const MANY_POINTS = 20_000;
/** Elements beyond which a figure is refused: about .7 GB and 20 s. */
const MOST_ELEMENTS = 50_000;
/** Of so many of a trace's points Plotly draws the marker: one would do, but it may be a gap. */
const SAMPLE = 1000;
/** References beyond which a figure is refused: 10 MB of svg. */
const MOST_MARKERS = 200_000;
/** CSS pixels beyond the plot area within which a marker's edge may still be seen. */
const MARGIN = 100;

const isArray = Array.isArray as (value: unknown) => value is unknown[];
const isObject = (value: unknown): value is Trace => typeof value === "object" && value !== null && !isArray(value);
const hasArray = (value: unknown): boolean =>
  isArray(value) || (isObject(value) && Object.values(value).some(hasArray));

const numPoints = (trace: Trace) =>
  Math.max(
    0,
    ...["x", "y", "r", "theta", "a", "b", "values", "open"].map((key) => (isArray(trace[key]) ? trace[key].length : 0)),
  );

/** Parts that a scatter trace of this mode has for each point. */
const perPoint = ({ mode = "lines", error_x, error_y }: Trace): number =>
  ["markers", "text"].filter((part) => String(mode).includes(part)).length +
  [error_x, error_y].filter((bars) => isObject(bars) && bars.visible !== false).length;

/** Types of which each point is an element of its own. */
const ONE_EACH = new Set(["bar", "waterfall", "funnel", "barpolar", "candlestick", "ohlc", "pie", "funnelarea", "treemap", "sunburst", "icicle"]); // prettier-ignore

function numElements(trace: Trace): number {
  const type = typeof trace.type === "string" ? trace.type : "scatter";
  if (trace.visible === false || trace.visible === "legendonly") return 0;
  return numPoints(trace) * (ONE_EACH.has(type) ? 1 : type.startsWith("scatter") ? perPoint(trace) : 0);
}

const areAlike = ({ marker, selectedpoints, cliponaxis }: Trace): boolean =>
  !isArray(selectedpoints) &&
  cliponaxis !== false &&
  (!isObject(marker) || (!hasArray(marker) && !marker.maxdisplayed && marker.angleref !== "previous"));

const isMany = (trace: Trace): boolean =>
  (trace.type ?? "scatter") === "scatter" &&
  String(trace.mode).includes("markers") &&
  numPoints(trace) > MANY_POINTS &&
  areAlike(trace);

/**
 * The figure as it is given to Plotly, and the traces of which it draws few markers.
 * @throws RangeError for more elements than can be drawn.
 */
export function withFewMarkers(figure: PlainFigure): { figure: PlainFigure; many: boolean[] } {
  const many = figure.data.map(isMany);
  const markers = figure.data.map((trace, i) => (many[i] ? numPoints(trace) : 0));
  const elements = figure.data.map((trace, i) => numElements(trace) - markers[i]);
  refuse("points", markers, MOST_MARKERS);
  refuse("points, bars or labels that are drawn one by one", elements, MOST_ELEMENTS);
  const data = figure.data.map((trace, i): Trace =>
    many[i] ? { ...trace, marker: { ...(trace.marker as object | undefined), maxdisplayed: SAMPLE } } : trace,
  );
  return { figure: { ...figure, data }, many };
}

function refuse(what: string, counts: readonly number[], most: number): void {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const largest = counts.indexOf(Math.max(...counts));
  if (total > most)
    throw new RangeError(
      `the figure has ${total} ${what} (${counts[largest]} in trace ${largest}), and can have ${most}: use "histogram2d" or ` +
        `"histogram", or draw a sample; a scatter's markers of one size, colour and symbol may be ${MOST_MARKERS}`,
    );
}

interface DrawnAxis {
  c2p(value: unknown): number;
  readonly _length: number;
}

/** What Plotly keeps on the element that it has drawn in. */
export interface DrawnRoot extends Element {
  readonly calcdata: readonly (readonly { x: unknown; y: unknown }[])[];
  readonly _fullData: readonly { uid: string; xaxis: string; yaxis: string; index: number; visible: unknown }[];
  readonly _fullLayout: Record<string, unknown> & {
    readonly _plots: Record<string, { xaxis: DrawnAxis; yaxis: DrawnAxis }>;
  };
}

/**
 * Leaves one marker of each such trace, as a definition, and gives the references that have to stand after it in the
 * finished document, by its id.
 * @param prefix of the ids.
 * @returns undefined where Plotly has drawn no marker although there is one to see: then all have to be drawn.
 */
export function leaveOneMarker(
  root: DrawnRoot,
  many: readonly boolean[],
  prefix: string,
): Map<string, string> | undefined {
  const references = new Map<string, string>();
  for (const [position, { uid, xaxis, yaxis, index, visible }] of root._fullData.entries()) {
    if (!many[index] || visible !== true) continue;
    const { xaxis: x, yaxis: y } = root._fullLayout._plots[xaxis + yaxis];
    const id = `${prefix}-${index}`;
    const uses = root.calcdata[position]
      .map((at) => [x.c2p(at.x), y.c2p(at.y)])
      .filter(([left, top]) => left > -MARGIN && left < x._length + MARGIN && top > -MARGIN && top < y._length + MARGIN)
      .map(([left, top]) => `<use href="#${id}" x="${round(left)}" y="${round(top)}"/>`);
    if (!uses.length) continue;
    const [point, ...others] = root.querySelectorAll(`.scatterlayer .trace${uid} .points > .point`);
    if (!point) return undefined;
    for (const other of others) other.remove();
    point.setAttribute("id", id);
    point.removeAttribute("transform");
    const definition = root.ownerDocument.createElementNS("http://www.w3.org/2000/svg", "defs");
    point.replaceWith(definition);
    definition.append(point);
    references.set(id, uses.join(""));
  }
  return references;
}

const round = (pixels: number) => Math.round(pixels * 100) / 100;

/** The document with the references after the marker that they are of. */
export function withReferences(svg: string, references: ReadonlyMap<string, string>): string {
  let whole = svg;
  for (const [id, uses] of references)
    whole = whole.replace(new RegExp(`<defs><path[^>]* id="${id}"[^>]*/></defs>`), (marker) => marker + uses);
  return whole;
}
