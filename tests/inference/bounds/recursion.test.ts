import { describe, expect, it } from "vitest";
import { fullyConnectedBoltzmann, randomBoltzmann } from "../../../src/graph/generators/boltzmann.ts";
import { boltzmannMachine, isingModel, toIsing, type WeightedEdge } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import {
  recursiveBound,
  type RecursiveBoundName,
  type RecursiveBoundOptions,
} from "../../../src/inference/bounds/recursion.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { randomPairwise } from "../pairwise-models.ts";

const names: readonly RecursiveBoundName[] = ["factorised-lower", "factorised-upper", "refined-upper"];
const sign = (bound: RecursiveBoundName): number => (bound === "factorised-lower" ? -1 : 1);

describe.each(names)("recursiveBound %s", (bound) => {
  it("is on the right side of ln Z on thousands of random models, whatever is eliminated in whatever order", () => {
    for (let seed = 0; seed < 1200; seed++) {
      const random = Random.fromSeed(seed).split("recursion");
      const numVariables = random.integer(seed % 20 === 0 ? 13 : 9);
      const model = randomPairwise(seed, { numVariables });
      const exact = enumerate(model).logZ!;
      const eliminate = (
        [
          "all",
          random.integer(numVariables + 1),
          [...random.permutation(numVariables)].slice(0, random.integer(numVariables + 1)),
        ] as const
      )[random.integer(3)];
      const options: RecursiveBoundOptions = {
        bound,
        eliminate: eliminate,
        order: ([undefined, "random", "weakest-first", "index"] as const)[random.integer(4)],
        finishExactlyAt: [0, 0, 4][random.integer(3)],
        restarts: random.integer(2),
        maxIterations: [0, 40, 200][random.integer(3)],
        tolerance: 1e-5,
        random,
      };
      const { logZ, elimination } = recursiveBound(model, options);
      expect(sign(bound) * (logZ - exact)).toBeGreaterThanOrEqual(-1e-9 * (1 + Math.abs(exact)));
      expect(Number.isFinite(logZ)).toBe(true);
      expect([...elimination.order, ...elimination.remaining].sort((a, b) => a - b)).toEqual(
        Array.from({ length: numVariables }, (_, i) => i),
      );
      if (elimination.order.length === 0) expect(Math.abs(logZ - exact)).toBeLessThan(1e-11 * (1 + Math.abs(exact)));
    }
  });

  it("is never worse than where it started", () => {
    for (let seed = 0; seed < 150; seed++) {
      const model = randomPairwise(seed, { numVariables: 7 });
      const start = recursiveBound(model, { bound, maxIterations: 0, restarts: 0 });
      const optimised = recursiveBound(model, { bound, restarts: 0 });
      expect(sign(bound) * (optimised.logZ - start.logZ)).toBeLessThanOrEqual(0);
      expect(optimised.converged).toBe(true);
    }
  });

  it("is exact without edges", () => {
    const model = isingModel([0.3, -2, 30, 0], [], 1.5);
    expect(recursiveBound(model, { bound }).logZ).toBeCloseTo(enumerate(model).logZ!, 12);
  });

  it("gets tighter, and finally exact, as more is finished exactly", () => {
    const random = Random.fromSeed(4);
    const model = fullyConnectedBoltzmann(10, 1.5, random, 1);
    const exact = enumerate(model).logZ!;
    const errors = [0, 3, 6, 9, 10].map((finishExactlyAt) =>
      Math.abs(recursiveBound(model, { bound, finishExactlyAt, order: "index" }).logZ - exact),
    );
    errors.slice(1).forEach((error, k) => expect(error).toBeLessThanOrEqual(errors[k] + 1e-9));
    expect(errors[4]).toBeLessThan(1e-11);
  });

  it("depends on names of variables only through the order", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = Random.fromSeed(seed).split("names");
      const model = fullyConnectedBoltzmann(6, 2, random, 1);
      const names = random.permutation(6); // variable i becomes names[i]
      const renamed = boltzmannMachine(
        Float64Array.from({ length: 6 }, (_, j) => model.biases[names.indexOf(j)]),
        Array.from(model.weights, (weight, edge): WeightedEdge => [
          names[model.edgeSources[edge]],
          names[model.edgeTargets[edge]],
          weight,
        ]),
      );
      const order = [...random.permutation(6)].slice(0, 4);
      const options = { bound, restarts: 0, tolerance: 1e-10 } as const;
      const a = recursiveBound(model, { ...options, eliminate: order }).logZ;
      const b = recursiveBound(renamed, { ...options, eliminate: order.map((i) => names[i]) }).logZ;
      expect(a).toBeCloseTo(b, 7);
    }
  });

  it("takes an Ising model as its Boltzmann machine", () => {
    const model = randomBoltzmann(9, 0.6, 2, Random.fromSeed(5), 1);
    expect(recursiveBound(toIsing(model), { bound }).logZ).toBeCloseTo(recursiveBound(model, { bound }).logZ, 6);
  });

  it("stays valid and finite for weights of 50 and more", () => {
    for (let seed = 0; seed < 40; seed++) {
      const model = randomBoltzmann(10, seed % 2 ? 1 : 0.4, [50, 400][seed % 2], Random.fromSeed(seed), 20);
      const exact = enumerate(model).logZ!;
      const { logZ } = recursiveBound(model, { bound, maxIterations: 200 });
      expect(Number.isFinite(logZ)).toBe(true);
      expect(sign(bound) * (logZ - exact)).toBeGreaterThanOrEqual(-1e-9 * (1 + Math.abs(exact)));
    }
  });

  it("repeats itself, random restarts included", () => {
    const model = fullyConnectedBoltzmann(9, 3, Random.fromSeed(6));
    const run = () => recursiveBound(model, { bound, restarts: 3, order: "random", random: Random.fromSeed(1) });
    const [a, b] = [run(), run()];
    expect(a.logZ).toBe(b.logZ);
    expect(a.elimination).toEqual(b.elimination);
  });

  it("says which subset, order or rest it cannot take", () => {
    const model = boltzmannMachine(new Float64Array(60));
    const run = (options: object) => () => recursiveBound(model, { bound, ...options });
    const dense = fullyConnectedBoltzmann(60, 1, Random.fromSeed(1));
    expect(() => recursiveBound(dense, { bound, eliminate: 10 })).toThrow(
      /50 variables remain to be finished exactly, but their junction tree/,
    );
    expect(() => recursiveBound(dense, { bound, exactWidth: 3, eliminate: 10 })).toThrow(
      /exactWidth=3 picks the variables/,
    );
    expect(run({ eliminate: 61 })).toThrow(/cannot eliminate 61 of 60 variables/);
    expect(run({ eliminate: [3, 60] })).toThrow(/cannot eliminate variable 60, expected 0 to 59/);
    expect(run({ eliminate: [3, 3] })).toThrow(/variable 3 is to be eliminated twice/);
    expect(run({ eliminate: -1 })).toThrow(/option eliminate/);
    expect(run({ order: "sideways" })).toThrow(
      /option order: .*Accepted options: eliminate=.*order=least-slack\|weakest-first/s,
    );
    expect(run({ colour: 1 })).toThrow(/unknown option colour/);
    expect(() => recursiveBound(model, { bound: "best" as "refined-upper" })).toThrow(
      /unknown bound "best", accepted: factorised-lower, factorised-upper, refined-upper/,
    );
  });
});

describe("recursiveBound", () => {
  it("eliminates a list as listed, or by a rule if one is given", () => {
    const model = fullyConnectedBoltzmann(6, 1, Random.fromSeed(1));
    const order = (options: Partial<RecursiveBoundOptions>) => [
      ...recursiveBound(model, { bound: "refined-upper", ...options }).elimination.order,
    ];
    expect(order({ eliminate: [4, 0, 2] })).toEqual([4, 0, 2]);
    expect(order({ eliminate: [4, 0, 2], order: "index" })).toEqual([0, 2, 4]);
    expect(order({ eliminate: 2, order: "index" })).toEqual([0, 1]);
    expect(order({ finishExactlyAt: 4, order: "index" })).toEqual([0, 1]);
    expect(order({ eliminate: [4, 0, 2], finishExactlyAt: 5 })).toEqual([4]);
  });

  it("factorised lower, all eliminated, reaches the fixed point of mean field: mu_i = sigmoid(h_i + sum_j J_ij mu_j)", () => {
    for (let seed = 0; seed < 30; seed++) {
      const model = fullyConnectedBoltzmann(7, 2, Random.fromSeed(seed), 1);
      const { marginals } = recursiveBound(model, { bound: "factorised-lower", tolerance: 1e-12 });
      const fields = model.biases.slice();
      model.weights.forEach((weight, edge) => {
        const [i, j] = [model.edgeSources[edge], model.edgeTargets[edge]];
        fields[i] += weight * marginals!.of(j)[1];
        fields[j] += weight * marginals!.of(i)[1];
      });
      fields.forEach((field, i) => expect(marginals!.of(i)[1]).toBeCloseTo(1 / (1 + Math.exp(-field)), 4));
    }
  });

  it("factorised lower does not depend on the order", () => {
    const model = fullyConnectedBoltzmann(7, 1, Random.fromSeed(2), 1);
    const values = (["index", "strongest-first", "random"] as const).map(
      (order) => recursiveBound(model, { bound: "factorised-lower", eliminate: "all", order, tolerance: 1e-10 }).logZ,
    );
    for (const value of values) expect(value).toBeCloseTo(values[0], 7);
  });

  it("factorised lower breaks symmetry: an Ising ferromagnet without field does not stay at mu = 1/2", () => {
    const edges = Array.from({ length: 15 }, (_, k): WeightedEdge => [Math.floor(k / 5), 3 + (k % 5), 1]);
    const result = recursiveBound(isingModel(new Float64Array(8), edges), { bound: "factorised-lower" });
    expect(result.logZ).toBeGreaterThan(15);
    expect(Math.abs(result.marginals!.of(0)[1] - 0.5)).toBeGreaterThan(0.4);
  });

  it("factorised upper is exact on a tree eliminated leaf by leaf", () => {
    const random = Random.fromSeed(3);
    const edges = Array.from({ length: 11 }, (_, k): WeightedEdge => [
      k + 1,
      random.integer(k + 1),
      random.normal(0, 3),
    ]);
    const model = boltzmannMachine(
      Float64Array.from({ length: 12 }, () => random.normal(0, 2)),
      edges,
    );
    const leavesFirst = Array.from({ length: 12 }, (_, k) => 11 - k);
    const { logZ } = recursiveBound(model, { bound: "factorised-upper", eliminate: leavesFirst });
    expect(logZ).toBeCloseTo(enumerate(model).logZ!, 10);
  });

  it("refined upper is tighter than factorised upper on dense networks", () => {
    for (let seed = 0; seed < 20; seed++) {
      const model = fullyConnectedBoltzmann(8, 1, Random.fromSeed(seed));
      const value = (bound: RecursiveBoundName) => recursiveBound(model, { bound }).logZ;
      expect(value("refined-upper")).toBeLessThan(value("factorised-upper"));
    }
  });

  it("reproduces Figure 3a at d = 1: fully connected, n = 8, weights in [-1, 1], no biases", () => {
    // An independent computation gives -.029 (lower) and +.0048 (refined, another order) on a smaller sample.
    const count = 150;
    let [lower, upper] = [0, 0];
    for (let k = 0; k < count; k++) {
      const model = fullyConnectedBoltzmann(8, 1, Random.fromSeed(20).split(k));
      const exact = enumerate(model).logZ!;
      lower += (recursiveBound(model, { bound: "factorised-lower" }).logZ - exact) / exact / count;
      upper += (recursiveBound(model, { bound: "refined-upper" }).logZ - exact) / exact / count;
    }
    expect(lower).toBeGreaterThan(-0.036); // 2,000 networks: -.0320, standard deviation .011 a network
    expect(lower).toBeLessThan(-0.028);
    expect(upper).toBeGreaterThan(0.0015); // 2,000 networks: .0020, standard deviation .0008 a network
    expect(upper).toBeLessThan(0.0026);
  });

  it("bounds larger networks from both sides within a few percent", () => {
    const model = fullyConnectedBoltzmann(64, Math.sqrt(1 / 8), Random.fromSeed(7));
    const lower = recursiveBound(model, { bound: "factorised-lower" }).logZ;
    const upper = recursiveBound(model, { bound: "refined-upper" }).logZ;
    expect(upper).toBeGreaterThan(lower);
    expect((upper - lower) / lower).toBeLessThan(0.06);
  });

  it("refuses refined elimination of very large models before it asks for the memory", () => {
    const model = boltzmannMachine(new Float64Array(5000));
    expect(() => recursiveBound(model, { bound: "refined-upper" })).toThrow(/limit 4096.*factorised-upper/);
    expect(recursiveBound(model, { bound: "factorised-upper" }).logZ).toBeCloseTo(5000 * Math.LN2, 8);
  });
});
