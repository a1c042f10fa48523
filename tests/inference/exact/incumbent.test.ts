import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { factorGraph, logScore, type FactorGraph, type FactorInput } from "../../../src/graph/factor-graph.ts";
import { Random } from "../../../src/graph/random.ts";
import { branchAndBound } from "../../../src/inference/exact/branch-and-bound.ts";
import { exactMap } from "../../../src/inference/exact/exact-map.ts";
import { enumerateFactorGraph } from "../../../src/inference/exact/factor-graph-enumeration.ts";
import { incumbent } from "../../../src/inference/exact/incumbent.ts";
import { localSearch } from "../../../src/inference/exact/local-search.ts";
import { maxProduct } from "../../../src/inference/messages/belief-propagation.ts";
import type { InferenceResult } from "../../../src/inference/result.ts";

/** Every pair of n variables joined, tables drawn; `shareOfZeros` of the entries are impossible. */
function completeGraph(n: number, states: number, random: Random, shareOfZeros = 0): FactorGraph {
  const draw = (size: number) =>
    Float64Array.from({ length: size }, () => (random.uniform() < shareOfZeros ? -Infinity : random.normal(0, 2)));
  const factors: FactorInput[] = [];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) factors.push({ variables: [j, i], logPotentials: draw(states * states) });
  return factorGraph(new Int32Array(n).fill(states), factors);
}

describe("localSearch", () => {
  it("never returns less than it was given, and the score of what it returns", () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 0.4, noNaN: true }), (seed, zeros) => {
        const random = Random.fromSeed(seed);
        const graph = completeGraph(2 + random.integer(6), 1 + random.integer(4), random.split("graph"), zeros);
        const start = graph.cardinalities.map((cardinality) => random.integer(cardinality));
        const found = localSearch(graph, start, { shakes: 10, random, deadline: Infinity });
        expect(found.score).toBe(logScore(graph, found.states));
        expect(found.score).toBeGreaterThanOrEqual(logScore(graph, start));
      }),
      { numRuns: 100, seed: 5 },
    );
  });
});

describe("incumbent", () => {
  it("is the best state of most small models, where enumeration can tell", () => {
    let found = 0;
    for (let seed = 0; seed < 30; seed++) {
      const graph = completeGraph(6, 3, Random.fromSeed(seed), 0.2);
      const { score } = incumbent(graph, { random: Random.fromSeed(0), deadline: Infinity });
      const best = enumerateFactorGraph(graph).map?.score ?? -Infinity;
      expect(score).toBeLessThanOrEqual(best + 1e-9);
      if (score >= best - 1e-9) found++;
    }
    expect(found).toBeGreaterThanOrEqual(28);
  });
});

describe("a search that is broken off", () => {
  const graph = completeGraph(60, 11, Random.fromSeed(1));

  it.each([
    ["branch-and-bound", branchAndBound],
    ["exact-map", exactMap],
  ] as const)(
    "%s ends in time on 60 variables of 11 states, no worse than max-product, with its bound",
    (_, search) => {
      const seconds = 3;
      const reports: InferenceResult[] = [];
      const { map, converged, seconds: spent } = search(graph, { seconds }, { report: (soFar) => reports.push(soFar) });
      expect(spent).toBeLessThan(seconds + 1);
      expect(converged).toBe(false);
      expect(map!.score).toBeCloseTo(logScore(graph, map!.states), 8);
      expect(map!.upperBound).toBeGreaterThan(map!.score);
      const messages = maxProduct(graph, { maxIterations: 20 });
      expect(map!.score).toBeGreaterThanOrEqual(messages.map!.score);
      expect(reports.length).toBeGreaterThan(0);
      for (const { map: soFar } of reports) expect(soFar!.score).toBeLessThanOrEqual(map!.score + 1e-9);
    },
  );
});
