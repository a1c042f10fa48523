/**
 * The tensor engine beside its peers: rows { case, ours, peer, peerName, unit, ratio }, ratio < 1: ours is faster.
 *
 * Every contestant is a process of its own that waits for its turn. Turns alternate, so that whatever else the machine
 * does meets all alike; the ratio is the median over rounds of the ratio of the rounds' best times, and the times are
 * the best of all rounds. PyTorch: MARGINALIA_BENCH_PYTHON names a Python that has it. A peer that is not there is
 * named as absent.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { benchPython, isJson, medianOf, PeerProcess, type Row } from "../harness.ts";

type TensorRow = Row<number | null> & { readonly note?: string };

/** Best milliseconds of `repeats` runs, or why there are none. */
async function best(contestant: PeerProcess, name: string, threads: number, repeats: number): Promise<number | string> {
  const found = (await contestant.ask(`${name} ${threads} ${repeats}`)) as number[] | { error: string } | undefined;
  if (found === undefined) return "the peer ended";
  return Array.isArray(found) ? Math.min(...found) : found.error;
}

/** A fresh process until it has multiplied two matrices: the built library beside PyTorch. */
function fresh(rounds: number): TensorRow {
  const built = fileURLToPath(new URL("../../dist/tensor/index.js", import.meta.url));
  const program = `import(${JSON.stringify(built)}).then(async () => { const tf = await import("@tensorflow/tfjs"); tf.matMul(tf.ones([9, 9]), tf.ones([9, 9])).dataSync(); });`;
  const time = (command: string, args: string[]) => {
    const started = performance.now();
    const { status } = spawnSync(command, args, { cwd: fileURLToPath(new URL("../../", import.meta.url)), stdio: "ignore" }); // prettier-ignore
    return status === 0 ? performance.now() - started : NaN;
  };
  const pairs = Array.from({ length: rounds }, () => [
    time(process.execPath, ["-e", program]),
    time(benchPython, ["-c", "import torch; torch.ones(9, 9) @ torch.ones(9, 9)"]),
  ]);
  const [ours, peer] = [0, 1].map((which) => Math.min(...pairs.map((pair) => pair[which])));
  const row = { case: "a fresh process ready", ours, peerName: "PyTorch", unit: "ms" } as const;
  return Number.isNaN(peer)
    ? { ...row, peer: null, ratio: null, note: "PyTorch is absent" }
    : { ...row, peer, ratio: medianOf(pairs.map(([mine, other]) => mine / other)) };
}

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
    { ...plain, case: "node-gnn step", peer: "tfjs-node", theirs: plain.case },
  ];
}

type Contestants = Record<string, PeerProcess>;

function contestants(): Contestants {
  const worker = fileURLToPath(new URL("worker.ts", import.meta.url));
  const peerFile = fileURLToPath(new URL("peer.py", import.meta.url));
  const start = (env: Record<string, string>) =>
    new PeerProcess(process.execPath, ["--import", "tsx", "--conditions=marginalia-source", worker], env);
  return {
    native: start({ MARGINALIA_BACKEND: "native" }),
    wasm: start({ MARGINALIA_BACKEND: "wasm" }),
    PyTorch: new PeerProcess(benchPython, [peerFile]),
    "tfjs-wasm": start({ BENCH_TFJS_WASM: "1" }),
    "tfjs-cpu": start({ MARGINALIA_BACKEND: "cpu" }),
    "tfjs-node": start({ MARGINALIA_BACKEND: "tensorflow" }),
  };
}

/** One row of `rounds` turns of each side. */
async function compared(comparison: Comparison, all: Contestants, absent: Set<string>, rounds: number) {
  const { case: name, theirs = name, peer, ours, threads, repeats } = comparison;
  const title = `${name}, ${threads} thread${threads > 1 ? "s" : ""}, ${ours}`;
  const row: TensorRow = { case: title, ours: null, peer: null, peerName: peer, unit: "ms", ratio: null };
  const missing = [peer, ours].find((each) => absent.has(each));
  if (missing !== undefined) return { ...row, note: `${missing} is absent` };
  const times: (readonly [number, number])[] = [];
  let note: string | undefined;
  for (let round = 0; round < (peer === "tfjs-cpu" ? 1 : rounds) && note === undefined; round++) {
    const mine = await best(all[ours], name, threads, repeats);
    const other = await best(all[peer], theirs, threads, repeats);
    if (typeof mine === "string") note = mine;
    else if (typeof other === "string") note = other;
    else times.push([mine, other]);
  }
  if (times.length === 0) return { ...row, note };
  const [own, other] = [0, 1].map((side) => Math.min(...times.map((pair) => pair[side])));
  const ratio = medianOf(times.map(([mine, theirTime]) => mine / theirTime));
  return { ...row, ours: own, peer: other, ratio, ...(note !== undefined && { note }) };
}

/** All rows; `rounds` turns each. */
async function rows(rounds = 7, show: (row: TensorRow) => void = () => undefined): Promise<TensorRow[]> {
  const all = contestants();
  const absent = new Set<string>();
  for (const [name, contestant] of Object.entries(all)) if (!(await contestant.answer())) absent.add(name);
  const result: TensorRow[] = [];
  const add = (row: TensorRow) => {
    result.push(row);
    show(row);
  };
  add(fresh(rounds));
  for (const comparison of comparisons()) add(await compared(comparison, all, absent, rounds));
  for (const contestant of Object.values(all)) contestant.end();
  return result;
}

const say = ({ case: name, ours, peer, peerName, ratio, note }: TensorRow) =>
  console.log(
    ratio === null || ours === null || peer === null
      ? `${name} beside ${peerName}: ${note}`
      : `${name} beside ${peerName}: ratio ${ratio.toFixed(3)} (${ours.toFixed(3)} and ${peer.toFixed(3)} ms)`,
  );
if (isJson) console.log(JSON.stringify(await rows(), undefined, 2));
else await rows(7, say);
