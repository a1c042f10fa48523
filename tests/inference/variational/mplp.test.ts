import { describe, expect, it } from "vitest";
import { factorGraph, logScore, scopeOf, tableOf } from "../../../src/graph/factor-graph.ts";
import { periodicGrid } from "../../../src/graph/generators/grid.ts";
import { gaussianIsing } from "../../../src/graph/generators/ising.ts";
import { Random } from "../../../src/graph/random.ts";
import { simplify } from "../../../src/inference/exact/simplify.ts";
import { treeReweighted } from "../../../src/inference/messages/tree-reweighted.ts";
import { infer } from "../../../src/inference/registry.ts";
import { CycleClusters } from "../../../src/inference/variational/cycle-clusters.ts";
import { MapDual } from "../../../src/inference/variational/map-dual.ts";
import { mplp } from "../../../src/inference/variational/mplp.ts";
import { bruteForce, randomFactorGraph } from "../exact/random-graphs.ts";
import { bruteForce as bruteForceMarginals, randomFactorGraph as randomWithOptions, randomIsing, toFactorGraph } from "../messages/brute-force.ts"; // prettier-ignore

const root = Random.fromSeed(61);

describe("MPLP", () => {
  it("brackets the best score of random factor graphs, its bound never rises", () => {
    for (let trial = 0; trial < 1000; trial++) {
      const graph = randomFactorGraph(root.split("graph", trial), { zeros: [0, 0.1, 0.4][trial % 3], spread: 2 });
      const { maxScore } = bruteForce(graph);
      const { map, logZ, upperBounds } = mplp(graph, {
        cycles: trial % 2 ? 50 : 0,
        maxIterations: [1, 5, 200][trial % 3],
      });
      const slack = 1e-9 * (1 + Math.abs(maxScore));
      upperBounds.forEach((bound, at) => {
        expect(bound).toBeGreaterThanOrEqual(maxScore - slack);
        if (at > 0) expect(bound).toBeLessThanOrEqual(upperBounds[at - 1] + 1e-9 * (1 + Math.abs(bound)));
      });
      if (logZ === -Infinity) {
        expect(maxScore).toBe(-Infinity);
        continue;
      }
      expect(map!.score).toBe(logScore(graph, map!.states));
      expect(map!.score).toBeLessThanOrEqual(maxScore + slack);
      expect(map!.upperBound).toBeGreaterThanOrEqual(Math.max(maxScore, map!.score) - slack);
    }
  });

  it("is tight on trees, also where several states are equally good", () => {
    for (let trial = 0; trial < 200; trial++) {
      const random = root.split("tree", trial);
      const tree = randomWithOptions(random, { numVariables: 8, forest: true, forbidden: [0, 0.2][trial % 2] });
      const graph = trial % 3 ? tree : { ...tree, logPotentials: tree.logPotentials.map(Math.sign) };
      const { bestScore } = bruteForceMarginals(graph);
      const { map, logZ } = mplp(graph, { tolerance: 0, maxIterations: 200 });
      if (bestScore === -Infinity) expect(logZ).toBe(-Infinity);
      else expect(map!.upperBound).toBeCloseTo(bestScore, 9);
    }
  });

  it("is no looser than tree-reweighted max-product on pairs, and cycles make it tighter", () => {
    let tightened = 0;
    for (let trial = 0; trial < 30; trial++) {
      const model = randomIsing(root.split("pairs", trial), { numVariables: 10, edges: 0.5, bias: 0.3, weight: 1 });
      const { bestScore } = bruteForceMarginals(toFactorGraph(model));
      const plain = mplp(model).map!.upperBound!;
      const withCycles = mplp(model, { cycles: 500 }).map!.upperBound!;
      const reweighted = treeReweighted(model, { temperature: 0 }).map!.upperBound!;
      // Both end in fixed points of coordinate descent, which need not be minima.
      expect(plain).toBeLessThanOrEqual(reweighted + 0.05 * (reweighted - bestScore) + 1e-6);
      expect(withCycles).toBeLessThanOrEqual(plain + 1e-9);
      if (withCycles < bestScore + 0.5 * (plain - bestScore)) tightened++;
    }
    expect(tightened).toBeGreaterThan(15);
  });

  it("proves a state of a frustrated torus optimal with cycles, which it cannot without", () => {
    const model = gaussianIsing(periodicGrid(8, 8), root.split("torus"), { biasDeviation: 0.3 });
    const [plain, tight] = [mplp(model), mplp(model, { cycles: 2000 })];
    expect(plain.map!.upperBound! - plain.map!.score).toBeGreaterThan(1);
    expect(tight.map!.upperBound! - tight.map!.score).toBeLessThan(0.3);
  });

  it("stops when the time is up, and takes method strings", () => {
    const model = gaussianIsing(periodicGrid(30, 30), root.split("large"));
    const result = infer(model, "mplp[cycles=5000,seconds=0.2,maxIterations=100000]");
    expect(result.seconds).toBeLessThan(10);
    expect(result.map!.upperBound).toBeGreaterThan(result.map!.score);
    expect(() => infer(model, "mplp[seconds=0]")).toThrow(/option seconds/);
  });
});

describe("the MAP dual", () => {
  it("is the same model whatever has been done to it: b + r + c + cycles give every state's score", () => {
    for (let trial = 0; trial < 60; trial++) {
      const graph = simplify(randomFactorGraph(root.split("dual", trial), { zeros: 0, maxVariables: 6 })).graph;
      const dual = new MapDual(graph);
      const cycles = new CycleClusters(dual);
      const snapshot = dual.snapshot();
      for (let round = 0; round < 5; round++) {
        cycles.addFrustrated(20);
        cycles.sweep();
        dual.sweep();
      }
      const states = root.split("states", trial);
      for (let draw = 0; draw < 20; draw++) {
        const state = graph.cardinalities.map((cardinality) => states.integer(cardinality));
        expect(reparameterised(dual, cycles, state)).toBeCloseTo(logScore(graph, state), 8);
      }
      if (cycles.length > 0) continue;
      dual.restore(snapshot);
      expect(dual.bound).toBe(snapshot.bound);
    }
  });

  it("bounds every state that has x_i = a by bound + slack, and takes out none that beats the target", () => {
    for (let trial = 0; trial < 150; trial++) {
      const graph = randomFactorGraph(root.split("slacks", trial), { zeros: 0.1, spread: 2, maxVariables: 6 });
      const { maxScore } = bruteForce(graph);
      if (maxScore === -Infinity) continue;
      const best = maxMarginals(graph);
      const dual = new MapDual(graph);
      const target = maxScore - 1;
      for (let sweep = 0; sweep < 4; sweep++) expect(dual.sweep(target)).toBe(true);
      const slacks = new Float64Array(4);
      for (let variable = 0; variable < graph.numVariables; variable++) {
        dual.slacks(variable, slacks);
        const left = dual.domains.subarray(
          dual.variableOffsets[variable],
          dual.variableOffsets[variable] + dual.domainSizes[variable],
        );
        best[variable].forEach((score, state) => {
          if (left.includes(state))
            expect(dual.bound + slacks[state]).toBeGreaterThanOrEqual(
              Math.min(score, score > target ? score : -Infinity) - 1e-9,
            );
          else expect(score).toBeLessThanOrEqual(target + 1e-9);
        });
      }
    }
  });
});

/** The best score with x_i = a, for every variable and state, by enumeration. */
function maxMarginals(graph: ReturnType<typeof randomFactorGraph>): number[][] {
  return Array.from(graph.cardinalities, (cardinality, variable) =>
    Array.from({ length: cardinality }, (_, state) => {
      const only = Array.from({ length: cardinality }, (_, other) => (other === state ? 0 : -Infinity));
      const inputs = Array.from({ length: graph.numFactors }, (_, factor) => ({
        variables: scopeOf(graph, factor),
        logPotentials: Array.from(tableOf(graph, factor)),
      }));
      return bruteForce(factorGraph(graph.cardinalities, [...inputs, { variables: Int32Array.of(variable), logPotentials: only }])).maxScore; // prettier-ignore
    }),
  );
}

function reparameterised(dual: MapDual, cycles: CycleClusters, states: Int32Array): number {
  const { core, beliefs, variableOffsets, messages, messageOffsets, tables } = dual;
  let total = dual.bound + cycles.score(states);
  states.forEach((state, variable) => (total += beliefs[variableOffsets[variable] + state]));
  for (let factor = 0; factor < core.numFactors; factor++) {
    let index = 0;
    for (let edge = core.scopeOffsets[factor]; edge < core.scopeOffsets[factor + 1]; edge++) {
      const variable = core.scopes[edge];
      index = index * core.cardinalities[variable] + states[variable];
      total -= messages[messageOffsets[edge] + states[variable]];
    }
    total += tables[core.tableOffsets[factor] + index];
  }
  return total;
}
