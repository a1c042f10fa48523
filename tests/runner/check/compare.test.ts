import { describe, expect, test } from "vitest";
import {
  compareFigures,
  compareRows,
  compareTables,
  compareTexts,
  isClose,
} from "../../../src/runner/check/compare.ts";
import { compareOutputs } from "../../../src/runner/check/outputs.ts";
import { CheckSettings, DEFAULT_TOLERANCE } from "../../../src/runner/check/settings.ts";
import { parseNotebook, type Notebook } from "../../../src/runner/notebook/notebook.ts";
import type { ResultRow } from "../../../src/runner/gallery/results.ts";
import { code, notebook } from "../notebooks.ts";

const standard = () => DEFAULT_TOLERANCE;

describe("isClose", () => {
  test.each([
    [1, 1 + 1e-10, true],
    [1, 1 + 1e-8, false],
    [0, 1e-13, false],
    [1e-20, 9e-13, false],
    [1e-300, 1e-300 * (1 + 1e-10), true],
    [Infinity, Infinity, true],
    [-Infinity, Infinity, false],
    [NaN, NaN, true],
    [NaN, 1, false],
    [0, -0, true],
  ])("%d and %d: %s", (a, b, expected) => expect(isClose(a, b, DEFAULT_TOLERANCE)).toBe(expected));
});

describe("compareTables", () => {
  const csv = "method,d,error\nlower,0.1,0.001\nupper,0.1,0.002\n";

  test("equal tables, columns in another order and last digits have no differences", () => {
    expect(compareTables("t", csv, csv, standard)).toEqual([]);
    const other = "d,method,error\n0.1,lower,0.0010000000000001\n0.1,upper,0.002\n";
    expect(compareTables("t", csv, other, standard)).toEqual([]);
  });

  test("a changed cell is named by column, row and what labels the row, with the size of the change", () => {
    const [difference, ...others] = compareTables("t", csv, csv.replace("0.002", "0.0021"), standard);
    expect(others).toEqual([]);
    expect(difference.place).toBe("table t, column error, row 2, method = upper");
    expect(difference.what).toMatch(
      /^0\.002 became 0\.0021 \(0\.048 relative, 0\.0001 absolute; allowed 1e-9 relative/,
    );
  });

  test("columns and rows that came or went are told, and changed words", () => {
    const changed = compareTables("t", csv, "method,d,bound\nbelow,0.1,1\n", standard);
    expect(changed.map(({ place, what }) => `${place}: ${what}`)).toEqual([
      "table t: column error is gone",
      "table t: column bound is new",
      "table t: 2 rows became 1",
      "table t: the row method = lower is gone",
      "table t: the row method = upper is gone",
      "table t: the row method = below is new",
    ]);
    expect(compareTables("t", csv, csv.replace("upper", "above"), standard)[0].what).toBe('"upper" became "above"');
    const longer = compareTables("t", csv, "method,d,error\nnew,0.1,9\nlower,0.1,0.001\nupper,0.1,0.003\n", standard);
    expect(longer.map(({ place, what }) => `${place}: ${what.split(" (")[0]}`)).toEqual([
      "table t: 2 rows became 3",
      "table t: the row method = new is new",
      "table t, column error, row 2, method = upper: 0.002 became 0.003",
    ]);
  });

  test("each column has its own tolerance, or none", () => {
    const changed = csv.replace("0.002", "0.0021");
    expect(compareTables("t", csv, changed, () => ({ ...DEFAULT_TOLERANCE, relative: 0.1 }))).toEqual([]);
    expect(
      compareTables("t", csv, changed, (column) => ({ ...DEFAULT_TOLERANCE, ignore: column === "error" })),
    ).toEqual([]);
    expect(
      compareTables("t", csv, changed, (column) => ({ ...DEFAULT_TOLERANCE, ignore: column === "d" })),
    ).toHaveLength(1);
  });

  test("many differences of one column are told in short", () => {
    const rows = (offset: number) => `x\n${Array.from({ length: 50 }, (_, i) => i + offset).join("\n")}\n`;
    const differences = compareTables("t", rows(0), rows(1), standard);
    expect(differences).toHaveLength(4);
    expect(differences.at(-1)).toEqual({ place: "table t, column x", what: "and 47 more differences" });
  });

  test("numbers and what is no number differ, empty cells included", () => {
    const table = (cell: string) => `x,y\n1,${cell}\n`;
    expect(compareTables("t", table("NaN"), table("1"), standard)).toHaveLength(1);
    expect(compareTables("t", table("NaN"), table("NaN"), standard)).toEqual([]);
    expect(compareTables("t", table(""), table("0"), standard)).toHaveLength(1);
  });
});

describe("compareFigures", () => {
  const figure = {
    data: [{ name: "n = 8", type: "scatter", x: [1, 2, 3], y: [0.1, 0.2, 0.3], line: { color: "red" } }],
    layout: { title: { text: "T" }, meta: { commit: "a" }, template: { layout: {} } },
  };
  const changed = (edit: (copy: typeof figure) => void) => {
    const copy = structuredClone(figure);
    edit(copy);
    return compareFigures("f", figure, copy, DEFAULT_TOLERANCE).map(({ place, what }) => `${place}: ${what}`);
  };

  test("what describes the run is not compared", () => {
    expect(
      changed(({ layout }) => Object.assign(layout, { meta: { commit: "b", machine: "m" }, template: {} })),
    ).toEqual([]);
  });

  test("a changed point is named by trace and index", () => {
    const [told] = changed(({ data }) => (data[0].y[1] = 0.25));
    expect(told).toMatch(/^figure f, trace 1 "n = 8", y\[1\]: 0\.2 became 0\.25/);
  });

  test("where a trace came, those of the same name are compared", () => {
    const trace = (name: string, y: number) => ({ name, y: [y] });
    const [was, is] = [[trace("a", 1), trace("b", 2)], [trace("new", 7), trace("a", 1), trace("b", 3)]]; // prettier-ignore
    const found = compareFigures("f", { data: was }, { data: is }, DEFAULT_TOLERANCE);
    expect(found.map(({ place, what }) => `${place}: ${what.split(" (")[0]}`)).toEqual([
      "figure f: 2 traces became 3",
      'figure f: the trace "new" is new',
      'figure f, trace 2 "b", y[0]: 2 became 3',
    ]);
  });

  test("lost points and traces, styles and titles are told", () => {
    expect(changed(({ data }) => data[0].x.pop())).toEqual(['figure f, trace 1 "n = 8", x: 3 items became 2']);
    expect(changed(({ data }) => data.pop())).toEqual(["figure f: 1 traces became 0", 'figure f: the trace "n = 8" is gone']); // prettier-ignore
    expect(changed(({ data }) => (data[0].line.color = "blue"))).toEqual([
      'figure f, trace 1 "n = 8", line, color: "red" became "blue"',
    ]);
    expect(changed(({ layout }) => (layout.title.text = "U"))).toEqual([
      'figure f, layout, title, text: "T" became "U"',
    ]);
  });
});

describe("compareRows", () => {
  const row = (more: Partial<ResultRow> = {}): ResultRow => ({
    quantity: "q",
    paper: 1,
    ours: 1,
    verdict: "match",
    ...more,
  });

  test("compares verdicts; our values only with a tolerance", () => {
    expect(compareRows([row()], [row({ ours: 1.1 })])).toEqual([]);
    expect(compareRows([row()], [row({ ours: 1.1 })], DEFAULT_TOLERANCE)).toHaveLength(1);
    expect(compareRows([row()], [row({ ours: 2, verdict: "worse" })])).toEqual([
      { place: 'comparison "q"', what: "verdict match became worse (ours 1 became 2, paper 1)" },
    ]);
  });

  test("rows that came or went, and another value of the paper, are told", () => {
    const told = compareRows([row(), row({ quantity: "r" })], [row({ paper: 2 }), row({ quantity: "s" })]);
    expect(told.map(({ place, what }) => `${place} ${what}`)).toEqual([
      'comparison "q", paper 1 became 2 (0.5 relative, 1 absolute; allowed 0 relative + 0)',
      'comparison "r" is gone',
      'comparison "s" is new',
    ]);
  });
});

describe("compareTexts", () => {
  test("words are compared exactly, numbers by tolerance", () => {
    expect(compareTexts("c", "ln Z = 1.00000000001 after 3\n", "ln Z = 1 after 3", DEFAULT_TOLERANCE)).toEqual([]);
    expect(compareTexts("c", "ln Z = 1.1", "ln Z = 1.2", DEFAULT_TOLERANCE)).toEqual([
      { place: "c, line 1", what: "- ln Z = 1.1\n+ ln Z = 1.2" },
    ]);
    expect(compareTexts("c", "x1 = 2", "x2 = 2", DEFAULT_TOLERANCE)).toHaveLength(1);
    expect(compareTexts("c", "a\nb", "a", DEFAULT_TOLERANCE)).toEqual([{ place: "c, line 2", what: "- b" }]);
  });
});

describe("compareOutputs", () => {
  const printed = (text: string, name = "stdout") => ({ output_type: "stream", name, text });
  const shown = (data: object) => ({ output_type: "display_data", data, metadata: {} });
  const cell = code("f()");
  const made = async (outputs: object[], metadata: object = {}): Promise<Notebook> =>
    parseNotebook(JSON.stringify(notebook([{ ...cell, metadata, outputs }])), "x.ipynb");
  async function differences(was: object[], is: object[], metadata: object = {}) {
    const executed = await made(is, metadata);
    return compareOutputs(await made(was), executed, new CheckSettings(executed, "x.ipynb"));
  }

  test("compares what is printed however it came in pieces, but not standard error", async () => {
    expect(
      await differences([printed("a\nb\n")], [printed("a\n"), printed("warning", "stderr"), printed("b\n")]),
    ).toEqual([]);
    const [{ place, what }] = await differences([printed("a\n")], [printed("c\n")]);
    expect(`${place}: ${what}`).toBe(`cell 1 (id ${cell.id}), what it prints, line 1: - a\n+ c`);
  });

  test("compares displayed figures trace by trace, whatever their picture", async () => {
    const plot = (y: number, png: string) =>
      shown({ "application/vnd.plotly.v1+json": { data: [{ y: [y] }], layout: {} }, "image/png": png });
    expect(await differences([plot(1, "a")], [plot(1, "b")])).toEqual([]);
    expect((await differences([plot(1, "a")], [plot(2, "a")]))[0].place).toBe(
      `figure of cell 1 (id ${cell.id}), trace 1, y[0]`,
    );
  });

  test("a pattern takes the place of equality; a cell may be left out", async () => {
    const check = (settings: object) => ({ marginalia: { check: settings } });
    expect(await differences([printed("3 ms")], [printed("4 ms\n")], check({ pattern: "\\d+ ms" }))).toEqual([]);
    expect(await differences([printed("3 ms")], [printed("ages")], check({ pattern: "\\d+ ms" }))).toHaveLength(1);
    expect(await differences([printed("a")], [printed("b")], check({ ignore: true }))).toEqual([]);
    expect(await differences([printed("a")], [printed("b")], { tags: ["nbval-ignore-output"] })).toEqual([]);
    expect(await differences([printed("1.0")], [printed("1.01")], check({ relative: 0.1 }))).toEqual([]);
  });

  test("a pattern that would be matched for years ends with a word about it", async () => {
    const check = { marginalia: { check: { pattern: "(a+)+" } } };
    const begun = performance.now();
    const [{ what }] = await differences([printed("a")], [printed(`${"a".repeat(60)}!`)], check);
    expect(what).toContain("without an end, probably for a repetition within a repetition");
    expect(performance.now() - begun).toBeLessThan(20_000);
  });

  test("settings that cannot be meant are refused with their place", async () => {
    const wrong = await made([], { marginalia: { check: { relativ: 1 } } });
    expect(() => new CheckSettings(wrong, "x.ipynb")).toThrow(
      /x\.ipynb: metadata of cell .*marginalia\.check: .*relativ/s,
    );
    const pattern = await made([], { marginalia: { check: { pattern: "(" } } });
    expect(() => new CheckSettings(pattern, "x.ipynb")).toThrow("is no regular expression");
  });
});
