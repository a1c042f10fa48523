import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cnfFactorGraph, cnfFormula } from "../../src/graph/cnf.ts";
import { factorGraph, type FactorInput } from "../../src/graph/factor-graph.ts";
import { openGrid } from "../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../src/graph/generators/ising.ts";
import { Random } from "../../src/graph/random.ts";
import { estimate } from "../../src/inference/estimate.ts";
import { enumerateFactorGraph } from "../../src/inference/exact/factor-graph-enumeration.ts";

describe("estimate", () => {
  it("lies within what is proven, and so does ln Z, on any model that enumeration can check", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(0.1, 1, 5, 20), fc.constantFrom(0, 0.3), (seed, deviation, zeros) => {
        const random = Random.fromSeed(seed);
        const numVariables = 2 + random.integer(5);
        const cardinalities = Array.from({ length: numVariables }, () => 1 + random.integer(3));
        const factors = Array.from({ length: 2 * numVariables }, (): FactorInput => {
          const variables = random.permutation(numVariables).subarray(0, 1 + random.integer(2));
          const size = variables.reduce((product, variable) => product * cardinalities[variable], 1);
          const entry = () => (random.uniform() < zeros ? -Infinity : random.normal(0, deviation));
          return { variables, logPotentials: Float64Array.from({ length: size }, entry) };
        });
        const graph = factorGraph(cardinalities, factors);
        const exact = enumerateFactorGraph(graph).logZ!;
        const { logZ, logZInterval, bound } = estimate(graph);
        const slack = 1e-8 * (1 + Math.abs(exact));
        if (exact === -Infinity) {
          expect(logZ).toBe(-Infinity);
          return;
        }
        if (bound === "exact") {
          expect(Math.abs(logZ! - exact)).toBeLessThanOrEqual(slack);
          return;
        }
        const [lower, upper] = logZInterval!;
        expect(lower).toBeLessThanOrEqual(exact + slack);
        expect(upper).toBeGreaterThanOrEqual(exact - slack);
        expect(logZ).toBeGreaterThanOrEqual(lower - slack);
        expect(logZ).toBeLessThanOrEqual(upper + slack);
      }),
      { numRuns: 60, seed: 7 },
    );
  }, 60_000);

  it("of a strongly coupled 20 x 20 grid is not what its bounds disprove, within the time", () => {
    const model = gaussianIsing(openGrid(20, 20), Random.fromSeed(2), { biasDeviation: 0.1, couplingDeviation: 10 });
    const { logZ, logZInterval, seconds, marginals } = estimate(model, { seconds: 8 });
    expect(seconds).toBeLessThan(10);
    expect(logZ).toBeGreaterThanOrEqual(logZInterval![0] - 1e-5);
    expect(logZ).toBeLessThanOrEqual(logZInterval![1] + 1e-5);
    expect(marginals!.length).toBe(400);
  }, 30_000);

  it("of the count of a satisfiable formula is never below one", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = Random.fromSeed(seed);
        const clauses = Array.from({ length: 36 }, () =>
          // Satisfied by the assignment of ones, so satisfiable.
          Array.from(random.permutation(12).subarray(0, 3), (v, at) =>
            at === 0 || random.uniform() < 0.3 ? v + 1 : -v - 1,
          ),
        );
        const { logZ, logZInterval } = estimate(cnfFactorGraph(cnfFormula(12, clauses)));
        if (logZInterval) expect(logZInterval[0]).toBeGreaterThanOrEqual(-1e-9);
        expect(logZ).toBeGreaterThanOrEqual(-1e-9);
      }),
      { numRuns: 20, seed: 1 },
    );
  }, 60_000);
});
