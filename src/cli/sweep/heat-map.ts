/**
 * A recorded number over two parameters. Where every combination has points (a grid), a matrix of equal cells; else, as
 * with drawn or zipped values, a mark at each place on the parameters' own axes: a matrix would be all but empty, its
 * labels all digits.
 */
import type { Data, Layout } from "plotly.js";
import { figure, type Axis, type PlotlyFigure } from "../../report/figure.ts";
import { SEQUENTIAL_SCALE } from "../../report/style.ts";
import { heatmap } from "../../report/traces.ts";
import type { Column, Scalar } from "../../runner/sweep/dataframe.ts";
import { scaleOf, shortLabels, type Scale } from "./scale.ts";

/** More columns or rows are marks, too: their labels could not be read. */
const MOST_CELLS = 24;

/** A title, with a smaller line below it. */
export type Heading = Exclude<Layout["title"], string>;

/**
 * The mean over those `values` that are finite numbers, of the points for which `at` holds; NaN where there is none.
 */
export type MeanAt = (values: readonly Scalar[], at: (i: number) => boolean) => number;

export function heatMap(title: Heading, value: Column, x: Column, y: Column, meanAt: MeanAt): PlotlyFigure {
  const [xScale, yScale] = [scaleOf(x), scaleOf(y)];
  const places = new Map(x.values.map((_, i) => [JSON.stringify([x.values[i], y.values[i]]), i]));
  const mean = (at: Scalar, row: Scalar) => meanAt(value.values, (i) => x.values[i] === at && y.values[i] === row);
  const [columns, rows] = [xScale.distinct, yScale.distinct];
  const isGrid = places.size === columns.length * rows.length && Math.max(columns.length, rows.length) <= MOST_CELLS;
  if (isGrid)
    return figure({
      x: x.name,
      y: y.name,
      data: [heatmap({ z: rows.map((row) => columns.map((at) => mean(at, row))), x: labelsOf(xScale), y: labelsOf(yScale), title: value.name })], // prettier-ignore
      // Each value has a cell of the same size, whatever lies between.
      layout: { title, xaxis: { type: "category" }, yaxis: { type: "category" } },
    });
  const marks = [...places.values()]
    .map((i) => ({
      x: placeOn(xScale, x.values[i]),
      y: placeOn(yScale, y.values[i]),
      value: mean(x.values[i], y.values[i]),
    })) // prettier-ignore
    .filter((mark) => Number.isFinite(mark.value));
  return figure({
    x: axisFor(x, xScale),
    y: axisFor(y, yScale),
    data: [marksOf(marks, value.name)],
    layout: { title },
  });
}

function marksOf(marks: readonly { x: number; y: number; value: number }[], title: string): Data {
  return {
    type: "scatter",
    mode: "markers",
    x: marks.map((mark) => mark.x),
    y: marks.map((mark) => mark.y),
    showlegend: false,
    marker: {
      color: marks.map((mark) => mark.value),
      size: 12,
      line: { color: "#444444", width: 1 }, // the scale's light end would be lost on white
      colorscale: SEQUENTIAL_SCALE,
      showscale: true,
      colorbar: { title: { text: title, side: "right" } },
    },
  };
}

/** Names stand at 0, 1, 2, as `Axis.names` has them. */
export function placeOn({ kind, distinct }: Scale, value: Scalar): number {
  return kind === "names" ? distinct.indexOf(value) : Number(value);
}

export function axisFor({ name }: Column, { kind, distinct }: Scale): Axis {
  if (kind === "names") return { title: name, names: distinct.map(String), range: [-0.5, distinct.length - 0.5] };
  return { title: name, scale: kind };
}

function labelsOf({ kind, distinct }: Scale): string[] {
  return kind === "names" ? distinct.map(String) : shortLabels(distinct as number[]);
}
