import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { decode, encode } from "fast-png";
import { afterAll, describe, expect, test } from "vitest";
import { PlotlyFigure } from "../../../src/report/figure.ts";
import { compareWithReference } from "../../../src/runner/check/check.ts";
import { comparePng } from "../../../src/runner/check/png.ts";
import { CheckSettings, DEFAULT_TOLERANCE } from "../../../src/runner/check/settings.ts";
import { compareSvg, noteRows } from "../../../src/runner/check/svg.ts";

const plain = new PlotlyFigure({
  data: [
    { type: "scatter", name: "bound", x: [1, 2, 3], y: [0.1, 0.25, 0.3] },
    { type: "bar", name: "exact", x: [1, 2, 3], y: [0.3, 0.2, 0.1] },
  ],
  layout: { width: 400, height: 300, title: { text: "Bounds" } },
});
const [was, is] = ["commit 1111111", "commit 2222222 with changes"].map((commit) =>
  plain.withNote(`quick profile · ${commit}`, { commit }),
);
const told = (before: string, after: string) =>
  compareSvg("fig", before, after, DEFAULT_TOLERANCE).map(({ place, what }) => `${place}: ${what}`);

describe("compareSvg", () => {
  test("one figure drawn at two commits has other ids and another note, and no differences", () => {
    expect(was.svg()).not.toBe(is.svg());
    expect(told(was.svg(), is.svg())).toEqual([]);
  });

  test.each([
    {
      type: "heatmap",
      z: [
        [1, 2],
        [3, 4],
      ],
      colorbar: { title: { text: "scale" } },
    },
    {
      type: "contour",
      z: [
        [1, 2],
        [3, 4],
      ],
    },
    { type: "scatter", mode: "markers", x: [1, 2], y: [1, 2], marker: { color: [1, 2], showscale: true } },
    { type: "box", y: [1, 2, 3] },
    { type: "violin", y: [1, 2, 3] },
    { type: "pie", values: [1, 2] },
    { type: "sankey", node: { label: ["a", "b"] }, link: { source: [0], target: [1], value: [1] } },
    { type: "parcats", dimensions: [{ values: ["a", "b"] }] },
    { type: "scatterpolar", r: [1, 2], theta: [0, 90] },
    { type: "sunburst", labels: ["a", "b"], parents: ["", "a"], values: [2, 1] },
    { type: "indicator", mode: "gauge+number", value: 3 },
    { type: "table", header: { values: ["a"] }, cells: { values: [[1]] } },
  ])("nor has one of $type", (trace) => {
    const figure = new PlotlyFigure({ data: [trace] as never });
    const [before, after] = ["1111111", "2222222"].map((commit) => figure.withNote(`quick · ${commit}`, { commit }));
    expect(told(before.svg(), after.svg())).toEqual([]);
  });

  test.each([
    ["a word", ">Bounds<", ">Bonds<"],
    ["a number in a text", ">0.2<", ">0.21<"],
    ["a colour", "fill: rgb(255, 255, 255)", "fill: rgb(255, 0, 255)"],
    ["a length", 'width="400"', 'width="401"'],
    ["an element", "</svg>", '<rect x="1" y="1" width="9" height="9"/></svg>'],
  ])("%s that was edited is told", (_, from, to) => {
    const edited = was.svg().replace(from, to);
    expect(edited).not.toBe(was.svg());
    expect(told(edited, is.svg())).toHaveLength(1);
  });

  test("each point of each path is compared, and a reference by where it leads", () => {
    const moved = was.svg().replace(/ d="M([\d.]+),([\d.]+)L/, (_, x, y) => ` d="M${x},${Number(y) + 0.5}L`);
    expect(told(moved, is.svg())).toEqual([expect.stringMatching(/^drawing fig\.svg, d of <path.*became/)]);
    const ids = [...was.svg().matchAll(/<clipPath[^>]* id="([^"]+)"|<clipPath id="([^"]+)"/g)].map(([, a, b]) => a ?? b); // prettier-ignore
    const led = was.svg().replace(`url(#${ids[0]})`, `url(#${ids[1]})`);
    expect(led).not.toBe(was.svg());
    expect(told(led, is.svg())).toEqual([expect.stringContaining("clip-path of <")]);
  });

  test("the last digits of unrounded numbers and the last place of rounded ones may differ", () => {
    const drawing = (d: string, x: string) =>
      `<svg><path d="${d}" transform="translate(1.5,0)"/><rect x="${x}"/></svg>`;
    expect(told(drawing("M0,12.34L5.1,7", "299.99999999999994"), drawing("M0,12.35L5.1,7", "300"))).toEqual([]);
    expect(told(drawing("M0,12.34", "6e-17"), drawing("M0,12.34", "0"))).toEqual([]);
    expect(told(drawing("M0,12.34", "1"), drawing("M0,12.36", "1"))).toHaveLength(1);
    expect(told(drawing("M0,12.34", "1.00"), drawing("M0,12.34", "1.01"))).toHaveLength(1);
    expect(told(drawing("M0,12", "1"), drawing("M0,13", "1"))).toHaveLength(1);
  });

  test("colours that read like numbers are words", () => {
    expect(told('<svg fill="#1e5000"/>', '<svg fill="#1e6000"/>')).toHaveLength(1);
  });
});

describe("comparePng", () => {
  const picture = was.png().bytes;
  const edited = (edit: (data: Uint8Array, width: number, height: number) => void) => {
    const { width, height, data, channels } = decode(picture);
    edit(data as Uint8Array, width, height);
    return encode({ width, height, data: data, channels });
  };
  const block = (row: number, level: number) =>
    edited((data, width) => {
      for (let y = row; y < row + 5; y++) for (let x = 40; x < 45; x++) data[4 * (y * width + x)] = level;
    });

  test("what is written below the figure about its run is passed over, and nothing else", () => {
    const rows = noteRows(is.svg());
    expect(comparePng("p", picture, is.png().bytes)).toHaveLength(1);
    expect(comparePng("p", picture, is.png().bytes, rows)).toEqual([]);
    expect(rows![0]).toBeGreaterThanOrEqual(300 / 316); // the figure itself ends above
  });

  test("an edited block of pixels is told with its place, a level or two are not", () => {
    expect(comparePng("p", block(30, 0), picture)).toEqual([
      { place: "p", what: "25 pixels differ, the first at column 41, row 31, by up to 255 of 255 levels" },
    ]);
    expect(comparePng("p", block(30, 253), picture)).toEqual([]);
  });

  test("grey and coloured pictures of one look are equal", () => {
    const grey = encode({ width: 2, height: 1, data: new Uint8Array([0, 200]), channels: 1 });
    const colour = encode({ width: 2, height: 1, data: new Uint8Array([0, 0, 0, 200, 200, 200]), channels: 3 });
    expect(comparePng("p", grey, colour)).toEqual([]);
  });

  test("another size, and a file that is no picture, are told", () => {
    const [small, large] = [1, 2].map((width) =>
      encode({ width, height: 1, data: new Uint8Array(width), channels: 1 }),
    );
    expect(comparePng("p", small, large)[0].what).toBe("1 x 1 pixels became 2 x 1");
    expect(comparePng("p", Buffer.from("words"), small)[0].what).toMatch(/^what is committed is no PNG: /);
  });
});

describe("an experiment's folder", () => {
  const root = mkdtempSync(path.join(tmpdir(), "pictures-test-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function written(name: string, files: Record<string, string | Uint8Array>): string {
    const folder = path.join(root, name);
    mkdirSync(folder, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(path.join(folder, file), content);
    return folder;
  }
  const filesOf = (figure: PlotlyFigure) => ({ "fig.json": JSON.stringify(figure), "fig.svg": figure.svg(), "fig.png": figure.png().bytes }); // prettier-ignore
  async function places(committed: Record<string, string | Uint8Array>, drawn: PlotlyFigure, check: object = {}) {
    const notebook = { metadata: { marginalia: { check } }, cells: [] };
    const settings = new CheckSettings(notebook, "x.ipynb");
    const folders = [written("was", committed), written("is", filesOf(drawn))];
    const found = await compareWithReference({ folder: folders[0] }, folders[1], notebook, settings);
    return found.map(({ place }) => place);
  }

  test("drawings and pictures are compared beside the data", async () => {
    const committed = filesOf(was);
    expect(await places(committed, is)).toEqual([]);
    expect(await places({ ...committed, "fig.svg": was.svg().replace(">Bounds<", ">Bonds<") }, is)).toEqual([
      'drawing fig.svg, text "Bonds"',
    ]);
    expect(await places({ ...committed, "fig.png": plain.png().bytes }, is)).toEqual(["picture fig.png"]);
  });

  test("a picture of data that may differ, and do, is not compared, and no picture of an ignored figure", async () => {
    const trace = { type: "scatter" as const, x: [1, 2, 3] };
    const layout = { width: 400, height: 300 };
    const [a, b] = [0.3, 0.301].map((last) => new PlotlyFigure({ data: [{ ...trace, y: [0.1, 0.2, last] }], layout }));
    expect(await places(filesOf(a), b)).toEqual(["figure fig, trace 1, y[2]"]);
    expect(await places(filesOf(a), b, { figures: { fig: { relative: 0.01 } } })).toEqual([]);
    const edited = { ...filesOf(a), "fig.svg": "<svg/>" };
    expect(await places(edited, a, { figures: { fig: { relative: 0.01 } } })).toEqual(["drawing fig.svg"]);
    expect(await places(edited, a, { figures: { fig: { ignore: true } } })).toEqual([]);
  });
});
