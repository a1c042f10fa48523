import { describe, expect, it } from "vitest";
import { Random } from "../../src/graph/random.ts";

function moments(draw: () => number, count: number): { mean: number; variance: number; skewness: number } {
  const draws = Array.from({ length: count }, draw);
  const mean = draws.reduce((sum, x) => sum + x, 0) / count;
  const central = (power: number): number => draws.reduce((sum, x) => sum + (x - mean) ** power, 0) / count;
  return { mean, variance: central(2), skewness: central(3) / central(2) ** 1.5 };
}

describe("Random", () => {
  it("gives the same numbers for the same seed on every machine", () => {
    const random = Random.fromSeed(42);
    expect([random.uniform(), random.uniform(), random.uniform()]).toEqual([
      0.043192556990236275, 0.8778708967781841, 0.3347281781765248,
    ]);
    expect([random.normal(), random.normal()]).toEqual([-0.5977722837976467, 0.3061708623528725]);
    expect(Array.from({ length: 8 }, () => random.integer(10))).toEqual([9, 6, 2, 7, 6, 2, 5, 7]);
    expect([...random.permutation(8)]).toEqual([7, 2, 5, 1, 0, 3, 6, 4]);
    expect(Random.fromSeed(42).split("weights", 3).uniform()).toBe(0.013181101535319817);
    expect(Random.fromSeed(-1).uniform()).toBe(0.15979223032637102);
  });

  it("splits independently of what was drawn, and drawing is independent of splits", () => {
    const [fresh, used] = [Random.fromSeed(7), Random.fromSeed(7)];
    for (let i = 0; i < 100; i++) used.uniform();
    expect(used.split("a").uniform()).toBe(fresh.split("a").uniform());
    const [plain, splitting] = [Random.fromSeed(7), Random.fromSeed(7)];
    splitting.split("a").uniform();
    expect(splitting.uniform()).toBe(plain.uniform());
  });

  it("tells labels apart by type and value, and nests: split(a, b) is split(a).split(b)", () => {
    const root = Random.fromSeed(0);
    const labels: [string | number, ...(string | number)[]][] = [
      [3],
      ["3"],
      [1, 2],
      [12],
      ["1/2"],
      ['1"/"2'],
      ["1", "2"],
    ];
    expect(new Set(labels.map((label) => root.split(...label).uniform())).size).toBe(labels.length);
    expect(root.split("a", 1).uniform()).toBe(root.split("a").split(1).uniform());
  });

  it("gives uncorrelated streams for neighbouring labels and seeds", () => {
    const root = Random.fromSeed(1);
    const pairs = Array.from({ length: 20_000 }, (_, i) => [root.split(i).uniform(), root.split(i + 1).uniform()]);
    const correlation = pairs.reduce((sum, [a, b]) => sum + (a - 0.5) * (b - 0.5), 0) / pairs.length / (1 / 12);
    expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(pairs.length));
  });

  it("draws uniform numbers with the moments of the uniform distribution, in range", () => {
    const random = Random.fromSeed(2);
    const { mean, variance, skewness } = moments(() => random.uniform(), 200_000);
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / 200_000));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / 200_000));
    expect(Math.abs(skewness)).toBeLessThan(0.02);
    for (let i = 0; i < 10_000; i++) {
      const x = random.uniform(-3, -1);
      expect(x >= -3 && x < -1).toBe(true);
    }
  });

  it("draws normal numbers with the moments of the normal distribution", () => {
    const random = Random.fromSeed(3);
    const { mean, variance, skewness } = moments(() => random.normal(5, 2), 200_000);
    expect(Math.abs(mean - 5)).toBeLessThan((4 * 2) / Math.sqrt(200_000));
    expect(Math.abs(variance - 4)).toBeLessThan(4 * 4 * Math.sqrt(2 / 200_000));
    expect(Math.abs(skewness)).toBeLessThan(4 * Math.sqrt(6 / 200_000));
  });

  it("draws each integer of a range equally often and nothing else", () => {
    const random = Random.fromSeed(4);
    const counts = new Float64Array(7);
    for (let i = 0; i < 70_000; i++) counts[random.integer(7)]++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(22.5); // 6 degrees of freedom, p = .001
    expect(random.integer(1)).toBe(0);
  });

  it("shuffles every order equally often", () => {
    const random = Random.fromSeed(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(49.7); // 23 degrees of freedom, p = .001
  });

  it("draws true with the given probability", () => {
    const random = Random.fromSeed(6);
    const share = Array.from({ length: 40_000 }, () => random.bernoulli(0.2)).filter(Boolean).length / 40_000;
    expect(Math.abs(share - 0.2)).toBeLessThan(4 * Math.sqrt(0.16 / 40_000));
    expect(random.bernoulli(0)).toBe(false);
    expect(random.bernoulli(1)).toBe(true);
  });

  it("refuses seeds and counts that are no integers in range", () => {
    for (const seed of [0.5, NaN, Infinity, 2 ** 60])
      expect(() => Random.fromSeed(seed)).toThrow(/seed must be a safe integer/);
    for (const count of [0, -1, 1.5, NaN]) expect(() => Random.fromSeed(0).integer(count)).toThrow(/count must be/);
  });
});
