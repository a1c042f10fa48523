import { describe, expect, test } from "vitest";
import { cnfFactorGraph, cnfFormula, type CnfFormula } from "../../src/graph/cnf.ts";
import { randomCnf } from "../../src/graph/generators/random-factors.ts";
import { Random } from "../../src/graph/random.ts";
import { bruteForce, jointStates } from "./brute-force.ts";

/** Weighted count and marginals, straight from the clauses. */
function count({ numVariables, numClauses, clauseOffsets, literals, weights }: CnfFormula): {
  z: number;
  positive: number[];
} {
  let z = 0;
  const positive = new Array<number>(numVariables).fill(0);
  for (const states of jointStates(new Array<number>(numVariables).fill(2))) {
    let weight = 1;
    states.forEach((state, variable) => (weight *= weights?.[2 * variable + state] ?? 1));
    for (let clause = 0; clause < numClauses; clause++) {
      const own = literals.subarray(clauseOffsets[clause], clauseOffsets[clause + 1]);
      if (!own.some((literal) => states[Math.abs(literal) - 1] === (literal > 0 ? 1 : 0))) weight = 0;
    }
    z += weight;
    states.forEach((state, variable) => (positive[variable] += state * weight));
  }
  return { z, positive };
}

describe("cnfFactorGraph", () => {
  test("Z is the number of models of random formulas, clauses with repetitions and contradictions included", () => {
    for (let seed = 0; seed < 100; seed++) {
      const random = Random.fromSeed(seed);
      const clauses = Array.from({ length: random.integer(12) }, () =>
        Array.from(
          { length: random.integer(6) + (seed % 3 === 0 ? 0 : 1) },
          () => (random.integer(6) + 1) * (random.bernoulli() ? 1 : -1),
        ),
      );
      const formula = cnfFormula(6, clauses);
      expect(bruteForce(cnfFactorGraph(formula)).z).toBe(count(formula).z);
    }
  });

  test("splitting wide clauses changes neither Z nor the formula's own marginals", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = Random.fromSeed(seed);
      const wide = randomCnf(6, 2, 6, random);
      const weights = Float64Array.from({ length: 12 }, () => random.uniform());
      const formula = { ...wide, weights };
      const split = cnfFactorGraph(formula, { maxArity: 3 + (seed % 3) });
      expect(split.numVariables).toBeGreaterThan(6);
      for (let factor = 0; factor < split.numFactors; factor++)
        expect(split.scopeOffsets[factor + 1] - split.scopeOffsets[factor]).toBeLessThanOrEqual(3 + (seed % 3));
      const [expected, got] = [count(formula), bruteForce(split)];
      expect(got.z).toBeCloseTo(expected.z, 12);
      expected.positive.forEach((value, variable) => expect(got.marginals[variable][1]).toBeCloseTo(value, 12));
    }
  });

  test("an empty clause makes Z = 0; a variable in no clause doubles it", () => {
    expect(bruteForce(cnfFactorGraph(cnfFormula(2, [[]]))).z).toBe(0);
    expect(bruteForce(cnfFactorGraph(cnfFormula(3, [[1]]))).z).toBe(4);
  });

  test("a negative weight is refused by name, unless a clause of one literal forbids it", () => {
    const weights = Float64Array.of(-1199, 1200);
    expect(bruteForce(cnfFactorGraph({ ...cnfFormula(1, [[1]]), weights })).z).toBeCloseTo(1200, 9);
    expect(() => cnfFactorGraph({ ...cnfFormula(1, [[-1]]), weights })).toThrow("literal -1 has weight -1199");
  });

  test("refuses gigantic tables before making them, and an arity that cannot split", () => {
    const formula = randomCnf(40, 100, 30, Random.fromSeed(0));
    expect(() => cnfFactorGraph(formula, { maxArity: 30 })).toThrow("more than maxEntries");
    expect(() => cnfFactorGraph(formula, { maxArity: 2 })).toThrow("maxArity must be an integer from 3 to 30");
  });

  test("names the clause whose literal is none", () => {
    expect(() => cnfFormula(2, [[1], [3]])).toThrow("clause 1: 3 is not a literal, expected 1 to 2");
    expect(() => cnfFormula(2, [[0]])).toThrow("clause 0: 0 is not a literal");
  });
});
