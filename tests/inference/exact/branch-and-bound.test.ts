import { describe, expect, it } from "vitest";
import { factorGraph, logScore } from "../../../src/graph/factor-graph.ts";
import { periodicGrid } from "../../../src/graph/generators/grid.ts";
import { isingOn } from "../../../src/graph/generators/ising.ts";
import { Random } from "../../../src/graph/random.ts";
import { branchAndBound } from "../../../src/inference/exact/branch-and-bound.ts";
import { bruteForce, randomFactorGraph } from "./random-graphs.ts";

const root = Random.fromSeed(71);

describe("branch and bound", () => {
  it("finds the best state of random factor graphs, as enumeration does", () => {
    for (let trial = 0; trial < 600; trial++) {
      const graph = randomFactorGraph(root.split("graph", trial), { zeros: [0, 0.1, 0.4][trial % 3], spread: 3 });
      const { maxScore } = bruteForce(graph);
      const { map, logZ, converged } = branchAndBound(graph, { elimination: 0 });
      expect(converged).toBe(true);
      if (maxScore === -Infinity) {
        expect(logZ).toBe(-Infinity);
        expect(map).toBeUndefined();
        continue;
      }
      expect(map!.score).toBeCloseTo(maxScore, 9);
      expect(logScore(graph, map!.states)).toBe(map!.score);
      expect(map!.upperBound).toBe(map!.score);
    }
  });
});
void factorGraph;
void periodicGrid;
void isingOn;
