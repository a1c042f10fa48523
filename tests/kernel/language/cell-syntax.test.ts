import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeEach, describe, expect, test } from "vitest";
import { CellProgram } from "../../../src/kernel/language/cell-program.ts";
import { isComplete } from "../../../src/kernel/language/cell-syntax.ts";

const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));
const JSX: ts.CompilerOptions = { jsx: ts.JsxEmit.ReactJSX };

describe("whether a cell is complete", () => {
  test.each([
    ["1 + 1", "complete", undefined],
    ["for (const x of [1]) {", "incomplete", "  "],
    ["f(1,\n  [2,", "incomplete", "    "],
    ["const a = `x ${", "incomplete", ""],
    ["/* open", "incomplete", ""],
    ["const a =", "incomplete", ""],
    ["const s = 'abc", "invalid", undefined],
    ["}", "invalid", undefined],
    ["let let = 1 1", "invalid", undefined],
    ["await f()", "complete", undefined],
    ["", "complete", undefined],
  ])("%j is %s", (code, status, indent) => {
    expect(isComplete(code)).toEqual(indent === undefined ? { status } : { status, indent });
  });

  test("JSX is read where the project has it, and may be open, too", () => {
    expect(isComplete("<p>one</p>", JSX)).toEqual({ status: "complete" });
    expect(isComplete("const x = <p>one {1}", JSX).status).toBe("incomplete");
    expect(isComplete("const f = <T>(x: T) => x; <number>f(1)", JSX)).toEqual({ status: "complete" });
  });
});

describe("a cell with something unclosed at its end is refused", () => {
  let program: CellProgram;
  beforeEach(() => {
    program = new CellProgram("/", packageRoot);
    program.prepare("const earlier = 1; let counter = 0;");
    program.commit();
  });
  const mistakes = (code: string) =>
    program.prepare(code).mistakes.map((each) => `${each.line}:${each.column} TS${each.code}: ${each.message}`);

  test("at the place where what is missing should stand", () => {
    const loop = "const xs = [1, 2, 3]; let total = 0\nfor (const x of xs) {\n  if (x > 1) {\n    total += x;\n}\n";
    expect(mistakes(loop)).toEqual(["6:1 TS1005: '}' expected."]);
    expect(mistakes("Math.max(1, 2")).toEqual(["1:14 TS1005: ')' expected."]);
    expect(mistakes('/* comment\nconsole.log("never")')).toEqual(["2:21 TS1010: '*/' expected."]);
    expect(mistakes("const z: ")).toEqual(["1:9 TS1110: Type expected."]);
    expect(mistakes("const o = {")).toEqual(["1:12 TS1005: '}' expected."]);
    expect(mistakes("const y = 1 +")).toEqual(["1:14 TS1109: Expression expected."]);
    expect(mistakes("const t = `x ${earlier} y")).toEqual(["1:26 TS1160: Unterminated template literal."]);
    expect(mistakes("earlier ?")).toEqual(["1:10 TS1109: Expression expected."]);
  });

  test("its names stay unknown, and what it mentions of earlier cells is not what is wrong", () => {
    expect(mistakes("const lost = [earlier, counter")).toEqual(["1:31 TS1005: ']' expected."]);
    expect(mistakes("lost")).toEqual(["1:1 TS2304: Cannot find name 'lost'."]);
  });

  /** Nothing but syntax is asked: types and names of snippets are arbitrary. */
  const isRefused = (code: string) => program.prepare(code).mistakes.some((each) => each.code < 2000);

  const expression = fc.letrec<{ any: string }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom("1", "'s'", "earlier", "/r/g", "`t`", "null", "this"),
      tie("any").map((x) => `(${x})`),
      tie("any").map((x) => `[${x}, ${x}]`),
      tie("any").map((x) => `{ a: ${x} }.a`.replace(/^/, "(").concat(")")),
      tie("any").map((x) => `\`a \${${x}} b\``),
      tie("any").map((x) => `f(${x}, () => { return ${x}; })`),
      tie("any").map((x) => `${x} /* why */ + 1`),
      tie("any").map((x) => `(x ? ${x} : 2)`),
      tie("any").map((x) => `(${x} as Array<{ a: number }>)`),
    ),
  })).any;
  const statement = expression.chain((x) =>
    fc.constantFrom(
      `const a: Map<string, number[]> = ${x};`,
      `if (${x}) { f(${x}); } else f();`,
      `for (const x of [${x}]) {\n  while (x) { f(${x}); }\n}`,
      `class A<T> { b = ${x}; m() { return ${x}; } }`,
      `switch (${x}) { case 1: break; }`,
      `try { ${x}; } catch { f(); } // end`,
      `import { a } from "b"; type T = { a: [1, 2] };`,
      `function g({ a = ${x} } = {}) { return a; }`,
      `/** doc */ enum E { A = 1 }`,
    ),
  );

  test("every prefix of generated code is refused when it is incomplete or invalid", () => {
    const prefix = fc.tuple(statement, fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(prefix, ([whole, part]) => {
        const code = whole.slice(0, Math.round(whole.length * part));
        if (isComplete(code).status !== "complete") expect(isRefused(code)).toBe(true);
      }),
      { numRuns: 150, seed: 13 },
    );
  }, 60_000);

  test("every cell of the notebooks, up to the end of each line, is refused where it is incomplete or invalid", () => {
    const folder = path.join(packageRoot, "notebooks");
    const notebooks = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ipynb"),
    );
    let unfinished = 0;
    for (const name of notebooks) {
      const { cells } = JSON.parse(readFileSync(path.join(folder, name), "utf8")) as {
        cells: { cell_type: string; source: string | string[] }[];
      };
      for (const { source } of cells.filter((cell) => cell.cell_type === "code")) {
        const lines = [source].flat().join("").split("\n");
        for (let end = 1; end <= lines.length; end++) {
          const code = lines.slice(0, end).join("\n");
          if (isComplete(code).status === "complete") continue;
          unfinished++;
          expect(isRefused(code), code).toBe(true);
        }
      }
    }
    expect(unfinished).toBeGreaterThan(100);
  }, 120_000);
});
