/**
 * Figures whose margins depend on measured text, laid out here and by a browser: rotated labels, labels of several
 * lines, narrow figures. The recorded plot areas are Chromium's; where there is a browser, they are taken from it anew.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWindow } from "../../src/report/dom.ts";
import { PlotlyFigure } from "../../src/report/figure.ts";

const require = createRequire(import.meta.url);
const executablePath = process.env.MARGINALIA_CHROMIUM ?? "/usr/bin/chromium";
const hasChromium = existsSync(executablePath);
if (!hasChromium) console.warn(`SKIPPED: figures laid out in a browser, since there is no ${executablePath} (MARGINALIA_CHROMIUM)`); // prettier-ignore

type Area = readonly [left: number, top: number, width: number, height: number];

const twoLines = ["alpha<br>beta", "gamma<br>delta", "a long label<br>in two lines", "x"];
const long = ["a rather long label of a bar", "another long label here", "short", "the fourth of the labels"];
const days = Array.from({ length: 30 }, (_, i) => `2024-03-${String(i + 1).padStart(2, "0")}`);
const bars = (labels: string[], layout: object, turned = false) => {
  const heights = labels.map((_, i) => i + 1);
  return { data: [{ type: "bar", ...(turned ? { orientation: "h", y: labels, x: heights } : { x: labels, y: heights }) }], layout }; // prettier-ignore
};
const curve = (x: unknown[], layout: object) => ({ data: [{ x, y: x.map((_, i) => i * 1e6) }], layout });
const rows = twoLines.map((_, i) => long.map((_, k) => i * k));

const figures: Readonly<Record<string, { figure: object; area: Area }>> = {
  "labels of two lines at 90 degrees": {
    figure: bars(twoLines, { xaxis: { tickangle: 90 } }),
    area: [70, 56, 606, 305],
  },
  "labels of two lines at -90 degrees": {
    figure: bars(twoLines, { xaxis: { tickangle: -90 } }),
    area: [70, 56, 606, 303],
  },
  "labels of two lines at 45 degrees": {
    figure: bars(twoLines, { xaxis: { tickangle: 45 } }),
    area: [70, 56, 606, 300],
  },
  "labels of up to four lines at 90 degrees": {
    figure: bars(["a<br>b<br>c", "d<br>e<br>f<br>g"], { xaxis: { tickangle: 90 } }),
    area: [70, 56, 606, 334],
  },
  "labels of two lines, large, at 90 degrees": {
    figure: bars(twoLines, { xaxis: { tickangle: 90, tickfont: { size: 24 } } }),
    area: [70, 56, 606, 245],
  },
  "labels of two lines, narrow": { figure: bars(twoLines, { width: 300 }), area: [70, 56, 206, 299] },
  "long labels, narrow": { figure: bars(long, { width: 300 }), area: [70, 56, 206, 207] },
  "long labels on top at 60 degrees": {
    figure: bars(long, { xaxis: { side: "top", tickangle: 60 } }),
    area: [70, 171, 606, 219],
  },
  "labels with indices at 90 degrees": {
    figure: bars(["x<sub>1</sub>", "x<sup>2</sup>", "<i>x</i>"], { xaxis: { tickangle: 90 } }),
    area: [70, 56, 606, 334],
  },
  "turned bars, labels of two lines, narrow": {
    figure: bars(twoLines, { width: 300 }, true),
    area: [89, 56, 187, 334],
  },
  "turned bars, labels of two lines at -90 degrees": {
    figure: bars(twoLines, { yaxis: { tickangle: -90, title: { text: "title" } } }, true),
    area: [74, 56, 602, 334],
  },
  "days, 300 wide": { figure: curve(days, { width: 300 }), area: [70, 56, 206, 334] },
  "days, 250 wide": { figure: curve(days, { width: 250 }), area: [70, 56, 156, 325] },
  "days, 300 wide, with a title": {
    figure: curve(days, { width: 300, xaxis: { title: { text: "day" } } }),
    area: [70, 56, 206, 319],
  },
  "hours of a day, 300 wide": {
    figure: curve(["2024-03-01 10:00", "2024-03-01 20:00"], { width: 300 }),
    area: [70, 56, 206, 296],
  },
  "a heat map with long labels and labels of two lines": {
    figure: { data: [{ type: "heatmap", x: long, y: twoLines, z: rows }], layout: { width: 500 } },
    area: [89, 56, 315, 278],
  },
  "a legend with names of two lines": {
    figure: {
      data: [
        { y: [1, 2], name: "a long name<br>of a trace" },
        { y: [2, 1], name: "b" },
      ],
      layout: { width: 500 },
    },
    area: [70, 56, 290, 334],
  },
  "a title of three lines that makes room": {
    figure: { data: [{ y: [1, 2] }], layout: { title: { text: "a title<br>of three<br>lines", automargin: true } } },
    area: [70, 94, 606, 296],
  },
};

/** Plotly's own record of the plot area, from the drawing. */
function plotArea(svg: string): Area {
  const window = openWindow(() => 0.5);
  window.document.body.innerHTML = svg;
  const clip = [...window.document.querySelectorAll(".axesclip")].find(({ id }) => id.endsWith("xy"))!;
  const [left, top, width, height] = ["x", "y", "width", "height"].map((side) =>
    Number(clip.firstElementChild!.getAttribute(side)),
  );
  return [left, top, width, height];
}

const difference = (a: Area, b: Area) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));
/** CSS pixels: browsers round a text's box to whole pixels. */
const TOLERANCE = 2;

test.each(Object.entries(figures))("%s: the plot area is the browser's", (_, { figure, area }) => {
  const found = plotArea(new PlotlyFigure(figure as never).svg());
  expect(difference(found, area), found.join(", ")).toBeLessThanOrEqual(TOLERANCE);
});

describe.skipIf(!hasChromium)("in Chromium", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    page = await browser.newPage();
    const font = readFileSync(require.resolve("@expo-google-fonts/open-sans/400Regular/OpenSans_400Regular.ttf"));
    await page.setContent(`<style>@font-face { font-family: "Open Sans"; src: url(data:font/ttf;base64,${font.toString("base64")}) }
      p { font-family: "Open Sans" }</style><p>text</p><div></div>`);
    await page.evaluate("document.fonts.ready.then(() => undefined)");
    await page.addScriptTag({ path: require.resolve("plotly.js-dist-min") });
  });
  afterAll(() => browser.close());

  test.each(Object.entries(figures))("%s: has the plot area recorded here", async (_, { figure, area }) => {
    const { data, layout } = new PlotlyFigure(figure as never).plain;
    const draw = `Plotly.newPlot(document.querySelector("div"), ${JSON.stringify(data)}, ${JSON.stringify(layout)}, { staticPlot: true })
      .then((root) => Plotly.Snapshot.toSVG(root, "svg"))`;
    const found = plotArea(await page.evaluate<string>(draw));
    expect(difference(found, area), found.join(", ")).toBeLessThanOrEqual(TOLERANCE);
  });
});
