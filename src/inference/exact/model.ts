/** The exact methods work on factor graphs; pairwise binary models are taken in as such. */
import { toFactorGraph } from "../../graph/convert.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import type { PairwiseBinaryModel } from "../../graph/pairwise.ts";
import { isPairwiseBinaryModel } from "../method.ts";
import { Marginals } from "../result.ts";

export type AnyModel = FactorGraph | PairwiseBinaryModel;

/** For error messages and help texts. */
export const ANY_MODEL_IN_WORDS = "a factor graph, a Boltzmann machine or an Ising model";

export function isFactorGraph(model: unknown): model is FactorGraph {
  return (model as { kind?: unknown } | null | undefined)?.kind === "factor-graph";
}

export function canBeFactorGraph(model: unknown): model is AnyModel {
  return isFactorGraph(model) || isPairwiseBinaryModel(model);
}

export function asFactorGraph(model: AnyModel): FactorGraph {
  return isFactorGraph(model) ? model : toFactorGraph(model);
}

/**
 * A pairwise model's factor marginals are those of its edges: in its factor graph they stand between the variables and
 * the constant.
 */
export function edgeMarginals({ numVariables, numEdges }: PairwiseBinaryModel, { values }: Marginals): Marginals {
  const start = 2 * numVariables;
  const offsets = Int32Array.from({ length: numEdges + 1 }, (_, edge) => 4 * edge);
  return new Marginals(values.slice(start, start + 4 * numEdges), offsets);
}
