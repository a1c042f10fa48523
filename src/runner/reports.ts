/** What other programs read of a run: a log of events as they happen, JSON lines, and a JUnit report at the end. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { writeWhole } from "../base/whole-file.ts";
import type { CellFailure } from "./failure.ts";
import type { RunEvent, RunResult } from "./execute.ts";
import { escapeHtml } from "../base/html.ts";

/**
 * Each line is an object with `time` (ISO 8601), `event` ("run-start", "cell-start", "cell-end", "run-end"),
 * `notebook`, and what belongs to the event: `cell`, `cellId`, `seconds`, `status`, `failure`.
 */
export class EventLog {
  readonly #file: string;
  readonly #onProblem: (problem: string) => void;
  #isBroken = false;

  /**
   * Begins the file anew. `onProblem` is told once when it cannot be written any more (a full disk): the runs go on.
   */
  constructor(file: string, onProblem: (problem: string) => void = () => undefined) {
    this.#onProblem = onProblem;
    this.#file = path.resolve(file);
    mkdirSync(path.dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, "");
  }

  readonly onEvent = (event: RunEvent): void => {
    const { run, type } = event;
    const cell = "cell" in event ? { cell: event.cell, cellId: run.notebook.cells[event.cell - 1].id } : {};
    const rest =
      type === "cell-end"
        ? { seconds: event.seconds }
        : type === "run-end"
          ? { status: event.result.status, seconds: event.result.seconds, failure: event.result.failure }
          : {};
    // One write a line: a reader, or what is left after a crash, sees whole lines.
    const line = { time: new Date().toISOString(), event: type, notebook: run.name, ...cell, ...rest };
    if (this.#isBroken) return; // a log with a hole would lie
    try {
      appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      this.#isBroken = true;
      this.#onProblem(`the event log ends here: ${(error as Error).message}`);
    }
  };
}

export interface Outcome {
  readonly name: string;
  readonly file: string;
  readonly status: RunResult["status"];
  readonly seconds: number;
  readonly failure?: CellFailure;
}

/** A test suite of notebooks, one test case each: what CI servers show. */
export async function writeJunit(file: string, outcomes: readonly Outcome[]): Promise<void> {
  const count = (status: Outcome["status"]) => outcomes.filter((outcome) => outcome.status === status).length;
  const total = outcomes.reduce((sum, { seconds }) => sum + seconds, 0);
  const cases = outcomes.map(({ name, file: notebook, status, seconds, failure }) => {
    const open = `    <testcase classname="notebooks" name="${xml(name)}" file="${xml(notebook)}" time="${seconds.toFixed(3)}"`;
    if (status === "ok") return `${open}/>`;
    if (status === "interrupted") return `${open}><skipped message="interrupted"/></testcase>`;
    const place = failure?.cell === undefined ? "" : `cell ${failure.cell}${failure.line === undefined ? "" : `, line ${failure.line}`}: `; // prettier-ignore
    const message = `${place}${failure?.message ?? "failed"}`;
    const details = [message, ...(failure?.traceback ?? [])].join("\n");
    return `${open}><failure type="${xml(failure?.kind ?? "error")}" message="${xml(message)}">${xml(details)}</failure></testcase>`;
  });
  const counts = `tests="${outcomes.length}" failures="${count("failed")}" skipped="${count("interrupted")}" time="${total.toFixed(3)}"`; // prettier-ignore
  const lines = [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites ${counts}>`,
    `  <testsuite name="marginalia run" errors="0" ${counts}>`,
    ...cases,
    `  </testsuite>`,
    `</testsuites>`,
  ];
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  await writeWhole(path.resolve(file), `${lines.join("\n")}\n`);
}

/** XML has no way to write most control characters. */
function xml(text: string): string {
  // eslint-disable-next-line no-control-regex
  return escapeHtml(text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd"));
}
