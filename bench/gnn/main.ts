/**
 * The networks of Yoon et al. 2018 at the paper's size beside PyTorch and beside belief propagation:
 * rows { case, ours, peer, peerName, unit, ratio }, ratio < 1: ours is faster.
 *
 * One thread each. Turns alternate, so that whatever else the machine does meets both alike; the ratio is the median
 * over rounds of the rounds' ratios, the times the best of all rounds. An epoch is all 1300 models in batches of 50;
 * ours includes drawing the order, packing the graphs and looking at every gradient, PyTorch's batches are tensors
 * already. MARGINALIA_BENCH_PYTHON names a Python with PyTorch.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Random } from "../../src/graph/random.ts";
import { infer } from "../../src/inference/registry.ts";
import { structuredExamples, type GnnExample } from "../../src/learning/gnn/data.ts";
import { gnnBatch } from "../../src/learning/gnn/infer.ts";
import { GraphNeuralNetwork, paperGnnShape, type GnnArchitecture } from "../../src/learning/gnn/network.ts";
import { packGraphs } from "../../src/learning/gnn/packed-graphs.ts";
import { paperRandom } from "../../src/papers/yoon2018/networks.ts";
import { paperGnnTraining, trainGnn } from "../../src/learning/gnn/train-gnn.ts";
import { trainingSettings } from "../../src/learning/training/options.ts";
import { setThreads } from "../../src/tensor/index.ts";

interface Row {
  readonly case: string;
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: "ms";
  readonly ratio: number | null;
}

const ROUNDS = 7;
const architectures = ["node", "msg"] as const;
const training = structuredExamples("training", 9, paperRandom());
const test = structuredExamples("test", 9, paperRandom());

async function milliseconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function epoch(architecture: GnnArchitecture): Promise<void> {
  const settings = trainingSettings({ ...paperGnnTraining, maxEpochs: 1 });
  const shape = { architecture, ...paperGnnShape };
  const { network } = await trainGnn(
    { kind: "gnn", shape, target: "marginals", data: null, training: settings },
    { training, validation: training.slice(0, 1) },
  );
  network.dispose();
}

const fresh = (architecture: GnnArchitecture) => {
  const shape = { architecture, ...paperGnnShape };
  const network = new GraphNeuralNetwork(shape, Random.fromSeed(1));
  return { network, configuration: { kind: "gnn", shape, target: "marginals" } } as const;
};
const networks = { node: fresh("node"), msg: fresh("msg") };
const inference = (architecture: GnnArchitecture) => gnnBatch(test.map(({ model }) => model), networks[architecture]); // prettier-ignore
const beliefPropagation = () => test.forEach(({ model }) => infer(model, "bp"));

function forPeer(examples: readonly GnnExample[]) {
  const { numNodes, sources, targets, reverses, features } = packGraphs(examples.map(({ model }) => model));
  const labels = examples.flatMap(({ probabilities }) => Array.from(probabilities));
  const [s, t, r, f] = [sources, targets, reverses, features].map((array) => Array.from(array));
  return { nodes: numNodes, sources: s, targets: t, reverses: r, features: f, labels };
}

function batches(): GnnExample[][] {
  const order = Random.fromSeed(1).permutation(training.length);
  const { batchSize } = paperGnnTraining;
  return Array.from({ length: Math.ceil(order.length / batchSize) }, (_, b) =>
    Array.from(order.subarray(b * batchSize, (b + 1) * batchSize), (index) => training[index]),
  );
}

/** PyTorch in a process of its own; undefined where Python has none. */
async function openPeer() {
  const python = process.env.MARGINALIA_BENCH_PYTHON ?? "python3";
  const peer = spawn(python, [path.join(path.dirname(fileURLToPath(import.meta.url)), "peer.py")]);
  peer.on("error", () => undefined); // not installed: the lines end at once
  peer.stdin.on("error", () => undefined);
  peer.stderr.resume();
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { value, done } = (await lines.next()) as IteratorResult<string, undefined>;
    return done ? undefined : JSON.parse(value);
  };
  const version = await answer();
  if (typeof version !== "string") return undefined;
  peer.stdin.write(`${JSON.stringify({ batches: batches().map(forPeer), test: forPeer(test) })}\n`);
  return {
    name: `PyTorch ${version}`,
    time: async (request: string) => {
      peer.stdin.write(`${request}\n`);
      return (await answer()) as number;
    },
    end: () => peer.stdin.end(),
  };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

async function compare(
  name: string,
  ours: () => unknown,
  peerName: string,
  theirs?: () => Promise<number>,
): Promise<Row> {
  const times: [number, number][] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const own = await milliseconds(ours);
    const other = theirs ? await theirs() : NaN;
    if (round > 0) times.push([own, other]); // the first round warms up
  }
  const best = (at: 0 | 1) => Math.min(...times.map((pair) => pair[at]));
  const compared = theirs
    ? { peer: best(1), ratio: median(times.map(([a, b]) => a / b)) }
    : { peer: null, ratio: null };
  return { case: name, ours: best(0), peerName: theirs ? peerName : `${peerName}: absent`, unit: "ms", ...compared };
}

setThreads(1);
const peer = await openPeer();
const rows: Row[] = [];
for (const architecture of architectures) {
  const ask = (what: string) => peer && (() => peer.time(`${what} ${architecture}`));
  const peerName = peer?.name ?? "PyTorch";
  rows.push(await compare(`${architecture}-GNN, training epoch`, () => epoch(architecture), peerName, ask("epoch")));
  rows.push(await compare(`${architecture}-GNN, 130 models in one batch`, () => inference(architecture), peerName, ask("inference"))); // prettier-ignore
  const bp = () => milliseconds(beliefPropagation);
  rows.push(await compare(`${architecture}-GNN, 130 models in one batch`, () => inference(architecture), "our bp, one by one", bp)); // prettier-ignore
}
peer?.end();
if (process.argv.includes("--json")) console.log(JSON.stringify(rows, null, 2));
else
  for (const { case: name, ours, peer: other, peerName, unit, ratio } of rows)
    console.log(
      `${name.padEnd(36)} ${ours.toPrecision(4).padStart(8)} ${unit}   ` +
        (ratio === null ? peerName : `${peerName} ${other!.toPrecision(4)} ${unit}, ratio ${ratio.toFixed(3)}`),
    );
