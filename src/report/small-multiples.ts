/**
 * Small multiples: a matrix of little panels without tick labels, with names above columns and beside rows, as papers
 * print families of graphs.
 */
import type { Annotations, Data, Layout } from "plotly.js";
import { PlotlyFigure } from "./figure.ts";

export interface MultiplesRow {
  /** Stands left of the row; <br> breaks it. */
  readonly title: string;
  /** One panel a column; an empty list leaves the place empty. */
  readonly panels: readonly (readonly Data[])[];
  /** The range of both axes of every panel of the row, each by default its own. */
  readonly x?: readonly [number, number];
  readonly y?: readonly [number, number];
  /** Without axes, as for drawings. */
  readonly bare?: boolean;
}

export interface SmallMultiplesOptions {
  readonly title?: string;
  /** Above each column. */
  readonly columns: readonly string[];
  readonly rows: readonly MultiplesRow[];
  /** CSS pixels of a panel's side. */
  readonly panelSize?: number;
  /** A sentence under the panels that says what their axes are. */
  readonly caption?: string;
}

const room = { left: 96, right: 16, top: 92, bottom: 44, between: 10 } as const;

/** @throws RangeError when a row has not one panel a column. */
export function smallMultiples(options: SmallMultiplesOptions): PlotlyFigure {
  const { title, columns, rows, panelSize = 84, caption } = options;
  for (const { title: name, panels } of rows)
    if (panels.length !== columns.length)
      throw new RangeError(
        `row "${name}" has ${panels.length} panels, expected one for each of ${columns.length} columns`,
      );
  const step = panelSize + room.between;
  const width = columns.length * step - room.between;
  const height = rows.length * step - room.between;
  const data: Data[] = [];
  const axes: Record<string, unknown> = {};
  const annotations: Partial<Annotations>[] = [];
  const label = (text: string, x: number, y: number, more: Partial<Annotations>) =>
    annotations.push({ text, x, y, xref: "paper", yref: "paper", showarrow: false, font: { size: 11 }, ...more });

  rows.forEach(({ title: name, panels, x, y, bare = false }, row) => {
    const top = 1 - (row * step) / height;
    label(name, 0, top - panelSize / 2 / height, { xanchor: "right", yanchor: "middle", xshift: -8, align: "right" });
    panels.forEach((traces, column) => {
      const index = row * columns.length + column;
      const suffix = index ? String(index + 1) : "";
      const left = (column * step) / width;
      const common = { showticklabels: false, ticks: "", showgrid: false, zeroline: false, title: { text: "" }, automargin: false, ...(bare && { showline: false }) }; // prettier-ignore
      axes[`xaxis${suffix}`] = { ...common, domain: [left, left + panelSize / width], anchor: `y${suffix}`, ...(x && { range: [...x] }) }; // prettier-ignore
      axes[`yaxis${suffix}`] = { ...common, domain: [Math.max(0, top - panelSize / height), top], anchor: `x${suffix}`, ...(y && { range: [...y] }) }; // prettier-ignore
      for (const trace of traces) data.push({ showlegend: false, ...trace, xaxis: `x${suffix}`, yaxis: `y${suffix}` });
    });
  });
  columns.forEach((name, column) =>
    label(name.length > 9 ? name.replace(" ", "<br>") : name, (column * step + panelSize / 2) / width, 1, {
      xanchor: "center",
      yanchor: "bottom",
      yshift: 4,
    }),
  );
  if (caption) label(caption, 0.5, 0, { xanchor: "center", yanchor: "top", yshift: -8, font: { size: 12 } });
  return new PlotlyFigure({
    data,
    layout: {
      width: width + room.left + room.right,
      height: height + room.top + room.bottom,
      margin: { l: room.left, r: room.right, t: room.top, b: room.bottom },
      showlegend: false,
      ...(title !== undefined && { title: { text: title } }),
      ...(axes as Partial<Layout>),
      annotations,
    },
  });
}
