/**
 * The graph neural networks of Yoon et al. 2018, sections 4.1 and 4.2, as gated graph networks (Li et al. 2016):
 *
 *   node-GNN, a state h_i for each variable i:
 *     m_j = sum over i in N(j) of M(h_i, h_j, eps_ij),    h_j <- GRU(h_j, m_j),    p_i = sigmoid(R(h_i))
 *     (Eqs. 7-10)
 *   msg-GNN, a state h_{i->j} for each directed edge:
 *     m_{i->j} = M(sum over k in N(i) \ j of h_{k->i}, eps_ij),    h_{i->j} <- GRU(h_{i->j}, m_{i->j}),
 *     p_i = sigmoid(R(sum over j in N(i) of h_{j->i}))
 *
 * eps_ij = (J_ij, b_i, b_j). M and R are MLPs with ReLU, h starts at 0, and there are `steps` updates. p_i is the
 * probability of x_i = +1. The weights do not depend on the graph, so a network runs on any.
 *
 * Differences: the paper does not say how weights start; here dense layers and GRU start uniform in +-1/sqrt(inputs).
 * The sum over N(i) \ j is the sum over N(i) minus the term of j, which takes time in the number of edges at hubs too.
 */
import type * as Tf from "@tensorflow/tfjs";
import { Random } from "../../graph/random.ts";
import { gruCell, messagePassing, type DenseLayer, type GruWeights } from "../../tensor/index.ts";
import { ParameterStore } from "../parameters.ts";
import { NUM_EDGE_FEATURES, type PackedGraphs } from "./packed-graphs.ts";
import { tf } from "../../tensor/tf.ts";

export const gnnArchitectures = ["node", "msg"] as const;
export type GnnArchitecture = (typeof gnnArchitectures)[number];

/** How messages to a variable are put together; the paper's is the sum. The msg-GNN knows the sum only. */
export const gnnAggregations = ["sum", "mean"] as const;
export type GnnAggregation = (typeof gnnAggregations)[number];

export interface GnnShape {
  readonly architecture: GnnArchitecture;
  /** Size of a state h. */
  readonly hiddenSize: number;
  readonly messageSize: number;
  /** Units in each of the two hidden layers of M and R. */
  readonly width: number;
  /** T, the number of updates. */
  readonly steps: number;
  readonly aggregation: GnnAggregation;
}

/** Section 5.1. */
export const paperGnnShape: Omit<GnnShape, "architecture"> = {
  hiddenSize: 5,
  messageSize: 5,
  width: 64,
  steps: 10,
  aggregation: "sum",
};

/** Packed graphs as tensors. */
export interface GraphTensors {
  readonly numNodes: number;
  readonly sources: Tf.Tensor1D;
  readonly targets: Tf.Tensor1D;
  readonly reverses: Tf.Tensor1D;
  /** [numDirectedEdges, 3] */
  readonly features: Tf.Tensor2D;
  /** [numNodes, 1]: 1 / max(1, number of neighbours). */
  readonly inverseDegrees: Tf.Tensor2D;
}

/** The tensors of packed graphs; inside tf.tidy, or disposed with tf.dispose. */
export function graphTensors(packed: PackedGraphs): GraphTensors {
  const { numNodes, numDirectedEdges, sources, targets, reverses, features } = packed;
  const degrees = new Float32Array(numNodes);
  for (const target of targets) degrees[target]++;
  return {
    numNodes,
    sources: tf.tensor1d(sources, "int32"),
    targets: tf.tensor1d(targets, "int32"),
    reverses: tf.tensor1d(reverses, "int32"),
    features: tf.tensor2d(features, [numDirectedEdges, NUM_EDGE_FEATURES]),
    inverseDegrees: tf.tensor2d(
      degrees.map((degree) => 1 / Math.max(1, degree)),
      [numNodes, 1],
    ),
  };
}

export class GraphNeuralNetwork {
  readonly shape: GnnShape;
  readonly #store = new ParameterStore();
  readonly #message: readonly DenseLayer[];
  readonly #gru: GruWeights;
  readonly #readout: readonly DenseLayer[];

  /**
   * A network with fresh weights; `dispose` frees them.
   * @throws RangeError for an unknown architecture, a size that is not a positive integer, or a msg-GNN that is not to
   *   sum.
   */
  constructor(shape: GnnShape, random: Random) {
    checkShape(shape);
    this.shape = shape;
    const { architecture, hiddenSize, messageSize, width } = shape;
    const store = this.#store;
    const stateInputs = architecture === "node" ? 2 * hiddenSize : hiddenSize;
    this.#message = store.dense("message", [stateInputs + NUM_EDGE_FEATURES, width, width, messageSize], random);
    const limit = 1 / Math.sqrt(hiddenSize);
    this.#gru = {
      kernel: store.uniform<Tf.Rank.R2>("gru/kernel", [messageSize, 3 * hiddenSize], limit, random),
      recurrentKernel: store.uniform<Tf.Rank.R2>("gru/recurrentKernel", [hiddenSize, 3 * hiddenSize], limit, random),
      bias: store.uniform<Tf.Rank.R1>("gru/bias", [3 * hiddenSize], limit, random),
      recurrentBias: store.uniform<Tf.Rank.R1>("gru/recurrentBias", [3 * hiddenSize], limit, random),
    };
    this.#readout = store.dense("readout", [hiddenSize, width, width, 1], random);
  }

  /** Every parameter by name, in the order in which they are saved. */
  get parameters(): ReadonlyMap<string, Tf.Variable> {
    return this.#store.parameters;
  }

  /** The states before the first update: [numNodes or numDirectedEdges, hiddenSize] of zeros. */
  initialStates({ numNodes, features }: GraphTensors): Tf.Tensor2D {
    return tf.zeros([this.shape.architecture === "node" ? numNodes : features.shape[0], this.shape.hiddenSize]);
  }

  /** One update of all states. */
  update(states: Tf.Tensor2D, graph: GraphTensors): Tf.Tensor2D {
    return gruCell(this.#messages(states, graph), states, this.#gru);
  }

  #messages(states: Tf.Tensor2D, graph: GraphTensors): Tf.Tensor2D {
    const { numNodes, sources, targets, reverses, features, inverseDegrees } = graph;
    if (this.shape.architecture === "node") {
      const blocks = [{ x: states, index: sources }, { x: states, index: targets }, { x: features }];
      const sum = messagePassing({ blocks, layers: this.#message, segments: { ids: targets, count: numNodes } });
      return this.shape.aggregation === "mean" ? tf.mul(sum, inverseDegrees) : sum;
    }
    const others = sumOfOthers(states, sources, targets, reverses, numNodes);
    return messagePassing({ blocks: [{ x: others }, { x: features }], layers: this.#message });
  }

  /** Logits of p(x_i = +1), [numNodes, 1], read from states. */
  readOut(states: Tf.Tensor2D, { numNodes, targets }: GraphTensors): Tf.Tensor2D {
    const x = this.shape.architecture === "node" ? states : sumAtTargets(states, targets, numNodes);
    return messagePassing({ blocks: [{ x: x }], layers: this.#readout });
  }

  /** Logits of p(x_i = +1), [numNodes, 1], after all updates: what training differentiates. */
  logits(graph: GraphTensors): Tf.Tensor2D {
    let states = this.initialStates(graph);
    for (let step = 0; step < this.shape.steps; step++) states = this.update(states, graph);
    return this.readOut(states, graph);
  }

  /**
   * p(x_i = +1) for each variable of packed graphs, and how the states came to rest.
   * @param steps updates, by default those that the network was made with.
   */
  predict(packed: PackedGraphs, steps = this.shape.steps): GnnPrediction {
    const distances: Float64Array[] = [];
    const probabilities = new Float64Array(packed.numNodes);
    tf.tidy(() => {
      const graph = graphTensors(packed);
      let states = this.initialStates(graph);
      for (let step = 0; step < steps; step++) {
        const next = this.update(states, graph);
        distances.push(rowDistances(next, states));
        states = next;
      }
      // In float64: a float32 probability is 1 from a logit of 17 on, which would make its divergence infinite.
      this.readOut(states, graph)
        .dataSync()
        .forEach((logit, i) => (probabilities[i] = 1 / (1 + Math.exp(-logit))));
    });
    return { probabilities, distances };
  }

  dispose(): void {
    this.#store.dispose();
  }
}

// Two linear maps whose gradients tfjs would compose of a dozen operations each.

/**
 * For each directed edge i -> j the sum over k in N(i) without j of x_{k->i}. Its transpose is the same with ends
 * exchanged.
 */
function sumOfOthers(
  x: Tf.Tensor2D,
  sources: Tf.Tensor1D,
  targets: Tf.Tensor1D,
  reverses: Tf.Tensor1D,
  numNodes: number,
): Tf.Tensor2D {
  const apply = (rows: Tf.Tensor, from: Tf.Tensor, to: Tf.Tensor, reverse: Tf.Tensor) =>
    tf.sub(tf.gather(tf.unsortedSegmentSum(rows, to as Tf.Tensor1D, numNodes), from), tf.gather(rows, reverse));
  const operation = tf.customGrad((...inputs) => {
    const [rows, save] = inputs as [Tf.Tensor, Tf.GradSaveFunc];
    save([sources, targets, reverses]);
    return {
      value: apply(rows, sources, targets, reverses),
      gradFunc: (dy: Tf.Tensor, [from, to, reverse]: Tf.Tensor[]) => apply(dy, to, from, reverse),
    };
  });
  return operation(x) as Tf.Tensor2D;
}

/** For each node the sum of x_{j->i} over its incoming edges. */
function sumAtTargets(x: Tf.Tensor2D, targets: Tf.Tensor1D, numNodes: number): Tf.Tensor2D {
  const operation = tf.customGrad((...inputs) => {
    const [rows, save] = inputs as [Tf.Tensor, Tf.GradSaveFunc];
    save([targets]);
    return {
      value: tf.unsortedSegmentSum(rows, targets, numNodes),
      gradFunc: (dy: Tf.Tensor, [to]: Tf.Tensor[]) => tf.gather(dy, to),
    };
  });
  return operation(x) as Tf.Tensor2D;
}

export interface GnnPrediction {
  /** Float64Array[numNodes]: p(x_i = +1). */
  readonly probabilities: Float64Array;
  /**
   * For each update the distance ||h_v^t - h_v^{t-1}|| (Euclidean) of each state, Float64Array[numNodes or
   * numDirectedEdges].
   */
  readonly distances: readonly Float64Array[];
}

function rowDistances(next: Tf.Tensor2D, last: Tf.Tensor2D): Float64Array {
  const [rows, width] = next.shape;
  const [after, before] = [next.dataSync(), last.dataSync()];
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let at = row * width; at < (row + 1) * width; at++) sum += (after[at] - before[at]) ** 2;
    return Math.sqrt(sum);
  });
}

function checkShape({ architecture, aggregation, ...sizes }: GnnShape): void {
  if (!gnnArchitectures.includes(architecture))
    throw new RangeError(
      `unknown GNN architecture ${JSON.stringify(architecture)}, expected ${gnnArchitectures.join(" or ")}`,
    );
  if (!gnnAggregations.includes(aggregation) || (architecture === "msg" && aggregation !== "sum"))
    throw new RangeError(
      `a ${architecture}-GNN cannot aggregate by ${JSON.stringify(aggregation)}; sum is possible, for a node-GNN mean too`,
    );
  for (const [name, size] of Object.entries(sizes))
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`${name} of a GNN must be a positive integer, got ${String(size)}`);
}
