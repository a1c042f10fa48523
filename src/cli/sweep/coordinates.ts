/**
 * Parallel coordinates of a sweep: an axis for each parameter and the objective last, a line for each point, coloured
 * by the objective.
 */
import type { Data } from "plotly.js";
import { figure, type PlotlyFigure } from "../../report/figure.ts";
import { colourway } from "../../report/style.ts";
import type { Column } from "../../runner/sweep/dataframe.ts";
import type { Heading } from "./heat-map.ts";
import { scaleOf, type Scale } from "./scale.ts";

/** Viridis, its end darkened for lines on white paper. Both the lines and the bar take their colours from here. */
const COLOURS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#b8b000"] as const;
const COLOUR_SCALE: readonly (readonly [at: number, colour: string])[] = COLOURS.map((colour, i) => [i / (COLOURS.length - 1), colour]); // prettier-ignore

/** Between two colours of the scale in even steps of red, green and blue, as Plotly draws its bar. `at` in [0, 1]. */
export function colourAt(at: number): string {
  const below = Math.min(COLOURS.length - 2, Math.floor(at * (COLOURS.length - 1)));
  const share = at * (COLOURS.length - 1) - below;
  const channels = (colour: string) => [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));
  const [from, to] = [channels(COLOURS[below]), channels(COLOURS[below + 1])];
  return `rgb(${from.map((channel, c) => Math.round(channel + share * (to[c] - channel))).join(",")})`;
}

/** `columns` hold what is to be drawn, the objective last; a point that has no place on one of the axes has no line. */
export function parallelCoordinates(title: Heading, columns: readonly Column[]): PlotlyFigure {
  const objective = columns[columns.length - 1];
  const scales = columns.map(scaleOf);
  const places = objective.values.map((_, i) => scales.map((scale, a) => scale.at(columns[a].values[i])));
  const lines = [...places.entries()]
    .filter(([, at]) => at.every(Number.isFinite))
    .map(([i, at]): Data => ({
      type: "scatter",
      mode: "lines",
      x: columns.map((_, a) => a),
      y: at,
      line: { color: colourAt(at[at.length - 1]), width: 1.2 },
      opacity: 0.7,
      showlegend: false,
      hovertext: columns.map(({ name, values }) => `${name} = ${String(values[i])}`).join("<br>"),
    }));
  const labels = scales.flatMap(
    ({ ticks }, a) =>
    ticks.map(({ at, text }) => ({ x: a, y: at, text, showarrow: false, xanchor: "right" as const, xshift: -4, font: { size: 10 } })), // prettier-ignore
  );
  return figure({
    data: [...lines, colourBar(objective.name, scales[scales.length - 1])],
    layout: {
      title,
      xaxis: {
        tickvals: columns.map((_, a) => a),
        ticktext: columns.map(({ name }) => name),
        range: [-0.35, columns.length - 0.8],
      },
      yaxis: { visible: false, range: [-0.06, 1.06] },
      annotations: labels,
      shapes: columns.map((_, a) => ({ type: "line", x0: a, x1: a, y0: 0, y1: 1, line: { color: colourway[0], width: 1 } })), // prettier-ignore
    },
  });
}

/** By place, as the lines are, so that it is right on a log scale too; its labels are those of the last axis. */
function colourBar(title: string, { ticks }: Scale): Data {
  return {
    type: "scatter",
    mode: "markers",
    x: [null],
    y: [null],
    showlegend: false,
    marker: {
      color: [0],
      cmin: 0,
      cmax: 1,
      colorscale: COLOUR_SCALE.map(([at, colour]) => [at, colour] as [number, string]),
      showscale: true,
      colorbar: {
        title: { text: title, side: "right" },
        tickvals: ticks.map(({ at }) => at),
        ticktext: ticks.map(({ text }) => text),
      },
    },
  };
}
