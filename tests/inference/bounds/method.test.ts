import { describe, expect, it } from "vitest";
import { toFactorGraph } from "../../../src/graph/convert.ts";
import { factorGraph } from "../../../src/graph/factor-graph.ts";
import { randomFactorGraph } from "../../../src/graph/generators/random-factors.ts";
import { fullyConnectedBoltzmann } from "../../../src/graph/generators/boltzmann.ts";
import { Random } from "../../../src/graph/random.ts";
import { inferBounds } from "../../../src/inference/bounds/method.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { infer, parseMethod } from "../../../src/inference/registry.ts";
import type { InferenceResult } from "../../../src/inference/result.ts";

function expectInside(found: InferenceResult, exact: InferenceResult): void {
  expect(exact.logZ!).toBeGreaterThanOrEqual(found.logZInterval![0] - 1e-9);
  expect(exact.logZ!).toBeLessThanOrEqual(found.logZInterval![1] + 1e-9);
  exact.marginals?.values.forEach((p, at) => {
    expect(p).toBeGreaterThanOrEqual(found.marginalIntervals!.lower.values[at] - 1e-9);
    expect(p).toBeLessThanOrEqual(found.marginalIntervals!.upper.values[at] + 1e-9);
  });
}

describe("bounds", () => {
  it("takes the issue's method string and prints it back canonically", () => {
    expect(parseMethod("bounds[lower=factorised,upper=refined,exactWidth=12,seconds=5]").text).toBe(
      "bounds[upper=refined,seconds=5]",
    );
    expect(() => parseMethod("bounds[upper=tight]")).toThrow(/option upper/);
  });

  it("answers a Boltzmann machine and its factor graph alike, with intervals around the exact answers", () => {
    for (let seed = 0; seed < 20; seed++) {
      const model = fullyConnectedBoltzmann(9, 2, Random.fromSeed(seed), 1);
      const exact = junctionTree(model);
      const spec = "bounds[exactWidth=3]";
      const [direct, asGraph] = [infer(model, spec), infer(toFactorGraph(model), spec)];
      for (const found of [direct, asGraph]) {
        expect(found.bound).toBe("interval");
        expect(found.logZ).toBeUndefined();
        expectInside(found, exact);
      }
      expect(asGraph.logZInterval![0]).toBeCloseTo(direct.logZInterval![0], 6);
    }
  });

  it("answers exactly what a junction tree can do, whatever its states and arities", () => {
    for (let seed = 0; seed < 40; seed++) {
      const graph = randomFactorGraph(
        { numVariables: 6, numFactors: 6, arity: 3, cardinality: 2 + (seed % 2), strength: 1 },
        Random.fromSeed(seed),
      );
      const exact = junctionTree(graph, { map: false });
      const found = inferBounds(graph, { exactWidth: 20 });
      expect(found.bound).toBe("exact");
      if (exact.logZ === -Infinity) expect(found.logZ).toBe(-Infinity);
      else expectInside(found, exact);
    }
  });

  it("says Z = 0 when zeros alone show it, and removes what they rule out", () => {
    const zero = factorGraph(
      [2, 2],
      [
        { variables: [0], potentials: [0, 1] },
        { variables: [0, 1], potentials: [1, 1, 0, 0] },
      ],
    );
    expect(infer(zero, "bounds")).toMatchObject({ bound: "exact", logZ: -Infinity });
    const decided = factorGraph([2, 2, 2], [{ variables: [0], potentials: [0, 1] }, { variables: [0, 1, 2], potentials: [1, 2, 3, 4, 5, 6, 7, 8] }]); // prettier-ignore
    const found = infer(decided, "bounds");
    expectInside(found, junctionTree(decided));
    expect(found.marginalIntervals!.lower.of(0)[1]).toBe(1);
  });

  it("refuses what has no exact reduction, saying what stands in the way", () => {
    const triples = Array.from({ length: 10 }, (_, i) =>
      Array.from({ length: i }, (_, j) => ({ variables: [j, i, 10], potentials: [1, 2, 3, 4, 5, 6, 7, 8] })),
    ).flat();
    const graph = factorGraph(new Array<number>(11).fill(2), triples);
    expect(() => infer(graph, "bounds[exactWidth=4]")).toThrow(
      /factor 0 joins 3 variables, not at most 2 .*treewidth, 10 .* beyond exactWidth=4.*trbp/,
    );
  });
});
