/**
 * The baseline of Kuck et al. 2020: a graph isomorphism network (Xu et al. 2019) with edge features, for ln Z.
 *
 *   x_i' = MLP1((1 + eps) x_i + sum over j in N(i) of MLP2([x_j, e_ji])),   eps = 0 and fixed
 *   ln Z ~ MLP([sum over i of x_i after layer 1, ..., after layer K])
 *
 * MLP1 = Linear(w, w)-ReLU-Linear(w, w), MLP2 = Linear(in + edge features, w)-ReLU-Linear(w, w), the readout Linear(K
 * w, K w)-ReLU-Linear(K w, 1). A standard GNN: nodes are variables, and what a factor joins is told by features, so it
 * does not respect factor graph isomorphism.
 */
import type * as Tf from "@tensorflow/tfjs";
import type { Random } from "../../graph/random.ts";
import { messagePassing, type DenseLayer } from "../../tensor/index.ts";
import { tf } from "../../tensor/tf.ts";
import { ParameterStore } from "../parameters.ts";

export interface GinShape {
  readonly numLayers: number;
  /** w */
  readonly width: number;
  readonly nodeFeatures: number;
  readonly edgeFeatures: number;
}

/** One graph's nodes and directed edges with features, row-major. */
export interface FeatureGraph {
  readonly numNodes: number;
  /** Int32Array[numDirectedEdges] */
  readonly sources: Int32Array;
  readonly targets: Int32Array;
  /** Float32Array[numNodes x nodeFeatures] */
  readonly nodes: Float32Array;
  /** Float32Array[numDirectedEdges x edgeFeatures] */
  readonly edges: Float32Array;
}

export interface GinBatch {
  readonly numGraphs: number;
  readonly numNodes: number;
  readonly sources: Tf.Tensor1D;
  readonly targets: Tf.Tensor1D;
  /** [numNodes]: the graph of each node. */
  readonly graphs: Tf.Tensor1D;
  readonly nodes: Tf.Tensor2D;
  readonly edges: Tf.Tensor2D;
}

/** Any number of graphs as one, whose edges never cross; inside tf.tidy, or disposed with tf.dispose. */
export function ginBatch(graphs: readonly FeatureGraph[], { nodeFeatures, edgeFeatures }: GinShape): GinBatch {
  const numNodes = graphs.reduce((sum, graph) => sum + graph.numNodes, 0);
  const numEdges = graphs.reduce((sum, { sources }) => sum + sources.length, 0);
  const [sources, targets, owners] = [new Int32Array(numEdges), new Int32Array(numEdges), new Int32Array(numNodes)];
  const nodes = new Float32Array(numNodes * nodeFeatures);
  const edges = new Float32Array(numEdges * edgeFeatures);
  let [firstNode, firstEdge] = [0, 0];
  graphs.forEach((graph, g) => {
    graph.sources.forEach((source, e) => (sources[firstEdge + e] = firstNode + source));
    graph.targets.forEach((target, e) => (targets[firstEdge + e] = firstNode + target));
    nodes.set(graph.nodes, firstNode * nodeFeatures);
    edges.set(graph.edges, firstEdge * edgeFeatures);
    owners.fill(g, firstNode, firstNode + graph.numNodes);
    firstNode += graph.numNodes;
    firstEdge += graph.sources.length;
  });
  return {
    numGraphs: graphs.length,
    numNodes,
    sources: tf.tensor1d(sources, "int32"),
    targets: tf.tensor1d(targets, "int32"),
    graphs: tf.tensor1d(owners, "int32"),
    nodes: tf.tensor2d(nodes, [numNodes, nodeFeatures]),
    edges: tf.tensor2d(edges, [numEdges, edgeFeatures]),
  };
}

export class GraphIsomorphismNetwork {
  readonly shape: GinShape;
  readonly #store = new ParameterStore();
  readonly #layers: readonly { readonly message: DenseLayer[]; readonly update: DenseLayer[] }[];
  readonly #readout: DenseLayer[];

  /**
   * A network with fresh weights, uniform in +-1/sqrt(inputs); `dispose` frees them. @throws RangeError for a size that
   * is not a positive integer.
   */
  constructor(shape: GinShape, random: Random) {
    for (const [name, size] of Object.entries(shape) as [string, number][])
      if (!Number.isInteger(size) || size < 1)
        throw new RangeError(`${name} of a GIN must be a positive integer, got ${size}`);
    this.shape = shape;
    const { numLayers, width, nodeFeatures, edgeFeatures } = shape;
    const dense = (name: string, ...widths: number[]) => this.#store.dense(name, widths, random);
    this.#layers = Array.from({ length: numLayers }, (_, k) => {
      const inputs = k === 0 ? nodeFeatures : width;
      return {
        message: dense(`layer/${k}/message`, inputs + edgeFeatures, width, k === 0 ? nodeFeatures : width),
        update: dense(`layer/${k}/update`, inputs, width, width),
      };
    });
    this.#readout = dense("readout", numLayers * width, numLayers * width, 1);
  }

  /** Every parameter by name, in the order in which they are saved. */
  get parameters(): ReadonlyMap<string, Tf.Variable> {
    return this.#store.parameters;
  }

  /** Estimates of ln Z, natural log: [numGraphs]. */
  logZ({ numGraphs, numNodes, sources, targets, graphs, nodes, edges }: GinBatch): Tf.Tensor1D {
    let x = nodes;
    const pooled = this.#layers.map(({ message, update }) => {
      const blocks = [{ x: x, index: sources }, { x: edges }];
      const sum = messagePassing({ blocks, layers: message, segments: { ids: targets, count: numNodes } });
      x = messagePassing({ blocks: [{ x: tf.add(x, sum) }], layers: update });
      return tf.unsortedSegmentSum(x, graphs, numGraphs);
    });
    return tf.reshape(messagePassing({ blocks: [{ x: tf.concat2d(pooled, 1) }], layers: this.#readout }), [numGraphs]);
  }

  /** ln Z of each graph, natural log, Float64Array[number of graphs]. */
  predict(graphs: readonly FeatureGraph[]): Float64Array {
    return Float64Array.from(tf.tidy(() => this.logZ(ginBatch(graphs, this.shape)).dataSync()));
  }

  dispose(): void {
    this.#store.dispose();
  }
}
