/** A joint state that no factor forbids: where methods begin that must stay inside the support. */
import { scopeOf, tableOf, factorGraph, type FactorGraph } from "../../graph/factor-graph.ts";
import type { Random } from "../../graph/random.ts";
import { branchAndBound } from "../exact/branch-and-bound.ts";

/** Seconds to look for one, unless the caller has less. */
const SEARCH_SECONDS = 10;
/** Any state will do. */
const ANY_GAP = 1e300;

/**
 * The first state found; "impossible" when it is proven that there is none, undefined when that is open.
 * @param perturbed the best state after Gumbel noise on every variable, as far as found in time: about a random one.
 */
export function possibleState(
  graph: FactorGraph,
  random: Random,
  seconds = SEARCH_SECONDS,
  perturbed = false,
): Int32Array | "impossible" | undefined {
  const noise = Array.from(perturbed ? graph.cardinalities : [], (cardinality, variable) => ({
    variables: [variable],
    logPotentials: Array.from(
      { length: cardinality },
      () => -Math.log(Math.max(-Math.log1p(-random.uniform()), 1e-300)),
    ),
  }));
  const factors = Array.from({ length: graph.numFactors }, (_, factor) => ({
    variables: scopeOf(graph, factor),
    logPotentials: tableOf(graph, factor),
  }));
  const asked = perturbed ? factorGraph(graph.cardinalities, [...factors, ...noise]) : graph;
  const { map, logZ } = branchAndBound(
    asked,
    { seconds: Math.min(seconds, SEARCH_SECONDS), gap: perturbed ? 0 : ANY_GAP },
    { random },
  );
  return map ? map.states : logZ === -Infinity ? "impossible" : undefined;
}
