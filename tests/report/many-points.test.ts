import { describe, expect, test } from "vitest";
import { Random } from "../../src/graph/random.ts";
import { figureSvg } from "../../src/report/plotly-static.ts";
import { pngOfSvg } from "../../src/report/render.ts";
import { traceFigure } from "./example-figures.ts";

const random = Random.fromSeed(3);
const numbers = (count: number) => Array.from({ length: count }, () => random.uniform());
const COUNT = 22_000;
const draw = (data: object[], layout: object = {}) => figureSvg({ data, layout });
const [x, y] = [numbers(COUNT), numbers(COUNT)];
/** The same markers with a list of which are selected (all), so that each is an element of its own. */
const oneByOne = (trace: object) => ({ ...trace, cliponaxis: true, selectedpoints: x.map((_, i) => i) });

describe("a scatter of tens of thousands of points", () => {
  test.each([
    ["markers over a range", { mode: "markers", x, y }, { yaxis: { range: [0.1, 0.9] }, xaxis: { range: [0, 2] } }],
    ["markers and lines on a log axis, with gaps at the start", { mode: "lines+markers", x: x.map((at, i) => (i < 3 ? null : at)).sort(), y, marker: { symbol: "square", opacity: 0.5 } }, { xaxis: { type: "log" } }], // prettier-ignore
  ])("has the picture that it has drawn one by one, in less than half of the text: %s", (_, trace, layout) => {
    const [few, all] = [draw([trace, { x: [0.5], y: [0.5] }], layout), draw([oneByOne(trace), { x: [0.5], y: [0.5] }], layout)]; // prettier-ignore
    expect(few.length).toBeLessThan(all.length / 2);
    expect(Buffer.from(pngOfSvg(few, 1).bytes).equals(pngOfSvg(all, 1).bytes)).toBe(true);
  });

  test("keeps the points that there are where all but a few are gaps", () => {
    const gaps = draw([{ mode: "markers", x, y: y.map((at, i) => (i % 7001 === 5 ? at : null)) }]);
    expect((gaps.match(/<use |class="point"(?![^>]* id=)/g) ?? []).length).toBe(4);
  });

  test("is not drawn where it is hidden", () => {
    expect(draw([{ mode: "markers", x, y, visible: "legendonly" }])).not.toContain("<use");
  });

  test("gives the same bytes again, and ids of its own", () => {
    const first = draw([{ mode: "markers", x, y }]);
    expect(draw([{ mode: "markers", x, y }]) === first).toBe(true);
    const [, id] = /<use href="#([^"]+)"/.exec(first)!;
    expect(draw([{ mode: "markers", x: y, y: x }])).not.toContain(id);
  });
});

describe("too many elements", () => {
  const many = Array.from({ length: 60_000 }, (_, i) => i);
  test.each([
    ["markers of sizes of their own", { mode: "markers", x: many, y: many, marker: { size: many } }],
    ["texts", { mode: "text", x: many, y: many, text: many.map(String) }],
    ["error bars", { mode: "lines", x: many, y: many, error_y: { array: many } }],
    ["bars", { type: "bar", x: many, y: many }],
  ])("are refused with the number, the trace and what would do: %s", (_, trace) => {
    expect(() => draw([{ y: [1] }, trace])).toThrow(
      /60000 points.*60000 in trace 1\).*can have 50000.*histogram2d.*sample/,
    );
  });

  test("are not the points of a line, a histogram or a heat map", () => {
    expect(draw([{ type: "histogram", x: many }])).toContain("point");
    expect(draw([{ mode: "lines", x: many, y: many }]).length).toBeLessThan(100_000);
  });
});

test("traces that WebGL draws in a browser are drawn as their SVG kin here, and keep their type in the figure", () => {
  for (const [type, kin] of [
    ["scattergl", "scatter"],
    ["scatterpolargl", "scatterpolar"],
  ]) {
    const { data } = traceFigure(kin);
    expect(draw(data.map((trace) => ({ ...trace, type })))).toBe(draw(data as object[]));
  }
});
