import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readFg } from "../../../src/formats/fg.ts";
import { factorGraph, scopeOf, tableOf, type FactorGraph } from "../../../src/graph/factor-graph.ts";
import { squareGrid } from "../../../src/graph/generators/structured.ts";
import { isingOn } from "../../../src/graph/generators/ising.ts";
import { boltzmannMachine, isingModel, type IsingModel } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { beliefPropagation } from "../../../src/inference/messages/belief-propagation.ts";
import { treeReweighted } from "../../../src/inference/messages/tree-reweighted.ts";
import { infer } from "../../../src/inference/registry.ts";
import { meanField } from "../../../src/inference/variational/naive-mean-field.ts";
import { structuredMeanField } from "../../../src/inference/variational/structured-mean-field.ts";
import { needsSharedData, sharedData } from "../../formats/shared-data.ts";
import { bruteForce, randomFactorGraph } from "../exact/random-graphs.ts";
import { randomIsing, toFactorGraph } from "../messages/brute-force.ts";

const root = Random.fromSeed(51);

function expectNeverFalls(bounds: readonly number[]): void {
  bounds
    .slice(1)
    .forEach((bound, at) => expect(bound).toBeGreaterThanOrEqual(bounds[at] - 1e-10 * (1 + Math.abs(bound))));
}

describe("naive mean field", () => {
  it("bounds ln Z from below, never falls, has normalised marginals, on random factor graphs with and without zeros", () => {
    for (let trial = 0; trial < 800; trial++) {
      const zeros = [0, 0.1, 0.4][trial % 3];
      const graph = randomFactorGraph(root.split("graph", trial), { zeros, spread: [0.5, 2, 5][(trial % 5) % 3] });
      const { logZ } = bruteForce(graph);
      const result = meanField(graph, { restarts: trial % 2, schedule: trial % 4 < 2 ? "sequential" : "random" });
      expect(result.logZ).not.toBeNaN();
      expect(result.logZ!).toBeLessThanOrEqual(logZ + 1e-9);
      expectNeverFalls(result.lowerBounds);
      if (logZ === -Infinity) {
        expect(result.bound).toBe("exact");
        continue;
      }
      expect(result.logZ).toBeGreaterThan(-Infinity); // a possible state exists, so a start inside the support does
      for (const distribution of result.marginals!.toArrays())
        expect(distribution.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    }
  });

  it("is the same on a pairwise model and on its factor graph", () => {
    for (let trial = 0; trial < 60; trial++) {
      const model = randomIsing(root.split("ising", trial), {
        numVariables: 8,
        edges: 0.4,
        bias: 1,
        weight: [0.3, 2][trial % 2],
      });
      const pairwise = meanField(model, { tolerance: 1e-12 });
      const general = meanField(toFactorGraph(model), { tolerance: 1e-12 });
      expect(pairwise.logZ).toBeCloseTo(general.logZ!, 9);
      expect(pairwise.logZ!).toBeLessThanOrEqual(enumerate(model).logZ! + 1e-9);
      expectNeverFalls(pairwise.lowerBounds);
      pairwise.marginals!.values.forEach((p, at) => expect(p).toBeCloseTo(general.marginals!.values[at], 6));
    }
  });

  it("is exact when no factor joins two variables", () => {
    const graph = factorGraph([2, 3], [
      { variables: [0], potentials: [1, 3] },
      { variables: [1], potentials: [0, 2, 5] },
      { variables: [], potentials: [7] },
    ]); // prettier-ignore
    expect(meanField(graph).logZ).toBeCloseTo(Math.log(4 * 7 * 7), 12);
    expect(meanField(boltzmannMachine([0.5, -2])).logZ).toBeCloseTo(
      Math.log((1 + Math.exp(0.5)) * (1 + Math.exp(-2))),
      12,
    );
  });

  it("keeps huge couplings finite", () => {
    const model = isingOn(
      squareGrid(16),
      () => 0.1,
      () => 400,
    );
    const { logZ, marginals } = meanField(model, { restarts: 3 });
    expect(logZ).toBeCloseTo(24 * 400 + 16 * 0.1, 6);
    expect(marginals!.values.some(Number.isNaN)).toBe(false);
  });

  it("gets no worse with restarts, and repeats itself", () => {
    const model = randomIsing(root.split("restarts"), { numVariables: 14, edges: 0.5, bias: 0.2, weight: 2 });
    const [one, many] = [meanField(model), meanField(model, { restarts: 20 })];
    expect(many.logZ!).toBeGreaterThanOrEqual(one.logZ!);
    expect(meanField(model, { restarts: 20 }).logZ).toBe(many.logZ);
    expect(infer(model, "mean-field[restarts=20]").method).toBe("mean-field[restarts=20]");
  });

  it("finds its way into a support that the uniform distribution leaves: an exactly-one constraint", () => {
    const oneOf = Array.from({ length: 32 }, (_, index) => ([1, 2, 4, 8, 16].includes(index) ? 1 : 0));
    const graph = factorGraph([2, 2, 2, 2, 2], [{ variables: [0, 1, 2, 3, 4], potentials: oneOf }]);
    const { logZ, bound } = meanField(graph);
    expect(bound).toBe("lower");
    expect(logZ).toBeCloseTo(0, 12); // one of the five states
  });
});

describe("structured mean field", () => {
  it("lies between naive mean field and ln Z, never falls, with and without zeros", () => {
    for (let trial = 0; trial < 250; trial++) {
      const zeros = [0, 0.1, 0.4][trial % 3];
      const graph = randomFactorGraph(root.split("structured", trial), { zeros, spread: [0.5, 2, 5][(trial % 5) % 3] });
      const { logZ } = bruteForce(graph);
      const naive = meanField(graph);
      const given = { clusters: [Array.from({ length: graph.numVariables }, (_, i) => i).filter((i) => i % 2)] };
      for (const options of [{}, given]) {
        const result = structuredMeanField(graph, options);
        expect(result.logZ).not.toBeNaN();
        expect(result.logZ!).toBeLessThanOrEqual(logZ + 1e-9);
        if (logZ === -Infinity) continue;
        expect(result.logZ!).toBeGreaterThanOrEqual(naive.logZ! - 1e-9);
        expectNeverFalls(result.lowerBounds);
        if (result.bound === "exact") expect(result.logZ).toBeCloseTo(logZ, 9);
      }
    }
  });

  it("is exact on trees, and on any graph as one cluster", () => {
    for (let trial = 0; trial < 20; trial++) {
      const tree = randomIsing(root.split("tree", trial), { numVariables: 9, edges: "tree", bias: 1, weight: 2 });
      const exact = enumerate(tree);
      const result = structuredMeanField(tree);
      expect(result.bound).toBe("exact");
      expect(result.logZ).toBeCloseTo(exact.logZ!, 10);
      exact.marginals!.values.forEach((p, at) => expect(result.marginals!.values[at]).toBeCloseTo(p, 9));
    }
    const dense = randomIsing(root.split("dense"), { numVariables: 8, edges: 1, bias: 1, weight: 1 });
    const whole = structuredMeanField(dense, { clusters: [[0, 1, 2, 3, 4, 5, 6, 7]] });
    expect(whole.bound).toBe("exact");
    expect(whole.logZ).toBeCloseTo(enumerate(dense).logZ!, 10);
  });

  it("orders the bounds: mean field <= structured <= ln Z <= tree-reweighted", () => {
    for (let trial = 0; trial < 30; trial++) {
      const model = randomIsing(root.split("order", trial), {
        numVariables: 10,
        edges: 0.35,
        bias: 0.5,
        weight: [0.3, 1, 3][trial % 3],
      });
      const logZ = enumerate(model).logZ!;
      const naive = meanField(model).logZ!;
      const structured = structuredMeanField(model).logZ!;
      expect(naive).toBeLessThanOrEqual(structured + 1e-9);
      expect(structured).toBeLessThanOrEqual(logZ + 1e-9);
      expect(logZ).toBeLessThanOrEqual(treeReweighted(model).logZ! + 1e-9);
    }
  });

  it("refuses clusters that overlap or name unknown variables", () => {
    const model = boltzmannMachine([0, 0], [[0, 1, 1]]);
    expect(() => structuredMeanField(model, { clusters: [[0, 1], [1]] })).toThrow(/variable 1 stands in two clusters/);
    expect(() => infer(model, "structured-mean-field[clusters=[[0,2]]]")).toThrow(/variable 2, expected 0 to 1/);
  });
});

it.each(["mean-field", "structured-mean-field"])("%s stops when the time is up, with a bound that holds", (name) => {
  const model = isingOn(
    squareGrid(16),
    () => 0.1,
    () => 0.4,
  );
  const result = infer(model, `${name}[seconds=0.05,tolerance=0,restarts=1000000000]`);
  expect(result.logZ!).toBeLessThanOrEqual(enumerate(model).logZ!);
  expect(result.seconds).toBeLessThan(10);
});

describe("invariance", () => {
  it("scaling a factor moves the bound by its logarithm; relabelling variables leaves it", () => {
    for (let trial = 0; trial < 40; trial++) {
      const random = root.split("invariance", trial);
      const graph = randomFactorGraph(random, { zeros: 0 });
      if (graph.numFactors === 0) continue;
      const plain = structuredMeanField(graph, { tolerance: 1e-12 }).logZ!;
      expect(structuredMeanField(scaled(graph, 0, 3.5), { tolerance: 1e-12 }).logZ).toBeCloseTo(plain + 3.5, 8);
      expect(meanField(scaled(graph, 0, 3.5)).logZ).toBeCloseTo(meanField(graph).logZ! + 3.5, 8);
    }
    // From one start, weak couplings have one maximum whatever the order of the updates.
    const model = randomIsing(root.split("weak"), { numVariables: 9, edges: 0.4, bias: 1, weight: 0.2 });
    const permutation = root.split("permutation").permutation(9);
    expect(meanField(relabelled(model, permutation)).logZ).toBeCloseTo(meanField(toFactorGraph(model)).logZ!, 8);
  });
});

function inputsOf(graph: FactorGraph) {
  return Array.from({ length: graph.numFactors }, (_, factor) => ({
    variables: Array.from(scopeOf(graph, factor)),
    logPotentials: Array.from(tableOf(graph, factor)),
  }));
}

function scaled(graph: FactorGraph, factor: number, log: number): FactorGraph {
  const inputs = inputsOf(graph);
  inputs[factor].logPotentials = inputs[factor].logPotentials.map((entry) => entry + log);
  return factorGraph(graph.cardinalities, inputs);
}

function relabelled(model: IsingModel, permutation: Int32Array): FactorGraph {
  const graph = toFactorGraph(model);
  return factorGraph(
    graph.cardinalities,
    inputsOf(graph).map(({ variables, logPotentials }) => ({
      variables: variables.map((v) => permutation[v]),
      logPotentials,
    })),
  );
}

describe.skipIf(!sharedData)(`libDAI's 4x4 grid${needsSharedData}`, () => {
  const folder = join(sharedData ?? "", "golden", "libdai");
  it.each(["MF", "MF_NAIVE_UNI", "MF_NAIVE_RND"])("%s is matched to its printed digits", (name) => {
    const { graph } = readFg(join(folder, "testfast.fg"));
    const { methods } = JSON.parse(readFileSync(join(folder, "testfast.expected.json"), "utf8")) as {
      methods: Record<
        string,
        { logZErr: number; maxVarErr: number; avgVarErr: number; beliefs: Record<string, number[]> }
      >;
    };
    const expected = methods[name];
    const exact = bruteForce(graph);
    const options = name === "MF_NAIVE_RND" ? { restarts: 5, schedule: "random" as const } : {};
    const result = meanField(graph, options);
    expect(result.logZ! - exact.logZ).toBeCloseTo(expected.logZErr, 3);
    const beliefs = result.marginals!.toArrays();
    beliefs.forEach((row, variable) => row.forEach((p, state) => expectPrinted(p, expected.beliefs[variable][state])));
    const errors = beliefs.map((row, i) => row.reduce((sum, p, a) => sum + Math.abs(p - exact.marginals[i][a]), 0) / 2);
    expectPrinted(Math.max(...errors), expected.maxVarErr);
    expectPrinted(errors.reduce((sum, error) => sum + error, 0) / errors.length, expected.avgVarErr);
  });
});

/** Four digits are printed. */
function expectPrinted(value: number, printed: number): void {
  const lastDigit = 10 ** (Math.floor(Math.log10(Math.abs(printed))) - 3);
  expect(Math.abs(value - printed)).toBeLessThanOrEqual(0.51 * lastDigit);
}

describe("the starts of mean field", () => {
  /** J = 1 on a grid, fields of a noisy disc: updates in reading order from the uniform q drag rows along. */
  function noisyDisc(side: number) {
    const random = root.split("disc");
    const fields = Array.from({ length: side ** 2 }, (_, i) => {
      const isInside = Math.hypot((i % side) - side / 2, Math.floor(i / side) - side / 2) < side / 4;
      return ((isInside ? 1 : -1) + random.normal(0, 2)) / 4;
    });
    const edges: [number, number, number][] = [];
    for (let i = 0; i < side ** 2; i++) {
      if ((i + 1) % side) edges.push([i, i + 1, 1]);
      if (i + side < side ** 2) edges.push([i, i + side, 1]);
    }
    return isingModel(fields, edges);
  }

  it("find a much better bound than the uniform one on a noisy image, in both forms of the model", () => {
    const disc = noisyDisc(48);
    const bethe = beliefPropagation(disc).logZ!;
    for (const model of [disc, toFactorGraph(disc)]) {
      const bounds = ["uniform", "fields", "annealing", "greedy"].map((start) =>
        infer(model, `mean-field[starts=${start}]`),
      );
      const best = infer(model, "mean-field");
      expect(best.logZ).toBeGreaterThanOrEqual(Math.max(...bounds.map(({ logZ }) => logZ!)) - 1e-4);
      expect(best.logZ).toBeGreaterThan(bounds[0].logZ! + 20);
      expect(bethe - best.logZ!).toBeLessThan((bethe - bounds[0].logZ!) / 2);
    }
  });

  it("break the symmetry of a strongly coupled model without fields", () => {
    const edges = Array.from({ length: 30 }, (_, i) => [i, (i + 1) % 30, i % 3 ? 2 : -2] as const);
    for (const model of [
      isingModel(new Float64Array(30), edges),
      toFactorGraph(isingModel(new Float64Array(30), edges)),
    ]) {
      expect(infer(model, "mean-field[starts=uniform]").logZ).toBeCloseTo(30 * Math.LN2, 9);
      expect(infer(model, "mean-field").logZ).toBeGreaterThan(2 * 30 - 1);
    }
  });

  it("change nothing where couplings are weak and the bound has one maximum", () => {
    for (let trial = 0; trial < 10; trial++) {
      const model = randomIsing(root.split("weak", trial), { numVariables: 12, edges: 0.3, bias: 0.5, weight: 0.1 });
      expect(infer(model, "mean-field").marginals).toEqual(infer(model, "mean-field[starts=uniform]").marginals);
    }
  });
});
