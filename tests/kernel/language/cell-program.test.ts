import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { complete, inspect } from "../../../src/kernel/language/cell-assist.ts";
import { CellProgram } from "../../../src/kernel/language/cell-program.ts";
import { typeErrors } from "../../../src/kernel/sockets/execution.ts";

const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));
let folder: string;
let program: CellProgram;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "marginalia-cells-"));
  mkdirSync(path.join(folder, "sub"));
  writeFileSync(
    path.join(folder, "tool.ts"),
    "export const tool = (x: number): string => `${x}`;\nexport interface Shape { sides: number }\n",
  );
  writeFileSync(path.join(folder, "sub", "index.ts"), "export const sub = 1;\n");
  writeFileSync(path.join(folder, "data.json"), '{ "rows": [1, 2] }');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  program = new CellProgram(folder, packageRoot);
});

/** Runs `code`: its mistakes as "line:column code", after which it counts as run when it has none. */
function check(code: string): string[] {
  const { mistakes } = program.prepare(code);
  if (mistakes.length === 0) program.commit();
  return mistakes.map(({ line, column, code: number }) => `${line}:${column} TS${number}`);
}

describe("the type check of cells", () => {
  test("is strict, and places mistakes in the cell", () => {
    expect(check("const ok = 1;\nconst x: number = 'a';")).toEqual(["2:7 TS2322"]);
    expect(check("function f(x) { return x }")).toEqual(["1:12 TS7006"]);
    expect(check("let s: string = null")).toEqual(["1:5 TS2322"]);
    expect(check("const = 3")[0]).toBe("1:7 TS1134");
  });

  test("knows the types of earlier cells and refuses to assign to their constants", () => {
    expect(
      check(
        "let s = 2; const c = [1]; function f(x: number) { return s + x } class A { a = 1 } type T = 'x' | 'y'; enum E { P }",
      ),
    ).toEqual([]);
    expect(check("s = 5; s += f(c[0]); const t: T = 'x'; new A().a + E.P")).toEqual([]);
    expect(check("s = 'five'")).toEqual(["1:1 TS2322"]);
    expect(check("f('3'); const t: T = 'z'; new A().b")).toEqual(["1:3 TS2345", "1:15 TS2322", "1:35 TS2339"]);
    expect(program.prepare("c = []").mistakes[0].message).toMatch(
      /'c' because an earlier cell declares it as a constant/,
    );
  });

  test("lets a later cell declare any name anew, with another type and kind", () => {
    expect(
      check(
        "let a = 1; const b = 2; function f() {} class C { x = 1 } type T = number; import { tool } from './tool.ts'",
      ),
    ).toEqual([]);
    expect(
      check("const a = 'x'; let b = 'y'; class f { z = 1 } const C = 1; interface T { t: 1 } const tool = 1"),
    ).toEqual([]);
    expect(check("a.length; b = 'z'; new f().z; C + tool; const t: T = { t: 1 }")).toEqual([]);
    expect(check("b = 3")).toEqual(["1:1 TS2322"]);
    expect(check("let q = 1; let q = 2")).toEqual(["1:5 TS2451", "1:16 TS2451"]);
  });

  test("names of a refused cell stay unknown", () => {
    expect(check("let a = 1; const b: string = a")).toEqual(["1:18 TS2322"]);
    expect(check("a")).toEqual(["1:1 TS2304"]);
  });

  test("keeps the types of earlier cells while more cells are run than stand ready", () => {
    for (let index = 0; index < 60; index++) expect(check(`const v${index} = ${index}`)).toEqual([]);
    expect(check("v0 + v59; v30.length")).toEqual(["1:15 TS2339"]);
  }, 30_000);

  test("unused values, unreachable code and imported JSON do not stop a cell", () => {
    expect(check("1, 2; const unused = 3; 'a'; if (false) { unused }")).toEqual([]);
    expect(check("import data from './data.json'; data.rows.length")).toEqual([]);
    expect(check("import data from './data.json' with { type: 'json' }; data.columns")).toEqual(["1:60 TS2339"]);
  });

  test("finds modules with, without and with the wrong extension, folders, packages and itself", () => {
    const names = ["./tool.ts", "./tool.js", "./tool"];
    for (const name of names)
      expect(check(`import { tool } from "${name}"; tool("x")`)).toEqual([expect.stringMatching(/TS2345/)]);
    expect(check('import { sub } from "./sub"; sub.length')).toEqual(["1:34 TS2339"]);
    expect(check('import { Random } from "marginalia"; Random.nonsense')).toEqual(["1:45 TS2339"]);
    expect(
      check('import { table } from "arquero"; import { readFileSync } from "node:fs"; table; readFileSync'),
    ).toEqual([]);
    const missing = program.prepare('import { x } from "./missing"').mistakes;
    expect(missing).toMatchObject([{ line: 1, column: 19, message: 'Cannot find module "./missing".' }]);
    writeFileSync(path.join(folder, "missing.ts"), "export const x = 1;\n");
    expect(check('import { x } from "./missing"; x')).toEqual([]);
  });

  test("sees a local module change", () => {
    const file = path.join(folder, "changing.ts");
    writeFileSync(file, "export const value = 1;\n");
    expect(check('import { value } from "./changing"; value.toFixed()')).toEqual([]);
    writeFileSync(file, "export const value = 'one by one';\n");
    expect(check('import { value } from "./changing"; value.toFixed()')).toEqual(["1:43 TS2551"]);
  });

  test("imports of types alone are not emitted", () => {
    const cell = program.prepare('import { tool, Shape } from "./tool"; const s: Shape = { sides: 3 }; tool(s.sides)');
    expect(cell).toHaveProperty("code", expect.stringContaining('imports("./tool", ["tool"])'));
  });

  test("modern syntax is allowed: satisfies, decorators, using, top-level and for await, namespaces", () => {
    expect(
      check(`function log<T extends abstract new (...all: never[]) => object>(target: T, _: ClassDecoratorContext) { return target }
        @log class A { accessor x = 1 }
        using d = { [Symbol.dispose]() {} };
        const o = { a: 1 } satisfies Record<string, number>;
        await null; for await (const x of [Promise.resolve(1)]) { x }
        namespace N { export const n = 1 } N.n; [1, 2].toSorted(); Object.groupBy([1], (n) => n)`),
    ).toEqual([]);
  });

  test("uses the notebook's own tsconfig.json, but not what would forbid cells", () => {
    const own = path.join(folder, "own");
    mkdirSync(own);
    writeFileSync(
      path.join(own, "tsconfig.json"),
      '{ "compilerOptions": { "strict": true, "noUncheckedIndexedAccess": true, "noUnusedLocals": true, "module": "commonjs", "rootDir": "x" } }',
    );
    program = new CellProgram(own, packageRoot);
    expect(check("const list = [1]; const first: number = list[0]; await null")).toEqual(["1:25 TS2322"]);
    writeFileSync(path.join(own, "tsconfig.json"), "{ broken");
    program = new CellProgram(own, packageRoot);
    expect(program.problems.join()).toContain("tsconfig.json");
    expect(check("1 + 1")).toEqual([]);
  });

  test("an error shows place, line and squiggle of each mistake", () => {
    const code = "const ok = 1;\nconst wrong: number = 'a';\nok.x";
    const error = typeErrors(program.prepare(code).mistakes, code, "cell [7]");
    expect(error.ename).toBe("TypeScriptError");
    expect(error.evalue).toMatch(/is not assignable to type 'number'.*TS2322.*cell \[7\]:2:7 \(and 1 more\)/);
    expect(error.traceback.slice(1, 4)).toEqual([
      "  1 | const ok = 1;",
      "> 2 | const wrong: number = 'a';",
      "    |       ~~~~~",
    ]);
  });
});

describe("what IPython has and TypeScript has not is told how it is done here", () => {
  test.each([
    ["%%time\nconst x = 1", "console.time"],
    ["%timeit 1 + 1", "console.time"],
    ["!ls -l", "execSync"],
    ["!ls", "execSync"],
    ["%%bash\nls", "execSync"],
    ["%cd ..", "process.chdir"],
    ["?Math", "Shift-Tab"],
    ["Math?", "Shift-Tab"],
    ["Math.max??", "Shift-Tab"],
    ["%pip install x", "npm install"],
    ["%matplotlib inline", "without magics"],
    ["Out[3]", "a name of its own"],
    ["_ + 1", "a name of its own"],
  ])("%j", (code, instead) => {
    const { mistakes } = program.prepare(code);
    expect(mistakes[0]?.message).toContain(instead);
  });

  test("and nothing else is", () => {
    for (const code of ["const a = 5 %", "missing!", "const b = true ?", "x", "! + 3 4"])
      for (const { message } of program.prepare(code).mistakes) expect(message).not.toMatch(/IPython|own\./);
  });
});

describe("help while writing", () => {
  test("completes members, names of earlier cells and paths of imports", () => {
    check("const numbers = [1, 2]; const nothing = 1;");
    const items = (code: string) => complete(program, code, code.length).items.map(({ text }) => text);
    expect(items("numbers.fil")).toEqual(["fill", "filter"]);
    expect(items("numb")).toContain("numbers");
    expect(complete(program, "numbers.fil", 11)).toMatchObject({ start: 8, end: 11 });
    expect(items('import { table } from "node:fs/prom')).toEqual(["promises"]);
  });

  test("explains what it offers: type and documentation", () => {
    check("/** Adds one. */\nfunction nextNumber(n: number) { return n + 1 }");
    const [item] = complete(program, "nextNum", 7).items;
    expect(item).toMatchObject({ text: "nextNumber", kind: "alias", documentation: "Adds one." });
    expect(item.signature).toContain("nextNumber(n: number): number");
    const member = complete(program, 'import { readFileSync } from "node:fs"; readFileSy', 50).items[0];
    expect(member.documentation).toMatch(/contents of the/);
  });

  describe("in strings", () => {
    let typing: string;
    beforeAll(() => {
      typing = path.join(folder, "typing");
      mkdirSync(path.join(typing, "sub"), { recursive: true });
      for (const name of ["tool.ts", "data.json", "notes.txt", "sub/index.ts"])
        writeFileSync(path.join(typing, name), "");
    });
    beforeEach(() => {
      program = new CellProgram(typing, packageRoot);
    });
    const items = (code: string, cursor = code.length) => {
      const { start, end, items } = complete(program, code, cursor);
      return [code.slice(start, end), ...items.map(({ text }) => text)];
    };

    test("completes paths of modules from the notebook's folder, and what can be imported alone", () => {
      expect(items('import { tool } from "./')).toEqual(["", "data.json", "sub/", "tool.ts"]);
      expect(items('import { tool } from "./to')).toEqual(["to", "tool.ts"]);
      expect(items('import { sub } from "./sub/"', 27)).toEqual(["", "index.ts"]);
      expect(items('await import("./da")', 18)).toEqual(["da", "data.json"]);
      expect(items('require("../nowhere/')).toEqual([""]);
      expect(items(`export * from "${typing}/to`)).toEqual(["to", "tool.ts"]);
    });

    test("completes names of packages, their subpaths, and Node's own modules", () => {
      mkdirSync(path.join(typing, "node_modules", "@own", "package-here"), { recursive: true });
      expect(items('import {} from "@own/')).toEqual(["", "package-here"]);
      expect(items('import {} from "arq')).toContain("arquero");
      expect(items('import {} from "node:f')).toContain("node:fs/promises");
      expect(items('import {} from "zod/v4/')).toContain("core");
    });

    test("completes paths of files in any string that a type does not complete", () => {
      expect(items('readFileSync("./not', 19)).toEqual(["not", "notes.txt"]);
      expect(items('readFileSync("not")', 17)).toEqual(["not", "notes.txt"]);
      expect(items("const p = 'sub/in';", 17)).toEqual(["in", "index.ts"]);
      expect(items('let way: "left" | "right" = "le"', 31)).toEqual(["le", "left"]);
      expect(items('"https://to')).toEqual(["to"]);
      expect(items('const s = "text"; to', 20)).not.toContain("tool.ts");
    });
  });

  test("tells type and documentation", () => {
    check("/** Adds one.\n * @returns the next number */\nfunction next(n: number) { return n + 1 }");
    const told = inspect(program, "next(1)", 5);
    expect(told).toContain("next(n: number): number");
    expect(told).toContain("Adds one.");
    expect(told).toContain("\n\n@returns the next number");
    check("/** @param a one\n * @param b two\n * @returns all */\nconst add = (a: number, b: number) => a + b");
    expect(inspect(program, "add(", 2)).toMatch(/\n\n@param a one\n\n@param b two\n\n@returns all$/);
    expect(inspect(program, "   ", 1)).toBeUndefined();
  });
});
