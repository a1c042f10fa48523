/**
 * The kernel beside Deno's, tslab and ipykernel, in one run: start to first result, small cells, output, memory, first
 * import.
 *
 *     npm run bench -- kernel [--json]
 *
 * The kernels take turns within each repetition, so that other work on the machine falls on all alike; times are
 * medians. Only Marginalia and tslab check types. A machine's own certificates ($NODE_EXTRA_CA_CERTS), which Node would
 * read at each start, are left out for all.
 */
import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { KernelClient } from "../../src/runner/client/kernel-client.ts";
import { medianOf, printRows, type Row } from "../harness.ts";
import { contenders, type Contender } from "./kernels.ts";

const REPETITIONS = Number(process.env.MARGINALIA_BENCH_REPETITIONS ?? 5);
const CELLS = 40;
const LINES = 100_000;

const environment: NodeJS.ProcessEnv = { ...process.env };
delete environment.NODE_EXTRA_CA_CERTS;

type Measured = Record<string, number[]>;
interface Case {
  readonly unit: string;
  readonly lessIsBetter: boolean;
}
const cases: Record<string, Case> = {
  "start to first result": { unit: "ms", lessIsBetter: true },
  "small cell, median": { unit: "ms", lessIsBetter: true },
  "printed lines delivered": { unit: "lines/s", lessIsBetter: false },
  [`share of ${LINES} printed lines delivered`]: { unit: "%", lessIsBetter: false },
  "first import of the tensor library (TensorFlow.js; numpy for ipykernel)": { unit: "ms", lessIsBetter: true },
  "resident memory after that": { unit: "MB", lessIsBetter: true },
};
const [START, SMALL, RATE, SHARE, IMPORT, MEMORY] = Object.keys(cases);

const programs = {
  typescript: {
    first: "1 + 1",
    small: (index: number) => `const value${index} = ${index} * 2; value${index} + 1`,
    print: `for (let i = 0; i < ${LINES}; i++) console.log("line " + i)`,
    load: 'import * as tf from "@tensorflow/tfjs"; tf.version_core',
    process: 'console.log("pid=" + process.pid)',
  },
  python: {
    first: "1 + 1",
    small: (index: number) => `value${index} = ${index} * 2; value${index} + 1`,
    print: `for i in range(${LINES}): print("line", i)`,
    load: "import numpy; numpy.__version__",
    process: "import os; print('pid=' + str(os.getpid()))",
  },
} as const;

interface Cell {
  readonly milliseconds: number;
  readonly printed: string;
  readonly failed: boolean;
}

async function run(client: KernelClient, code: string): Promise<Cell> {
  const printed: string[] = [];
  let failed = false;
  const begun = performance.now();
  const reply = await client.execute({
    code,
    cellId: "bench",
    onMessage: (type, content) => {
      if (type === "stream") printed.push(String(content.text));
      if (type === "error") failed = true;
    },
  });
  const milliseconds = performance.now() - begun;
  failed ||= reply.status !== "ok";
  return { milliseconds, printed: printed.join(""), failed };
}

/** Of a process and all that it has started, where /proc tells (Linux); else 0. */
function residentBytes(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return children.reduce((sum, child) => sum + residentBytes(child), pages * 4096);
  } catch {
    return 0;
  }
}

async function measure({ kernel, language }: Contender, into: Measured): Promise<void> {
  if (!kernel) return;
  const add = (name: string, value: number) => (into[name] ??= []).push(value);
  const program = programs[language];
  const begun = performance.now();
  const client = await KernelClient.start(kernel, { cwd: process.cwd(), environment });
  try {
    await run(client, program.first);
    add(START, performance.now() - begun);
    const small: number[] = [];
    for (let index = 0; index < CELLS; index++) small.push((await run(client, program.small(index))).milliseconds);
    add(SMALL, medianOf(small));
    const output = await run(client, program.print);
    const lines = output.printed.split("\n").length - 1;
    add(RATE, (1000 * lines) / output.milliseconds);
    add(SHARE, (100 * lines) / LINES);
    const loaded = await run(client, program.load);
    if (!loaded.failed) add(IMPORT, loaded.milliseconds);
    const { printed } = await run(client, program.process);
    const pid = /pid=(\d+)/.exec(printed)?.[1];
    const bytes = pid === undefined ? 0 : residentBytes(Number(pid));
    if (!loaded.failed && bytes > 0) add(MEMORY, bytes / 1e6);
  } finally {
    await client.shutdown();
  }
}

async function kernelRows(): Promise<Row[]> {
  const all = contenders();
  const measured = all.map((): Measured => ({}));
  for (let repetition = 0; repetition < REPETITIONS; repetition++)
    for (const [index, contender] of all.entries()) await measure(contender, measured[index]);
  const [ours] = measured;
  return Object.entries(cases).flatMap(([name, { unit, lessIsBetter }]) =>
    all.slice(1).map(({ name: peerName, kernel }, index): Row => {
      const own = medianOf(ours[name] ?? []);
      const values = measured[index + 1][name];
      const row = { case: name, ours: own, unit };
      if (!values) return { ...row, peer: null, peerName: `${peerName}: ${kernel ? "failed" : "absent"}`, ratio: null };
      const peer = medianOf(values);
      return { ...row, peer, peerName, ratio: lessIsBetter ? peer / own : own / peer };
    }),
  );
}

// As `marginalia kernel install` does; the kernels measured here are too short-lived to make it themselves.
const built = new URL("../../dist/kernel/language/snapshot.js", import.meta.url).href;
await ((await import(built)) as { prepareSnapshots: () => Promise<void> }).prepareSnapshots();

printRows(
  await kernelRows(),
  ({ case: name, ours, peer, peerName, unit, ratio }) =>
    `${name.padEnd(74)} ${ours.toPrecision(4).padStart(10)} ${unit.padEnd(8)} ` +
    (ratio === null ? peerName : `${peerName} ${peer?.toPrecision(4)}, ${ratio.toFixed(2)} times better`),
);
