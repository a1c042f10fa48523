/**
 * Clusters of variables that are trees of the Markov network, for structured mean field: edges are taken in, strongest
 * interaction first, as long as every cluster stays a tree with all edges among its variables. On a 2D grid that leaves
 * about a third of the edges between clusters.
 */
import { DisjointSets } from "../../graph/components.ts";
import { scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { adjacency, markovNetwork } from "../../graph/topology.ts";

/** Int32Array[numVariables]: the cluster of each variable, numbered from 0. */
export function treeClusters(graph: FactorGraph): Int32Array {
  const network = markovNetwork(graph);
  const { offsets, neighbours } = adjacency(network);
  const numEdges = network.edges.length / 2;
  const strengths = interactionStrengths(graph, network.edges);
  const order = Int32Array.from({ length: numEdges }, (_, edge) => edge).sort((a, b) => strengths[b] - strengths[a] || a - b); // prettier-ignore
  const sets = new DisjointSets(graph.numVariables);
  const members = Array.from({ length: graph.numVariables }, (_, variable) => [variable]);
  for (const edge of order) {
    const [first, second] = [sets.find(network.edges[2 * edge]), sets.find(network.edges[2 * edge + 1])];
    if (first === second) continue;
    const [smaller, larger] = members[first].length < members[second].length ? [first, second] : [second, first];
    let between = 0;
    for (const variable of members[smaller])
      for (let at = offsets[variable]; at < offsets[variable + 1] && between < 2; at++)
        if (sets.find(neighbours[at]) === larger) between++;
    if (between > 1) continue;
    const joined = members[larger].concat(members[smaller]);
    sets.join(first, second);
    members[sets.find(first)] = joined;
  }
  return numbered(Array.from({ length: graph.numVariables }, (_, variable) => sets.find(variable)));
}

/** Int32Array: labels as numbers from 0, in the order in which they first occur. */
export function numbered(labels: readonly (number | string)[]): Int32Array {
  const numbers = new Map<number | string, number>();
  return Int32Array.from(labels, (label) => {
    if (!numbers.has(label)) numbers.set(label, numbers.size);
    return numbers.get(label)!;
  });
}

/**
 * For each edge of the Markov network how far its factors are from a sum of functions of one variable each, natural
 * log.
 */
function interactionStrengths(graph: FactorGraph, edges: Int32Array): Float64Array {
  const { numVariables, numFactors, cardinalities } = graph;
  const edgeOf = new Map<number, number>();
  for (let edge = 0; 2 * edge < edges.length; edge++)
    edgeOf.set(edges[2 * edge] * numVariables + edges[2 * edge + 1], edge);
  const strengths = new Float64Array(edges.length / 2);
  for (let factor = 0; factor < numFactors; factor++) {
    const scope = scopeOf(graph, factor);
    if (scope.length < 2) continue;
    const table = tableOf(graph, factor);
    const strength = scope.length === 2 ? interaction(table, cardinalities[scope[1]]) : range(table) / 2;
    for (let a = 0; a < scope.length; a++)
      for (let b = a + 1; b < scope.length; b++) {
        const key = Math.min(scope[a], scope[b]) * numVariables + Math.max(scope[a], scope[b]);
        strengths[edgeOf.get(key)!] += strength;
      }
  }
  return strengths;
}

/** The largest entry of a table without its row and column means; |J| for an Ising pair. */
function interaction(table: Float64Array, numColumns: number): number {
  if (table.includes(-Infinity)) return Infinity;
  const numRows = table.length / numColumns;
  const rows = new Float64Array(numRows);
  const columns = new Float64Array(numColumns);
  let mean = 0;
  table.forEach((entry, at) => {
    rows[Math.floor(at / numColumns)] += entry / numColumns;
    columns[at % numColumns] += entry / numRows;
    mean += entry / table.length;
  });
  return table.reduce(
    (most, entry, at) => Math.max(most, Math.abs(entry - rows[Math.floor(at / numColumns)] - columns[at % numColumns] + mean)), // prettier-ignore
    0,
  );
}

function range(table: Float64Array): number {
  return table.reduce((a, b) => Math.max(a, b)) - table.reduce((a, b) => Math.min(a, b));
}
