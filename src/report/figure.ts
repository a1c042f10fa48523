/**
 * A figure in the house style. It shows itself in notebooks and writes itself to files.
 *
 * The display bundle has no text/html on purpose: front ends prefer html to every other form, and GitHub strips its
 * scripts, which leaves a blank. The PNG is seen everywhere; the Plotly JSON is drawn interactively where a renderer
 * is.
 */
import type { Layout, LayoutAxis } from "plotly.js";
import { figureSize, figureSvg, plainFigure, type PlotlySpecification } from "./plotly-static.ts";
import type { PlainFigure } from "./plain-figure.ts";
import { pngOfSvg, type Png } from "./render.ts";
import { houseTemplate } from "./style.ts";

export interface Axis {
  readonly title: string;
  /** Set in square brackets after the title. */
  readonly unit?: string;
  readonly scale?: "linear" | "log";
  /** In the axis's own values, also on a log scale (where Plotly itself wants exponents). */
  readonly range?: readonly [number, number];
  /** Names in place of numbers: the first stands at 0, the second at 1, and so on. */
  readonly names?: readonly string[];
}

export interface FigureOptions extends PlotlySpecification {
  readonly title?: string;
  /** The x axis: its title alone, or more. */
  readonly x?: Axis | string;
  readonly y?: Axis | string;
}

/** An axis in Plotly's terms. */
export function plotlyAxis(axis: Axis | string | undefined): Partial<LayoutAxis> {
  if (axis === undefined) return {};
  const { title, unit, scale, range, names } = typeof axis === "string" ? { title: axis } : axis;
  const ends = scale === "log" ? range?.map(Math.log10) : range;
  if (ends?.some((end) => !Number.isFinite(end)))
    throw new RangeError(`the range of the ${scale ?? "linear"} axis "${title}" must be finite${scale === "log" ? " and positive" : ""}, got ${range!.join(" to ")}`); // prettier-ignore
  // Without a range Plotly chooses; with one, a label at every decade, or at fewer when there are many.
  const decades = scale === "log" && ends ? Math.abs(ends[1] - ends[0]) : 0;
  return {
    title: { text: unit ? `${title} [${unit}]` : title },
    ...(scale === "log" && { type: "log", exponentformat: "power", minor: { ticks: "outside", ticklen: 2 } }),
    ...(decades >= 2 && { dtick: Math.ceil(decades / 8) }),
    ...(ends && { range: [...ends] }),
    ...(names && {
      tickvals: names.map((_, at) => at),
      ticktext: [...names],
      tickangle: names.length > 4 ? -30 : 0,
      zeroline: false,
    }),
  };
}

/** CSS pixels that a note adds below the drawing. */
const NOTE_HEIGHT_PX = 16;

const noteOf = ({ layout }: PlainFigure): string | undefined => {
  const note = (layout.meta as { note?: unknown } | undefined)?.note;
  return typeof note === "string" ? note : undefined;
};

/**
 * The drawing with the note of withNote below it, where no axis title can stand. Both in one <svg>: inside a nested
 * one, a curve that leaves its axes far enough makes resvg abort the process.
 */
function withNoteDrawn(svg: string, figure: PlainFigure): string {
  const note = noteOf(figure);
  if (note === undefined) return svg;
  const { width, height } = figureSize(figure);
  const escaped = note.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const background = `<rect width="100%" height="100%" fill="white"/>`;
  const text = `<text class="note" x="${width - 6}" y="${height + NOTE_HEIGHT_PX - 6}" text-anchor="end" style="font-family: 'Open Sans', Arial, sans-serif; font-size: 8px; fill: #767676">${escaped}</text>`;
  return svg
    .replace(
      /^<svg[^>]*>/,
      (root) => root.replace(`height="${height}"`, `height="${height + NOTE_HEIGHT_PX}"`) + background,
    )
    .replace(/<\/svg>$/, () => `${text}</svg>`);
}

export class PlotlyFigure {
  /** The figure as plain JSON values, template included. */
  readonly plain: PlainFigure;
  #svg: string | undefined;
  #png: Png | undefined;

  /** @throws TypeError for a trace that cannot be drawn without a browser. */
  constructor(specification: PlotlySpecification) {
    const template = specification.layout?.template ?? (houseTemplate as unknown as Layout["template"]);
    this.plain = plainFigure({ ...specification, layout: { ...specification.layout, template } });
  }

  /** CSS pixels of the drawing, its note included. */
  get size(): { width: number; height: number } {
    const { width, height } = figureSize(this.plain);
    return { width, height: height + (noteOf(this.plain) === undefined ? 0 : NOTE_HEIGHT_PX) };
  }

  get title(): string {
    const title = this.plain.layout.title as { text?: string } | string | undefined;
    return (typeof title === "string" ? title : title?.text) ?? "";
  }

  /**
   * The same figure with a small line of text at its lower edge and a record in layout.meta, which every form of the
   * figure carries.
   */
  withNote(note: string, record: Record<string, unknown>): PlotlyFigure {
    const layout: Record<string, unknown> = { ...this.plain.layout, meta: { note, ...record } };
    return new PlotlyFigure({ ...this.plain, layout });
  }

  /** A complete SVG document; the same figure gives the same string on every run. */
  svg(): string {
    return (this.#svg ??= withNoteDrawn(figureSvg(this.plain), this.plain));
  }

  /** The figure on white, two pixels a CSS pixel. */
  png(): Png {
    return (this.#png ??= pngOfSvg(this.svg()));
  }

  /** JSON.stringify(figure) is the figure as other Plotly libraries read it. */
  toJSON(): PlainFigure {
    return this.plain;
  }

  toString(): string {
    const traces = this.plain.data.map((trace, index) => {
      const points = [trace.y, trace.x, trace.z, trace.values].find(Array.isArray) as unknown[] | undefined;
      return `${typeof trace.name === "string" ? trace.name : `trace ${index}`}${points ? ` (${points.length})` : ""}`;
    });
    return `Figure${this.title ? ` "${this.title.replace(/<br[^>]*>/g, " ").replace(/<[^>]*>/g, "")}"` : ""}: ${traces.join(", ") || "no traces"}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Jupyter.display")](): Record<string, unknown> {
    return {
      "application/vnd.plotly.v1+json": this.plain,
      "image/png": Buffer.from(this.png().bytes).toString("base64"),
      "text/plain": this.toString(),
    };
  }

  [Symbol.for("Jupyter.displayMetadata")](): Record<string, unknown> {
    return { "image/png": { ...this.size } };
  }
}

/**
 * A figure in the house style. Whatever `layout` says wins over `title`, `x`, `y` and the style.
 * @throws TypeError for a trace that cannot be drawn without a browser.
 */
export function figure({ title, x, y, data, layout, config }: FigureOptions): PlotlyFigure {
  return new PlotlyFigure({
    data: data,
    config,
    layout: {
      ...(title !== undefined && { title: { text: title } }),
      ...layout,
      xaxis: { ...plotlyAxis(x), ...layout?.xaxis },
      yaxis: { ...plotlyAxis(y), ...layout?.yaxis },
    },
  });
}
