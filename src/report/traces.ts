/** The traces that the papers' figures are made of, styled by method. Arrays may be plain or typed. */
import type { Data } from "plotly.js";
import { divergingScale, methodStyle, SEQUENTIAL_SCALE, translucent, type MethodStyle } from "./style.ts";

export type Numbers = ArrayLike<number>;

interface Named {
  /** The method string; it decides colour, marker and dash. */
  readonly method: string;
  /** What the legend says; by default the method string. */
  readonly name?: string;
  /** Instead of the method's own, e.g. one of sequenceStyles. */
  readonly style?: MethodStyle;
}

export interface LineOptions extends Named {
  readonly x: Numbers;
  readonly y: Numbers;
  /** One standard error a point, drawn as bars of that length up and down. */
  readonly standardError?: Numbers;
  readonly markers?: boolean;
}

function sameLength(what: string, ...columns: readonly (Numbers | undefined)[]): void {
  const lengths = columns.filter((column) => column !== undefined).map((column) => column.length);
  if (new Set(lengths).size > 1) throw new RangeError(`${what}: columns of different lengths, ${lengths.join(", ")}`);
}

const errorBars = (standardError: Numbers | undefined, color?: string) =>
  standardError && { error_y: { type: "data", array: Array.from(standardError), ...(color && { color }) } as const };

/**
 * A line, with markers unless `markers` is false, and error bars when standard errors are given.
 * @throws RangeError for columns of different lengths.
 */
export function line({ method, name = method, style, x, y, standardError, markers = true }: LineOptions): Data {
  sameLength(`line "${name}"`, x, y, standardError);
  const { color, symbol, dash } = style ?? methodStyle(method);
  return {
    type: "scatter",
    mode: markers ? "lines+markers" : "lines",
    name,
    x: Array.from(x),
    y: Array.from(y),
    line: { color, dash },
    marker: { color, symbol },
    ...errorBars(standardError, color),
  };
}

export interface ScatterOptions extends Named {
  readonly x: Numbers;
  readonly y: Numbers;
  readonly standardError?: Numbers;
  /** 0 to 1; lower where many points lie on each other. */
  readonly opacity?: number;
}

/**
 * Points without a line.
 * @throws RangeError for columns of different lengths.
 */
export function scatter({ method, name = method, style, x, y, standardError, opacity = 0.8 }: ScatterOptions): Data {
  sameLength(`scatter "${name}"`, x, y, standardError);
  const { color, symbol } = style ?? methodStyle(method);
  return {
    type: "scatter",
    mode: "markers",
    name,
    x: Array.from(x),
    y: Array.from(y),
    marker: { color, symbol, opacity },
    ...errorBars(standardError, color),
  };
}

export interface BandOptions extends Named {
  readonly x: Numbers;
  readonly lower: Numbers;
  readonly upper: Numbers;
}

/**
 * The area between two curves in the method's colour, made translucent; points where a bound is not finite are left
 * out. It has no entry in the legend unless it is given a name.
 * @throws RangeError for columns of different lengths.
 */
export function band({ method, name, style, x, lower, upper }: BandOptions): Data {
  sameLength(`band "${name ?? method}"`, x, lower, upper);
  const kept = Array.from(x, (_, i) => i).filter((i) => [x[i], lower[i], upper[i]].every(Number.isFinite));
  const back = [...kept].reverse();
  return {
    type: "scatter",
    mode: "lines",
    name: name ?? method,
    showlegend: name !== undefined,
    x: [...kept, ...back].map((i) => x[i]),
    y: [...kept.map((i) => upper[i]), ...back.map((i) => lower[i])],
    fill: "toself",
    fillcolor: translucent((style ?? methodStyle(method)).color, 0.2),
    line: { width: 0 },
    hoverinfo: "skip",
  };
}

export interface BarOptions extends Named {
  readonly labels: readonly string[];
  readonly values: Numbers;
  readonly standardError?: Numbers;
}

/**
 * One bar a label.
 * @throws RangeError for columns of different lengths.
 */
export function bars({ method, name = method, style, labels, values, standardError }: BarOptions): Data {
  sameLength(`bars "${name}"`, { length: labels.length }, values, standardError);
  const { color } = style ?? methodStyle(method);
  return {
    type: "bar",
    name,
    x: [...labels],
    y: Array.from(values),
    marker: { color },
    ...errorBars(standardError, "#222222"),
  };
}

export interface HeatmapOptions {
  /** Rows from the bottom up; each [numColumns]. */
  readonly z: readonly Numbers[];
  readonly x?: readonly (number | string)[];
  readonly y?: readonly (number | string)[];
  /** What the colour means, with its unit. */
  readonly title?: string;
  /** Colours symmetric about this value, e.g. 0 for differences. */
  readonly middle?: number;
}

/** A matrix of numbers as colours. Cells that are not finite stay empty. */
export function heatmap({ z, x, y, title, middle }: HeatmapOptions): Data {
  return {
    type: "heatmap",
    z: z.map((row) => Array.from(row)),
    ...(x && { x: [...x] }),
    ...(y && { y: [...y] }),
    ...(middle === undefined ? { colorscale: SEQUENTIAL_SCALE } : { colorscale: divergingScale, zmid: middle }),
    colorbar: { title: { text: title ?? "", side: "right" } },
  };
}
