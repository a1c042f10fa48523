/**
 * Live progress on stderr: one line for each running notebook, with the cell, the time gone and an estimate of the time
 * left, and one for all of them together. Where stderr is no terminal, a plain line after each cell and each notebook.
 */
import { createLogUpdate } from "log-update";
import pc from "picocolors";
import type { RunEvent } from "./execute.ts";
import { isExecuted } from "./notebook/notebook.ts";
import type { PreparedRun } from "./notebook/prepare.ts";

interface RunState {
  readonly run: PreparedRun;
  readonly start: number;
  readonly seconds: Map<string, number>;
  cell: number;
  cellStart: number;
}

export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** All that is to be run, where it is more than one notebook. */
export interface ProgressBatch {
  readonly runs: readonly PreparedRun[];
  readonly jobs: number;
}

const FRAME_MS = 250;
const BAR_WIDTH = 20;

export class Progress {
  readonly #stream: ProgressStream;
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;
  readonly #running = new Map<PreparedRun, RunState>();
  readonly #batch: ProgressBatch | undefined;
  /** Seconds that each has taken. */
  readonly #finished = new Map<PreparedRun, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ProgressStream = process.stderr, batch?: ProgressBatch) {
    this.#stream = stream;
    this.#batch = batch && batch.runs.length > 1 ? batch : undefined;
    if (stream.isTTY) this.#live = createLogUpdate(stream);
  }

  readonly onEvent = (event: RunEvent): void => {
    const { run } = event;
    const state = this.#running.get(run) ?? { run, start: now(), seconds: new Map(), cell: 0, cellStart: now() };
    switch (event.type) {
      case "run-start":
        this.#running.set(run, state);
        if (this.#live) this.#timer ??= setInterval(() => this.#draw(), FRAME_MS);
        else
          this.say(`${run.name}: ${run.notebook.cells.length} ${run.notebook.cells.length === 1 ? "cell" : "cells"}`);
        break;
      case "cell-start":
        Object.assign(state, { cell: event.cell, cellStart: now() });
        break;
      case "cell-end":
        state.seconds.set(run.notebook.cells[event.cell - 1].id, event.seconds);
        if (!this.#live) this.say(`${run.name}: ${describe(state)} (this cell ${event.seconds.toFixed(1)} s)`);
        break;
      case "run-end":
        this.end(run, event.result.seconds);
        break;
    }
    this.#draw();
  };

  /** Takes the run's line away; to be called for a run that ended without telling so (restored, or a broken set-up). */
  end(run: PreparedRun, seconds = 0): void {
    this.#running.delete(run);
    if (this.#finished.has(run)) return;
    this.#finished.set(run, seconds);
    if (this.#running.size === 0) this.#stop();
  }

  /** How a run ended, as lines that stay; and how far all have come. */
  report(run: PreparedRun, text: string): void {
    this.end(run);
    this.say(text);
    const all = this.#describeBatch();
    if (all && !this.#live && this.#finished.size < this.#batch!.runs.length) this.say(all);
  }

  #describeBatch(): string | undefined {
    if (!this.#batch) return undefined;
    const { runs, jobs } = this.#batch;
    const left = estimateBatchSecondsLeft({
      running: [...this.#running.values()].map(secondsLeft),
      waiting: runs.filter((run) => !this.#finished.has(run) && !this.#running.has(run)).map(({ expectedSeconds }) => expectedTotal(expectedSeconds)), // prettier-ignore
      finished: [...this.#finished.values()].filter((seconds) => seconds > 0),
      jobs,
    });
    return `${this.#finished.size} of ${runs.length} notebooks done${left === undefined || left < 0.5 ? "" : `, about ${clock(left)} left for all`}`;
  }

  /** Prints lines that stay, above the live ones. */
  say(text: string): void {
    this.#live?.clear();
    this.#stream.write(`${text}\n`);
    this.#draw();
  }

  #draw(): void {
    if (!this.#live) return;
    const lines = [...this.#running.values()].map((state) => {
      const { length } = state.run.notebook.cells;
      const full = Math.round((BAR_WIDTH * Math.max(0, state.cell - 1)) / Math.max(1, length));
      const bar = pc.cyan("━".repeat(full)) + pc.dim("━".repeat(BAR_WIDTH - full));
      return `${bar} ${pc.bold(state.run.name)} ${describe(state)}`;
    });
    const all = this.#describeBatch();
    if (lines.length > 0) this.#live([...lines, ...(all ? [pc.dim(all)] : [])].join("\n"));
    else this.#live.clear();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#live?.clear();
  }
}

function secondsLeft(state: RunState): number | undefined {
  return estimateSecondsLeft({
    cellIds: state.run.notebook.cells.filter(isExecuted).map((cell) => cell.id),
    seconds: state.seconds,
    expected: state.run.expectedSeconds,
    inCell: (now() - state.cellStart) / 1000,
  });
}

/** What a notebook took the last time; undefined when that is unknown. */
function expectedTotal(cells: Readonly<Record<string, number>>): number | undefined {
  const seconds = Object.values(cells);
  return seconds.length === 0 ? undefined : seconds.reduce((sum, each) => sum + each, 0);
}

function describe(state: RunState): string {
  if (state.cell === 0) return "starting the kernel";
  const left = secondsLeft(state);
  const time = `${clock((now() - state.start) / 1000)}${left === undefined || left < 0.5 ? "" : `, about ${clock(left)} left`}`;
  return `cell ${state.cell}/${state.run.notebook.cells.length} ${time}`;
}

/**
 * Seconds until the notebook is done. With timings of an earlier run: theirs for the cells to come, scaled by how this
 * run compares so far; else the mean of the cells done, for each cell to come. Undefined when there is nothing to go
 * by.
 */
export function estimateSecondsLeft(state: {
  readonly cellIds: readonly string[];
  /** What the finished cells of this run took, by id. */
  readonly seconds: ReadonlyMap<string, number>;
  readonly expected: Readonly<Record<string, number>>;
  /** How long the running cell has been running. */
  readonly inCell: number;
}): number | undefined {
  const { cellIds, seconds, expected, inCell } = state;
  const toCome = cellIds.filter((id) => !seconds.has(id));
  if (toCome.length === 0) return 0;
  const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);
  const known = cellIds.filter((id) => Object.hasOwn(expected, id));
  if (known.length === 0) {
    if (seconds.size === 0) return undefined;
    const mean = total(seconds.values()) / seconds.size;
    return Math.max(0, mean - inCell) + mean * (toCome.length - 1);
  }
  const both = known.filter((id) => seconds.has(id));
  const before = total(both.map((id) => expected[id]));
  // Below a second the ratio is mostly noise.
  const scale = before > 1 ? total(both.map((id) => seconds.get(id)!)) / before : 1;
  const mean = total(known.map((id) => expected[id])) / known.length;
  const [running, ...later] = toCome.map((id) => scale * (expected[id] ?? mean));
  return Math.max(0, running - inCell) + total(later);
}

/**
 * Seconds until all notebooks are done, `jobs` at a time in their order: who is free first takes the next. A notebook
 * of which nothing is known counts as the mean of those that are. Undefined when nothing is known of any.
 */
export function estimateBatchSecondsLeft(state: {
  /** Seconds left of each running notebook, and expected of each one that waits. */
  readonly running: readonly (number | undefined)[];
  readonly waiting: readonly (number | undefined)[];
  /** What the finished ones took. */
  readonly finished: readonly number[];
  readonly jobs: number;
}): number | undefined {
  const { running, waiting, finished, jobs } = state;
  const known = [...finished, ...waiting.filter((seconds) => seconds !== undefined)];
  if (known.length === 0 && running.every((seconds) => seconds === undefined)) return undefined;
  const all = known.length > 0 ? known : running.filter((seconds) => seconds !== undefined);
  const mean = all.reduce((sum, seconds) => sum + seconds, 0) / all.length;
  const free = Array.from({ length: Math.max(jobs, running.length) }, (_, i) => (i < running.length ? (running[i] ?? mean) : 0)); // prettier-ignore
  for (const seconds of waiting) {
    const first = free.indexOf(Math.min(...free));
    free[first] += seconds ?? mean;
  }
  return Math.max(...free);
}

/** 83 s as "1:23". */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

function now(): number {
  return performance.now();
}
