/**
 * The tensor engine beside its peers: rows { case, ours, peer, peerName, unit, ratio }, ratio < 1: ours is faster.
 *
 * Every contestant is a process of its own that waits for its turn. Turns alternate, so that whatever else the machine
 * does meets all alike; the ratio is the median over rounds of the ratio of the rounds' best times, and the times are
 * the best of all rounds. PyTorch: MARGINALIA_BENCH_PYTHON names a Python that has it. A peer that is not there is
 * named as absent.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Row {
  case: string;
  ours: number | null;
  peer: number | null;
  peerName: string;
  unit: "ms";
  ratio: number | null;
  note?: string;
}

class Contestant {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: string[], env: Record<string, string> = {}) {
    this.#process = spawn(command, args, { env: { ...process.env, ...env } });
    this.#process.on("error", () => undefined); // a peer that is not installed ends the lines at once
    this.#process.stdin.on("error", () => undefined);
    this.#process.stderr.resume();
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<unknown> {
    const { value, done } = (await this.#lines.next()) as IteratorResult<string, undefined>;
    return done ? undefined : (JSON.parse(value) as unknown);
  }

  /** Best milliseconds of `repeats` runs, or why there are none. */
  async best(name: string, threads: number, repeats: number): Promise<number | string> {
    this.#process.stdin.write(`${name} ${threads} ${repeats}\n`);
    const found = (await this.answer()) as number[] | { error: string } | undefined;
    if (found === undefined) return "the peer ended";
    return Array.isArray(found) ? Math.min(...found) : found.error;
  }

  end(): void {
    this.#process.stdin.end();
  }
}

const python = process.env.MARGINALIA_BENCH_PYTHON ?? "python3";

/** A fresh process until it has multiplied two matrices: the built library beside PyTorch. */
function fresh(rounds: number): Row {
  const built = fileURLToPath(new URL("../../dist/tensor/index.js", import.meta.url));
  const program = `import(${JSON.stringify(built)}).then(async () => { const tf = await import("@tensorflow/tfjs"); tf.matMul(tf.ones([9, 9]), tf.ones([9, 9])).dataSync(); });`;
  const time = (command: string, args: string[]) => {
    const started = performance.now();
    const { status } = spawnSync(command, args, { cwd: fileURLToPath(new URL("../../", import.meta.url)), stdio: "ignore" }); // prettier-ignore
    return status === 0 ? performance.now() - started : NaN;
  };
  const pairs = Array.from({ length: rounds }, () => [
    time(process.execPath, ["-e", program]),
    time(python, ["-c", "import torch; torch.ones(9, 9) @ torch.ones(9, 9)"]),
  ]);
  const [ours, peer] = [0, 1].map((which) => Math.min(...pairs.map((pair) => pair[which])));
  const row = { case: "a fresh process ready", ours, peerName: "PyTorch", unit: "ms" } as const;
  return Number.isNaN(peer)
    ? { ...row, peer: null, ratio: null, note: "PyTorch is absent" }
    : { ...row, peer, ratio: median(pairs.map(([mine, other]) => mine / other)) };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

interface Comparison {
  case: string;
  theirs?: string;
  peer: string;
  ours: string;
  threads: number;
  repeats: number;
}

const big = ["node-gnn step", "node-gnn forward", "gcn epoch", "u-net step"];
const products = [64, 128, 256, 512, 1024].map((size) => `matmul ${size}`);

function comparisons(): Comparison[] {
  const against = (peer: string, ours: string, names: string[], threads: number, repeats: number) =>
    names.map((name) => ({ case: name, peer, ours, threads, repeats }));
  const plain = { case: "node-gnn step, plain tfjs", ours: "native", threads: 1, repeats: 3 };
  return [
    ...against("PyTorch", "native", [...big, ...products], 1, 8),
    ...against("PyTorch", "native", [...big, "matmul 1024"], 2, 8),
    { ...plain, peer: "PyTorch", theirs: "node-gnn step" },
    { ...plain, peer: "tfjs-wasm" },
    { ...plain, case: "node-gnn step", peer: "tfjs-wasm", theirs: plain.case, ours: "wasm" },
    { ...plain, peer: "tfjs-wasm", ours: "wasm" },
    ...against("tfjs-wasm", "native", products, 1, 3),
    { ...plain, case: "node-gnn step", peer: "tfjs-cpu", theirs: plain.case, repeats: 1 },
    ...against("tfjs-cpu", "native", ["u-net step", "matmul 256"], 1, 1),
  ];
}

/** All rows; `rounds` turns each. */
export async function rows(rounds = 7, show: (row: Row) => void = () => undefined): Promise<Row[]> {
  const worker = fileURLToPath(new URL("worker.ts", import.meta.url));
  const peerFile = fileURLToPath(new URL("peer.py", import.meta.url));
  const start = (env: Record<string, string>) =>
    new Contestant(process.execPath, ["--import", "tsx", "--conditions=marginalia-source", worker], env);
  const contestants: Record<string, Contestant> = {
    native: start({ MARGINALIA_BACKEND: "native" }),
    wasm: start({ MARGINALIA_BACKEND: "wasm" }),
    PyTorch: new Contestant(python, [peerFile]),
    "tfjs-wasm": start({ BENCH_TFJS_WASM: "1" }),
    "tfjs-cpu": start({ MARGINALIA_BACKEND: "cpu" }),
    "tfjs-node": start({ MARGINALIA_BACKEND: "tensorflow" }),
  };
  const absent = new Set<string>();
  for (const [name, contestant] of Object.entries(contestants)) if (!(await contestant.answer())) absent.add(name);
  const list = comparisons();
  list.push({ case: "node-gnn step", peer: "tfjs-node", theirs: "node-gnn step, plain tfjs", ours: "native", threads: 1, repeats: 3 }); // prettier-ignore
  const result: Row[] = [fresh(rounds)];
  show(result[0]);
  for (const { case: name, theirs = name, peer, ours, threads, repeats } of list) {
    const row: Row = { case: `${name}, ${threads} thread${threads > 1 ? "s" : ""}, ${ours}`, ours: null, peer: null, peerName: peer, unit: "ms", ratio: null }; // prettier-ignore
    result.push(row);
    if (absent.has(peer) || absent.has(ours)) {
      row.note = `${absent.has(peer) ? peer : ours} is absent`;
      show(row);
      continue;
    }
    const ratios: number[] = [];
    for (let round = 0; round < (peer === "tfjs-cpu" ? 1 : rounds); round++) {
      const mine = await contestants[ours].best(name, threads, repeats);
      const other = await contestants[peer].best(theirs, threads, repeats);
      if (typeof mine === "string" || typeof other === "string") {
        row.note = [mine, other].find((time) => typeof time === "string");
        break;
      }
      row.ours = Math.min(mine, row.ours ?? Infinity);
      row.peer = Math.min(other, row.peer ?? Infinity);
      ratios.push(mine / other);
    }
    if (ratios.length) row.ratio = median(ratios);
    show(row);
  }
  for (const contestant of Object.values(contestants)) contestant.end();
  return result;
}

const say = ({ case: name, ours, peer, peerName, ratio, note }: Row) =>
  console.log(
    ratio === null || ours === null || peer === null
      ? `${name} beside ${peerName}: ${note}`
      : `${name} beside ${peerName}: ratio ${ratio.toFixed(3)} (${ours.toFixed(3)} and ${peer.toFixed(3)} ms)`,
  );
if (process.argv.includes("--json")) console.log(JSON.stringify(await rows(), undefined, 2));
else await rows(7, say);
