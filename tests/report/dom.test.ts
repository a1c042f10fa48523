import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { openWindow } from "../../src/report/dom.ts";
import { advanceWidth } from "../../src/report/fonts.ts";
import { everyTrace, houseFigures, traceFigure } from "./example-figures.ts";

const window = openWindow(() => 0.25);
const page = (svg: string) => {
  window.document.body.innerHTML = `<svg width="500" height="500">${svg}</svg>`;
  return window.document.querySelector("#it") as SVGGraphicsElement & SVGPathElement & SVGTextElement;
};
const rectangle = (svg: string) => page(svg).getBoundingClientRect();
const em = (text: string, weight = 400) => advanceWidth(text, { family: "", weight, italic: false });

describe("text boxes", () => {
  test("are as wide as the typeface's advances and as high as its line", () => {
    const box = rectangle('<text id="it" x="10" y="50" style="font-size: 20px">Marginal</text>');
    expect(box.left).toBe(10);
    expect(box.width).toBeCloseTo(20 * em("Marginal"), 9);
    expect(box.top).toBeLessThan(50 - 20);
    expect(box.bottom).toBeGreaterThan(50);
    expect(box.height / 20).toBeCloseTo(1.362, 2); // Open Sans: ascent 1.069 em, descent 0.293 em
  });

  test("shift with text-anchor, inherited or own", () => {
    const width = 10 * em("abc");
    const at = (attributes: string) => rectangle(`<g style="text-anchor: end"><text id="it" x="100" style="font-size: 10px;${attributes}">abc</text></g>`); // prettier-ignore
    expect(at("").right).toBeCloseTo(100, 9);
    expect(at("text-anchor: start").left).toBeCloseTo(100, 9);
    expect(at("text-anchor: middle").left).toBeCloseTo(100 - width / 2, 9);
  });

  test("follow nested translations, scales and rotations", () => {
    const flat = rectangle('<text id="it" style="font-size: 10px">tick</text>');
    const moved = rectangle('<g transform="translate(30,40)"><g transform="scale(2)"><text id="it" transform="translate(5,0)" style="font-size: 10px">tick</text></g></g>'); // prettier-ignore
    expect(moved.left).toBeCloseTo(30 + 2 * 5, 9);
    expect(moved.width).toBeCloseTo(2 * flat.width, 9);
    const turned = rectangle('<text id="it" transform="rotate(-90)" style="font-size: 10px">tick</text>');
    expect([turned.width, turned.height]).toEqual([expect.closeTo(flat.height, 9), expect.closeTo(flat.width, 9)]);
  });

  test("follow every transform of SVG's grammar, however its operations and numbers are set apart", () => {
    const corner = (transform: string) => {
      const { left, top } = rectangle(`<rect id="it" transform="${transform}" x="1" y="2" width="0" height="0"/>`);
      return [left, top].map((coordinate) => Math.round(coordinate * 1e6) / 1e6);
    };
    for (const [transform, at] of [
      ["rotate(90,3,4)translate(0,-8)", [13, 2]],
      [" rotate( 90 3 4 ) , translate(0 -8)", [13, 2]],
      ["translate(.5-.5)scale(2)", [2.5, 3.5]],
      ["translate(1e1,+2) matrix(1 0 0 1 2 3)", [13, 7]],
      ["skewX(45)skewY(45)", [4, 3]],
      ["translate(4)", [5, 2]],
      ["matrix(1 2 3)", [1, 2]],
      ["translate(4) nonsense(1)", [1, 2]],
      ["translate(4", [1, 2]],
      ["", [1, 2]],
    ] as const)
      expect(corner(transform), transform).toEqual(at);
  });

  test("add up tspans with their own size, weight and shift, and start anew at a tspan's x", () => {
    const sub = rectangle('<text id="it" style="font-size: 10px">x<tspan style="font-size: 70%" dy="0.3em">12</tspan><tspan style="font-weight: bold">b</tspan></text>'); // prettier-ignore
    expect(sub.width).toBeCloseTo(10 * em("x") + 7 * em("12") + 10 * em("b", 700), 9);
    const lines = rectangle('<text id="it" style="font-size: 10px"><tspan x="0" dy="0em">wide line</tspan><tspan x="0" dy="1.3em">b</tspan></text>'); // prettier-ignore
    expect(lines.width).toBeCloseTo(10 * em("wide line"), 9);
    expect(lines.height).toBeCloseTo(13.62 + 13, 1);
  });

  test("count bold wider than regular, and take signs that Open Sans lacks from the other typeface", () => {
    expect(em("bound", 700)).toBeGreaterThan(em("bound"));
    expect(em("a→b")).toBeGreaterThan(em("a") + em("b") + 0.5);
    expect(em("a\u200bb")).toBe(em("ab"));
  });

  test("leave an empty or hidden text without extent", () => {
    expect(rectangle('<text id="it" x="9"></text>').width).toBe(0);
    expect(rectangle('<g id="it"><text style="display: none">abc</text></g>').width).toBe(0);
  });
});

describe("shapes", () => {
  test("a group's box is around all that it holds, in page or own coordinates", () => {
    const group = '<g id="it" transform="translate(100,0)"><rect x="1" y="2" width="3" height="4"/><circle cx="20" cy="20" r="5"/><line x1="-7" y1="0" x2="0" y2="1"/></g>'; // prettier-ignore
    expect(page(group).getBoundingClientRect()).toMatchObject({ left: 93, right: 125, top: 0, bottom: 25 });
    expect(page(group).getBBox()).toMatchObject({ x: -7, y: 0, width: 32, height: 25 });
  });

  test("paths have length, points along it, and a box that holds their curves", () => {
    const path = page('<path id="it" d="M0,0 H3 V4"/>');
    expect(path.getTotalLength()).toBe(7);
    expect(path.getPointAtLength(5)).toMatchObject({ x: 3, y: 2 });
    const arc = rectangle('<path id="it" d="M-10,0 A10,10 0 0 1 10,0"/>');
    expect(arc.top).toBeCloseTo(-10, 1);
    expect(page('<path id="it"/>').getTotalLength()).toBe(0);
  });

  test("a transform that cannot be read counts as none, as in browsers", () => {
    expect(rectangle('<rect id="it" transform="translate(NaN,oops)" width="2" height="3"/>')).toMatchObject({
      left: 0,
      width: 2,
    });
  });
});

test("a canvas holds the pixels written to it, as a PNG", () => {
  const canvas = window.document.createElement("canvas");
  Object.assign(canvas, { width: 2, height: 2 });
  const context = canvas.getContext("2d")!;
  context.fillStyle = "rgb(255, 0, 10)";
  context.fillRect(0, 0, 1, 1);
  context.fillStyle = "rgba(0, 0, 255, 0.2)";
  context.fillRect(1, 1, 5, 5);
  const png = decode(Buffer.from(canvas.toDataURL().replace("data:image/png;base64,", ""), "base64"));
  expect([...png.data]).toEqual([255, 0, 10, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 51]);
});

test("the window's randomness is the one given, and it leaves ours alone", () => {
  expect(window.eval("Math.random()")).toBe(0.25);
  expect(window.eval("Math") === Math).toBe(false);
});

test("Plotly has drawn all of a figure when newPlot returns, so that drawing need not wait", async () => {
  const require = createRequire(import.meta.url);
  const opened = openWindow(() => 0.5);
  opened.eval(readFileSync(require.resolve("plotly.js-dist-min"), "utf8"));
  const { Plotly } = opened as unknown as { Plotly: { newPlot(...args: unknown[]): Promise<unknown> } };
  const figures = [
    ...Object.keys(everyTrace).map((type) => [type, traceFigure(type)] as const),
    ["two panels with error bars", houseFigures["two panels with error bars"]().plain] as const,
  ];
  for (const [name, { data, layout }] of figures) {
    const root = opened.document.createElement("div");
    opened.document.body.append(root);
    const settled = Plotly.newPlot(root, structuredClone(data), structuredClone(layout), { staticPlot: true });
    const before = root.innerHTML;
    await settled;
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(root.innerHTML === before, name).toBe(true);
    root.remove();
  }
});
