import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { isingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { parseMethod } from "../../../src/inference/registry.ts";
import type { InferenceResult } from "../../../src/inference/result.ts";
import { bruteForce, randomFactorGraph, randomIsing } from "./brute-force.ts";

/** Every message-passing method, also with settings under which messages diverge. */
const METHODS = [
  "bp",
  "bp[schedule=residual,damping=0.3]",
  "bp[temperature=0.001]",
  "max-product",
  "fractional-bp[countingNumbers=0.2]",
  "fractional-bp[countingNumbers=7]",
  "fractional-bp[countingNumbers=1e-300]",
  "gbp",
  "gbp[clusters=bethe]",
  "gbp[clusters=loop,loopDepth=3]",
  "gbp[clusters=loop,loopDepth=5,damping=0.4]",
  "gbp[clusters=delta]",
  "hak[clusters=loop]",
  "mplp",
  "mean-field",
  "structured-mean-field",
];

function infer(method: string, model: unknown): InferenceResult {
  const { method: found, options } = parseMethod(method);
  return found.run(model, options);
}

/** What a result may never say, whatever the messages did. */
function expectHonest(result: InferenceResult, exact: number, method: string): void {
  const { logZ, bound, marginals } = result;
  if (logZ !== undefined) expect(logZ, method).not.toBeNaN();
  if (logZ === -Infinity && bound === "exact") expect(exact, method).toBe(-Infinity);
  const slack = 1e-9 * (1 + Math.abs(exact));
  if (bound === "exact" && logZ !== undefined && exact > -Infinity)
    expect(Math.abs(logZ - exact), method).toBeLessThan(slack);
  if (bound === "lower") expect(logZ!, method).toBeLessThanOrEqual(exact + slack);
  if (bound === "upper") expect(logZ!, method).toBeGreaterThanOrEqual(exact - slack);
  if (marginals) for (const p of marginals.values) expect(p >= 0 && p <= 1 + 1e-9, method).toBe(true);
}

/** Seven binary variables, five factors, all potentials within 3 % of 1. */
const NEARLY_UNIFORM = factorGraph(
  [2, 2, 2, 2, 2, 2, 2],
  [
    { variables: [3, 2, 5], logPotentials: [-0.003, 0.003, -0.003, -0.007, 0.008, -0.002, 0.005, 0.018] },
    { variables: [6, 2, 5], logPotentials: [-0.017, -0.004, 0.017, -0.001, -0.009, -0.003, -0.011, 0.002] },
    { variables: [1, 5, 4], logPotentials: [-0.016, 0.002, -0.002, -0.016, -0.008, 0.006, 0.013, 0.002] },
    { variables: [0, 1, 4], logPotentials: [0.006, -0.003, -0.007, 0.004, 0.011, 0.005, -0.004, -0.009] },
    { variables: [0, 2, 1], logPotentials: [0.006, 0.003, 0.001, 0.005, 0.005, 0.01, -0.006, 0.024] },
  ],
);

describe("numbers out of range", () => {
  it("of messages that diverge on a positive model are no proof of Z = 0", () => {
    expect(bruteForce(NEARLY_UNIFORM).logZ).toBeCloseTo(4.855302973, 9);
    const result = infer("gbp[clusters=loop]", NEARLY_UNIFORM);
    expect(result).toMatchObject({ bound: "none", converged: false });
    expect(result.logZ).toBeUndefined();
  });

  it("prove nothing in any method, on random models with and without forbidden states", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        fc.constantFrom(0.01, 1, 10, 400),
        fc.constantFrom(0, 0, 0.1, 0.5),
        (seed, strength, forbidden) => {
          const random = Random.fromSeed(seed);
          const graph = randomFactorGraph(random, { numVariables: 6, strength, forbidden, maxArity: 3 });
          const { logZ } = bruteForce(graph);
          for (const method of METHODS) expectHonest(infer(`${method}`, graph), logZ, method);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it("prove nothing on Ising models of any strength", () => {
    for (const strength of [1e-3, 1, 50, 1e4, 1e200])
      for (let trial = 0; trial < 4; trial++) {
        const random = Random.fromSeed(trial).split("ising", strength);
        const model = randomIsing(random, { numVariables: 6, edges: 0.6, bias: strength, weight: strength });
        for (const method of [...METHODS, "trbp"]) {
          const result = infer(method, model);
          if (result.logZ !== undefined) expect(Number.isFinite(result.logZ), method).toBe(true);
        }
      }
  });
});

describe("gbp", () => {
  it("is not converged while messages drift though beliefs rest", () => {
    let converged = 0;
    for (let trial = 0; trial < 300; trial++) {
      const graph = randomFactorGraph(Random.fromSeed(trial).split("drift"), {
        numVariables: 7,
        numFactors: 9,
        minCardinality: 2,
        maxCardinality: 2,
        strength: [0.01, 0.3, 3, 10][trial % 4],
      });
      const result = infer("gbp[clusters=loop,maxIterations=400]", graph);
      if (!result.converged) continue;
      converged++;
      const { logZ } = bruteForce(graph);
      expect(Math.abs(result.logZ! - logZ)).toBeLessThan(0.2 * (1 + Math.abs(logZ)));
    }
    expect(converged).toBeGreaterThan(100);
  });
});

it("models whose numbers cannot be summed are refused", () => {
  expect(() => isingModel([1e308, 0], [[0, 1, 1]])).toThrow(
    /bias of variable 0 must be a finite number of at most 1e\+300/,
  );
  expect(() => factorGraph([2], [{ variables: [0], logPotentials: [-1e308, 0] }])).toThrow(/entry 0 is -1e\+308/);
});
