import { describe, expect, it } from "vitest";
import { factorGraph, fromArrays, type FactorGraph } from "../../../src/graph/factor-graph.ts";
import { isingModel, toBoltzmann } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { beliefPropagation, maxProduct } from "../../../src/inference/messages/belief-propagation.ts";
import { schedules } from "../../../src/inference/messages/schedule.ts";
import { bruteForce, largestDifference, randomFactorGraph, randomIsing, toFactorGraph } from "./brute-force.ts";

const root = Random.fromSeed(20);
const loopy = schedules.filter((schedule) => schedule !== "tree");

/** |a - b| relative to 1 + |b|. */
const relative = (a: number, b: number): number => Math.abs(a - b) / (1 + Math.abs(b));

/** Error of ln Z, variable and factor marginals against brute force. */
function error(graph: FactorGraph, result: ReturnType<typeof beliefPropagation>): number {
  const exact = bruteForce(graph);
  return Math.max(
    relative(result.logZ!, exact.logZ),
    largestDifference(result.marginals!.toArrays(), exact.marginals),
    largestDifference(result.factorMarginals!.toArrays(), exact.factorMarginals),
  );
}

describe("belief propagation on forests", () => {
  for (const schedule of schedules)
    it(`gives exact ln Z, marginals and MAP states of random forests, schedule ${schedule}`, () => {
      for (let trial = 0; trial < 150; trial++) {
        const graph = randomFactorGraph(root.split("forest", trial), {
          numVariables: 6,
          forest: true,
          forbidden: trial % 3 === 0 ? 0.3 : 0,
          strength: trial % 5 === 0 ? 300 : 1,
        });
        const { logZ, bestScore } = bruteForce(graph);
        const sum = beliefPropagation(graph, { schedule });
        expect(sum.bound).toBe("exact");
        expect(sum.converged).toBe(true);
        if (logZ === -Infinity) {
          expect(sum.logZ).toBe(-Infinity);
          expect(sum.marginals).toBeUndefined();
          continue;
        }
        expect(error(graph, sum)).toBeLessThan(1e-11);
        const { map } = maxProduct(graph, { schedule });
        expect(relative(map!.score, bestScore)).toBeLessThan(1e-13);
        expect(map!.upperBound).toBe(map!.score);
      }
    });

  it("needs two sweeps, which are one iteration of schedule tree", () => {
    const graph = randomFactorGraph(root.split("two sweeps"), { numVariables: 7, forest: true });
    expect(beliefPropagation(graph, { schedule: "tree" }).iterations).toBe(1);
  });

  it("does not call one iteration of schedule tree converged when messages are damped", () => {
    const graph = randomFactorGraph(root.split("damped tree"), { numVariables: 7, forest: true });
    const model = randomIsing(root.split("damped tree"), { numVariables: 7, edges: "tree", bias: 1, weight: 1 });
    for (const form of [graph, model, toFactorGraph(model)]) {
      const damped = beliefPropagation(form, { schedule: "tree", damping: 0.5, tolerance: 1e-12 });
      expect(damped.converged).toBe(true);
      expect(damped.iterations).toBeGreaterThan(5);
      expect(damped.logZ).toBeCloseTo(beliefPropagation(form, { schedule: "tree" }).logZ!, 9);
    }
  });

  it("gives exact answers for pairwise binary trees with weak, strong and huge couplings", () => {
    for (let trial = 0; trial < 60; trial++) {
      const strength = [0.01, 1, 60, 1e4][trial % 4];
      const model = randomIsing(root.split("tree", trial), {
        numVariables: 7,
        edges: "tree",
        bias: strength,
        weight: strength,
      });
      const graph = toFactorGraph(model);
      const exact = bruteForce(graph);
      for (const schedule of schedules)
        for (const form of [model, toBoltzmann(model)]) {
          const result = beliefPropagation(form, { schedule });
          expect(result.bound).toBe("exact");
          expect(relative(result.logZ!, exact.logZ)).toBeLessThan(1e-11);
          // toBoltzmann rounds parameters of size 1e4 to about 1e-12.
          expect(largestDifference(result.marginals!.toArrays(), exact.marginals)).toBeLessThan(1e-9);
          expect(largestDifference(result.factorMarginals!.toArrays(), exact.factorMarginals.slice(0, 6))).toBeLessThan(
            1e-9,
          );
          const { map } = maxProduct(form, { schedule });
          expect(relative(map!.score, exact.bestScore)).toBeLessThan(1e-12);
        }
    }
  });

  it("finds a MAP state among many equally good ones without mixing them up", () => {
    const equal = [0, -Infinity, -Infinity, 0];
    const graph = factorGraph(
      [2, 2, 2],
      [0, 1].map((i) => ({ variables: [i, i + 1], logPotentials: equal })),
    );
    expect(maxProduct(graph).map!.score).toBe(0);
  });
});

describe("belief propagation on graphs with cycles", () => {
  it("reaches the same fixed point by every schedule and damping on weakly coupled models", () => {
    for (let trial = 0; trial < 10; trial++) {
      const graph = randomFactorGraph(root.split("weak", trial), { numVariables: 7, numFactors: 12, strength: 0.3 });
      const model = randomIsing(root.split("weak", trial), { numVariables: 8, edges: 0.5, bias: 0.5, weight: 0.15 });
      for (const form of [graph, model]) {
        const reference = beliefPropagation(form, { tolerance: 1e-13 });
        for (const schedule of loopy)
          for (const dampingDomain of ["log", "probability"] as const) {
            const damped = beliefPropagation(form, { schedule, damping: 0.4, dampingDomain, tolerance: 1e-12 });
            expect(damped.converged).toBe(true);
            expect(damped.logZ).toBeCloseTo(reference.logZ!, 10);
            expect(largestDifference(damped.marginals!.toArrays(), reference.marginals!.toArrays())).toBeLessThan(
              1e-10,
            );
          }
      }
    }
  });

  it("is the same on an Ising model and on its factor graph, at any strength", () => {
    for (let trial = 0; trial < 30; trial++) {
      const strength = [0.3, 0.6, 200][trial % 3];
      const model = randomIsing(root.split("forms", trial), {
        numVariables: 7,
        edges: 0.35,
        bias: strength,
        weight: strength,
      });
      for (const temperature of [1, 0.5, 0]) {
        const options = { temperature, tolerance: 1e-12, damping: 0.3 };
        const [pairwise, general] = [
          beliefPropagation(model, options),
          beliefPropagation(toFactorGraph(model), options),
        ];
        const { bestScore } = bruteForce(toFactorGraph(model));
        for (const { map } of [pairwise, general])
          if (map) expect(map.score).toBeLessThanOrEqual(bestScore + 1e-9 * Math.abs(bestScore));
        if (!pairwise.converged || !general.converged) continue;
        if (temperature > 0) expect(relative(pairwise.logZ!, general.logZ!)).toBeLessThan(1e-9);
        expect(largestDifference(pairwise.marginals!.toArrays(), general.marginals!.toArrays())).toBeLessThan(1e-8);
      }
    }
  });

  it("bounds ln Z from below on attractive binary models, also after flips of variables, and says so", () => {
    let checked = 0;
    for (let trial = 0; trial < 60; trial++) {
      const random = root.split("attractive", trial);
      const attractive = randomIsing(random, { numVariables: 8, edges: 0.5, bias: 1, weight: 0.7, attractive: true });
      const signs = Array.from({ length: 8 }, () => (random.bernoulli() ? 1 : -1));
      const flipped = isingModel(
        attractive.biases.map((bias, i) => bias * signs[i]),
        Array.from(attractive.weights, (weight, edge) => {
          const [i, j] = [attractive.edgeSources[edge], attractive.edgeTargets[edge]];
          return [i, j, weight * signs[i] * signs[j]] as const;
        }),
        attractive.logConstant,
      );
      const { logZ } = bruteForce(toFactorGraph(attractive));
      for (const model of [attractive, flipped, toFactorGraph(flipped)]) {
        const result = beliefPropagation(model);
        if (!result.converged || result.bound === "exact") continue;
        checked++;
        expect(result.bound).toBe("lower");
        expect(result.logZ).toBeLessThanOrEqual(logZ + 1e-9);
      }
    }
    expect(checked).toBeGreaterThan(100);
  });

  it("calls ln Z of a frustrated model no bound", () => {
    const frustrated = isingModel([0.1, 0, 0], [[0, 1, 0.5], [1, 2, 0.5], [0, 2, -0.5]]); // prettier-ignore
    expect(beliefPropagation(frustrated).bound).toBe("none");
    expect(beliefPropagation(toFactorGraph(frustrated)).bound).toBe("none");
  });
});

describe("belief propagation and Z = 0", () => {
  it("proves a contradiction, and never answers NaN, on random graphs with forbidden states", () => {
    let impossible = 0;
    for (let trial = 0; trial < 200; trial++) {
      const graph = randomFactorGraph(root.split("zero", trial), { numVariables: 5, numFactors: 9, forbidden: 0.45 });
      const exact = bruteForce(graph);
      for (const schedule of loopy) {
        const result = beliefPropagation(graph, { schedule, maxIterations: 50, damping: trial % 2 ? 0.3 : 0 });
        expect(result.logZ).not.toBeNaN();
        expect(result.maxDelta.some(Number.isNaN)).toBe(false);
        expect(result.marginals?.values.some(Number.isNaN) ?? false).toBe(false);
        if (result.logZ === -Infinity && result.bound === "exact") {
          impossible++;
          expect(exact.logZ).toBe(-Infinity);
        }
      }
    }
    expect(impossible).toBeGreaterThan(100);
  });

  it("takes a constant factor of -Infinity, and a factor that forbids everything, as Z = 0", () => {
    for (const variables of [[], [0], [0, 1]]) {
      const graph = factorGraph(
        [2, 2],
        [{ variables, logPotentials: new Array<number>(2 ** variables.length).fill(-Infinity) }],
      );
      for (const result of [beliefPropagation(graph), maxProduct(graph)])
        expect(result).toMatchObject({ logZ: -Infinity, bound: "exact", converged: true });
    }
  });
});

describe("belief propagation does not depend on how a model is written", () => {
  it("keeps marginals under relabelling of variables, another axis order and rescaled factors", () => {
    for (let trial = 0; trial < 20; trial++) {
      const random = root.split("written", trial);
      const graph = randomFactorGraph(random, { numVariables: 6, numFactors: 9, strength: 0.4 });
      const before = beliefPropagation(graph, { tolerance: 1e-12 });
      const renamed = random.permutation(graph.numVariables);
      let shift = 0;
      const { factors, cardinalities } = rewritten(graph, renamed, random, (constant) => (shift += constant));
      const after = beliefPropagation(factorGraph(cardinalities, factors), { tolerance: 1e-12 });
      expect(after.logZ! - shift).toBeCloseTo(before.logZ!, 9);
      const back = Array.from(renamed, (name) => Array.from(after.marginals!.of(name)));
      expect(largestDifference(back, before.marginals!.toArrays())).toBeLessThan(1e-9);
    }
  });

  it("repeats a random schedule from the same seed, and differs for another", () => {
    const model = randomIsing(root.split("seed"), { numVariables: 12, edges: 0.4, bias: 0.5, weight: 0.3 });
    const once = (seed: number) =>
      beliefPropagation(model, { schedule: "random" }, { random: Random.fromSeed(seed) }).maxDelta;
    expect(once(1)).toEqual(once(1));
    expect(once(1)).not.toEqual(once(2));
  });
});

describe("belief propagation far outside the range of float64", () => {
  it("gives exact marginals of a chain whose tables span thousands of nats", () => {
    const steep = { length: 6 };
    const graph = factorGraph(
      new Array<number>(7).fill(3),
      Array.from(steep, (_, i) => ({
        variables: [i, i + 1],
        logPotentials: Array.from({ length: 9 }, (_, at) => -700 * ((at * (i + 2)) % 5)),
      })),
    );
    expect(error(graph, beliefPropagation(graph, { schedule: "tree" }))).toBeLessThan(1e-12);
  });

  it("tells the underflow of many small messages from a contradiction", () => {
    const unary = (log: number) => ({ variables: [0], logPotentials: [log, -log] });
    const pulls = Array.from({ length: 40 }, (_, i) => unary(i % 2 ? 300 : -300));
    const graph = factorGraph([2], [...pulls, unary(0.5)]);
    expect(beliefPropagation(graph).marginals!.of(0)[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  });

  it("serves a hub with thousands of neighbours", () => {
    const leaves = 3000;
    const cardinalities = new Int32Array(leaves + 1).fill(2);
    const scopes = Int32Array.from({ length: 2 * leaves }, (_, at) => (at % 2 ? (at + 1) / 2 : 0));
    const offsets = Int32Array.from({ length: leaves + 1 }, (_, factor) => 2 * factor);
    const tables = Float64Array.from({ length: 4 * leaves }, (_, at) => ((at % 4) * (at >> 2)) / (4 * leaves));
    const graph = fromArrays(
      cardinalities,
      offsets,
      scopes,
      Float64Array.from(offsets, (at) => 2 * at),
      tables,
    );
    const result = beliefPropagation(graph, { schedule: "parallel" });
    let logZ = [0, 0];
    for (let leaf = 0; leaf < leaves; leaf++)
      logZ = logZ.map(
        (sum, state) =>
          sum + Math.log(Math.exp(tables[4 * leaf + 2 * state]) + Math.exp(tables[4 * leaf + 2 * state + 1])),
      );
    const exact = Math.max(...logZ) + Math.log1p(Math.exp(-Math.abs(logZ[0] - logZ[1])));
    expect(relative(result.logZ!, exact)).toBeLessThan(1e-12);
  });
});

it("belief propagation says what is wrong with options and graphs", () => {
  const triangle = isingModel([0, 0, 0], [[0, 1, 1], [1, 2, 1], [0, 2, 1]]); // prettier-ignore
  expect(() => beliefPropagation(triangle, { schedule: "tree" })).toThrow(/edge \d-\d closes one/);
  expect(() => beliefPropagation(toFactorGraph(triangle), { schedule: "tree" })).toThrow(/factor 2 over variables/);
  expect(() => beliefPropagation(triangle, { damping: 1 })).toThrow(/damping/);
  expect(() => beliefPropagation(triangle, { schedule: "zigzag" as "tree" })).toThrow(/parallel/);
});

/** The same model with variables renamed, scopes reversed or shuffled, and a constant added to each table. */
function rewritten(graph: FactorGraph, renamed: Int32Array, random: Random, addConstant: (constant: number) => void) {
  const { numFactors, scopeOffsets, scopes, tableOffsets, logPotentials } = graph;
  const cardinalities = new Array<number>(graph.numVariables);
  graph.cardinalities.forEach((cardinality, i) => (cardinalities[renamed[i]] = cardinality));
  const factors = Array.from({ length: numFactors }, (_, factor) => {
    const old = Array.from(scopes.subarray(scopeOffsets[factor], scopeOffsets[factor + 1]));
    const order = random.permutation(old.length);
    const variables = Array.from(order, (position) => old[position]);
    const constant = random.normal();
    addConstant(constant);
    const sizes = old.map((variable) => graph.cardinalities[variable]);
    const table = new Array<number>(tableOffsets[factor + 1] - tableOffsets[factor]);
    for (let at = 0; at < table.length; at++) {
      const states = new Array<number>(old.length);
      for (let rest = at, position = old.length - 1; position >= 0; position--) {
        states[position] = rest % sizes[position];
        rest = Math.floor(rest / sizes[position]);
      }
      const index = Array.from(order).reduce((sum, position) => sum * sizes[position] + states[position], 0);
      table[index] = logPotentials[tableOffsets[factor] + at] + constant;
    }
    return { variables: variables.map((variable) => renamed[variable]), logPotentials: table };
  });
  return { cardinalities, factors: random.shuffle(factors) };
}
