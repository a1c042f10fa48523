/**
 * The BPNNs of Kuck et al. 2020 on 50 Ising models of 10 x 10 beside PyTorch and libDAI: rows { case, ours, peer,
 * peerName, unit, ratio }, ratio < 1: ours is faster.
 *
 * One thread each, processor time, so that what else the machine does counts for neither. Turns alternate; the ratio is
 * the median over rounds of the rounds' ratios, the times the best of all rounds. A step is loss, gradient and Adam on
 * a batch that is packed already on both sides; both compute the same function, which is checked first. libDAI runs BP
 * on one model after the other until it converges (tolerance 1e-9, at most 1000 iterations), without reading files.
 * MARGINALIA_BENCH_PYTHON names a Python with PyTorch, MARGINALIA_LIBDAI a built checkout of libDAI.
 */
import path from "node:path";
import type * as Tf from "@tensorflow/tfjs";
import { Random } from "../../src/graph/random.ts";
import { factorGraphBatch } from "../../src/learning/bpnn/batch.ts";
import { runToFixedPoint, undamped } from "../../src/learning/bpnn/fixed-point.ts";
import { bpnnBatch } from "../../src/learning/bpnn/infer.ts";
import { isingExamples, isingTrainingSetting } from "../../src/papers/kuck2020/ising-data.ts";
import { defaultMessageLayer } from "../../src/learning/bpnn/message-layer.ts";
import { BeliefPropagationNetwork, type BpnnShape } from "../../src/learning/bpnn/network.ts";
import { packFactorGraphs } from "../../src/learning/bpnn/packed-factor-graphs.ts";
import { Adam, setThreads } from "../../src/tensor/index.ts";
import { tf } from "../../src/tensor/tf.ts";
import {
  comparedRow,
  lineOfRatio,
  milliseconds,
  openTorch,
  printRows,
  processorMilliseconds,
  type Row,
  type Turn,
} from "../harness.ts";
import { openLibdaiBp } from "./libdai.ts";

const ROUNDS = 7;
const shapes: Record<"message" | "damping", BpnnShape> = {
  message: {
    numLayers: 10,
    tied: false,
    layer: { ...defaultMessageLayer, factorShapes: [[2, 2]] },
    readout: { type: "bethe" },
  },
  damping: {
    numLayers: 17,
    tied: true,
    layer: { type: "damping", operator: { kind: "mlp", kept: 0.05 }, directions: "factor-to-variable" },
    readout: { type: "bethe" },
  },
};

setThreads(1);
const examples = isingExamples(50, isingTrainingSetting, Random.fromSeed(1), "benchmark");
const graphs = examples.map(({ graph }) => graph);
const packed = packFactorGraphs(graphs);
const batch = factorGraphBatch(packed);
const targets = tf.tensor1d(Float32Array.from(examples, ({ logZ }, k) => logZ - packed.logScales[k]));

function prepare(shape: BpnnShape) {
  const network = new BeliefPropagationNetwork(shape, Random.fromSeed(1));
  const optimizer = new Adam(1e-4);
  const variables = [...network.parameters.values()];
  return {
    network,
    step: () => {
      const loss = () => tf.mean<Tf.Scalar>(tf.squaredDifference(network.run(batch).logZ, targets));
      const { value, grads } = tf.variableGrads(loss, variables);
      value.dataSync();
      optimizer.applyGradients(grads);
      tf.dispose([value, grads]);
    },
    inference: () => bpnnBatch(graphs, network), // packing, marginals and all
  };
}
const ours = { message: prepare(shapes.message), damping: prepare(shapes.damping) };
type Kind = keyof typeof ours;

/** The same batch in PyTorch's words. */
function forPeer() {
  const [unary, pairs] = [1, 2].map((arity) => packed.factorGroups.find(({ cardinalities }) => cardinalities.length === arity)!); // prettier-ignore
  const [variables] = packed.variableGroups;
  const firstPairEntry = unary.numFactors * unary.width;
  return {
    graphs: packed.numGraphs,
    variables: variables.numVariables,
    pairs: Array.from(pairs.tables),
    // Two entries a message, two states a variable; the unary factors stand in the order of their variables.
    scopes: Array.from(
      { length: 2 * pairs.numFactors },
      (_, edge) => packed.entryStates[firstPairEntry + 2 * edge] / 2,
    ),
    pairGraphs: Array.from(pairs.graphs),
    variableGraphs: Array.from(variables.graphs),
    unary: Array.from(unary.tables),
    degrees: Array.from(variables.degrees),
    targets: Array.from(targets.dataSync()),
  };
}

/** One row; ours is the processor time of `work`. */
const compare = (name: string, work: () => unknown, peerName: string, theirs: Turn | undefined) =>
  comparedRow(name, () => processorMilliseconds(work), peerName, theirs, ROUNDS);

const rows: Row[] = [];
const peer = await openTorch(path.join(import.meta.dirname, "peer.py"), forPeer);
const peerName = peer?.name ?? "PyTorch";
const cases: [Kind, string][] = [
  ["message", "BPNN, 10 layers"],
  ["damping", "BPNN-D, 17 iterations"],
];
for (const [kind, name] of cases) {
  if (peer) {
    const theirs = await peer.ask(`check ${kind}`);
    const own = tf.tidy(() => tf.sum(ours[kind].network.run(batch).logZ).dataSync()[0]);
    if (!(Math.abs(theirs - own) < 1e-3 * Math.abs(own)))
      throw new Error(`${name}: PyTorch's network gives ${theirs}, ours ${own}; they should be the same`);
  }
  const ask = (what: string) => peer && (() => peer.ask(`${what} ${kind}`));
  rows.push(await compare(`${name}, training step, 50 models`, ours[kind].step, peerName, ask("step")));
  rows.push(await compare(`${name}, 50 models in one batch`, ours[kind].inference, peerName, ask("inference")));
}
peer?.end();
const libdai = openLibdaiBp(graphs, 1e-9, 1000);
const [name, work] = ["BPNN, 10 layers, 50 models in one batch", ours.message.inference];
for (const updates of ["SEQRND", "PARALL"] as const) {
  const bp = libdai && (() => libdai.run(updates).milliseconds);
  const converged = libdai ? ` (${libdai.run(updates).converged} of 50 converge)` : "";
  rows.push(await compare(name, work, `libDAI's BP ${updates}${converged}`, bp));
}
const settings = { tolerance: 1e-9, maxIterations: 1000 };
const bpHere = () => milliseconds(() => graphs.forEach((graph) => runToFixedPoint(graph, undamped, settings)));
rows.push(await compare(name, work, "our BP in float64, one by one", bpHere));
libdai?.dispose();
printRows(rows, (row) => lineOfRatio(row, 46));
