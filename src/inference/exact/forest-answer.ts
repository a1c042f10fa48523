/**
 * Exact answers on large forests, by messages from the leaves to the roots and back. The same sums as on a bucket tree,
 * but on flat arrays in time and memory linear in the model, where an elimination order, its buckets and their tables
 * are small objects by the million.
 */
import { isForest } from "../../graph/components.ts";
import type { FactorGraph } from "../../graph/factor-graph.ts";
import { beliefPropagation, maxProduct } from "../messages/belief-propagation.ts";
import { impossible, type ExactAnswer, type Wanted } from "./tree-answer.ts";

/** Below this many variables planning costs nothing that anybody would notice. */
const LARGE_FOREST = 5000;

export function isLargeForest(graph: FactorGraph): boolean {
  return graph.numVariables >= LARGE_FOREST && isForest(graph);
}

/** What is wanted of a forest; undefined when numbers left float64's range, which elimination may still hold. */
export function forestAnswer(graph: FactorGraph, wanted: Wanted): ExactAnswer | undefined {
  const answer: { -readonly [Key in keyof ExactAnswer]: ExactAnswer[Key] } = {};
  if (wanted.logZ) {
    const { bound, logZ, marginals, factorMarginals } = beliefPropagation(graph, { schedule: "tree" });
    if (logZ === -Infinity) return impossible;
    if (bound !== "exact" || logZ === undefined) return undefined;
    answer.logZ = logZ;
    if (wanted.marginals && marginals && factorMarginals) Object.assign(answer, { marginals, factorMarginals });
  }
  if (wanted.map) {
    const { logZ, map } = maxProduct(graph, { schedule: "tree" });
    if (logZ === -Infinity) return impossible;
    if (map?.upperBound === undefined) return undefined;
    answer.map = map;
  }
  return answer;
}
