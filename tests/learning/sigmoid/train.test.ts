import { describe, expect, it } from "vitest";
import { Random } from "../../../src/graph/random.ts";
import { chainLikelihood } from "../../../src/inference/bounds/chain-likelihood.ts";
import { binaryDigits } from "../../../src/papers/jaakkola1996/digits.ts";
import { posteriorOf, posteriors, type SigmoidParameters } from "../../../src/learning/sigmoid/posterior.ts";
import { meanLogLikelihood, sigmoidChain, trainSigmoidNetwork } from "../../../src/learning/sigmoid/train.ts";

function randomParameters(seed: number, numHidden: number, numVisible: number): SigmoidParameters {
  const random = Random.fromSeed(seed);
  const values = Float64Array.from({ length: numHidden + numVisible + numHidden * numVisible }, () => random.normal());
  return { numHidden, numVisible, values };
}
const visibleOf = (seed: number, count: number): Uint8Array => {
  const random = Random.fromSeed(seed).split("visible");
  return Uint8Array.from({ length: count }, () => random.integer(2));
};

describe("posteriorOf", () => {
  it("exact is the likelihood of the chain graph, and the bounds are below it", () => {
    for (let seed = 0; seed < 100; seed++) {
      const parameters = randomParameters(seed, 1 + (seed % 4), 6);
      const visible = visibleOf(seed, 6);
      const value = (name: (typeof posteriors)[number]) => meanLogLikelihood(visible, parameters, name);
      const evidence = new Map(Array.from(visible, (state, i) => [parameters.numHidden + i, state]));
      const { lower, upper } = chainLikelihood(sigmoidChain(parameters), evidence);
      expect(value("exact")).toBeGreaterThanOrEqual(lower - 1e-9);
      expect(value("exact")).toBeLessThanOrEqual(upper + 1e-9);
      expect(value("bound")).toBeLessThanOrEqual(value("exact") + 1e-9);
      expect(value("mean-field")).toBeLessThanOrEqual(value("exact") + 1e-9);
    }
  });

  it("the quadratic bound is what the chain graph's lower bound finds, up to local optima", () => {
    let difference = 0;
    for (let seed = 0; seed < 30; seed++) {
      const parameters = randomParameters(seed, 4, 8);
      const visible = visibleOf(seed, 8);
      const evidence = new Map(Array.from(visible, (state, i) => [4 + i, state]));
      const { lower } = chainLikelihood(sigmoidChain(parameters), evidence, { exactWidth: 0 });
      difference += Math.abs(lower - meanLogLikelihood(visible, parameters, "bound")) / 30;
    }
    expect(difference).toBeLessThan(0.02);
  });

  it.each(posteriors)("%s has the gradient of its value", (name) => {
    const parameters = randomParameters(3, 3, 5);
    const visible = visibleOf(3, 5);
    const posterior = posteriorOf(name, 3, 5);
    const gradient = new Float64Array(parameters.values.length);
    posterior(visible, parameters, gradient);
    for (let k = 0; k < gradient.length; k++) {
      const at = (step: number) =>
        posterior(
          visible,
          { ...parameters, values: parameters.values.with(k, parameters.values[k] + step) },
          gradient.slice(),
        );
      // To three digits: the variational parameters are at their best to about 1e-5 only.
      expect(gradient[k]).toBeCloseTo((at(1e-3) - at(-1e-3)) / 2e-3, 3);
    }
  });

  it("refuses what it cannot do", () => {
    expect(() => posteriorOf("exact", 17, 5)).toThrow(/at most 16, got K = 17/);
    expect(() => posteriorOf("best" as "exact", 2, 5)).toThrow(/accepted: bound, mean-field, exact/);
  });
});

describe("trainSigmoidNetwork", () => {
  it("draws digits that repeat with the seed", () => {
    expect(binaryDigits(20, Random.fromSeed(1))).toEqual(binaryDigits(20, Random.fromSeed(1)));
    expect(
      binaryDigits(10, Random.fromSeed(1), 0)
        .slice(0, 64)
        .reduce((a, b) => a + b),
    ).toBe(16);
  });

  it.each(posteriors)("%s: raises its objective and the exact likelihood", (method) => {
    const data = binaryDigits(40, Random.fromSeed(2));
    const options = { method, numHidden: 4, learningRate: 0.05, random: Random.fromSeed(3) };
    const before = trainSigmoidNetwork(data, 64, { ...options, epochs: 0 });
    const after = trainSigmoidNetwork(data, 64, { ...options, random: Random.fromSeed(3), epochs: 40 });
    expect(after.objective.at(-1)! - after.objective[0]).toBeGreaterThan(3);
    const exact = (trained: typeof after) => meanLogLikelihood(data, trained.parameters, "exact");
    expect(exact(after) - exact(before)).toBeGreaterThan(3);
    expect(meanLogLikelihood(data, after.parameters, method)).toBeLessThanOrEqual(exact(after) + 1e-9);
  });

  it("refuses data that is no whole number of vectors", () => {
    const options = {
      method: "bound",
      numHidden: 2,
      epochs: 1,
      learningRate: 0.1,
      random: Random.fromSeed(1),
    } as const;
    expect(() => trainSigmoidNetwork(new Uint8Array(65), 64, options)).toThrow(/whole vectors of 64 numbers, got 65/);
  });
});
