import { describe, expect, test } from "vitest";
import { parseNotebook, type CodeCell } from "../../../src/runner/notebook/notebook.ts";
import { declaredParameters, injectParameters, parseParameter } from "../../../src/runner/notebook/parameters.ts";
import { code, markdown, notebook } from "../notebooks.ts";

const DECLARATIONS = `// what a reader may change
let depth = 5;
const profile: "quick" | "paper" = "quick", seed = -1;
const label = "a" as string | null;
const list = [1, 2];
let on = true, unset: number | undefined;
function helper() { const inner = 1; return inner }`;

const made = async (...cells: object[]) => parseNotebook(JSON.stringify(notebook(cells)), "x.ipynb");
const withParameters = () =>
  made(markdown("# Title"), code("import 'x'"), code(DECLARATIONS, "parameters"), code("depth"));
const injected = async (values: Parameters<typeof injectParameters>[1]) =>
  (await injectParameters(await withParameters(), values, "x.ipynb")).cells[3] as CodeCell;

describe("parseParameter(pair)", () => {
  test.each([
    ["n=8", "n", "8"],
    ["s=a=b", "s", "a=b"],
    ["s=", "s", ""],
    ["größe= 1", "größe", " 1"],
  ])("%s", (pair, name, text) => expect(parseParameter(pair)).toEqual([name, { text }]));

  test.each(["n", "=1", "1n=2", "a b=1", ""])("refuses %j", (pair) =>
    expect(() => parseParameter(pair)).toThrow("expected name=value"),
  );
});

describe("declaredParameters(notebook)", () => {
  test("lists the names, types and defaults at the top level of the parameters cell", async () => {
    expect(await declaredParameters(await withParameters())).toEqual([
      { name: "depth", keyword: "let", type: "number", defaultValue: "5" },
      { name: "profile", keyword: "const", type: '"quick" | "paper"', defaultValue: '"quick"' },
      { name: "seed", keyword: "const", type: "number", defaultValue: "-1" },
      { name: "label", keyword: "const", type: "string | null", defaultValue: '"a" as string | null' },
      { name: "list", keyword: "const", type: undefined, defaultValue: "[1, 2]" },
      { name: "on", keyword: "let", type: "boolean", defaultValue: "true" },
      { name: "unset", keyword: "let", type: "number | undefined", defaultValue: undefined },
    ]);
  });

  test("is empty without a parameters cell", async () => {
    expect(await declaredParameters(await made(code("let a = 1")))).toEqual([]);
  });
});

describe("injectParameters(notebook, values, file)", () => {
  test("puts a tagged cell right after the parameters cell", async () => {
    const cell = await injected({ depth: 20 });
    expect(cell).toMatchObject({ id: "injected-parameters", metadata: { tags: ["injected-parameters"] } });
    expect(cell.source.split("\n").slice(1)).toEqual(["depth = 20;"]);
  });

  test("assigns to let, and declares const again with the notebook's own type", async () => {
    const cell = await injected({ list: [3], profile: "paper", seed: 7, label: null, on: false });
    expect(cell.source.split("\n").slice(1)).toEqual([
      'const profile: "quick" | "paper" = "paper";',
      "const seed: number = 7;",
      "const label: string | null = null;",
      "const list = [3];",
      "on = false;",
    ]);
  });

  test("replaces the cell of an earlier run, and takes it away when there is nothing to inject", async () => {
    const once = await injectParameters(await withParameters(), { depth: 1 }, "x.ipynb");
    const twice = await injectParameters(once, { depth: 2 }, "x.ipynb");
    expect(twice.cells).toHaveLength(5);
    expect(twice.cells[3].source).toContain("depth = 2;");
    expect((await injectParameters(twice, {}, "x.ipynb")).cells).toEqual((await withParametersLike(twice.cells)).cells);
  });

  test("an unknown name is refused with those that are declared", async () => {
    await expect(injected({ detph: 1 })).rejects.toThrow(
      /x\.ipynb: unknown parameter detph; its parameters cell declares depth: number, profile: "quick" \| "paper"/,
    );
    await expect(injected({ inner: 1, toString: 2 })).rejects.toThrow("unknown parameters inner, toString");
  });

  test("values without a parameters cell are refused with what to do", async () => {
    await expect(injectParameters(await made(code("1")), { a: 1 }, "x.ipynb")).rejects.toThrow(
      'no cell is tagged "parameters"',
    );
  });

  test("strings arrive as they were, whatever they hold", async () => {
    const { source } = await injected({ label: '"; process.exit() //\n\u2028`${1}`' });
    expect(source.split("\n")).toHaveLength(2);
    expect(source).toContain(JSON.stringify('"; process.exit() //\n\u2028`${1}`'));
  });
});

function withParametersLike(cells: readonly object[]) {
  return made(...cells.filter((_, i) => i !== 3));
}

test("a second cell tagged parameters is told, since only one is read", async () => {
  const twice = await made(code("let a = 1;", "parameters"), markdown("m"), code("let b = 2;", "parameters"));
  await expect(injectParameters(twice, { a: 2 }, "x.ipynb")).rejects.toThrow(
    'x.ipynb: cells 1 and 3 are tagged "parameters", expected one',
  );
  expect((await injectParameters(twice, {}, "x.ipynb")).cells).toHaveLength(3);
});
