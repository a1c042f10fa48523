import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InputError } from "../../src/runner/input-error.ts";
import { parseNotebook } from "../../src/runner/notebook.ts";
import { readParameterFile } from "../../src/runner/parameter-file.ts";
import { describeParameters, parameterTypeProblems } from "../../src/runner/parameter-types.ts";
import { declaredParameters, injectParameters, type ParameterValue } from "../../src/runner/parameters.ts";
import { code, notebook } from "./notebooks.ts";

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
  return parameterTypeProblems(source, declared, Object.entries(given), path.join(folder, "x.ipynb"));
}

describe("parameterTypeProblems", () => {
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

  test("refuses what is no mapping, with the place", async () => {
    await expect(read("b.yaml", "a: 1\nb: [1, 2\n")).rejects.toThrow(/b\.yaml:\d+:\d+: /);
    await expect(read("twice.yaml", "a: 1\na: 2\n")).rejects.toThrow(/twice\.yaml:2:1: .*unique/);
    await expect(read("l.yaml", "- 1\n")).rejects.toThrow("expected names with values (depth: 5), got a list");
    await expect(readParameterFile(path.join(folder, "none.yaml"))).rejects.toThrow("none.yaml: no such file");
  });
});
