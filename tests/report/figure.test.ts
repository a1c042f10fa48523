import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { figure, PlotlyFigure } from "../../src/report/figure.ts";
import { panels } from "../../src/report/panels.ts";
import { colourway, knownMethods, methodStyle, sequenceStyles, translucent } from "../../src/report/style.ts";
import { band, bars, heatmap, line, scatter } from "../../src/report/traces.ts";
import { houseFigures } from "./example-figures.ts";

type Plain = Record<string, never> & Record<string, unknown>;
const show = (value: object, name: string) =>
  (value as Record<symbol, () => Record<string, unknown>>)[Symbol.for(name)]();
const x = [0, 1, 2];

describe("the display bundle", () => {
  const shown = figure({ title: "A <i>title</i>", data: [line({ method: "bp", x, y: x })] });
  const bundle = show(shown, "Jupyter.display");

  test("is Plotly JSON, PNG and text, and no html, which front ends would prefer and GitHub strips", () => {
    expect(Object.keys(bundle)).toEqual(["application/vnd.plotly.v1+json", "image/png", "text/plain"]);
  });

  test("holds the PNG at two pixels a CSS pixel, and its metadata the size in CSS pixels", () => {
    const png = Buffer.from(bundle["image/png"] as string, "base64");
    const size = show(shown, "Jupyter.displayMetadata")["image/png"] as { width: number; height: number };
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 * size.width, 2 * size.height]);
  });

  test("holds JSON that draws the same figure again", () => {
    const again = JSON.parse(JSON.stringify(bundle["application/vnd.plotly.v1+json"])) as PlotlyFigure["plain"];
    expect(new PlotlyFigure(again).svg()).toBe(shown.svg());
  });

  test("says in text what is drawn", () => {
    expect(bundle["text/plain"]).toBe('Figure "A title": bp (3)');
    expect(inspect(shown)).toBe('Figure "A title": bp (3)');
  });
});

describe("figure", () => {
  test("puts units after axis titles, and takes ranges of log axes in the axis's own values", () => {
    const { layout } = figure({
      x: { title: "length", unit: "nats" },
      y: { title: "error", scale: "log", range: [1e-6, 1] },
      data: [],
    }).plain as unknown as { layout: Record<string, Plain> };
    expect(layout.xaxis).toMatchObject({ title: { text: "length [nats]" } });
    expect(layout.yaxis).toMatchObject({ type: "log", range: [-6, 0] });
  });

  test("refuses a range that a log axis cannot have", () => {
    expect(() => figure({ y: { title: "error", scale: "log", range: [0, 1] }, data: [] })).toThrow(
      /"error".*positive.*0 to 1/,
    );
  });

  test("lets the layout given win over the house style", () => {
    const svg = figure({ title: "ours", data: [{ y: [1] }], layout: { title: { text: "theirs" } } }).svg();
    expect(svg).toContain("theirs");
    expect(svg).not.toContain("ours");
  });

  test("is white behind everything", () => {
    const png = figure({ data: [{ y: [1] }] }).svg();
    expect(png).toMatch(/<rect[^>]*width="700" height="450" style="fill: rgb\(255, 255, 255\)/);
  });

  test("with a note is a little higher, says the note, and carries the record in its JSON", () => {
    const bare = figure({ data: [{ y: [1, 2] }] });
    const noted = bare.withNote("quick & <dirty>", { seed: 7 });
    expect(noted.size.height).toBeGreaterThan(bare.size.height);
    expect(noted.png().height).toBe(2 * noted.size.height);
    expect(noted.svg()).toContain("quick &amp; &lt;dirty>");
    expect(noted.plain.layout.meta).toEqual({ note: "quick & <dirty>", seed: 7 });
    expect(bare.plain.layout.meta).toBeUndefined();
  });
});

describe("traces", () => {
  test("draw standard errors as error bars in the method's colour", () => {
    const trace = line({ method: "trbp", x, y: x, standardError: Float64Array.of(0.1, 0.2, 0.3) });
    expect(trace).toMatchObject({
      error_y: { type: "data", array: [0.1, 0.2, 0.3], color: methodStyle("trbp").color },
    });
    const svg = figure({ data: [trace] }).svg();
    expect(svg.match(/class="yerror"/g)).toHaveLength(3);
  });

  test("name the columns' lengths when they differ", () => {
    expect(() => line({ method: "bp", x, y: [1] })).toThrow(/"bp".*3, 1/);
    expect(() => scatter({ method: "bp", x, y: x, standardError: [1] })).toThrow(RangeError);
    expect(() => band({ method: "bp", x, lower: x, upper: [1] })).toThrow(RangeError);
    expect(() => bars({ method: "bp", labels: ["a"], values: [1, 2] })).toThrow(RangeError);
  });

  test("a band goes forth along the upper curve and back along the lower, without points that are not finite", () => {
    const trace = band({ method: "bp", x, lower: [0, -Infinity, 0], upper: [1, 2, 3] });
    expect(trace).toMatchObject({ x: [0, 2, 2, 0], y: [1, 3, 0, 0], fill: "toself", showlegend: false });
    expect(trace).toMatchObject({ fillcolor: translucent(methodStyle("bp").color, 0.2) });
  });

  test("a heatmap with a middle is symmetric about it", () => {
    expect(heatmap({ z: [Float64Array.of(-1, 2)], middle: 0 })).toMatchObject({ zmid: 0, z: [[-1, 2]] });
  });
});

describe("panels", () => {
  const { plain } = houseFigures["four panels"]();
  const layout = plain.layout as unknown as Record<string, { domain: [number, number] }>;

  test("stand in reading order without touching", () => {
    expect(layout.xaxis.domain[1]).toBeLessThan(layout.xaxis2.domain[0]);
    expect(layout.yaxis3.domain[1]).toBeLessThan(layout.yaxis.domain[0]);
    expect(layout.xaxis3.domain).toEqual(layout.xaxis.domain);
    expect(layout.yaxis2.domain).toEqual(layout.yaxis.domain);
  });

  test("share one legend with one entry a method", () => {
    const inLegend = plain.data.filter(({ showlegend }) => showlegend !== false).map(({ name }) => name);
    expect(inLegend).toEqual(["bp", "trbp", "node-gnn"]);
    expect(plain.data.map(({ xaxis }) => xaxis)).toEqual([
      "x",
      "x",
      "x",
      "x2",
      "x2",
      "x2",
      "x3",
      "x3",
      "x3",
      "x4",
      "x4",
      "x4",
    ]);
  });

  test("have a drawing area of the size asked for", () => {
    const { layout } = panels({ panels: [{ data: [] }, { data: [] }], panelWidth: 200, panelHeight: 100 })
      .plain as unknown as {
      layout: { width: number; margin: { l: number; r: number }; xaxis: { domain: [number, number] } };
    };
    const inner = layout.width - layout.margin.l - layout.margin.r;
    expect((layout.xaxis.domain[1] - layout.xaxis.domain[0]) * inner).toBeCloseTo(200, 9);
  });

  test("are refused when there are none, or no whole number of columns", () => {
    expect(() => panels({ panels: [] })).toThrow(RangeError);
    expect(() => panels({ panels: [{ data: [] }], columns: 1.5 })).toThrow(/columns.*1\.5/);
  });
});

describe("methodStyle", () => {
  const known = Object.keys(knownMethods);

  test("is the same for a method whatever its options, its case and its figure", () => {
    expect(methodStyle("bp[schedule=residual,damping=0.5]")).toEqual(methodStyle("bp"));
    expect(methodStyle("Mean field")).toEqual(methodStyle("mean-field"));
    expect(methodStyle("factorized_lower")).toEqual(methodStyle("factorised-lower"));
    const colours = [1, 2].map(() => line({ method: "bpnn", x, y: x }));
    expect(colours[0]).toEqual(colours[1]);
  });

  test("tells every two known methods apart without colour", () => {
    const marks = known.map((name) => `${methodStyle(name).symbol} ${methodStyle(name).dash}`);
    expect(new Set(marks).size).toBe(known.length);
  });

  test("gives the methods of one figure different colours", () => {
    const groups = [
      ["exact", "factorised-lower", "factorised-upper", "refined-upper"],
      ["exact", "bp", "mean-field", "node-gnn", "msg-gnn"],
      ["exact", "bp", "trbp", "bpnn"],
    ];
    for (const group of groups) expect(new Set(group.map((name) => methodStyle(name).color)).size).toBe(group.length);
  });

  test("gives an unknown name a style by the name alone, and none that a known method has", () => {
    const taken = known.map((name) => JSON.stringify(methodStyle(name)));
    for (const name of ["junction-tree", "swendsen-wang", "toString", "__proto__", ""]) {
      expect(methodStyle(name)).toEqual(methodStyle(name));
      expect(colourway).toContain(methodStyle(name).color);
      expect(taken).not.toContain(JSON.stringify(methodStyle(name)));
    }
    expect(methodStyle("junction-tree")).not.toEqual(methodStyle("swendsen-wang"));
  });

  test("sequenceStyles are different in colour, marker and dash", () => {
    for (const count of [1, 3, 6])
      for (const key of ["color", "symbol", "dash"] as const)
        expect(new Set(sequenceStyles(count).map((style) => style[key])).size).toBe(count);
    expect(() => sequenceStyles(7)).toThrow(/1 to 6.*7/);
  });
});
