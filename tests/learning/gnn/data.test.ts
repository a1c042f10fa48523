import { describe, expect, it } from "vitest";
import { structuredFamilies } from "../../../src/graph/generators/structured.ts";
import { logPotential } from "../../../src/graph/pairwise.ts";
import { Random } from "../../../src/graph/random.ts";
import { randomGraphExamples, structuredExamples } from "../../../src/learning/gnn/data.ts";
import { paperRandom } from "../../../src/papers/yoon2018/networks.ts";

describe("structuredExamples", () => {
  it("are 1300, 260 and 130 models of 9 variables, by family", () => {
    const counts = (["training", "validation", "test"] as const).map((split) => {
      const examples = structuredExamples(split, 9, paperRandom());
      expect([...new Set(examples.map(({ graph }) => graph))]).toEqual(structuredFamilies);
      expect(examples.every(({ model }) => model.numVariables === 9)).toBe(true);
      return examples.length;
    });
    expect(counts).toEqual([1300, 260, 130]);
  });

  it("are the same for the same seed, differ between splits, and do not depend on how many are drawn", () => {
    const draw = (split: "training" | "test", count: number) => structuredExamples(split, 5, Random.fromSeed(1), count);
    expect(draw("test", 2)).toEqual(draw("test", 2));
    expect(draw("test", 3).filter((_, i) => i % 3 < 2)).toEqual(draw("test", 2));
    expect(draw("test", 2)[4].model.weights).not.toEqual(draw("training", 2)[4].model.weights);
  });

  it("carry exact marginals and the most probable state", () => {
    for (const { model, probabilities, mapStates } of structuredExamples("test", 5, Random.fromSeed(2), 1)) {
      const states = Array.from({ length: 32 }, (_, s) => Array.from({ length: 5 }, (_unused, i) => (s >> i) & 1));
      const scores = states.map((state) => logPotential(model, state));
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      probabilities.forEach((p, i) => {
        const wanted = states.reduce((sum, state, s) => sum + (state[i] ? Math.exp(scores[s]) / total : 0), 0);
        expect(p).toBeCloseTo(wanted, 12);
      });
      expect(logPotential(model, mapStates)).toBeCloseTo(Math.max(...scores), 12);
    }
  });

  it("have couplings of deviation 1 and biases of deviation 1/4", () => {
    const all = structuredExamples("training", 9, paperRandom());
    const deviation = (values: number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    expect(deviation(all.flatMap(({ model }) => [...model.weights]))).toBeCloseTo(1, 1);
    expect(deviation(all.flatMap(({ model }) => [...model.biases]))).toBeCloseTo(0.25, 2);
  });
});

describe("randomGraphExamples", () => {
  it("get denser with q", () => {
    const examples = randomGraphExamples("test", 9, paperRandom(), 20);
    const edges = Array.from({ length: 9 }, (_, k) =>
      examples.slice(20 * k, 20 * (k + 1)).reduce((sum, { model }) => sum + model.numEdges, 0),
    );
    expect(edges).toEqual([...edges].sort((a, b) => a - b));
    expect(edges[8] / 20).toBeCloseTo(0.9 * 36, 0);
  });
});
