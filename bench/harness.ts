/**
 * What every benchmark shares: rows, turns that alternate, and peers in processes of their own.
 *
 * Turns alternate so that whatever else the machine does meets both sides alike. A peer that is not installed is named
 * as absent in its row, never left out.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { median } from "d3-array";

export interface Row<Value = number> {
  readonly case: string;
  readonly ours: Value;
  /** Null where the peer is absent, failed or was not run: `peerName` says which. */
  readonly peer: Value | null;
  readonly peerName: string;
  readonly unit: string;
  /** Which way round it is, the benchmark says; null without a peer. */
  readonly ratio: number | null;
}

/** The Python that is asked for PyTorch. */
export const benchPython = process.env.MARGINALIA_BENCH_PYTHON ?? "python3";

/** Milliseconds by the clock. */
export async function milliseconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Milliseconds of this process's processor time, so that other work on the machine hardly counts. */
export function processorMilliseconds(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The median of numbers of which there is at least one; NaN of none. */
export function medianOf(values: Iterable<number>): number {
  return median(values) ?? NaN;
}

/** One side of a comparison: does its work once and says what it cost. */
export type Turn = () => number | Promise<number>;

/** The costs of `ours` and `theirs` in `rounds` alternating turns. @param warmUps rounds before, which do not count. */
export async function takeTurns(
  ours: Turn,
  theirs: Turn,
  rounds: number,
  warmUps = 0,
): Promise<(readonly [number, number])[]> {
  const times: (readonly [number, number])[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    const pair = [await ours(), await theirs()] as const;
    if (round >= 0) times.push(pair);
  }
  return times;
}

/**
 * A row in ms, ratio < 1: ours is faster. The times are the best of all rounds, the ratio is the median of the rounds'
 * ratios; the first round warms up.
 * @param theirs undefined: the peer is absent.
 */
export async function comparedRow(
  name: string,
  ours: Turn,
  peerName: string,
  theirs: Turn | undefined,
  rounds: number,
): Promise<Row> {
  const times = await takeTurns(ours, theirs ?? (() => NaN), rounds, 1);
  const best = (side: 0 | 1) => Math.min(...times.map((pair) => pair[side]));
  const row = { case: name, ours: best(0), unit: "ms" };
  if (!theirs) return { ...row, peer: null, peerName: `${peerName}: absent`, ratio: null };
  return { ...row, peer: best(1), peerName, ratio: medianOf(times.map(([own, other]) => own / other)) };
}

/** Whether rows are wanted as JSON. */
export const isJson = process.argv.includes("--json");

/** Prints rows as JSON under --json, else as `line` has them. */
export function printRows<Each>(rows: readonly Each[], line: (row: Each) => string): void {
  if (isJson) console.log(JSON.stringify(rows, null, 2));
  else for (const row of rows) console.log(line(row));
}

/** "case   12.34 ms   PyTorch 23.45 ms, ratio 0.526". */
export function lineOfRatio({ case: name, ours, peer, peerName, unit, ratio }: Row, nameColumns: number): string {
  const own = `${name.padEnd(nameColumns)} ${ours.toPrecision(4).padStart(8)} ${unit}   `;
  if (ratio === null || peer === null) return own + peerName;
  return `${own}${peerName} ${peer.toPrecision(4)} ${unit}, ratio ${ratio.toFixed(3)}`;
}

/** A process that answers each line it is given by one line of JSON. */
export class PeerProcess {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(command, args, { env: { ...process.env, ...environment } });
    this.#process.on("error", () => undefined); // a command that is not installed ends the lines at once
    this.#process.stdin.on("error", () => undefined);
    this.#process.stderr.resume();
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it prints; undefined when it has ended. */
  async answer(): Promise<unknown> {
    const { value, done } = (await this.#lines.next()) as IteratorResult<string, undefined>;
    return done ? undefined : (JSON.parse(value) as unknown);
  }

  /** Gives it a line that nothing answers. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  async ask(line: string): Promise<unknown> {
    this.tell(line);
    return this.answer();
  }

  end(): void {
    this.#process.stdin.end();
  }
}

/** PyTorch behind peer.py, its data already given. */
export interface TorchPeer {
  readonly name: string;
  ask(line: string): Promise<number>;
  end(): void;
}

/**
 * peer.py in the Python of MARGINALIA_BENCH_PYTHON; undefined where that has no PyTorch.
 * @param script path of peer.py, which first prints PyTorch's version, then reads one line of JSON: `data`'s.
 */
export async function openTorch(script: string, data: () => unknown): Promise<TorchPeer | undefined> {
  const peer = new PeerProcess(benchPython, [script]);
  const version = await peer.answer();
  if (typeof version !== "string") return undefined;
  peer.tell(JSON.stringify(data()));
  return {
    name: `PyTorch ${version}`,
    ask: async (line) => (await peer.ask(line)) as number,
    end: () => peer.end(),
  };
}
