import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { PreparedRun } from "../../src/runner/notebook/prepare.ts";
import { clock, estimateBatchSecondsLeft, estimateSecondsLeft, Progress } from "../../src/runner/progress.ts";
import { parseNotebook } from "../../src/runner/notebook/notebook.ts";
import { code, markdown, notebook } from "./notebooks.ts";

const state = (seconds: Record<string, number>, expected: Record<string, number>, inCell = 0) => ({
  cellIds: ["a", "b", "c"],
  seconds: new Map(Object.entries(seconds)),
  expected,
  inCell,
});

describe("estimateSecondsLeft", () => {
  test("knows nothing before the first cell of a first run", () => {
    expect(estimateSecondsLeft(state({}, {}))).toBeUndefined();
  });

  test("goes by the mean of the cells done when there was no earlier run", () => {
    expect(estimateSecondsLeft(state({ a: 3 }, {}))).toBe(6);
    expect(estimateSecondsLeft(state({ a: 3 }, {}, 2))).toBe(4);
  });

  test("goes by the earlier run, cell by cell", () => {
    const expected = { a: 1, b: 10, c: 100 };
    expect(estimateSecondsLeft(state({}, expected))).toBe(111);
    expect(estimateSecondsLeft(state({ a: 1 }, expected, 4))).toBe(106);
  });

  test("scales the earlier run by how this one compares", () => {
    expect(estimateSecondsLeft(state({ a: 20 }, { a: 10, b: 10, c: 5 }))).toBe(30);
  });

  test("a cell that takes longer than expected counts no less than zero", () => {
    expect(estimateSecondsLeft(state({ a: 10, b: 10 }, { a: 10, b: 10, c: 5 }, 60))).toBe(0);
  });

  test("nothing is left when all cells are done", () => {
    expect(estimateSecondsLeft(state({ a: 1, b: 1, c: 1 }, {}))).toBe(0);
  });
});

describe("estimateBatchSecondsLeft", () => {
  const left = (running: (number | undefined)[], waiting: (number | undefined)[], finished: number[], jobs: number) =>
    estimateBatchSecondsLeft({ running, waiting, finished, jobs });

  test("who is free first takes the next", () => {
    expect(left([10, 1], [5, 5], [], 2)).toBe(11); // 1 + 5 + 5 beside 10
    expect(left([10], [5, 5], [], 1)).toBe(20);
    expect(left([], [3, 4], [], 4)).toBe(4);
  });

  test("a notebook that was never run counts as the mean of the known ones", () => {
    expect(left([], [undefined, undefined], [4, 8], 1)).toBe(12);
    expect(left([undefined], [2], [], 1)).toBe(4);
    expect(left([3], [undefined], [], 1)).toBe(6);
  });

  test("knows nothing when nothing is known, and nothing is left when all is done", () => {
    expect(left([undefined], [undefined], [], 2)).toBeUndefined();
    expect(left([], [], [4], 2)).toBe(0);
  });
});

test.each([
  [0, "0:00"],
  [59.6, "1:00"],
  [83, "1:23"],
  [3671, "1:01:11"],
])("clock(%d) is %s", (seconds, text) => expect(clock(seconds)).toBe(text));

test("cells that are not executed are not expected to take any time", async () => {
  let said = "";
  const stream = new Writable({ write: (piece, _, done) => ((said += String(piece)), done()) });
  const empty = Array.from({ length: 1000 }, () => code(" \n"));
  const cells = [code("a"), ...empty, code("b", "skip-execution"), markdown("c"), code("d")];
  const run = { name: "x", notebook: await parseNotebook(JSON.stringify(notebook(cells)), "x.ipynb"), expectedSeconds: {} } as unknown as PreparedRun; // prettier-ignore
  const progress = new Progress(stream);
  progress.onEvent({ run, type: "run-start" });
  progress.onEvent({ run, type: "cell-start", cell: 1 });
  progress.onEvent({ run, type: "cell-end", cell: 1, seconds: 30 });
  expect(said).toContain(`cell 1/${cells.length} 0:00, about 0:30 left`);
});
