import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InputError } from "../../../src/base/input-error.ts";
import { parseNotebook } from "../../../src/runner/notebook/notebook.ts";
import { readParameterFile } from "../../../src/runner/notebook/parameter-file.ts";
import { describeParameters, settle } from "../../../src/runner/notebook/parameter-types.ts";
import { GivenText, type GivenValue, type ParameterValue } from "../../../src/runner/notebook/parameter-value.ts";
import { declaredParameters, injectParameters } from "../../../src/runner/notebook/parameters.ts";
import { code, notebook } from "../notebooks.ts";

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "parameter-types-")));
  await writeFile(path.join(folder, "kinds.ts"), 'export type Kind = "grid" | "tree" | "complete";\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const EARLIER = `import type { Kind } from "./kinds.ts";
import { Random } from "marginalia";
const sizes = [8, 64, 128] as const;
type Pair = [low: number, high: number];
const broken: number = "what the parameters do not use is not looked at";`;
const PARAMETERS = `
// how deep to look
let depth = 5;
const profile: "quick" | "paper" = "quick"; // which settings
const kind: Kind = "grid";
let size: (typeof sizes)[number] = 8;
const range: Pair = [0, 1];
const label: string | null = null;
const options: { damping: number; schedule?: "flooding" | "residual" } = { damping: 0 };
let on = true, list = [1, 2];`;

const made = () =>
  parseNotebook(JSON.stringify(notebook([code(EARLIER), code(PARAMETERS, "parameters"), code("depth")])), "x.ipynb");
async function problems(given: Record<string, ParameterValue>) {
  const source = await made();
  const declared = await declaredParameters(source);
  return (await settle(source, declared, Object.entries(given), path.join(folder, "x.ipynb"))).problems;
}

describe("values from files", () => {
  test("values of the declared types have none", async () => {
    const values = {
      depth: 1e3,
      profile: "paper",
      kind: "tree",
      size: 64,
      range: [1, 2],
      label: "a",
      on: false,
      list: [],
    };
    expect(await problems({ ...values, options: { damping: 0.5, schedule: "residual" } })).toEqual([]);
    expect(await problems({ label: null, depth: Infinity })).toEqual([]);
  });

  test("each wrong value is told with what is accepted, in the order given", async () => {
    const values = { depth: "deep", profile: "turbo", kind: "star", size: 9, on: 1, list: ["a"] };
    expect(await problems(values)).toEqual([
      'parameter depth is "deep", expected number',
      'parameter profile is "turbo", expected "quick" | "paper"',
      'parameter kind is "star", expected "grid" | "tree" | "complete"',
      "parameter size is 9, expected 8 | 64 | 128",
      "parameter on is 1, expected boolean",
      `parameter list is ["a"], expected number[] (Type 'string' is not assignable to type 'number')`,
    ]);
  });

  test("inside an object or tuple, the place at fault is named", async () => {
    const [range, misspelt, missing] = [{ range: [1] }, { options: { damping: 1, shedule: "x" } }, { options: {} }];
    expect((await problems(range))[0]).toMatch(/expected Pair \(Source has 1 element\(s\) but target requires 2\)/);
    expect((await problems(misspelt))[0]).toMatch(/'"?shedule"?' does not exist/);
    expect((await problems(missing))[0]).toContain("Property 'damping' is missing");
  });

  test("a number where text is wanted is told how to become text", async () => {
    expect(await problems({ label: 8 })).toEqual([
      'parameter label is 8, expected string | null; for text write "8" in quotes',
    ]);
  });

  test("injectParameters refuses with the file's name, every problem on its line", async () => {
    const file = path.join(folder, "x.ipynb");
    const refusal = injectParameters(await made(), { depth: "deep", profile: "turbo" }, file);
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(/x\.ipynb: parameter depth is .*\n.*x\.ipynb: parameter profile is/);
  });
});

describe("text from a command line means what the declared type has", () => {
  const DECLARED = `let label: string = "a", either: string | number = 1, n: number = 1, maybe: string | null = null;
let on = true, eight: 8 | string = 8, size: 8 | 64 = 8, list: number[] = [], big = 5n, bigs: bigint[] = [];
let when: Date = new Date(0), span: { from: Date; to?: Date; n: bigint } = { from: new Date(0), n: 1n };
let unset: number | undefined = 5, any: any = 1, table: Map<string, number> = new Map(), act = (x: number) => x;
let mode: "1" | "2" = "1", maybeWhen: Date | null = null;`;
  const source = () => parseNotebook(JSON.stringify(notebook([code(DECLARED, "parameters")])), "x.ipynb");
  const meant = async (given: Record<string, GivenValue>) => {
    const settled = await settle(await source(), await declaredParameters(await source()), Object.entries(given), "x.ipynb"); // prettier-ignore
    return { ...settled, values: Object.fromEntries(Object.keys(given).map((name, i) => [name, settled.values[i]])) };
  };
  const text = (given: Record<string, string>) =>
    meant(Object.fromEntries(Object.entries(given).map(([name, each]) => [name, new GivenText(each)])));

  test("text where text is declared, without quotes inside quotes; quotes are taken as such", async () => {
    expect(await text({ label: "2020", either: "2020", maybe: "null", eight: "9", mode: "2" })).toEqual({
      problems: [],
      values: { label: "2020", either: 2020, maybe: null, eight: "9", mode: "2" },
    });
    for (const each of ["true", "null", "1e5", "007", "[1]", "12345678901234567890", "Infinity", "-0"])
      expect((await text({ label: each })).values).toEqual({ label: each });
    expect((await text({ label: '"8"' })).values).toEqual({ label: "8" });
  });

  test("numbers keep sign and digits, or are refused with what was written", async () => {
    expect((await text({ n: "-0" })).values.n).toBe(-0);
    expect((await text({ n: "-Infinity" })).values.n).toBe(-Infinity);
    expect((await text({ list: '[1,"NaN"]' })).values.list).toEqual([1, NaN]);
    expect((await text({ n: "9007199254740993", list: "[9007199254740993]" })).problems).toEqual([
      expect.stringContaining("parameter n is 9007199254740993, expected number (9007199254740993 is beyond"),
      expect.stringContaining("parameter list is [9007199254740993], expected number[] (9007199254740993 is beyond"),
    ]);
  });

  test("bigints and Dates, alone and inside lists and objects", async () => {
    const span = '{"from":"2020-01-01","n":7}';
    const { values, problems } = await text({ big: "12345678901234567890", bigs: '[1,"9007199254740993"]', when: "2020-12-31", span, maybeWhen: "2020-12-31T10:00" }); // prettier-ignore
    expect(problems).toEqual([]);
    expect(values).toEqual({
      big: 12345678901234567890n,
      bigs: [1n, 9007199254740993n],
      when: new Date("2020-12-31T00:00Z"),
      span: { from: new Date("2020-01-01"), n: 7n },
      maybeWhen: new Date("2020-12-31T10:00Z"),
    });
    expect((await text({ big: "5n", maybeWhen: "null" })).values).toEqual({ big: 5n, maybeWhen: null });
    expect((await meant({ big: 5, when: "2020-12-31T23:59:00+02:00" })).values).toEqual({ big: 5n, when: new Date("2020-12-31T21:59:00Z") }); // prettier-ignore
    expect((await text({ unset: "undefined" })).values).toEqual({ unset: undefined });
  });

  test("what cannot be meant is refused with how it is written, or that it cannot be", async () => {
    const { problems } = await text({ big: "a", when: "2020-02-30", table: "[]", act: "x" });
    expect(problems[0]).toMatch(/^parameter big is "a", expected bigint; a bigint is written 5 or 5n$/);
    expect(problems[1]).toContain("a Date is written 2020-12-31");
    expect(problems[2]).toMatch(/expected Map<string, number>.*no value from outside can be one/);
    expect(problems[3]).toContain("no value from outside can be one");
    expect((await meant({ n: 9007199254740993n })).problems[0]).toContain(
      "a number holds whole numbers to 2^53 exactly",
    );
  });

  test("what is listed says how it is set", async () => {
    const described = await describeParameters(await source(), await declaredParameters(await source()), "x.ipynb");
    const how = Object.fromEntries(described.map((each) => [each.name, each.how]));
    expect(how).toMatchObject({ n: "", label: "", any: "", list: "", table: expect.stringContaining("no value from outside") as string, big: expect.stringContaining("5n") as string }); // prettier-ignore
  });

  test("a cell with such values is what the kernel reads: source of the same values", async () => {
    const given = { big: 5n, n: -0, when: new Date("2020-01-01"), any: JSON.parse('{"__proto__":2,"a":1}') as unknown, unset: undefined }; // prettier-ignore
    const cell = (await injectParameters(await source(), given as never, "x.ipynb")).cells[1];
    expect(cell.source.split("\n").slice(1)).toEqual([
      "n = -0;",
      "big = 5n;",
      'when = new Date("2020-01-01T00:00:00.000Z");',
      "unset = undefined;",
      'any = {["__proto__"]:2,"a":1};',
    ]);
  });
});

test("describeParameters tells types in full, defaults and comments", async () => {
  const source = await made();
  const described = await describeParameters(source, await declaredParameters(source), path.join(folder, "x.ipynb"));
  expect(described.map(({ name, accepts, comment }) => [name, accepts, comment])).toEqual([
    ["depth", "number", "how deep to look"],
    ["profile", '"quick" | "paper"', "which settings"],
    ["kind", '"grid" | "tree" | "complete"', undefined],
    ["size", "8 | 64 | 128", undefined],
    ["range", "Pair", undefined],
    ["label", "string | null", undefined],
    ["options", '{ damping: number; schedule?: "flooding" | "residual" | undefined; }', undefined],
    ["on", "boolean", undefined],
    ["list", "number[]", undefined],
  ]);
});

describe("readParameterFile", () => {
  const read = async (name: string, text: string) => {
    await writeFile(path.join(folder, name), text);
    return readParameterFile(path.join(folder, name));
  };

  test("reads JSON and YAML alike", async () => {
    const expected = { depth: 5, profile: "paper", list: [1, 2], label: null };
    expect(await read("p.json", JSON.stringify(expected))).toEqual(expected);
    expect(await read("p.yaml", "depth: 5\nprofile: paper # comment\nlist:\n  - 1\n  - 2\nlabel: null\n")).toEqual(
      expected,
    );
    expect(await read("empty.yaml", "# nothing\n")).toEqual({});
  });

  test("keeps every key, sign and digit: numbers go by the rule of the command line", async () => {
    const text = 'a: -0\nb: .inf\nc: -.INF\nd: .nan\ne: 9007199254740993\nf: 0x10\ng: 1e3\nh: "9007199254740993"\n';
    const { d, ...others } = await read("n.yaml", text);
    expect(others).toEqual({ a: -0, b: Infinity, c: -Infinity, e: 9007199254740993n, f: 16, g: 1000, h: "9007199254740993" }); // prettier-ignore
    expect(d).toBeNaN();
    expect(Object.keys((await read("k.yaml", "rec: { a b: 1, __proto__: 2 }\n")).rec as object)).toEqual(["a b", "__proto__"]); // prettier-ignore
    await expect(read("big.yaml", "ok: 1\nx: 1e999\n")).rejects.toThrow("big.yaml:2:4: 1e999 is beyond");
  });

  test("refuses a bomb of aliases with the file's name", async () => {
    const bomb = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]", ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`)]; // prettier-ignore
    const refusal = read("bomb.yaml", bomb.join("\n"));
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(/bomb\.yaml: .*alias/i);
  });

  test("refuses what is no mapping, with the place", async () => {
    await expect(read("b.yaml", "a: 1\nb: [1, 2\n")).rejects.toThrow(/b\.yaml:\d+:\d+: /);
    await expect(read("twice.yaml", "a: 1\na: 2\n")).rejects.toThrow(/twice\.yaml:2:1: .*unique/);
    await expect(read("l.yaml", "- 1\n")).rejects.toThrow("expected names with values (depth: 5), got a list");
    await expect(readParameterFile(path.join(folder, "none.yaml"))).rejects.toThrow("none.yaml: no such file");
  });
});
