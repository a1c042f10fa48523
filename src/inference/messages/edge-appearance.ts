/**
 * Edge appearance probabilities rho_e = P(e in T) for a random spanning tree T (of each component): the weights of
 * tree-reweighted methods.
 *
 * Uniform spanning trees: rho_e is the effective resistance of e (Kirchhoff), read from the inverse of the grounded
 * Laplacian
 *   R_ij = G_ii + G_jj - 2 G_ij,    G = L^{-1} with one node of the component left out,
 * and for components too large for that the share of sampled trees (Wilson 1996) that hold e, completed by trees
 * through the edges never drawn. Both lie in the spanning-tree polytope, so bounds that rest on them are bounds, not
 * estimates.
 */
import { connectedComponents, DisjointSets } from "../../graph/components.ts";
import type { Random } from "../../graph/random.ts";
import { adjacency, type Adjacency, type Topology } from "../../graph/topology.ts";

/** A component with more nodes than this has its trees sampled: the inverse costs n^3. */
export const MAX_INVERSE_NODES = 500;
const NUM_SAMPLED_TREES = 50;

/**
 * Float64Array[numEdges]: rho of uniform spanning trees, each in (0, 1]. Draws from `random` for large components
 * alone.
 */
export function uniformEdgeProbabilities(graph: Topology, random: Random): Float64Array {
  const { componentOf, count } = connectedComponents(graph);
  const nodes: number[][] = Array.from({ length: count }, () => []);
  const edges: number[][] = Array.from({ length: count }, () => []);
  componentOf.forEach((component, node) => nodes[component].push(node));
  for (let edge = 0; 2 * edge < graph.edges.length; edge++) edges[componentOf[graph.edges[2 * edge]]].push(edge);
  const probabilities = new Float64Array(graph.edges.length / 2);
  const indexOf = new Int32Array(graph.numNodes);
  for (let component = 0; component < count; component++) {
    const own = nodes[component];
    own.forEach((node, index) => (indexOf[node] = index));
    const part: Topology = {
      numNodes: own.length,
      edges: Int32Array.from(edges[component].flatMap((edge) => [graph.edges[2 * edge], graph.edges[2 * edge + 1]]), (node) => indexOf[node]), // prettier-ignore
    };
    let found: Float64Array;
    if (edges[component].length === own.length - 1) found = new Float64Array(edges[component].length).fill(1);
    else if (own.length <= MAX_INVERSE_NODES) found = effectiveResistances(part);
    else found = treeFrequencies(part, random.split("trees", component));
    edges[component].forEach((edge, index) => (probabilities[edge] = found[index]));
  }
  return probabilities;
}

/** Float64Array[numEdges]: R_e of every edge of a connected graph. */
export function effectiveResistances({ numNodes, edges }: Topology): Float64Array {
  // Node 0 is grounded; rows and columns 1 ... numNodes - 1 remain.
  const n = numNodes - 1;
  const matrix = new Float64Array(n * n);
  const add = (i: number, j: number, value: number): void => {
    if (i > 0 && j > 0) matrix[(i - 1) * n + j - 1] += value;
  };
  for (let end = 0; end < edges.length; end += 2) {
    const [i, j] = [edges[end], edges[end + 1]];
    add(i, i, 1);
    add(j, j, 1);
    add(i, j, -1);
    add(j, i, -1);
  }
  invertPositiveDefinite(matrix, n);
  const entry = (i: number, j: number): number => (i > 0 && j > 0 ? matrix[(i - 1) * n + j - 1] : 0);
  return Float64Array.from({ length: edges.length / 2 }, (_, edge) => {
    const [i, j] = [edges[2 * edge], edges[2 * edge + 1]];
    return Math.min(1, entry(i, i) + entry(j, j) - 2 * entry(i, j));
  });
}

/** Gauss-Jordan in place without pivots, which a positive definite matrix does not need. */
function invertPositiveDefinite(matrix: Float64Array, n: number): void {
  for (let k = 0; k < n; k++) {
    const pivot = 1 / matrix[k * n + k];
    matrix[k * n + k] = 1;
    for (let j = 0; j < n; j++) matrix[k * n + j] *= pivot;
    for (let i = 0; i < n; i++) {
      const factor = matrix[i * n + k];
      if (i === k || factor === 0) continue;
      matrix[i * n + k] = 0;
      for (let j = 0; j < n; j++) matrix[i * n + j] -= factor * matrix[k * n + j];
    }
  }
}

/**
 * The share of trees that hold each edge: uniform trees, then trees that prefer edges not yet seen until all have been.
 */
export function treeFrequencies(graph: Topology, random: Random): Float64Array {
  const counts = new Float64Array(graph.edges.length / 2);
  const neighbours = adjacency(graph);
  let numTrees = 0;
  for (; numTrees < NUM_SAMPLED_TREES; numTrees++)
    for (const edge of uniformSpanningTree(graph.numNodes, neighbours, random)) counts[edge]++;
  for (; counts.includes(0); numTrees++) {
    const unseenFirst = counts.map((count) => (count === 0 ? 1 : 0) + random.uniform(0, 0.5));
    maximumSpanningForest(graph, unseenFirst).forEach((chosen, edge) => (counts[edge] += chosen));
  }
  return counts.map((count) => count / numTrees);
}

/** Wilson's algorithm: loop-erased random walks to the tree, on a connected graph. */
function uniformSpanningTree(numNodes: number, { offsets, neighbours, edges }: Adjacency, random: Random): number[] {
  const inTree = new Uint8Array(numNodes);
  const exits = new Int32Array(numNodes);
  const tree: number[] = [];
  inTree[0] = 1;
  for (let start = 1; start < numNodes; start++) {
    for (let node = start; !inTree[node]; node = neighbours[exits[node]])
      exits[node] = offsets[node] + random.integer(offsets[node + 1] - offsets[node]);
    for (let node = start; !inTree[node]; node = neighbours[exits[node]]) {
      inTree[node] = 1;
      tree.push(edges[exits[node]]);
    }
  }
  return tree;
}

/** Uint8Array[numEdges]: 1 for the edges of a spanning forest of largest total weight (Kruskal). */
export function maximumSpanningForest({ numNodes, edges }: Topology, weights: Float64Array): Uint8Array {
  const order = Int32Array.from(weights, (_, edge) => edge).sort((a, b) => weights[b] - weights[a] || a - b);
  const sets = new DisjointSets(numNodes);
  const chosen = new Uint8Array(weights.length);
  for (const edge of order) if (sets.join(edges[2 * edge], edges[2 * edge + 1])) chosen[edge] = 1;
  return chosen;
}
