/**
 * Chain graphs of conditional Boltzmann machines (Jaakkola & Jordan 1996, section 3):
 *
 *   P(S) = prod_k P(S_k | S_pa[k])                                                                          (Eq. 15)
 *   P(S_k | S_pa[k]) = exp(sum_i h~_i S_i + sum_(i,j) J_ij S_i S_j) / Z_k(h~, J),   i, j in cluster k       (Eq. 16)
 *   h~_i = h_i + sum_{j in pa[k]} W_ij S_j,   the outside bias                                              (Eq. 17)
 *
 * S in {0,1}^n; weights within a cluster are undirected, weights into it directed. One variable a cluster is a sigmoid belief network,
 * one cluster a Boltzmann machine. Clusters are the components of the undirected weights, so nobody needs to list them.
 */
import { enumerationLogZ } from "./chain-cluster.ts";
import { factorGraph, type FactorGraph } from "./factor-graph.ts";
import { boltzmannMachine, type BoltzmannMachine, type WeightedEdge } from "./pairwise.ts";

/** [parent, child, weight]. */
export type DirectedEdge = readonly [number, number, number];

export interface Cluster {
  /** Int32Array, increasing. */
  readonly variables: Int32Array;
  /** Int32Array, increasing: variables of earlier clusters with a weight into this one. */
  readonly parents: Int32Array;
  /** The undirected part, variables numbered within the cluster. */
  readonly machine: BoltzmannMachine;
  /** Float64Array[variables * parents]: W of variable v from parent p at v * parents.length + p; 0 where there is no edge. */
  readonly parentWeights: Float64Array;
}

export interface ChainGraph {
  readonly kind: "chain-graph";
  readonly numVariables: number;
  /** Parents before children. */
  readonly clusters: readonly Cluster[];
  /** Int32Array[numVariables]. */
  readonly clusterOf: Int32Array;
}

/**
 * @param biases h, one number a variable, natural log.
 * @param undirected [i, j, J_ij], each pair at most once.
 * @param directed [parent, child, W], each pair at most once.
 * @throws RangeError naming the edge that is out of range or repeated, lies within a cluster, or closes a directed cycle of clusters.
 */
export function chainGraph(
  biases: ArrayLike<number>,
  undirected: Iterable<WeightedEdge>,
  directed: Iterable<DirectedEdge>,
): ChainGraph {
  const n = biases.length;
  const whole = boltzmannMachine(biases, undirected);
  const label = Int32Array.from({ length: n }, (_, i) => i);
  const rootOf = (i: number): number => (label[i] === i ? i : (label[i] = rootOf(label[i])));
  for (let edge = 0; edge < whole.numEdges; edge++) {
    const [a, b] = [rootOf(whole.edgeSources[edge]), rootOf(whole.edgeTargets[edge])];
    label[Math.max(a, b)] = Math.min(a, b);
  }
  const members = new Map<number, number[]>();
  for (let i = 0; i < n; i++) members.set(rootOf(i), [...(members.get(rootOf(i)) ?? []), i]);
  const incoming = Array.from({ length: n }, () => new Map<number, number>());
  for (const [parent, child, weight] of directed) {
    for (const i of [parent, child])
      if (!Number.isInteger(i) || i < 0 || i >= n)
        throw new RangeError(`edge ${parent} -> ${child}: ${i} is not a variable, expected 0 to ${n - 1}`);
    if (!Number.isFinite(weight))
      throw new RangeError(`the weight of ${parent} -> ${child} must be finite, got ${weight}`);
    if (rootOf(parent) === rootOf(child))
      throw new RangeError(`edge ${parent} -> ${child} lies within a cluster, where weights are undirected`);
    if (incoming[child].has(parent)) throw new RangeError(`edge ${parent} -> ${child} is given twice`);
    incoming[child].set(parent, weight);
  }
  const clusters: Cluster[] = [];
  const clusterOf = new Int32Array(n);
  const state = new Map<number, "open" | "done">();
  const visit = (root: number): void => {
    if (state.get(root) === "done") return;
    if (state.get(root) === "open")
      throw new RangeError(`the clusters' directed edges close a cycle through variable ${root}`);
    state.set(root, "open");
    const variables = Int32Array.from(members.get(root)!);
    const parents = Int32Array.from(new Set(Array.from(variables, (i) => [...incoming[i].keys()]).flat())).sort();
    for (const parent of parents) visit(rootOf(parent));
    const parentWeights = new Float64Array(variables.length * parents.length);
    variables.forEach((i, v) =>
      parents.forEach((parent, p) => (parentWeights[v * parents.length + p] = incoming[i].get(parent) ?? 0)),
    );
    const numbers = new Map(Array.from(variables, (i, v) => [i, v]));
    const edges = Array.from(whole.weights, (weight, edge): WeightedEdge => [
      whole.edgeSources[edge],
      whole.edgeTargets[edge],
      weight,
    ])
      .filter(([i]) => numbers.has(i))
      .map(([i, j, weight]): WeightedEdge => [numbers.get(i)!, numbers.get(j)!, weight]);
    const machine = boltzmannMachine(
      Array.from(variables, (i) => biases[i]),
      edges,
    );
    for (const i of variables) clusterOf[i] = clusters.length;
    clusters.push({ variables, parents, machine, parentWeights });
    state.set(root, "done");
  };
  for (const root of members.keys()) visit(root);
  return { kind: "chain-graph", numVariables: n, clusters, clusterOf };
}

/** P(S) = prod_i sigmoid of the child's field: p(S_i = 1 | parents) = sigmoid(h_i + sum_j W_ij S_j). */
export function sigmoidBeliefNetwork(biases: ArrayLike<number>, directed: Iterable<DirectedEdge>): ChainGraph {
  return chainGraph(biases, [], directed);
}

/**
 * The same distribution as a factor graph: one factor a cluster, over its variables and its parents.
 * @throws RangeError when a table would have more than 2^20 entries.
 */
export function chainFactorGraph({ numVariables, clusters }: ChainGraph): FactorGraph {
  return factorGraph(
    new Array<number>(numVariables).fill(2),
    clusters.map((cluster) => {
      const variables = [...cluster.parents, ...cluster.variables];
      if (variables.length > 20)
        throw new RangeError(
          `a table over ${variables.length} variables (a cluster and its parents) is too large, at most 20`,
        );
      const size = 2 ** cluster.variables.length;
      const table: number[] = [];
      for (let outside = 0; outside < 2 ** cluster.parents.length; outside++) {
        const states = Array.from(cluster.parents, (_, p) => (outside >> (cluster.parents.length - 1 - p)) & 1);
        const logZ = enumerationLogZ(withFields(cluster, states));
        for (let inside = 0; inside < size; inside++) table.push(logZ.logPotentials[inside] - logZ.value);
      }
      return { variables, logPotentials: table };
    }),
  );
}

/** The cluster's Boltzmann machine given its parents' states. */
export function withFields({ machine, parents, parentWeights }: Cluster, states: ArrayLike<number>): BoltzmannMachine {
  const biases = machine.biases.slice();
  for (let v = 0; v < biases.length; v++)
    for (let p = 0; p < parents.length; p++) biases[v] += parentWeights[v * parents.length + p] * states[p];
  return { ...machine, biases };
}
