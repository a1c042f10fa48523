import { describe, expect, it } from "vitest";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { isingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { CompensatedSum } from "../../../src/inference/compensated-sum.ts";
import { infer } from "../../../src/inference/registry.ts";
import { bruteForce, randomFactorGraph, randomIsing, toFactorGraph } from "./brute-force.ts";

const PAIRWISE = [
  "bp",
  "bp[schedule=tree]",
  "bp[schedule=parallel,tolerance=0.001]",
  "bp[schedule=residual,damping=0.5,tolerance=0.01]",
  "bp[schedule=random,damping=0.3,dampingDomain=probability]",
  "fractional-bp[damping=0.2,tolerance=0.001]",
  "gbp[tolerance=0.001]",
  "gbp[clusters=bethe,damping=0.3,tolerance=0.01]",
  "hak[tolerance=0.001]",
];
const root = Random.fromSeed(41);

/** A chain without fields: ln Z = n ln 2 + sum ln cosh J. */
function chain(numVariables: number): { weights: Float64Array; logZ: number } {
  const random = root.split("chain");
  const weights = Float64Array.from({ length: numVariables - 1 }, () => random.normal());
  const logZ = new CompensatedSum();
  for (let i = 0; i < numVariables; i++) logZ.add(Math.LN2);
  for (const weight of weights) logZ.add(Math.abs(weight) + Math.log1p(Math.exp(-2 * Math.abs(weight))) - Math.LN2);
  return { weights, logZ: logZ.value };
}

describe("a bound that is called exact is so to 1e-9", () => {
  it("on forests, whatever the schedule, damping and tolerance", () => {
    let exact = 0;
    for (let trial = 0; trial < 60; trial++) {
      const strength = [0.1, 1, 5][trial % 3];
      const graph =
        trial % 2
          ? randomFactorGraph(root.split("forest", trial), { numVariables: 7, forest: true, strength })
          : toFactorGraph(
              randomIsing(root.split("tree", trial), { numVariables: 7, edges: "tree", bias: 1, weight: strength }),
            );
      const { logZ } = bruteForce(graph);
      for (const method of PAIRWISE) {
        const result = infer(graph, method);
        if (result.bound !== "exact") continue;
        exact++;
        expect(Math.abs(result.logZ! - logZ), method).toBeLessThan(1e-9);
      }
    }
    expect(exact).toBeGreaterThan(400);
  });

  it("on a chain of a million variables", () => {
    const { weights, logZ } = chain(1_000_000);
    const ising = isingModel(
      new Float64Array(weights.length + 1),
      Array.from(weights, (weight, i) => [i, i + 1, weight] as const),
    );
    const result = infer(ising, "bp");
    expect(result.bound).toBe("exact");
    expect(Math.abs(result.logZ! - logZ)).toBeLessThan(1e-9);
  }, 60_000);

  it("on three uniform variables of two thousand states", () => {
    const uniform = factorGraph(
      [2000, 2000, 2000],
      [0, 1].map((i) => ({ variables: [i, i + 1], logPotentials: new Float64Array(2000 ** 2) })),
    );
    for (const method of ["bp", "fractional-bp", "trbp", "gbp", "variable-elimination"]) {
      const result = infer(uniform, method);
      expect(result.bound, method).toBe("exact");
      expect(Math.abs(result.logZ! - 3 * Math.log(2000)), method).toBeLessThan(1e-9);
    }
  }, 60_000);
});

it("on a path whose variables stand in any order one iteration suffices", () => {
  const order = root.permutation(3000);
  const path = isingModel(
    Float64Array.from(order, (_, i) => 0.1 * Math.sin(i)),
    Array.from({ length: 2999 }, (_, i) => [order[i], order[i + 1], 0.9] as const),
  );
  for (const model of [path, toFactorGraph(path)])
    expect(infer(model, "bp")).toMatchObject({ converged: true, iterations: 1, bound: "exact" });
});
