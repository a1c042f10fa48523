import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanNotebook } from "../../../src/runner/notebook/clean.ts";
import { Linters } from "../../../src/runner/lint/rules.ts";
import { typeProblems } from "../../../src/runner/lint/types.ts";
import { formatNotebook, parseNotebook } from "../../../src/runner/notebook/notebook.ts";
import { code, markdown, notebook } from "../notebooks.ts";

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "lint-test-")));
  writeFileSync(path.join(folder, "half.ts"), "export const half = (x: number): number => x / 2;\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const made = (...cells: object[]) => parseNotebook(JSON.stringify(notebook(cells)), "x.ipynb");

describe("typeProblems", () => {
  test("tells cell, line and column of every mistake, through imports and across cells, and runs nothing", async () => {
    const source = await made(
      markdown("# Title"),
      code('import { half } from "./half.ts";\nlet a: number = half(3);\nthrow new Error("never thrown");'),
      code('const b = 1;\na = "text";\nhalf("3");'),
      code("let c: string = b;"),
      code("let a = 'declared again';\nconst d: string = a;"),
      code("nowhere()", "raises-exception"),
      code("elsewhere()", "skip-execution"),
    );
    const found = typeProblems(source, path.join(folder, "x.ipynb"));
    expect(found.map(({ cell, line, column, rule }) => [cell, line, column, rule])).toEqual([
      [3, 2, 1, "TS2322"],
      [3, 3, 6, "TS2345"],
      [4, 1, 5, "TS2322"],
    ]);
    expect(found[0].cellId).toBe(source.cells[2].id);
  });
});

describe("Linters", () => {
  test("holds cells against the project's own rules, with places in the cell", async () => {
    const repository = path.resolve(import.meta.dirname, "../../..");
    const file = path.join(repository, "notebooks", "x.ipynb");
    const lint = await new Linters().of(file);
    const cells = [code("const a = 1;\nlet unused = 2;"), code("// chance\nconst b = Math.random() == a;")];
    const { problems } = await lint!(await made(...cells), file);
    expect(problems.map(({ cell, line, column, rule }) => [cell, line, column, rule])).toEqual([
      [2, 2, 11, "no-restricted-properties"],
      [2, 2, 25, "eqeqeq"],
    ]);
  });

  test("a project without ESLint is not linted", async () => {
    writeFileSync(path.join(folder, "package.json"), "{}");
    mkdirSync(path.join(folder, "notebooks"), { recursive: true });
    expect(await new Linters().of(path.join(folder, "notebooks", "x.ipynb"))).toBeUndefined();
  });

  /** A project that has our ESLint and this configuration. */
  function project(name: string, config: string): string {
    const repository = path.resolve(import.meta.dirname, "../../..");
    const at = path.join(folder, name);
    mkdirSync(path.join(at, "node_modules"), { recursive: true });
    symlinkSync(path.join(repository, "node_modules", "eslint"), path.join(at, "node_modules", "eslint"));
    writeFileSync(path.join(at, "package.json"), '{ "type": "module" }');
    writeFileSync(path.join(at, "eslint.config.js"), config);
    return path.join(at, "x.ipynb");
  }

  test("without a TypeScript parser, cells in plain JavaScript are linted and the others named", async () => {
    const file = project("no-parser", 'export default [{ files: ["**/*.ts"], rules: { eqeqeq: "error" } }];\n');
    const lint = await new Linters().of(file);
    const { problems, unread } = await lint!(await made(code("1 == 2;"), code("const a: number = 1;")), file);
    expect(problems.map(({ cell, rule }) => [cell, rule])).toEqual([[1, "eqeqeq"]]);
    expect(unread).toEqual([2]);
  });

  test("each notebook is linted by its own project, which is told before its configuration is executed", async () => {
    const told: string[] = [];
    const linters = new Linters((each) => told.push(each));
    const [a, b] = ["==", "==="].map((sign, i) => project(`own-${i}`, `export default [{ files: ["**/*.ts"], rules: { eqeqeq: ["error", "${sign === "==" ? "always" : "smart"}"] } }];\n`)); // prettier-ignore
    for (const [file, count] of [
      [a, 1],
      [b, 0],
      [a, 1],
    ] as const)
      expect((await (await linters.of(file))!(await made(code("undefined == null;")), file)).problems).toHaveLength(
        count,
      );
    expect(told).toEqual([path.dirname(a), path.dirname(b)]);
    expect(await linters.of("/nowhere/at/all/x.ipynb")).toBeUndefined();
  });

  test("a configuration that is broken is told with what to do", async () => {
    const file = project("broken", 'throw new Error("not today");\n');
    const lint = await new Linters().of(file);
    await expect(lint!(await made(code("1")), file)).rejects.toThrow(
      /broken: its ESLint fails: not today\n.*--no-lint/,
    );
  });
});

describe("cleanNotebook", () => {
  const cell = {
    ...code("1 + 1", "parameters"),
    execution_count: 7,
    outputs: [{ output_type: "execute_result", execution_count: 7, data: { "text/plain": "2" }, metadata: {} }],
  };
  const messy = () => {
    const source = notebook([
      { ...cell, metadata: { tags: ["parameters"], execution: { started: "now" }, vscode: {} } },
      code("n = 1;", "injected-parameters"),
    ]);
    const metadata = {
      ...source.metadata,
      language_info: { name: "typescript", version: "5.1", file_extension: ".ts" },
      marginalia: { check: { relative: 1 }, source: "x.ipynb", status: "ok", seconds: {} },
      vscode: {},
    };
    return parseNotebook(JSON.stringify({ ...source, metadata }), "x.ipynb");
  };

  test("takes away outputs, counts, the injected cell and the metadata of runs and front ends; keeps what is written", async () => {
    const clean = cleanNotebook(await messy());
    expect(clean.cells).toEqual([{ ...cell, metadata: { tags: ["parameters"] }, execution_count: null, outputs: [] }]);
    expect(clean.metadata).toMatchObject({
      kernelspec: { name: "marginalia" },
      language_info: { name: "typescript", file_extension: ".ts" },
      marginalia: { check: { relative: 1 } },
    });
    expect(Object.keys(clean.metadata)).not.toContain("vscode");
    expect(JSON.stringify(clean.metadata)).not.toMatch(/version|status/);
  });

  test("outputs can stay, without their counts; cleaning twice changes nothing more", async () => {
    const clean = cleanNotebook(await messy(), { keepOutputs: true });
    expect(clean.cells[0]).toMatchObject({ execution_count: null, outputs: [{ execution_count: null, data: { "text/plain": "2" } }] }); // prettier-ignore
    const again = cleanNotebook(await parseNotebook(formatNotebook(clean), "x.ipynb"), { keepOutputs: true });
    expect(formatNotebook(again)).toBe(formatNotebook(clean));
  });
});
