import { describe, expect, it } from "vitest";
import {
  chainFactorGraph,
  chainGraph,
  sigmoidBeliefNetwork,
  withFields,
  type ChainGraph,
  type DirectedEdge,
} from "../../../src/graph/chain-graph.ts";
import { condition } from "../../../src/graph/condition.ts";
import { boltzmannMachine, logPotential, type WeightedEdge } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { ChainBound } from "../../../src/inference/bounds/chain-bound.ts";
import { chainLikelihood, chainProbability } from "../../../src/inference/bounds/chain-likelihood.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { allStates } from "../pairwise-models.ts";

/** Clusters of 1 to `largest` variables in a row, directed edges from any earlier cluster. */
function randomChain(random: Random, numVariables: number, largest: number, scale: number): ChainGraph {
  const undirected: WeightedEdge[] = [];
  const directed: DirectedEdge[] = [];
  const clusterOf: number[] = [];
  for (let i = 0, cluster = 0; i < numVariables; cluster++)
    for (let size = 1 + random.integer(largest); size > 0 && i < numVariables; size--) {
      if (clusterOf[i - 1] === cluster) undirected.push([i - 1, i, random.uniform(-scale, scale)]);
      clusterOf[i++] = cluster;
    }
  for (let i = 0; i < numVariables; i++)
    for (let j = 0; j < i; j++)
      if (clusterOf[j] < clusterOf[i] && random.bernoulli(0.6)) directed.push([j, i, random.uniform(-scale, scale)]);
      else if (clusterOf[j] === clusterOf[i] && j < i - 1 && random.bernoulli(0.5))
        undirected.push([j, i, random.uniform(-scale, scale)]);
  return chainGraph(
    Array.from({ length: numVariables }, () => random.uniform(-scale, scale)),
    undirected,
    directed,
  );
}

/** Eq. 15 by hand. */
function probability({ clusters }: ChainGraph, states: ArrayLike<number>): number {
  let log = 0;
  for (const cluster of clusters) {
    const given = withFields(
      cluster,
      Array.from(cluster.parents, (parent) => states[parent]),
    );
    log += logPotential(
      given,
      Array.from(cluster.variables, (i) => states[i]),
    );
    log -= enumerate(given).logZ!;
  }
  return Math.exp(log);
}

function evidenceOf(random: Random, numVariables: number, share: number): Map<number, number> {
  const evidence = new Map<number, number>();
  for (let i = 0; i < numVariables; i++) if (random.bernoulli(share)) evidence.set(i, random.integer(2));
  return evidence;
}

describe("chainGraph", () => {
  it("is a distribution, and the same one as its factor graph", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = Random.fromSeed(seed);
      const chain = randomChain(random, 6, 3, 3);
      const evidence = evidenceOf(random, 6, 0.4);
      const states = allStates(6);
      const agreeing = states.filter((state) => [...evidence].every(([i, a]) => state[i] === a));
      const sum = (some: number[][]) => some.reduce((total, state) => total + probability(chain, state), 0);
      expect(sum(states)).toBeCloseTo(1, 10);
      const { logZ } = junctionTree(condition(chainFactorGraph(chain), evidence).graph, { map: false });
      expect(logZ!).toBeCloseTo(Math.log(sum(agreeing)), 9);
    }
  });

  it("of one cluster is a Boltzmann machine, of single variables a sigmoid belief network", () => {
    const machine = boltzmannMachine([0.5, -1, 0.2], [[0, 1, 1], [1, 2, -2]]); // prettier-ignore
    const one = chainGraph(machine.biases, [[0, 1, 1], [1, 2, -2]], []); // prettier-ignore
    for (const state of allStates(3))
      expect(Math.log(probability(one, state))).toBeCloseTo(
        logPotential(machine, state) - enumerate(machine).logZ!,
        10,
      );
    const network = sigmoidBeliefNetwork([0.5, -1], [[0, 1, 2]]);
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    expect(probability(network, [1, 1])).toBeCloseTo(sigmoid(0.5) * sigmoid(1), 12);
    expect(probability(network, [0, 1])).toBeCloseTo(sigmoid(-0.5) * sigmoid(-1), 12);
  });

  it("names the edge that it cannot take", () => {
    expect(() => sigmoidBeliefNetwork([0, 0], [[0, 1, 1], [1, 0, 1]])).toThrow(/close a cycle/); // prettier-ignore
    expect(() => chainGraph([0, 0], [[0, 1, 1]], [[0, 1, 1]])).toThrow(/0 -> 1 lies within a cluster/);
    expect(() => sigmoidBeliefNetwork([0, 0], [[0, 2, 1]])).toThrow(/2 is not a variable/);
    expect(() => sigmoidBeliefNetwork([0, 0], [[0, 1, 1], [0, 1, 2]])).toThrow(/0 -> 1 is given twice/); // prettier-ignore
    expect(() => sigmoidBeliefNetwork([0, 0], [[0, 1, NaN]])).toThrow(/must be finite/);
  });
});

describe("ChainBound", () => {
  it.each(["lower", "upper"] as const)("has the gradient of its value: %s", (side) => {
    for (let seed = 0; seed < 40; seed++) {
      const random = Random.fromSeed(seed).split("gradient");
      const n = 4;
      const machine = boltzmannMachine(
        Array.from({ length: n }, () => random.uniform(-1, 1)),
        [[0, 1, random.normal()], [1, 2, random.normal()]], // prettier-ignore
      );
      const clusters = [1, 3, 12].map((size) => ({
        machine: boltzmannMachine(
          Array.from({ length: size }, () => random.uniform(-1, 1)),
          Array.from({ length: size - 1 }, (_, v): WeightedEdge => [v, v + 1, random.uniform(-1, 1)]),
        ),
        parents: Int32Array.of(0, 2, 3),
        parentWeights: Float64Array.from({ length: 3 * size }, () => random.uniform(-1, 1)),
      }));
      const bound = new ChainBound(side, machine, clusters, Int32Array.of(3, 1));
      const parameters = Float64Array.from({ length: bound.numParameters }, () => random.uniform(-0.5, 1));
      const [gradient, unused] = [new Float64Array(bound.numParameters), new Float64Array(bound.numParameters)];
      bound.evaluate(parameters, gradient);
      for (let k = 0; k < bound.numParameters; k++) {
        const at = (step: number) => bound.evaluate(parameters.with(k, parameters[k] + step), unused);
        expect(gradient[k]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 5);
      }
    }
  });
});

describe("chainLikelihood", () => {
  it("brackets the likelihood of hundreds of chain graphs without the exact way out, and is exact with it", () => {
    for (let seed = 0; seed < 500; seed++) {
      const random = Random.fromSeed(seed).split("likelihood");
      const n = 2 + random.integer(7);
      const chain = randomChain(random, n, [1, 3, 8][random.integer(3)], [0.5, 2, 6, 60][random.integer(4)]);
      const evidence = evidenceOf(random, n, 0.4);
      const exact = junctionTree(condition(chainFactorGraph(chain), evidence).graph, { map: false }).logZ!;
      const rough = chainLikelihood(chain, evidence, { exactWidth: random.integer(2), maxIterations: 40 });
      const tolerance = 1e-9 * (1 + Math.abs(exact));
      expect(rough.lower).toBeLessThanOrEqual(exact + tolerance);
      expect(rough.upper).toBeGreaterThanOrEqual(exact - tolerance);
      expect(rough.upper).toBeLessThanOrEqual(0);
      const best = chainLikelihood(chain, evidence);
      expect(best.isExact).toBe(true);
      expect(Math.abs(best.lower - exact)).toBeLessThan(tolerance);
      expect(Math.abs(best.upper - exact)).toBeLessThan(tolerance);
    }
  });

  it("is tight at moderate weights: a two-layer sigmoid network of 8 causes and 12 effects", () => {
    const random = Random.fromSeed(8);
    const edges = Array.from({ length: 96 }, (_, k): DirectedEdge => [
      k % 8,
      8 + Math.floor(k / 8),
      random.uniform(-1, 1),
    ]);
    const network = sigmoidBeliefNetwork(new Float64Array(20), edges);
    const evidence = new Map(Array.from({ length: 12 }, (_, k) => [8 + k, random.integer(2)]));
    const exact = junctionTree(condition(chainFactorGraph(network), evidence).graph, { map: false }).logZ!;
    const { lower, upper } = chainLikelihood(network, evidence, { exactWidth: 4 });
    expect(lower).toBeLessThanOrEqual(exact);
    expect(upper).toBeGreaterThanOrEqual(exact);
    expect(exact - lower).toBeLessThan(0.3);
    // A linear bound on each of twelve logistic functions for all 256 states of the causes at once.
    expect(upper - exact).toBeLessThan(0.8);
  });

  it("knows that nothing observed has probability 1", () => {
    const chain = randomChain(Random.fromSeed(1), 30, 3, 1);
    expect(chainLikelihood(chain, new Map())).toMatchObject({ lower: 0, upper: 0, isExact: true });
  });
});

describe("chainProbability", () => {
  it("holds P(A = a | B = b) within [0, 1] on hundreds of chain graphs", () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = Random.fromSeed(seed).split("conditional");
      const n = 3 + random.integer(4);
      const chain = randomChain(random, n, 2, [1, 4][seed % 2]);
      const [query, given] = [evidenceOf(random, n, 0.3), evidenceOf(random, n, 0.4)];
      const logOf = (evidence: Map<number, number>) =>
        junctionTree(condition(chainFactorGraph(chain), evidence).graph, { map: false }).logZ!;
      const clash = [...query].some(([i, a]) => given.has(i) && given.get(i) !== a);
      const exact = clash ? 0 : Math.exp(logOf(new Map([...query, ...given])) - logOf(given));
      const [low, high] = chainProbability(chain, query, given, {
        exactWidth: seed % 3 === 0 ? 12 : 0,
        maxIterations: 30,
      });
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(exact).toBeGreaterThanOrEqual(low - 1e-9);
      expect(exact).toBeLessThanOrEqual(high + 1e-9);
    }
  });
});
