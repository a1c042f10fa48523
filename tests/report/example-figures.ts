/** Figures as the notebooks draw them, and one small figure of every kind of trace, for tests to look at. */
import { figure, type PlotlyFigure } from "../../src/report/figure.ts";
import { panels } from "../../src/report/panels.ts";
import type { PlotlySpecification } from "../../src/report/plotly-static.ts";
import { sequenceStyles } from "../../src/report/style.ts";
import { band, bars, heatmap, line, scatter } from "../../src/report/traces.ts";

const x = Float64Array.from({ length: 11 }, (_, i) => i / 10);
const rows = Array.from({ length: 8 }, (_, i) => x.map((value) => (value - 0.5) * i));
const labels = ["Cora", "CiteSeer", "PubMed"];

export const houseFigures: Readonly<Record<string, () => PlotlyFigure>> = {
  "two panels with error bars": () =>
    panels({
      title: "Recursive bounds on ln <i>Z</i> & their gap",
      panels: [
        {
          title: "(a) <i>n</i> = 8, fully connected",
          x: "<i>d</i>",
          y: "mean relative error of ln <i>Z</i>",
          data: [
            line({
              method: "factorised-lower",
              x,
              y: x.map((d) => -0.029 * d * d),
              standardError: x.map((d) => 0.002 * d),
            }),
            line({
              method: "refined-upper",
              x,
              y: x.map((d) => 0.005 * d * d),
              standardError: x.map((d) => 0.002 * d),
            }),
            line({ method: "exact", x, y: x.map(() => 0), markers: false }),
          ],
        },
        {
          title: "(b)",
          x: "<i>d</i> √(<i>n</i>/8)",
          y: "mean relative difference",
          data: [8, 64, 128].map((n, i) =>
            line({ method: `n = ${n}`, style: sequenceStyles(3)[i], x, y: x.map((d) => 0.03 * d * d + 0.001 * i) }),
          ),
        },
      ],
    }),
  "four panels": () =>
    panels({
      title: "Four structures",
      panels: ["path", "star", "grid", "complete"].map((name, i) => ({
        title: `(${"abcd"[i]}) ${name}`,
        x: "iterations",
        y: { title: "divergence", unit: "nats" },
        data: ["bp", "trbp", "node-gnn"].map((method, k) => line({ method, x, y: x.map((value) => value ** (k + 1)) })),
      })),
    }),
  "line with band on a log axis": () =>
    figure({
      title: "Residuals",
      x: { title: "length", unit: "steps" },
      y: { title: "residual", scale: "log", range: [1e-6, 1] },
      data: [
        line({ method: "bp[damping=0.5]", x, y: x.map((value) => 1e-5 * Math.exp(8 * value)) }),
        band({
          method: "bp",
          x,
          lower: x.map((v) => 5e-6 * Math.exp(8 * v)),
          upper: x.map((v) => 2e-5 * Math.exp(8 * v)),
        }),
      ],
    }),
  scatter: () =>
    figure({
      title: "Marginals",
      x: "exact",
      y: "approximate",
      data: ["bp", "mean-field"].map((method, i) => scatter({ method, x, y: x.map((value) => value ** (1 + i / 4)) })),
    }),
  bars: () =>
    figure({
      title: "Accuracy by method",
      x: "data set",
      y: { title: "accuracy", unit: "%" },
      layout: { barmode: "group" },
      data: ["node-gnn", "msg-gnn"].map((method, i) =>
        bars({ method, labels, values: [81 + i, 70, 79 - i], standardError: [1, 2, 0.5] }),
      ),
    }),
  heatmaps: () =>
    panels({
      title: "Two matrices",
      panels: [
        { title: "(a)", x: "column", y: "row", data: [heatmap({ z: rows, title: "ln Z [nats]" })] },
        { title: "(b)", x: "column", y: "row", data: [heatmap({ z: rows, title: "difference", middle: 0 })] },
      ],
    }),
};

const y = [1, 3, 2, 4, 2.5, 3.5, 2, 1.5];
const matrix = [
  [1, 2, 3],
  [2, 4, 1],
  [3, 1, 2],
];
const parts = { labels: ["all", "a", "b"], parents: ["", "all", "all"], values: [3, 1, 2], branchvalues: "total" };
const carpet = { a: [0, 1, 2], b: [0, 1, 2], y: matrix };
const candles = { open: [1, 2], high: [3, 4], low: [0, 1], close: [2, 3], x: [1, 2] };
const flow = { node: { label: ["a", "b"] }, link: { source: [0], target: [1], value: [1] } };

/** Type of trace to the rest of the trace. */
export const everyTrace: Readonly<Record<string, object>> = {
  scatter: { y },
  bar: { y },
  box: { y },
  violin: { y, points: "all" },
  histogram: { x: y },
  histogram2d: { x: y, y },
  histogram2dcontour: { x: y, y },
  contour: { z: matrix, contours: { showlabels: true } },
  heatmap: { z: matrix },
  pie: { labels: ["a", "b"], values: [1, 2] },
  sunburst: parts,
  treemap: parts,
  icicle: parts,
  funnel: { x: [3, 2, 1], y: ["a", "b", "c"] },
  funnelarea: { values: [3, 2, 1] },
  waterfall: { y: [1, -1, 2] },
  candlestick: candles,
  ohlc: candles,
  scatterpolar: { r: [1, 2, 3], theta: [0, 90, 180] },
  barpolar: { r: [1, 2, 3], theta: [0, 90, 180] },
  scatterternary: { a: [1, 2], b: [2, 1], c: [1, 1] },
  scattersmith: { real: [1, 2], imag: [0.5, 1] },
  sankey: flow,
  parcats: { dimensions: [{ values: ["a", "b", "a"] }, { values: ["c", "c", "d"] }] },
  indicator: { mode: "number+gauge", value: 3 },
  table: { header: { values: ["a"] }, cells: { values: [[1, 2]] } },
  carpet,
  scattercarpet: { a: [0, 1], b: [1, 2] },
  contourcarpet: { a: [0, 1, 2, 0, 1, 2], b: [0, 0, 0, 1, 1, 1], z: [1, 2, 3, 2, 3, 4] },
};

export const traceFigure = (type: string): PlotlySpecification => ({
  data: [
    ...(/.carpet$/.test(type) ? [{ type: "carpet", ...carpet }] : []),
    { type, ...everyTrace[type] },
  ] as unknown as PlotlySpecification["data"],
});
