/** A sweep as figures: small multiples of every recorded number, a heat map and parallel coordinates of the objective. */
import type { Data } from "plotly.js";
import { mean } from "../report/statistics.ts";
import { figure, type PlotlyFigure } from "../report/figure.ts";
import { panels } from "../report/panels.ts";
import { colourway, sequenceStyles, sequentialScale, type MethodStyle } from "../report/style.ts";
import { heatmap, line, scatter } from "../report/traces.ts";
import type { Column, Scalar } from "../runner/sweep/dataframe.ts";

/** More curves in one panel cannot be told apart; more panels in one figure cannot be read. */
const MOST_CURVES = 6;
const MOST_PANELS = 9;

/** By file name. `objective` names a column of recorded numbers; without numbers there is nothing to draw. */
export function sweepFigures(
  title: string,
  columns: readonly Column[],
  objective?: string,
): Record<string, PlotlyFigure> {
  const varied = columns.filter(({ role, values }) => role === "parameter" && new Set(values).size > 1);
  const numbers = columns.filter(({ role, type }) => role === "value" && type === "number");
  const chosen = numbers.find(({ name }) => name === objective) ?? numbers.at(0);
  if (!chosen || varied.length === 0) return {};
  // Along the x axis what has most values; curves for what has fewest, so that seeds are averaged over.
  const count = ({ values }: Column) => new Set(values).size;
  const isNumber = ({ type }: Column) => Number(type === "number");
  const byCount = [...varied].sort((a, b) => isNumber(b) - isNumber(a) || count(b) - count(a));
  const [x, ...others] = byCount;
  const curves = others.find(({ values }) => new Set(values).size <= MOST_CURVES);
  return {
    "small-multiples": smallMultiples(title, numbers.slice(0, MOST_PANELS), x, curves),
    ...(others.length > 0 && { "heat-map": heatMap(title, chosen, x, others[0]) }),
    "parallel-coordinates": parallelCoordinates(title, [...varied, chosen]),
  };
}

/** Numbers ascending; anything else in the order of the sweep, which is the user's. */
const distinct = (values: readonly Scalar[]): Scalar[] =>
  [...new Set(values)].sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : 0));

/** Means of the finite values at each of `keys`; NaN where there is none. */
function meansAt(values: readonly Scalar[], at: (i: number) => boolean): number {
  const found = values.filter(
    (value, i): value is number => at(i) && typeof value === "number" && Number.isFinite(value),
  );
  return found.length > 0 ? mean(found) : NaN;
}

function smallMultiples(
  title: string,
  numbers: readonly Column[],
  x: Column,
  curves: Column | undefined,
): PlotlyFigure {
  const xs = distinct(x.values);
  const families = curves ? distinct(curves.values) : [undefined];
  const styles: readonly MethodStyle[] = sequenceStyles(families.length);
  const isOrdered = x.type === "number";
  const positions = isOrdered ? (xs as number[]) : xs.map((_, i) => i);
  return panels({
    title,
    panels: numbers.map((value) => ({
      title: value.name,
      x: isOrdered ? x.name : { title: x.name, names: xs.map(String), range: [-0.5, xs.length - 0.5] as const },
      y: value.name,
      data: families.map((family, f) => {
        const y = xs.map((at) =>
          meansAt(value.values, (i) => x.values[i] === at && (!curves || curves.values[i] === family)),
        );
        const name = curves ? `${curves.name} = ${String(family)}` : value.name;
        const shown = y.map((_, i) => i).filter((i) => Number.isFinite(y[i]));
        const trace = {
          method: name,
          name,
          style: styles[f],
          x: shown.map((i) => positions[i]),
          y: shown.map((i) => y[i]),
        };
        return { ...(isOrdered ? line(trace) : scatter(trace)), ...(!curves && { showlegend: false }) };
      }),
    })),
  });
}

function heatMap(title: string, value: Column, x: Column, y: Column): PlotlyFigure {
  const [xs, ys] = [distinct(x.values), distinct(y.values)];
  const z = ys.map((row) =>
    xs.map((column) => meansAt(value.values, (i) => x.values[i] === column && y.values[i] === row)),
  );
  return figure({
    title,
    x: x.name,
    y: y.name,
    data: [heatmap({ z, x: xs.map(String), y: ys.map(String), title: value.name })],
    // Each value has a cell of the same size, whatever lies between.
    layout: { xaxis: { type: "category" }, yaxis: { type: "category" } },
  });
}

/** An axis for each parameter and the objective last, a line for each point, coloured by the objective. */
function parallelCoordinates(title: string, axes: readonly Column[]): PlotlyFigure {
  const objective = axes[axes.length - 1];
  const scales = axes.map(scaleOf);
  const shown = objective.values.map((_, i) => i).filter((i) => scales.every((scale) => Number.isFinite(scale.at(i))));
  const colours = ["#440154", "#3b528b", "#21918c", "#5ec962", "#b8b000"]; // Viridis, its end darkened for white paper
  const level = scales[scales.length - 1];
  const lines = shown.map((i): Data => {
    const colour = colours[Math.min(colours.length - 1, Math.floor(level.at(i) * colours.length))];
    return {
      type: "scatter",
      mode: "lines",
      x: axes.map((_, a) => a),
      y: scales.map((scale) => scale.at(i)),
      line: { color: colour, width: 1.2 },
      opacity: 0.7,
      showlegend: false,
      hovertext: axes.map(({ name, values }) => `${name} = ${String(values[i])}`).join("<br>"),
    };
  });
  const bar: Data = {
    type: "scatter",
    mode: "markers",
    x: [null],
    y: [null],
    showlegend: false,
    marker: {
      color: [0],
      cmin: level.low,
      cmax: level.high,
      colorscale: sequentialScale,
      showscale: true,
      colorbar: { title: { text: objective.name, side: "right" } },
    },
  };
  const ticks = scales.flatMap(
    (scale, a) =>
    scale.ticks.map(({ at, text }) => ({ x: a, y: at, text, showarrow: false, xanchor: "right" as const, xshift: -4, font: { size: 10 } })), // prettier-ignore
  );
  return figure({
    title,
    data: [...lines, bar],
    layout: {
      xaxis: {
        tickvals: axes.map((_, a) => a),
        ticktext: axes.map(({ name }) => name),
        range: [-0.35, axes.length - 0.8],
      },
      yaxis: { visible: false, range: [-0.06, 1.06] },
      annotations: ticks,
      shapes: axes.map((_, a) => ({
        type: "line",
        x0: a,
        x1: a,
        y0: 0,
        y1: 1,
        line: { color: colourway[0], width: 1 },
      })),
    },
  });
}

/** Values of a column on [0, 1], and the labels of its axis. Numbers that span decades go by their logarithm. */
function scaleOf({ values, type }: Column) {
  if (type !== "number") {
    const all = distinct(values.filter((value) => value !== null));
    const place = (value: Scalar) => (all.length > 1 ? all.indexOf(value) / (all.length - 1) : 0.5);
    return {
      low: 0,
      high: 1,
      at: (i: number) => (values[i] === null ? NaN : place(values[i])),
      ticks: all.slice(0, 20).map((value) => ({ at: place(value), text: String(value) })),
    };
  }
  const finite = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const isLog = low > 0 && high / low >= 100;
  const on = (value: number) => (isLog ? Math.log(value) : value);
  const place = (value: number) => (high > low ? (on(value) - on(low)) / (on(high) - on(low)) : 0.5);
  const all = distinct(finite) as number[];
  const labelled = all.length <= 8 ? all : [low, isLog ? Math.sqrt(low * high) : (low + high) / 2, high];
  return {
    low,
    high,
    at: (i: number) => (typeof values[i] === "number" ? place(values[i]) : NaN),
    ticks: labelled.map((value) => ({ at: place(value), text: String(Number(value.toPrecision(3))) })),
  };
}
