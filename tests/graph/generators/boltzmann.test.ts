import { describe, expect, it } from "vitest";
import { fullyConnectedBoltzmann, randomBoltzmann } from "../../../src/graph/generators/boltzmann.ts";
import { Random } from "../../../src/graph/random.ts";

describe("fullyConnectedBoltzmann", () => {
  it("joins every pair with weights uniform in [-d, d) and no biases", () => {
    const model = fullyConnectedBoltzmann(128, 0.25, Random.fromSeed(1));
    expect(model.numEdges).toBe((128 * 127) / 2);
    expect(model.biases.every((bias) => bias === 0)).toBe(true);
    expect(model.weights.every((weight) => weight >= -0.25 && weight < 0.25)).toBe(true);
    const variance = model.weights.reduce((sum, weight) => sum + weight * weight, 0) / model.numEdges;
    expect(variance / (0.25 ** 2 / 3)).toBeCloseTo(1, 1);
  });

  it("scales with d: the same seed gives the same network, larger", () => {
    const [one, two] = [1, 2].map((d) => fullyConnectedBoltzmann(8, d, Random.fromSeed(5)));
    one.weights.forEach((weight, edge) => expect(two.weights[edge]).toBeCloseTo(2 * weight, 14));
  });

  it("takes given biases, or draws them up to a magnitude", () => {
    expect([...fullyConnectedBoltzmann(3, 1, Random.fromSeed(1), [1, 2, 3]).biases]).toEqual([1, 2, 3]);
    const drawn = fullyConnectedBoltzmann(50, 1, Random.fromSeed(1), 2).biases;
    expect(Math.max(...drawn.map(Math.abs))).toBeGreaterThan(1);
    expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(2);
  });
});

describe("randomBoltzmann", () => {
  it("keeps about the given share of pairs; a smaller share keeps a subset with the same weights", () => {
    const [dense, sparse] = [1, 0.3].map((p) => randomBoltzmann(80, p, 1, Random.fromSeed(2)));
    expect(Math.abs(sparse.numEdges / dense.numEdges - 0.3)).toBeLessThan(0.04);
    const weights = new Set(dense.weights);
    expect(sparse.weights.every((weight) => weights.has(weight))).toBe(true);
    expect(randomBoltzmann(5, 0, 1, Random.fromSeed(2)).numEdges).toBe(0);
  });

  it("refuses sizes, probabilities and magnitudes out of range", () => {
    const random = Random.fromSeed(0);
    expect(() => randomBoltzmann(-1, 1, 1, random)).toThrow(/number of variables/);
    expect(() => randomBoltzmann(3, 1.5, 1, random)).toThrow(/edge probability must lie in \[0, 1\], got 1.5/);
    expect(() => randomBoltzmann(3, 1, NaN, random)).toThrow(/largest weight must be finite/);
    expect(() => randomBoltzmann(3, 1, 1, random, [1])).toThrow(/expected 3 biases, got 1/);
  });
});
