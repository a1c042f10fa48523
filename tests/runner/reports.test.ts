import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { JSDOM } from "jsdom";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunEvent } from "../../src/runner/execute.ts";
import { EventLog, writeJunit } from "../../src/runner/reports.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "reports-test-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the event log has a line for each event, with cell, times and failure", () => {
  const file = path.join(folder, "deeper", "events.jsonl");
  const log = new EventLog(file);
  const run = { name: "paper/fig", notebook: { cells: [{ id: "one" }, { id: "two" }] } } as unknown as RunEvent["run"];
  const failure = { kind: "error", cell: 2, message: "Error: x", traceback: [] } as const;
  log.onEvent({ run, type: "run-start" });
  log.onEvent({ run, type: "cell-start", cell: 2 });
  log.onEvent({ run, type: "cell-end", cell: 2, seconds: 1.5 });
  log.onEvent({ run, type: "run-end", result: { run, status: "failed", failure, seconds: 2, isSaved: true } });
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as { time: string }); // prettier-ignore
  expect(lines.map(({ time, ...rest }) => (Number.isNaN(Date.parse(time)) ? time : rest))).toEqual([
    { event: "run-start", notebook: "paper/fig" },
    { event: "cell-start", notebook: "paper/fig", cell: 2, cellId: "two" },
    { event: "cell-end", notebook: "paper/fig", cell: 2, cellId: "two", seconds: 1.5 },
    { event: "run-end", notebook: "paper/fig", status: "failed", seconds: 2, failure },
  ]);
});

test("the JUnit report is well-formed whatever a message holds, and counts what failed", async () => {
  const file = path.join(folder, "junit.xml");
  const failure = {
    kind: "error",
    cell: 3,
    line: 2,
    message: `a < b && "c" \u001b[31m`,
    traceback: ["at <x>"],
  } as const;
  await writeJunit(file, [
    { name: "a", file: "notebooks/a.ipynb", status: "ok", seconds: 1 },
    { name: "b", file: "notebooks/b.ipynb", status: "failed", seconds: 2, failure },
    { name: "c", file: "notebooks/c.ipynb", status: "interrupted", seconds: 0 },
  ]);
  const { document } = new JSDOM(readFileSync(file, "utf8"), { contentType: "text/xml" }).window;
  const suite = document.querySelector("testsuite")!;
  expect(["tests", "failures", "skipped", "time"].map((name) => suite.getAttribute(name))).toEqual([
    "3",
    "1",
    "1",
    "3.000",
  ]);
  const failed = document.querySelector("testcase[name=b] failure")!;
  expect(failed.getAttribute("message")).toBe(`cell 3, line 2: a < b && "c" \ufffd[31m`);
  expect(failed.textContent).toContain("at <x>");
});
