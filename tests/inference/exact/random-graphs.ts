/** Small random factor graphs with everything that is legal in them; the oracle is a plain loop over all states. */
import { factorGraph, logScore, type FactorGraph, type FactorInput } from "../../../src/graph/factor-graph.ts";
import type { Random } from "../../../src/graph/random.ts";

export interface RandomGraphOptions {
  readonly maxVariables?: number;
  /** Probability of -Infinity for a table's entry. */
  readonly zeros?: number;
  /** ln psi is normal with this standard deviation. */
  readonly spread?: number;
}

/**
 * Up to `maxVariables` variables of 1-4 states, factors of arity 0-4, isolated variables and several components as they
 * fall.
 */
export function randomFactorGraph(
  random: Random,
  { maxVariables = 7, zeros = 0.1, spread = 1.5 }: RandomGraphOptions = {},
): FactorGraph {
  const numVariables = 1 + random.integer(maxVariables);
  const cardinalities = Array.from({ length: numVariables }, () => [1, 2, 2, 2, 3, 4][random.integer(6)]);
  const numFactors = random.integer(2 * numVariables + 1);
  const factors = Array.from({ length: numFactors }, (): FactorInput => {
    const arity = Math.min(numVariables, random.integer(5));
    const variables = Array.from(random.permutation(numVariables)).slice(0, arity);
    const size = variables.reduce((product, variable) => product * cardinalities[variable], 1);
    const logPotentials = Array.from({ length: size }, () =>
      random.bernoulli(zeros) ? -Infinity : random.normal(0, spread),
    );
    return { variables, logPotentials };
  });
  return factorGraph(cardinalities, factors);
}

export interface BruteForce {
  readonly logZ: number;
  readonly marginals: number[][];
  readonly factorMarginals: number[][];
  readonly maxScore: number;
  /** Scores of all states, best first. */
  readonly scores: number[];
}

export function bruteForce(graph: FactorGraph): BruteForce {
  const { numVariables, numFactors, cardinalities } = graph;
  const scores: number[] = [];
  const all: number[][] = [];
  const states = new Array<number>(numVariables).fill(0);
  for (let more = true; more;) {
    all.push([...states]);
    scores.push(logScore(graph, states));
    more = false;
    for (let i = 0; i < numVariables && !more; i++) {
      more = ++states[i] < cardinalities[i];
      if (!more) states[i] = 0;
    }
  }
  const maxScore = Math.max(...scores);
  const weights = scores.map((score) => (maxScore === -Infinity ? 0 : Math.exp(score - maxScore)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const marginals = Array.from(cardinalities, (cardinality) => new Array<number>(cardinality).fill(0));
  const factorMarginals = Array.from({ length: numFactors }, (_, f) =>
    new Array<number>(graph.tableOffsets[f + 1] - graph.tableOffsets[f]).fill(0),
  );
  all.forEach((state, index) => {
    state.forEach((value, i) => (marginals[i][value] += weights[index] / total));
    for (let factor = 0; factor < numFactors; factor++) {
      let entry = 0;
      for (let edge = graph.scopeOffsets[factor]; edge < graph.scopeOffsets[factor + 1]; edge++)
        entry = entry * cardinalities[graph.scopes[edge]] + state[graph.scopes[edge]];
      factorMarginals[factor][entry] += weights[index] / total;
    }
  });
  return {
    logZ: maxScore === -Infinity ? -Infinity : maxScore + Math.log(total),
    marginals,
    factorMarginals,
    maxScore,
    scores: scores.sort((a, b) => b - a),
  };
}
