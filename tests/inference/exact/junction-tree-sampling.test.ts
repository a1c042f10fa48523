import { describe, expect, it } from "vitest";
import { factorGraph, logScore } from "../../../src/graph/factor-graph.ts";
import { isingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { exactSampler } from "../../../src/inference/exact/junction-tree-sampling.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { randomFactorGraph } from "./random-graphs.ts";

describe("exact sampling", () => {
  it("draws joint states as often as their probabilities say (chi-square over all states)", () => {
    const graph = factorGraph(
      [2, 3, 2, 2],
      [
        { variables: [0, 1], potentials: [1, 2, 0, 4, 1, 3] },
        { variables: [1, 2], potentials: [2, 1, 1, 5, 3, 0.5] },
        { variables: [2, 3, 0], potentials: [1, 2, 3, 4, 4, 3, 2, 1] },
      ],
    );
    const { sample, logZ } = exactSampler(graph);
    expect(logZ).toBeCloseTo(junctionTree(graph).logZ!, 12);
    const random = Random.fromSeed(5);
    const draws = 40_000;
    const counts = new Map<string, number>();
    for (let draw = 0; draw < draws; draw++) {
      const name = sample(random).join();
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    let chiSquare = 0;
    let cells = 0;
    for (const states of jointStates([2, 3, 2, 2])) {
      const probability = Math.exp(logScore(graph, states) - logZ);
      const count = counts.get(states.join()) ?? 0;
      if (probability === 0) expect(count).toBe(0);
      else {
        cells++;
        chiSquare += (count - draws * probability) ** 2 / (draws * probability);
      }
    }
    // Mean cells - 1, variance 2 (cells - 1): six standard deviations above would be an error, not chance.
    expect(chiSquare).toBeLessThan(cells - 1 + 6 * Math.sqrt(2 * (cells - 1)));
    expect(chiSquare).toBeGreaterThan(1);
  });

  it("gives frequencies within sampling error of the marginals on random graphs with zeros and huge ranges", () => {
    for (const [seed, spread] of [1, 2, 3, 4, 5, 6, 7, 8].map((s) => [s, s % 2 ? 1 : 500])) {
      const graph = randomFactorGraph(Random.fromSeed(seed), { zeros: 0.1, spread });
      const { marginals } = junctionTree(graph);
      if (!marginals) continue;
      const { sample } = exactSampler(graph);
      const random = Random.fromSeed(100 + seed);
      const draws = 4000;
      const counts = new Float64Array(marginals.values.length);
      for (let draw = 0; draw < draws; draw++)
        sample(random).forEach((state, variable) => counts[marginals.offsets[variable] + state]++);
      marginals.values.forEach((p, at) => {
        expect(Math.abs(counts[at] / draws - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / draws) + 1e-12);
      });
    }
  });

  it("repeats itself under the same seed and takes pairwise models", () => {
    const model = isingModel([0.1, -0.2, 0.3], [[0, 1, 1], [1, 2, -1]]); // prettier-ignore
    const draw = (): string[] => {
      const { sample } = exactSampler(model);
      const random = Random.fromSeed(9);
      return Array.from({ length: 20 }, () => sample(random).join());
    };
    expect(draw()).toEqual(draw());
    expect(new Set(draw()).size).toBeGreaterThan(1);
  });

  it("says that there is nothing to draw when Z = 0", () => {
    expect(() => exactSampler(factorGraph([2], [{ variables: [0], potentials: [0, 0] }]))).toThrow(/Z = 0/);
  });
});

function jointStates(cardinalities: number[]): number[][] {
  return cardinalities.reduce<number[][]>(
    (all, cardinality) =>
      all.flatMap((states) => Array.from({ length: cardinality }, (_, state) => [...states, state])),
    [[]],
  );
}
