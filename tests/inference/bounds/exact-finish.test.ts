import { describe, expect, it } from "vitest";
import { openGrid } from "../../../src/graph/generators/grid.ts";
import { Random } from "../../../src/graph/random.ts";
import { boltzmannMachine, toBoltzmann, type BoltzmannMachine } from "../../../src/graph/pairwise.ts";
import { createExactFinish } from "../../../src/inference/bounds/exact-finish.ts";
import { enumerate } from "../../../src/inference/exact/enumeration.ts";
import { junctionTree } from "../../../src/inference/exact/junction-tree.ts";
import { randomPairwise } from "../pairwise-models.ts";

function restOf({ numVariables, edgeSources, edgeTargets }: BoltzmannMachine) {
  return { numVariables, sources: edgeSources, targets: edgeTargets };
}

describe("createExactFinish", () => {
  it("agrees with enumeration on thousands of models, weights of 6 and of 300, run after run on one graph", () => {
    for (let seed = 0; seed < 700; seed++) {
      const random = Random.fromSeed(seed).split("finish");
      const model = toBoltzmann(randomPairwise(seed, { numVariables: random.integer(11) }));
      const finish = createExactFinish(restOf(model));
      for (const scale of [1, seed % 10 === 0 ? 50 : 0.3]) {
        const scaled = boltzmannMachine(
          model.biases.map((bias) => scale * bias),
          Array.from(model.weights, (weight, edge) => [
            model.edgeSources[edge],
            model.edgeTargets[edge],
            scale * weight,
          ]),
        );
        const exact = enumerate(scaled);
        const shifted = new Float64Array(model.numVariables + 2);
        shifted.set(scaled.biases, 2);
        expect(Math.abs(finish.run(shifted, 2, scaled.weights) - exact.logZ!)).toBeLessThan(
          1e-11 * (1 + Math.abs(exact.logZ!)),
        );
        finish.means.forEach((mean, i) => expect(mean).toBeCloseTo(exact.marginals!.of(i)[1], 10));
        finish.pairMeans.forEach((mean, edge) => expect(mean).toBeCloseTo(exact.factorMarginals!.of(edge)[3], 10));
      }
    }
  });

  it("agrees with the junction tree where cliques are larger than a block of its index tables", () => {
    const { edges } = openGrid(13, 13);
    const random = Random.fromSeed(3);
    const model = boltzmannMachine(
      Float64Array.from({ length: 169 }, () => random.uniform(-1, 1)),
      Array.from({ length: edges.length / 2 }, (_, k) => [edges[2 * k], edges[2 * k + 1], random.uniform(-2, 2)]),
    );
    const finish = createExactFinish(restOf(model));
    const exact = junctionTree(model, { map: false });
    expect(finish.width).toBeGreaterThan(11);
    expect(finish.run(model.biases, 0, model.weights)).toBeCloseTo(exact.logZ!, 8);
    finish.means.forEach((mean, i) => expect(mean).toBeCloseTo(exact.marginals!.of(i)[1], 9));
    finish.pairMeans.forEach((mean, edge) => expect(mean).toBeCloseTo(exact.factorMarginals!.of(edge)[3], 9));
  });

  it("refuses what neither a junction tree nor enumeration can do, saying how large it would be", () => {
    const edges = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: i }, (_, j): [number, number, number] => [j, i, 1]),
    );
    expect(() => createExactFinish(restOf(boltzmannMachine(new Float64Array(40), edges.flat())))).toThrow(
      /40 variables remain .* 2\^4\d\.\d entries \(limit 2\^23, or 25 variables\).*exactWidth=12/,
    );
  });
});
