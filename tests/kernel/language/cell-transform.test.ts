import { SourceMap } from "node:module";
import { describe, expect, test } from "vitest";
import { transformCell } from "../../../src/kernel/language/cell-transform.ts";

/** Emitted lines without the "use strict" in front. */
function emit(code: string, typeOnly: string[] = []): string {
  const [first, ...rest] = transformCell(code, (name) => typeOnly.includes(name)).code.split("\n");
  expect(first).toBe('"use strict";');
  return rest.join("\n").trim();
}

describe("a cell's script", () => {
  test("hands the value of the last expression over, and of no other statement", () => {
    expect(emit("f();\n1 + 1")).toBe("f();\n__marginalia.result(1 + 1);");
    expect(emit("x = 3;\n;")).toMatch(/^__marginalia\.result\(x = 3\);/);
    expect(emit("1;\nlet a = 2;")).toBe("1;\nlet a = 2;");
    expect(emit("export default 5")).toBe("__marginalia.result(5);");
  });

  test("declares every top-level name by let, so that a later cell may declare it anew", () => {
    expect(emit("const a = 1, { b, ...c } = o; let d;")).toBe("let a = 1, { b, ...c } = o;\nlet d;");
    expect(emit("class A { static x = 1 }")).toMatch(/^let A = class A \{/);
    expect(emit("abstract class A<T> extends B<T> {}")).toMatch(/^let A = class A extends B \{/);
    expect(emit("export const a = 1; export default class B {}")).toBe("let a = 1;\nlet B = class B {\n};");
    expect(emit("enum E { X }")).toMatch(/^let E;/);
    expect(emit("namespace N { export const x = 1 }")).toMatch(/^let N;/);
    expect(emit("@d class A {}")).toMatch(/let A = \(\(\) => \{/);
  });

  test("hoists functions, which see a later cell's redefinition of themselves", () => {
    expect(emit("f(); function f(n: number): number { return f(n - 1) }")).toBe(
      "let f = function (n) { return f(n - 1); };\nf();",
    );
    expect(emit("async function* g() {}")).toBe("let g = async function* () { };");
  });

  test("turns var, wherever it stands outside functions, into a hoisted let", () => {
    expect(emit("for (var i = 0, n = 3; i < n; i++) { var k = i }")).toBe(
      "let i;\nlet n;\nlet k;\nfor (i = 0, n = 3; i < n; i++) {\n    k = i;\n}",
    );
    expect(emit("for (var x of xs) {} for (var key in o) {}")).toMatch(
      /^let x;\nlet key;\nfor \(x of xs\) \{ ?\}\nfor \(key in o\) \{ ?\}$/,
    );
    expect(emit("var { a, b: [c = 3, , ...d], [e]: f = 1, ...g } = o, h;")).toBe(
      "let a;\nlet c;\nlet d;\nlet f;\nlet g;\nlet h;\n({ a: a, b: [c = 3, , ...d], [e]: f = 1, ...g } = o);",
    );
    expect(emit("function f() { var inner = 1; return inner }")).toContain("var inner");
  });

  test("awaits imports before everything else and drops those of types", () => {
    expect(
      emit('f(a);\nimport d, { a, b as c, type T, U } from "x"; import * as ns from "y"; import "z";', ["U"]),
    ).toBe(
      [
        'let { "default": d, "a": a, "b": c } = await __marginalia.imports("x", ["default", "a", "b"]);',
        'let ns = await __marginalia.import("y");',
        'await __marginalia.import("z");',
        "f(a);",
      ].join("\n"),
    );
    expect(emit('import type { A } from "x"; import { type B } from "y"; import { U } from "z"', ["U"])).toBe("");
    expect(emit('import { unused } from "x"')).toContain('"unused": unused');
  });

  test("replaces import() and import.meta at any depth", () => {
    expect(emit('const f = async () => (await import("./y.json", { with: { type: "json" } })).default')).toContain(
      '__marginalia.import("./y.json", { with: { type: "json" } })',
    );
    expect(emit("class A { url = import.meta.url }")).toContain("__marginalia.meta.url");
  });

  test("lowers `using` and keeps its names at the top level", () => {
    const code = emit("using a = f();\nconst b = 2;\nb");
    expect(code).toMatch(/let a;\n(.*\n)*let b;/);
    expect(code).toContain("__marginalia.result(b)");
    expect(code).not.toMatch(/\busing\b/);
  });

  test("leaves types, declarations and overloads out", () => {
    expect(emit("interface A {} type B = 1; declare const c: 1; function f(): void; function f(x?: number) {}")).toBe(
      "let f = function (x) { };",
    );
  });

  test("the source map leads from each emitted place to the cell's line and column", () => {
    const source =
      'import { a } from "x";\ninterface T { b: 1 }\nfunction g(x: T) {\n  return x.b + missing;\n}\ng(a);';
    const { code, map } = transformCell(source);
    const lines = code.split("\n");
    const line = lines.findIndex((text) => text.includes("missing"));
    const entry = new SourceMap(JSON.parse(map) as never).findEntry(line, lines[line].indexOf("missing"));
    const wanted = source.split("\n").findIndex((text) => text.includes("missing"));
    expect(entry).toMatchObject({
      originalLine: wanted,
      originalColumn: source.split("\n")[wanted].indexOf("missing"),
    });
  });
});
