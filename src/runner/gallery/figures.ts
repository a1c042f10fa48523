/**
 * The figures of the gallery: pictures that become interactive where scripts run. Their data lies in the page, since a
 * page from file:// may read no other files.
 */
import { createRequire } from "node:module";
import { html, Html, type HtmlContent } from "../../base/html.ts";
import type { FigureFiles, PlotlyJson } from "./results.ts";

/** What Plotly's cartesian bundle draws, at a third of the size of the whole. */
const CARTESIAN = ["bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour", "image", "pie", "scatter", "scatterternary", "violin"]; // prettier-ignore

/**
 * The smallest of Plotly's builds that draws all these figures: a file to be copied beside the page. Undefined when
 * there is none to draw.
 */
export function plotlyFor(figures: readonly FigureFiles[]): string | undefined {
  const plots = figures.flatMap(({ plot }) => plot ?? []);
  if (plots.length === 0) return undefined;
  const types = plots.flatMap(({ data }) => data.map(({ type }) => (typeof type === "string" ? type : "scatter")));
  const isPlain = types.every((type) => CARTESIAN.includes(type));
  return createRequire(import.meta.url).resolve(isPlain ? "plotly.js-cartesian-dist-min" : "plotly.js-dist-min");
}

/** What these draw is told by colour, which is not turned over on a dark page. */
const COLOURED = ["heatmap", "contour", "image", "histogram2d", "histogram2dcontour"];

/** Wider figures take a whole row. */
const WIDE_FIGURE_PX = 900;
const [DEFAULT_WIDTH, DEFAULT_HEIGHT] = [700, 450];

export function figureBlock(figure: FigureFiles, id: string, url: (file: string) => string): Html {
  const { name, images, json, alt, plot } = figure;
  const size = (which: string, otherwise: number) => (typeof plot?.layout[which] === "number" ? plot.layout[which] : otherwise); // prettier-ignore
  const [width, height] = [size("width", DEFAULT_WIDTH), size("height", DEFAULT_HEIGHT)];
  const picture = html`<a href="${url(images[0])}"><img src="${url(images[0])}" alt="${alt}" loading="lazy" /></a>`;
  const isColoured = plot?.data.some(({ type }) => COLOURED.includes(String(type)));
  const face = plot
    ? html`<div
        class="face${isColoured && " coloured"}"
        data-plot="${id}"
        data-width="${width}"
        data-height="${height}"
        style="aspect-ratio: ${width} / ${height}"
      >
        ${picture}
        <div class="plot" role="img" aria-label="${alt}" hidden></div>
      </div>`
    : html`<div class="face">${picture}</div>`;
  const files = [...images, ...(json ? [json] : [])];
  return html`<figure ${width >= WIDE_FIGURE_PX && new Html(' class="wide"')}>
    ${face}
    <figcaption>
      <span>${name}</span>
      ${plot && html`<button type="button" class="enlarge" aria-label="Enlarge ${name}" hidden>Enlarge</button>`}
      ${files.map((file) => html`<a href="${url(file)}">${file.slice(file.lastIndexOf(".") + 1)}</a> `)}
    </figcaption>
  </figure> `;
}

/** The data of all figures by id, the template that most of them share once. */
export function figureData(plots: ReadonlyMap<string, PlotlyJson>): HtmlContent {
  if (plots.size === 0) return undefined;
  const templates = [...plots.values()].map(({ layout }) => JSON.stringify(layout.template ?? {}));
  const shared = mostFrequent(templates);
  const blocks = [...plots].map(([id, { data, layout }], i) => {
    const template = templates[i] === shared ? undefined : (layout.template ?? {});
    return block(id, { data, layout: { ...layout, meta: undefined, template } });
  });
  return [block("plot-template", JSON.parse(shared)), ...blocks];
}

/** JSON in a script element may hold no "<", by which the element could end. */
function block(id: string, content: unknown): Html {
  const json = new Html(JSON.stringify(content).replaceAll("<", "\\u003c"));
  return html`<script type="application/json" id="${id}">
    ${json}
  </script>`;
}

function mostFrequent(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}
