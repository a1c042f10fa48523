/** Connected components, and whether a graph has cycles: what decides between one exact sweep and a loopy method. */
import type { FactorGraph } from "./factor-graph.ts";
import type { PairwiseBinaryModel } from "./pairwise.ts";
import { topologyOf, type Topology } from "./topology.ts";

export interface Components {
  readonly count: number;
  /** Int32Array[numNodes]: each node's component, numbered in the order of their first nodes. */
  readonly componentOf: Int32Array;
}

/** Components of a plain graph, a pairwise model or a factor graph (there: of its variables). */
export function connectedComponents(graph: Topology | PairwiseBinaryModel | FactorGraph): Components {
  const [numNodes, sets] = joinAll(graph);
  const componentOf = new Int32Array(numNodes).fill(-1);
  const numberOfRoot = new Int32Array(numNodes).fill(-1);
  let count = 0;
  for (let node = 0; node < numNodes; node++) {
    const root = sets.find(node);
    if (numberOfRoot[root] < 0) numberOfRoot[root] = count++;
    componentOf[node] = numberOfRoot[root];
  }
  return { count, componentOf };
}

/**
 * Whether there is no cycle, so that belief propagation is exact. In a factor graph, cycles run through factors: two
 * factors over the same pair of variables make one; factors of one variable never do.
 */
export function isForest(graph: Topology | PairwiseBinaryModel | FactorGraph): boolean {
  return !joinAll(graph)[1].hasCycle;
}

/** Whether there is no cycle and exactly one component. */
export function isTree(graph: Topology | PairwiseBinaryModel | FactorGraph): boolean {
  return isForest(graph) && connectedComponents(graph).count === 1;
}

function joinAll(graph: Topology | PairwiseBinaryModel | FactorGraph): [numNodes: number, sets: DisjointSets] {
  if ("kind" in graph && graph.kind === "factor-graph") {
    const sets = new DisjointSets(graph.numVariables);
    for (let factor = 0; factor < graph.numFactors; factor++) {
      // A factor's node joins all its variables; a cycle closes where two of them were joined before.
      const start = graph.scopeOffsets[factor];
      for (let edge = start + 1; edge < graph.scopeOffsets[factor + 1]; edge++)
        sets.join(graph.scopes[start], graph.scopes[edge]);
    }
    return [graph.numVariables, sets];
  }
  const { numNodes, edges } = "kind" in graph ? topologyOf(graph) : graph;
  const sets = new DisjointSets(numNodes);
  for (let edge = 0; edge < edges.length; edge += 2) sets.join(edges[edge], edges[edge + 1]);
  return [numNodes, sets];
}

/** Union-find with path halving and union by size. */
export class DisjointSets {
  /** Whether some join found its two items joined already. */
  hasCycle = false;
  readonly #parents: Int32Array;
  readonly #sizes: Int32Array;

  constructor(numItems: number) {
    this.#parents = Int32Array.from({ length: numItems }, (_, item) => item);
    this.#sizes = new Int32Array(numItems).fill(1);
  }

  /** The item that stands for `item`'s set. */
  find(item: number): number {
    const parents = this.#parents;
    while (parents[item] !== item) item = parents[item] = parents[parents[item]];
    return item;
  }

  /** Joins two items' sets; false if they were one already. */
  join(first: number, second: number): boolean {
    let [root, other] = [this.find(first), this.find(second)];
    if (root === other) {
      this.hasCycle = true;
      return false;
    }
    if (this.#sizes[root] < this.#sizes[other]) [root, other] = [other, root];
    this.#parents[other] = root;
    this.#sizes[root] += this.#sizes[other];
    return true;
  }
}
