/**
 * Live progress on stderr: one line for each running notebook, with the cell, the time gone and an estimate of the time
 * left. Where stderr is no terminal, a plain line after each cell.
 */
import { createLogUpdate } from "log-update";
import pc from "picocolors";
import type { RunEvent } from "./execute.ts";
import type { PreparedRun } from "./prepare.ts";

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

const FRAME_MILLISECONDS = 250;
const BAR_WIDTH = 20;

export class Progress {
  readonly #stream: ProgressStream;
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;
  readonly #running = new Map<PreparedRun, RunState>();
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ProgressStream = process.stderr) {
    this.#stream = stream;
    if (stream.isTTY) this.#live = createLogUpdate(stream);
  }

  readonly onEvent = (event: RunEvent): void => {
    const { run } = event;
    const state = this.#running.get(run) ?? { run, start: now(), seconds: new Map(), cell: 0, cellStart: now() };
    switch (event.type) {
      case "run-start":
        this.#running.set(run, state);
        if (this.#live) this.#timer ??= setInterval(() => this.#draw(), FRAME_MILLISECONDS);
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
        this.end(run);
        break;
    }
    this.#draw();
  };

  /** Takes the run's line away; for a run that ended without telling so. */
  end(run: PreparedRun): void {
    this.#running.delete(run);
    if (this.#running.size === 0) this.#stop();
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
    if (lines.length > 0) this.#live(lines.join("\n"));
    else this.#live.clear();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#live?.clear();
  }
}

function describe(state: RunState): string {
  if (state.cell === 0) return "starting the kernel";
  const left = estimateSecondsLeft({
    cellIds: state.run.notebook.cells.filter((cell) => cell.cell_type === "code").map((cell) => cell.id),
    seconds: state.seconds,
    expected: state.run.expectedSeconds,
    inCell: (now() - state.cellStart) / 1000,
  });
  const time = `${clock((now() - state.start) / 1000)}${left === undefined || left < 0.5 ? "" : `, about ${clock(left)} left`}`;
  return `cell ${state.cell}/${state.run.notebook.cells.length} ${time}`;
}

/**
 * Seconds until the notebook is done. With timings of an earlier run: theirs for the cells to come, scaled by how this run
 * compares so far; else the mean of the cells done, for each cell to come. Undefined when there is nothing to go by.
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
