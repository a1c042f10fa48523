/**
 * The networks of Yoon et al. 2018 at the paper's size beside PyTorch and beside belief propagation:
 * rows { case, ours, peer, peerName, unit, ratio }, ratio < 1: ours is faster.
 *
 * One thread each. Turns alternate, so that whatever else the machine does meets both alike; the ratio is the median
 * over rounds of the rounds' ratios, the times the best of all rounds. An epoch is all 1300 models in batches of 50;
 * ours includes drawing the order, packing the graphs and looking at every gradient, PyTorch's batches are tensors
 * already. MARGINALIA_BENCH_PYTHON names a Python with PyTorch.
 */
import path from "node:path";
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
import { comparedRow, lineOfRatio, milliseconds, openTorch, printRows, type Row } from "../harness.ts";

const ROUNDS = 7;
const architectures = ["node", "msg"] as const;
const training = structuredExamples("training", 9, paperRandom());
const test = structuredExamples("test", 9, paperRandom());

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

setThreads(1);
const peer = await openTorch(path.join(import.meta.dirname, "peer.py"), () => ({
  batches: batches().map(forPeer),
  test: forPeer(test),
}));
const rows: Row[] = [];
for (const architecture of architectures) {
  const ask = (what: string) => peer && (() => peer.ask(`${what} ${architecture}`));
  const train = () => milliseconds(() => epoch(architecture));
  const answer = () => milliseconds(() => inference(architecture));
  const [peerName, inOneBatch] = [peer?.name ?? "PyTorch", `${architecture}-GNN, 130 models in one batch`];
  const bp = () => milliseconds(beliefPropagation);
  rows.push(
    await comparedRow(`${architecture}-GNN, training epoch`, train, peerName, ask("epoch"), ROUNDS),
    await comparedRow(inOneBatch, answer, peerName, ask("inference"), ROUNDS),
    await comparedRow(inOneBatch, answer, "our bp, one by one", bp, ROUNDS),
  );
}
peer?.end();
printRows(rows, (row) => lineOfRatio(row, 36));
