/** Panels side by side, as papers print (a) and (b): one legend for all, each panel with its own axes and title. */
import type { Annotations, Data, Layout } from "plotly.js";
import { plotlyAxis, PlotlyFigure, type Axis } from "./figure.ts";

export interface Panel {
  /** Stands above the panel, e.g. "(a) n = 8". */
  readonly title?: string;
  readonly x?: Axis | string;
  readonly y?: Axis | string;
  readonly data: readonly Data[];
}

export interface PanelsOptions {
  readonly title?: string;
  readonly panels: readonly Panel[];
  /** By default all in one row up to three panels, then two or three columns. */
  readonly columns?: number;
  /** CSS pixels of one panel's plotting area. */
  readonly panelWidth?: number;
  readonly panelHeight?: number;
  /** Wins over everything that the panels decide. */
  readonly layout?: Partial<Layout>;
}

/** CSS pixels around the plotting areas: room for tick labels and titles. */
const room = { left: 84, right: 28, top: 84, bottom: 104, between: 100, above: 92, colourBar: 74 } as const;

/** Which axes a trace is on, and one entry in the legend for all traces of one name. */
function placed(panels: readonly Panel[], colourBarPlace: (index: number) => object): Data[] {
  const named = new Set<string>();
  return panels.flatMap((panel, index) =>
    panel.data.map((trace) => {
      const suffix = index ? String(index + 1) : "";
      const name = (trace as { name?: string }).name;
      const shown = (trace as { showlegend?: boolean }).showlegend !== false;
      const repeated = name !== undefined && shown && named.has(name);
      if (name !== undefined && shown) named.add(name);
      const { colorbar } = trace as { colorbar?: object };
      return {
        ...trace,
        xaxis: `x${suffix}`,
        yaxis: `y${suffix}`,
        ...(name !== undefined && { legendgroup: name }),
        ...(repeated && { showlegend: false }),
        ...(colorbar && { colorbar: { ...colourBarPlace(index), ...colorbar } }),
      };
    }),
  );
}

/** Start and end of something along an axis of the figure, as a share of all plotting areas together. */
type Domain = readonly [number, number];

/** Where the panels stand, in CSS pixels, and as shares of the whole (what Plotly asks for). */
interface Grid {
  readonly innerWidth: number;
  readonly innerHeight: number;
  readonly panelHeight: number;
  /** Right of the last column: room for colour bars if a panel has one. */
  readonly right: number;
  readonly across: (index: number) => Domain;
  readonly upwards: (index: number) => Domain;
}

/** @throws RangeError when columns is not a positive integer. */
function gridOf({ panels: all, panelWidth = 380, panelHeight = 300, ...options }: PanelsOptions): Grid {
  const columns = options.columns ?? (all.length <= 3 ? all.length : all.length === 4 ? 2 : 3);
  if (!Number.isInteger(columns) || columns < 1)
    throw new RangeError(`columns must be a positive integer, got ${columns}`);
  const rows = Math.ceil(all.length / columns);
  const withColourBar = all.some(({ data }) => data.some((trace) => "colorbar" in trace));
  const right = room.right + (withColourBar ? room.colourBar : 0);
  const gap = room.between + (withColourBar ? room.colourBar : 0);
  const innerWidth = columns * panelWidth + (columns - 1) * gap;
  const innerHeight = rows * panelHeight + (rows - 1) * room.above;
  return {
    innerWidth,
    innerHeight,
    panelHeight,
    right,
    across: (index) => {
      const start = (index % columns) * (panelWidth + gap);
      return [start / innerWidth, (start + panelWidth) / innerWidth];
    },
    upwards: (index) => {
      const start = (rows - 1 - Math.floor(index / columns)) * (panelHeight + room.above);
      return [start / innerHeight, (start + panelHeight) / innerHeight];
    },
  };
}

/** Each panel's own pair of axes, in its place. */
function axesOf(all: readonly Panel[], { across, upwards }: Grid): Partial<Layout> {
  return Object.fromEntries(
    all.flatMap((panel, index) => {
      const suffix = index ? String(index + 1) : "";
      const x = { ...plotlyAxis(panel.x), domain: [...across(index)], anchor: `y${suffix}`, automargin: false };
      const y = { ...plotlyAxis(panel.y), domain: [...upwards(index)], anchor: `x${suffix}`, automargin: false };
      return [
        [`xaxis${suffix}`, x],
        [`yaxis${suffix}`, y],
      ];
    }),
  );
}

/** The panels' titles, each above the middle of its panel. */
function titlesOf(all: readonly Panel[], { across, upwards }: Grid): Partial<Annotations>[] {
  return all.flatMap(({ title }, index): Partial<Annotations>[] => {
    if (!title) return [];
    const [left, right] = across(index);
    const place = { x: (left + right) / 2, y: upwards(index)[1], xref: "paper", yref: "paper" } as const;
    const anchor = { xanchor: "center", yanchor: "bottom", yshift: 4 } as const;
    return [{ text: title, ...place, ...anchor, showarrow: false, font: { size: 14 } }];
  });
}

/**
 * A figure of several panels, in reading order.
 * @throws RangeError when there are no panels or columns is not a positive integer.
 */
export function panels(options: PanelsOptions): PlotlyFigure {
  const { title, panels: all } = options;
  if (!all.length) throw new RangeError("a figure of panels needs at least one panel");
  const grid = gridOf(options);
  const { innerWidth, innerHeight, panelHeight, right, across, upwards } = grid;
  return new PlotlyFigure({
    data: placed(all, (index) => ({
      x: across(index)[1] + 8 / innerWidth,
      xanchor: "left",
      y: (upwards(index)[0] + upwards(index)[1]) / 2,
      len: panelHeight / innerHeight,
      thickness: 14,
    })),
    layout: {
      width: innerWidth + room.left + right,
      height: innerHeight + room.top + room.bottom,
      margin: { l: room.left, r: right, t: room.top, b: room.bottom },
      ...(title !== undefined && { title: { text: title } }),
      ...axesOf(all, grid),
      annotations: titlesOf(all, grid),
      // Under the axis titles of the lowest row, where no curve can run.
      legend: { orientation: "h", x: 0.5, xanchor: "center", y: -58 / innerHeight, yanchor: "top" },
      ...options.layout,
    },
  });
}
