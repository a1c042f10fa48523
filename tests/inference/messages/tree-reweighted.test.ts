import { describe, expect, it } from "vitest";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { isingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { topology } from "../../../src/graph/topology.ts";
import { beliefPropagation } from "../../../src/inference/messages/belief-propagation.ts";
import {
  effectiveResistances,
  maximumSpanningForest,
  treeFrequencies,
  uniformEdgeProbabilities,
} from "../../../src/inference/messages/edge-appearance.ts";
import { treeReweighted } from "../../../src/inference/messages/tree-reweighted.ts";
import { bruteForce, largestDifference, randomFactorGraph, randomIsing, toFactorGraph } from "./brute-force.ts";

const root = Random.fromSeed(21);

/** Models with factors of at most two variables, in either form, from weakly to strongly coupled. */
function pairwiseModel(trial: number) {
  const random = root.split("model", trial);
  const strength = [0.5, 1.5, 4][trial % 3];
  if (trial % 2) return randomIsing(random, { numVariables: 8, edges: 0.5, bias: strength, weight: strength });
  const forbidden = trial % 4 === 0 ? 0.2 : 0;
  return randomFactorGraph(random, { numVariables: 6, numFactors: 12, maxArity: 2, strength, forbidden });
}

describe("edge appearance probabilities", () => {
  it("are 2/3 on a triangle, 1/2 on K4, 1 on bridges and 1/(k+1) of a path of k edges closed by one", () => {
    const triangleWithTail = topology(5, [[0, 1], [1, 2], [0, 2], [2, 3]]); // prettier-ignore
    const tail = Array.from(uniformEdgeProbabilities(triangleWithTail, root));
    tail.forEach((found, edge) => expect(found).toBeCloseTo([2 / 3, 2 / 3, 2 / 3, 1][edge], 14));
    const complete = topology(4, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]); // prettier-ignore
    for (const resistance of effectiveResistances(complete)) expect(resistance).toBeCloseTo(1 / 2, 14);
  });

  it("add up to the number of edges of a spanning forest, sampled or not", () => {
    const pairs = Array.from({ length: 60 }, () => [root.integer(30), root.integer(30)] as const);
    const graph = topology(30, [...pairs.filter(([i, j]) => i !== j), ...Array.from({ length: 29 }, (_, i) => [i, i + 1] as const)]); // prettier-ignore
    for (const found of [effectiveResistances(graph), treeFrequencies(graph, root.split("trees"))]) {
      expect(found.reduce((sum, share) => sum + share, 0)).toBeCloseTo(29, 10);
      expect(found.every((share) => share > 0 && share <= 1)).toBe(true);
    }
    const forest = maximumSpanningForest(graph, effectiveResistances(graph));
    expect(forest.reduce((sum, chosen) => sum + chosen, 0)).toBe(29);
  });
});

describe("tree-reweighted belief propagation", () => {
  it("bounds ln Z from above at every iteration, converged or not, in both forms", () => {
    for (let trial = 0; trial < 24; trial++) {
      const model = pairwiseModel(trial);
      const forms = model.kind === "ising" ? [model, toFactorGraph(model)] : [model];
      const { logZ } = bruteForce(forms[forms.length - 1] as ReturnType<typeof toFactorGraph>);
      for (const form of forms)
        for (const maxIterations of [0, 1, 3, 300])
          for (const edgeProbabilities of ["uniform", "optimised"] as const) {
            const result = treeReweighted(form, { maxIterations, edgeProbabilities, steps: 3 });
            expect(result.logZ).toBeGreaterThanOrEqual(logZ - 1e-9);
            expect(result.logZ === Infinity ? "none" : result.bound).not.toBe("lower");
            if (Number.isFinite(result.logZ)) expect(["upper", "exact"]).toContain(result.bound);
          }
    }
  });

  it("is closer with optimised edge probabilities", () => {
    let uniform = 0;
    let optimised = 0;
    for (let trial = 1; trial < 20; trial += 2) {
      const model = pairwiseModel(trial);
      uniform += treeReweighted(model).logZ!;
      optimised += treeReweighted(model, { edgeProbabilities: "optimised" }).logZ!;
    }
    expect(optimised).toBeLessThan(uniform - 1);
  });

  it("bounds the best score from above at temperature 0, and its state never exceeds it", () => {
    for (let trial = 0; trial < 40; trial++) {
      const model = pairwiseModel(trial);
      const { bestScore } = bruteForce(model.kind === "ising" ? toFactorGraph(model) : model);
      const { map } = treeReweighted(model, { temperature: 0, maxIterations: 100 });
      if (!map) {
        expect(bestScore).toBe(-Infinity);
        continue;
      }
      expect(map.score).toBeLessThanOrEqual(bestScore + 1e-9);
      expect(map.upperBound).toBeGreaterThanOrEqual(bestScore - 1e-9);
    }
  });

  it("at rho = 1 is belief propagation, and claims no bound on a graph with cycles", () => {
    for (let trial = 1; trial < 30; trial += 2) {
      const model = pairwiseModel(trial);
      const plain = beliefPropagation(model, { tolerance: 1e-12 });
      if (!plain.converged) continue;
      for (const form of [model, ...(model.kind === "ising" ? [toFactorGraph(model)] : [])]) {
        const result = treeReweighted(form, { edgeProbabilities: 1, tolerance: 1e-12 });
        expect(result.logZ).toBeCloseTo(plain.logZ!, 8);
        expect(largestDifference(result.marginals!.toArrays(), plain.marginals!.toArrays())).toBeLessThan(1e-9);
        expect(result.bound).toBe(plain.bound === "exact" ? "exact" : "none");
      }
    }
  });

  it("is exact on trees", () => {
    const model = randomIsing(root.split("tree"), { numVariables: 9, edges: "tree", bias: 1, weight: 2 });
    const exact = bruteForce(toFactorGraph(model));
    const result = treeReweighted(model, { schedule: "tree" });
    expect(result.bound).toBe("exact");
    expect(result.logZ).toBeCloseTo(exact.logZ, 11);
    expect(largestDifference(result.marginals!.toArrays(), exact.marginals)).toBeLessThan(1e-12);
  });

  it("gives the value known in closed form: a symmetric triangle without fields", () => {
    // tau_ij = e^{1.5 J x y} / Z_ij with rho = 2/3 and uniform tau_i.
    const J = 0.7;
    const pair = 4 * Math.cosh(1.5 * J);
    const expected = 3 * Math.log(2) + 3 * (2 / 3) * (Math.log(pair) - 2 * Math.log(2));
    const triangle = isingModel([0, 0, 0], [[0, 1, J], [1, 2, J], [0, 2, J]]); // prettier-ignore
    expect(treeReweighted(triangle).logZ).toBeCloseTo(expected, 12);
  });

  it("takes given probabilities below the uniform ones as a bound, others not", () => {
    const triangle = isingModel([0.1, 0, 0], [[0, 1, 1], [1, 2, 1], [0, 2, -1]]); // prettier-ignore
    expect(treeReweighted(triangle, { edgeProbabilities: 0.6 }).bound).toBe("upper");
    expect(treeReweighted(triangle, { edgeProbabilities: [0.7, 0.7, 0.7] }).bound).toBe("none");
    expect(() => treeReweighted(triangle, { edgeProbabilities: [0.5] })).toThrow(/got 1 edge probabilities/);
  });

  it("refuses factors of three variables by name", () => {
    const graph = factorGraph([2, 2, 2], [{ variables: [0, 2, 1], logPotentials: new Float64Array(8) }]);
    expect(() => treeReweighted(graph)).toThrow(/factor 0 over variables \(0, 2, 1\) has 3/);
  });
});
