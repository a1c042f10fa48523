/**
 * Chain graphs of conditional Boltzmann machines (Jaakkola & Jordan 1996, section 3):
 *
 *   P(S) = prod_k P(S_k | S_pa[k])                                                                          (Eq. 15)
 *   P(S_k | S_pa[k]) = exp(sum_i h~_i S_i + sum_(i,j) J_ij S_i S_j) / Z_k(h~, J),   i, j in cluster k       (Eq. 16)
 *   h~_i = h_i + sum_{j in pa[k]} W_ij S_j,   the outside bias                                              (Eq. 17)
 *
 * S in {0,1}^n; weights within a cluster are undirected, weights into it directed. One variable a cluster is a sigmoid
 * belief network, one cluster a Boltzmann machine. Clusters are the components of the undirected weights, so nobody
 * needs to list them.
 */
import { enumerationLogZ } from "./chain-cluster.ts";
import { connectedComponents } from "./components.ts";
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
  /**
   * Float64Array[variables * parents]: W of variable v from parent p at v * parents.length + p; 0 where there is no
   * edge.
   */
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
 * @throws RangeError naming the edge that is out of range or repeated, lies within a cluster, or closes a directed
 *   cycle of clusters.
 */
export function chainGraph(
  biases: ArrayLike<number>,
  undirected: Iterable<WeightedEdge>,
  directed: Iterable<DirectedEdge>,
): ChainGraph {
  const whole = boltzmannMachine(biases, undirected);
  const { count, componentOf } = connectedComponents(whole);
  const incoming = incomingWeights(directed, whole.numVariables, componentOf);
  const members = Array.from({ length: count }, (): number[] => []);
  componentOf.forEach((component, variable) => members[component].push(variable));
  const edges = Array.from({ length: count }, (): number[] => []);
  whole.edgeSources.forEach((source, edge) => edges[componentOf[source]].push(edge));
  const parentsOf = members.map((variables) =>
    Int32Array.from(new Set(variables.flatMap((variable) => [...incoming[variable].keys()]))).sort(),
  );
  const order = parentsFirst(parentsOf, componentOf, members);
  const clusterOf = new Int32Array(whole.numVariables);
  const rank = new Int32Array(whole.numVariables);
  const clusters = order.map((component, cluster): Cluster => {
    const variables = Int32Array.from(members[component]);
    const parents = parentsOf[component];
    const parentWeights = new Float64Array(variables.length * parents.length);
    variables.forEach((variable, v) => {
      clusterOf[variable] = cluster;
      rank[variable] = v;
      parents.forEach((parent, p) => (parentWeights[v * parents.length + p] = incoming[variable].get(parent) ?? 0));
    });
    const machine = boltzmannMachine(
      Array.from(variables, (variable) => biases[variable]),
      edges[component].map((edge): WeightedEdge => {
        return [rank[whole.edgeSources[edge]], rank[whole.edgeTargets[edge]], whole.weights[edge]];
      }),
    );
    return { variables, parents, machine, parentWeights };
  });
  return { kind: "chain-graph", numVariables: whole.numVariables, clusters, clusterOf };
}

/** One map a variable: parent -> weight. @throws RangeError naming the edge that is wrong. */
function incomingWeights(
  directed: Iterable<DirectedEdge>,
  numVariables: number,
  componentOf: Int32Array,
): Map<number, number>[] {
  const incoming = Array.from({ length: numVariables }, () => new Map<number, number>());
  for (const [parent, child, weight] of directed) {
    for (const i of [parent, child])
      if (!Number.isInteger(i) || i < 0 || i >= numVariables)
        throw new RangeError(`edge ${parent} -> ${child}: ${i} is not a variable, expected 0 to ${numVariables - 1}`);
    if (!Number.isFinite(weight))
      throw new RangeError(`the weight of ${parent} -> ${child} must be finite, got ${weight}`);
    if (componentOf[parent] === componentOf[child])
      throw new RangeError(`edge ${parent} -> ${child} lies within a cluster, where weights are undirected`);
    if (incoming[child].has(parent)) throw new RangeError(`edge ${parent} -> ${child} is given twice`);
    incoming[child].set(parent, weight);
  }
  return incoming;
}

/**
 * Components so that parents come first: depth first, on a stack of our own, since a network can be as deep as it has
 * variables.
 * @throws RangeError naming a variable on a directed cycle of clusters.
 */
function parentsFirst(
  parentsOf: readonly Int32Array[],
  componentOf: Int32Array,
  members: readonly (readonly number[])[],
): number[] {
  const order: number[] = [];
  const isDone = new Uint8Array(parentsOf.length);
  const isOpen = new Uint8Array(parentsOf.length);
  const next = new Int32Array(parentsOf.length);
  for (let root = 0; root < parentsOf.length; root++) {
    const path = [root];
    for (let component = root; path.length > 0; component = path[path.length - 1]) {
      if (!isDone[component] && next[component] < parentsOf[component].length) {
        isOpen[component] = 1;
        const parent = componentOf[parentsOf[component][next[component]++]];
        if (isOpen[parent])
          throw new RangeError(`the clusters' directed edges close a cycle through variable ${members[parent][0]}`);
        path.push(parent);
        continue;
      }
      if (!isDone[component]) order.push(component);
      isDone[component] = 1;
      isOpen[component] = 0;
      path.pop();
    }
  }
  return order;
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
