import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { colourAt } from "../../../src/cli/sweep/coordinates.ts";
import { sweepFigures } from "../../../src/cli/sweep/figures.ts";
import { scaleOf, shortLabels } from "../../../src/cli/sweep/scale.ts";
import { columnsOf, type Column, type Scalar } from "../../../src/runner/sweep/dataframe.ts";
import { parseAxis, pointsOf } from "../../../src/runner/sweep/space.ts";

const change: Column = { name: "change", role: "parameter", type: "string", values: ["steps-5", "baseline", "mean"] };
const number = (name: string, values: Scalar[]): Column => ({ name, role: "value", type: "number", values });
const parameter = (name: string, values: Scalar[], isLog = false): Column => ({ name, role: "parameter", type: "number", values, isLog }); // prettier-ignore
const status = (...values: string[]): Column => ({ name: "status", role: "status", type: "string", values });

type Trace = Record<string, never> & { x: number[]; y: number[]; z: number[][] };
const drawn = (columns: Column[], name: string) => {
  const { data, layout } = sweepFigures("A sweep", columns, "gap")[name].plain;
  return { data: data as unknown as Trace[], layout: layout as Record<string, never> };
};
/** The line below the title. */
const said = (columns: Column[], name: string) =>
  /<span[^>]*>(.*)<\/span>/.exec((drawn(columns, name).layout.title as { text: string }).text)?.[1];

test("a parameter of names: every panel has its own place, and the names in the order of the sweep", () => {
  const figures = sweepFigures("A sweep", [change, number("loss", [3, 1, 2]), number("error", [0.3, 0.1, 0.2])]);
  const { data, layout } = figures["small-multiples"].plain;
  expect(data.map((trace) => [trace.x, trace.y])).toEqual([
    [
      [0, 1, 2],
      [3, 1, 2],
    ],
    [
      [0, 1, 2],
      [0.3, 0.1, 0.2],
    ],
  ]);
  const axes = [layout.xaxis, layout.xaxis2] as { ticktext: string[]; domain: [number, number] }[];
  for (const { ticktext } of axes) expect(ticktext).toEqual(change.values);
  expect(axes[0].domain[1]).toBeLessThan(axes[1].domain[0]);
});

describe("parallel coordinates", () => {
  interface Bar {
    cmin: number;
    cmax: number;
    colorscale: [number, string][];
    colorbar: { tickvals: number[]; ticktext: string[] };
  }
  /** The colour that Plotly draws in the bar at a place between cmin and cmax. */
  const inBar = ({ colorscale }: Bar, at: number) => {
    const above = Math.max(
      1,
      colorscale.findIndex(([place]) => place >= at),
    );
    const [[low, from], [high, to]] = [colorscale[above - 1], colorscale[above]];
    const channel = (text: string, c: number) => Number.parseInt(text.slice(1 + 2 * c, 3 + 2 * c), 16);
    return [0, 1, 2].map((c) => channel(from, c) + ((at - low) / (high - low)) * (channel(to, c) - channel(from, c)));
  };
  const parts = (columns: Column[]) => {
    const all = drawn(columns, "parallel-coordinates").data as unknown as { y: number[]; line: { color: string }; marker: Bar }[]; // prettier-ignore
    return { lines: all.slice(0, -1), bar: all.at(-1)!.marker };
  };

  test("a line's colour is the bar's at its value, and the bar's labels are those of the last axis, also over decades", () => {
    const values = fc.array(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(values, (gaps) => {
        const { lines, bar } = parts([parameter("n", gaps.map((_, i) => i)), number("gap", gaps)]); // prettier-ignore
        expect([bar.cmin, bar.cmax]).toEqual([0, 1]);
        for (const { y, line } of lines) {
          const shown = /\d+/g[Symbol.match](line.color)!.map(Number);
          for (const [c, channel] of inBar(bar, y[1]).entries()) expect(Math.abs(shown[c] - channel)).toBeLessThan(1);
        }
        const scale = scaleOf(number("gap", gaps));
        expect(bar.colorbar.tickvals).toEqual(scale.ticks.map(({ at }) => at));
        for (const { at, text } of scale.ticks) expect(Math.abs(scale.at(Number(text)) - at)).toBeLessThan(0.06);
      }),
      { numRuns: 50 },
    );
    expect(colourAt(0)).toBe("rgb(68,1,84)");
    expect(colourAt(1)).toBe("rgb(184,176,0)");
  });

  test("a parameter drawn by its logarithm has a log axis, however little it spans", () => {
    const [rates, gaps] = [[0.1, 0.2, 0.4], [1, 2, 3]]; // prettier-ignore
    const { lines } = parts([parameter("rate", rates, true), number("gap", gaps)]);
    expect(lines[1].y[0]).toBeCloseTo(0.5, 12);
    const { layout } = drawn([parameter("rate", rates, true), number("gap", gaps)], "small-multiples");
    expect((layout.xaxis as { type?: string }).type).toBe("log");
    const points = pointsOf("n", { axes: [parseAxis("rate=loguniform(0.1,0.4)"), parseAxis("k=1,2")], samples: 3 });
    const columns = columnsOf(points, [], { logarithmic: ["rate"] });
    expect(columns.find(({ name }) => name === "rate")!.isLog).toBe(true);
    expect(columns.find(({ name }) => name === "k")!.isLog).toBeFalsy();
  });

  test("a parameter that is null at some points is a name like another there", () => {
    const w: Column = { name: "w", role: "parameter", type: "string", values: [null, "x"] };
    expect(parts([w, number("gap", [1, 2])]).lines.map(({ y }) => y[0])).toEqual([0, 1]);
  });
});

describe("the heat map", () => {
  test("of a grid: a cell for each combination, labels no longer than tell them apart", () => {
    const [n, d] = [[1, 1, 2, 2], [1 / 3, 2 / 3, 1 / 3, 2 / 3]]; // prettier-ignore
    const { data } = drawn([parameter("n", n), parameter("d", d), number("gap", [1, 2, 3, 4])], "heat-map");
    expect(data[0]).toMatchObject({ type: "heatmap", x: ["1", "2"], y: ["0.333", "0.667"], z: [[1, 3], [2, 4]] }); // prettier-ignore
  });

  test("of drawn values, which make no grid: a mark at each point on the parameters' own axes, no empty cells", () => {
    const [n, d] = [[6, 6, 8, 8], [0.1234567890123456, 0.5, 0.0123, 0.9]]; // prettier-ignore
    const { data, layout } = drawn([parameter("n", n), parameter("d", d, true), number("gap", [1, 2, 3, 4])], "heat-map"); // prettier-ignore
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ type: "scatter", mode: "markers", x: d, y: n, marker: { color: [1, 2, 3, 4] } });
    expect((layout.xaxis as { type?: string; ticktext?: unknown }).type).toBe("log");
    expect((layout.xaxis as { ticktext?: unknown }).ticktext).toBeUndefined();
  });

  test("labels have as few digits as tell the numbers apart", () => {
    expect(shortLabels([1 / 3, 0.5])).toEqual(["0.333", "0.5"]);
    expect(shortLabels([0.12345678, 0.12345679])).toEqual(["0.12345678", "0.12345679"]);
    fc.assert(fc.property(fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true })), (values) => {
      const different = values.filter((value) => !Object.is(value, -0));
      expect(new Set(shortLabels(different)).size).toBe(new Set(different).size);
    })); // prettier-ignore
  });
});

describe("what a figure does not show is said below its title", () => {
  const n = parameter("n", [1, 1, 2, 2, 3]);
  const seed = parameter("seed", [1, 2, 1, 2, 1]);

  test("means over further parameters, with how many values these have", () => {
    const rate = parameter("rate", [1, 1, 1, 1, 1, 1, 1, 1].map((_, i) => (i % 2) + 1)); // prettier-ignore
    const many = [parameter("n", [1, 1, 1, 1, 2, 2, 2, 2]), parameter("seed", [1, 1, 2, 2, 1, 1, 2, 2]), rate];
    const gap = number("gap", [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(said([...many, gap], "heat-map")).toContain("means over rate (2 values)");
    expect(said([...many, gap], "small-multiples")).toContain("means over rate (2 values)");
    expect(said([...many, gap], "parallel-coordinates")).toBeUndefined();
    // Parameters that run side by side hide nothing.
    expect(said([parameter("a", [1, 2]), parameter("b", [3, 4]), parameter("c", [5, 6]), number("gap", [1, 2])], "heat-map")).toBeUndefined(); // prettier-ignore
  });

  test("points that failed, were stopped or are missing, whose values are not drawn", () => {
    const columns = [n, seed, number("gap", [1, 2, 3, 1e9, null]), status("ok", "ok", "ok", "failed", "missing")];
    for (const name of ["small-multiples", "heat-map", "parallel-coordinates"])
      expect(said(columns, name)).toContain("not drawn: 1 failed, 1 without a result (of 5 points)");
    expect(drawn(columns, "small-multiples").data.flatMap(({ y }) => y)).not.toContain(1e9);
    expect(drawn(columns, "parallel-coordinates").data).toHaveLength(3 + 1);
  });

  test("recorded numbers without a panel by name, and values that are not finite", () => {
    const numbers = Array.from({ length: 11 }, (_, i) => number(`value ${i}`, [1, 2, 3, 4, i === 0 ? NaN : 5]));
    const line = said([n, seed, ...numbers], "small-multiples");
    expect(line).toContain("2 of 11 recorded numbers have no panel: value 9, value 10");
    expect(line).toContain("1 value missing or not finite");
  });
});
