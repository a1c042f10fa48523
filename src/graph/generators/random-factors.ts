/** Random formulas and random factor graphs of higher arity: test and benchmark problems that are not pairwise. */
import { cnfFormula, type CnfFormula } from "../cnf.ts";
import { factorGraph, type FactorGraph, type FactorInput } from "../factor-graph.ts";
import type { Random } from "../random.ts";

/** `count` different integers from 0 ... below - 1, in random order (Floyd's algorithm, then a shuffle). */
function distinctIntegers(count: number, below: number, random: Random): number[] {
  const chosen = new Set<number>();
  for (let last = below - count; last < below; last++) {
    const drawn = random.integer(last + 1);
    chosen.add(chosen.has(drawn) ? last : drawn);
  }
  return random.shuffle([...chosen]);
}

/**
 * A random k-CNF: each clause has `clauseLength` different variables, drawn uniformly, each negated with probability
 * 1/2. Clauses are drawn independently, so one may come twice.
 * @throws RangeError if clauseLength is larger than numVariables.
 */
export function randomCnf(numVariables: number, numClauses: number, clauseLength: number, random: Random): CnfFormula {
  atMost("clauseLength", clauseLength, numVariables);
  return cnfFormula(
    numVariables,
    Array.from({ length: numClauses }, () =>
      distinctIntegers(clauseLength, numVariables, random).map((variable) =>
        random.bernoulli() ? variable + 1 : -(variable + 1),
      ),
    ),
  );
}

export interface RandomFactorGraphOptions {
  readonly numVariables: number;
  readonly numFactors: number;
  readonly arity: number;
  /** Number of states of every variable. */
  readonly cardinality: number;
  /** Standard deviation of ln psi. */
  readonly strength: number;
}

/**
 * A random factor graph: factors over `arity` different variables drawn uniformly, every ln psi ~ N(0, strength^2).
 * @throws RangeError if arity is larger than numVariables.
 */
export function randomFactorGraph(options: RandomFactorGraphOptions, random: Random): FactorGraph {
  const { numVariables, numFactors, arity, cardinality, strength } = options;
  atMost("arity", arity, numVariables);
  const factors = Array.from({ length: numFactors }, (): FactorInput => {
    const variables = distinctIntegers(arity, numVariables, random);
    const logPotentials = Float64Array.from({ length: cardinality ** arity }, () => random.normal(0, strength));
    return { variables, logPotentials };
  });
  return factorGraph(new Int32Array(numVariables).fill(cardinality), factors);
}

function atMost(name: string, value: number, limit: number): void {
  if (!Number.isInteger(value) || value < 0 || value > limit)
    throw new RangeError(`${name} must be an integer from 0 to numVariables = ${limit}, got ${value}`);
}
