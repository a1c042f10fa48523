import { describe, expect, it } from "vitest";
import { fullyConnectedBoltzmann, randomBoltzmann } from "../../../src/graph/generators/boltzmann.ts";
import { boltzmannMachine, isingModel, toBoltzmann } from "../../../src/graph/pairwise.ts";
import { clamp } from "../../../src/graph/clamp.ts";
import { Random } from "../../../src/graph/random.ts";
import { anytimeBracket, bracket } from "../../../src/inference/bounds/bracket.ts";
import { marginalIntervals, probabilityInterval } from "../../../src/inference/bounds/intervals.ts";
import { narrowLocally, sigmoidEnvelope } from "../../../src/inference/bounds/local-intervals.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { naive, randomPairwise } from "../pairwise-models.ts";

const rounding = 1e-12;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("clamp", () => {
  it("keeps the sum over the states that agree, and their probabilities", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = Random.fromSeed(seed).split("clamp");
      const model = randomPairwise(seed, { numVariables: 1 + random.integer(7) });
      const evidence = new Map<number, number>();
      for (let i = 0; i < model.numVariables; i++) if (random.bernoulli(0.3)) evidence.set(i, random.integer(2));
      const { logZ, probability } = naive(model);
      const agreeing = probability((state) => [...evidence].every(([i, a]) => state[i] === a));
      const exact = enumerate(clamp(model, evidence).model).logZ!;
      expect(Math.abs(exact - logZ - Math.log(agreeing))).toBeLessThan(1e-9 * (1 + Math.abs(exact)));
    }
  });

  it("names what the model does not have", () => {
    const model = boltzmannMachine([0, 0]);
    expect(() => clamp(model, new Map([[2, 0]]))).toThrow(/names variable 2, expected 0 to 1/);
    expect(() => clamp(model, new Map([[1, 2]]))).toThrow(/variable 1 to state 2, expected 0 or 1/);
  });
});

describe("bracket", () => {
  it("holds ln Z on hundreds of models, extreme weights included, and closes where a junction tree can do it all", () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = Random.fromSeed(seed).split("bracket");
      const small = toBoltzmann(randomPairwise(seed, { numVariables: random.integer(10) }));
      const scale = [1, 1, 20, 1000][random.integer(4)];
      const model = boltzmannMachine(
        small.biases.map((bias) => scale * bias),
        Array.from(small.weights, (weight, edge) => [small.edgeSources[edge], small.edgeTargets[edge], scale * weight]),
      );
      const exact = enumerate(model).logZ!;
      const exactWidth = random.integer(4);
      const found = bracket(model, {
        exactWidth,
        maxIterations: 40,
        upper: (["best", "refined", "factorised"] as const)[seed % 3],
      });
      expect(found.lower).toBeLessThanOrEqual(exact);
      expect(found.upper).toBeGreaterThanOrEqual(exact);
      if (found.isExact) expect(found.upper - found.lower).toBeLessThan(1e-8 * (1 + Math.abs(exact)));
    }
  });

  it("never widens from one bound to the next, nor with the exact width", () => {
    for (let seed = 0; seed < 12; seed++) {
      const model = randomBoltzmann(14, 0.6, 3, Random.fromSeed(seed), 1);
      let before = { lower: -Infinity, upper: Infinity };
      for (const next of anytimeBracket(model, { exactWidth: 6 })) {
        expect(next.lower).toBeGreaterThanOrEqual(before.lower);
        expect(next.upper).toBeLessThanOrEqual(before.upper);
        before = next;
      }
      const byWidth = [0, 1, 2, 4, 6].map((exactWidth) => bracket(model, { exactWidth }));
      byWidth.slice(1).forEach((wider, k) => {
        expect(wider.lower).toBeGreaterThanOrEqual(byWidth[k].lower);
        expect(wider.upper).toBeLessThanOrEqual(byWidth[k].upper);
      });
    }
  });

  it("gives a valid bracket for any budget", () => {
    const model = fullyConnectedBoltzmann(16, 2, Random.fromSeed(5), 1);
    const exact = enumerate(model).logZ!;
    for (const seconds of [1e-6, 0.01, 0.1]) {
      const found = bracket(model, { exactWidth: 8, seconds });
      expect(found.lower).toBeLessThanOrEqual(exact);
      expect(found.upper).toBeGreaterThanOrEqual(exact);
    }
  });
});

describe("narrowLocally", () => {
  it("has an envelope above sigmoid and concave", () => {
    const random = Random.fromSeed(1);
    for (let k = 0; k < 2000; k++) {
      const a = random.uniform(-20, 10);
      const b = a + random.uniform(1e-3, 30);
      const [x, y] = [random.uniform(a, b), random.uniform(a, b)];
      const at = (z: number): number => sigmoidEnvelope(a, b, z);
      expect(at(x)).toBeGreaterThanOrEqual(sigmoid(x) - rounding);
      expect(at((x + y) / 2)).toBeGreaterThanOrEqual((at(x) + at(y)) / 2 - rounding);
    }
  });

  it("keeps every marginal of thousands of models inside", () => {
    for (let seed = 0; seed < 1500; seed++) {
      const model = toBoltzmann(randomPairwise(seed, { numVariables: 1 + (seed % 7) }));
      const lower = new Float64Array(model.numVariables);
      const upper = new Float64Array(model.numVariables).fill(1);
      narrowLocally(model, lower, upper);
      const exact = enumerate(model).marginals!;
      for (let i = 0; i < model.numVariables; i++) {
        expect(exact.of(i)[1]).toBeGreaterThanOrEqual(lower[i] - rounding);
        expect(exact.of(i)[1]).toBeLessThanOrEqual(upper[i] + rounding);
      }
    }
  });
});

describe("marginalIntervals", () => {
  it("holds every marginal of a thousand models given random evidence, within [0, 1], weights up to 6 and up to 3000", () => {
    for (let seed = 0; seed < 1000; seed++) {
      const random = Random.fromSeed(seed).split("intervals");
      const small = randomPairwise(seed, { numVariables: 1 + random.integer(7) });
      const scale = seed % 10 === 0 ? 500 : 1;
      const model = (small.kind === "ising" ? isingModel : boltzmannMachine)(
        small.biases.map((bias) => scale * bias),
        Array.from(small.weights, (weight, edge) => [small.edgeSources[edge], small.edgeTargets[edge], scale * weight]),
      );
      const evidence = new Map<number, number>();
      for (let i = 0; i < model.numVariables; i++) if (random.bernoulli(0.2)) evidence.set(i, random.integer(2));
      const found = marginalIntervals(model, {
        evidence,
        exactWidth: random.integer(3),
        maxIterations: 20,
        restarts: 0,
      });
      const rest = clamp(model, evidence);
      const exact = enumerate(rest.model);
      expect(found.logZ[0]).toBeLessThanOrEqual(exact.logZ!);
      expect(found.logZ[1]).toBeGreaterThanOrEqual(exact.logZ!);
      for (let i = 0; i < model.numVariables; i++) {
        const at = rest.variables.indexOf(i);
        const p = at < 0 ? evidence.get(i)! : exact.marginals!.of(at)[1];
        expect(found.lower[i]).toBeGreaterThanOrEqual(0);
        expect(found.upper[i]).toBeLessThanOrEqual(1);
        expect(p).toBeGreaterThanOrEqual(found.lower[i] - rounding);
        expect(p).toBeLessThanOrEqual(found.upper[i] + rounding);
      }
    }
  });

  it("is tighter than lower(numerator) / upper(denominator)", () => {
    const model = fullyConnectedBoltzmann(10, 1, Random.fromSeed(2), 1);
    const found = marginalIntervals(model, { exactWidth: 2 });
    for (let i = 0; i < 10; i++) {
      const numerator = bracket(clamp(model, new Map([[i, 1]])).model, { exactWidth: 2 });
      const plain = Math.exp(numerator.upper - found.logZ[0]) - Math.exp(numerator.lower - found.logZ[1]);
      expect(found.upper[i] - found.lower[i]).toBeLessThan(plain);
      expect(found.upper[i] - found.lower[i]).toBeLessThan(0.25);
    }
  });

  it("is exact as soon as the junction tree can do it all", () => {
    const model = randomPairwise(7, { numVariables: 8 });
    const found = marginalIntervals(model);
    expect(found.isExact).toBe(true);
    const exact = enumerate(model).marginals!;
    for (let i = 0; i < 8; i++) {
      expect(found.upper[i] - found.lower[i]).toBeLessThan(1e-11);
      expect(found.lower[i]).toBeCloseTo(exact.of(i)[1], 11);
    }
  });
});

describe("probabilityInterval", () => {
  it("holds P(A = a | B = b) on hundreds of models, for sets A and B", () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = Random.fromSeed(seed).split("conditional");
      const model = randomPairwise(seed, { numVariables: 2 + random.integer(6) });
      const draw = (share: number) => {
        const states = new Map<number, number>();
        for (let i = 0; i < model.numVariables; i++) if (random.bernoulli(share)) states.set(i, random.integer(2));
        return states;
      };
      const [query, evidence] = [draw(0.35), draw(0.35)];
      const { probability } = naive(model);
      const agrees = (states: ReadonlyMap<number, number>) => (state: number[]) =>
        [...states].every(([i, a]) => state[i] === a);
      const joint = probability((state) => agrees(query)(state) && agrees(evidence)(state));
      const exact = joint / probability(agrees(evidence));
      const [low, high] = probabilityInterval(model, query, {
        evidence,
        exactWidth: random.integer(3),
        maxIterations: 20,
      });
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      if (!Number.isNaN(exact)) {
        expect(exact).toBeGreaterThanOrEqual(low - 1e-9);
        expect(exact).toBeLessThanOrEqual(high + 1e-9);
      }
    }
  });

  it("answers a query that the evidence decides without computing", () => {
    const model = fullyConnectedBoltzmann(300, 1, Random.fromSeed(2));
    const evidence = new Map([[3, 1]]);
    expect(probabilityInterval(model, new Map([[3, 0]]), { evidence })).toEqual([0, 0]);
    expect(probabilityInterval(model, new Map([[3, 1]]), { evidence })).toEqual([1, 1]);
  });
});
