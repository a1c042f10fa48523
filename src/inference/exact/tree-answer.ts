/** From a bucket tree to answers: ln Z, marginals, a most probable state, whichever are wanted. */
import { logScore, scopeOf, type FactorGraph } from "../../graph/factor-graph.ts";
import { Marginals, type InferenceResult } from "../result.ts";
import { restrictionIndices, type BucketTree } from "./bucket-tree.ts";
import { maxElimination } from "./max-elimination.ts";
import type { Keeps } from "./plan.ts";
import { SumElimination } from "./sum-elimination.ts";

export interface Wanted {
  readonly logZ: boolean;
  /** Of variables and of factors; needs logZ. */
  readonly marginals: boolean;
  readonly map: boolean;
}

/** When no state is possible, logZ is -Infinity and everything else is absent. */
export type ExactAnswer = Pick<InferenceResult, "logZ" | "marginals" | "factorMarginals" | "map">;

export const impossible: ExactAnswer = { logZ: -Infinity };

export function keepsFor({ marginals, map }: Wanted): Keeps {
  return marginals ? "messages" : map ? "argmaxes" : "nothing";
}

export function answerOnTree(graph: FactorGraph, tree: BucketTree, wanted: Wanted): ExactAnswer {
  const answer: { -readonly [Key in keyof ExactAnswer]: ExactAnswer[Key] } = {};
  if (wanted.logZ) {
    const sum = new SumElimination(tree, wanted.marginals);
    if (sum.logZ === -Infinity) return impossible;
    answer.logZ = sum.logZ;
    if (wanted.marginals) Object.assign(answer, marginalsOf(graph, tree, sum));
  }
  if (wanted.map) {
    const { states } = maxElimination(tree);
    if (!states) return impossible;
    const score = logScore(graph, states);
    answer.map = { states, score, upperBound: score };
  }
  return answer;
}

function marginalsOf(
  graph: FactorGraph,
  tree: BucketTree,
  sum: SumElimination,
): Required<Pick<ExactAnswer, "marginals" | "factorMarginals">> {
  const offsets = new Int32Array(graph.numVariables + 1);
  for (let i = 0; i < graph.numVariables; i++) offsets[i + 1] = offsets[i] + graph.cardinalities[i];
  const marginals = new Marginals(new Float64Array(offsets[graph.numVariables]), offsets);
  const factorMarginals = new Marginals(
    new Float64Array(graph.logPotentials.length),
    Int32Array.from(graph.tableOffsets),
  );
  sum.distribute((variable, marginal, localMarginals) => {
    marginals.of(variable).set(marginal);
    tree.buckets[variable].locals.forEach((local, k) => {
      const joint = localMarginals[k];
      for (const factor of local.factors) {
        const indices = restrictionIndices(local.scope, scopeOf(graph, factor), graph.cardinalities);
        const into = factorMarginals.of(factor);
        for (let index = 0; index < joint.length; index++) into[indices[index]] += joint[index];
      }
    });
  });
  return { marginals, factorMarginals };
}
