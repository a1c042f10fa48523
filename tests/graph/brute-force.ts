/**
 * The slowest exact inference there is, for small graphs: every joint state in turn. The oracle of this folder's tests.
 */
import { logScore, type FactorGraph } from "../../src/graph/factor-graph.ts";

/** Every joint state; the last variable changes fastest. */
export function* jointStates(cardinalities: ArrayLike<number>): Generator<number[]> {
  const states = new Array<number>(cardinalities.length).fill(0);
  for (;;) {
    yield [...states];
    let position = states.length - 1;
    while (position >= 0 && ++states[position] === cardinalities[position]) states[position--] = 0;
    if (position < 0) return;
  }
}

/** Z and every variable's unnormalised marginal, in the plain domain. */
export function bruteForce(graph: FactorGraph): { z: number; marginals: number[][] } {
  let z = 0;
  const marginals = Array.from(graph.cardinalities, (cardinality) => new Array<number>(cardinality).fill(0));
  for (const states of jointStates(graph.cardinalities)) {
    const weight = Math.exp(logScore(graph, states));
    z += weight;
    states.forEach((state, variable) => (marginals[variable][state] += weight));
  }
  return { z, marginals };
}
