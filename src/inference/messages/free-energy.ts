/**
 * Beliefs from messages, and the free energies that ln Z is read from.
 *
 *   ln b_i = sum_{f in N(i)} c_f ln m_{f->i} + const,     ln b_f = theta_f / c_f + sum_{i in f} ln n_{i->f} + const
 *   ln Z ~ sum_f [ <theta_f>_{b_f} + c_f H(b_f) ] + sum_i (1 - sum_{f in N(i)} c_f) H(b_i)
 *
 * With all counting numbers c_f = 1 that is Bethe's free energy, negated (Yedidia, Freeman & Weiss 2005, Eq. 37), with
 * c_f = rho_f the tree-reweighted one. 0 ln 0 = 0, so forbidden states cost nothing.
 */
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { CompensatedSum } from "../compensated-sum.ts";
import { messageOffsetsOf } from "./contraction.ts";

export interface Beliefs {
  /** Float64Array: one distribution a variable, end to end. */
  readonly variables: Float64Array;
  /** Float64Array, as the graph's logPotentials: one distribution a factor, end to end. */
  readonly factors: Float64Array;
}

/**
 * Beliefs of variables and factors.
 * @param logMessages natural logs, factor to variable, as the kernels hold them.
 * @param countingNumbers c_f; absent: all 1.
 * @returns undefined when some belief cannot be normalised: it has no possible state, or numbers left float64's range.
 */
export function beliefsOf(
  graph: FactorGraph,
  logMessages: Float64Array,
  countingNumbers?: Float64Array,
): Beliefs | undefined {
  const { numVariables, numFactors, cardinalities, scopes, scopeOffsets, tableOffsets, logPotentials } = graph;
  const { variableEdgeOffsets, variableEdges, edgeFactors } = graph;
  const offsets = messageOffsetsOf(graph);
  const variableOffsets = variableOffsetsOf(cardinalities);
  const variables = new Float64Array(variableOffsets[numVariables]);
  const factors = new Float64Array(logPotentials.length);
  const incoming = new Float64Array(logMessages.length);
  for (let variable = 0; variable < numVariables; variable++) {
    const width = cardinalities[variable];
    const base = variableOffsets[variable];
    const first = variableEdgeOffsets[variable];
    const end = variableEdgeOffsets[variable + 1];
    for (let state = 0; state < width; state++) {
      let total = 0;
      let forbidden = 0;
      for (let at = first; at < end; at++) {
        const entry = logMessages[offsets[variableEdges[at]] + state];
        if (entry === -Infinity) forbidden++;
        else total += (countingNumbers ? countingNumbers[edgeFactors[variableEdges[at]]] : 1) * entry;
      }
      variables[base + state] = forbidden > 0 ? -Infinity : total;
      for (let at = first; at < end; at++) {
        const edge = variableEdges[at];
        const own = logMessages[offsets[edge] + state];
        const isWhole = !countingNumbers || countingNumbers[edgeFactors[edge]] === 1;
        const others = own === -Infinity && isWhole ? forbidden - 1 : forbidden;
        incoming[offsets[edge] + state] = others > 0 ? -Infinity : own === -Infinity ? total : total - own;
      }
    }
    if (!normaliseLogs(variables, base, base + width)) return undefined;
  }
  for (let factor = 0; factor < numFactors; factor++) {
    const start = tableOffsets[factor];
    const weight = countingNumbers ? countingNumbers[factor] : 1;
    const end = tableOffsets[factor + 1];
    factors[start] = 0;
    let size = 1;
    for (let edge = scopeOffsets[factor]; edge < scopeOffsets[factor + 1]; edge++) {
      const width = cardinalities[scopes[edge]];
      for (let row = size - 1; row >= 0; row--) {
        const sum = factors[start + row];
        for (let state = width - 1; state >= 0; state--)
          factors[start + row * width + state] = sum + incoming[offsets[edge] + state];
      }
      size *= width;
    }
    for (let at = start; at < end; at++) factors[at] += logPotentials[at] / weight;
    if (!normaliseLogs(factors, start, end)) return undefined;
  }
  return { variables, factors };
}

/** Int32Array[numVariables + 1]: where each variable's distribution stands. */
export function variableOffsetsOf(cardinalities: Int32Array): Int32Array {
  const offsets = new Int32Array(cardinalities.length + 1);
  cardinalities.forEach((cardinality, variable) => (offsets[variable + 1] = offsets[variable] + cardinality));
  return offsets;
}

/** Int32Array[count + 1]: 0, size, 2 size, ... */
export function evenOffsets(count: number, size: number): Int32Array {
  const offsets = new Int32Array(count + 1);
  for (let item = 0; item <= count; item++) offsets[item] = item * size;
  return offsets;
}

/**
 * Logs -> probabilities in place, between `start` and `end`; false when all are -Infinity, or some are Infinity or NaN.
 */
export function normaliseLogs(values: Float64Array, start: number, end: number): boolean {
  let largest = -Infinity;
  for (let at = start; at < end; at++) if (values[at] > largest) largest = values[at];
  if (largest === -Infinity) return false;
  const sum = new CompensatedSum();
  for (let at = start; at < end; at++) sum.add((values[at] = Math.exp(values[at] - largest)));
  const total = sum.value;
  for (let at = start; at < end; at++) values[at] /= total;
  return Number.isFinite(total);
}

/** -sum p ln p between `start` and `end`, natural log. */
export function entropy(probabilities: Float64Array, start: number, end: number): number {
  const sum = new CompensatedSum();
  for (let at = start; at < end; at++)
    if (probabilities[at] > 0) sum.add(-probabilities[at] * Math.log(probabilities[at]));
  return sum.value;
}

/** <theta> under `probabilities`, both standing between `start` and `end`; impossible states cost nothing. */
export function expectation(probabilities: Float64Array, values: Float64Array, start: number, end: number): number {
  const sum = new CompensatedSum();
  for (let at = start; at < end; at++) if (probabilities[at] > 0) sum.add(probabilities[at] * values[at]);
  return sum.value;
}

/**
 * The estimate of ln Z, natural log: Bethe's, or with counting numbers the weighted one. A belief in a state that a
 * factor forbids gives -Infinity.
 * @param countingNumbers c_f; absent: all 1.
 */
export function betheLogZ(graph: FactorGraph, beliefs: Beliefs, countingNumbers?: Float64Array): number {
  const { numVariables, numFactors, cardinalities, tableOffsets, variableEdgeOffsets, variableEdges, edgeFactors } =
    graph;
  const total = new CompensatedSum();
  for (let factor = 0; factor < numFactors; factor++) {
    const start = tableOffsets[factor];
    const end = tableOffsets[factor + 1];
    const weight = countingNumbers ? countingNumbers[factor] : 1;
    total.add(expectation(beliefs.factors, graph.logPotentials, start, end));
    total.add(weight * entropy(beliefs.factors, start, end));
  }
  let base = 0;
  for (let variable = 0; variable < numVariables; variable++) {
    let count = 1;
    for (let at = variableEdgeOffsets[variable]; at < variableEdgeOffsets[variable + 1]; at++)
      count -= countingNumbers ? countingNumbers[edgeFactors[variableEdges[at]]] : 1;
    if (count !== 0) total.add(count * entropy(beliefs.variables, base, base + cardinalities[variable]));
    base += cardinalities[variable];
  }
  return total.value;
}
