import { describe, expect, test } from "vitest";
import { describeFailure, failureOfError } from "../../src/runner/failure.ts";
import type { CodeCell } from "../../src/runner/notebook/notebook.ts";

const cell: CodeCell = {
  cell_type: "code",
  id: "abc",
  metadata: {},
  source: "const a = 1;\nf(a);\nf(b)",
  execution_count: 3,
  outputs: [],
};
const failure = (...traceback: string[]) => failureOfError({ ename: "RangeError", evalue: "no", traceback }, cell, 5);

describe("failureOfError finds the line of the failing cell", () => {
  test.each([
    ["ours", ["cell [3]:2:1", "RangeError: no", "    at cell [3]:2:1"], 2],
    ["thrown by an earlier cell's function", ["    at f (cell [1]:9:7)", "    at cell [3]:3:1"], 3],
    ["thrown in a module", ["    at g (../src/x.ts:44:3)", "    at cell [3]:2:1"], 2],
    ["ipykernel, innermost last", ["Cell In[3], line 3", "Cell In[1], line 2, in f", "Cell In[3], line 2, in g"], 2],
    ["coloured", ["\u001b[36mCell\u001b[39m \u001b[32mIn[3]\u001b[39m\u001b[32m, line 3\u001b[39m"], 3],
    ["Deno", ["RangeError: no", "    at <anonymous>:2:7"], 2],
  ])("%s", (_, traceback, line) => {
    expect(failure(...traceback)).toMatchObject({ line, sourceLine: cell.source.split("\n")[line - 1] });
  });

  test.each([["    at f (cell [1]:9:7)"], ["nothing of the kind"], ["    at cell [3]:99:1"]])(
    "none in %j",
    (traceback) => expect(failure(traceback)).not.toHaveProperty("line"),
  );
});

describe("describeFailure", () => {
  test("says file, cell, line, message, the source line once, and the traceback", () => {
    expect(describeFailure(failure("RangeError: no", "    at cell [3]:2:1"), "x.ipynb")).toBe(
      "x.ipynb, cell 5 (id abc), line 2: RangeError: no\n  2 | f(a);\n      at cell [3]:2:1",
    );
    const quoting = describeFailure(failure("cell [3]:2:1", "> 2 | f(a);", "    | ^"), "x.ipynb");
    expect(quoting.match(/f\(a\)/g)).toHaveLength(1);
  });

  test("does without a cell", () => {
    const died = { kind: "kernel died", message: "kernel k exited with code 1", traceback: [] } as const;
    expect(describeFailure(died, "x.ipynb")).toBe("x.ipynb: kernel k exited with code 1");
  });
});
