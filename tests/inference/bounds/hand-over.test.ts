import { describe, expect, it } from "vitest";
import { fullyConnectedBoltzmann, randomBoltzmann } from "../../../src/graph/generators/boltzmann.ts";
import { boltzmannMachine, toBoltzmann } from "../../../src/graph/pairwise.ts";
import { toFactorGraph } from "../../../src/graph/convert.ts";
import { Random } from "../../../src/graph/random.ts";
import { greeds, handOverByFillIn, handOverByRemoval } from "../../../src/inference/bounds/hand-over.ts";
import { recursiveBound, type RecursiveBoundName } from "../../../src/inference/bounds/recursion.ts";
import { eliminationOrder } from "../../../src/inference/exact/elimination-order.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { randomPairwise } from "../pairwise-models.ts";

const names: readonly RecursiveBoundName[] = ["factorised-lower", "factorised-upper", "refined-upper"];

function widthWithout(model: ReturnType<typeof toBoltzmann>, eliminated: Int32Array): number {
  const gone = new Set(eliminated);
  const edges = Array.from(model.weights, (_, edge): [number, number, number] => [
    model.edgeSources[edge],
    model.edgeTargets[edge],
    1,
  ]).filter(([i, j], edge) => model.weights[edge] !== 0 && !gone.has(i) && !gone.has(j));
  return eliminationOrder(toFactorGraph(boltzmannMachine(new Float64Array(model.numVariables), edges))).width;
}

describe("hand-over", () => {
  it("by removal leaves treewidth <= k and removes nothing from a model that has it", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = Random.fromSeed(seed);
      const model = randomBoltzmann(20, [0.1, 0.2, 0.5, 1][seed % 4], 2, random, 1);
      for (const width of [0, 1, 2, 4, 7])
        for (const greed of greeds)
          expect(widthWithout(model, handOverByRemoval(model, width, greed))).toBeLessThanOrEqual(width);
      expect(handOverByRemoval(model, 19, 1)).toHaveLength(0);
      expect(handOverByFillIn(model, 19, 1)).toHaveLength(0);
    }
  });

  it("of a complete graph leaves exactly k + 1 variables", () => {
    const model = fullyConnectedBoltzmann(12, 1, Random.fromSeed(1));
    for (const search of [handOverByRemoval, handOverByFillIn]) expect(search(model, 3, 1)).toHaveLength(8);
  });

  it("spares a tree that hangs on a dense core", () => {
    const core = fullyConnectedBoltzmann(6, 1, Random.fromSeed(1));
    const edges = Array.from(core.weights, (weight, edge): [number, number, number] => [
      core.edgeSources[edge],
      core.edgeTargets[edge],
      weight,
    ]);
    const model = boltzmannMachine(new Float64Array(20), [
      ...edges,
      ...Array.from({ length: 14 }, (_, k): [number, number, number] => [5 + k, 6 + k, 1]),
    ]);
    for (const search of [handOverByRemoval, handOverByFillIn])
      expect(Math.max(...search(model, 2, 1))).toBeLessThan(6);
  });
});

describe.each(names)("recursiveBound %s with exactWidth", (bound) => {
  it("is on the right side of ln Z on hundreds of models, and exact as soon as the model has that treewidth", () => {
    const sign = bound === "factorised-lower" ? -1 : 1;
    for (let seed = 0; seed < 700; seed++) {
      const random = Random.fromSeed(seed).split("width");
      const model = randomPairwise(seed, { numVariables: random.integer(11) });
      const exact = enumerate(model).logZ!;
      const exactWidth = random.integer(6);
      const { logZ, elimination } = recursiveBound(model, { bound, exactWidth, maxIterations: 40, restarts: 0 });
      const tolerance = 1e-9 * (1 + Math.abs(exact));
      expect(sign * (logZ - exact)).toBeGreaterThanOrEqual(-tolerance);
      if (widthWithout(toBoltzmann(model), Int32Array.of()) <= 1 && exactWidth >= 1)
        expect(elimination.order).toHaveLength(0);
      if (elimination.order.length === 0) expect(Math.abs(logZ - exact)).toBeLessThan(tolerance);
    }
  });

  it("is tighter on average the wider the exact rest", () => {
    const errors = [0, 2, 4, 6].map((exactWidth) => {
      let total = 0;
      for (let seed = 0; seed < 20; seed++) {
        const model = randomBoltzmann(16, 0.4, 2, Random.fromSeed(seed), 1);
        total += Math.abs(recursiveBound(model, { bound, exactWidth }).logZ - enumerate(model).logZ!);
      }
      return total;
    });
    errors.slice(1).forEach((error, k) => expect(error).toBeLessThan(errors[k]));
  });
});
