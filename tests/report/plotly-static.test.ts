import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { openWindow } from "../../src/report/dom.ts";
import { pageRectangle } from "../../src/report/svg-geometry.ts";
import { figureSvg, type PlotlySpecification } from "../../src/report/plotly-static.ts";
import { pngOfSvg } from "../../src/report/render.ts";
import { runElsewhere } from "./child.ts";
import { everyTrace, houseFigures, traceFigure } from "./example-figures.ts";

const hash = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");
let emptyHash: string | undefined;
const empty = () => (emptyHash ??= hash(pngOfSvg(figureSvg({ data: [] }), 0.5).bytes));
const names = Object.keys(houseFigures);

/** The drawing as a document whose elements can be measured. */
function parsed(svg: string): Element {
  const window = openWindow(() => 0.5);
  window.document.body.innerHTML = svg;
  return window.document.querySelector("svg")!;
}

const texts = (root: Element) => [...root.querySelectorAll("text")].map((text) => text.textContent ?? "");

describe("figureSvg", () => {
  test("writes title, axis titles, panel titles and legend as text", () => {
    const found = texts(parsed(houseFigures["two panels with error bars"]().svg()));
    for (const expected of [
      "Recursive bounds on ln Z & their gap",
      "(a) n = 8, fully connected",
      "mean relative error of ln Z",
      "d √(n/8)",
      "factorised-lower",
      "n = 128",
    ])
      expect(found).toContain(expected);
  });

  test("keeps the numeric tick labels, which Plotly hides when text cannot be measured in place", () => {
    const svg = parsed(houseFigures.scatter().svg());
    const labels = (axis: string) => [...svg.querySelectorAll(`.${axis}tick text`)].map((text) => text.textContent);
    expect(labels("x")).toEqual(["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    expect(labels("y").length).toBeGreaterThan(3);
    for (const text of svg.querySelectorAll(".xtick text, .ytick text"))
      expect(text.getAttribute("style")).not.toMatch(/opacity: 0(?!\.)|display: none/);
  });

  test.each(names)(
    "%s: all text lies in the picture, and no text lies on another or on an axis's plot area",
    (name) => {
      const figure = houseFigures[name]();
      const svg = parsed(figure.svg());
      const { width, height } = figure.size;
      const boxes = [...svg.querySelectorAll("text")]
        .filter((text) => text.textContent?.trim())
        .map((text) => ({ text: text.textContent, ...pageRectangle(text) }));
      expect(boxes.length).toBeGreaterThan(8);
      for (const box of boxes) {
        expect(box.left, box.text).toBeGreaterThanOrEqual(0);
        expect(box.top, box.text).toBeGreaterThanOrEqual(0);
        expect(box.right, box.text).toBeLessThanOrEqual(width);
        expect(box.bottom, box.text).toBeLessThanOrEqual(height);
      }
      type Box = (typeof boxes)[number];
      // Line boxes are taller than their glyphs, so a sliver of overlap is no fault.
      const overlap = (a: Box, b: Box) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
      for (const [i, box] of boxes.entries())
        for (const other of boxes.slice(i + 1)) expect(overlap(box, other), `${box.text} | ${other.text}`).toBe(false);
      // The clip of a plot area is the one place where Plotly writes its rectangle down; it makes one for any two axes.
      const plots = [...svg.querySelectorAll(".axesclip")]
        .filter(({ id }) => /x(\d*)y\1$/.test(id))
        .map((clip) => ({ text: "plot area", ...pageRectangle(clip.querySelector("rect")!) }));
      expect(plots.length).toBe(Object.keys(figure.plain.layout).filter((key) => key.startsWith("xaxis")).length);
      for (const plot of plots) for (const box of boxes) expect(overlap(box, plot), String(box.text)).toBe(false);
    },
  );

  test("gives the same bytes whatever figures were drawn before, svg and png", () => {
    const bytes = () => names.map((name) => hash(houseFigures[name]().svg()) + hash(houseFigures[name]().png().bytes));
    const first = bytes();
    for (const type of ["violin", "heatmap", "pie", "sankey", "contour"]) figureSvg(traceFigure(type));
    names.reverse();
    const reversed = bytes().reverse();
    names.reverse();
    expect(reversed).toEqual(first);
    expect(new Set(first).size).toBe(names.length);
  });

  test("gives the same bytes in another process, svg and png", () => {
    const code = `
      import { createHash } from "node:crypto";
      import { houseFigures } from "./example-figures.ts";
      const hash = (content) => createHash("sha256").update(content).digest("hex");
      const found = Object.entries(houseFigures).reverse().map(([name, make]) => [name, hash(make().svg()) + hash(make().png().bytes)]);
      console.log(JSON.stringify(Object.fromEntries(found)));`;
    const elsewhere = JSON.parse(runElsewhere(code).stdout) as Record<string, string>;
    for (const name of names)
      expect(elsewhere[name], name).toBe(hash(houseFigures[name]().svg()) + hash(houseFigures[name]().png().bytes));
  });

  test("gives figures ids of their own, so that two drawings can stand in one page", () => {
    const ids = (name: string) =>
      [
        ...houseFigures[name]()
          .svg()
          .matchAll(/ id="([^"]+)"/g),
      ].map(([, id]) => id);
    const shared = ids("scatter").filter((id) => ids("bars").includes(id));
    expect(ids("scatter").length).toBeGreaterThan(0);
    expect(shared).toEqual([]);
  });

  test.each(Object.keys(everyTrace))(
    "draws a %s, the same twice, with every id that it refers to, and not as an empty figure",
    (type) => {
      const svg = figureSvg(traceFigure(type));
      expect(figureSvg(traceFigure(type))).toBe(svg);
      expect(svg).not.toMatch(/NaN|undefined|TOBESTRIPPED/);
      for (const [, id] of svg.matchAll(/url\(['"]?#([^'")]+)/g)) expect(svg).toContain(`id="${id}"`);
      expect(hash(pngOfSvg(svg, 0.5).bytes)).not.toBe(empty());
    },
  );

  test("has drawn above every type of trace that it accepts", () => {
    const refusal = () => figureSvg({ data: [{ type: "none" }] as unknown as PlotlySpecification["data"] });
    let message = "";
    try {
      refusal();
    } catch (error) {
      message = (error as Error).message;
    }
    expect(
      message
        .replace(/^.*use one of /, "")
        .split(", ")
        .sort(),
    ).toEqual(Object.keys(everyTrace).sort());
  });

  test("refuses pictures from the network, takes those in the figure", () => {
    const images = (source: string) =>
      [{ source, x: 0, y: 1, sizex: 1, sizey: 1, xref: "paper", yref: "paper" }] as const;
    const withPicture = (source: string) =>
      figureSvg({ data: [{ y: [1, 2] }], layout: { images: [...images(source)] } });
    expect(() => withPicture("https://example.org/a.png")).toThrow(/image 0.*data:/);
    const dot =
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    expect(withPicture(dot)).toContain(dot);
  });

  test("reads typed arrays as it reads plain ones, and leaves the figure as it was", () => {
    const plain = { data: [{ x: [1, 2, 3], y: [1, 4, 9] }], layout: { title: { text: "t" } } };
    const typed = { ...plain, data: [{ x: Int32Array.of(1, 2, 3), y: Float64Array.of(1, 4, 9) }] };
    const before = structuredClone(plain);
    expect(figureSvg(typed)).toBe(figureSvg(plain));
    expect(plain).toEqual(before);
  });

  test("leaves a gap where a number is not finite", () => {
    const paths = (values: number[]) =>
      figureSvg({ data: [{ y: values, mode: "lines" }] }).match(/class="js-line"/g)!.length;
    expect(paths([1, 2, 3, 4, 5])).toBe(1);
    expect(paths([1, 2, Number.NaN, 4, 5])).toBe(2);
    expect(paths([1, 2, Number.NEGATIVE_INFINITY, 4, 5])).toBe(2);
  });

  test.each(["heatmapgl", "scatter3d", "surface", "mesh3d", "parcoords", "splom", "pointcloud"])(
    "refuses %s, which would come out empty or hang, and says which trace and what to use",
    (type) => {
      const data = [{ y: [1] }, { type, name: "cloud" }] as unknown as PlotlySpecification["data"];
      expect(() => figureSvg({ data })).toThrow(new RegExp(`trace 1 \\("cloud"\\).*"${type}".*WebGL.*use .*"`));
    },
  );

  test.each(["scattermap", "choroplethmapbox", "scattergeo", "choropleth"])("refuses the map trace %s", (type) => {
    const data = [{ type }] as unknown as PlotlySpecification["data"];
    expect(() => figureSvg({ data })).toThrow(/trace 0 .*map data/);
  });

  test("refuses an image trace, which Plotly draws too late", () => {
    const data = [{ type: "image", z: [[[1, 2, 3]]] }] as unknown as PlotlySpecification["data"];
    expect(() => figureSvg({ data })).toThrow(/trace 0 .*"image".*"heatmap"/);
  });

  test("refuses a type that Plotly does not have, which Plotly would draw as a scatter", () => {
    const data = [{ type: "scater" }] as unknown as PlotlySpecification["data"];
    expect(() => figureSvg({ data })).toThrow(/"scater".*scatter, bar/);
  });

  test("draws on after a refusal", () => {
    expect(() => figureSvg({ data: [{ type: "surface" }] as unknown as PlotlySpecification["data"] })).toThrow();
    expect(figureSvg(traceFigure("bar"))).toContain('class="point"');
  });
});

describe("a table trace", () => {
  const lines = (values: readonly string[][], width = 700) => {
    const trace = { type: "table", header: { values: ["<b>head</b>", "b"] }, cells: { values } };
    const svg = parsed(figureSvg({ data: [trace] as never, layout: { width } }));
    return [...svg.querySelectorAll(".column-cell")].map((cell) => ({
      lines: [...cell.querySelectorAll("tspan.line")].map((line) => line.textContent),
      text: pageRectangle(cell.querySelector("text")!),
      box: pageRectangle(cell.querySelector(".cell-rect")!),
    }));
  };

  test("wraps its cells and takes markup in them: every text lies in its cell, and no word is lost", () => {
    const words = "a long text that has to be wrapped over several lines in its cell of the table";
    const cells = lines([["<i>x</i>", words, `<b>${words}</b>`, "H<sub>2</sub>O"], ["a<br>b<br>c", "1", words, "<a href='https://example.org'>link</a>"]], 420); // prettier-ignore
    expect(cells).toHaveLength(10);
    for (const { text, box } of cells) {
      expect(text.left).toBeGreaterThanOrEqual(box.left);
      expect(text.right).toBeLessThanOrEqual(box.right);
      expect(text.top).toBeGreaterThanOrEqual(box.top);
      expect(text.bottom).toBeLessThanOrEqual(box.bottom);
    }
    const wrapped = cells.filter(({ lines }) => lines.length > 3).map(({ lines }) => lines.join(""));
    expect(wrapped.map((text) => text.replace(/\s/g, ""))).toEqual(Array(3).fill(words.replaceAll(" ", "")));
  });
});

describe("pngOfSvg", () => {
  test("has the svg's size times the scale, written in the PNG's header", () => {
    const svg = figureSvg({ data: [{ y: [1, 2] }], layout: { width: 300, height: 200 } });
    for (const scale of [1, 2, 2.5]) {
      const png = pngOfSvg(svg, scale);
      const header = Buffer.from(png.bytes);
      expect([png.width, png.height]).toEqual([300 * scale, 200 * scale]);
      expect(header.subarray(1, 4).toString()).toBe("PNG");
      expect([header.readUInt32BE(16), header.readUInt32BE(20)]).toEqual([300 * scale, 200 * scale]);
    }
  });

  test("draws signs that Open Sans lacks", () => {
    const drawn = (character: string) =>
      hash(pngOfSvg(figureSvg({ data: [{ y: [1] }], layout: { title: { text: character } } }), 0.5).bytes);
    const missing = drawn("\u{10FFFD}"); // a private-use character, which no typeface has
    for (const sign of ["→", "∈", "∇", "𝔼"]) expect(drawn(sign)).not.toBe(missing);
  });

  test("refuses a scale that is no positive number", () => {
    for (const scale of [0, -1, Number.NaN, Infinity]) expect(() => pngOfSvg("<svg/>", scale)).toThrow(RangeError);
  });
});
