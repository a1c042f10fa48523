/**
 * One elimination at a time, as the paper's equations state them: valid at every parameter value, exact where the paper
 * says so.
 */
import { describe, expect, it } from "vitest";
import { boltzmannMachine, logPotential, toBoltzmann, type BoltzmannMachine } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { eliminateFactorisedLower } from "../../../src/inference/bounds/factorised-lower.ts";
import { eliminateFactorisedUpper } from "../../../src/inference/bounds/factorised-upper.ts";
import { lambda } from "../../../src/inference/bounds/logistic.ts";
import { eliminateRefinedUpper } from "../../../src/inference/bounds/refined-upper.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { allStates, randomPairwise } from "../pairwise-models.ts";

const logZ = (model: BoltzmannMachine): number => enumerate(model).logZ!;
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** X_i = h_i + sum_j J_ij S_j, and the states of the variables other than i. */
function localField(model: BoltzmannMachine, i: number, states: readonly number[]): number {
  let field = model.biases[i];
  for (let edge = 0; edge < model.numEdges; edge++) {
    if (model.edgeSources[edge] === i) field += model.weights[edge] * states[model.edgeTargets[edge]];
    if (model.edgeTargets[edge] === i) field += model.weights[edge] * states[model.edgeSources[edge]];
  }
  return field;
}

/** Every (states without i, ln sum over S_i of p~, X_i). */
function marginalised(model: BoltzmannMachine, i: number) {
  return allStates(model.numVariables - 1).map((rest) => {
    const full = [...rest.slice(0, i), 0, ...rest.slice(i)];
    const field = localField(model, i, full);
    return { rest, field, log: logPotential(model, full) + softplus(field) };
  });
}

function* randomCases(count: number) {
  for (let seed = 0; seed < count; seed++) {
    const random = Random.fromSeed(seed).split("case");
    const model = toBoltzmann(randomPairwise(seed, { numVariables: 1 + random.integer(7) }));
    yield { model, random, i: random.integer(model.numVariables) };
  }
}

function neighboursWithWeight(model: BoltzmannMachine, i: number): number[] {
  const found: number[] = [];
  for (let edge = 0; edge < model.numEdges; edge++) {
    if (model.weights[edge] === 0) continue;
    if (model.edgeSources[edge] === i) found.push(model.edgeTargets[edge]);
    if (model.edgeTargets[edge] === i) found.push(model.edgeSources[edge]);
  }
  return found.sort((a, b) => a - b);
}

/** A random distribution, now and then with zeros and with nearly all mass on one entry. */
function randomDistribution(size: number, random: Random): number[] {
  const raw = Array.from({ length: size }, (): number => (random.bernoulli(0.2) ? 0 : Math.exp(random.normal(0, 4))));
  if (!raw.some((share) => share > 0)) raw.fill(1);
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((share) => share / sum);
}

const tolerance = (value: number): number => 1e-11 * (1 + Math.abs(value));

describe("one factorised lower elimination (Eqs. 6-8)", () => {
  it("is below state by state, for every mu, and J is unchanged", () => {
    for (const { model, random, i } of randomCases(400)) {
      const mu = [0, 1, random.uniform(), 1e-12][random.integer(4)];
      const reduced = eliminateFactorisedLower(model, i, mu);
      for (const { rest, field, log } of marginalised(model, i)) {
        const bound = logPotential(reduced, rest);
        expect(bound).toBeLessThanOrEqual(log + tolerance(log));
        // Exact in the states where mu is the mean of S_i given the others.
        const entropy = mu > 0 && mu < 1 ? -mu * Math.log(mu) - (1 - mu) * Math.log1p(-mu) : 0;
        const lost = softplus(field) - mu * field - entropy;
        expect(Math.abs(log - bound - lost)).toBeLessThan(1e-9 * (1 + Math.abs(log)));
      }
      expect(logZ(reduced)).toBeLessThanOrEqual(logZ(model) + tolerance(logZ(model)));
    }
  });

  it("is exact for an isolated variable at mu = sigmoid(h)", () => {
    const model = boltzmannMachine([0.7, -1, 2], [[1, 2, 3]]);
    expect(logZ(eliminateFactorisedLower(model, 0, 1 / (1 + Math.exp(-0.7))))).toBeCloseTo(logZ(model), 13);
  });
});

describe("one factorised upper elimination (Eqs. 9-10)", () => {
  it("is above state by state, for every distribution q, zeros included", () => {
    for (const { model, random, i } of randomCases(400)) {
      const q = randomDistribution(neighboursWithWeight(model, i).length, random);
      const reduced = eliminateFactorisedUpper(model, i, q);
      for (const { rest, log } of marginalised(model, i))
        expect(logPotential(reduced, rest)).toBeGreaterThanOrEqual(log - tolerance(log));
      expect(logZ(reduced)).toBeGreaterThanOrEqual(logZ(model) - tolerance(logZ(model)));
    }
  });

  it("follows Eq. 10 literally", () => {
    const model = boltzmannMachine(
      [0.3, -0.2, 0.5],
      [
        [0, 1, 1.5],
        [0, 2, -2.5],
      ],
    );
    const reduced = eliminateFactorisedUpper(model, 0, [0.4, 0.6]);
    expect(reduced.logConstant).toBeCloseTo(softplus(0.3), 14);
    expect(reduced.biases[0]).toBeCloseTo(-0.2 + 0.4 * (softplus(1.5 / 0.4 + 0.3) - softplus(0.3)), 13);
    expect(reduced.biases[1]).toBeCloseTo(0.5 + 0.6 * (softplus(-2.5 / 0.6 + 0.3) - softplus(0.3)), 13);
  });

  it("reaches the limit max(J, 0) as q goes to 0", () => {
    const model = boltzmannMachine(
      [0.3, 0, 0, 0],
      [
        [0, 1, 2],
        [0, 2, -2],
        [0, 3, 1],
      ],
    );
    const [limit, near] = [
      [0, 0, 1],
      [1e-13, 1e-13, 1 - 2e-13],
    ].map((q) => eliminateFactorisedUpper(model, 0, q).biases);
    expect(limit[0]).toBe(2);
    expect(limit[1]).toBe(0);
    limit.forEach((bias, j) => expect(near[j]).toBeCloseTo(bias, 11));
  });

  it("is exact for a variable with one neighbour or none", () => {
    const model = boltzmannMachine([0.7, -1, 2], [[1, 2, 3]], 0.5);
    expect(logZ(eliminateFactorisedUpper(model, 0, []))).toBeCloseTo(logZ(model), 13);
    expect(logZ(eliminateFactorisedUpper(model, 1, [1]))).toBeCloseTo(logZ(model), 13);
  });
});

describe("one refined upper elimination (Eqs. 11-14)", () => {
  it("matches the quadratic exponent of Eq. 11 in every state, so Eqs. 13-14 term by term, and is above for every xi", () => {
    for (const { model, random, i } of randomCases(400)) {
      const xi = [0, random.normal(0, 3), random.uniform(0, 60), 1e-7][random.integer(4)];
      const l = lambda(xi);
      const reduced = eliminateRefinedUpper(model, i, xi);
      for (const { rest, field, log } of marginalised(model, i)) {
        const bound = logPotential(reduced, rest);
        const tangent = field / 2 + l * (field * field - xi * xi) + Math.log(2 * Math.cosh(xi / 2));
        const expected = log - softplus(field) + tangent;
        expect(Math.abs(bound - expected)).toBeLessThan(1e-11 * (1 + Math.abs(expected) + field * field));
        expect(bound).toBeGreaterThanOrEqual(log - tolerance(log + field * field));
      }
      expect(logZ(reduced)).toBeGreaterThanOrEqual(logZ(model) - tolerance(logZ(model)));
    }
  });

  it("connects the neighbours, and only them", () => {
    const model = boltzmannMachine(new Float64Array(5), [
      [0, 1, 1],
      [0, 2, -2],
      [3, 4, 1],
    ]);
    const reduced = eliminateRefinedUpper(model, 0, 1);
    expect([...reduced.edgeSources]).toEqual([0, 2]);
    expect([...reduced.edgeTargets]).toEqual([1, 3]);
    expect(reduced.weights[0]).toBeCloseTo(2 * lambda(1) * 1 * -2, 15);
    expect(reduced.weights[1]).toBe(1);
  });

  it("is exact when |x| takes one value: an isolated variable at xi = h, a leaf with h = -J/2", () => {
    const isolated = boltzmannMachine([0.7, -1, 2], [[1, 2, 3]]);
    expect(logZ(eliminateRefinedUpper(isolated, 0, 0.7))).toBeCloseTo(logZ(isolated), 13);
    expect(logZ(eliminateRefinedUpper(isolated, 0, -0.7))).toBeCloseTo(logZ(isolated), 13);
    const leaf = boltzmannMachine(
      [-2, 0.4, 1],
      [
        [0, 1, 4],
        [1, 2, -1],
      ],
    );
    expect(logZ(eliminateRefinedUpper(leaf, 0, 2))).toBeCloseTo(logZ(leaf), 13);
  });
});

describe("every single elimination", () => {
  it("keeps the order of the other variables", () => {
    const model = boltzmannMachine([10, 20, 30, 40], [[2, 3, 7]]);
    for (const reduced of [
      eliminateFactorisedLower(model, 1, 0.5),
      eliminateFactorisedUpper(model, 1, []),
      eliminateRefinedUpper(model, 1, 1),
    ]) {
      expect([...reduced.biases]).toEqual([10, 30, 40]);
      expect([reduced.edgeSources[0], reduced.edgeTargets[0], reduced.weights[0]]).toEqual([1, 2, 7]);
    }
  });

  it("says what is wrong with its arguments", () => {
    const model = boltzmannMachine([0, 0], [[0, 1, 1]]);
    expect(() => eliminateFactorisedLower(model, 0, 1.5)).toThrow(/mu must lie in \[0, 1\], got 1.5/);
    expect(() => eliminateFactorisedLower(model, 2, 0.5)).toThrow(/no variable 2, expected 0 to 1/);
    expect(() => eliminateFactorisedUpper(model, 0, [0.5, 0.5])).toThrow(/q must be 1 non-negative numbers of sum 1/);
    expect(() => eliminateFactorisedUpper(model, 0, [0.9])).toThrow(/one a neighbour of variable 0 \(1\), got \[0.9\]/);
    expect(() => eliminateRefinedUpper(model, 0, NaN)).toThrow(/xi must be a finite number/);
  });
});
