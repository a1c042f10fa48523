import { describe, expect, it } from "vitest";
import { Random } from "../../../src/graph/random.ts";
import { beliefPropagation } from "../../../src/inference/messages/belief-propagation.ts";
import { fractionalBeliefPropagation } from "../../../src/inference/messages/fractional.ts";
import { treeReweighted } from "../../../src/inference/messages/tree-reweighted.ts";
import { bruteForce, largestDifference, randomFactorGraph, randomIsing, toFactorGraph } from "./brute-force.ts";

const root = Random.fromSeed(22);

describe("fractional belief propagation", () => {
  it("with counting numbers 1 is belief propagation, bound included", () => {
    for (let trial = 0; trial < 30; trial++) {
      const random = root.split("one", trial);
      const model =
        trial % 2
          ? randomIsing(random, { numVariables: 7, edges: 0.5, bias: 0.5, weight: 0.4, attractive: trial % 3 === 0 })
          : randomFactorGraph(random, { numVariables: 7, strength: 0.5, forbidden: 0.05 });
      const plain = beliefPropagation(model, { tolerance: 1e-12 });
      const fractional = fractionalBeliefPropagation(model, { tolerance: 1e-12 });
      if (!plain.converged || !fractional.converged) continue;
      expect(fractional.bound).toBe(plain.bound);
      if (plain.logZ === -Infinity) expect(fractional.logZ).toBe(-Infinity);
      else expect(fractional.logZ).toBeCloseTo(plain.logZ!, 9);
    }
  });

  it("with rho as counting numbers is tree-reweighted belief propagation", () => {
    const model = randomIsing(root.split("rho"), { numVariables: 8, edges: 0.6, bias: 1, weight: 1 });
    const reweighted = treeReweighted(model, { tolerance: 1e-12 });
    const countingNumbers = Array.from(reweighted.edgeProbabilities!);
    const fractional = fractionalBeliefPropagation(model, { countingNumbers, tolerance: 1e-12 });
    expect(fractional.logZ).toBeCloseTo(reweighted.logZ!, 9);
    expect(largestDifference(fractional.marginals!.toArrays(), reweighted.marginals!.toArrays())).toBeLessThan(1e-9);
  });

  it("is the same on an Ising model and on its factor graph", () => {
    const model = randomIsing(root.split("forms"), { numVariables: 7, edges: 0.6, bias: 1, weight: 0.7 });
    for (const countingNumbers of [0.5, "convex"] as const) {
      const options = { countingNumbers, tolerance: 1e-11 };
      const [a, b] = [fractionalBeliefPropagation(model, options), fractionalBeliefPropagation(toFactorGraph(model), options)]; // prettier-ignore
      expect(a.logZ).toBeCloseTo(b.logZ!, 8);
    }
  });

  it("with convex counting numbers reaches one fixed point from every schedule", () => {
    for (let trial = 0; trial < 8; trial++) {
      const graph = randomFactorGraph(root.split("convex", trial), { numVariables: 6, numFactors: 14, strength: 0.8 });
      const results = (["sequential", "random", "residual"] as const).map((schedule) =>
        fractionalBeliefPropagation(graph, {
          countingNumbers: "convex",
          schedule,
          damping: 0.5,
          tolerance: 1e-7,
          maxIterations: 5000,
        }),
      );
      for (const result of results) {
        expect(result.converged).toBe(true);
        expect(result.logZ).toBeCloseTo(results[0].logZ!, 5);
      }
    }
  });

  it("on trees does not stop before its fixed point, whatever the schedule", () => {
    const model = randomIsing(root.split("tree"), { numVariables: 8, edges: "tree", bias: 1, weight: 1 });
    for (const form of [model, toFactorGraph(model)]) {
      const options = { countingNumbers: 0.5, tolerance: 1e-12 } as const;
      const tree = fractionalBeliefPropagation(form, { ...options, schedule: "tree" });
      expect(tree.logZ).toBeCloseTo(fractionalBeliefPropagation(form, options).logZ!, 9);
      expect(tree.bound).toBe("none");
    }
  });

  it("gives each factor its own counting number, and refuses a wrong count", () => {
    const graph = randomFactorGraph(root.split("own"), { numVariables: 4, numFactors: 3 });
    expect(fractionalBeliefPropagation(graph, { countingNumbers: [0.5, 0.7, 0.9] }).logZ).toBeTypeOf("number");
    expect(() => fractionalBeliefPropagation(graph, { countingNumbers: [1] })).toThrow(/one for each of 3 factors/);
  });

  it("at temperature 0 gives a state whose score is real", () => {
    const graph = randomFactorGraph(root.split("max"), { numVariables: 6, numFactors: 9 });
    const { map } = fractionalBeliefPropagation(graph, { temperature: 0, countingNumbers: "convex" });
    expect(map!.score).toBeLessThanOrEqual(bruteForce(graph).bestScore + 1e-12);
    expect(map!.upperBound).toBeUndefined();
  });
});
