import { describe, expect, it } from "vitest";
import { factorGraph, logScore, type FactorGraph } from "../../../src/graph/factor-graph.ts";
import { openGrid, periodicGrid } from "../../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../../src/graph/generators/ising.ts";
import { complete } from "../../../src/graph/generators/structured.ts";
import { toFactorGraph } from "../../../src/graph/convert.ts";
import { Random } from "../../../src/graph/random.ts";
import { branchAndBound, type BranchAndBoundOptions } from "../../../src/inference/exact/branch-and-bound.ts";
import { exactMap } from "../../../src/inference/exact/exact-map.ts";
import { eliminateVariables } from "../../../src/inference/exact/variable-elimination.ts";
import { infer } from "../../../src/inference/registry.ts";
import type { InferenceResult } from "../../../src/inference/result.ts";
import { bruteForce, randomFactorGraph } from "./random-graphs.ts";

const root = Random.fromSeed(71);

/** A proven answer that is the best score, or the proof that there is none. */
function expectProven({ map, logZ, converged }: InferenceResult, graph: FactorGraph, maxScore: number): void {
  expect(converged).toBe(true);
  if (maxScore === -Infinity) {
    expect(logZ).toBe(-Infinity);
    expect(map).toBeUndefined();
    return;
  }
  expect(map!.score).toBeCloseTo(maxScore, 9);
  expect(logScore(graph, map!.states)).toBe(map!.score);
  expect(map!.upperBound).toBe(map!.score);
}

describe("branch and bound", () => {
  const settings: [string, BranchAndBoundOptions][] = [
    ["as it is", {}],
    ["by search alone", { elimination: 0 }],
    ["by search without cycles", { elimination: 0, cycles: 0 }],
  ];
  it.each(settings)(
    "finds the best state of random factor graphs as enumeration does, %s: zeros, isolated variables, several components, 1-4 states, arity 0-4",
    (_, options) => {
      for (let trial = 0; trial < 500; trial++) {
        const spread = [0.2, 3, 50][(trial % 9) % 3];
        const graph = randomFactorGraph(root.split("graph", trial), { zeros: [0, 0.1, 0.4][trial % 3], spread });
        expectProven(branchAndBound(graph, options), graph, bruteForce(graph).maxScore);
      }
    },
  );

  it("finds one of the best states where many are equally good", () => {
    for (let trial = 0; trial < 150; trial++) {
      const drawn = randomFactorGraph(root.split("ties", trial), { zeros: 0.2, spread: 1 });
      const graph = { ...drawn, logPotentials: drawn.logPotentials.map(Math.sign) };
      expectProven(branchAndBound(graph, { elimination: 0 }), graph, bruteForce(graph).maxScore);
    }
  });

  it("agrees with variable elimination on frustrated grids, tori and complete graphs", () => {
    const graphs = [openGrid(9, 9), periodicGrid(6, 6), complete(16)];
    graphs.forEach((topology, which) => {
      for (const couplingDeviation of [0.5, 2]) {
        const random = root.split("frustrated", which, couplingDeviation);
        const graph = toFactorGraph(gaussianIsing(topology, random, { biasDeviation: 0.1, couplingDeviation }));
        const { score } = eliminateVariables(graph, { task: "max" }).map!;
        expectProven(branchAndBound(graph, { elimination: 0 }), graph, score);
      }
    });
  });

  it("brackets the best score when the time is up or a gap was asked for, and says that it is not proven", () => {
    const graph = toFactorGraph(gaussianIsing(complete(22), root.split("bracket"), { couplingDeviation: 1 }));
    const { score } = eliminateVariables(graph, { task: "max" }).map!;
    const answers = [
      branchAndBound(graph, { elimination: 0, seconds: 0.001 }),
      branchAndBound(graph, { elimination: 0, gap: 3 }),
    ];
    for (const { map } of answers) {
      expect(map!.score).toBe(logScore(graph, map!.states));
      expect(map!.score).toBeLessThanOrEqual(score + 1e-9);
      expect(map!.upperBound).toBeGreaterThanOrEqual(score - 1e-9);
    }
    const [hurried, content] = answers;
    expect(hurried.converged).toBe(false);
    expect(hurried.map!.upperBound).toBeGreaterThan(hurried.map!.score);
    expect(content.map!.upperBound! - content.map!.score).toBeLessThanOrEqual(3 + 1e-9);
  });

  it("keeps the gap that was asked for over all components together", () => {
    const parts = Array.from({ length: 4 }, (_, part) =>
      gaussianIsing(complete(9), root.split("part", part), { couplingDeviation: 1 }),
    ).map(toFactorGraph);
    const graph = factorGraph(
      new Int32Array(36).fill(2),
      parts.flatMap((part, at) =>
        Array.from({ length: part.numFactors }, (_, factor) => ({
          variables: part.scopes
            .subarray(part.scopeOffsets[factor], part.scopeOffsets[factor + 1])
            .map((i) => 9 * at + i),
          logPotentials: part.logPotentials.subarray(part.tableOffsets[factor], part.tableOffsets[factor + 1]),
        })),
      ),
    );
    const best = parts.reduce((sum, part) => sum + eliminateVariables(part, { task: "max" }).map!.score, 0);
    const { map } = branchAndBound(graph, { elimination: 0, gap: 1 });
    expect(map!.upperBound! - map!.score).toBeLessThanOrEqual(1 + 1e-9);
    expect(map!.upperBound).toBeGreaterThanOrEqual(best - 1e-9);
  });
});

describe("exact-map", () => {
  it("finds the best state of random factor graphs, as enumeration does", () => {
    for (let trial = 0; trial < 400; trial++) {
      const graph = randomFactorGraph(root.split("exact", trial), { zeros: [0, 0.1, 0.4][trial % 3], spread: 3 });
      expectProven(exactMap(graph), graph, bruteForce(graph).maxScore);
    }
  });

  it("proves what elimination cannot reach: a 20 x 20 torus with weak couplings", () => {
    const graph = toFactorGraph(
      gaussianIsing(periodicGrid(20, 20), root.split("torus"), { biasDeviation: 1, couplingDeviation: 0.5 }),
    );
    expect(() => eliminateVariables(graph, { task: "max" })).toThrow(/more than the limit/);
    const { map, converged } = exactMap(graph);
    expect(converged).toBe(true);
    expect(map!.upperBound).toBe(map!.score);
    expect(logScore(graph, map!.states)).toBe(map!.score);
  });

  it("answers with a bracket when the time is up", () => {
    const graph = toFactorGraph(gaussianIsing(complete(80), root.split("dense"), { couplingDeviation: 1 }));
    const { map, converged } = infer(graph, "exact-map[seconds=0.3]");
    expect(converged).toBe(false);
    expect(map!.upperBound).toBeGreaterThan(map!.score);
  });
});
