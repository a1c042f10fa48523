import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complete, inspect } from "../../../src/kernel/language/cell-assist.ts";
import { CellProgram } from "../../../src/kernel/language/cell-program.ts";

const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));
let folder: string;
let program: CellProgram;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "marginalia-assist-"));
  program = new CellProgram(folder, packageRoot);
  for (const cell of [
    "/** The first. */ const first = { alpha: 1, beta: 2 };",
    "let second = { alpha: 1, beta: 2 };",
    "class Third { alpha = 1; beta = 2 } const third = new Third();",
  ]) {
    expect(program.prepare(cell).mistakes).toEqual([]);
    program.commit();
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `X` is the variable, `|` the cursor. */
const enclosing = {
  "nothing at all": "X.|",
  "a line after it": "X.|\nconst next = 1;",
  "a semicolon behind": "X.|;",
  "a call": "console.log(X.|",
  "a call closed": "console.log(X.|)",
  "a block": "if (true) {\n  X.|",
  "two blocks": "for (const x of [1]) {\n  if (x) {\n    X.|",
  "a function": "function f(a: number) {\n  return X.|",
  "an arrow function in a call": "[1].map((x) => X.|",
  "a method": "class C {\n  m() {\n    X.|",
  "an array": "const a = [1, X.|",
  "an object": "const o = { a: 1, b: X.|",
  "a template": "const t = `a ${X.|",
  "a condition": "if (X.|",
  "an operator": "const sum = 1 + X.|",
  "a ternary": "const y = true ? X.|",
  "a try": "try {\n  X.|",
  "optional access": "X?.|",
  "an await": "await X.|",
  "a member begun": "if (true) { X.al|",
};

describe.each(["first", "second", "third"])("%s, of an earlier cell, is known inside", (name) => {
  test.each(Object.entries(enclosing))("%s", (_, template) => {
    const marked = template.replace("X", name);
    const cursor = marked.indexOf("|");
    const code = marked.replace("|", "");
    const { start, end, items } = complete(program, code, cursor);
    const all = template.includes(".al") ? ["alpha"] : ["alpha", "beta"];
    expect(items.map(({ text }) => text).slice(0, 2)).toEqual(all);
    expect([start, end]).toEqual([template.includes(".al") ? cursor - 2 : cursor, cursor]);
    expect(items[0].signature).toContain("alpha: number");
    const told = inspect(program, code, code.indexOf(name) + 2);
    expect(told).toContain(name);
    expect(told).not.toMatch(/\bany\b/);
    if (name === "first") expect(told).toContain("The first.");
  });

  test("where its own name is begun", () => {
    const begun = name.slice(0, 3);
    for (const before of ["", "console.log(", "if (true) {\n  ", "const all = [...", "const t = `${"]) {
      const items = complete(program, before + begun, before.length + begun.length).items;
      expect(items.map(({ text }) => text)).toContain(name);
    }
  });
});

test("where nothing is typed, the names of earlier cells come first; elsewhere they have no place", () => {
  for (const code of ["", "const sum = ", "if (true) {\n  ", "console.log("]) {
    const names = complete(program, code, code.length).items.map(({ text }) => text);
    expect(names.slice(0, 4)).toEqual(["first", "second", "Third", "third"]);
    expect(names.slice(4)).not.toEqual(expect.arrayContaining(["first"]));
  }
  expect(complete(program, "// ", 3).items).toEqual([]);
  expect(complete(program, "first.", 6).items).toHaveLength(2);
});

test("a namespace imported by the first cell is known at the end of the second", () => {
  const own = new CellProgram(folder, packageRoot);
  own.prepare('import * as d3 from "d3-array"');
  own.commit();
  expect(complete(own, "d3.", 3).items.length).toBeGreaterThan(50);
  expect(complete(own, "const m = d3.me", 15).items.map(({ text }) => text)).toEqual(
    expect.arrayContaining(["mean", "median", "merge"]),
  );
});
