/**
 * A factor graph with factors of at most two variables as a Markov network: one table a variable, one table a pair.
 * Tree-reweighted methods count pairs, not factors, so all factors of one pair must share one table.
 */
import { describeFactor, fromArrays, scopeOf, tableOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { markovNetwork, type Topology } from "../../graph/topology.ts";

export interface PairwiseMarkovNetwork {
  /** Edge e joins edges[2 e] < edges[2 e + 1]. */
  readonly topology: Topology;
  /** Factor i (i < numVariables) is variable i's, factor numVariables + e is edge e's, smaller variable first. */
  readonly graph: FactorGraph;
  /** Sum of the constant factors, natural log. */
  readonly logConstant: number;
  /** Int32Array[numFactors of the original]: its factor in `graph`, -1 for a constant. */
  readonly factorOf: Int32Array;
}

/** @throws RangeError naming a factor of more than two variables. */
export function pairwiseMarkovNetwork(original: FactorGraph, method: string): PairwiseMarkovNetwork {
  const { numVariables, numFactors, cardinalities } = original;
  for (let factor = 0; factor < numFactors; factor++) {
    const scope = scopeOf(original, factor);
    if (scope.length > 2)
      throw new RangeError(
        `${method} takes factors of at most two variables, but ${describeFactor(factor, scope)} has ${scope.length}. ` +
          "Use bp, fractional-bp or gbp",
      );
  }
  const topology = markovNetwork(original);
  const numEdges = topology.edges.length / 2;
  const edgeOf = new Map<number, number>();
  for (let edge = 0; edge < numEdges; edge++)
    edgeOf.set(topology.edges[2 * edge] * numVariables + topology.edges[2 * edge + 1], edge);

  const scopeOffsets = new Int32Array(numVariables + numEdges + 1);
  const tableOffsets = new Float64Array(numVariables + numEdges + 1);
  const scopes = new Int32Array(numVariables + 2 * numEdges);
  for (let i = 0; i < numVariables; i++) {
    scopes[i] = i;
    scopeOffsets[i + 1] = i + 1;
    tableOffsets[i + 1] = tableOffsets[i] + cardinalities[i];
  }
  scopes.set(topology.edges, numVariables);
  for (let edge = 0, factor = numVariables; edge < numEdges; edge++, factor++) {
    scopeOffsets[factor + 1] = scopeOffsets[factor] + 2;
    const [source, target] = [topology.edges[2 * edge], topology.edges[2 * edge + 1]];
    tableOffsets[factor + 1] = tableOffsets[factor] + cardinalities[source] * cardinalities[target];
  }
  const logPotentials = new Float64Array(tableOffsets[numVariables + numEdges]);
  const factorOf = new Int32Array(numFactors);
  let logConstant = 0;
  for (let factor = 0; factor < numFactors; factor++) {
    const [first, second] = scopeOf(original, factor);
    const table = tableOf(original, factor);
    if (first === undefined) {
      factorOf[factor] = -1;
      logConstant += table[0];
      continue;
    }
    const [smaller, larger] = [Math.min(first, second), Math.max(first, second)];
    factorOf[factor] = second === undefined ? first : numVariables + edgeOf.get(smaller * numVariables + larger)!;
    const start = tableOffsets[factorOf[factor]];
    if (second === undefined || first < second) table.forEach((entry, at) => (logPotentials[start + at] += entry));
    else transpose(table, cardinalities[first], (entry, at) => (logPotentials[start + at] += entry));
  }
  const graph = fromArrays(cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials);
  return { topology, graph, logConstant, factorOf };
}

/** Beliefs of the network's factors as beliefs of the original's: float64s in the original's table order. */
export function beliefsOfOriginal(
  original: FactorGraph,
  network: PairwiseMarkovNetwork,
  beliefs: Float64Array,
): Float64Array {
  const result = new Float64Array(original.logPotentials.length);
  for (let factor = 0; factor < original.numFactors; factor++) {
    const start = original.tableOffsets[factor];
    if (network.factorOf[factor] < 0) {
      result[start] = 1;
      continue;
    }
    const [first, second] = scopeOf(original, factor);
    const from = network.graph.tableOffsets[network.factorOf[factor]];
    const belief = beliefs.subarray(from, from + original.tableOffsets[factor + 1] - start);
    if (second === undefined || first < second) result.set(belief, start);
    else transpose(belief, original.cardinalities[second], (entry, at) => (result[start + at] = entry));
  }
  return result;
}

/** Calls `put` with each entry of a row-major table of `rows` rows and its index in the transposed table. */
function transpose(table: Float64Array, rows: number, put: (entry: number, at: number) => void): void {
  const columns = table.length / rows;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) put(table[row * columns + column], column * rows + row);
}
