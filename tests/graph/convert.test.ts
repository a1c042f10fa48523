import { describe, expect, test } from "vitest";
import { pairwiseBinaryObstacle, toFactorGraph, toPairwiseBinary } from "../../src/graph/convert.ts";
import { factorGraph, logScore } from "../../src/graph/factor-graph.ts";
import { gaussianIsing } from "../../src/graph/generators/ising.ts";
import { complete, structuredFamilies, structuredGraph } from "../../src/graph/generators/structured.ts";
import { boltzmannMachine, isingModel, logPotential, toBoltzmann } from "../../src/graph/pairwise.ts";
import { Random } from "../../src/graph/random.ts";
import { jointStates } from "./brute-force.ts";

describe("toFactorGraph", () => {
  test("keeps ln p~ of every state, of Ising models and Boltzmann machines, constant included", () => {
    for (const family of structuredFamilies) {
      const random = Random.fromSeed(3).split(family);
      const ising = gaussianIsing(structuredGraph(family, 7, random), random);
      const withConstant = { ...ising, logConstant: 1.25 };
      for (const model of [ising, toBoltzmann(ising), withConstant, toBoltzmann(withConstant)])
        for (const states of jointStates(new Array<number>(7).fill(2)))
          expect(logScore(toFactorGraph(model), states)).toBeCloseTo(logPotential(model, states), 11);
    }
  });

  test("numbers factors: biases, edges, and last the constant if there is one", () => {
    const graph = toFactorGraph(isingModel([0, 0, 0], [[0, 2, 1]], 2));
    expect(graph.numFactors).toBe(5);
    expect([...graph.scopeOffsets]).toEqual([0, 1, 2, 3, 5, 5]);
    expect(graph.logPotentials.at(-1)).toBe(2);
    expect(toFactorGraph(isingModel([0, 0, 0], [[0, 2, 1]])).numFactors).toBe(4);
  });
});

describe("toPairwiseBinary", () => {
  test("is the inverse of toFactorGraph, to the last digit", () => {
    const random = Random.fromSeed(11);
    const model = { ...gaussianIsing(complete(8), random), logConstant: 0 };
    const back = toPairwiseBinary(toFactorGraph(model));
    expect(back).toEqual(model);
  });

  test("adds up factors over the same pair, in either order, and keeps ln p~ of every state", () => {
    const random = Random.fromSeed(12);
    const table = (length: number): Float64Array => Float64Array.from({ length }, () => random.normal());
    const scopes = [[0, 1], [1, 0], [2], [1, 2], [], [0], [2, 1], [0, 1], [3]];
    const graph = factorGraph(
      [2, 2, 2, 2],
      scopes.map((variables) => ({ variables, logPotentials: table(2 ** variables.length) })),
    );
    const model = toPairwiseBinary(graph)!;
    expect(model.numEdges).toBe(2);
    for (const states of jointStates(graph.cardinalities))
      expect(logPotential(model, states)).toBeCloseTo(logScore(graph, states), 12);
  });

  test("says what stands in the way", () => {
    const ternary = factorGraph([2, 3], []);
    const wide = factorGraph([2, 2, 2], [{ variables: [0, 1, 2], potentials: new Array<number>(8).fill(1) }]);
    const forbidding = factorGraph([2], [{ variables: [0], potentials: [0, 1] }]);
    expect(pairwiseBinaryObstacle(ternary)).toBe("variable 1 has 3 states, not 2");
    expect(pairwiseBinaryObstacle(wide)).toBe("factor 0 joins 3 variables, not at most 2");
    expect(pairwiseBinaryObstacle(forbidding)).toContain("factor 0 forbids a state");
    for (const graph of [ternary, wide, forbidding]) expect(toPairwiseBinary(graph)).toBeUndefined();
    expect(pairwiseBinaryObstacle(toFactorGraph(boltzmannMachine([1, 2])))).toBeUndefined();
  });
});
