/**
 * Between pairwise binary models and factor graphs, with the same ln p~ of every state, so the same ln Z.
 *
 *     ln psi_i(x_i) = b_i x_i,   ln psi_ij(x_i, x_j) = J_ij x_i x_j,   and back, for a table t(x_i, x_j) over -1/+1
 *     variables:
 *     J_ij = (t-- - t-+ - t+- + t++) / 4,   b_i = (t+- + t++ - t-- - t-+) / 4,   c = (t-- + t-+ + t+- + t++) / 4
 */
import { fromArrays, type FactorGraph } from "./factor-graph.ts";
import { pairwiseFromArrays, type IsingModel, type PairwiseBinaryModel } from "./pairwise.ts";

/**
 * A pairwise model as a factor graph. Factor i (i < numVariables) is variable i's bias, factor numVariables + e is edge
 * e; a constant other than 0 is the last factor, over no variables.
 */
export function toFactorGraph(model: PairwiseBinaryModel): FactorGraph {
  const { numVariables, numEdges, biases, edgeSources, edgeTargets, weights, logConstant } = model;
  const numFactors = numVariables + numEdges + (logConstant === 0 ? 0 : 1);
  const scopeOffsets = new Int32Array(numFactors + 1);
  const tableOffsets = new Float64Array(numFactors + 1);
  const scopes = new Int32Array(numVariables + 2 * numEdges);
  const logPotentials = new Float64Array(2 * numVariables + 4 * numEdges + (logConstant === 0 ? 0 : 1));
  const low = model.kind === "ising" ? -1 : 0; // the value of state 0; state 1 is 1 in both kinds
  for (let i = 0; i < numVariables; i++) {
    scopes[i] = i;
    scopeOffsets[i + 1] = i + 1;
    tableOffsets[i + 1] = 2 * i + 2;
    logPotentials[2 * i] = low * biases[i];
    logPotentials[2 * i + 1] = biases[i];
  }
  for (let edge = 0; edge < numEdges; edge++) {
    const factor = numVariables + edge;
    const at = numVariables + 2 * edge;
    scopes[at] = edgeSources[edge];
    scopes[at + 1] = edgeTargets[edge];
    scopeOffsets[factor + 1] = at + 2;
    const table = 2 * numVariables + 4 * edge;
    tableOffsets[factor + 1] = table + 4;
    logPotentials[table] = low * low * weights[edge];
    logPotentials[table + 1] = logPotentials[table + 2] = low * weights[edge];
    logPotentials[table + 3] = weights[edge];
  }
  if (logConstant !== 0) {
    scopeOffsets[numFactors] = scopes.length;
    tableOffsets[numFactors] = logPotentials.length;
    logPotentials[logPotentials.length - 1] = logConstant;
  }
  return fromArrays(new Int32Array(numVariables).fill(2), scopeOffsets, scopes, tableOffsets, logPotentials);
}

/** Why a factor graph is no pairwise binary model; undefined if it is one. */
export function pairwiseBinaryObstacle(graph: FactorGraph): string | undefined {
  const variable = graph.cardinalities.findIndex((cardinality) => cardinality !== 2);
  if (variable >= 0) return `variable ${variable} has ${graph.cardinalities[variable]} states, not 2`;
  for (let factor = 0; factor < graph.numFactors; factor++) {
    const arity = graph.scopeOffsets[factor + 1] - graph.scopeOffsets[factor];
    if (arity > 2) return `factor ${factor} joins ${arity} variables, not at most 2`;
    for (let index = graph.tableOffsets[factor]; index < graph.tableOffsets[factor + 1]; index++)
      if (!Number.isFinite(graph.logPotentials[index])) return `factor ${factor} forbids a state (ln psi = -Infinity)`;
  }
  return undefined;
}

/**
 * A factor graph as an Ising model, for the specialised methods: factors over the same variables are added up.
 * @returns undefined if there is an obstacle (see pairwiseBinaryObstacle): a variable of other than two states, a
 *   factor of more than
 * two variables, a forbidden state.
 */
export function toPairwiseBinary(graph: FactorGraph): IsingModel | undefined {
  if (pairwiseBinaryObstacle(graph) !== undefined) return undefined;
  const { numVariables, numFactors, scopeOffsets, scopes, tableOffsets, logPotentials } = graph;
  const biases = new Float64Array(numVariables);
  const pairFactors: number[] = [];
  let logConstant = 0;
  for (let factor = 0; factor < numFactors; factor++) {
    const edge = scopeOffsets[factor];
    const arity = scopeOffsets[factor + 1] - edge;
    const at = tableOffsets[factor];
    if (arity === 0) logConstant += logPotentials[at];
    else if (arity === 1) {
      biases[scopes[edge]] += (logPotentials[at + 1] - logPotentials[at]) / 2;
      logConstant += (logPotentials[at] + logPotentials[at + 1]) / 2;
    } else pairFactors.push(factor);
  }
  // A pair as one number, smaller variable first, so that equal pairs become neighbours.
  const keyOf = (factor: number): number => {
    const [i, j] = [scopes[scopeOffsets[factor]], scopes[scopeOffsets[factor] + 1]];
    return Math.min(i, j) * numVariables + Math.max(i, j);
  };
  const keys = Float64Array.from(pairFactors, keyOf);
  const order = Float64Array.from(pairFactors, (_, index) => index).sort((a, b) => keys[a] - keys[b]);
  const edgeSources = new Int32Array(order.length);
  const edgeTargets = new Int32Array(order.length);
  const weights = new Float64Array(order.length);
  let numEdges = 0;
  order.forEach((index, position) => {
    const factor = pairFactors[index];
    const [i, j] = [scopes[scopeOffsets[factor]], scopes[scopeOffsets[factor] + 1]];
    const at = tableOffsets[factor];
    const [lowLow, lowHigh, highLow, highHigh] = [0, 1, 2, 3].map((entry) => logPotentials[at + entry]);
    if (position === 0 || keys[index] !== keys[order[position - 1]]) {
      edgeSources[numEdges] = Math.min(i, j);
      edgeTargets[numEdges++] = Math.max(i, j);
    }
    weights[numEdges - 1] += (lowLow - lowHigh - highLow + highHigh) / 4;
    biases[i] += (highLow + highHigh - lowLow - lowHigh) / 4;
    biases[j] += (lowHigh + highHigh - lowLow - highLow) / 4;
    logConstant += (lowLow + lowHigh + highLow + highHigh) / 4;
  });
  return pairwiseFromArrays(
    "ising",
    biases,
    edgeSources.slice(0, numEdges),
    edgeTargets.slice(0, numEdges),
    weights.slice(0, numEdges),
    logConstant,
  );
}
