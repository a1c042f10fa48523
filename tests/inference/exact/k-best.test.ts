import { describe, expect, it } from "vitest";
import { factorGraph, logScore } from "../../../src/graph/factor-graph.ts";
import { Random } from "../../../src/graph/random.ts";
import { bestStates } from "../../../src/inference/exact/k-best.ts";
import { bruteForce, randomFactorGraph } from "./random-graphs.ts";

describe("bestStates", () => {
  it("finds the scores of the k best states of random graphs, each state once", () => {
    for (let seed = 0; seed < 300; seed++) {
      const graph = randomFactorGraph(Random.fromSeed(seed), { zeros: seed % 2 ? 0.2 : 0 });
      const expected = bruteForce(graph)
        .scores.filter((score) => score > -Infinity)
        .slice(0, 12);
      const found = bestStates(graph, 12);
      expect(found.length).toBe(expected.length);
      expect(new Set(found.map(({ states }) => states.join())).size).toBe(found.length);
      found.forEach(({ states, score }, rank) => {
        expect(score).toBe(logScore(graph, states));
        expect(Math.abs(score - expected[rank])).toBeLessThan(1e-10);
      });
    }
  });

  it("lists every state of a graph without factors", () => {
    expect(
      bestStates(factorGraph([2, 3], []), 100)
        .map(({ states }) => states.join())
        .sort(),
    ).toEqual(
      ["0,0", "0,1", "0,2", "1,0", "1,1", "1,2"], // prettier-ignore
    );
  });

  it("gives none when no state is possible, and refuses a count that is no positive integer", () => {
    expect(bestStates(factorGraph([2], [{ variables: [0], potentials: [0, 0] }]), 3)).toEqual([]);
    expect(() => bestStates(factorGraph([2], []), 0)).toThrow(/positive integer/);
  });
});
