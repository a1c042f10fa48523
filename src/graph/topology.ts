/**
 * Plain graphs: who is joined to whom, without potentials. Generators make them, parameterisations
 * (generators/ising.ts) fill them.
 */
import type { FactorGraph } from "./factor-graph.ts";
import type { PairwiseBinaryModel } from "./pairwise.ts";

export interface Topology {
  readonly numNodes: number;
  /** Int32Array[2 numEdges]: edge e joins edges[2 e] < edges[2 e + 1]. Edges are sorted and distinct. */
  readonly edges: Int32Array;
}

/** Every node's neighbours, laid end to end. */
export interface Adjacency {
  /** Int32Array[numNodes + 1]: node i's neighbours stand at offsets[i] ... offsets[i + 1] - 1. */
  readonly offsets: Int32Array;
  /** Int32Array[2 numEdges], increasing within a node. */
  readonly neighbours: Int32Array;
  /** Int32Array[2 numEdges]: the edge to each neighbour. */
  readonly edges: Int32Array;
}

/**
 * A topology from pairs in any order; a pair that is given again, or the other way round, counts once.
 * @throws RangeError naming the pair that leaves 0 ... numNodes - 1 or joins a node to itself.
 */
export function topology(numNodes: number, pairs: Iterable<readonly [number, number]>): Topology {
  if (!Number.isInteger(numNodes) || numNodes < 0)
    throw new RangeError(`the number of nodes must be an integer >= 0, got ${numNodes}`);
  const keys: number[] = [];
  for (const [i, j] of pairs) {
    const isNode = (node: number): boolean => Number.isInteger(node) && node >= 0 && node < numNodes;
    if (!isNode(i) || !isNode(j) || i === j)
      throw new RangeError(`edge ${i}-${j}: expected two different nodes from 0 to ${numNodes - 1}`);
    keys.push(Math.min(i, j) * numNodes + Math.max(i, j));
  }
  const sorted = Float64Array.from(keys).sort();
  const edges = new Int32Array(2 * sorted.length);
  let length = 0;
  sorted.forEach((key, index) => {
    if (index > 0 && key === sorted[index - 1]) return;
    edges[length++] = Math.floor(key / numNodes);
    edges[length++] = key % numNodes;
  });
  return { numNodes, edges: edges.slice(0, length) };
}

/** Who neighbours whom. */
export function adjacency({ numNodes, edges }: Topology): Adjacency {
  const numEdges = edges.length / 2;
  const offsets = new Int32Array(numNodes + 1);
  for (const node of edges) offsets[node + 1]++;
  for (let i = 0; i < numNodes; i++) offsets[i + 1] += offsets[i];
  const next = offsets.slice(0, numNodes);
  const neighbours = new Int32Array(2 * numEdges);
  const neighbourEdges = new Int32Array(2 * numEdges);
  // Smaller neighbours first, then larger ones: two passes over sorted edges leave every list in increasing order.
  for (const end of [1, 0])
    for (let edge = 0; edge < numEdges; edge++) {
      const at = next[edges[2 * edge + end]]++;
      neighbours[at] = edges[2 * edge + 1 - end];
      neighbourEdges[at] = edge;
    }
  return { offsets, neighbours, edges: neighbourEdges };
}

/** The graph under a pairwise model; edge e is the model's edge e. */
export function topologyOf({ numVariables, numEdges, edgeSources, edgeTargets }: PairwiseBinaryModel): Topology {
  const edges = new Int32Array(2 * numEdges);
  for (let edge = 0; edge < numEdges; edge++) {
    edges[2 * edge] = edgeSources[edge];
    edges[2 * edge + 1] = edgeTargets[edge];
  }
  return { numNodes: numVariables, edges };
}

/** The Markov network of a factor graph: two variables are joined where a factor holds both. */
export function markovNetwork(graph: FactorGraph): Topology {
  const { numVariables, numFactors, scopeOffsets, scopes } = graph;
  const pairs = function* (): Generator<readonly [number, number]> {
    for (let factor = 0; factor < numFactors; factor++)
      for (let first = scopeOffsets[factor]; first < scopeOffsets[factor + 1]; first++)
        for (let second = first + 1; second < scopeOffsets[factor + 1]; second++) yield [scopes[first], scopes[second]];
  };
  return topology(numVariables, pairs());
}
