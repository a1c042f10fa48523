/** The exact methods work on factor graphs; pairwise binary models are taken in as such. */
import { fromArrays, type FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { isPairwiseBinaryModel } from "../method.ts";

export type AnyModel = FactorGraph | PairwiseBinaryModel;

/** For error messages and help texts. */
export const anyModelInWords = "a factor graph, a Boltzmann machine or an Ising model";

export function isFactorGraph(model: unknown): model is FactorGraph {
  return (model as { kind?: unknown } | null | undefined)?.kind === "factor-graph";
}

export function canBeFactorGraph(model: unknown): model is AnyModel {
  return isFactorGraph(model) || isPairwiseBinaryModel(model);
}

/**
 * The same distribution with one factor an edge (in order), then one a variable, then the constant. The edges stand first so that
 * factor marginals of a pairwise model are the first `numEdges`.
 */
export function asFactorGraph(model: AnyModel): FactorGraph {
  if (isFactorGraph(model)) return model;
  const { numVariables, numEdges, biases, weights, edgeSources, edgeTargets, logConstant } = model;
  const numFactors = numEdges + numVariables + 1;
  const scopeOffsets = new Int32Array(numFactors + 1);
  const tableOffsets = new Float64Array(numFactors + 1);
  const scopes = new Int32Array(2 * numEdges + numVariables);
  const logPotentials = new Float64Array(4 * numEdges + 2 * numVariables + 1);
  const [low, high] = model.kind === "ising" ? [-1, 1] : [0, 1];
  for (let edge = 0; edge < numEdges; edge++) {
    scopes[2 * edge] = edgeSources[edge];
    scopes[2 * edge + 1] = edgeTargets[edge];
    scopeOffsets[edge + 1] = 2 * (edge + 1);
    const at = 4 * edge;
    logPotentials[at] = weights[edge] * low * low;
    logPotentials[at + 1] = logPotentials[at + 2] = weights[edge] * low * high;
    logPotentials[at + 3] = weights[edge] * high * high;
    tableOffsets[edge + 1] = at + 4;
  }
  for (let i = 0; i < numVariables; i++) {
    scopes[2 * numEdges + i] = i;
    scopeOffsets[numEdges + i + 1] = 2 * numEdges + i + 1;
    const at = 4 * numEdges + 2 * i;
    logPotentials[at] = biases[i] * low;
    logPotentials[at + 1] = biases[i] * high;
    tableOffsets[numEdges + i + 1] = at + 2;
  }
  scopeOffsets[numFactors] = scopes.length;
  logPotentials[logPotentials.length - 1] = logConstant;
  tableOffsets[numFactors] = logPotentials.length;
  return fromArrays(new Int32Array(numVariables).fill(2), scopeOffsets, scopes, tableOffsets, logPotentials);
}
