import { describe, expect, it } from "vitest";
import { boltzmannMachine, isingModel, logPotential, toIsing, type WeightedEdge } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { naive, randomPairwise } from "../pairwise-models.ts";

describe("enumerate", () => {
  it("equals direct summation: ln Z, single and pair marginals, MAP, for both kinds", () => {
    for (let seed = 0; seed < 300; seed++) {
      const model = randomPairwise(seed);
      const expected = naive(model);
      const result = enumerate(model, { pairs: "all" });
      const n = model.numVariables;
      expect(result.bound).toBe("exact");
      expect(Math.abs(result.logZ! - expected.logZ)).toBeLessThan(1e-12 * (1 + Math.abs(expected.logZ)));
      expect(Math.abs(result.map!.score - expected.best)).toBeLessThan(1e-11);
      expect(result.map!.score).toBe(logPotential(model, result.map!.states));
      let pair = 0;
      for (let i = 0; i < n; i++) {
        for (const a of [0, 1])
          expect(result.marginals!.of(i)[a]).toBeCloseTo(
            expected.probability((s) => s[i] === a),
            12,
          );
        for (let j = i + 1; j < n; j++, pair++)
          for (let state = 0; state < 4; state++)
            expect(result.pairMarginals!.of(pair)[state]).toBeCloseTo(
              expected.probability((s) => 2 * s[i] + s[j] === state),
              12,
            );
      }
      expect(result.pairMarginals!.length).toBe(pair);
      for (let edge = 0; edge < model.numEdges; edge++)
        for (let state = 0; state < 4; state++)
          expect(result.factorMarginals!.of(edge)[state]).toBeCloseTo(
            expected.probability((s) => 2 * s[model.edgeSources[edge]] + s[model.edgeTargets[edge]] === state),
            12,
          );
    }
  });

  it("equals direct summation across the border between low and high blocks (n = 9 ... 14)", () => {
    for (let n = 9; n <= 14; n++) {
      const model = randomPairwise(n, { numVariables: n, edgeProbability: 1, maxWeight: 2 });
      const expected = naive(model);
      const result = enumerate(model);
      expect(Math.abs(result.logZ! - expected.logZ)).toBeLessThan(1e-12 * (1 + Math.abs(expected.logZ)));
      for (const edge of [0, n - 2, n, model.numEdges - 1])
        for (let state = 0; state < 4; state++)
          expect(result.factorMarginals!.of(edge)[state]).toBeCloseTo(
            expected.probability((s) => 2 * s[model.edgeSources[edge]] + s[model.edgeTargets[edge]] === state),
            12,
          );
    }
  });

  it("stays exact for weights in the hundreds", () => {
    for (let seed = 0; seed < 40; seed++) {
      const model = randomPairwise(seed, { numVariables: 12, edgeProbability: 1, maxWeight: 500, maxBias: 500 });
      const expected = naive(model);
      const result = enumerate(model);
      expect(Math.abs(result.logZ! - expected.logZ)).toBeLessThan(1e-12 * Math.abs(expected.logZ));
      for (let i = 0; i < 12; i++)
        expect(Math.abs(result.marginals!.of(i)[1] - expected.probability((s) => s[i] === 1))).toBeLessThan(1e-9);
    }
  });

  it("keeps tiny probabilities to full relative accuracy", () => {
    const result = enumerate(boltzmannMachine([-300, 300], [[0, 1, 5]]));
    expect(result.marginals!.of(0)[1] / Math.exp(-295)).toBeCloseTo(1, 12);
    expect(result.marginals!.of(1)[0] / Math.exp(-300)).toBeCloseTo(1, 12);
    expect(result.factorMarginals!.of(0)[2] / Math.exp(-600)).toBeCloseTo(1, 12);
  });

  it("equals the transfer matrix on a chain of 20, whose variables interleave the blocks", () => {
    const random = Random.fromSeed(11);
    const n = 20;
    const biases = Array.from({ length: n }, () => random.normal());
    // A chain through shuffled variables, so that low and high blocks interleave.
    const path = random.permutation(n);
    const edges = Array.from({ length: n - 1 }, (_, k): WeightedEdge => [path[k], path[k + 1], random.normal(0, 3)]);
    let messages = [1, 1];
    let logScale = 0;
    for (let k = n - 1; k >= 0; k--) {
      const weight = k > 0 ? edges[k - 1][2] : 0;
      const [zero, one] = [messages[0], messages[1] * Math.exp(biases[path[k]])];
      messages = [zero + one, zero + one * Math.exp(weight)];
      logScale += Math.log(messages[0]);
      messages = [1, messages[1] / messages[0]];
    }
    const result = enumerate(boltzmannMachine(biases, edges));
    expect(result.logZ).toBeCloseTo(logScale, 11);
  });

  it("gives independent variables their own distributions and finds the MAP of a large model", () => {
    const biases = Array.from({ length: 21 }, (_, i) => ((i * 7) % 11) - 5.5);
    const result = enumerate(boltzmannMachine(biases));
    const logZ = biases.reduce((sum, bias) => sum + Math.log1p(Math.exp(bias)), 0);
    expect(result.logZ).toBeCloseTo(logZ, 10);
    expect([...result.map!.states]).toEqual(biases.map((bias) => (bias > 0 ? 1 : 0)));
    biases.forEach((bias, i) => expect(result.marginals!.of(i)[1]).toBeCloseTo(1 / (1 + Math.exp(-bias)), 12));
  });

  it("takes models without variables or edges, and carries the constant", () => {
    const empty = enumerate(boltzmannMachine([], [], -4));
    expect(empty.logZ).toBe(-4);
    expect(empty.marginals!.length).toBe(0);
    expect(empty.map!.score).toBe(-4);
    expect(enumerate(isingModel([0, 0], [], 1)).logZ).toBeCloseTo(1 + 2 * Math.log(2), 14);
  });

  it("gives an Ising model and its Boltzmann machine the same answer", () => {
    const boltzmann = randomPairwise(3, { kind: "boltzmann", numVariables: 11, edgeProbability: 0.7 });
    const [a, b] = [enumerate(boltzmann), enumerate(toIsing(boltzmann))];
    expect(a.logZ).toBeCloseTo(b.logZ!, 11);
    a.factorMarginals!.values.forEach((p, k) => expect(p).toBeCloseTo(b.factorMarginals!.values[k], 11));
  });

  it("refuses more than 25 variables, saying why and what to do instead", () => {
    const refused = (): unknown => enumerate(boltzmannMachine(new Float64Array(40)));
    expect(refused).toThrow(RangeError);
    expect(refused).toThrow(/2\^40 .* more than the limit of 2\^25.*Use the bounds/s);
  });

  it("refuses unknown options with the accepted list", () => {
    const model = boltzmannMachine([0]);
    expect(() => enumerate(model, { pairs: "some" as "all" })).toThrow(
      /option pairs: .*pairs=edges\|all \(default edges\)/,
    );
    expect(() => enumerate(model, { pair: "all" } as object)).toThrow(/unknown option pair.*Accepted options: pairs=/);
  });
});
