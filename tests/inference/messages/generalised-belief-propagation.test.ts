import { describe, expect, it } from "vitest";
import { factorGraph, scopeOf } from "../../../src/graph/factor-graph.ts";
import { isingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { beliefPropagation } from "../../../src/inference/messages/belief-propagation.ts";
import {
  doubleLoop,
  generalisedBeliefPropagation,
} from "../../../src/inference/messages/generalised-belief-propagation.ts";
import { regionGraph } from "../../../src/inference/messages/region-graph.ts";
import { bruteForce, largestDifference, randomFactorGraph, randomIsing, toFactorGraph } from "./brute-force.ts";

const root = Random.fromSeed(23);

/** A grid of random couplings. */
function grid(rows: number, columns: number, strength: number, random: Random) {
  const edges: [number, number, number][] = [];
  for (let i = 0; i < rows * columns; i++) {
    if ((i + 1) % columns) edges.push([i, i + 1, random.normal(0, strength)]);
    if (i + columns < rows * columns) edges.push([i, i + columns, random.normal(0, strength)]);
  }
  return isingModel(Array.from({ length: rows * columns }, () => random.normal(0, strength)), edges); // prettier-ignore
}

describe("region graphs", () => {
  it("count every variable and every factor once", () => {
    for (let trial = 0; trial < 30; trial++) {
      const graph = randomFactorGraph(root.split("count", trial), { numVariables: 7, maxArity: 4 });
      for (const clusters of ["min", "bethe", "delta", "loop"] as const) {
        const { outer, inner } = regionGraph(graph, clusters, 4);
        for (let variable = 0; variable < graph.numVariables; variable++) {
          const count =
            outer.filter(({ variables }) => variables.includes(variable)).length +
            inner.reduce((sum, region) => sum + (region.variables.includes(variable) ? region.countingNumber : 0), 0);
          expect(count).toBe(1);
        }
      }
    }
  });

  it("of a 3x3 grid with loops of four has the faces as outer, shared edges and the centre as inner regions", () => {
    const { outer, inner } = regionGraph(toFactorGraph(grid(3, 3, 1, root)), "loop", 4);
    expect(outer.map(({ variables }) => variables.join()).sort()).toEqual(["0,1,3,4", "1,2,4,5", "3,4,6,7", "4,5,7,8"]);
    const counts = Object.fromEntries(inner.map(({ variables, countingNumber }) => [variables.join(), countingNumber]));
    expect(counts).toEqual({ "1,4": -1, "3,4": -1, "4,5": -1, "4,7": -1, "4": 1 });
  });
});

for (const [name, infer] of [
  ["generalised belief propagation", generalisedBeliefPropagation],
  ["the double loop", doubleLoop],
] as const)
  describe(name, () => {
    it("with pair clusters is belief propagation", () => {
      for (let trial = 0; trial < 12; trial++) {
        const model = randomIsing(root.split("pairs", trial), { numVariables: 7, edges: 0.5, bias: 0.6, weight: 0.4 });
        const plain = beliefPropagation(model, { tolerance: 1e-12 });
        for (const form of [model, toFactorGraph(model)])
          for (const clusters of ["min", "bethe"] as const) {
            const result = infer(form, { clusters, tolerance: 1e-12, maxIterations: 5000 });
            expect(result.logZ).toBeCloseTo(plain.logZ!, 8);
            expect(largestDifference(result.marginals!.toArrays(), plain.marginals!.toArrays())).toBeLessThan(1e-8);
          }
      }
    });

    it("on factors of any size with Bethe's regions is belief propagation, forbidden states included", () => {
      let checked = 0;
      for (let trial = 0; trial < 60; trial++) {
        const graph = randomFactorGraph(root.split("large", trial), {
          numVariables: 6,
          numFactors: 7,
          strength: 0.5,
          forbidden: trial % 2 ? 0.1 : 0,
        });
        // Regions merge a factor of two or more variables into one that holds them, messages do not.
        const scopes = Array.from({ length: graph.numFactors }, (_, factor) => Array.from(scopeOf(graph, factor)));
        const large = scopes.filter(({ length }) => length > 1);
        if (large.some((a) => large.some((b) => a !== b && a.every((variable) => b.includes(variable))))) continue;
        const plain = beliefPropagation(graph, { tolerance: 1e-12 });
        const result = infer(graph, { clusters: "bethe", tolerance: 1e-12, maxIterations: 5000 });
        if (!plain.converged || !result.converged) continue;
        checked++;
        if (plain.logZ === -Infinity) expect(result.logZ).toBe(-Infinity);
        else expect(result.logZ).toBeCloseTo(plain.logZ!, 8);
      }
      expect(checked).toBeGreaterThan(8);
    });

    it("is exact where clusters form a junction tree, and says so", () => {
      const ladder = toFactorGraph(grid(2, 5, 1.5, root.split("ladder")));
      const exact = bruteForce(ladder);
      const result = infer(ladder, { clusters: "loop", loopDepth: 4, maxIterations: 3000, tolerance: 1e-13 });
      expect(result.bound).toBe("exact");
      expect(result.logZ).toBeCloseTo(exact.logZ, 9);
      expect(largestDifference(result.marginals!.toArrays(), exact.marginals)).toBeLessThan(1e-9);
      expect(largestDifference(result.factorMarginals!.toArrays(), exact.factorMarginals)).toBeLessThan(1e-9);
    });

    it("is exact on random forests with forbidden states, and proves Z = 0", () => {
      for (let trial = 0; trial < 40; trial++) {
        const graph = randomFactorGraph(root.split("forest", trial), { numVariables: 6, forest: true, forbidden: 0.3 });
        const { logZ } = bruteForce(graph);
        const result = infer(graph, { maxIterations: 3000, tolerance: 1e-12 });
        if (logZ === -Infinity) expect(result.logZ).toBe(-Infinity);
        else expect(result.logZ).toBeCloseTo(logZ, 9);
      }
    });
  });

describe("the double loop", () => {
  it("converges to better marginals with faces than belief propagation on a strongly coupled grid", () => {
    const model = grid(3, 4, 1, root.split("strong"));
    const exact = bruteForce(toFactorGraph(model));
    const error = (result: { marginals?: { toArrays(): number[][] } }) =>
      largestDifference(result.marginals!.toArrays(), exact.marginals);
    const faces = doubleLoop(model, { clusters: "loop", loopDepth: 4, maxIterations: 5000 });
    const pairs = doubleLoop(model, { clusters: "min", maxIterations: 5000 });
    expect(faces.converged && pairs.converged).toBe(true);
    expect(error(faces)).toBeLessThan(error(pairs) / 3);
  });
});

it("region graphs that are out of reach are refused with their size", () => {
  const star = isingModel(
    new Float64Array(40),
    Array.from({ length: 39 }, (_, i) => [0, i + 1, 1] as const),
  );
  expect(() => generalisedBeliefPropagation(star, { clusters: "delta" })).toThrow(/needs tables of .* entries/);
});

it("isolated variables and constants count in ln Z", () => {
  const graph = factorGraph(
    [2, 3],
    [
      { variables: [], logPotentials: [1.5] },
      { variables: [0], logPotentials: [0, 1] },
    ],
  );
  expect(generalisedBeliefPropagation(graph).logZ).toBeCloseTo(1.5 + Math.log(3) + Math.log(1 + Math.E), 12);
});
