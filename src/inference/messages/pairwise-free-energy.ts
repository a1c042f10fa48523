/**
 * Beliefs and Bethe's estimate of ln Z for Ising models, from log-ratio messages u.
 *
 *   b_i(x) ~ exp(H_i x / 2),    b_ij(x, y) ~ exp(J_ij x y / rho_ij + (H_i - u_{j->i}) x / 2 + (H_j - u_{i->j}) y / 2)
 *   ln Z ~ c + sum_i [ b_i <x_i> + (1 - sum_j rho_ij) H(b_i) ] + sum_ij [ J_ij <x_i x_j> + rho_ij H(b_ij) ]
 *
 * The same as free-energy.ts, without tables.
 */
import type { IsingModel } from "../../graph/pairwise.ts";
import { CompensatedSum } from "../compensated-sum.ts";
import { entropy, normaliseLogs } from "./free-energy.ts";

/**
 * Int32Array[2 numEdges], in the order of the model's neighbours: the message that comes from each neighbour. Messages
 * stand at 2 edge (source to target) and 2 edge + 1 (back), so the message to that neighbour is the same index with its
 * last bit flipped.
 */
export function incomingMessages({
  numVariables,
  neighbourOffsets,
  neighbours,
  neighbourEdges,
}: IsingModel): Int32Array {
  const messages = new Int32Array(neighbours.length);
  for (let variable = 0; variable < numVariables; variable++)
    for (let at = neighbourOffsets[variable]; at < neighbourOffsets[variable + 1]; at++)
      messages[at] = 2 * neighbourEdges[at] + (neighbours[at] > variable ? 1 : 0);
  return messages;
}

/** Float64Array[numVariables]: H_i = 2 b_i + sum_k rho_ki u_{k->i}, the log ratio of each variable's belief. */
export function logRatiosOfBeliefs(
  model: IsingModel,
  messages: Float64Array,
  countingNumbers?: Float64Array,
): Float64Array {
  const { numEdges, edgeSources, edgeTargets } = model;
  const fields = model.biases.map((bias) => 2 * bias);
  for (let edge = 0; edge < numEdges; edge++) {
    const weight = countingNumbers ? countingNumbers[edge] : 1;
    fields[edgeTargets[edge]] += weight * messages[2 * edge];
    fields[edgeSources[edge]] += weight * messages[2 * edge + 1];
  }
  return fields;
}

/**
 * ln of the unnormalised belief of an edge, over (-,-), (-,+), (+,-), (+,+) of (source, target), into `into` at
 * `start`.
 */
export function edgeLogBelief(
  model: IsingModel,
  edge: number,
  fields: Float64Array,
  messages: Float64Array,
  weight: number,
  into: Float64Array,
  start: number,
): void {
  const coupling = model.weights[edge] / weight;
  const source = (fields[model.edgeSources[edge]] - messages[2 * edge + 1]) / 2;
  const target = (fields[model.edgeTargets[edge]] - messages[2 * edge]) / 2;
  into[start] = coupling - source - target;
  into[start + 1] = -coupling - source + target;
  into[start + 2] = -coupling + source - target;
  into[start + 3] = coupling + source + target;
}

export interface PairwiseBeliefs {
  /** Float64Array[2 numVariables]. */
  readonly variables: Float64Array;
  /** Float64Array[4 numEdges]: over (source, target), the target changing fastest. */
  readonly edges: Float64Array;
  /** Bethe's estimate of ln Z, natural log. */
  readonly logZ: number;
}

/** @param messages Float64Array[2 numEdges]: u from source to target at 2 edge, back at 2 edge + 1. */
export function pairwiseBeliefs(
  model: IsingModel,
  messages: Float64Array,
  countingNumbers?: Float64Array,
): PairwiseBeliefs {
  const { numVariables, numEdges, biases, weights, edgeSources, edgeTargets } = model;
  const fields = logRatiosOfBeliefs(model, messages, countingNumbers);
  const variables = new Float64Array(2 * numVariables);
  const edges = new Float64Array(4 * numEdges);
  const counts = new Float64Array(numVariables).fill(1);
  const logZ = new CompensatedSum();
  logZ.add(model.logConstant);
  for (let edge = 0; edge < numEdges; edge++) {
    const weight = countingNumbers ? countingNumbers[edge] : 1;
    const start = 4 * edge;
    edgeLogBelief(model, edge, fields, messages, weight, edges, start);
    normaliseLogs(edges, start, start + 4);
    const correlation = edges[start] + edges[start + 3] - edges[start + 1] - edges[start + 2];
    logZ.add(weights[edge] * correlation);
    logZ.add(weight * entropy(edges, start, start + 4));
    counts[edgeSources[edge]] -= weight;
    counts[edgeTargets[edge]] -= weight;
  }
  for (let i = 0; i < numVariables; i++) {
    variables[2 * i + 1] = fields[i];
    normaliseLogs(variables, 2 * i, 2 * i + 2);
    logZ.add(biases[i] * (variables[2 * i + 1] - variables[2 * i]));
    logZ.add(counts[i] * entropy(variables, 2 * i, 2 * i + 2));
  }
  return { variables, edges, logZ: logZ.value };
}
